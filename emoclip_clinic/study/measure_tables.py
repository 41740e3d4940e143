"""Tables of measures that belong to no scale: columns of numbers and of labels from CSV, TSV or Excel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emoclip_clinic.errors import RatingsError, suggestions

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.study.ratings.raw_tables import RawTable

__all__ = ["MeasureRange", "MeasureTable", "read_measures"]

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_MISSING = frozenset({"", "n/a", "na", "nan", "null", ".", "#n/a"})
_MOST_LISTED = 200
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class MeasureRange:
    """What a measure can be.

    Parameters
    ----------
    minimum, maximum : float or None
        Lowest and highest value; None where it is open.
    step : float or None
        Distance between neighbouring values, counted from the minimum; None if continuous.
    """

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None

    def broken_rule(self, value: float) -> str:
        """Say which rule a value breaks; '' if none."""
        if self.minimum is not None and value < self.minimum:
            return f"is below --minimum {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"is above --maximum {self.maximum:g}"
        if self.step is not None and self.minimum is not None:
            steps = (value - self.minimum) / self.step
            if abs(steps - round(steps)) > _TOLERANCE * max(1.0, abs(steps)):
                return f"is not --minimum {self.minimum:g} plus a multiple of --step {self.step:g}"
        return ""


@dataclass(frozen=True, eq=False)
class MeasureTable:
    """Measures as they were read.

    Attributes
    ----------
    path : Path
    frame : DataFrame
        ``row`` (the row in the file, as text), the columns of numbers (NaN where missing) and of labels.
    read_with : str
        How the file was read, in words.
    """

    path: Path
    frame: "pd.DataFrame"
    read_with: str


def read_measures(
    path: Path,
    numbers: Sequence[str],
    *,
    labels: Sequence[str] = (),
    ranges: "dict[str, MeasureRange] | None" = None,
    missing_codes: Sequence[str] = (),
    separator: str | None = None,
    decimal: Literal[".", ","] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> MeasureTable:
    """Read columns of a table.

    Parameters
    ----------
    path : Path
        TSV, CSV or Excel file with a header.
    numbers : sequence of str
        Columns that hold numbers. Empty cells and ``n/a`` are missing.
    labels : sequence of str
        Columns that hold labels, which must be there in every row.
    ranges : dict of str to MeasureRange, optional
        What each column of numbers can be.
    missing_codes : sequence of str
        Further texts that mean a missing value.
    separator, decimal, encoding, sheet : str, optional
        How the file is written; by default detected.

    Returns
    -------
    MeasureTable
        The table.

    Raises
    ------
    RatingsError
        If the file cannot be read, has no such column, or cells are no numbers, out of range, or labels that
        are missing. Every such cell is listed with its row, column and value.
    """
    import pandas as pd

    from emoclip_clinic.study.ratings.raw_tables import read_raw_table

    raw = read_raw_table(path, encoding=encoding, separator=separator, sheet=sheet)
    wanted = list(dict.fromkeys([*numbers, *labels]))
    unknown = [name for name in wanted if name not in raw.columns]
    if unknown:
        raise RatingsError(
            "The table must have the columns that are asked for",
            found=[f"no column '{name}'" for name in unknown],
            where=path,
            hint=suggestions(unknown, [name for name in raw.columns if name]),
        )
    mark = decimal or _decimal_mark(raw, numbers)
    problems = [f"row {one.row}: {one.message} Found: {one.value}" for one in raw.problems]
    columns: dict[str, list[object]] = {"row": [str(row) for row in raw.row_numbers]}
    for name in wanted:
        place = raw.columns.index(name)
        cells = [row[place] for row in raw.rows]
        if name in numbers:
            limits = (ranges or {}).get(name, MeasureRange())
            read = [_number(cell, mark, missing_codes) for cell in cells]
            complaints = [
                "is no number" if value is None else limits.broken_rule(value) if value == value else ""
                for value in read
            ]
            columns[name] = [float("nan") if value is None else value for value in read]
        else:
            complaints = ["is missing" if _is_missing(cell, missing_codes) else "" for cell in cells]
            columns[name] = list(cells)
        problems += [
            f"row {row}, column {name}: {cell!r} {complaint}"
            for row, cell, complaint in zip(raw.row_numbers, cells, complaints, strict=True)
            if complaint
        ]
    if problems:
        shown = problems[:_MOST_LISTED]
        more = len(problems) - len(shown)
        raise RatingsError(
            "Every cell must be a number in its range, or missing; labels must be there",
            found=[*shown, *([f"and {more} more"] if more else [])],
            where=path,
            hint="Correct these cells; a code for missing values is named with --missing.",
        )
    parts = [raw.encoding, f"separated by {raw.separator}" if raw.separator else None]
    parts += [f"sheet {raw.sheet}" if raw.sheet else None, f"decimal mark '{mark}'"]
    return MeasureTable(path, pd.DataFrame(columns), ", ".join(part for part in parts if part))


def _decimal_mark(raw: "RawTable", numbers: Sequence[str]) -> Literal[".", ","]:
    cells = [row[raw.columns.index(name)] for name in numbers for row in raw.rows]
    has_comma = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    has_point = any("." in cell and _NUMBER.fullmatch(cell) for cell in cells)
    return "," if has_comma and not has_point else "."


def _is_missing(cell: str, codes: Sequence[str]) -> bool:
    return cell.casefold() in _MISSING or cell in codes


def _number(cell: str, mark: str, codes: Sequence[str]) -> float | None:
    """The number, NaN if it is missing, None if it is something else."""
    if _is_missing(cell, codes):
        return float("nan")
    if mark == "," and _DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return float(cell) if _NUMBER.fullmatch(cell) else None
