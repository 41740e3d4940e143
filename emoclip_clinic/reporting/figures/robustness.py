"""How a result holds under other choices of analysis, and in subsamples of the participants."""

import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.drawing.letters import text_width
from emoclip_clinic.reporting.figures.figure import (
    Figure,
    Measure,
    figure_name,
    finish,
    sentences,
    without_data,
)
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
from emoclip_clinic.reporting.figures.values import Estimate, counted, estimate_of, is_finite, text_of
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["sensitivity", "stability"]

_LABEL_PX = 166.0
_CHOICE_PX = 190.0
_HEADINGS = {"main": "As planned", "aggregation": "Other features", "folds": "Other folds"}


def sensitivity(choices: pd.DataFrame, measure: Measure, *, prefix: str = "") -> Figure:
    """Draw skill of one item under other choices of features and folds.

    Parameters
    ----------
    choices : DataFrame
        One row per choice: ``choice`` (main, aggregation or folds), ``value`` and ``skill``.
    measure : Measure
        What was rated.
    prefix : str
        First part of the figure's name.

    Returns
    -------
    Figure
    """
    name = figure_name(prefix, measure.name, "sensitivity")
    title = f"{measure.label}: skill under other choices"
    rows: list[Row] = []
    texts: list[str] = []
    for choice in dict.fromkeys(text_of(one, missing="") for one in choices["choice"]):
        rows.append(Row(_HEADINGS.get(choice, choice or "Other"), heading=True))
        is_main = choice == "main"
        for _, row in choices[choices["choice"] == choice].iterrows():
            one = estimate_of(row, "skill")
            mark = Mark(one, role="human" if is_main else "model", marker="diamond" if is_main else "circle")
            rows.append(Row(text_of(row["value"], missing="as planned"), (mark,), one.text()))
            texts.append(f"{rows[-1].label} {one.text()}")
    estimates = [mark.estimate for row in rows for mark in row.marks]
    known = [one.value for one in estimates if is_finite(one.value)]
    if not known:
        return without_data(name, title=title, reason="Skill is not defined under any choice.")
    main = next(
        (row.marks[0].estimate.value for row in rows if row.marks and row.marks[0].role == "human"), None
    )
    references = [Reference(0.0)]
    references += [Reference(main, role="human", dash="5 3")] if is_finite(main) and main is not None else []
    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [
        ("human", "diamond", "as planned"),
        ("model", "circle", "one choice changed"),
        ("reference", "", "mean predictor"),
    ]
    top = canvas.legend(entries, top=canvas.heading(measure.label)) + 6
    _draw(canvas, rows, top=top, estimates=estimates, references=references, label_px=_CHOICE_PX)
    return finish(
        canvas,
        title=title,
        alt=sentences(f"Skill of {measure.label} under other choices: {'; '.join(texts)}."),
        caption=sentences(
            f"{measure.label}: skill with one choice of the analysis changed at a time, "
            f"{number(min(known))} to {number(max(known))}.",
            "None of this is tested, and the best row is no result: whoever picks it has tried all of them.",
        ),
    )


def stability(
    subsamples: pd.DataFrame, *, labels: dict[str, str] | None = None, name: str = "stability"
) -> Figure:
    """Draw skill of every item in random subsamples of the participants.

    Parameters
    ----------
    subsamples : DataFrame
        One row per item: ``item``, ``skill_mean``, ``skill_low``, ``skill_high`` (5 % and 95 % quantile over
        subsamples), ``skill_full`` (all participants), ``n_subsamples`` and ``n_participants``.
    labels : dict of str to str, optional
        Readable names of the items.
    name : str
        Name of the figure.

    Returns
    -------
    Figure
    """
    name = figure_name(name)
    title = "Skill in subsamples of the participants"
    rows, texts = [], []
    for _, row in subsamples.iterrows():
        spread = estimate_of(row, "skill_mean", low="skill_low", high="skill_high")
        full = estimate_of(row, "skill_full", low="-", high="-")
        label = (labels or {}).get(str(row["item"]), text_of(row["item"]))
        marks = (Mark(spread), Mark(full, role="human", marker="diamond"))
        rows.append(Row(label, marks, spread.text()))
        texts.append(f"{label}: mean {spread.text()}, all participants {full.text()}")
    estimates = [mark.estimate for row in rows for mark in row.marks]
    if not any(is_finite(one.value) for one in estimates):
        return without_data(name, title=title, reason="Skill is not defined in any subsample.")
    canvas = Canvas(name, WIDTH_PX, 0)
    entries: list[tuple[Role, Marker | str, str]] = [
        ("model", "circle", "mean, 5 % to 95 % of subsamples"),
        ("human", "diamond", "all participants"),
        ("reference", "", "mean predictor"),
    ]
    top = canvas.legend(entries, top=canvas.heading(title)) + 6
    _draw(canvas, rows, top=top, estimates=estimates, references=[Reference(0.0)], label_px=_LABEL_PX)
    n, size = _largest(subsamples, "n_subsamples"), _largest(subsamples, "n_participants")
    return finish(
        canvas,
        title=title,
        alt=sentences(f"{title}: {'; '.join(texts)}."),
        caption=sentences(
            f"{title}: {counted(n, 'random subsample')} of {counted(size, 'participant')}, mean and 5 % to "
            "95 % quantiles (circles) beside the value with all participants (diamonds).",
            "The spread tells how much a result hangs on single participants; it is no standard error.",
        ),
    )


def _largest(frame: pd.DataFrame, column: str) -> int:
    value = frame[column].max() if column in frame else None
    return int(value) if is_finite(value) and value is not None else 0


def _draw(
    canvas: Canvas,
    rows: list[Row],
    *,
    top: float,
    estimates: list[Estimate],
    references: list[Reference],
    label_px: float,
) -> None:
    """Draw labels, marks and numbers over the whole width."""
    width = label_width(rows, most=label_px)
    room = max(text_width(row.text, SMALL_SIZE) for row in rows)
    draw_labels(canvas, rows, top=top, width=width)
    draw_rows(
        canvas,
        rows,
        top=top,
        left=8 + width + 10,
        right=WIDTH_PX - room - 16,
        limits=row_limits(estimates, held=[reference.value for reference in references]),
        x_label="Skill",
        references=references,
    )
