"""Bland-Altman plot: the difference of prediction and rating against their mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats, Marker
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
from emoclip_clinic.reporting.figures.points import (
    domain,
    draw_series,
    jitter,
    jitter_text,
    pairs_of,
    people_text,
    series_of,
)
from emoclip_clinic.reporting.figures.style import BAND_OPACITY, SMALL_SIZE, WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import Estimate, estimate_of, is_finite, level_text
from emoclip_clinic.reporting.writing.rounding import number, signed

__all__ = ["bland_altman_plot"]

_ROOM = 52  # px on the right for the numbers of bias and limits
_LEAST_GAP = 14.0
_MODEL_NOTE = (
    "A calibrated model varies less than the ratings, so its differences must fall from left to right: the "
    "slope here is no fault, and the calibration plot gives the verdict."
)


def bland_altman_plot(
    pairs: pd.DataFrame,
    measure: Measure,
    *,
    limits: Mapping[str, Any] | pd.Series,
    of_model: bool = True,
    confidence: float | None = None,
    seed: int = 0,
    prefix: str = "",
) -> Figure:
    """Draw prediction - rating over the mean of both, with bias and limits of agreement.

    Parameters
    ----------
    pairs : DataFrame
        As for `scatter`.
    measure : Measure
        What was rated.
    limits : mapping or Series
        ``bias``, ``lower`` and ``upper``, each with ``_low`` and ``_high`` for its interval; ``slope`` of the
        difference on the mean, and ``method``, the form of the limits.
    of_model : bool
        Whether the prediction comes from a model; then the caption says why the differences slope.
    confidence : float, optional
        Level of the intervals, for the caption.
    seed : int
        Seed of the jitter, which separates points that coincide.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure

    References
    ----------
    Bland JM, Altman DG (1999). Measuring agreement in method comparison studies.
    doi:10.1177/096228029900800204
    """
    name = figure_name(prefix, measure.name, "bland-altman")
    title = f"{measure.label}: differences (Bland-Altman)"
    data = pairs_of(pairs)
    if data.empty:
        return without_data(name, title=title, reason="No session has both a rating and a prediction.")
    prediction, rating = data["prediction"].to_numpy(), data["rating"].to_numpy()
    mean, difference, most = _apart((prediction + rating) / 2, prediction - rating, seed=seed)
    bias, lower, upper = (estimate_of(limits, key) for key in ("bias", "lower", "upper"))
    held = [value for one in (bias, lower, upper) for value in (one.value, one.low, one.high)]

    series = series_of(data)
    entries: list[tuple[Role, Marker | str, str]] = [("reference", "2 3", "no difference")]
    entries += [("model", "", "bias")] if is_finite(bias.value) else []
    entries += [("line", "7 4", "limits of agreement")] if is_finite(lower.value) else []
    entries += [(one.role, one.marker, one.label) for one in series if one.label]
    canvas = Canvas(name, WIDTH_PX, 0)
    top = canvas.legend(entries, top=canvas.heading(measure.label)) + 6
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - _ROOM,
        bottom=top + 270,
        x_limits=domain(measure, mean),
        y_limits=limits_of(difference, held, [0.0], pad=0.06),
        x_most=8,
    )
    minus = f"{measure.prediction} \u2212 {measure.rating.lower()}"
    unit = f" ({measure.unit})" if measure.unit else ""
    panel.frame(
        measure.axis(f"Mean of {measure.rating.lower()} and {measure.prediction.lower()}"), f"{minus}{unit}"
    )
    for one in (bias, lower, upper):
        _band(panel, one, role="model" if one is bias else "line")
    panel.horizontal(0.0, role="reference", dash="2 3", width=1.4)
    draw_series(canvas, panel, series, x=mean, y=difference, part="points")
    panel.horizontal(bias.value, role="model", width=2.2)
    for one in (lower, upper):
        panel.horizontal(one.value, role="line", dash="7 4", width=1.8)
    _numbers(panel, (upper, bias, lower))

    slope, method = limits.get("slope"), str(limits.get("method") or "")
    words = (
        "Bias and limits of agreement are not defined."
        if not is_finite(bias.value)
        else f"Bias {bias.text(unit=measure.unit)}; limits of agreement {lower.text()} and "
        f"{upper.text(unit=measure.unit)}."
    )
    slope_text = f"Slope of the difference on the mean: {number(slope)}." if is_finite(slope) else ""
    alt = sentences(f"Bland-Altman plot of {measure.label}, {people_text(data)}.", words, slope_text)
    caption = sentences(
        f"{measure.label}: {minus.lower()} over the mean of both, {people_text(data)}.",
        words,
        f"In brackets and as bands: {level_text(confidence)}s."
        if any(one.has_interval for one in (bias, lower, upper))
        else "",
        f"Form of the limits: {method}." if method else "",
        slope_text,
        _MODEL_NOTE if of_model else "",
        jitter_text("Points", most, unit=measure.unit, seed=seed),
    )
    return finish(canvas, title=title, alt=alt, caption=caption)


def _apart(mean: Floats, difference: Floats, *, seed: int) -> tuple[Floats, Floats, float]:
    """Move points apart only where several coincide, as with two ordinal ratings."""
    both = np.stack([mean, difference], axis=1)
    if len(np.unique(both, axis=0)) == len(both):
        return mean, difference, 0.0
    mean, most = jitter(mean, seed=seed)
    difference, _ = jitter(difference, seed=seed + 1, most=most)
    return mean, difference, most


def _band(panel: Panel, one: Estimate, *, role: Role) -> None:
    """Shade an interval over the width of the panel."""
    if one.has_interval:
        low, high = panel.y.px(one.low), panel.y.px(one.high)
        panel.canvas.rect(
            (panel.left, high), (panel.right - panel.left, low - high), fill=role, opacity=BAND_OPACITY
        )


def _numbers(panel: Panel, estimates: tuple[Estimate, ...]) -> None:
    """Write values at the right ends of their lines, from top to bottom and never on each other."""
    above = -np.inf
    for one in estimates:
        if is_finite(one.value):
            y = max(panel.y.px(one.value) + 4, above + _LEAST_GAP)
            panel.canvas.text((panel.right + 5, y), signed(one.value), size=SMALL_SIZE)
            above = y
