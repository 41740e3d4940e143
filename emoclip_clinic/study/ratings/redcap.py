"""Conventions of REDCap exports: data dictionary, checkbox columns, labels, events, double data entry."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.ratings.raw_tables import read_raw_table
from emoclip_clinic.study.scales import normal_column_name

__all__ = [
    "Box",
    "DataDictionary",
    "Field",
    "checkbox_column",
    "event_label",
    "is_checked",
    "is_double_entry",
    "means_missing",
    "normal_label",
    "read_data_dictionary",
]

_NAME = ("variable_field_name", "field_name")
_FORM = ("form_name",)
_TYPE = ("field_type",)
_LABEL = ("field_label",)
_CHOICES = ("choices_calculations_or_slider_labels", "select_choices_or_calculations")

_WITH_CHOICES = ("dropdown", "radio", "checkbox")
_FIXED_CHOICES: Mapping[str, Mapping[str, str]] = {
    "yesno": {"1": "Yes", "0": "No"},
    "truefalse": {"1": "True", "0": "False"},
}
_RAW_BOX = re.compile(r"(?P<field>.+?)___(?P<code>_?[0-9A-Za-z]+)")
_LABELLED_BOX = re.compile(r"(?P<field>.+?)\s*\(choice=(?P<code>.+)\)")
_MISSING_LABEL = re.compile(
    r"\b(missing|unable|refus\w*|declin\w*|unknown|n/a"
    r"|not (?:assessed|rated|done|asked|applicable|available|known)"
    r"|nicht (?:beurteil\w*|erhoben|bekannt)|keine angabe|fehl\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Field:
    """A variable of a REDCap project.

    Parameters
    ----------
    name, form, label : str
        Variable name, name of its form, and what people see.
    choices : dict of str to str
        Code to label of a field with choices.
    """

    name: str
    form: str
    label: str
    choices: Mapping[str, str] = field(default_factory=dict)

    def code_of(self, label: str) -> str | None:
        """Give the code of a choice label, or None if no choice or more than one has it."""
        codes = [code for code, text in self.choices.items() if normal_label(text) == normal_label(label)]
        return codes[0] if len(codes) == 1 else None


@dataclass(frozen=True)
class DataDictionary:
    """The variables of a REDCap project.

    Parameters
    ----------
    path : Path
        The file.
    fields : dict of str to Field
        By variable name.
    """

    path: Path
    fields: Mapping[str, Field]

    def field_of_header(self, header: str) -> Field | None:
        """Find the field of a column header, by its name or by its label if no other field has that label."""
        if header in self.fields:
            return self.fields[header]
        same = [f for f in self.fields.values() if normal_label(f.label) == normal_label(header)]
        return same[0] if len(same) == 1 else None


@dataclass(frozen=True)
class Box:
    """A checkbox column: the field it belongs to, and the code (or the label) of its choice."""

    field: str
    code: str


def read_data_dictionary(path: Path) -> DataDictionary:
    """Read a data dictionary as REDCap exports it, from the project page or from its API.

    Parameters
    ----------
    path : Path
        CSV file.

    Returns
    -------
    DataDictionary
        The fields.

    Raises
    ------
    RatingsError
        If the file is no data dictionary, or choices are not of the form ``1, Absent | 2, Minimal``.
    """
    table = read_raw_table(path)
    names = {normal_column_name(name): index for index, name in enumerate(table.columns)}

    def column(options: Iterable[str]) -> int:
        for option in options:
            if option in names:
                return names[option]
        raise RatingsError(
            "A data dictionary must have the columns of REDCap's own export",
            found=f"none of {', '.join(options)}",
            where=path,
            hint="In REDCap: Dictionary, Download the current Data Dictionary.",
        )

    name_at, form_at, type_at, label_at, choices_at = (
        column(options) for options in (_NAME, _FORM, _TYPE, _LABEL, _CHOICES)
    )
    fields = {}
    for number, row in zip(table.row_numbers, table.rows, strict=True):
        kind = row[type_at]
        choices = dict(_FIXED_CHOICES.get(kind, {}))
        if kind in _WITH_CHOICES:
            choices = _parse_choices(row[choices_at], f"{path}, row {number}")
        label = re.sub(r"<[^>]+>", "", row[label_at])  # field labels may hold HTML
        fields[row[name_at]] = Field(row[name_at], row[form_at], " ".join(label.split()), choices)
    return DataDictionary(path, fields)


def _parse_choices(text: str, where: str) -> dict[str, str]:
    choices = {}
    for part in text.split("|"):
        code, comma, label = part.partition(",")
        if not comma or not code.strip():
            raise RatingsError(
                "Choices must be written as code, label | code, label",
                found=part.strip() or text,
                where=where,
            )
        choices[code.strip()] = label.strip()
    return choices


def normal_label(text: str) -> str:
    """Bring a label to the form in which labels are compared: one blank between words, no case."""
    return " ".join(text.split()).casefold()


def checkbox_column(header: str) -> Box | None:
    """Tell whether a column is one box of a checkbox field.

    Raw exports write ``field___3`` (and ``field____99`` for the code -99), labelled ones
    ``Label (choice=Mild)``.
    """
    raw = _RAW_BOX.fullmatch(header)
    if raw:
        code = raw["code"]
        return Box(raw["field"], f"-{code[1:]}" if code.startswith("_") else code)
    labelled = _LABELLED_BOX.fullmatch(header)
    return Box(labelled["field"], labelled["code"]) if labelled else None


def is_checked(text: str) -> bool | None:
    """Read a checkbox cell; None if it is neither checked nor unchecked."""
    folded = text.strip().casefold()
    if folded in ("1", "checked"):
        return True
    if folded in ("", "0", "unchecked"):
        return False
    return None


def event_label(name: str) -> str:
    """Make a session label of an event name.

    ``visit_1_arm_1`` of a raw export and ``Visit 1 (Arm 1: Drug)`` of a labelled one both give ``visit1``.

    Raises
    ------
    StudyError
        If no letter or digit is left.
    """
    without_arm = re.sub(r"_arm_\d+[a-z]?$", "", name.strip())
    without_arm = re.sub(r"\s*\(Arm \d+:.*\)$", "", without_arm, flags=re.IGNORECASE)
    return clean_label(without_arm, kind="session").lower()


def is_double_entry(record: str) -> bool:
    """Tell whether a record is one of the two of REDCap's double data entry (``17--1`` and ``17--2``)."""
    return re.search(r"--[12]$", record) is not None


def means_missing(code: str, label: str) -> bool:
    """Tell whether a choice stands for a missing rating: a negative code, or a label that says so."""
    return code.startswith("-") or _MISSING_LABEL.search(label) is not None
