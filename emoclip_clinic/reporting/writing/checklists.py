"""Reporting check-lists as data: what the page answers, what the investigator, and what nobody yet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emoclip_clinic.errors import ReportError
from emoclip_clinic.study.investigator import InvestigatorFacts
from emoclip_clinic.study.protocols import list_protocols

__all__ = ["CheckList", "CheckListItem", "CheckedItem", "check_items", "load_checklists"]

State = Literal["answered", "partly", "missing", "authors"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckListItem(_Record):
    """One item of a check-list."""

    id: Annotated[str, Field(description="Number of the item.")]
    asks: Annotated[str, Field(min_length=1, description="What the item asks, in our words.")]
    by: Annotated[
        Literal["page", "facts", "authors"],
        Field(description="Who answers: the page, facts of the [study] table, or the authors alone."),
    ]
    where: Annotated[str | None, Field(description="Section of the page.")] = None
    facts: Annotated[tuple[str, ...], Field(description="Names in the [study] table.")] = ()

    @model_validator(mode="after")
    def _can_be_answered(self) -> "CheckListItem":
        if self.by == "page" and self.where is None:
            raise ValueError("an item that the page answers must name a section")
        if (self.by == "facts") != bool(self.facts):
            raise ValueError("an item that facts answer must name them, and no other may")
        unknown = set(self.facts) - set(InvestigatorFacts.model_fields)
        if unknown:
            raise ValueError(f"no fact of the [study] table: {', '.join(sorted(unknown))}")
        return self


class CheckList(_Record):
    """A check-list."""

    name: Annotated[str, Field(description="Its short name.")]
    title: Annotated[str, Field(description="What it is for.")]
    reference: Annotated[str, Field(description="Key of the publication.")]
    items: tuple[CheckListItem, ...]


@dataclass(frozen=True)
class CheckedItem:
    """An item and how it is answered.

    Attributes
    ----------
    item : CheckListItem
    state : {"answered", "partly", "missing", "authors"}
        ``missing`` if facts or the section are not there, ``authors`` if software cannot answer.
    answer : str
        Where the answer is, or what is missing.
    section : str or None
        Section of the page that exists and answers.
    """

    item: CheckListItem
    state: State
    answer: str
    section: str | None


def load_checklists(*, study: Path | None = None) -> tuple[CheckList, ...]:
    """Read all check-lists; a study's own win.

    Parameters
    ----------
    study : Path, optional
        Root of the study.

    Returns
    -------
    tuple of CheckList
        Sorted by file name.

    Raises
    ------
    ReportError
        If a file is no check-list.
    """
    loaded = []
    for path in list_protocols("checklists", study=study).values():
        if path.suffix == ".yaml":
            try:
                loaded.append(CheckList.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
            except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
                raise ReportError(
                    "A check-list must be YAML with name, title, reference and items",
                    found=str(error),
                    where=path,
                    hint="Compare it with the shipped ones, or remove it from the study's protocols.",
                ) from error
    return tuple(loaded)


def check_items(
    checklist: CheckList,
    *,
    sections: Mapping[str, str],
    facts: InvestigatorFacts,
    empty: Collection[str] = (),
) -> tuple[CheckedItem, ...]:
    """Tell for every item where it is answered.

    Parameters
    ----------
    checklist : CheckList
        The list.
    sections : mapping of str to str
        Sections of the page and their titles.
    facts : InvestigatorFacts
        What the investigator gave.
    empty : collection of str
        Sections that only say what is missing.

    Returns
    -------
    tuple of CheckedItem
        In the order of the list.
    """
    return tuple(_checked(item, sections, facts, empty) for item in checklist.items)


def _checked(
    item: CheckListItem, sections: Mapping[str, str], facts: InvestigatorFacts, empty: Collection[str]
) -> CheckedItem:
    if item.by == "authors":
        return CheckedItem(item, "authors", "Software cannot answer: for the authors.", None)
    section = item.where if item.where in sections else None
    shows = section is not None and section not in empty
    lacking = [name for name in item.facts if getattr(facts, name) is None]
    parts = []
    if section is not None:
        parts.append(f"Section {sections[section]}" + ("" if shows else ", which says what is missing"))
    elif item.where is not None:
        parts.append("Not part of this page")
    if item.facts and not lacking:
        parts.append("What the investigator stated")
    if lacking:
        parts.append(f"Missing in [study]: {', '.join(lacking)}")
    given = len(item.facts) - len(lacking)
    state: State
    if not lacking and (item.where is None or shows):
        state = "answered"
    else:
        state = "partly" if given or (shows and item.facts) else "missing"
    return CheckedItem(item, state, ". ".join(parts) + ".", section)
