"""Alpha and kappa of raters: those of the library, on the steps that the scale has."""

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.agreement import krippendorff_alpha, weighted_kappa
from emoclip_clinic.reporting.analysis.rater_steps import step_rows
from emoclip_clinic.study.report_settings import ReportSettings

QUICK = ReportSettings(resamples=100)
STEPS = [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture
def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 6, size=30)
    frame = pd.DataFrame({name: np.clip(truth + rng.integers(-1, 2, size=30), 1, 5) for name in "abc"})
    return frame.astype(float).mask(rng.random(frame.shape) < 0.1)


def test_with_steps_there_is_the_ordinal_alpha_and_the_kappa_of_every_pair(ratings: pd.DataFrame) -> None:
    found = step_rows(ratings, codes=np.arange(30), steps=STEPS, settings=QUICK).set_index("statistic")[
        "estimate"
    ]
    assert list(found.index) == [
        "Krippendorff's alpha (interval)",
        "Krippendorff's alpha (ordinal)",
        *(f"quadratic weighted kappa, {pair[0]} and {pair[1]}" for pair in ("ab", "ac", "bc")),
    ]
    for level in ("interval", "ordinal"):
        alpha = krippendorff_alpha(ratings, level=level, n_resamples=0)["estimate"].iloc[0]
        assert found[f"Krippendorff's alpha ({level})"] == alpha
    kappa = weighted_kappa(ratings["a"], ratings["c"], categories=STEPS)["estimate"].iloc[0]
    assert found["quadratic weighted kappa, a and c"] == kappa


def test_without_steps_only_what_needs_none(ratings: pd.DataFrame) -> None:
    found = step_rows(ratings, codes=np.arange(30), steps=None, settings=QUICK)
    assert found["statistic"].tolist() == ["Krippendorff's alpha (interval)"]


def test_one_rater_gives_no_rows(ratings: pd.DataFrame) -> None:
    assert step_rows(ratings[["a"]], codes=np.arange(30), steps=STEPS, settings=QUICK).empty
    alone = ratings.assign(b=np.nan, c=np.nan)
    assert step_rows(alone, codes=np.arange(30), steps=STEPS, settings=QUICK).empty
