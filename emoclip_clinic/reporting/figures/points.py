"""Points of one item for drawing: who is drawn how, and the jitter that separates ties."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.reporting.figures.drawing.canvas import MARKERS, Canvas, Floats, Marker
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.figure import Measure
from emoclip_clinic.reporting.figures.style import POINT_OPACITY, Role
from emoclip_clinic.reporting.figures.values import counted, finite_rows, text_of
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["Series", "domain", "draw_series", "jitter", "jitter_text", "pairs_of", "people_text", "series_of"]

_ROLES: tuple[Role, ...] = ("model", "human", "third", "line")
_MOST_GROUPS = len(_ROLES)
_FEW_STEPS = 10  # an item; a sum of items has more
_FILLED = 0.5
_SHARE = 0.16  # of the distance between neighbouring ratings, to either side


@dataclass(frozen=True)
class Series:
    """Rows that share one mark."""

    label: str
    role: Role
    marker: Marker
    rows: NDArray[np.intp]


def pairs_of(pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the pairs that have both a rating and a prediction."""
    return finite_rows(pairs, "rating", "prediction")


def people_text(pairs: pd.DataFrame) -> str:
    """Write how many sessions of how many participants there are."""
    sessions = counted(len(pairs), "session")
    if "participant_id" not in pairs:
        return sessions
    return f"{sessions} of {counted(int(pairs['participant_id'].nunique()), 'participant')}"


def series_of(pairs: pd.DataFrame) -> list[Series]:
    """Split rows by the column ``group`` where it has two to four values; else all rows are one series."""
    everybody = np.arange(len(pairs), dtype=np.intp)
    if "group" not in pairs or not len(pairs):
        return [Series("", "model", "circle", everybody)]
    labels = np.array([text_of(value, missing="group not known") for value in pairs["group"]], dtype=object)
    levels = sorted(set(labels))
    if not 2 <= len(levels) <= _MOST_GROUPS:
        return [Series("", "model", "circle", everybody)]
    return [
        Series(level, role, marker, np.flatnonzero(labels == level))
        for level, role, marker in zip(levels, _ROLES, MARKERS, strict=False)
    ]


def draw_series(
    canvas: Canvas, panel: Panel, series: list[Series], *, x: Floats, y: Floats, part: str
) -> None:
    """Draw the points of every series into one group."""
    with canvas.group(part):
        for one in series:
            canvas.points(
                panel.x.at(x[one.rows]),
                panel.y.at(y[one.rows]),
                role=one.role,
                marker=one.marker,
                opacity=POINT_OPACITY if len(x) > 1 else 1.0,
            )


def jitter(values: Floats, *, seed: int, most: float | None = None) -> tuple[Floats, float]:
    """Move tied values apart by small random amounts.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite values.
    seed : int
        Seed of the random amounts.
    most : float, optional
        Largest amount; by default 16 % of the least distance between different values (of 1 if all are
        equal).

    Returns
    -------
    moved : ndarray of shape (n,)
        The values themselves if none are tied.
    most : float
        The largest amount that was possible; 0 if none are tied.
    """
    distinct = np.unique(values)
    if distinct.size == values.size:
        return values, 0.0
    if most is None:
        gaps = np.diff(distinct)
        most = _SHARE * (float(gaps[gaps > 1e-9].min(initial=np.inf)) if gaps.size else 1.0)
        most = _SHARE if not np.isfinite(most) else most
    moved = values + np.random.default_rng(seed).uniform(-most, most, size=values.size)
    return np.asarray(moved, dtype=np.float64), most


def jitter_text(what: str, most: float, *, unit: str, seed: int) -> str:
    """Say that ties were moved apart; "" if they were not."""
    if not most:
        return ""
    decimals = 2 if most >= 0.01 else 4
    amount = f"{number(most, decimals=decimals)} {unit}".strip()
    return f"{what} are jittered by at most {amount} at random (seed {seed}) so that ties can be seen."


def domain(measure: Measure, *values: Floats) -> tuple[float, float]:
    """Choose the limits of an axis: the whole scale, and all data beyond it.

    Of a wide scale that the data hardly fill, such as the total of 30 items, only the part with data is
    shown.
    """
    numbers = np.concatenate([np.ravel(value) for value in values])
    numbers = numbers[np.isfinite(numbers)]
    if not measure.has_range:
        return limits_of(numbers)
    span = measure.maximum - measure.minimum
    steps = span / measure.step if measure.step > 0 else np.inf
    if steps <= _FEW_STEPS or not numbers.size or np.ptp(numbers) > _FILLED * span:
        return limits_of(numbers, [measure.minimum, measure.maximum])
    return limits_of(numbers, least=0.1 * span)
