"""Reads tables of other programs as text, cell by cell: TSV, CSV and Excel, in the encodings that occur."""

import csv
import datetime as dt
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.errors import RatingsError, did_you_mean
from emoclip_clinic.study.ratings.problems import Problem

__all__ = ["RawTable", "read_raw_table"]

_log = logging.getLogger(__name__)

_SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar"}
_EXCEL = (".xlsx", ".xlsm")
_OTHER_SPREADSHEETS = (".xls", ".ods", ".numbers", ".sav", ".dta")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class RawTable:
    """A table as text.

    Parameters
    ----------
    path : Path
        The file.
    columns : tuple of str
        Column names.
    rows : tuple of tuple of str
        Cells without surrounding blanks; empty cells are ''.
    row_numbers : tuple of int
        Row in the file of each row, the header being row 1.
    encoding, separator, sheet : str or None
        How a text file was read, or which sheet of a workbook.
    problems : tuple of Problem
        Rows that do not have one cell for each column, and formulas without a value.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_numbers: tuple[int, ...]
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    problems: tuple[Problem, ...] = ()


def read_raw_table(
    path: Path, *, encoding: str | None = None, separator: str | None = None, sheet: str | None = None
) -> RawTable:
    """Read a table as text.

    A text file is taken as UTF-8 (with or without byte order mark) or UTF-16 with byte order mark; bytes that
    are no UTF-8 are taken as Windows-1252 where they use its additions, else as Latin-1; the result says it.

    Parameters
    ----------
    path : Path
        A file of tab-, semicolon-, comma- or bar-separated text, or an Excel workbook (.xlsx).
    encoding : str, optional
        Encoding of a text file; by default detected.
    separator : str, optional
        Character between cells; by default the one that occurs most often in the header.
    sheet : str, optional
        Sheet of a workbook; needed if more than one has content.

    Returns
    -------
    RawTable
        The table.

    Raises
    ------
    RatingsError
        If the file is absent or unreadable, has no header, or repeats a column name.
    """
    if not path.is_file():
        raise RatingsError("Ratings must be in a file", found="no such file", where=path)
    if path.suffix.lower() in _OTHER_SPREADSHEETS:
        raise RatingsError(
            "Ratings must be TSV, CSV or Excel (.xlsx)",
            found=f"a {path.suffix} file",
            where=path,
            hint="Save it as .xlsx or as CSV.",
        )
    if path.suffix.lower() in _EXCEL:
        return _read_excel(path, sheet)
    return _read_text(path, encoding, separator)


def _read_text(path: Path, encoding: str | None, separator: str | None) -> RawTable:
    data = path.read_bytes()
    encoding = encoding or _detect_encoding(data)
    try:
        text = data.decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise RatingsError(
            "The encoding must fit the file", found=f"{encoding}: {error}", where=path
        ) from error
    if encoding not in ("utf-8", "utf-8-sig"):
        _log.info("%s is not UTF-8; it is read as %s.", path, encoding)
    first_line = text.split("\n", 1)[0].strip()
    declared = re.fullmatch(r"sep=(.)", first_line, re.IGNORECASE)  # written by Excel, not part of the table
    skipped = 1 if declared else 0
    if declared:
        separator = separator or declared[1]
        text = text.split("\n", 1)[1] if "\n" in text else ""
        first_line = text.split("\n", 1)[0]
    separator = separator or ("\t" if path.suffix.lower() == ".tsv" else _detect_separator(first_line))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lines: list[tuple[int, list[str]]] = []
    start = skipped + 1
    try:
        for row in reader:
            lines.append((start, [cell.strip() for cell in row]))
            start = skipped + reader.line_num + 1
    except csv.Error as error:
        raise RatingsError(
            "The table must be well-formed", found=str(error), where=f"{path}, row {start}"
        ) from error
    return _assemble(
        path, lines, encoding=encoding, separator=_SEPARATORS.get(separator, separator), sheet=None
    )


def _detect_encoding(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # They differ in 0x80-0x9f only: control characters in Latin-1, quotes and the euro in Windows-1252.
        additions = any(0x80 <= byte <= 0x9F for byte in data)
        undefined = any(byte in b"\x81\x8d\x8f\x90\x9d" for byte in data)
        return "cp1252" if additions and not undefined else "latin-1"
    return "utf-8"


def _detect_separator(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(_SEPARATORS, key=outside_quotes.count)


def _read_excel(path: Path, sheet: str | None) -> RawTable:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        values = openpyxl.load_workbook(path, data_only=True)
        formulas = openpyxl.load_workbook(path, data_only=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError) as error:
        raise RatingsError(
            "An Excel file must be a readable .xlsx workbook",
            found=f"{type(error).__name__}: {error}",
            where=path,
        ) from error
    filled = [ws.title for ws in values.worksheets if any(any(c is not None for c in r) for r in ws.values)]
    if sheet is None and len(filled) != 1:
        raise RatingsError(
            "A workbook with several filled sheets needs the name of one"
            if filled
            else "A workbook must have content",
            found=", ".join(filled) or "no filled sheet",
            where=path,
            hint="Name it with --sheet." if filled else None,
        )
    sheet = filled[0] if sheet is None else sheet
    if sheet not in values.sheetnames:
        raise RatingsError(
            "The workbook must have the sheet",
            found=f"no sheet '{sheet}'",
            where=path,
            hint=did_you_mean(sheet, values.sheetnames),
        )
    lines = []
    problems = []
    pairs = zip(values[sheet].iter_rows(), formulas[sheet].iter_rows(), strict=True)
    for number, (value_row, formula_row) in enumerate(pairs, start=1):
        lines.append((number, [_excel_text(cell.value) for cell in value_row]))
        for value, formula in zip(value_row, formula_row, strict=True):
            if value.value is None and formula.data_type == "f":
                problems.append(
                    Problem(
                        "formula-not-computed",
                        "A formula must have a stored result.",
                        path,
                        number,
                        value.column_letter,
                        str(formula.value),
                        "Open the file in Excel or LibreOffice and save it again.",
                    )
                )
    while lines and lines[0][1] and not any(lines[0][1]):  # blank rows above the header
        lines.pop(0)
    table = _assemble(path, _without_blank_columns(lines), encoding=None, separator=None, sheet=sheet)
    return RawTable(
        path, table.columns, table.rows, table.row_numbers, sheet=sheet, problems=(*problems, *table.problems)
    )


def _excel_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value).strip()


def _without_blank_columns(lines: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Formatting without content makes a sheet wider than its table."""
    width = max((i + 1 for _, row in lines for i, cell in enumerate(row) if cell), default=0)
    return [(number, row[:width]) for number, row in lines]


def _assemble(
    path: Path,
    lines: list[tuple[int, list[str]]],
    *,
    encoding: str | None,
    separator: str | None,
    sheet: str | None,
) -> RawTable:
    if not lines or not any(lines[0][1]):
        raise RatingsError("A table must begin with a header", found="an empty first row", where=path)
    header_row, columns = lines[0]
    while columns and not columns[-1]:  # a separator at the end of every line
        columns = columns[:-1]
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if repeated:
        raise RatingsError(
            "Each column name must occur once",
            found=", ".join(repeated),
            where=f"{path}, row {header_row}",
            hint="Export the file with raw variable names, or rename the columns.",
        )
    rows, numbers, problems = [], [], []
    for number, row in lines[1:]:
        if not any(row):
            continue
        surplus = [cell for cell in row[len(columns) :] if cell]
        if surplus or len(row) < len(columns):
            problems.append(
                Problem(
                    "ragged-row",
                    f"A row must have one cell for each of the {len(columns)} columns.",
                    path,
                    number,
                    value=f"{len(row)} cells",
                    hint=_ragged_hint(separator, len(row) - len(columns)),
                )
            )
            continue
        rows.append(tuple(row[: len(columns)]))
        numbers.append(number)
    return RawTable(
        path, tuple(columns), tuple(rows), tuple(numbers), encoding, separator, sheet, tuple(problems)
    )


def _ragged_hint(separator: str | None, surplus: int) -> str:
    if surplus > 0 and separator == "comma":
        return "Decimal commas in a comma-separated file split a number in two: export it with semicolons."
    return "Look for a separator inside a text, or for a line break inside a cell."
