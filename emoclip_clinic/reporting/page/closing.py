"""The end of every page: methods, what the investigator must fill in, check-lists, limits of use, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emoclip_clinic.reporting.page.blocks import (
    Block,
    Bullets,
    Cell,
    Facts,
    Folded,
    Section,
    Shown,
    Text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.writing.checklists import CheckedItem, CheckList
from emoclip_clinic.reporting.writing.methods import MethodsText
from emoclip_clinic.reporting.writing.references import citation
from emoclip_clinic.study.investigator import InvestigatorFacts, fact_questions

__all__ = ["checklist_section", "file_section", "investigator_section", "limits_section", "methods_section"]

_LIMITS = (
    "For research only. This is no diagnostic device and no medical device. It must not be used for "
    "diagnosis, for treatment decisions, or for triage.",
    "Every number is about many people together. A prediction for a single person can be far off, as the "
    "limits of agreement show.",
    "Out-of-fold predictions are about people of the same study: the same places, cameras and raters. How a "
    "model does elsewhere is not known until it is tried there.",
    "A facial expression is not an emotion or a symptom. Medication, age, culture, light and camera change "
    "a face too.",
    "The embeddings hold identity, age and sex as well as expression, and are personal data.",
)

_STATES = {
    "answered": "answered",
    "partly": "partly",
    "missing": "missing",
    "authors": "for the authors",
}


def methods_section(methods: MethodsText, rules: Sequence[str]) -> Section:
    """Show the methods with numbered references, and the rules that the analysis applied."""
    blocks: list[Block] = [
        Text("Ready for a paper; as methods.md with references.bib in the folder of this report.", "note")
    ]
    blocks += [Text(text, lead=heading) for heading, text in methods.numbered.items()]
    references = tuple(f"[{number}] {one.reference}" for number, one in enumerate(methods.citations, start=1))
    blocks.append(Folded(f"{len(references)} references", (Bullets(references),)))
    if rules:
        blocks.append(Folded("Rules of the analysis", (Bullets(tuple(rules)),)))
    return Section("methods", "Methods", tuple(blocks))


def investigator_section(facts: InvestigatorFacts) -> Section:
    """Show what only the investigator knows, as missing until it is given."""
    items = tuple(
        (name, question, _said(getattr(facts, name))) for name, question in fact_questions().items()
    )
    n_missing = sum(value is None for _, _, value in items)
    lead = (
        Text(
            f"{n_missing} of {len(items)} facts are missing. Write them into the [study] table of "
            "emoclip-clinic.toml under the names below, and make the report again.",
            "warning",
        )
        if n_missing
        else Text("All facts are given. They are the investigator's words and were not checked.")
    )
    return Section("investigator", "What the investigator must fill in", (lead, Facts(items)))


def checklist_section(checked: Mapping[str, tuple[CheckList, Sequence[CheckedItem]]]) -> Section:
    """Show every check-list with where each item is answered."""
    blocks: list[Block] = [
        Text(
            "The items are told in our words. Read the statements themselves before you submit: a program "
            "can say where something stands, not whether it is good.",
            "note",
        )
    ]
    for name, (checklist, items) in checked.items():
        counts = {state: sum(one.state == state for one in items) for state in _STATES}
        said = ", ".join(f"{n} {_STATES[state]}" for state, n in counts.items() if n)
        shown = table_of(
            f"checklist-{name}",
            f"{checklist.name}: {checklist.title}",
            [
                {"id": one.item.id, "asks": one.item.asks, "state": _STATES[one.state], "answer": one.answer}
                for one in items
            ],
            [
                plain_text("Item", "id"),
                plain_text("What it asks", "asks"),
                plain_text("State", "state"),
                plain_text("Where", "answer"),
            ],
            notes=[citation(checklist.reference).reference],
        )
        blocks.append(Folded(f"{checklist.name}: {said}", (shown,)))
    return Section("checklists", "Reporting check-lists", tuple(blocks))


def limits_section() -> Section:
    """Say what the numbers are not for."""
    return Section("limits", "Limits of use", (Bullets(_LIMITS),))


def file_section(files: Mapping[str, str]) -> Section:
    """List the files beside the page with what they hold."""
    shown = table_of(
        "files",
        "Files in the folder of this report",
        [{"name": name, "content": content} for name, content in files.items()],
        [Shown("File", lambda row: Cell(str(row["name"])), numeric=False), plain_text("Content", "content")],
        notes=[
            "TSV: unrounded, n/a where missing. A text that a spreadsheet would take for a formula has an "
            "apostrophe before it. TeX: booktabs, rounded as here. SVG: the figures."
        ],
    )
    return Section("files", "Tables and figures as files", (Folded(f"{len(files)} files", (shown,)),))


def _said(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
