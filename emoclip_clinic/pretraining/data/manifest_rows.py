"""Rows of a manifest: read from Parquet, CSV or TSV, each cell checked, each complaint with its place."""

import csv
import io
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from emoclip_clinic.errors import PretrainingError, suggestions

__all__ = ["Cells", "ManifestProblem", "ManifestRow", "read_cells", "read_rows"]

_log = logging.getLogger(__name__)
_KNOWN = (
    "path", "caption", "captions", "label", "labels", "source", "participant_id", "split", "start_s", "end_s",
    "names_side", "cropped", "id",
)  # fmt: skip
_CAPTION = re.compile(r"captions?(_[0-9]+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?")
_MISSING = {"", "n/a"}
_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True)
class ManifestProblem:
    """One thing that is wrong with a manifest.

    Attributes
    ----------
    file : Path
        The manifest.
    row : int
        Row as an editor counts it; the header is row 1.
    column : str or None
        Name of the column.
    value : str or None
        What stands there.
    message : str
        The rule, as a sentence.
    is_error : bool
        Whether the row cannot be used; else it is only worth knowing.
    """

    file: Path
    row: int
    column: str | None
    value: str | None
    message: str
    is_error: bool = True

    @property
    def statement(self) -> str:
        """Column, rule and what was found, without file and row."""
        column = "" if self.column is None else f"column {self.column}: "
        found = "" if self.value is None else f" Found: {self.value!r}."
        return f"{column}{self.message}{found}"

    def __str__(self) -> str:
        return f"{self.file.name}, row {self.row}{': ' if self.column is None else ', '}{self.statement}"


@dataclass(frozen=True)
class Cells:
    """A manifest before its cells are understood.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Names in small letters.
    rows : tuple of mapping
        Column to value: text, or what Parquet holds; None where nothing stands.
    numbers : tuple of int
        Row of each in the file, as an editor counts it; in Parquet as if a header were row 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class ManifestRow:
    """One usable row; attributes as in `emoclip_clinic.pretraining.data.ManifestClip`, None where empty."""

    number: int
    id: str | None
    path: Path
    path_as_written: str
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    source: str | None
    split: str | None
    start_s: float | None
    end_s: float | None
    names_side: bool | None
    cropped: bool | None


def read_cells(path: Path) -> Cells:
    """Read a manifest without judging its cells.

    Raises
    ------
    PretrainingError
        If the file cannot be read, or columns are missing, doubled or probably misspelt.
    """
    readers = {".parquet": _read_parquet, ".csv": _read_text, ".tsv": _read_text}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise PretrainingError(
            "A manifest must be a .parquet, .csv or .tsv file", found=path.suffix or "no suffix", where=path
        )
    try:
        cells = reader(path)
    except OSError as error:
        raise PretrainingError(
            "The manifest must be readable", found=error.strerror or str(error), where=path
        ) from error
    _check_columns(cells)
    return cells


def _read_parquet(path: Path) -> Cells:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise PretrainingError("The manifest must be readable", found="no such file", where=path)
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PretrainingError("The manifest must be a Parquet file", found=str(error), where=path) from error
    names = [name.strip().lower() for name in table.schema.names]
    rows = [dict(zip(names, values.values(), strict=True)) for values in table.to_pylist()]
    return Cells(path, tuple(names), tuple(rows), tuple(range(2, len(rows) + 2)))


def _read_text(path: Path) -> Cells:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PretrainingError(
            "A manifest must be text in UTF-8",
            found=f"byte {error.object[error.start]:#04x} at position {error.start}",
            where=path,
            hint="Save it again with the encoding UTF-8.",
        ) from error
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ","
    )
    lines: list[tuple[int, list[str]]] = []
    try:
        before = 0
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append((before + 1, [cell.strip() for cell in row]))
            before = reader.line_num
    except csv.Error as error:
        raise PretrainingError(
            "The manifest must be a table of text", found=str(error), where=f"{path}, line {reader.line_num}"
        ) from error
    if not lines:
        raise PretrainingError("A manifest must have a header", found="an empty file", where=path)
    header = [name.lower() for name in lines[0][1]]
    uneven = [f"row {number} has {len(row)}" for number, row in lines[1:] if len(row) != len(header)]
    if uneven:
        raise PretrainingError(
            f"Every row must have as many cells as the header, {len(header)}",
            found=uneven[:20],
            where=path,
            hint="Put a caption that contains the separator in double quotes.",
        )
    rows = tuple(
        {
            name: None if cell.lower() in _MISSING else cell
            for name, cell in zip(header, row, strict=True)
        }
        for _, row in lines[1:]
    )  # fmt: skip
    return Cells(path, tuple(header), rows, tuple(number for number, _ in lines[1:]))


def _check_columns(cells: Cells) -> None:
    doubled = sorted({name for name in cells.columns if cells.columns.count(name) > 1})
    if doubled:
        raise PretrainingError(
            "Columns must have different names", found=", ".join(doubled), where=cells.path
        )
    clashes = [pair for pair in (("label", "labels"), ("source", "participant_id"), ("caption", "captions"))
               if set(pair) <= set(cells.columns)]  # fmt: skip
    if clashes:
        raise PretrainingError(
            "A manifest must say each thing in one column", found=" and ".join(clashes[0]), where=cells.path
        )
    captions = [name for name in cells.columns if _CAPTION.fullmatch(name)]
    if "path" not in cells.columns or not (captions or {"label", "labels"} & set(cells.columns)):
        unknown = [name for name in cells.columns if name not in _KNOWN and not _CAPTION.fullmatch(name)]
        raise PretrainingError(
            "A manifest must have the column 'path', and 'caption' or 'label'",
            found=", ".join(cells.columns),
            where=cells.path,
            hint=suggestions(unknown, ("path", "caption", "label")) if unknown else None,
        )
    for name in cells.columns:
        meant = get_close_matches(name, _KNOWN, n=1, cutoff=0.8)
        if meant and not _CAPTION.fullmatch(name) and meant[0] not in cells.columns:
            _log.warning(
                "%s: the column '%s' is not read. Did you mean '%s'?", cells.path.name, name, meant[0]
            )


def read_rows(cells: Cells, *, root: Path) -> tuple[list[ManifestRow], list[ManifestProblem]]:
    """Understand and check every row.

    Parameters
    ----------
    cells : Cells
        The manifest.
    root : Path
        Folder to which paths are relative.

    Returns
    -------
    rows : list of ManifestRow
        Rows without an error.
    problems : list of ManifestProblem
        All that is wrong.
    """
    rows: list[ManifestRow] = []
    problems: list[ManifestProblem] = []
    for number, row in zip(cells.numbers, cells.rows, strict=True):
        one = _RowReader(cells.path, number, row)
        understood = one.read(root)
        problems += one.problems
        if understood is not None:
            rows.append(understood)
    return rows, problems


class _RowReader:
    """Understands one row; complaints gather in `problems`."""

    def __init__(self, path: Path, number: int, row: Mapping[str, object]) -> None:
        self.problems: list[ManifestProblem] = []
        self._path = path
        self._number = number
        self._row = row

    def read(self, root: Path) -> ManifestRow | None:
        written = self._text("path")
        path = self._existing(root, written)
        captions = self._captions()
        labels = self._labels()
        start_s, end_s = self._seconds("start_s"), self._seconds("end_s")
        if end_s is not None and end_s <= (start_s or 0.0):
            self._complain("end_s", end_s, "The end must be after the start.")
        source_column = "source" if "source" in self._row else "participant_id"
        understood = ManifestRow(
            number=self._number,
            id=self._text("id"),
            path=path,
            path_as_written=written or "",
            captions=captions,
            labels=labels,
            source=self._text(source_column),
            split=self._text("split"),
            start_s=start_s,
            end_s=end_s,
            names_side=self._truth("names_side"),
            cropped=self._truth("cropped"),
        )
        if not captions and not labels and not any(problem.is_error for problem in self.problems):
            column = next((name for name in self._row if _CAPTION.fullmatch(name)), "label")
            self.problems.clear()  # that the caption is empty is said by the next line
            self._complain(column, None, "A clip must have a caption or a label; this row has neither.")
        return None if any(problem.is_error for problem in self.problems) else understood

    def _complain(self, column: str, value: object, message: str, *, is_error: bool = True) -> None:
        shown = None if value is None else str(value)
        self.problems.append(
            ManifestProblem(self._path, self._number, column, shown, message, is_error=is_error)
        )

    def _text(self, column: str) -> str | None:
        """A short text, such as a name; whole numbers of Parquet, such as folds, count as text."""
        value = self._row.get(column)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            self._complain(column, value, "The cell must be text.")
            return None
        return None if value.strip().lower() in _MISSING else value.strip()

    def _existing(self, root: Path, written: str | None) -> Path:
        if written is None:
            if not self.problems:
                self._complain("path", None, "A clip must have a path; the cell is empty.")
            return root
        path = (root / written).resolve()
        if not path.exists():
            self._complain("path", written, f"The file must be there; looked for {path}.")
        elif path.is_dir() and next(path.iterdir(), None) is None:
            self._complain("path", written, "A folder of pictures must not be empty.")
        return path

    def _captions(self) -> tuple[str, ...]:
        captions: list[str] = []
        for column in self._row:
            if not _CAPTION.fullmatch(column):
                continue
            value = self._row[column]
            several: Sequence[object] = value if isinstance(value, list) else [value]
            for one in several:
                self._caption(column, one, captions, is_first=column in ("caption", "captions", "caption_1"))
        return tuple(dict.fromkeys(captions))

    def _caption(self, column: str, value: object, captions: list[str], *, is_first: bool) -> None:
        is_nan = isinstance(value, float) and math.isnan(value)
        if value is None or is_nan or (isinstance(value, str) and value.strip().lower() in _MISSING):
            if is_first:
                self._complain(column, None, "The caption is empty.", is_error=False)
        elif not isinstance(value, str) or _NUMBER.fullmatch(value.strip()):
            self._complain(column, value, "A caption must be text.")
        else:
            captions.append(" ".join(value.split()))

    def _labels(self) -> tuple[str, ...]:
        column = "labels" if "labels" in self._row else "label"
        value = self._row.get(column)
        several = value if isinstance(value, list) else [value]
        labels: list[str] = []
        for one in several:
            if one is None or (isinstance(one, float) and math.isnan(one)):
                continue
            if isinstance(one, bool) or not isinstance(one, str | int):
                self._complain(column, one, "A label must be text.")
                continue
            labels += [part.strip() for part in str(one).split(";") if part.strip().lower() not in _MISSING]
        return tuple(dict.fromkeys(labels))

    def _seconds(self, column: str) -> float | None:
        value = self._row.get(column)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        try:
            seconds = float(value) if isinstance(value, str | int | float) else math.nan
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds) or seconds < 0 or isinstance(value, bool):
            self._complain(column, value, "A time must be a number of seconds from 0, with a decimal point.")
            return None
        return seconds

    def _truth(self, column: str) -> bool | None:
        value = self._row.get(column)
        if value is None or isinstance(value, bool):
            return value
        known = _TRUTH.get(str(value).strip().lower())
        if known is None:
            self._complain(column, value, "The cell must be true, false or empty.")
        return known
