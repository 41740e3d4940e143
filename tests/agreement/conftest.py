"""Small data sets from the literature, given in full so that the tests stand on their own."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def shrout_fleiss() -> pd.DataFrame:
    """Shrout & Fleiss 1979, table 2: six subjects, four judges."""
    rows = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    return pd.DataFrame(rows, columns=["J1", "J2", "J3", "J4"], dtype=float)


@pytest.fixture
def peak_flow() -> pd.DataFrame:
    """Bland & Altman 1986: peak expiratory flow (l/min) of 17 subjects, large and mini Wright meter."""
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    return pd.DataFrame({"wright": wright, "mini": mini}, dtype=float)


@pytest.fixture
def four_observers() -> pd.DataFrame:
    """Krippendorff 2011: twelve units, four observers, missing cells."""
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3]
    c = [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan]
    return pd.DataFrame({"A": a, "B": b, "C": c, "D": d})


@pytest.fixture
def sessions() -> pd.DataFrame:
    """Forty participants with one to four sessions: ratings 1 to 7, predictions that follow them."""
    generator = np.random.default_rng(7)
    participant = np.repeat(np.arange(40), generator.integers(1, 5, 40))
    level = generator.normal(4, 1.2, 40)[participant]
    rating = np.clip(np.round(level + generator.normal(0, 0.8, participant.size)), 1, 7)
    prediction = 2 + 0.5 * rating + generator.normal(0, 0.4, 40)[participant]
    prediction += generator.normal(0, 0.5, participant.size)
    labels = [f"sub-{number:02d}" for number in participant]
    return pd.DataFrame({"participant_id": labels, "rating": rating, "prediction": prediction})
