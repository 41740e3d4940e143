"""The page that lists the reports of several fits, one row for each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emoclip_clinic.reporting.page.blocks import Section, Text, estimate, fixed, plain_text, table_of
from emoclip_clinic.reporting.page.closing import limits_section
from emoclip_clinic.reporting.page.rendering import Link, render
from emoclip_clinic.reporting.writing.answers import headline_items
from emoclip_clinic.reporting.writing.rounding import CONVENTION, in_brackets

if TYPE_CHECKING:
    from emoclip_clinic.reporting.analysis.records import FitAnalysis

__all__ = ["compose_overview"]


def compose_overview(analyses: Sequence[FitAnalysis], pages: Mapping[str, str]) -> str:
    """Compose the overview.

    Parameters
    ----------
    analyses : sequence of FitAnalysis
        The fits, masked if that was asked for.
    pages : mapping of str to str
        Name of each fit to the file of its page.

    Returns
    -------
    str
        HTML.
    """
    shown = table_of(
        "overview",
        "One row per fit: its first primary target, else its total; "
        f"{in_brackets(analyses[0].settings.confidence)}",
        [_row(analysis) for analysis in analyses],
        [
            plain_text("Fit", "fit"),
            plain_text("Scale", "scale"),
            plain_text("Target", "target"),
            plain_text("Role", "role"),
            fixed("Participants", "n_participants", "whole"),
            fixed("Sessions", "n_sessions", "whole"),
            estimate("Skill", "skill"),
            estimate("Pearson r", "pearson_r"),
            estimate("CCC", "ccc"),
            estimate("MAE", "mae"),
            fixed("p", "p", "p"),
            fixed("Analyses tried", "n_tried", "whole"),
        ],
        notes=["p is of each target alone; it is not adjusted across fits.", CONVENTION],
    )
    links = [Link(pages[one.name], f"{one.name}: {one.scale.title}") for one in analyses]
    return render(
        [
            Section(
                "overview", "All reports", (Text("Every row has a page of its own, linked above."), shown)
            ),
            limits_section(),
        ],
        title="Reports of this study",
        kind="Overview",
        subtitle=f"{len(analyses)} fits.",
        links=links,
    )


def _row(analysis: FitAnalysis) -> Mapping[Hashable, Any]:
    item = headline_items(analysis)[0]
    row = analysis.items[analysis.items["item"] == item].to_dict("records")[0]
    return {
        **row,
        "fit": analysis.name,
        "scale": analysis.scale.title,
        "target": row["name"],
        "n_tried": analysis.ledger.n_analyses,
    }
