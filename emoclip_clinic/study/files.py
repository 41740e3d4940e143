"""Reading and writing small files so that a crash never leaves half of one.

Every writer fills a temporary file in the target's folder, flushes it to the disk, and renames it. A reader
sees the old file or the new one. What a killed process leaves behind is recognised by its name and can be
removed.
"""

import csv
import hashlib
import io
import json
import math
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip_clinic.errors import FormatError, StudyError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "MISSING",
    "Tsv",
    "atomic_path",
    "parquet_options",
    "read_json",
    "read_tsv",
    "remove_leftovers",
    "sha256_file",
    "write_bytes",
    "write_frame",
    "write_json",
    "write_table",
    "write_tsv",
]

MISSING = "n/a"

_TEMPORARY = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.emoclip-tmp")
_ONE_LINE = str.maketrans("\t\r\n", "   ")  # a row stays a line for every program that reads the table
_FOREIGN_AGE_S = 7 * 24 * 3600.0  # another computer's process cannot be asked whether it lives


@dataclass(frozen=True)
class Tsv:
    """A table of tab-separated values as text.

    Parameters
    ----------
    path : Path
        The file.
    columns : tuple of str
        Names in the order of the file.
    rows : tuple of dict
        Column to value; ``n/a`` and empty cells are None.
    lines : tuple of int
        Line number of each row in the file; the header is line 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str | None], ...]
    lines: tuple[int, ...]


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes ``path`` when the block ends well.

    Missing folders are made. If the block raises, the temporary file is removed and ``path`` stays as it was.

    Parameters
    ----------
    path : Path
        The file to create or replace.

    Yields
    ------
    Path
        A path in the same folder.

    Raises
    ------
    StudyError
        If the operating system refuses (no permission, disk full).
    """
    temporary = path.parent / f".{_host()}-{os.getpid()}-{secrets.token_hex(4)}.emoclip-tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        if os.name == "posix":  # so that the new name itself survives a power cut
            _flush(path.parent)
    except OSError as error:
        raise StudyError(
            "The file must be writable",
            found=error.strerror or str(error),
            where=path,
            hint="Check the free disk space and the permissions of the folder.",
        ) from error
    finally:
        with suppress(OSError):  # after a success it is gone already; after a failure the failure is told
            temporary.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file at once.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    data : bytes
        Its content.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, in UTF-8.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    value : mapping
        What JSON can hold; NaN and infinity are refused, because JSON has none.

    Raises
    ------
    ValueError
        If a number is not finite.
    StudyError
        If the operating system refuses.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    FormatError
        If the file cannot be read or is no JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise FormatError(
            "The file must be readable", found=error.strerror or str(error), where=path
        ) from error
    except ValueError as error:
        raise FormatError("The file must be JSON in UTF-8", found=str(error), where=path) from error
    if not isinstance(value, dict):
        raise FormatError("The file must hold a JSON object", found=type(value).__name__, where=path)
    return value


def write_tsv(path: Path, rows: Sequence[Mapping[str, object]], *, columns: Sequence[str]) -> None:
    """Write a table of tab-separated values in UTF-8.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    rows : sequence of mapping
        Column to value. None and NaN become ``n/a``, truth values ``true`` and ``false``; tabs and line
        ends within a value become spaces.
    columns : sequence of str
        Columns and their order. A row may lack some, never have others.

    Raises
    ------
    ValueError
        If a row has a column that is not in `columns`.
    StudyError
        If the operating system refuses.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.DictWriter(stream, columns, restval=MISSING, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)


def write_frame(path: Path, frame: "pd.DataFrame") -> None:
    """Write a data frame as tab-separated values, without its index; missing values become ``n/a``.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    frame : DataFrame
        Columns with names that are text.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    columns = list(frame.columns)
    filled = frame.astype(object).where(frame.notna(), None)
    rows = [dict(zip(columns, row, strict=True)) for row in filled.itertuples(index=False, name=None)]
    write_tsv(path, rows, columns=columns)


def read_tsv(path: Path) -> Tsv:
    r"""Read a table of tab-separated values as text.

    Parameters
    ----------
    path : Path
        A UTF-8 file with a header line. A byte order mark, ``\r\n`` and cells in double quotes are fine.

    Returns
    -------
    Tsv
        The table. Blank lines are left out; cells lose surrounding spaces.

    Raises
    ------
    StudyError
        If the file cannot be read, is not UTF-8, has no header, repeats a column, or has uneven rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StudyError(
            "The table must be readable", found=error.strerror or str(error), where=path
        ) from error
    except UnicodeDecodeError as error:
        raise StudyError(
            "The table must be UTF-8 text",
            found=f"byte {error.object[error.start]:#04x} at position {error.start}",
            where=path,
            hint="In a spreadsheet program, export it as tab-separated text with the encoding UTF-8.",
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    cells: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                cells.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise StudyError(
            "The table must be tab-separated text", found=str(error), where=f"{path}, line {reader.line_num}"
        ) from error
    if not cells:
        raise StudyError("The table must have a header line", found="an empty file", where=path)
    columns = cells[0][1]
    _check_shape(path, columns, cells[1:])
    rows = tuple(
        {column: _value(cell) for column, cell in zip(columns, row, strict=True)} for _, row in cells[1:]
    )
    return Tsv(path, tuple(columns), rows, tuple(line for line, _ in cells[1:]))


def write_table(path: Path, table: "pa.Table", *, metadata: Mapping[str, str]) -> None:
    """Write a Parquet table with page checksums.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    table : pyarrow.Table
        The table.
    metadata : mapping of str to str
        Added to the schema's metadata, for example :func:`emoclip_clinic.study.formats.table_metadata`.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    import pyarrow.parquet as pq

    kept = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    with atomic_path(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata({**kept, **metadata}), temporary, **parquet_options(table.schema)
        )


def parquet_options(schema: "pa.Schema") -> dict[str, Any]:
    """Return how we write Parquet: readable everywhere, with checksums.

    Parameters
    ----------
    schema : pyarrow.Schema
        Schema of the table.

    Returns
    -------
    dict
        Keyword arguments of :class:`pyarrow.parquet.ParquetWriter`.
    """
    import pyarrow as pa

    floats = {pa.float16(), pa.float32(), pa.float64()}
    # With hundreds of columns of random floats, dictionaries and minima would only make the footer longer.
    plain = [field.name for field in schema if field.type not in floats]
    return {
        "compression": "snappy",
        "use_dictionary": plain,
        "write_statistics": plain,
        "write_page_checksum": True,
    }


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Parameters
    ----------
    path : Path
        The file; it is read in pieces.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    StudyError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise StudyError(
            "The file must be readable", found=error.strerror or str(error), where=path
        ) from error


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove temporary files of processes that no longer run, at any depth.

    Files of this computer go when their process is gone (or when the process of that number started later
    than the file was last written). Files of another computer that shares the disk go when they are a week
    old.

    Parameters
    ----------
    folder : Path
        Where to look; it may be absent.

    Returns
    -------
    tuple of Path
        What was removed.
    """
    removed = []
    for path in sorted(folder.rglob(".*.emoclip-tmp")):
        match = _TEMPORARY.fullmatch(path.name)
        if match is None:
            continue
        try:
            written = path.stat().st_mtime
            if match["host"] == _host():
                abandoned = not _lives(int(match["pid"]), written)
            else:
                abandoned = time.time() - written > _FOREIGN_AGE_S
            if abandoned:
                path.unlink()
                removed.append(path)
        except FileNotFoundError:  # its writer finished meanwhile
            continue
    return tuple(removed)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _lives(pid: int, written: float) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() <= written + 1.0)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).translate(_ONE_LINE)


def _value(cell: str) -> str | None:
    return None if not cell or cell.lower() == MISSING else cell


def _check_shape(path: Path, columns: list[str], rows: list[tuple[int, list[str]]]) -> None:
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if "" in columns or repeated:
        raise StudyError(
            "Every column of the table must have a name of its own",
            found=f"{', '.join(repeated)} more than once"
            if repeated != [""] and repeated
            else "a column without a name",
            where=path,
        )
    uneven = [f"line {line} has {len(row)}" for line, row in rows if len(row) != len(columns)]
    if uneven:
        raise StudyError(
            f"Every row must have as many cells as the header, {len(columns)}, separated by tabs",
            found="; ".join(uneven),
            where=path,
            hint=f"Write {MISSING} where a value is missing.",
        )
