"""The part of a page on raters: how well they agree, and the model as one more rater."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.page.blocks import (
    Block,
    Bullets,
    Folded,
    Gallery,
    Picture,
    Record,
    Section,
    Table,
    Text,
    counts,
    estimate,
    fixed,
    note_text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.writing.rounding import in_brackets

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import RaterAnalysis
    from emoclip_clinic.reporting.page.blocks import Drawing

__all__ = ["rater_section"]

_SHORT = 8

_NAME = plain_text("Item or score", "label")


def rater_section(
    raters: RaterAnalysis,
    drawings: Sequence[Drawing],
    *,
    title: str,
    names: Mapping[str, str],
    confidence: float,
    headline: Sequence[str] = ("",),
) -> Section:
    """Compose the part.

    Parameters
    ----------
    raters : RaterAnalysis
        The numbers.
    drawings : sequence of Drawing
        Figures.
    title : str
        Title of the section.
    names : mapping of str to str
        Readable names of the items.
    confidence : float
        Level of the intervals.
    headline : sequence of str
        Items whose rows are shown openly.

    Returns
    -------
    Section
        With one rater, it says what is missing.
    """
    if len(raters.raters) < 2 or not raters.n_double:
        said = " ".join(raters.missing) or "Fewer than two raters rated the same session."
        return Section("raters", title, (Text(said, "missing"),), is_empty=True)
    blocks: list[Block] = [Text(sentence, "missing") for sentence in raters.missing]
    blocks += [Gallery(tuple(map(Picture, drawings)))] if drawings else []
    beside = _labelled(raters.model_human, names)
    if beside:
        blocks += _short_or_chosen(
            lambda rows, key: _beside(rows, confidence, key=key),
            beside,
            "model-human",
            "All targets",
            headline,
        )
    if any(verdict != "none" for verdict in raters.verdicts["verdict"]):
        verdicts = _labelled(raters.verdicts, names)
        blocks += _short_or_chosen(_verdicts, verdicts, "verdicts", "All verdicts", headline)
    if len(raters.ceiling):
        blocks.append(_ceiling(_labelled(raters.ceiling, names), confidence))
    if len(raters.human):
        blocks += _short_or_chosen(
            lambda rows, key: _human(rows, confidence, key=key),
            _labelled(raters.human, names),
            "human",
            "Raters with each other, all targets",
            headline,
        )
    if len(raters.pairwise):
        blocks.append(Folded("Every pair of raters", (_pairwise(_labelled(raters.pairwise, names)),)))
    if raters.notes:
        blocks.append(Bullets(raters.notes))
    return Section("raters", title, tuple(blocks))


def _short_or_chosen(
    make: Callable[[list[Record], str], Table],
    rows: list[Record],
    key: str,
    title: str,
    headline: Sequence[str],
) -> list[Block]:
    """A short table as it is; of a long one the rows of the targets of the answer, and all of them folded."""
    chosen = [row for row in rows if row["item"] in headline]
    if len(rows) <= _SHORT or len(chosen) in (0, len(rows)):
        return [make(rows, key)]
    short = make(chosen, f"{key}-of-the-answer")
    return [
        replace(short, caption=f"{short.caption} (targets of the short answer)"),
        Folded(title, (make(rows, key),)),
    ]


def _labelled(frame: pd.DataFrame, names: Mapping[str, str]) -> list[Record]:
    return [
        {**row, "label": names.get(row["item"], row["item"]) or "all"} for row in frame.to_dict("records")
    ]


def _beside(rows: list[Record], confidence: float, *, key: str) -> Table:
    return table_of(
        key,
        f"One rater, and the model, each with the mean of the other raters; {in_brackets(confidence)}",
        rows,
        [
            _NAME,
            plain_text("Statistic", "statistic"),
            counts("n_clusters", "n"),
            estimate("Human", "human"),
            estimate("Model", "model"),
            estimate("Model minus human", "difference"),
            note_text("Note", "flag"),
        ],
        notes=[
            "n: participants, and sessions in brackets. Intervals: bootstrap over participants, these "
            "raters held fixed. Of MAE a positive difference is worse, of all others better.",
            "A difference that is not significant does not show that model and rater are equal.",
        ],
        for_paper=True,
    )


def _verdicts(rows: list[Record], key: str) -> Table:
    return table_of(
        key,
        "Is the model as good as one more rater?",
        rows,
        [
            _NAME,
            plain_text("Statistic", "statistic", once=True),
            fixed("Margin", "margin"),
            plain_text("Origin of the margin", "margin_origin", once=True),
            fixed("97.5 % lower limit", "lower_limit", meaning="One-sided lower limit of model minus human."),
            plain_text("Verdict", "verdict"),
            plain_text("Why", "reason"),
        ],
        notes=["Non-inferior: the lower limit lies above minus the margin."],
        for_paper=True,
    )


def _ceiling(rows: list[Record], confidence: float) -> Table | Folded:
    shown = table_of(
        "ceiling",
        f"Reliability of the ratings as used, and the highest r to expect; {in_brackets(confidence)}",
        rows,
        [
            _NAME,
            plain_text("Raters", "design", once=True),
            plain_text("Form", "form", once=True),
            fixed("n", "n", "whole"),
            fixed("Ratings per session", "k"),
            estimate("Reliability", "reliability"),
            estimate("Ceiling of r", "ceiling"),
            note_text("Note", "flag", has_p=False),
        ],
        notes=[
            "The ceiling is the root of the reliability, if errors of raters and model are independent. "
            "Raters who share an interview share errors with the video, and r can exceed the ceiling. Two "
            "single raters agree at the reliability itself, so an r above theirs is not superhuman."
        ],
        for_paper=True,
    )
    return shown if len(rows) <= _SHORT else Folded("Reliability and ceiling", (shown,))


def _human(rows: list[Record], confidence: float, *, key: str) -> Table:
    return table_of(
        key,
        f"Raters with each other, {in_brackets(confidence)}",
        rows,
        [
            _NAME,
            plain_text("Statistic", "statistic"),
            fixed("n", "n", "whole"),
            fixed("Participants", "n_clusters", "whole"),
            estimate("Estimate", "estimate", low="ci_low", high="ci_high"),
            fixed("p", "p", "p"),
            plain_text("Interval", "ci_method", once=True),
            note_text("Note", "flag"),
        ],
        for_paper=True,
    )


def _pairwise(rows: list[Record]) -> Table:
    return table_of(
        "pairs-of-raters",
        "Every pair of raters",
        rows,
        [
            _NAME,
            plain_text("Rater", "rater_a"),
            plain_text("Other rater", "rater_b"),
            fixed("n", "n", "whole"),
            fixed("Pearson r", "pearson_r"),
            fixed("CCC", "ccc"),
            fixed("ICC(A,1)", "icc_a1"),
            fixed("MAE", "mae"),
        ],
    )
