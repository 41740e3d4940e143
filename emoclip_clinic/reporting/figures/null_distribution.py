"""What a statistic looks like by chance, and what was observed."""

import numpy as np
from numpy.typing import ArrayLike

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats, Marker
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
from emoclip_clinic.reporting.figures.style import TEXT_SIZE, WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import counted, floats, is_finite, p_text
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["null_distribution"]

_MOST_BINS = 36


def null_distribution(
    draws: ArrayLike,
    measure: Measure,
    *,
    observed: float,
    statistic: str = "skill",
    p: float = float("nan"),
    prefix: str = "",
) -> Figure:
    """Draw the histogram of a statistic under permuted ratings, with the observed value.

    Parameters
    ----------
    draws : array-like of shape (n_permutations,)
        The statistic of each permutation; those that are not defined are counted and not drawn.
    measure : Measure
        What was rated.
    observed : float
        The statistic of the ratings as they are.
    statistic : str
        Its name.
    p : float
        Permutation p, one-sided.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure
    """
    name = figure_name(prefix, measure.name, "null")
    title = f"{measure.label}: {statistic} by chance and observed"
    values = floats(np.ravel(np.asarray(draws, dtype=np.float64)))
    drawn = values[np.isfinite(values)]
    if not drawn.size:
        return without_data(name, title=title, reason="No permutation gave a value that is defined.")
    edges = _edges(drawn)
    counts = np.histogram(drawn, edges)[0].astype(np.float64)
    seen = is_finite(observed)
    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [
        ("reference", "square", "permuted, below" if (drawn >= observed).any() else "permuted")
    ]
    entries += [("human", "square", "permuted, at or above")] if (drawn >= observed).any() else []
    entries += [("model", "", "observed")] if seen else []
    top = canvas.legend(entries, top=canvas.heading(measure.label)) + 22
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - 14,
        bottom=top + 210,
        x_limits=limits_of(edges, [observed] if seen else []),
        y_limits=(0.0, float(counts.max()) * 1.06),
        y_whole=True,
        y_most=5,
    )
    panel.frame(statistic[:1].upper() + statistic[1:], "Permutations", x_grid=False)
    with canvas.group("bars"):
        _bars(canvas, panel, edges, drawn, observed if seen else np.inf)
    if seen:
        panel.vertical(observed, role="model", width=2.4)
        text = f"observed {number(observed)}"
        half = text_width(text, TEXT_SIZE) / 2
        x = min(max(panel.x.px(observed), panel.left + half), WIDTH_PX - 6 - half)
        canvas.text((x, top - 6), text, anchor="middle", role="model", bold=True)
    undefined = int(values.size - drawn.size)
    low, high = float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))
    at_least = f"{int((drawn >= observed).sum()) + undefined:,} of {counted(int(values.size), 'permutation')}"
    words = (
        f"Observed {statistic} {number(observed)}; {at_least} reach it; {p_text(p)}, one-sided."
        if seen
        else f"The observed {statistic} is not defined."
    )
    spread = f"95 % of the permutations lie between {number(low)} and {number(high)}."
    lost = (
        f"{counted(undefined, 'permutation')} without a defined value count as reaching it."
        if undefined
        else ""
    )
    return finish(
        canvas,
        title=title,
        alt=sentences(f"Histogram of {statistic} under chance, {measure.label}.", words, spread, lost),
        caption=sentences(
            f"{measure.label}: {statistic} with ratings exchanged between participants, against the observed "
            "value.",
            words,
            spread,
            lost,
        ),
    )


def _edges(drawn: Floats) -> Floats:
    """Bins of round width that hold all draws."""
    low, high = limits_of(drawn, pad=0.0)
    width = nice_step(high - low, most=min(_MOST_BINS, max(5, int(2 * np.sqrt(drawn.size)))))
    first, last = np.floor(low / width), np.ceil(high / width)
    return np.asarray(width * np.arange(first, max(last, first + 1) + 1), dtype=np.float64)


def _bars(canvas: Canvas, panel: Panel, edges: Floats, drawn: Floats, observed: float) -> None:
    """Draw each bin, with what reaches the observed value on top of the rest in another colour."""
    below = np.histogram(drawn[drawn < observed], edges)[0]
    above = np.histogram(drawn[drawn >= observed], edges)[0]
    x = panel.x.at(edges)
    roles: tuple[tuple[Role, Floats, Floats], ...] = (
        ("reference", np.zeros(len(below)), below),
        ("human", below.astype(np.float64), below + above),
    )
    for role, bottom, height in roles:
        d = "".join(
            f"M{a + 0.5:.1f} {panel.y.px(low):.1f}H{b - 0.5:.1f}V{panel.y.px(high):.1f}H{a + 0.5:.1f}z"
            for a, b, low, high in zip(x[:-1], x[1:], bottom, height, strict=True)
            if high > low
        )
        if d:
            canvas.path(d, fill=role)
