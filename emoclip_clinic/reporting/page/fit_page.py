"""The page of one fit: sections in the order in which a reader asks; every table and figure as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.page.blocks import Block, Folded, Gallery, Picture, Section, Table
from emoclip_clinic.reporting.page.closing import (
    checklist_section,
    file_section,
    investigator_section,
    limits_section,
    methods_section,
)
from emoclip_clinic.reporting.page.fit_evidence import (
    audit_section,
    calibration_section,
    error_section,
    item_section,
    ledger_section,
    null_section,
    sensitivity_section,
)
from emoclip_clinic.reporting.page.fit_figures import draw_fit
from emoclip_clinic.reporting.page.fit_people import cohort_section, quality_section
from emoclip_clinic.reporting.page.fit_results import (
    change_section,
    labels_of,
    question_section,
    results_section,
)
from emoclip_clinic.reporting.page.fit_tables import column_table, fit_frames
from emoclip_clinic.reporting.page.raters import rater_section
from emoclip_clinic.reporting.page.rendering import Link, render, standalone_svg
from emoclip_clinic.reporting.writing.answers import headline_items
from emoclip_clinic.reporting.writing.checklists import CheckList, check_items
from emoclip_clinic.reporting.writing.methods import methods_of_fit
from emoclip_clinic.reporting.writing.tables import tsv_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import FitAnalysis
    from emoclip_clinic.reporting.writing.methods import MethodsText
    from emoclip_clinic.study.investigator import InvestigatorFacts

__all__ = ["Composed", "compose_fit", "with_files"]


@dataclass(frozen=True)
class Composed:
    """A page and the files beside it, as texts.

    Attributes
    ----------
    html : str
    files : dict of str to str
        Name to text.
    """

    html: str
    files: dict[str, str]


def compose_fit(
    analysis: FitAnalysis,
    *,
    facts: InvestigatorFacts,
    checklists: Sequence[CheckList],
    links: Sequence[Link] = (),
) -> Composed:
    """Compose the page of a fit.

    Parameters
    ----------
    analysis : FitAnalysis
        The numbers, masked if that was asked for.
    facts : InvestigatorFacts
        What the investigator gave.
    checklists : sequence of CheckList
        Reporting check-lists.
    links : sequence of Link
        Links to other pages.

    Returns
    -------
    Composed
        HTML, and the texts of TSV, SVG, LaTeX, Markdown and BibTeX files.
    """
    drawn = draw_fit(analysis)
    names = dict(zip(analysis.items["item"], labels_of(analysis.items), strict=True))
    methods = methods_of_fit(analysis)
    sections = [
        question_section(analysis),
        cohort_section(analysis, drawn.flow),
        quality_section(analysis, drawn.quality),
        results_section(analysis, drawn.results),
        item_section(analysis, drawn.items),
        rater_section(
            analysis.raters,
            drawn.raters,
            title="Human beside model",
            names=names,
            confidence=analysis.settings.confidence,
            headline=headline_items(analysis),
        ),
        null_section(analysis, drawn.null),
        calibration_section(analysis, drawn.calibration),
        error_section(analysis, drawn.errors),
        change_section(analysis),
        sensitivity_section(analysis, drawn.sensitivity),
        audit_section(analysis),
        methods_section(methods, list(analysis.rules.values())),
        ledger_section(analysis, drawn.stability),
        investigator_section(facts),
    ]
    return with_files(
        sections,
        frames=fit_frames(analysis),
        methods=methods,
        facts=facts,
        checklists=checklists,
        title=f"{analysis.scale.title}: {analysis.name}",
        kind="Report on a fit",
        subtitle=f"Fit {analysis.name}, made {analysis.created_utc}.",
        links=links,
    )


def with_files(
    sections: Sequence[Section],
    *,
    frames: dict[str, pd.DataFrame],
    methods: MethodsText,
    facts: InvestigatorFacts,
    checklists: Sequence[CheckList],
    title: str,
    kind: str,
    subtitle: str,
    links: Sequence[Link] = (),
) -> Composed:
    """Add check-lists, limits and the list of files to sections, and compose all files.

    Parameters
    ----------
    sections : sequence of Section
        The sections before.
    frames : dict of str to DataFrame
        Tables to be written as TSV.
    methods : MethodsText
        The methods.
    facts : InvestigatorFacts
        What the investigator gave.
    checklists : sequence of CheckList
        Reporting check-lists.
    title, kind, subtitle : str
        See :func:`emoclip_clinic.reporting.page.rendering.render`.
    links : sequence of Link
        Links to other pages.

    Returns
    -------
    Composed
        The page and its files.
    """
    titles = {one.key: f"{place}, {one.title}" for place, one in enumerate(sections, start=1)}
    n = len(sections)
    titles |= {"limits": f"{n + 2}, Limits of use", "files": f"{n + 3}, Tables and figures as files"}
    empty = {one.key for one in sections if one.is_empty}
    checked = {
        one.name: (one, check_items(one, sections=titles, facts=facts, empty=empty)) for one in checklists
    }
    columns, contents = column_table(frames)
    files = {f"{name}.tsv": tsv_text(frame) for name, frame in frames.items()}
    files["columns.tsv"] = tsv_text(columns)
    contents["columns.tsv"] = "Meaning of every column of the other tables."
    blocks = [block for section in sections for block in _all_blocks(section.blocks)]
    for block in blocks:
        if isinstance(block, Picture):
            name = f"{block.drawing.name}.svg"
            files[name], contents[name] = (
                standalone_svg(block.drawing),
                block.drawing.caption.split(". ")[0] + ".",
            )
        if isinstance(block, Table) and block.for_paper and block.rows:
            name = f"{block.key}.tex"
            files[name], contents[name] = block.latex, f"{block.caption}."
    files |= {"methods.md": methods.markdown, "references.bib": methods.bibtex}
    contents |= {
        "methods.md": "Methods for a paper.",
        "references.bib": "Publications that the methods cite.",
    }
    html = render(
        [*sections, checklist_section(checked), limits_section(), file_section(contents)],
        title=title,
        kind=kind,
        subtitle=subtitle,
        links=links,
    )
    return Composed(html, files)


def _all_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Folded):
            yield from _all_blocks(block.blocks)
        if isinstance(block, Gallery):
            yield from block.pictures
