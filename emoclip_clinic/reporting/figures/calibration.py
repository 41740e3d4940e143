"""Calibration plot: mean ratings of sessions with similar predictions."""

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
from emoclip_clinic.reporting.figures.points import pairs_of, people_text
from emoclip_clinic.reporting.figures.style import WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import counted, estimate_of, finite_rows, is_finite, level_text
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["calibration_plot"]

_RUG_PX = 7.0


def calibration_plot(
    pairs: pd.DataFrame,
    measure: Measure,
    *,
    calibration: pd.DataFrame,
    confidence: float | None = None,
    prefix: str = "",
) -> Figure:
    """Draw mean ratings over bins of predictions, with the calibration line and the line of identity.

    Parameters
    ----------
    pairs : DataFrame
        As for `scatter`; drawn as short strokes along the axis of predictions.
    measure : Measure
        What was rated.
    calibration : DataFrame
        ``bin`` (-1: the line), ``n``, ``mean_prediction``, ``mean_rating``, ``mean_rating_low``,
        ``mean_rating_high``; in the row of the line ``slope``, ``intercept`` and ``in_the_large`` with
        ``_low`` and ``_high``, and ``flag``.
    confidence : float, optional
        Level of the intervals, for the caption.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure

    References
    ----------
    Van Calster B, McLernon DJ, van Smeden M, Wynants L, Steyerberg EW (2019). Calibration: the Achilles heel
    of predictive analytics. doi:10.1186/s12916-019-1466-7
    """
    name = figure_name(prefix, measure.name, "calibration")
    title = f"{measure.label}: calibration"
    data = pairs_of(pairs)
    binned = calibration[calibration["bin"] >= 0]
    bins = finite_rows(binned, "mean_prediction", "mean_rating") if len(binned) else binned
    rows = calibration[calibration["bin"] < 0]
    line = rows.iloc[0] if len(rows) else pd.Series(dtype=object)
    slope, intercept, large = (estimate_of(line, key) for key in ("slope", "intercept", "in_the_large"))
    has_line = is_finite(slope.value) and is_finite(intercept.value)
    if data.empty:
        return without_data(name, title=title, reason="No session has both a rating and a prediction.")
    if not (has_line or len(bins)):
        flag = str(line.get("flag") or "")
        reason = f"There is no calibration to draw{f': {flag}' if flag else ''}."
        return without_data(name, title=title, reason=reason)
    prediction = data["prediction"].to_numpy()
    ends = float(prediction.min()), float(prediction.max())
    at_ends = [intercept.value + slope.value * end for end in ends] if has_line else []
    shown = [bins[c] for c in ("mean_rating", "mean_rating_low", "mean_rating_high") if c in bins]
    span = measure.maximum - measure.minimum if measure.has_range else 0.0

    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [("reference", "6 4", "identity")]
    entries += [("line", "", "calibration line")] if has_line else []
    entries += [("model", "circle", "mean of a bin")] if len(bins) else []
    top = canvas.legend(entries, top=canvas.heading(measure.label)) + 6
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - 14,
        bottom=top + 270,
        x_limits=limits_of(prediction, least=0.1 * span),
        y_limits=limits_of(*shown, at_ends, ends, pad=0.08, least=0.1 * span),
    )
    panel.frame(measure.axis(measure.prediction), measure.axis(measure.rating))
    panel.slanted(1.0, 0.0, role="reference", dash="6 4", width=1.4)
    strokes = "".join(f"M{x:.1f} {panel.bottom:g}v-{_RUG_PX:g}" for x in panel.x.at(prediction))
    with canvas.group("rug"):
        canvas.path(strokes, stroke="reference", width=1.0, opacity=0.8)
    if has_line:
        panel.slanted(slope.value, intercept.value, role="line", width=2.2, between=ends)
    _draw_bins(canvas, panel, bins)

    line_text = (
        f"Slope {slope.text()}, intercept {intercept.text()}, mean {measure.rating.lower()} less mean "
        f"{measure.prediction.lower()} {large.text(unit=measure.unit)}."
        if has_line
        else "No line: its slope is not defined."
    )
    means = "; ".join(
        f"{number(row['mean_prediction'])}: {number(row['mean_rating'])}" for _, row in bins.iterrows()
    )
    counts = bins["n"] if "n" in bins else pd.Series(dtype=float)
    size = f", {_span(int(counts.min()), int(counts.max()))} each" if len(counts) else ""
    alt = sentences(
        f"Calibration plot of {measure.label}, {people_text(data)}.",
        line_text,
        f"Mean {measure.rating.lower()} by mean {measure.prediction.lower()} of a bin: {means}."
        if means
        else "",
    )
    caption = sentences(
        f"{measure.label}: calibration, {people_text(data)}.",
        f"Points: mean {measure.rating.lower()} of sessions with similar {measure.prediction.lower()}s"
        f"{size}, with {level_text(confidence)}."
        if len(bins)
        else "",
        f"Violet: regression of {measure.rating.lower()} on {measure.prediction.lower()}."
        if has_line
        else "",
        line_text,
        "Dashed: identity, where a calibrated model lies (slope 1, intercept 0).",
        f"Strokes along the axis: single {measure.prediction.lower()}s. The axes show the part of the scale "
        "with data.",
    )
    return finish(canvas, title=title, alt=alt, caption=caption)


def _span(low: int, high: int) -> str:
    return counted(high, "session") if low == high else f"{low} to {counted(high, 'session')}"


def _draw_bins(canvas: Canvas, panel: Panel, bins: pd.DataFrame) -> None:
    """Draw the mean of each bin with its interval, where it has one."""
    if bins.empty:
        return
    x = panel.x.at(bins["mean_prediction"])
    whiskers = []
    for place, (_, row) in zip(x, bins.iterrows(), strict=True):
        one = estimate_of(row, "mean_rating")
        if one.has_interval:
            whiskers.append(f"M{place:.1f} {panel.y.px(one.low):.1f}V{panel.y.px(one.high):.1f}")
    if whiskers:
        canvas.path("".join(whiskers), stroke="model", width=1.8)
    with canvas.group("bins"):
        canvas.points(x, panel.y.at(np.asarray(bins["mean_rating"])), radius=4.2)
