"""Flow of participants and sessions into the analysis, with who was left out and why."""

import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas
from emoclip_clinic.reporting.figures.drawing.letters import wrap
from emoclip_clinic.reporting.figures.figure import Figure, figure_name, finish, sentences, without_data
from emoclip_clinic.reporting.figures.style import SMALL_SIZE, TEXT_SIZE, WIDTH_PX
from emoclip_clinic.reporting.figures.values import counted, is_finite, text_of

__all__ = ["cohort_flow"]

_LINE = 15.5
_PAD = 9.0
_LEFT_PX = 172.0  # width of the boxes of the flow
_RIGHT_PX = 214.0  # width of the boxes of exclusions
_EDGE = 8.0
_GAP = 12.0
_INDENT = 10.0
_NO_REASON = "no reason recorded"


def cohort_flow(
    flow: pd.DataFrame, exclusions: pd.DataFrame, *, title: str = "Flow of participants", name: str = "cohort"
) -> Figure:
    """Draw one box per step from all who are known to those analysed, and beside them who was left out.

    Parameters
    ----------
    flow : DataFrame
        ``step``, ``label``, ``n_participants``, ``n_sessions``; each step contains the next.
    exclusions : DataFrame
        ``step`` (the first that these sessions do not reach), ``reason``, ``n_participants``, ``n_sessions``.
    title : str
        Heading.
    name : str
        Name of the figure.

    Returns
    -------
    Figure
    """
    name = figure_name(name)
    if flow.empty:
        return without_data(name, title=title, reason="Nothing is known about the flow of participants.")
    canvas = Canvas(name, WIDTH_PX, 0)
    y = canvas.heading(title) + 8
    middle = _EDGE + _LEFT_PX / 2
    parts: list[str] = []
    for place, (_, step) in enumerate(flow.iterrows()):
        left_out = exclusions[exclusions["step"] == step["step"]]
        if place:
            y = _connection(canvas, left_out, middle, y)
        label, counts = text_of(step["label"], missing=""), _counts(step)
        lines = [*wrap(label, TEXT_SIZE, width=_LEFT_PX - 2 * _PAD, lines=3, bold=True)]
        bold = len(lines)
        for count in counts:
            lines += wrap(count, TEXT_SIZE, width=_LEFT_PX - 2 * _PAD, lines=2)
        height = 2 * _PAD + _LINE * len(lines) - 3
        canvas.rect((_EDGE, y), (_LEFT_PX, height), fill="panel", stroke="ink", radius=4, width=1.2)
        for k, line in enumerate(lines):
            canvas.text((middle, y + _PAD + 11 + _LINE * k), line, anchor="middle", bold=k < bold)
        y += height
        parts.append(f"{label}: {', '.join(counts)}")
        reasons = [_reason(row) for _, row in left_out.iterrows()]
        if reasons:
            parts[-1] += f" (left out before: {'; '.join(reasons)})"
    canvas.height = y + 8
    first, last = _counts(flow.iloc[0]), _counts(flow.iloc[-1])
    caption = sentences(
        f"{title}: of {' and '.join(first)} at the first step, {' and '.join(last)} take part.",
        "A participant with several sessions can be counted at several exclusions, and still take part.",
    )
    return finish(canvas, title=title, alt=sentences(f"{title}. {'. '.join(parts)}."), caption=caption)


def _connection(canvas: Canvas, left_out: pd.DataFrame, middle: float, y: float) -> float:
    """Draw the arrow to the next box, and the box of those left out in between; give the px below."""
    lines = _exclusion_lines(left_out)
    height = 2 * _PAD + _LINE * len(lines) - 4 if lines else 0.0
    end = y + (height + 2 * _GAP if lines else 1.6 * _GAP)
    canvas.line((middle, y), (middle, end - 5), role="ink", width=1.3)
    canvas.path(
        f"M{middle - 4:g} {end - 7:.1f}L{middle:g} {end - 0.5:.1f}L{middle + 4:g} {end - 7:.1f}z", fill="ink"
    )
    if lines:
        left, half = WIDTH_PX - _EDGE - _RIGHT_PX, y + _GAP + height / 2
        canvas.line((middle, half), (left - 5, half), role="ink", width=1.3)
        canvas.path(
            f"M{left - 7:g} {half - 4:.1f}L{left - 0.5:g} {half:.1f}L{left - 7:g} {half + 4:.1f}z", fill="ink"
        )
        canvas.rect(
            (left, y + _GAP), (_RIGHT_PX, height), fill="paper", stroke="reference", radius=4, width=1.2
        )
        for k, (line, indent) in enumerate(lines):
            canvas.text((left + _PAD + indent, y + _GAP + _PAD + 10 + _LINE * k), line, size=SMALL_SIZE)
    return end


def _exclusion_lines(left_out: pd.DataFrame) -> list[tuple[str, float]]:
    """Lines of a box of exclusions: reasons, and indented below each its numbers."""
    lines: list[tuple[str, float]] = []
    for _, row in left_out.iterrows():
        reason = text_of(row["reason"], missing=_NO_REASON)
        width = _RIGHT_PX - 2 * _PAD
        lines += [(line, 0.0) for line in wrap(reason, SMALL_SIZE, width=width, lines=3)]
        lines += [
            (line, _INDENT)
            for line in wrap(", ".join(_counts(row)), SMALL_SIZE, width=width - _INDENT, lines=2)
        ]
    return lines


def _counts(row: pd.Series) -> list[str]:
    """Numbers of participants and sessions of a step."""
    pairs = (("n_participants", "participant"), ("n_sessions", "session"))
    return [counted(int(row[column]), word) for column, word in pairs if is_finite(row.get(column))]


def _reason(row: pd.Series) -> str:
    """A reason with its numbers."""
    return f"{text_of(row['reason'], missing=_NO_REASON)}: {', '.join(_counts(row))}"
