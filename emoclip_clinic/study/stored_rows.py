"""Rows of stored tables as one data frame: files are read side by side, each number is copied once."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic.errors import FormatError, StudyError
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.formats import REBUILD_COMMAND, TableKind, embedding_columns
from emoclip_clinic.study.sidecar import TableRecord
from emoclip_clinic.study.tables import read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["StoredTable", "rows_of"]


@dataclass(frozen=True)
class StoredTable:
    """A table and what its sidecar says of it.

    Parameters
    ----------
    path : Path
        The file.
    record : TableRecord
        Its rows and hash.
    """

    path: Path
    record: TableRecord


def rows_of(
    tables: Sequence[StoredTable], kind: TableKind, *, status: str | None, embeddings: bool
) -> "pd.DataFrame":
    """Load the rows of one or several tables.

    Parameters
    ----------
    tables : sequence of StoredTable
        At least one.
    kind : {"frames", "segments", "tracks"}
        Which table they must be.
    status : str or None
        Only rows of this status.
    embeddings : bool
        Whether to load the embedding.

    Returns
    -------
    pandas.DataFrame
        In the order of `tables`; embeddings are float32, NaN where missing.

    Raises
    ------
    FormatError
        If a file is damaged, or another than its sidecar says.
    StudyError
        If embeddings differ in their number of dimensions.

    Notes
    -----
    The embeddings go straight into the matrix that the data frame keeps. A few files are in memory besides.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    names: list[str] | None = None
    known: frozenset[str] = frozenset()
    matrix = np.empty((0, 0), np.float32)
    rows, n_rows = [], 0
    for table in _in_order(tables, kind, embeddings=embeddings):
        columns = embedding_columns(table.schema.names)
        if names is None:
            names = columns
            # One row for each dimension, as data frames store columns. What stays unused takes no memory.
            known = frozenset(columns)
            matrix = np.empty((len(names), sum(one.record.n_rows for one in tables)), np.float32)
        if columns != names:
            raise StudyError(
                "Embeddings that are loaded together must have the same number of dimensions",
                found=f"{len(names)} and {len(columns)}",
                hint="Load participants separately, or run `emoclip-clinic extract` again over all of them.",
            )
        wanted = None if status is None else _mask(table, status)
        about = table.select([name for name in table.schema.names if name not in known])
        rows.append(about if wanted is None else about.filter(pa.array(wanted)))
        _fill(matrix[:, n_rows : n_rows + rows[-1].num_rows], table.select(columns), wanted)
        n_rows += rows[-1].num_rows
    frame = _to_pandas(pa.concat_tables(rows))
    if not names:
        return frame
    return pd.concat([frame, pd.DataFrame(matrix[:, :n_rows].T, columns=names, copy=False)], axis=1)


def _in_order(tables: Sequence[StoredTable], kind: TableKind, *, embeddings: bool) -> "Iterator[pa.Table]":
    """Read tables side by side, few ahead of what is taken.

    A file takes as long as its hundreds of columns, hardly longer with more rows; so files are shared out
    among the processors, not the columns of one.
    """
    import pyarrow as pa

    workers = min(pa.cpu_count(), len(tables))
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(workers) as executor:
        try:
            for one in tables:
                waiting.append(executor.submit(_read, one, kind, embeddings=embeddings, threads=workers == 1))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after a damaged file, or Ctrl-C
            executor.shutdown(cancel_futures=True)


def _read(one: StoredTable, kind: TableKind, *, embeddings: bool, threads: bool) -> "pa.Table":
    table = read_table(one.path, kind, embeddings=embeddings, threads=threads)
    if sha256_file(one.path) != one.record.sha256:  # damage that still can be read
        raise FormatError(
            "The table must be as it was written",
            found="another content than its sidecar says",
            where=one.path,
            hint=f"Rebuild the result with `{REBUILD_COMMAND}`.",
        )
    return table


def _mask(table: "pa.Table", status: str) -> "NDArray[np.bool_]":
    import numpy as np

    return np.asarray(table.column("status").to_numpy(zero_copy_only=False) == status, dtype=bool)


def _fill(target: "NDArray[np.float32]", table: "pa.Table", wanted: "NDArray[np.bool_] | None") -> None:
    """Copy columns of floats of any width into the rows of a matrix, with NaN for what is missing."""
    start = 0
    for batch in table.to_batches() if len(target) else ():
        values = batch.to_tensor(null_to_nan=True, row_major=False).to_numpy().T
        if wanted is not None:
            mine = wanted[: batch.num_rows]
            wanted = wanted[batch.num_rows :]
            values = values if mine.all() else values[:, mine]
        target[:, start : start + values.shape[1]] = values
        start += values.shape[1]


def _to_pandas(table: "pa.Table") -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    nullable = {field.name for field in table.schema if field.type == pa.int32() and field.nullable}
    frame: pd.DataFrame = table.to_pandas()
    return frame.astype(dict.fromkeys(nullable, pd.Int32Dtype())) if nullable else frame
