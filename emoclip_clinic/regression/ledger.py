"""The ledger of analyses, ``fits/ledger.tsv``: how often the same ratings were looked at.

A p value means little without the number of analyses that were tried. Every fit adds its rows; none is ever
removed by the program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from emoclip_clinic import __version__
from emoclip_clinic.errors import FormatError, RegressionError
from emoclip_clinic.study.files import read_tsv, write_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.locks import wait_for_turn
from emoclip_clinic.study.ratings import Ratings

__all__ = [
    "MAIN_ROLES",
    "LedgerEntry",
    "Role",
    "append_ledger",
    "count_analyses",
    "ledger_entries",
    "ledger_path",
    "ratings_sha256",
    "read_ledger",
]

Role = Literal["primary", "exploratory", "sensitivity"]
MAIN_ROLES: tuple[Role, ...] = ("primary", "exploratory")

_COLUMNS = ("when_utc", "fit", "scale", "target", "role", "settings", "ratings_sha256", "version")


@dataclass(frozen=True)
class LedgerEntry:
    """One analysis: one target of one fit.

    Attributes
    ----------
    when_utc : str
        Time of the fit, ISO 8601.
    fit : str
        What the rows of one fit have in common: a hash of time, scale and settings.
    scale, target : str
        The scale, and the item, score or change that was predicted.
    role : {"primary", "exploratory", "sensitivity"}
        Whether this analysis was planned as the primary one; "sensitivity" for the same ridge under other
        choices, without a test.
    settings : str
        Settings of the fit as JSON with sorted keys.
    ratings_sha256 : str
        Hash of the ratings; see :func:`ratings_sha256`.
    version : str
        Version of emoclip-clinic.
    """

    when_utc: str
    fit: str
    scale: str
    target: str
    role: Role
    settings: str
    ratings_sha256: str
    version: str


def ledger_path(study: Study | Path | str) -> Path:
    """Return the path of a study's ledger."""
    return Study.of(study).fits / "ledger.tsv"


def ratings_sha256(ratings: Ratings) -> str:
    """Hash the ratings themselves: who was given which value by whom, whatever the file looks like.

    Parameters
    ----------
    ratings : Ratings
        The ratings.

    Returns
    -------
    str
        64 hexadecimal digits. The order of rows, dates and the way a number is written do not matter.
    """
    items = list(ratings.scale.item_ids)
    rows = []
    for record in ratings.rated[["participant_id", "session_id", "rater", *items]].to_dict("records"):
        session = record["session_id"]
        values = [None if value != value else float(value) for value in (record[item] for item in items)]
        rows.append(
            [record["participant_id"], session if isinstance(session, str) else None, record["rater"], values]
        )
    content = {"scale": ratings.scale.name, "items": items, "rows": sorted(rows, key=json.dumps)}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def ledger_entries(
    targets: Sequence[str],
    *,
    scale: str,
    settings: Mapping[str, object],
    ratings_sha256: str,
    primary: Sequence[str] = (),
    sensitivity: Sequence[Mapping[str, object]] = (),
    when: datetime | None = None,
) -> tuple[LedgerEntry, ...]:
    """Compose the rows of a fit.

    Parameters
    ----------
    targets : sequence of str
        What was predicted.
    scale : str
        Name of the scale.
    settings : mapping
        Settings of the fit, as JSON can hold them.
    ratings_sha256 : str
        Hash of the ratings.
    primary : sequence of str
        Targets that were planned as primary; the others are exploratory.
    sensitivity : sequence of mapping
        Settings of other choices that were tried on the same targets.
    when : datetime, optional
        Time of the fit, with a time zone; by default now.

    Returns
    -------
    tuple of LedgerEntry
        One for each target, then one for each target and other choice.

    Raises
    ------
    RegressionError
        If there is no target, a primary one is not among them, or settings are no JSON.
    """
    unknown = [name for name in primary if name not in targets]
    if unknown or not targets:
        raise RegressionError(
            "A primary target must be among the targets of the fit", found=", ".join(unknown) or "no target"
        )
    texts = [_settings_text(one) for one in (settings, *sensitivity)]
    moment = (when or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")
    fit = hashlib.sha256(f"{moment} {scale} {texts[0]}".encode()).hexdigest()[:12]
    roles = dict.fromkeys(targets, MAIN_ROLES[1]) | dict.fromkeys(primary, MAIN_ROLES[0])
    return tuple(
        LedgerEntry(
            when_utc=moment.replace("+00:00", "Z"),
            fit=fit,
            scale=scale,
            target=target,
            role="sensitivity" if number else roles[target],
            settings=text,
            ratings_sha256=ratings_sha256,
            version=__version__,
        )
        for number, text in enumerate(texts)
        for target in targets
    )


def _settings_text(settings: Mapping[str, object]) -> str:
    try:
        return json.dumps(dict(settings), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RegressionError(
            "Settings in the ledger must be what JSON can hold", found=str(error)
        ) from error


def append_ledger(study: Study | Path | str, entries: Sequence[LedgerEntry]) -> Path:
    """Add rows to a study's ledger: all of them or none, also when several fits end at once.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    entries : sequence of LedgerEntry
        What :func:`ledger_entries` gives.

    Returns
    -------
    Path
        The ledger.

    Raises
    ------
    FormatError
        If the ledger cannot be read; nothing is written then.
    StudyError
        If the operating system refuses.
    """
    path = ledger_path(study)
    with wait_for_turn(path.with_name(".ledger.lock")):
        rows = [*read_ledger(study), *entries]
        write_tsv(path, [vars(row) for row in rows], columns=_COLUMNS)
    return path


def read_ledger(study: Study | Path | str) -> tuple[LedgerEntry, ...]:
    """Read a study's ledger.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    tuple of LedgerEntry
        In the order in which they were added; none if there is no ledger.

    Raises
    ------
    FormatError
        If a column is absent or a value is missing.
    """
    path = ledger_path(study)
    if not path.exists():
        return ()
    table = read_tsv(path)
    if set(_COLUMNS) - set(table.columns):
        raise _damaged(path, f"columns {', '.join(table.columns)}")
    entries = []
    for line, row in zip(table.lines, table.rows, strict=True):
        cells = {name: row[name] or "" for name in _COLUMNS}
        role = next((known for known in get_args(Role) if known == cells["role"]), None)
        if role is None or not all(cells.values()):
            raise _damaged(path, f"line {line}")
        entries.append(LedgerEntry(**{**cells, "role": role}))
    return tuple(entries)


def count_analyses(
    entries: Sequence[LedgerEntry],
    *,
    ratings_sha256: str | None = None,
    scale: str | None = None,
    roles: Collection[Role] = MAIN_ROLES,
) -> int:
    """Count the different analyses that were tried: target and settings; a repetition counts once.

    Parameters
    ----------
    entries : sequence of LedgerEntry
        What :func:`read_ledger` gives.
    ratings_sha256 : str, optional
        Only of these ratings.
    scale : str, optional
        Only of this scale.
    roles : collection of {"primary", "exploratory", "sensitivity"}
        Only of these roles; by default the main analyses. Count the other choices by ``("sensitivity",)`` and
        say their number beside: whoever picks the best of them has tried them all.

    Returns
    -------
    int
        Number of distinct (scale, target, settings).
    """
    return len(
        {
            (one.scale, one.target, one.settings)
            for one in entries
            if one.role in roles
            and ratings_sha256 in (None, one.ratings_sha256)
            and scale in (None, one.scale)
        }
    )


def _damaged(path: Path, found: str) -> FormatError:
    return FormatError(
        f"The ledger must have the columns {', '.join(_COLUMNS)}, all of them filled",
        found=found,
        where=path,
        hint="Restore it from a backup, or move it away: the next fit starts a new one.",
    )
