"""Identifiers: clean labels for file names, and the table that keeps what people wrote.

File names carry BIDS labels, which are ASCII letters and digits only. Two people whose identifiers become the
same label are never merged: that is an error which names both originals.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import read_tsv, write_tsv
from emoclip_clinic.study.layout import Study

__all__ = [
    "IdentifierKind",
    "IdentifierRow",
    "check_identifiers",
    "clean_label",
    "plain_original",
    "suggest_identifiers",
    "write_identifiers",
]

IdentifierKind = Literal["participant", "session", "task", "run"]

_PREFIX: dict[IdentifierKind, str] = {
    "participant": "sub-",
    "session": "ses-",
    "task": "task-",
    "run": "run-",
}
_MAX_LABEL = 64  # four labels and our endings still fit in the 255 bytes of a file name
_MOST_LISTED = 20  # known identifiers in one message
_COLUMNS = ("kind", "participant_id", "label", "original")


class Identified(Protocol):
    """What this module needs to know of a recording."""

    @property
    def participant_id(self) -> str: ...
    @property
    def session_id(self) -> str | None: ...
    @property
    def participant_original(self) -> str: ...
    @property
    def session_original(self) -> str | None: ...


@dataclass(frozen=True)
class IdentifierRow:
    """One row of ``identifiers.tsv``: what was written, and the label that stands for it in file names.

    Parameters
    ----------
    kind : {"participant", "session"}
        What is identified. Sessions are identified within their participant.
    participant_id : str
        ``sub-<label>`` of the participant.
    label : str
        ``sub-<label>`` or ``ses-<label>`` as in file names and tables.
    original : str
        The identifier as it was written.
    """

    kind: Literal["participant", "session"]
    participant_id: str
    label: str
    original: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What different originals must not share; letter case does not tell names apart on every disk."""
        return self.kind, self.participant_id.casefold(), self.label.casefold()


def plain_original(raw: str, *, kind: IdentifierKind) -> str:
    """Return an identifier as it was written, without its BIDS prefix and with single spaces.

    ``sub-01`` and ``01`` are the same participant, and so are the composed and decomposed forms of an accent.

    Parameters
    ----------
    raw : str
        The identifier, such as ``sub-01``, ``01`` or ``P-01``.
    kind : {"participant", "session", "task", "run"}
        What it identifies.

    Returns
    -------
    str
        The identifier in Unicode normal form C.
    """
    text = " ".join(unicodedata.normalize("NFC", raw).split())
    prefix = _PREFIX[kind]
    return text[len(prefix) :].strip() if text.lower().startswith(prefix) else text


def clean_label(raw: str, *, kind: IdentifierKind) -> str:
    """Turn an identifier into a BIDS label: ASCII letters and digits, without prefix.

    Accents are dropped (``Zoé`` becomes ``Zoe``), and so is every other character.

    Parameters
    ----------
    raw : str
        The identifier, with or without prefix: ``sub-01``, ``01``, ``P-01``.
    kind : {"participant", "session", "task", "run"}
        What it identifies.

    Returns
    -------
    str
        The label: ``01``, ``01``, ``P01``.

    Raises
    ------
    StudyError
        If no letter or digit is left, or the label is longer than 64 characters.
    """
    decomposed = unicodedata.normalize("NFKD", plain_original(raw, kind=kind))
    label = re.sub(r"[^0-9A-Za-z]", "", decomposed)
    if not label:
        raise StudyError(
            f"The identifier of a {kind} must hold a letter a-z or a digit",
            found=repr(raw),
            hint="Give it another name in recordings.tsv.",
        )
    if len(label) > _MAX_LABEL:
        raise StudyError(
            f"The identifier of a {kind} must have at most {_MAX_LABEL} letters and digits",
            found=f"{len(label)} in {raw!r}",
            hint="Give it a shorter name in recordings.tsv.",
        )
    return label


def suggest_identifiers(name: str, known: Iterable[str]) -> str:
    """Compose the sentence that offers identifiers in place of an unknown one.

    Identifiers look alike without being meant (``sub-09`` is not ``sub-01``), so one is offered only if it is
    the only one that differs in a single character; else the known ones are listed.

    Parameters
    ----------
    name : str
        The unknown identifier.
    known : iterable of str
        Identifiers that exist.

    Returns
    -------
    str
        A sentence; empty if none is known.
    """
    ordered = sorted(known)
    close = [one for one in ordered if _one_edit_apart(name, one)]
    if len(close) == 1:
        return f"Did you mean {close[0]!r}?"
    if not ordered:
        return ""
    rest = len(ordered) - _MOST_LISTED
    more = f" and {rest} more" if rest > 0 else ""
    return f"Known are {', '.join(ordered[:_MOST_LISTED])}{more}."


def check_identifiers(study: Study, recordings: Iterable[Identified]) -> tuple[IdentifierRow, ...]:
    """Check that no two originals share a label, here and with what the study already holds.

    Parameters
    ----------
    study : Study
        The study, whose ``identifiers.tsv`` of earlier runs takes part in the check.
    recordings : iterable of Recording
        The recordings of this run.

    Returns
    -------
    tuple of IdentifierRow
        The rows of ``identifiers.tsv`` after this run, sorted.

    Raises
    ------
    StudyError
        If two participants, or two sessions of one participant, become the same label. All are listed.
    """
    known: dict[tuple[str, str, str], IdentifierRow] = {}
    clashes: dict[str, None] = {}
    for row in [*_stored(study), *_rows_of(recordings)]:
        first = known.setdefault(row.name, row)
        if first.original != row.original or first.label != row.label:
            clashes[f"{first.original!r} and {row.original!r} both become {first.label}"] = None
    if clashes:
        raise StudyError(
            "Different identifiers must stay different when only letters and digits are kept,"
            " whatever their letter case",
            found=list(clashes),
            where=study.root,
            hint="Rename one of each pair, for example in recordings.tsv. If both are the same person, write"
            f" it the same way everywhere (and remove an earlier run's row from {study.identifiers_tsv}).",
        )
    return tuple(sorted(known.values(), key=lambda row: (row.participant_id, row.kind, row.label)))


def write_identifiers(study: Study, recordings: Iterable[Identified]) -> tuple[IdentifierRow, ...]:
    """Write ``identifiers.tsv`` into the derivatives: original to label, for this run and the earlier ones.

    Parameters
    ----------
    study : Study
        The study.
    recordings : iterable of Recording
        The recordings of this run.

    Returns
    -------
    tuple of IdentifierRow
        The rows written.

    Raises
    ------
    StudyError
        As :func:`check_identifiers`, or if the file cannot be written.
    """
    rows = check_identifiers(study, recordings)
    write_tsv(
        study.identifiers_tsv,
        [
            {"kind": r.kind, "participant_id": r.participant_id, "label": r.label, "original": r.original}
            for r in rows
        ],
        columns=_COLUMNS,
    )
    return rows


def _one_edit_apart(one: str, other: str) -> bool:
    """Whether one character replaced, added or left out turns one text into the other."""
    short, long = sorted((one, other), key=len)
    at = next((k for k, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short != long and long[at + 1 :] == short[at + (len(short) == len(long)) :]


def _rows_of(recordings: Iterable[Identified]) -> Iterable[IdentifierRow]:
    for one in recordings:
        yield IdentifierRow("participant", one.participant_id, one.participant_id, one.participant_original)
        if one.session_id is not None and one.session_original is not None:
            yield IdentifierRow("session", one.participant_id, one.session_id, one.session_original)


def _stored(study: Study) -> Iterable[IdentifierRow]:
    if not study.identifiers_tsv.is_file():
        return
    table = read_tsv(study.identifiers_tsv)
    for line, row in zip(table.lines, table.rows, strict=True):
        kind, participant, label, original = (row.get(column) for column in _COLUMNS)
        if kind not in ("participant", "session") or not participant or not label or not original:
            raise StudyError(
                f"Every row must give {', '.join(_COLUMNS)}, and kind is participant or session",
                where=f"{study.identifiers_tsv}, line {line}",
                hint="The file is written by extract. Remove it; the next run writes it again.",
            )
        yield IdentifierRow(
            "participant" if kind == "participant" else "session", participant, label, original
        )
