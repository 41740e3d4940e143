"""Confusion matrix of ratings and rounded predictions."""

import numpy as np
import pandas as pd

from emoclip_clinic.agreement import to_categories
from emoclip_clinic.reporting.figures.drawing.canvas import Canvas
from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width
from emoclip_clinic.reporting.figures.drawing.ticks import tick_labels
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
from emoclip_clinic.reporting.figures.points import pairs_of, people_text
from emoclip_clinic.reporting.figures.style import SMALL_SIZE, TEXT_SIZE, WIDTH_PX
from emoclip_clinic.reporting.writing.rounding import percent

__all__ = ["MOST_SHADE", "confusion_matrix"]

MOST_SHADE = 0.42  # opacity of the fullest cell; its number still has 4.5:1
_MOST_STEPS = 10
_SIDE_PX = 44.0


def confusion_matrix(pairs: pd.DataFrame, measure: Measure, *, prefix: str = "") -> Figure:
    """Draw how often each step of the scale was predicted where each was rated.

    Parameters
    ----------
    pairs : DataFrame
        As for `scatter`. Predictions and means of raters are moved to the nearest step, halves to the higher
        one, and to the ends of the scale.
    measure : Measure
        What was rated; its scale must have steps, at most eleven.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure
    """
    name = figure_name(prefix, measure.name, "confusion")
    title = f"{measure.label}: rounded {measure.prediction.lower()}s"
    data = pairs_of(pairs)
    if data.empty:
        return without_data(name, title=title, reason="No session has both a rating and a prediction.")
    if not (measure.has_range and measure.step > 0):
        return without_data(name, title=title, reason="The scale has no steps to round to.")
    n = round((measure.maximum - measure.minimum) / measure.step) + 1
    if n > _MOST_STEPS + 1:
        return without_data(name, title=title, reason=f"The scale has {n} steps, too many for a matrix.")
    steps = measure.minimum + measure.step * np.arange(n)
    rated, predicted = (
        np.searchsorted(steps, to_categories(data[column], list(steps)))
        for column in ("rating", "prediction")
    )
    counts = np.zeros((n, n), dtype=np.int64)
    np.add.at(counts, (rated, predicted), 1)

    labels = tick_labels([float(step) for step in steps])
    canvas = Canvas(name, WIDTH_PX, 0)
    top = canvas.heading(measure.label) + 8
    left = 66.0
    side = min(_SIDE_PX, (WIDTH_PX - left - 14) / n)
    canvas.height = top + n * side + 46
    _cells(canvas, counts, left=left, top=top, side=side)
    across = [(left + (k + 0.5) * side, top + n * side + 16) for k in range(n)]
    down = [(left - 8, top + (n - k - 0.5) * side + 4) for k in range(n)]
    canvas.texts(across, labels, size=SMALL_SIZE, anchor="middle", role="soft")
    canvas.texts(down, labels, size=SMALL_SIZE, anchor="end", role="soft")
    middle = left + n * side / 2
    text = cut(measure.axis(f"{measure.prediction}, rounded"), TEXT_SIZE, width=WIDTH_PX - 16)
    middle = max(middle, 8 + text_width(text, TEXT_SIZE) / 2)
    canvas.text((middle, top + n * side + 36), text, anchor="middle")
    beside = cut(measure.axis(measure.rating), TEXT_SIZE, width=n * side + 16)
    canvas.text((left - 34, top + n * side / 2), beside, anchor="middle", upward=True)

    same, near = np.abs(rated - predicted) == 0, np.abs(rated - predicted) <= 1
    shares = percent(float(same.mean())), percent(float(near.mean()))
    words = f"{shares[0]} on the same step, {shares[1]} at most one step apart."
    rows = "; ".join(
        f"rated {labels[k]}: "
        + ", ".join(f"{counts[k, j]} predicted {labels[j]}" for j in range(n) if counts[k, j])
        for k in range(n)
        if counts[k].any()
    )
    return finish(
        canvas,
        title=title,
        alt=sentences(f"Confusion matrix of {measure.label}, {people_text(data)}: {rows}.", words),
        caption=sentences(
            f"{measure.label}: sessions by {measure.rating.lower()} and {measure.prediction.lower()}, both "
            f"at the nearest step of the scale (halves at the higher one), {people_text(data)}.",
            words,
            "Framed: the same step.",
        ),
    )


def _cells(
    canvas: Canvas,
    counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    *,
    left: float,
    top: float,
    side: float,
) -> None:
    """Draw cells as dark as they are full, their numbers, and a frame around the diagonal."""
    n = len(counts)
    d = "".join(f"M{left:g} {top + k * side:.1f}h{n * side:.1f}M{left + k * side:.1f} {top:g}v{n * side:.1f}"
                for k in range(n + 1))  # fmt: skip
    with canvas.group("cells"):
        for k, j in zip(*np.nonzero(counts), strict=True):
            corner = (left + j * side, top + (n - 1 - k) * side)
            shade = 0.06 + (MOST_SHADE - 0.06) * counts[k, j] / counts.max()
            canvas.rect(corner, (side, side), fill="model", opacity=round(float(shade), 3))
    canvas.path(d, stroke="grid")
    for k in range(n):
        corner = (left + k * side + 1, top + (n - 1 - k) * side + 1)
        canvas.rect(corner, (side - 2, side - 2), stroke="reference", width=1.4)
    filled = [(int(k), int(j)) for k, j in zip(*np.nonzero(counts), strict=True)]
    places = [(left + (j + 0.5) * side, top + (n - 0.5 - k) * side + 4) for k, j in filled]
    canvas.texts(places, [f"{counts[k, j]:,}" for k, j in filled], size=SMALL_SIZE, anchor="middle")
