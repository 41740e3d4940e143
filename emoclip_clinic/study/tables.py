"""Writing and reading the tables of a result: Parquet files that know whose they are and which version.

Writers take columns as arrays, in as many pieces as there are; the file does not depend on how it was cut.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.files import atomic_path, parquet_options
from emoclip_clinic.study.formats import (
    COLUMNS,
    IDENTITY_COLUMNS,
    REBUILD_COMMAND,
    FrameDtype,
    TableKind,
    check_format_version,
    embedding_columns,
    schema_for_frames,
    schema_for_segments,
    schema_for_tracks,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

__all__ = [
    "ROWS_PER_GROUP",
    "TableWriter",
    "embedding_matrix",
    "iter_table",
    "open_table",
    "read_notes",
    "read_table",
    "table_dim",
]

ROWS_PER_GROUP = 4096
"""Rows held in memory while a table is written, and the most that :func:`iter_table` gives at once."""


_NOTE = "note:"
_DIGEST = "notes-sha256"


class Identified(Protocol):
    """What this module needs to know of a recording."""

    @property
    def participant_id(self) -> str: ...
    @property
    def session_id(self) -> str | None: ...
    @property
    def task(self) -> str | None: ...
    @property
    def run(self) -> str | None: ...


class TableWriter:
    """Receives the rows of a table, a piece at a time; made by :func:`open_table`.

    Attributes
    ----------
    n_rows : int
        Rows received so far.
    notes : dict of str to str
        Kept with the table and given back by :func:`read_notes`; may be filled until the block ends.
    """

    def __init__(self, target: "pq.ParquetWriter", schema: "pa.Schema", recording: Identified) -> None:
        self.n_rows = 0
        self.notes: dict[str, str] = {}
        self._target = target
        self._schema = schema
        self._identity = [getattr(recording, column.name) for column in IDENTITY_COLUMNS]
        self._pending: list[pa.Table] = []
        self._n_pending = 0

    def write(
        self,
        columns: "Mapping[str, Sequence[object] | NDArray[np.generic]]",
        *,
        embeddings: "NDArray[np.floating] | None" = None,
        valid: "NDArray[np.bool_] | None" = None,
    ) -> None:
        """Add rows.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray of shape (n,)
            All columns of the table except identity and embedding. None and NaN are missing values.
        embeddings : ndarray of shape (n, dim), optional
            One embedding per row; needed if the table has any.
        valid : ndarray of shape (n,), bool, optional
            Rows that have an embedding; by default all. Elsewhere it is stored as missing.

        Raises
        ------
        FormatError
            If columns are missing or surplus, lengths differ, or values do not fit the column.
        """
        import numpy as np
        import pyarrow as pa

        identity = len(IDENTITY_COLUMNS)
        names = self._schema.names[identity:]
        e_names = embedding_columns(names)
        own = names[: len(names) - len(e_names)]
        if set(columns) != set(own):
            missing, surplus = sorted(set(own) - set(columns)), sorted(set(columns) - set(own))
            raise FormatError(
                "A table must be given all of its columns and no others",
                found=f"missing {', '.join(missing) or 'none'}; surplus {', '.join(surplus) or 'none'}",
            )
        n_rows = len(columns[own[0]])
        shape = (0, 0) if embeddings is None else embeddings.shape
        lengths = {len(values) for values in columns.values()} | ({shape[0]} if e_names else set())
        if len(lengths) > 1 or shape[1:] != (len(e_names),):
            raise FormatError(
                f"All columns must have the same length, and embeddings the shape (rows, {len(e_names)})",
                found=f"lengths {sorted(lengths)}, embeddings {shape}",
            )
        arrays = [pa.array([value] * n_rows, type=pa.string()) for value in self._identity]
        try:
            arrays += [_array(columns[name], self._schema.field(name).type) for name in own]
        except (pa.ArrowException, TypeError) as error:
            raise FormatError("Values must fit the type of their column", found=str(error)) from error
        if embeddings is not None and e_names:
            stored = self._schema.field(e_names[0]).type.to_pandas_dtype()
            by_dimension = np.ascontiguousarray(embeddings.T, dtype=stored)
            mask = None if valid is None else ~valid
            arrays += [pa.array(values, mask=mask) for values in by_dimension]
        for name, array in zip(self._schema.names, arrays, strict=True):
            if array.null_count and not self._schema.field(name).nullable:
                raise FormatError("The column may have no missing values", found=name)
        self._pending.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._n_pending += n_rows
        self.n_rows += n_rows
        self._write_groups(least=ROWS_PER_GROUP)

    def _write_groups(self, *, least: int) -> None:
        """Write full groups of rows, and at the end what is left."""
        import pyarrow as pa

        if self._n_pending < least:
            return
        table = pa.concat_tables(self._pending)
        whole = self._n_pending if least == 1 else self._n_pending - self._n_pending % ROWS_PER_GROUP
        self._target.write_table(table.slice(0, whole), row_group_size=ROWS_PER_GROUP)
        self._pending = [table.slice(whole)]
        self._n_pending -= whole

    def _finish(self) -> None:
        self._write_groups(least=1)
        stored = {_NOTE + name: text for name, text in self.notes.items()}
        self._target.add_key_value_metadata({**stored, _DIGEST: _digest(self.notes)})


@contextmanager
def open_table(
    path: Path, kind: TableKind, *, recording: Identified, dim: int = 0, dtype: FrameDtype = "float32"
) -> Iterator[TableWriter]:
    """Write a table in pieces; it appears under its name when the block ends well, else not at all.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    kind : {"frames", "segments", "tracks"}
        Which table.
    recording : Recording
        Whose it is; fills the identity columns.
    dim : int
        Dimensions of an embedding; not used for tracks.
    dtype : {"float32", "float16"}
        Type in which frame embeddings are stored.

    Yields
    ------
    TableWriter
        Takes the rows.

    Raises
    ------
    StudyError
        If the operating system refuses.
    FormatError
        If rows do not fit the table.
    """
    import pyarrow.parquet as pq

    schemas = {
        "frames": lambda: schema_for_frames(dim, dtype=dtype),
        "segments": lambda: schema_for_segments(dim),
        "tracks": schema_for_tracks,
    }
    schema = schemas[kind]()
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, **parquet_options(schema)) as target,
    ):
        writer = TableWriter(target, schema, recording)
        yield writer
        writer._finish()


def read_table(path: Path, kind: TableKind, *, embeddings: bool = True, threads: bool = True) -> "pa.Table":
    """Read a table of any released version in the form of this one.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"frames", "segments", "tracks"}
        Which table it must be.
    embeddings : bool
        Whether to read the columns of the embedding.
    threads : bool
        Whether Arrow may decode columns side by side; not worth while where several files are read at once.

    Returns
    -------
    pyarrow.Table
        The table.

    Raises
    ------
    FormatError
        If the file is absent, damaged, another table, or of a version that this release does not read. The
        message names the command that rebuilds it.
    """
    with _opened(path, kind) as file:
        return file.read(columns=_chosen(file, embeddings), use_threads=threads)


def iter_table(path: Path, kind: TableKind, *, embeddings: bool = True) -> "Iterator[pa.RecordBatch]":
    """Read a table in pieces of at most :data:`ROWS_PER_GROUP` rows.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"frames", "segments", "tracks"}
        Which table it must be.
    embeddings : bool
        Whether to read the columns of the embedding.

    Yields
    ------
    pyarrow.RecordBatch
        Consecutive rows.

    Raises
    ------
    FormatError
        As :func:`read_table`.
    """
    with _opened(path, kind) as file:
        yield from file.iter_batches(ROWS_PER_GROUP, columns=_chosen(file, embeddings))


def read_notes(path: Path, kind: TableKind) -> dict[str, str]:
    """Return the notes that were written with a table.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"frames", "segments", "tracks"}
        Which table it must be.

    Returns
    -------
    dict of str to str
        Name to text; empty if nothing was noted.

    Raises
    ------
    FormatError
        As :func:`read_table`.
    """
    with _opened(path, kind) as file:
        stored = {
            name.decode("utf-8", "replace"): text.decode("utf-8", "replace")
            for name, text in (file.metadata.metadata or {}).items()
        }
    notes = {name.removeprefix(_NOTE): text for name, text in stored.items() if name.startswith(_NOTE)}
    if stored.get(_DIGEST) != _digest(notes):
        raise FormatError(
            "The notes of a table must be as they were written",
            found="others",
            where=path,
            hint=f"Rebuild the result with `{REBUILD_COMMAND}`.",
        )
    return notes


def table_dim(path: Path, kind: TableKind) -> int:
    """Return the number of dimensions of the embedding in a table, without reading the rows.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"frames", "segments", "tracks"}
        Which table it must be.

    Returns
    -------
    int
        0 if the table has no embedding.

    Raises
    ------
    FormatError
        As :func:`read_table`.
    """
    with _opened(path, kind) as file:
        return len(embedding_columns(file.schema_arrow.names))


def embedding_matrix(table: "pa.Table | pa.RecordBatch") -> "NDArray[np.float32]":
    """Return the embeddings of a table as one matrix.

    Parameters
    ----------
    table : pyarrow.Table or pyarrow.RecordBatch
        What :func:`read_table` and :func:`iter_table` give.

    Returns
    -------
    ndarray of shape (n, dim), float32
        NaN where a row has none.
    """
    import numpy as np

    names = embedding_columns(table.schema.names)
    matrix = np.empty((table.num_rows, len(names)), np.float32)
    for index, name in enumerate(names):
        matrix[:, index] = table.column(name).to_numpy(zero_copy_only=False)
    return matrix


def _array(values: "Sequence[object] | NDArray[np.generic]", kind: "pa.DataType") -> "pa.Array":
    """Values as a column, NaN as missing; 1.5 is no whole number, also in a list."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return pa.array(values, from_pandas=True).cast(kind)
    return pa.array(values, type=kind, from_pandas=True)


def _digest(notes: Mapping[str, str]) -> str:
    """Checksum of notes; Parquet guards its pages by checksums, but not its footer."""
    return hashlib.sha256(json.dumps(sorted(notes.items())).encode()).hexdigest()


@contextmanager
def _opened(path: Path, kind: TableKind) -> "Iterator[pq.ParquetFile]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    hint = f"Rebuild the result with `{REBUILD_COMMAND}`."
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=True) as file:
            schema = file.schema_arrow
            metadata = schema.metadata or {}
            found = metadata.get(b"table", b"none").decode()
            if found != kind:
                raise FormatError(f"The file must be a table of {kind}", found=found, where=path, hint=hint)
            check_format_version(metadata.get(b"format_version", b"none").decode(), where=path)
            expected = [column.name for column in (*IDENTITY_COLUMNS, *COLUMNS[kind])]
            there = set(schema.names)
            missing = [name for name in expected if name not in there]
            if missing:
                raise FormatError(
                    f"The table of {kind} must have all of its columns",
                    found=f"no {', '.join(missing)}",
                    where=path,
                    hint=hint,
                )
            yield file
    except FileNotFoundError as error:
        raise FormatError(
            "The table of a result must be there", found="no file", where=path, hint=hint
        ) from error
    # A damaged file makes pyarrow raise any of these, depending on where the damage is.
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
        raise FormatError(
            "The table must be a whole Parquet file", found=str(error), where=path, hint=hint
        ) from error


def _chosen(file: "pq.ParquetFile", embeddings: bool) -> list[str] | None:
    if embeddings:
        return None
    names = file.schema_arrow.names
    dropped = set(embedding_columns(names))
    return [name for name in names if name not in dropped]
