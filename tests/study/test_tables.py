"""Tables hold what formats.py says, are read back exactly, and never half."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.files import write_table
from emoclip_clinic.study.formats import (
    COLUMNS,
    FORMAT_VERSION,
    IDENTITY_COLUMNS,
    RELEASED_VERSIONS,
    check_format_version,
    embedding_columns,
    embedding_names,
    schema_for_frames,
    schema_for_segments,
    schema_for_tracks,
    table_metadata,
)
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings_table import RECORDINGS_COLUMNS
from emoclip_clinic.study.results import load_segments
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.status import STATUS_COLUMNS
from emoclip_clinic.study.tables import (
    ROWS_PER_GROUP,
    embedding_matrix,
    iter_table,
    open_table,
    read_notes,
    read_table,
    table_dim,
)
from emoclip_clinic.study.tracks_table import TRACKS_COLUMNS

SEGMENT = {
    "segment": [0, 1],
    "frame_start": [0, 4],
    "t_start_s": [0.0, 0.8],
    "t_end_s": [0.8, 1.6],
    "n_frames": [4, 4],
    "n_ok": [4, 2],
    "n_held": [0, 0],
    "coverage": [1.0, 0.5],
    "status": ["ok", "rejected"],
    "reason": [None, "no-face"],
}
EMBEDDINGS = np.arange(6, dtype=np.float32).reshape(2, 3)


def write_segments(path: Path, recording, columns=SEGMENT, embeddings=EMBEDDINGS, valid=None) -> None:
    with open_table(path, "segments", recording=recording, dim=3) as table:
        table.write(columns, embeddings=embeddings, valid=valid)


@pytest.fixture
def recording(make_result):
    return make_result.recording("sub-01_ses-1_task-talk")


@pytest.fixture
def path(study: Study, recording) -> Path:
    return study.segments_path(recording)


def test_every_column_says_what_it_means() -> None:
    for columns in (IDENTITY_COLUMNS, *COLUMNS.values()):
        assert len({column.name for column in columns}) == len(columns)
        for column in columns:
            assert column.meaning.endswith(".")
            assert bool(column.unit) == column.name.endswith(("_s", "_deg", "_px", "1", "2", "_x", "_y")), (
                column.name
            )


@pytest.mark.parametrize("columns", [IDENTITY_COLUMNS, *COLUMNS.values()])
def test_the_page_of_file_formats_lists_the_columns_as_they_are(repository: Path, columns) -> None:
    page = (repository / "docs" / "file-formats.md").read_text(encoding="utf-8")
    rows = [
        f"| `{c.name}` | {c.type} | {c.unit} | {'yes' if c.nullable else 'no'} | {c.meaning} |"
        for c in columns
    ]
    assert "\n".join(rows) in page


@pytest.mark.parametrize("columns", [RECORDINGS_COLUMNS, TRACKS_COLUMNS, STATUS_COLUMNS])
def test_the_page_of_file_formats_lists_what_tables_of_people_hold(repository: Path, columns) -> None:
    page = (repository / "docs" / "file-formats.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{name}` | {meaning} |" for name, meaning in columns.items()) in page


def test_names_of_an_embedding_sort_as_they_count() -> None:
    for dim in (1, 512, 1000, 1024):
        names = embedding_names(dim)
        assert len(set(names)) == dim
        assert sorted(names) == names
    assert embedding_names(512)[::511] == ["e000", "e511"]
    assert embedding_columns(["frame", "e000", "e1", "end", "e", "exx", "e001"]) == ["e000", "e1", "e001"]


def test_schemas_have_identity_first_and_embedding_last() -> None:
    for schema, kind, dim in (
        (schema_for_frames(3), "frames", 3),
        (schema_for_segments(3), "segments", 3),
        (schema_for_tracks(), "tracks", 0),
    ):
        expected = [column.name for column in (*IDENTITY_COLUMNS, *COLUMNS[kind])] + embedding_names(dim)
        assert schema.names == expected
        assert schema.metadata == {b"table": kind.encode(), b"format_version": b"1"}
    assert schema_for_frames(3, dtype="float16").field("e000").type == pa.float16()
    with pytest.raises(FormatError, match="float32 or float16"):
        schema_for_frames(3, dtype="float64")


def test_a_table_is_read_as_it_was_written(path: Path, recording) -> None:
    write_segments(path, recording, valid=np.array([True, False]))
    table = read_table(path, "segments")
    assert table.schema.equals(schema_for_segments(3))
    first, second = table.to_pylist()
    assert first == {
        **{"participant_id": "sub-01", "session_id": "ses-1", "task": "talk", "run": None},
        **{name: values[0] for name, values in SEGMENT.items()},
        **{"e000": 0.0, "e001": 1.0, "e002": 2.0},
    }
    assert [second[name] for name in ("status", "e000", "e001", "e002")] == ["rejected", None, None, None]
    assert table_dim(path, "segments") == 3


def test_embeddings_come_back_bit_for_bit(path: Path, recording) -> None:
    values = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    write_segments(path, recording, embeddings=values)
    np.testing.assert_array_equal(embedding_matrix(read_table(path, "segments")), values)


def test_rows_without_an_embedding_are_nan_in_the_matrix(path: Path, recording) -> None:
    write_segments(path, recording, valid=np.array([False, True]))
    matrix = embedding_matrix(read_table(path, "segments"))
    assert matrix.dtype == np.float32
    assert np.isnan(matrix[0]).all()
    np.testing.assert_array_equal(matrix[1], EMBEDDINGS[1])


def test_half_precision_keeps_what_it_can_hold(make_result, study: Study) -> None:
    half = ExtractSettings(sample_fps=5.0, segment_frames=4, frame_dtype="float16")
    one = make_result("sub-01", settings=half)
    table = read_table(study.frames_path(one), "frames")
    assert table.schema.field("e000").type == pa.float16()
    matrix = embedding_matrix(table)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[0], [0, 0.125, 0.25, 0.375])
    assert np.isnan(matrix[4:6]).all()


def test_the_file_does_not_depend_on_the_pieces_it_was_written_in(path: Path, recording) -> None:
    n = ROWS_PER_GROUP + 10
    columns = {
        **{name: np.arange(n) for name in ("segment", "frame_start", "n_frames", "n_ok", "n_held")},
        **{name: np.arange(n) / 2 for name in ("t_start_s", "t_end_s", "coverage")},
        "status": ["ok"] * n,
        "reason": [None] * n,
    }
    embeddings = np.arange(n * 3, dtype=np.float32).reshape(n, 3)
    written = []
    for pieces in ([0, n], [0, 1, 1, 7, n], [0, ROWS_PER_GROUP, n], [*range(0, n, 1000), n]):
        with open_table(path, "segments", recording=recording, dim=3) as table:
            for a, b in pairwise(pieces):
                table.write(
                    {name: values[a:b] for name, values in columns.items()}, embeddings=embeddings[a:b]
                )
            assert table.n_rows == n
        written.append(path.read_bytes())
    assert set(written) == {written[0]}
    batches = list(iter_table(path, "segments"))
    assert [batch.num_rows for batch in batches] == [ROWS_PER_GROUP, 10]
    np.testing.assert_array_equal(np.concatenate([embedding_matrix(batch) for batch in batches]), embeddings)


def test_notes_are_kept_with_the_table_and_change_no_row(path: Path, recording) -> None:
    write_segments(path, recording)
    expected = read_table(path, "segments")
    assert read_notes(path, "segments") == {}
    with open_table(path, "segments", recording=recording, dim=3) as table:
        table.notes["key"] = "é 1"
        table.write(SEGMENT, embeddings=EMBEDDINGS)
        table.notes["n_ok"] = "2"
    assert read_notes(path, "segments") == {"key": "é 1", "n_ok": "2"}
    assert read_table(path, "segments").equals(expected)


def test_a_table_without_rows_keeps_its_columns(path: Path, recording) -> None:
    with open_table(path, "segments", recording=recording, dim=3):
        pass
    table = read_table(path, "segments")
    assert table.num_rows == 0
    assert table.schema.equals(schema_for_segments(3))


def test_the_embedding_need_not_be_read(path: Path, recording) -> None:
    write_segments(path, recording)
    assert read_table(path, "segments", embeddings=False).schema.names == schema_for_segments(0).names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {**SEGMENT, "extra": [1, 2]}}, "surplus extra"),
        ({"columns": {name: v for name, v in SEGMENT.items() if name != "reason"}}, "missing reason"),
        ({"columns": {**SEGMENT, "status": ["ok"]}}, "same length"),
        ({"embeddings": EMBEDDINGS[:1]}, "same length"),
        ({"embeddings": EMBEDDINGS[:, :2]}, r"shape \(rows, 3\)"),
        ({"embeddings": None}, "same length"),
        ({"columns": {**SEGMENT, "n_ok": [1.5, 2]}}, "fit the type"),
        ({"columns": {**SEGMENT, "n_ok": ["a", "b"]}}, "fit the type"),
        ({"columns": {**SEGMENT, "status": ["ok", None]}}, "no missing values.*status"),
        ({"columns": {**SEGMENT, "coverage": [1.0, np.nan]}}, "no missing values.*coverage"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_is_written(
    path: Path, recording, change: dict[str, object], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        write_segments(path, recording, **change)
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


# damage


@pytest.mark.parametrize("keep", [0, 4, 0.5, 0.99])
def test_a_cut_table_is_an_error_that_names_the_remedy(path: Path, recording, keep: float) -> None:
    write_segments(path, recording)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(FormatError, match=r"emoclip-clinic extract --force") as caught:
        read_table(path, "segments")
    assert caught.value.where == path


def test_a_changed_byte_is_a_format_error_wherever_it_is(study: Study, make_result) -> None:
    path = study.segments_path(make_result("sub-01"))
    content = path.read_bytes()
    assert len(load_segments(study)) == 2
    for position in range(0, len(content), 29):
        damaged = bytearray(content)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match="extract --force"):
            load_segments(study)


def test_an_absent_table_is_a_format_error(path: Path) -> None:
    with pytest.raises(FormatError, match="extract --force"):
        read_table(path, "segments")


def test_another_table_is_refused(study: Study, make_result) -> None:
    one = make_result("sub-01")
    with pytest.raises(FormatError, match=r"must be a table of segments.*Found: frames"):
        read_table(study.frames_path(one), "segments")


def test_a_table_of_somebody_else_is_refused(path: Path) -> None:
    write_table(path, pa.table({"x": [1]}), metadata={})
    with pytest.raises(FormatError, match="Found: none"):
        read_table(path, "segments")


def test_a_table_that_lacks_columns_is_refused(path: Path, recording) -> None:
    write_segments(path, recording)
    table = pq.read_table(path).drop_columns(["coverage"])
    write_table(path, table, metadata=table_metadata("segments"))
    with pytest.raises(FormatError, match="no coverage"):
        read_table(path, "segments")


def test_a_table_of_a_newer_release_is_refused_with_advice(path: Path, recording) -> None:
    write_segments(path, recording)
    write_table(path, pq.read_table(path), metadata={"format_version": str(FORMAT_VERSION + 1)})
    with pytest.raises(FormatError, match=r"update emoclip-clinic.*extract --force"):
        read_table(path, "segments")


@pytest.mark.parametrize("version", [None, 0, -1, "x", 1.5, True, "2", "²"])
def test_other_versions_are_refused(version: object, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="extract --force"):
        check_format_version(version, where=tmp_path)


@pytest.mark.parametrize("version", [*RELEASED_VERSIONS, *map(str, RELEASED_VERSIONS)])
def test_released_versions_are_read(version: object, tmp_path: Path) -> None:
    assert check_format_version(version, where=tmp_path) in RELEASED_VERSIONS
