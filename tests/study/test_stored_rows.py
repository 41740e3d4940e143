"""Rows of many tables as one data frame: what a plain reading of each file gives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.formats import COLUMNS, embedding_columns
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.sidecar import TableRecord
from emoclip_clinic.study.stored_rows import StoredTable, rows_of
from emoclip_clinic.study.tables import ROWS_PER_GROUP, open_table, read_table

from .conftest import ResultMaker

DIM = 3


def write(study: Study, maker: ResultMaker, name: str, n: int, dtype: str = "float32") -> StoredTable:
    """A frame table with faces here and there."""
    rng = np.random.default_rng(n)
    recording = maker.recording(name)
    seen = rng.random(n) < 0.7
    columns: dict[str, object] = {
        column.name: np.where(seen, rng.uniform(0, 9, n), np.nan)
        for column in COLUMNS["frames"]
        if column.type == "float32"
    }
    columns |= {"frame": np.arange(n), "t_grid_s": np.arange(n) / 5, "t_s": np.arange(n) / 5}
    columns |= {"status": np.where(seen, "ok", "no-face"), "reason": [None] * n, "box_source": [None] * n}
    columns |= {"track": [2 if one else None for one in seen]}
    path = study.frames_path(recording)
    with open_table(path, "frames", recording=recording, dim=DIM, dtype=dtype) as table:
        table.write(columns, embeddings=rng.standard_normal((n, DIM)), valid=seen)
    return StoredTable(path, TableRecord.of(path, n_rows=n))


def plainly(tables: list[StoredTable], status: str | None) -> pd.DataFrame:
    frames = [read_table(one.path, "frames").to_pandas() for one in tables]
    frame = pd.concat(frames, ignore_index=True).astype({"track": "Int32"})
    frame = frame if status is None else frame[frame["status"] == status].reset_index(drop=True)
    return frame.astype(dict.fromkeys(embedding_columns(frame.columns), np.float32))


@pytest.mark.parametrize("status", [None, "ok", "missing"])
@pytest.mark.parametrize("workers", [1, 3])
def test_many_tables_of_any_length_and_precision(
    study: Study, make_result: ResultMaker, monkeypatch: pytest.MonkeyPatch, status: str | None, workers: int
) -> None:
    monkeypatch.setattr(pa, "cpu_count", lambda: workers)
    sizes = {"sub-01": 2 * ROWS_PER_GROUP + 17, "sub-02": 1, "sub-03": 0, "sub-04": 40, "sub-05": 9}
    tables = [
        write(study, make_result, name, n, "float16" if name == "sub-04" else "float32")
        for name, n in sizes.items()
    ]
    found = rows_of(tables, "frames", status=status, embeddings=True)
    expected = plainly(tables, status)
    pd.testing.assert_frame_equal(found, expected, check_dtype=len(expected) > 0)
    assert len(found) or status == "missing"
    without = rows_of(tables, "frames", status=status, embeddings=False)
    pd.testing.assert_frame_equal(
        without, found.drop(columns=embedding_columns(found.columns)), check_column_type=False
    )


def test_a_row_may_be_changed_and_the_others_stay(study: Study, make_result: ResultMaker) -> None:
    frame = rows_of([write(study, make_result, "sub-01", 20)], "frames", status=None, embeddings=True)
    before = frame["e001"].copy()
    frame.loc[0, "e000"] = 7.0
    frame["e002"] = 0.0
    assert frame.loc[0, "e000"] == 7.0
    pd.testing.assert_series_equal(frame["e001"], before)


def test_the_first_damaged_file_is_the_error(study: Study, make_result: ResultMaker) -> None:
    tables = [write(study, make_result, f"sub-{k:02d}", 5) for k in range(1, 8)]
    tables[2] = replace(tables[2], record=tables[2].record.model_copy(update={"sha256": "0" * 64}))
    tables[5].path.write_bytes(b"nothing")
    with pytest.raises(FormatError, match="as it was written") as caught:
        rows_of(tables, "frames", status=None, embeddings=True)
    assert tables[2].path.name in str(caught.value)
