"""Quality of the videos of all sessions: how much of the face was seen, for how long, and how bright."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats, Marker
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.figure import Figure, figure_name, finish, sentences, without_data
from emoclip_clinic.reporting.figures.style import POINT_OPACITY, SMALL_SIZE, WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import counted, floats
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["data_quality"]

_HEIGHT_PX = 96.0
_GAP_PX = 32.0
_MINUTE_S = 60.0


def data_quality(sessions: pd.DataFrame, *, name: str = "quality") -> Figure:
    """Draw coverage, usable time and brightness of every session, one panel below the other.

    Parameters
    ----------
    sessions : DataFrame
        One row per session in the order of the axis: ``coverage`` (share of sampled frames with the
        participant's face, 0 to 1), ``decoded_s``, ``brightness`` (0 to 255), and ``analysed``, whether the
        session takes part.
    name : str
        Name of the figure.

    Returns
    -------
    Figure
    """
    name = figure_name(name)
    title = "Quality of the videos"
    coverage, brightness = floats(sessions["coverage"]), floats(sessions["brightness"])
    minutes = floats(sessions["decoded_s"]) * coverage / _MINUTE_S
    kinds = (
        ("coverage", "Coverage (share of frames, 0 to 1)", "Coverage", coverage, (-0.03, 1.03)),
        ("usable", "Usable time (min)", "Usable time", minutes, None),
        ("brightness", "Brightness of the face (grey level, 0 to 255)", "Brightness", brightness, None),
    )
    if not any(np.isfinite(values).any() for _, _, _, values, _ in kinds):
        return without_data(name, title=title, reason="No session has a video with a result.")
    analysed = sessions["analysed"].fillna(False).to_numpy(dtype=bool)
    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [("model", "circle", "takes part")]
    entries += [("human", "triangle", "does not take part")] if not analysed.all() else []
    top = canvas.legend(entries, top=canvas.heading(title)) + 22
    words = []
    for part, label, what, values, limits in kinds:
        panel = Panel.place(
            canvas,
            left=44,
            top=top,
            right=WIDTH_PX - 14,
            bottom=top + _HEIGHT_PX,
            x_limits=(0.0, len(sessions) + 1.0),
            y_limits=limits or _from_zero(values),
            x_whole=True,
            y_most=4,
            part=f"{part}-",
        )
        is_last = part == kinds[-1][0]
        if not is_last:
            panel = Panel(canvas, panel.x, panel.y, [], panel.y_ticks, panel.part)
        order = "Session, by participant and visit" if is_last else ""
        panel.frame(order, "", x_grid=False)
        canvas.text((8, top - 8), label, size=SMALL_SIZE)
        _draw(canvas, panel, values, analysed, part)
        words.append(_summary(what, values, unit=" min" if part == "usable" else ""))
        top += _HEIGHT_PX + _GAP_PX
    n = f"{counted(len(sessions), 'session')}, {int(analysed.sum())} of them in the analysis"
    return finish(
        canvas,
        title=title,
        alt=sentences(f"{title} of {n}.", *words),
        caption=sentences(
            f"{title}: {n}.",
            "Coverage: share of sampled frames that show the participant's face. Usable time: decoded time "
            "times coverage. Brightness: median grey level of the face.",
            *words,
        ),
    )


def _from_zero(values: Floats) -> tuple[float, float]:
    low, high = limits_of(values, [0.0], pad=0.06)
    return min(low, 0.0), high


def _draw(canvas: Canvas, panel: Panel, values: Floats, analysed: NDArray[np.bool_], part: str) -> None:
    """Draw sessions that take part and sessions that do not, with a mark each."""
    places = np.arange(len(values)) + 1.0
    kinds: tuple[tuple[bool, Role, Marker], ...] = ((True, "model", "circle"), (False, "human", "triangle"))
    with canvas.group(f"{part}-points"):
        for takes_part, role, marker in kinds:
            rows = np.isfinite(values) & (analysed == takes_part)
            canvas.points(
                panel.x.at(places[rows]),
                panel.y.at(values[rows]),
                role=role,
                marker=marker,
                radius=2.8,
                opacity=POINT_OPACITY,
            )


def _summary(what: str, values: Floats, *, unit: str) -> str:
    """Median and range of what is known."""
    known = values[np.isfinite(values)]
    if not known.size:
        return f"{what}: not known."
    decimals = 0 if known.max() >= 100 else 2 if known.max() <= 1 else 1
    low, middle, high = (number(float(q), decimals=decimals) for q in np.quantile(known, [0.0, 0.5, 1.0]))
    missing = int(values.size - known.size)
    lost = f"; not known in {counted(missing, 'session')}" if missing else ""
    return f"{what}: median {middle}{unit}, from {low} to {high}{unit}{lost}."
