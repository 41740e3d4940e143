"""Reads ratings of any supported form into one frame, with every problem and every reason for a gap."""

import logging
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings.cells import EMPTY, Cell, parse_number, parse_rating
from emoclip_clinic.study.ratings.columns import ColumnPlan, describe_columns, plan_columns
from emoclip_clinic.study.ratings.declared_ranges import declared_range_problems
from emoclip_clinic.study.ratings.problems import Problem, ProblemKind
from emoclip_clinic.study.ratings.raw_tables import RawTable, read_raw_table
from emoclip_clinic.study.ratings.records import Ratings, RatingsSource, ReadOptions
from emoclip_clinic.study.ratings.redcap import (
    DataDictionary,
    is_checked,
    means_missing,
    read_data_dictionary,
)
from emoclip_clinic.study.ratings.row_keys import RowKeysReader
from emoclip_clinic.study.scales import Scale, list_scales, read_scale

__all__ = ["read_ratings"]

_log = logging.getLogger(__name__)

_NO_SCORE = ("", "n/a", "na", "nan", ".")


def read_ratings(path: Path, scale: Scale, *, options: ReadOptions | None = None) -> Ratings:
    """Read ratings from a BIDS phenotype table, a CSV, an Excel workbook or a REDCap export.

    Nothing is coerced or dropped in silence: a cell that is no rating is a problem with its place, a missing
    rating has a reason, and what is left out is counted in ``source``.

    Parameters
    ----------
    path : Path
        The file.
    scale : Scale
        The scale.
    options : ReadOptions, optional
        What the file does not say itself.

    Returns
    -------
    Ratings
        The ratings, with the problems of single cells and rows. `check_ratings` adds those between rows.

    Raises
    ------
    RatingsError
        If the file as a whole cannot be understood.
    """
    options = options or ReadOptions()
    table = read_raw_table(path, encoding=options.encoding, separator=options.separator, sheet=options.sheet)
    dictionary = None if options.dictionary is None else read_data_dictionary(options.dictionary)
    plan = plan_columns(
        table,
        scale,
        mapping=options.mapping,
        original_numbers=options.original_numbers,
        dictionary=dictionary,
        other_scales=lambda: [read_scale(entry.path) for entry in list_scales()],
    )
    constants = (("--session", "session_id", options.session), ("--rater-name", "rater", options.rater))
    for option, role, value in constants:
        if value is not None and role in plan.roles:
            raise RatingsError(
                f"{option} is for a file without such a column",
                found=f"the column '{table.columns[plan.roles[role]]}'",
                where=path,
                hint=f"Leave {option} out, or pass --map {role}= to ignore the column.",
            )
    decimal = options.decimal or _detect_decimal(table, plan)
    return _TableReader(table, scale, options, dictionary, plan, decimal).read()


def _detect_decimal(table: RawTable, plan: ColumnPlan) -> Literal[".", ","]:
    """Take a comma only where no cell has a point, as mixed marks are typing errors.

    Never in a comma-separated file, where a quoted 3,5 may as well be two ratings.
    """
    if table.separator == "comma":
        return "."
    columns = (*plan.items.values(), *plan.scores.values())
    cells = [row[i] for row in table.rows for i in columns]
    commas = any(re.fullmatch(r"-?\d+,\d+", cell) for cell in cells)
    points = any(re.fullmatch(r"-?\d+\.\d+", cell) for cell in cells)
    if commas and not points:
        _log.info("%s: numbers are read with a decimal comma.", table.path)
        return ","
    return "."


class _TableReader:
    """Reads the rows of one table; collects problems, reasons and left-out rows as it goes."""

    def __init__(
        self,
        table: RawTable,
        scale: Scale,
        options: ReadOptions,
        dictionary: DataDictionary | None,
        plan: ColumnPlan,
        decimal: Literal[".", ","],
    ) -> None:
        self.table, self.scale, self.options = table, scale, options
        self.dictionary, self.plan, self.decimal = dictionary, plan, decimal
        self.problems = list(table.problems)
        self.keys = RowKeysReader(table, plan, options, self.problems.append)
        self.left_out: Counter[str] = Counter()
        self.records: list[dict[str, object]] = []
        self.missing: list[dict[str, object]] = []

    def read(self) -> Ratings:
        import pandas as pd

        for item in self.plan.absent_items:
            self._report("absent-item", f"The table has no column for {item} ({self.scale.item(item).name}).")
        columns = {item: self.table.columns[i] for item, i in self.plan.items.items()}
        self.problems += declared_range_problems(self.table.path, columns, self.scale, self.dictionary)
        rows = zip(self.table.rows, self.table.row_numbers, strict=True)
        kept = [(cells, number) for cells, number in rows if not self._is_of_another_form(cells)]
        self._check_repeats([cells for cells, _ in kept])
        for cells, number in kept:
            self._read_row(cells, number)
        keys = ["participant_id", "session_id", "rater", "rating_date"]
        items = list(self.scale.item_ids)
        frame = pd.DataFrame(self.records, columns=[*keys, "source_row", *items])
        frame = frame.astype(
            dict.fromkeys(keys, "str") | dict.fromkeys(items, "float64") | {"source_row": "int64"}
        )
        stated = pd.DataFrame(
            self.records, columns=[f"stated:{s}" for s in self.plan.scores], index=frame.index
        )
        missing_columns = ["participant_id", "session_id", "rater", "item", "reason"]
        return Ratings(
            scale=self.scale,
            frame=frame,
            missing=pd.DataFrame(self.missing, columns=missing_columns, dtype="str"),
            stated=stated.rename(columns=lambda name: name.removeprefix("stated:")).astype("str"),
            originals=pd.DataFrame(
                self.records, columns=["participant", "session"], index=frame.index, dtype="str"
            ),
            problems=tuple(self.problems),
            source=RatingsSource(
                path=self.table.path,
                encoding=self.table.encoding,
                separator=self.table.separator,
                sheet=self.table.sheet,
                decimal=self.decimal,
                columns=describe_columns(self.plan, self.table),
                left_out_columns=self.plan.left_out,
                left_out_rows=dict(self.left_out),
            ),
        )

    def _is_of_another_form(self, cells: tuple[str, ...]) -> bool:
        """Tell whether a row is not ours: REDCap exports one for every event and instrument."""
        if not {"event", "repeat_instrument"} & set(self.plan.roles):
            return False
        ours = (*self.plan.items.values(), *self.plan.scores.values())
        boxes = [i for group in self.plan.boxes.values() for i in group.values()]
        if any(cells[i] for i in ours) or any(is_checked(cells[i]) is not False for i in boxes):
            return False
        instrument, event = self.keys.text(cells, "repeat_instrument"), self.keys.text(cells, "event")
        what = f"the instrument '{instrument}'" if instrument else f"the event '{event}'"
        self.left_out[f"rows of {what} without ratings of {self.scale.name}"] += 1
        return True

    def _check_repeats(self, rows: Sequence[tuple[str, ...]]) -> None:
        instances = {self.keys.text(cells, "repeat_instance") for cells in rows} - {"", "1"}
        if instances and self.options.repeat_as is None:
            raise RatingsError(
                "The instances of a repeating instrument must be sessions or raters",
                found=f"instances up to {max(instances, key=lambda i: (len(i), i))}",
                where=self.table.path,
                hint="Say which with --repeat session or --repeat rater.",
            )

    def _read_row(self, cells: tuple[str, ...], number: int) -> None:
        keys = self.keys.read(cells, number)
        record: dict[str, object] = vars(keys) | {"source_row": number}
        noted = self._noted_reasons(cells)
        n_ratings = 0
        for item in self.scale.item_ids:
            cell, column, text = self._item_cell(cells, item)
            record[item] = cell.value
            if cell.kind is not None:
                self._report(cell.kind, cell.complaint or "", number, column, text, cell.hint)
            if not math.isnan(cell.value):
                n_ratings += 1
                continue
            reason = "unreadable" if cell.kind is not None else noted.get(item, cell.missing) or EMPTY
            self.missing.append(
                {
                    "participant_id": keys.participant_id,
                    "session_id": keys.session_id,
                    "rater": keys.rater,
                    "item": item,
                    "reason": reason,
                }
            )
        for score, index in self.plan.scores.items():
            record[f"stated:{score}"] = self._stated_score(cells, number, index)
        self.records.append(record)
        if n_ratings and self.plan.complete is not None:
            state = cells[self.plan.complete]
            if state.casefold() not in ("", "2", "complete", "n/a"):
                column = self.table.columns[self.plan.complete]
                self._report("incomplete-form", "The form is not marked complete.", number, column, state)

    def _noted_reasons(self, cells: tuple[str, ...]) -> dict[str, str]:
        """Reasons that an import wrote into the normal form, as ``n6=code -99; g3=no box checked``."""
        parts = re.split(r"\s*;\s*", self.keys.text(cells, "missing_reasons"))
        return dict(part.split("=", 1) for part in parts if "=" in part)

    def _item_cell(self, cells: tuple[str, ...], item_id: str) -> tuple[Cell, str | None, str | None]:
        """Read one item; with it, the column and the text for a complaint."""
        if item_id in self.plan.boxes:
            return self._checkbox_cell(cells, item_id)
        index = self.plan.items.get(item_id)
        if index is None:
            return Cell(missing="no column in the file"), None, None
        column, text = self.table.columns[index], cells[index]
        known = None if self.dictionary is None else self.dictionary.field_of_header(column)
        codes, code = dict(self.options.missing_codes), text
        if known is not None and known.choices:
            codes = {c: label for c, label in known.choices.items() if means_missing(c, label)} | codes
            if text not in known.choices:
                code = known.code_of(text) or text
        cell = parse_rating(code, self.scale.item(item_id), decimal=self.decimal, missing_codes=codes)
        return cell, column, text

    def _checkbox_cell(self, cells: tuple[str, ...], item_id: str) -> tuple[Cell, str | None, str | None]:
        boxes = self.plan.boxes[item_id]
        checked = []
        for code, index in boxes.items():
            state = is_checked(cells[index])
            if state is None:
                complaint = "A box must be checked (1) or unchecked (0)."
                return Cell(kind="non-numeric", complaint=complaint), self.table.columns[index], cells[index]
            if state:
                checked.append(code)
        columns = ", ".join(self.table.columns[i] for i in boxes.values())
        if not checked:
            return Cell(missing="no box checked"), columns, None
        if len(checked) > 1:
            complaint = "One box at most may be checked for an item."
            return Cell(kind="several-boxes", complaint=complaint), columns, ", ".join(checked)
        # REDCap writes the letters of missing codes small in column names
        code = checked[0] if re.fullmatch(r"-?\d+", checked[0]) else checked[0].upper()
        cell = parse_rating(code, self.scale.item(item_id), missing_codes=self.options.missing_codes)
        return cell, self.table.columns[boxes[checked[0]]], checked[0]

    def _stated_score(self, cells: tuple[str, ...], number: int, index: int) -> str | None:
        text = cells[index]
        if text.casefold() in _NO_SCORE:
            return None
        value = parse_number(text, decimal=self.decimal)
        if value is None:
            column = self.table.columns[index]
            self._report("sum-mismatch", "A stated score must be a number.", number, column, text)
            return None
        return text.replace(",", ".")

    def _report(
        self,
        kind: ProblemKind,
        message: str,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.problems.append(Problem(kind, message, self.table.path, row, column, value, hint))
