"""How ratings are distributed over the scale, and how many lie at its ends."""

import numpy as np
from numpy.typing import ArrayLike

from emoclip_clinic.agreement import to_categories
from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats
from emoclip_clinic.reporting.figures.drawing.letters import text_width
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.drawing.ticks import nice_step
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
from emoclip_clinic.reporting.figures.style import SMALL_SIZE, WIDTH_PX
from emoclip_clinic.reporting.figures.values import counted, floats
from emoclip_clinic.reporting.writing.rounding import number, percent

__all__ = ["rating_distribution"]

_MOST_STEPS = 12
_MOST_BINS = 20
_TOLERANCE = 1e-9


def rating_distribution(ratings: ArrayLike, measure: Measure, *, prefix: str = "") -> Figure:
    """Draw how many sessions have each rating.

    Parameters
    ----------
    ratings : array-like of shape (n,)
        One rating per session; missing ones are counted and not drawn.
    measure : Measure
        What was rated. A scale of few steps has a bar for every step, those that nobody has included; the
        mean of several raters counts at the nearest step, halves at the higher one. Otherwise bars are bins.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure
    """
    name = figure_name(prefix, measure.name, "ratings")
    title = f"{measure.label}: {measure.rating.lower()}s"
    values = floats(np.ravel(np.asarray(ratings, dtype=np.float64)))
    known = values[np.isfinite(values)]
    if not known.size:
        return without_data(name, title=title, reason=f"There is no {measure.rating.lower()}.")
    steps = _steps(measure)
    if steps is None:
        edges, between = _bins(known), ""
        counts = np.histogram(known, edges)[0]
    else:
        edges = np.append(steps - measure.step / 2, steps[-1] + measure.step / 2)
        moved = to_categories(known, list(steps))
        counts = np.bincount(np.searchsorted(steps, moved), minlength=steps.size)
        off = np.abs(known[:, None] - steps).min(axis=1) > _TOLERANCE
        between = (
            f"{counted(int(off.sum()), 'session')} between two steps, such as a mean of raters, "
            "stand at the nearest one, halves at the higher."
            if off.any()
            else ""
        )
    canvas = Canvas(name, WIDTH_PX, 0)
    top = canvas.heading(measure.label) + 22
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - 14,
        bottom=top + 190,
        x_limits=limits_of(edges, pad=0.01),
        y_limits=(0.0, float(counts.max()) * 1.02),
        x_most=_MOST_STEPS,
        y_most=5,
        y_whole=True,
    )
    if steps is not None:
        panel = Panel(canvas, panel.x, panel.y, [float(step) for step in steps], panel.y_ticks)
    panel.frame(measure.axis(measure.rating), "Sessions", x_grid=False)
    _bars(canvas, panel, edges, counts.astype(np.float64), labelled=steps is not None)
    ends = _ends(known, measure)
    mean = f"Mean {number(float(known.mean()))}"
    mean += f", SD {number(float(known.std(ddof=1)))}." if known.size > 1 else "."
    missing = int(values.size - known.size)
    lost = f"{counted(missing, 'session')} without a {measure.rating.lower()}." if missing else ""
    listed = (
        "; ".join(
            f"{number(step, decimals=_decimals(measure.step))}: {n}"
            for step, n in zip(steps, counts, strict=True)
        )
        if steps is not None
        else ""
    )
    return finish(
        canvas,
        title=title,
        alt=sentences(
            f"Bar chart of {measure.rating.lower()}s of {measure.label}, "
            f"{counted(int(known.size), 'session')}.",
            f"Sessions at each step: {listed}." if listed else "",
            mean,
            ends,
            lost,
        ),
        caption=sentences(
            f"{measure.label}: distribution of {measure.rating.lower()}s over "
            f"{counted(int(known.size), 'session')}.",
            mean,
            ends,
            between,
            lost,
        ),
    )


def _steps(measure: Measure) -> Floats | None:
    """All steps of a scale that has few of them."""
    if not (measure.has_range and measure.step > 0):
        return None
    n = round((measure.maximum - measure.minimum) / measure.step)
    return (
        np.asarray(measure.minimum + measure.step * np.arange(n + 1), np.float64)
        if n <= _MOST_STEPS
        else None
    )


def _bins(known: Floats) -> Floats:
    """Bins of round width over what is there."""
    low, high = limits_of(known, pad=0.0)
    width = nice_step(high - low, most=min(_MOST_BINS, max(4, int(2 * np.sqrt(known.size)))))
    first, last = np.floor(low / width), np.floor(high / width) + 1
    return np.asarray(width * np.arange(first, last + 1), np.float64)


def _bars(canvas: Canvas, panel: Panel, edges: Floats, counts: Floats, *, labelled: bool) -> None:
    x = panel.x.at(edges)
    gap = 0.12 * (x[1] - x[0]) if labelled else 0.5
    d = "".join(
        f"M{a + gap:.1f} {panel.bottom:.1f}V{panel.y.px(n):.1f}H{b - gap:.1f}V{panel.bottom:.1f}z"
        for a, b, n in zip(x[:-1], x[1:], counts, strict=True)
        if n
    )
    with canvas.group("bars"):
        canvas.path(d, fill="human")
    texts = [f"{int(n):,}" for n in counts]
    if max(text_width(text, SMALL_SIZE) for text in texts) < x[1] - x[0]:
        places = [((a + b) / 2, panel.y.px(n) - 4) for a, b, n in zip(x[:-1], x[1:], counts, strict=True)]
        canvas.texts(places, texts, size=SMALL_SIZE, anchor="middle", role="soft")


def _ends(known: Floats, measure: Measure) -> str:
    """Say how many are at the ends of the scale."""
    if not measure.has_range:
        return ""
    low = float(np.mean(known <= measure.minimum + _TOLERANCE))
    high = float(np.mean(known >= measure.maximum - _TOLERANCE))
    return (
        f"At the lowest possible {measure.rating.lower()}: {percent(low)}; at the highest: {percent(high)}."
    )


def _decimals(step: float) -> int:
    return next((d for d in range(4) if abs(step - round(step, d)) < _TOLERANCE), 4)
