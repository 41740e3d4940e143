"""A chart of rows: a label, estimates with intervals on a common axis, and the numbers beside them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width, wrap
from emoclip_clinic.reporting.figures.drawing.markup import clean
from emoclip_clinic.reporting.figures.drawing.panel import Panel, limits_of
from emoclip_clinic.reporting.figures.style import SMALL_SIZE, Role
from emoclip_clinic.reporting.figures.values import Estimate, is_finite

__all__ = ["ROW_PX", "Mark", "Reference", "Row", "draw_labels", "draw_rows", "label_width", "row_limits"]

ROW_PX = 19.0
_LINE_PX = 13.0
_BRACKETS = re.compile(r" \([^()]{1,12}\)$")
_LONGEST = 80  # letters of a label
_LIFT = 0.17  # of a row, between its middle and each of two marks


@dataclass(frozen=True)
class Mark:
    """One estimate of a row."""

    estimate: Estimate
    role: Role = "model"
    marker: Marker = "circle"


@dataclass(frozen=True)
class Row:
    """A label with its marks; a heading has none."""

    label: str
    marks: tuple[Mark, ...] = field(default=())
    text: str = ""
    heading: bool = False


@dataclass(frozen=True)
class Reference:
    """A line through all rows."""

    value: float
    role: Role = "reference"
    dash: str = ""


def row_limits(
    estimates: Iterable[Estimate], *, held: Sequence[float], least: float = 0.2
) -> tuple[float, float]:
    """Choose limits that hold all estimates, and intervals as far as they leave the estimates readable.

    Parameters
    ----------
    estimates : iterable of Estimate
        All that is drawn.
    held : sequence of float
        Values that must lie on the axis.
    least : float
        Smallest span.

    Returns
    -------
    low, high : float
    """
    known = [one for one in estimates if is_finite(one.value)]
    low, high = limits_of([one.value for one in known], held, pad=0.0, least=least)
    room = 0.4 * (high - low) + 0.2 * least
    ends = np.array([end for one in known if one.has_interval for end in (one.low, one.high)])
    return limits_of([low, high], np.clip(ends, low - room, high + room), pad=0.05)


def label_width(rows: Sequence[Row], *, most: float) -> float:
    """Width of the widest label, cut at a maximum."""
    return min(most, max((text_width(row.label, SMALL_SIZE) for row in rows if not row.heading), default=0.0))


def draw_labels(
    canvas: Canvas, rows: Sequence[Row], *, top: float, width: float, row_px: float = ROW_PX
) -> None:
    """Write the labels to the left of all panels; headings run over the whole width."""
    for k, row in enumerate(rows):
        middle = top + (k + 0.5) * row_px + 4
        if row.heading:
            shown = cut(row.label, SMALL_SIZE, width=canvas.width - 16, bold=True)
            canvas.text((8, middle), shown, size=SMALL_SIZE, bold=True)
            continue
        lines = _label_lines(row.label, width=width, most=2 if row_px >= 2 * _LINE_PX else 1)
        for j, line in enumerate(lines):
            place = (8.0, middle + (2 * j - len(lines) + 1) * _LINE_PX / 2)
            canvas.text(place, line, size=SMALL_SIZE)


def _label_lines(label: str, *, width: float, most: int) -> list[str]:
    """Lines of a label; an identifier in brackets at its end stays, because it tells names apart."""
    label = clean(label)
    lines = wrap(label, SMALL_SIZE, width=width, lines=most)
    end = _BRACKETS.search(label)
    if end is None or lines[-1].endswith(")"):
        return lines
    for kept in range(min(end.start(), _LONGEST), 0, -1):
        shorter = wrap(label[:kept].rstrip() + "\u2026" + end.group(), SMALL_SIZE, width=width, lines=most)
        if shorter[-1].endswith(")"):
            return shorter
    return lines


def draw_rows(
    canvas: Canvas,
    rows: Sequence[Row],
    *,
    top: float,
    left: float,
    right: float,
    limits: tuple[float, float],
    x_label: str,
    references: Sequence[Reference] = (),
    most: int = 5,
    part: str = "",
    row_px: float = ROW_PX,
) -> None:
    """Draw the marks of all rows, and the rows' numbers to the right of the panel.

    An interval that leaves the axis ends in an arrow; an estimate that does is an arrow at the side.

    Parameters
    ----------
    canvas : Canvas
        What to draw on.
    rows : sequence of Row
        From top to bottom.
    top, left, right : float
        Sides of the panel in px.
    limits : (float, float)
        Of the axis.
    x_label : str
        Of the axis.
    references : sequence of Reference
        Lines through all rows.
    most : int
        Most steps between ticks.
    part : str
        Tells the panels of a figure apart in ids.
    row_px : float
        Height of a row in px.
    """
    panel = Panel.of_rows(
        canvas,
        left=left,
        top=top,
        right=right,
        n_rows=len(rows),
        row_px=row_px,
        x_limits=limits,
        x_most=most,
        part=part,
    )
    panel.frame(x_label, "")
    for reference in references:
        panel.vertical(reference.value, role=reference.role, dash=reference.dash, width=1.5)
    with canvas.group(f"{part}marks"):
        for k, row in enumerate(rows):
            for j, mark in enumerate(row.marks):
                lift = (2 * j - len(row.marks) + 1) * _LIFT
                _draw_mark(panel, mark, top + (k + 0.5 + lift) * row_px)
    numbered = [(k, row.text) for k, row in enumerate(rows) if row.text]
    if numbered:
        places = [(right + 8, top + (k + 0.5) * row_px + 4) for k, _ in numbered]
        canvas.texts(places, [text for _, text in numbered], size=SMALL_SIZE, role="soft")


def _draw_mark(panel: Panel, mark: Mark, y: float) -> None:
    """Draw one estimate and its interval at a height."""
    one, canvas = mark.estimate, panel.canvas
    if not is_finite(one.value):
        return
    if one.has_interval:
        low, high = max(one.low, panel.x.low), min(one.high, panel.x.high)
        if low < high:
            d = f"M{panel.x.px(low):.1f} {y:.1f}H{panel.x.px(high):.1f}"
            canvas.path(d, stroke=mark.role, width=1.6)
            arrows = _arrow(panel.left, y, -1) if one.low < panel.x.low else ""
            arrows += _arrow(panel.right, y, 1) if one.high > panel.x.high else ""
            if arrows:
                canvas.path(arrows, stroke=mark.role, width=1.6)
    if panel.x.holds(one.value):
        canvas.points(np.array([panel.x.px(one.value)]), np.array([y]), role=mark.role, marker=mark.marker,
                      radius=3.8)  # fmt: skip
    else:
        beyond = one.value > panel.x.high
        canvas.path(_arrow(panel.right if beyond else panel.left, y, 1 if beyond else -1), stroke=mark.role,
                    width=2.4)  # fmt: skip


def _arrow(x: float, y: float, direction: int) -> str:
    """Path data of an arrow head that points out of the panel."""
    return f"M{x - 5 * direction:.1f} {y - 3.5:.1f}L{x:.1f} {y:.1f}L{x - 5 * direction:.1f} {y + 3.5:.1f}"
