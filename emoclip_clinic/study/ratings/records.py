"""The records of ratings: how a file is to be read, how it was read, and what was found in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emoclip_clinic.study.ratings.problems import Problem
from emoclip_clinic.study.scales import Scale

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ratings", "RatingsSource", "ReadOptions"]


@dataclass(frozen=True)
class ReadOptions:
    """How a file of ratings is to be read, where the file does not say it itself.

    Parameters
    ----------
    mapping : mapping of str to str
        Column by item, score or role (participant_id, session_id, rater, rating_date); '' for none.
    missing_codes : mapping of str to str
        Codes that mean a missing rating, with the reason.
    session, rater : str or None
        Value for all rows of a file without such a column.
    events : mapping of str to str
        Session by REDCap event name. If given, every event with ratings must be in it.
    repeat_as : {'session', 'rater'} or None
        What the instances of a repeating instrument are.
    dictionary : Path or None
        REDCap data dictionary.
    original_numbers : bool
        Whether numbers in column names are those of the scale's original form.
    date_format : str or None
        Format of dates as in ``strptime``; by default 2024-05-31 and 31.05.2024 are understood.
    encoding, separator, decimal, sheet : str or None
        How the file is written; by default detected.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    missing_codes: Mapping[str, str] = field(default_factory=dict)
    session: str | None = None
    rater: str | None = None
    events: Mapping[str, str] = field(default_factory=dict)
    repeat_as: Literal["session", "rater"] | None = None
    dictionary: Path | None = None
    original_numbers: bool = False
    date_format: str | None = None
    encoding: str | None = None
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class RatingsSource:
    """How a file was read: everything that was detected or left out.

    Parameters
    ----------
    path : Path
        The file.
    encoding, separator, sheet : str or None
        As detected or given.
    decimal : str
        Decimal mark.
    columns : mapping of str to str
        Column of the file by item, score and role.
    left_out_columns : tuple of str
        Columns that hold nothing of this scale.
    left_out_rows : mapping of str to int
        Number of rows without ratings of this scale, by reason.
    """

    path: Path
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    decimal: str = "."
    columns: Mapping[str, str] = field(default_factory=dict)
    left_out_columns: tuple[str, ...] = ()
    left_out_rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratings:
    """Ratings of one scale: one row for each participant, session and rater.

    Parameters
    ----------
    scale : Scale
        The scale.
    frame : DataFrame
        Columns ``participant_id`` (``sub-01``), ``session_id`` (``ses-1`` or missing), ``rater``,
        ``rating_date`` (ISO 8601 or missing), ``source_row`` (row in the file), and one column of float64 for
        each item. The index counts from 0.
    missing : DataFrame
        One row for each missing rating: ``participant_id``, ``session_id``, ``rater``, ``item``, ``reason``.
    stated : DataFrame
        Scores as the file states them, as text, with the index of ``frame``; one column for each that it has.
    originals : DataFrame
        ``participant``, ``session`` as the file writes them, with the index of ``frame``.
    problems : tuple of Problem
        What is wrong with single cells and rows. Such a cell is missing in ``frame``.
    source : RatingsSource
        Where the ratings come from.
    """

    scale: Scale
    frame: "pd.DataFrame"
    missing: "pd.DataFrame"
    stated: "pd.DataFrame"
    originals: "pd.DataFrame"
    problems: tuple[Problem, ...]
    source: RatingsSource

    @property
    def rated(self) -> "pd.DataFrame":
        """The rows of ``frame`` that hold at least one rating."""
        return self.frame[self.frame[list(self.scale.item_ids)].notna().any(axis=1)]
