"""Errors of participants, sorted: whom the model rates too high and whom too low."""

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats, Marker
from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width
from emoclip_clinic.reporting.figures.drawing.markup import clean
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
from emoclip_clinic.reporting.figures.points import pairs_of
from emoclip_clinic.reporting.figures.style import POINT_OPACITY, SMALL_SIZE, WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import counted, finite_rows, text_of
from emoclip_clinic.reporting.writing.rounding import number, signed

__all__ = ["error_by_participant"]

_MOST_NAMED = 40
_ROW_PX = 15.0
_LABEL_PX = 110.0
_HEIGHT_PX = 240.0
_ENDS = 3


def error_by_participant(
    errors: pd.DataFrame, measure: Measure, *, pairs: pd.DataFrame | None = None, prefix: str = ""
) -> Figure:
    """Draw the mean error of every participant, sorted.

    Up to forty participants are named. Of more, every one is drawn, and the caption names the ends of the
    row.

    Parameters
    ----------
    errors : DataFrame
        One row per participant: ``participant_id`` as it shall be shown, and ``bias``, the mean of prediction
        - rating.
    measure : Measure
        What was rated.
    pairs : DataFrame, optional
        Sessions with the same ``participant_id``, ``rating`` and ``prediction``: single errors are drawn as
        points.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure
    """
    name = figure_name(prefix, measure.name, "participants")
    title = f"{measure.label}: error by participant"
    data = finite_rows(errors, "bias").sort_values("bias", ascending=False, kind="stable", ignore_index=True)
    if data.empty:
        return without_data(name, title=title, reason="No participant has both a rating and a prediction.")
    labels = [clean(text_of(value)) for value in data["participant_id"]]
    bias = data["bias"].to_numpy()
    ranks, single = _sessions(data, pairs)
    minus = f"{measure.prediction} \u2212 {measure.rating.lower()}"
    axis = f"{minus} ({measure.unit})" if measure.unit else minus
    limits = limits_of(bias, single, [0.0], least=0.1)
    canvas = Canvas(name, WIDTH_PX, 0)
    heading = canvas.heading(title)
    entries: list[tuple[Role, Marker | str, str]] = [("model", "square", "mean of a participant")]
    entries += [("human", "circle", "single session")] if single.size else []
    top = canvas.legend(entries, top=heading) + 6
    draw = _draw_rows if len(data) <= _MOST_NAMED else _draw_ranks
    draw(canvas, labels, bias, ranks, single, limits, top=top, axis=axis)

    first = [f"{labels[k]} {signed(bias[k])}" for k in range(min(_ENDS, len(data)))]
    last = [f"{labels[k]} {signed(bias[k])}" for k in range(max(len(data) - _ENDS, len(first)), len(data))]
    ends = f"From the highest: {', '.join(first)}" + (f"; to the lowest: {', '.join(last)}." if last else ".")
    over = int((bias > 0).sum())
    words = (
        f"{counted(len(data), 'participant')}: {over} with a mean prediction above the rating, "
        f"{int((bias < 0).sum())} below; mean absolute value {number(float(np.abs(bias).mean()))}"
        f"{f' {measure.unit}' if measure.unit else ''}."
    )
    return finish(
        canvas,
        title=title,
        alt=sentences(f"Mean error by participant, {measure.label}.", words, ends),
        caption=sentences(
            f"{measure.label}: {minus.lower()}, mean of each participant over sessions (bars), sorted.",
            "Points: single sessions." if single.size else "",
            words,
            ends,
        ),
    )


def _sessions(data: pd.DataFrame, pairs: pd.DataFrame | None) -> tuple[Floats, Floats]:
    """Rank and error of every session of participants with several."""
    nothing = np.empty(0)
    if pairs is None:
        return nothing, nothing
    known = pairs_of(pairs)
    rank = dict(zip(data["participant_id"], range(len(data)), strict=True))
    known = known[known["participant_id"].isin(list(rank))]
    if known["participant_id"].nunique() == len(known):
        return nothing, nothing
    ranks = np.array([rank[one] for one in known["participant_id"]], dtype=np.float64)
    return ranks, known["prediction"].to_numpy() - known["rating"].to_numpy()


def _draw_rows(
    canvas: Canvas,
    labels: list[str],
    bias: Floats,
    ranks: Floats,
    single: Floats,
    limits: tuple[float, float],
    *,
    top: float,
    axis: str,
) -> None:
    """One named row for each participant."""
    width = min(_LABEL_PX, max(text_width(label, SMALL_SIZE) for label in labels))
    panel = Panel.of_rows(
        canvas,
        left=8 + width + 10,
        top=top,
        right=WIDTH_PX - 14,
        n_rows=len(labels),
        row_px=_ROW_PX,
        x_limits=limits,
    )
    panel.frame(axis, "")
    panel.vertical(0.0, role="reference")
    middles = panel.y.at(np.arange(len(labels)) + 0.5)
    zero = panel.x.px(0.0)
    bars = "".join(f"M{zero:.1f} {y:.1f}H{x:.1f}" for x, y in zip(panel.x.at(bias), middles, strict=True))
    with canvas.group("bars"):
        canvas.path(bars, stroke="model", width=9)
    if single.size:
        with canvas.group("points"):
            canvas.points(
                panel.x.at(single), panel.y.at(ranks + 0.5), role="human", radius=2.4, opacity=POINT_OPACITY
            )
    shown = [cut(label, SMALL_SIZE, width=width) for label in labels]
    canvas.texts([(8, y + 4) for y in middles], shown, size=SMALL_SIZE)


def _draw_ranks(
    canvas: Canvas,
    labels: list[str],
    bias: Floats,
    ranks: Floats,
    single: Floats,
    limits: tuple[float, float],
    *,
    top: float,
    axis: str,
) -> None:
    """Many participants side by side in their order, without names."""
    panel = Panel.place(
        canvas,
        left=66,
        top=top,
        right=WIDTH_PX - 14,
        bottom=top + _HEIGHT_PX,
        x_limits=(0.0, float(len(labels) + 1)),
        y_limits=limits,
        x_whole=True,
    )
    panel.frame("Participant, sorted by mean error", axis, x_grid=False)
    panel.horizontal(0.0, role="reference")
    places = panel.x.at(np.arange(len(labels)) + 1.0)
    zero = panel.y.px(0.0)
    wide = max(1.0, min(7.0, 0.72 * float(places[1] - places[0])))
    bars = "".join(f"M{x:.1f} {zero:.1f}V{y:.1f}" for x, y in zip(places, panel.y.at(bias), strict=True))
    with canvas.group("bars"):
        canvas.path(bars, stroke="model", width=round(wide, 1))
    if single.size:
        with canvas.group("points"):
            canvas.points(
                panel.x.at(ranks + 1.0), panel.y.at(single), role="human", radius=1.6, opacity=POINT_OPACITY
            )
