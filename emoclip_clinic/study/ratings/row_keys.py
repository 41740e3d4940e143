"""Whose rating a row is: participant, session, rater and date, cleaned as for videos so that the two meet."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from emoclip_clinic.errors import RatingsError, StudyError, did_you_mean
from emoclip_clinic.study.identifiers import clean_label, plain_original
from emoclip_clinic.study.ratings.columns import ColumnPlan
from emoclip_clinic.study.ratings.problems import Problem, ProblemKind
from emoclip_clinic.study.ratings.raw_tables import RawTable
from emoclip_clinic.study.ratings.records import ReadOptions
from emoclip_clinic.study.ratings.redcap import event_label, is_double_entry

__all__ = ["UNNAMED_RATER", "RowKeys", "RowKeysReader"]

UNNAMED_RATER = "unnamed"

_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y")
_NONE = ("", "n/a")


@dataclass(frozen=True)
class RowKeys:
    """Whose rating a row is.

    Parameters
    ----------
    participant_id, session_id : str or None
        ``sub-01`` and ``ses-1``; None where the row does not say it or cannot.
    rater : str
        Name of the rater; 'unnamed' where the file names none.
    rating_date : str or None
        ISO 8601.
    participant, session : str or None
        As the file writes them.
    """

    participant_id: str | None
    session_id: str | None
    rater: str
    rating_date: str | None
    participant: str
    session: str | None


class RowKeysReader:
    """Reads whose rating each row of a table is.

    Parameters
    ----------
    table : RawTable
        The table.
    plan : ColumnPlan
        Its columns.
    options : ReadOptions
        What the file does not say itself.
    report : callable
        Takes each problem.
    """

    def __init__(
        self, table: RawTable, plan: ColumnPlan, options: ReadOptions, report: Callable[[Problem], None]
    ) -> None:
        self.table, self.plan, self.options, self.report = table, plan, options, report

    def read(self, cells: tuple[str, ...], row: int) -> RowKeys:
        """Read one row.

        Parameters
        ----------
        cells : tuple of str
            Its cells.
        row : int
            Its row in the file.

        Returns
        -------
        RowKeys
            Whose rating it is.

        Raises
        ------
        RatingsError
            If events are mapped to sessions and the row's event is not among them.
        """
        participant_id, participant = self._participant(cells, row)
        session_id, session = self._session(cells, row)
        return RowKeys(
            participant_id=participant_id,
            session_id=session_id,
            rater=self._rater(cells),
            rating_date=self._date(cells, row),
            participant=participant,
            session=session,
        )

    def text(self, cells: tuple[str, ...], role: str) -> str:
        """Give the cell of a role; '' if the table has no such column."""
        index = self.plan.roles.get(role)
        return "" if index is None else cells[index]

    def _participant(self, cells: tuple[str, ...], row: int) -> tuple[str | None, str]:
        raw = self.text(cells, "participant_id")
        if raw.casefold() in _NONE:
            self._complain("identifier", "Every row must name its participant.", row, "participant_id", raw)
            return None, raw
        if is_double_entry(raw):
            self._complain(
                "identifier",
                "A record of double data entry is one of two versions of a rating.",
                row,
                "participant_id",
                raw,
                "In REDCap, merge the two entries and export the merged record.",
            )
            return None, raw
        try:
            label = clean_label(raw, kind="participant")
        except StudyError as error:
            self._complain("identifier", f"{error.rule}.", row, "participant_id", raw)
            return None, raw
        return f"sub-{label}", plain_original(raw, kind="participant")

    def _session(self, cells: tuple[str, ...], row: int) -> tuple[str | None, str | None]:
        role = "session_id"
        raw = self.options.session or self.text(cells, "session_id")
        if raw.casefold() in _NONE:
            role, raw = "event", self.text(cells, "event")
        try:
            if raw.casefold() in _NONE:
                label, raw = "", ""
            elif role == "event":
                label = self._event_session(raw)
            else:
                label, raw = clean_label(raw, kind="session"), plain_original(raw, kind="session")
        except StudyError as error:
            self._complain("identifier", f"{error.rule}.", row, role, raw)
            return None, raw
        instance = self.text(cells, "repeat_instance")
        if self.options.repeat_as == "session" and instance:
            label, raw = f"{label}{instance}", f"{raw} {instance}".strip()
        return (f"ses-{label}", raw) if label else (None, None)

    def _event_session(self, event: str) -> str:
        if not self.options.events:
            return event_label(event)
        if event not in self.options.events:
            raise RatingsError(
                "Every event with ratings must be mapped to a session",
                found=f"the event '{event}'",
                where=self.table.path,
                hint=f"Add --event '{event}=SESSION'. {did_you_mean(event, self.options.events)}",
            )
        return clean_label(self.options.events[event], kind="session")

    def _rater(self, cells: tuple[str, ...]) -> str:
        raw = " ".join((self.options.rater or self.text(cells, "rater")).split())
        if raw.casefold() not in _NONE:
            return raw
        instance = self.text(cells, "repeat_instance")
        return instance if self.options.repeat_as == "rater" and instance else UNNAMED_RATER

    def _date(self, cells: tuple[str, ...], row: int) -> str | None:
        raw = self.text(cells, "rating_date")
        if raw.casefold() in _NONE:
            return None
        for form in (self.options.date_format,) if self.options.date_format else _DATE_FORMATS:
            try:
                return dt.datetime.strptime(raw, form).date().isoformat()
            except ValueError:
                continue
        self._complain(
            "date-unreadable",
            f"A date must be written like {self.options.date_format or '2024-05-31 or 31.05.2024'}.",
            row,
            "rating_date",
            raw,
            "Pass the form of your dates with --date-format, such as %m/%d/%Y: "
            "day and month cannot be told apart otherwise.",
        )
        return None

    def _complain(
        self, kind: ProblemKind, message: str, row: int, role: str, value: str, hint: str | None = None
    ) -> None:
        index = self.plan.roles.get(role)
        column = None if index is None else self.table.columns[index]
        self.report(Problem(kind, message, self.table.path, row, column, value, hint))
