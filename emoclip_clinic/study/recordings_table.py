"""recordings.tsv: the table in which a study says which video belongs to whom."""

import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import get_args

from emoclip_clinic.errors import StudyError, suggestions
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.identifiers import IdentifierKind, clean_label
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.settings import SubjectRule

__all__ = ["RECORDINGS_COLUMNS", "TableRow", "read_recordings_table"]

RECORDINGS_COLUMNS: Mapping[str, str] = {
    "path": "Video file, relative to the study or absolute.",
    "participant_id": "The person rated, with or without 'sub-'.",
    "session_id": "The visit, with or without 'ses-'; n/a if participants have one.",
    "task": "What is done in the video; optional.",
    "run": "Number or name of a repetition; optional.",
    "start_s": "Where the recording begins in the video, in seconds; optional.",
    "end_s": "Where it ends in the video, in seconds; optional.",
    "rotation": "Clockwise rotation to apply instead of the file's own, 0, 90, 180 or 270 degrees; optional.",
    "subject_rule": "Rule that finds the participant's face in this recording; optional.",
    "note": "Anything; optional.",
}
"""Columns of ``recordings.tsv`` and their meaning. ``path`` and ``participant_id`` are needed."""

_NEEDED = ("path", "participant_id")
_IDENTIFIERS: Mapping[str, IdentifierKind] = {
    "participant_id": "participant",
    "session_id": "session",
    "task": "task",
    "run": "run",
}
_ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True)
class TableRow:
    """One valid row of ``recordings.tsv``.

    Parameters
    ----------
    line : int
        Line of the file.
    path : Path
        Absolute path of the video, which exists if `present`.
    present : bool
        Whether the video is there.
    participant, session, task, run : str or None
        As written.
    start_s, end_s : float or None
        Part of the video, in seconds.
    rotation_deg : int or None
        Clockwise rotation.
    subject_rule : str or None
        Rule for the subject track.
    """

    line: int
    path: Path
    present: bool
    participant: str
    session: str | None
    task: str | None
    run: str | None
    start_s: float | None
    end_s: float | None
    rotation_deg: int | None
    subject_rule: SubjectRule | None


def read_recordings_table(study: Study) -> tuple[TableRow, ...]:
    """Read and check ``recordings.tsv``.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of TableRow
        The rows; none if the study has no such table. Whether the videos exist is told, not checked.

    Raises
    ------
    StudyError
        If a column is unknown or missing, or rows are not valid. All bad rows are reported together.
    """
    path = study.recordings_tsv
    if not path.exists():
        return ()
    table = read_tsv(path)
    _check_columns(table.columns, path)
    rows: list[TableRow] = []
    problems: list[str] = []
    for line, cells in zip(table.lines, table.rows, strict=True):
        row = _read_row(line, cells, study)
        if isinstance(row, TableRow):
            rows.append(row)
        else:
            problems += [f"line {line}: {problem}" for problem in row]
    if problems:
        raise StudyError(
            "Every row of recordings.tsv must be valid",
            found=problems,
            where=path,
            hint="Correct these lines (the header is line 1) and run again. Nothing has been done yet."
            + _suggested_rules(table.rows),
        )
    return tuple(rows)


def _check_columns(columns: tuple[str, ...], path: Path) -> None:
    unknown = [column for column in columns if column not in RECORDINGS_COLUMNS]
    if unknown:
        tabs = len(columns) == 1 and any(mark in columns[0] for mark in ",;")
        raise StudyError(
            "recordings.tsv may have only the columns that it knows",
            found=", ".join(repr(column) for column in unknown),
            where=path,
            hint="Separate the columns with tabs." if tabs else suggestions(unknown, RECORDINGS_COLUMNS),
        )
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise StudyError(
            "recordings.tsv must have the columns path and participant_id",
            found=f"no column {' and no column '.join(missing)}",
            where=path,
            hint="Give the columns these names in the first line of the table.",
        )


def _read_row(line: int, cells: dict[str, str | None], study: Study) -> TableRow | list[str]:
    problems = [f"{column} is missing" for column in _NEEDED if not cells[column]]
    for column, kind in _IDENTIFIERS.items():
        text = cells.get(column)
        if text:
            try:
                clean_label(text, kind=kind)
            except StudyError as error:
                problems.append(f"{error.rule} (found: {error.found})")
    start_s, end_s = (_seconds(cells.get(column), column, problems) for column in ("start_s", "end_s"))
    if end_s is not None and end_s <= (start_s or 0.0):
        problems.append(
            f"end_s must be greater than start_s (found: {cells.get('start_s') or 0} to {cells['end_s']})"
        )
    rotation = _rotation(cells.get("rotation"), problems)
    rule = _rule(cells.get("subject_rule"), problems)
    if problems:
        return problems
    path, present = _locate(str(cells["path"]), study)
    return TableRow(
        line,
        path,
        present,
        str(cells["participant_id"]),
        cells.get("session_id"),
        cells.get("task"),
        cells.get("run"),
        start_s,
        end_s,
        rotation,
        rule,
    )


def _seconds(text: str | None, column: str, problems: list[str]) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        hint = " (write a decimal point)" if "," in text else " (1:30 is 90)" if ":" in text else ""
        problems.append(f"{column} must be a number of seconds from 0 on{hint} (found: {text!r})")
        return None
    return value


def _rotation(text: str | None, problems: list[str]) -> int | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value not in _ROTATIONS:
        problems.append(f"rotation must be 0, 90, 180 or 270 degrees clockwise (found: {text!r})")
        return None
    return int(value)


def _rule(text: str | None, problems: list[str]) -> SubjectRule | None:
    if text is None:
        return None
    rules: tuple[SubjectRule, ...] = get_args(SubjectRule)
    if text not in rules:
        problems.append(f"subject_rule must be one of {', '.join(rules)} (found: {text!r})")
        return None
    return rules[rules.index(text)]


def _suggested_rules(rows: Iterable[Mapping[str, str | None]]) -> str:
    rules = get_args(SubjectRule)
    given = (cells.get("subject_rule") for cells in rows)
    unknown = [text for text in given if text is not None and text not in rules]
    return f" {suggestions(unknown, rules)}" if unknown else ""


def _locate(text: str, study: Study) -> tuple[Path, bool]:
    """Find the file also where the table and the disk spell accents or separators differently."""
    spellings = [text]
    if "\\" in text:  # the table was written on Windows
        spellings.append(PureWindowsPath(text).as_posix())
    for spelling in list(spellings):
        spellings += [unicodedata.normalize("NFC", spelling), unicodedata.normalize("NFD", spelling)]
    for spelling in spellings:
        path = Path(os.path.abspath(study.root / spelling))
        if path.exists():
            return path, True
    return Path(os.path.abspath(study.root / text)), False
