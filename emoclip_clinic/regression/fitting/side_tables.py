"""Tables beside the main results of a fit: made once, kept in work/, or left out with a reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emoclip_clinic.errors import FormatError
from emoclip_clinic.regression.fitting.plain import plain
from emoclip_clinic.study.files import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FEWEST_PARTICIPANTS", "SideTable", "kept_or_made"]

FEWEST_PARTICIPANTS = 10
"""With fewer participants, other folds and subsamples tell nothing but chance."""


@dataclass(frozen=True, eq=False)
class SideTable:
    """Rows of a table, or why there are none.

    Attributes
    ----------
    facts : dict
        For fit.json: what was done and how long it took, or ``skipped`` with the reason.
    rows : list of dict
        Rows by name of column; empty if there is no table.
    key : str or None
        Key under which the table is kept; None if there is none.
    """

    facts: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    key: str | None = None


def kept_or_made(
    make: Callable[[], tuple[list[dict[str, Any]], dict[str, Any]]],
    *,
    name: str,
    key: str,
    work: Path,
    force: bool,
) -> SideTable:
    """Return a table that an earlier run has kept, or make it and keep it.

    Parameters
    ----------
    make : callable
        Returns rows and facts.
    name : str
        Begins the name of the file.
    key : str
        What the table depends on.
    work : Path
        Folder of finished pieces.
    force : bool
        Make it in any case.

    Returns
    -------
    SideTable
    """
    path = work / f"{name}-{key[:16]}.json"
    if path.exists() and not force:
        try:
            kept = read_json(path)
        except FormatError as error:
            raise FormatError(
                "A file of a fit must be whole",
                found=str(error),
                where=path,
                hint="Run the same `emoclip-clinic fit` with --force.",
            ) from error
        return SideTable(kept["facts"], kept["rows"], key)
    started = time.monotonic()
    rows, facts = make()
    content = plain({"rows": rows, "facts": facts | {"seconds": round(time.monotonic() - started, 3)}})
    write_json(path, content)
    return SideTable(content["facts"], content["rows"], key)
