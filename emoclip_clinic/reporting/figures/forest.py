"""Forest plot: one statistic of every item with its interval."""

import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.drawing.letters import text_width
from emoclip_clinic.reporting.figures.figure import Figure, figure_name, finish, sentences, without_data
from emoclip_clinic.reporting.figures.rows import (
    Mark,
    Reference,
    Row,
    draw_labels,
    draw_rows,
    label_width,
    row_limits,
)
from emoclip_clinic.reporting.figures.style import SMALL_SIZE, WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import (
    Estimate,
    counted,
    estimate_of,
    is_finite,
    level_text,
    text_of,
)

__all__ = ["forest"]

_LABEL_PX = 150.0
_NAMED = 60  # items whose numbers the alternative text gives


def forest(
    items: pd.DataFrame,
    *,
    column: str = "skill",
    statistic: str = "Skill",
    reference: float = 0.0,
    reference_text: str = "no better than the mean predictor",
    baseline: str = "",
    baseline_text: str = "baseline",
    explanation: str = "",
    confidence: float | None = None,
    name: str = "",
) -> Figure:
    """Draw a statistic of all items with intervals, items and scores apart.

    Parameters
    ----------
    items : DataFrame
        One row per item: ``label`` (or ``name``, or ``item``), the statistic with ``_low`` and ``_high``,
        and ``family`` if there are items and scores.
    column : str
        Column of the statistic.
    statistic : str
        Its full name, for the axis.
    reference : float
        Value of the line that divides; NaN for none.
    reference_text : str
        What it means.
    baseline : str
        Column of a second value of each item, without interval.
    baseline_text : str
        What it is.
    explanation : str
        A sentence on the statistic and its intervals for the caption.
    confidence : float, optional
        Level of the intervals, for the caption.
    name : str
        Name of the figure; by default made from the column.

    Returns
    -------
    Figure
    """
    name = figure_name(name or f"forest-{column.replace('_', '-')}")
    title = f"{statistic} of every item and score"
    rows, texts = _rows(items, column, baseline)
    estimates = [mark.estimate for row in rows for mark in row.marks]
    if not any(is_finite(one.value) for one in estimates):
        return without_data(name, title=title, reason=f"{statistic} is not defined for any item.")
    canvas = Canvas(name, WIDTH_PX, 0)
    width = label_width(rows, most=_LABEL_PX)
    room = max(text_width(row.text, SMALL_SIZE) for row in rows)
    has_baseline = any(len(row.marks) > 1 for row in rows)
    entries: list[tuple[Role, Marker | str, str]] = [
        ("model", "circle", f"{statistic} with {level_text(confidence)}")
    ]
    entries += [("human", "diamond", baseline_text)] if has_baseline else []
    entries += [("reference", "", reference_text)] if is_finite(reference) else []
    top = canvas.legend(entries, top=canvas.heading(title)) + 6
    held = [reference] if is_finite(reference) else []
    draw_labels(canvas, rows, top=top, width=width)
    draw_rows(
        canvas,
        rows,
        top=top,
        left=8 + width + 10,
        right=WIDTH_PX - room - 16,
        limits=row_limits(estimates, held=held),
        x_label=statistic,
        references=[Reference(reference)] if held else [],
    )
    drawn = [row for row in rows if not row.heading]
    listed = "; ".join(texts[:_NAMED]) + (f"; and {len(texts) - _NAMED} more" if len(texts) > _NAMED else "")
    clipped = any(one.has_interval and _leaves(one, estimates, held) for one in estimates)
    caption = sentences(
        f"{statistic} of {counted(len(drawn), 'item or score', plural='items and scores')}, with "
        f"{level_text(confidence)}s.",
        f"Line at {reference:g}: {reference_text}." if held else "",
        f"Diamonds: {baseline_text}." if has_baseline else "",
        explanation,
        "An arrow marks an interval that goes on beyond the axis." if clipped else "",
    )
    alt = sentences(f"Forest plot of {statistic.lower()}: {listed}.")
    return finish(canvas, title=title, alt=alt, caption=caption)


def _rows(items: pd.DataFrame, column: str, baseline: str) -> tuple[list[Row], list[str]]:
    """Rows in the given order, with a heading per family if there are several, and the texts of all."""
    families = (
        [text_of(value, missing="") for value in items["family"]] if "family" in items else [""] * len(items)
    )
    several = len(set(families)) > 1
    rows: list[Row] = []
    texts: list[str] = []
    for family in dict.fromkeys(families):
        if several:
            rows.append(
                Row({"item": "Items", "score": "Scores"}.get(family, family or "Other"), heading=True)
            )
        for (_, item), own in zip(items.iterrows(), families, strict=True):
            if own != family:
                continue
            label = next((text_of(item[c]) for c in ("label", "name", "item") if c in items), "")
            one = estimate_of(item, column)
            marks = [Mark(one)]
            if baseline and is_finite(item.get(baseline)):
                marks.append(Mark(Estimate(float(item[baseline])), role="human", marker="diamond"))
            rows.append(Row(label, tuple(marks), one.text()))
            texts.append(f"{label} {one.text()}")
    return rows, texts


def _leaves(one: Estimate, estimates: list[Estimate], held: list[float]) -> bool:
    low, high = row_limits(estimates, held=held)
    return one.low < low or one.high > high
