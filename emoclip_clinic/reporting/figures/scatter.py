"""Predictions against ratings, one point per session."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.drawing.panel import Panel
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
from emoclip_clinic.reporting.figures.style import WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import Estimate, estimate_of, is_finite, level_text
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["scatter"]


def scatter(
    pairs: pd.DataFrame,
    measure: Measure,
    *,
    line: Mapping[str, Any] | pd.Series | None = None,
    statistics: Mapping[str, Estimate] | None = None,
    confidence: float | None = None,
    seed: int = 0,
    prefix: str = "",
) -> Figure:
    """Draw ratings over predictions with the line of identity and the calibration line.

    The prediction is on the horizontal axis, so that the line is the regression of the rating on the
    prediction, whose slope is 1 for a calibrated model; the other way round it would have r^2 (Pineiro 2008).

    Parameters
    ----------
    pairs : DataFrame
        One row per session: ``rating``, ``prediction``, and if known ``participant_id`` and ``group``. Rows
        with a missing number are not drawn. Two to four groups have a mark each.
    measure : Measure
        What was rated.
    line : mapping or Series, optional
        ``slope`` and ``intercept`` of rating on prediction, with ``slope_low`` and ``slope_high``.
    statistics : mapping of str to Estimate, optional
        Numbers for caption and alternative text, by full name.
    confidence : float, optional
        Level of the intervals, for the caption.
    seed : int
        Seed of the jitter.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure

    References
    ----------
    Pineiro G, Perelman S, Guerschman JP, Paruelo JM (2008). How to evaluate models: observed vs. predicted or
    predicted vs. observed? doi:10.1016/j.ecolmodel.2008.05.006
    """
    name = figure_name(prefix, measure.name, "scatter")
    title = f"{measure.label}: {measure.rating.lower()} and {measure.prediction.lower()}"
    data = pairs_of(pairs)
    if data.empty:
        return without_data(name, title=title, reason="No session has both a rating and a prediction.")
    prediction, rating = data["prediction"].to_numpy(), data["rating"].to_numpy()
    moved, most = jitter(rating, seed=seed)
    limits = domain(measure, prediction, moved)
    series = series_of(data)
    slope = estimate_of(line, "slope") if line is not None else Estimate(np.nan)
    intercept = estimate_of(line, "intercept").value if line is not None else np.nan
    has_line = is_finite(slope.value) and is_finite(intercept)

    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [("reference", "6 4", "identity")]
    entries += [("line", "", "calibration line")] if has_line else []
    entries += [(one.role, one.marker, one.label) for one in series if one.label]
    top = canvas.legend(entries, top=canvas.heading(measure.label)) + 6
    side = WIDTH_PX - 66 - 14
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - 14,
        bottom=top + side * 0.86,
        x_limits=limits,
        y_limits=limits,
        x_most=8,
        y_most=8,
    )
    panel.frame(measure.axis(measure.prediction), measure.axis(measure.rating))
    panel.slanted(1.0, 0.0, role="reference", dash="6 4", width=1.4)
    draw_series(canvas, panel, series, x=prediction, y=moved, part="points")
    if has_line:
        ends = float(prediction.min()), float(prediction.max())
        panel.slanted(slope.value, intercept, role="line", width=2.2, between=ends)
    numbers = "; ".join(f"{key} {value.text()}" for key, value in (statistics or {}).items())
    line_text = f"slope {slope.text()}, intercept {number(intercept)}" if has_line else ""
    what = f"{measure.rating} over {measure.prediction.lower()} of {people_text(data)}"
    alt = sentences(
        f"Scatter plot of {measure.label}: {what}.",
        f"{measure.rating}s run from {number(rating.min())} to {number(rating.max())}, "
        f"{measure.prediction.lower()}s from {number(prediction.min())} to {number(prediction.max())}.",
        f"Calibration line: {line_text}." if has_line else "",
        f"{numbers}." if numbers else "",
    )
    caption = sentences(
        f"{measure.label}: {what[0].lower()}{what[1:]}, one mark each.",
        "Dashed: identity.",
        f"Violet line: regression of {measure.rating.lower()} on {measure.prediction.lower()}, {line_text}; "
        "slope 1 and intercept 0 are calibrated."
        if has_line
        else "",
        f"{numbers}." if numbers else "",
        f"In brackets: {level_text(confidence)}s." if has_line or numbers else "",
        jitter_text(f"{measure.rating}s", most, unit=measure.unit, seed=seed),
    )
    return finish(canvas, title=title, alt=alt, caption=caption)
