"""status.tsv says of every recording what became of it, and only from the records."""

import json
import shutil

import pytest

from emoclip_clinic.errors import StudyError, VideoError
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.sidecar import (
    TIMED_STAGES,
    FailedRecord,
    InputRecord,
    RecordingRecord,
    read_failed,
    read_sidecar,
    write_failed,
)
from emoclip_clinic.study.status import STATUS_COLUMNS, build_status, write_status

from .conftest import ResultMaker

ERROR = VideoError(
    "The file must be a video", found="no video stream", where="a.mp4", hint="Export it again."
)


def fail(study: Study, recording: Recording, error: Exception = ERROR) -> FailedRecord:
    record = FailedRecord(
        recording=RecordingRecord.of(recording),
        input=InputRecord.of(recording.path, study=study),
        settings={"batch_size": 1},
        stage="decode",
        seconds={"total": 0.5},
        **FailedRecord.said_by(error),
    )
    write_failed(study.failed_path(recording), record)
    return record


def test_a_result_is_summarised(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01_ses-1_task-talk_run-2")
    (row,) = build_status(study)
    assert row.cells() == {
        **dict.fromkeys(STATUS_COLUMNS),
        "participant_id": "sub-01",
        "session_id": "ses-1",
        "task": "talk",
        "run": "2",
        "recording": "sub-01_ses-1_task-talk_run-2",
        "status": "ok",
        "path": "interviews/sub-01_ses-1_task-talk_run-2_beh.mp4",
        "header_s": 2.5,
        "decoded_s": 2.4,
        "coverage": 0.833,
        "segments_ok": 2,
        "segments_rejected": 1,
        "rejected_because": "no-face 1",
        "subject_rule": "largest",
        "subject_margin": 1.0,
        "weights": "toy (random: no meaning)",
        "seconds_decode": 1.25,
        "seconds_encode": 2.0,
        "seconds_total": 3.0,
        "created_utc": row.created_utc,
    }


def test_every_column_has_a_meaning_and_every_stage_a_column() -> None:
    assert all(meaning.endswith(".") for meaning in STATUS_COLUMNS.values())
    assert [name for name in STATUS_COLUMNS if name.startswith("seconds_")] == [
        f"seconds_{s}" for s in TIMED_STAGES
    ]


def test_a_failure_is_a_row_with_its_reason(study: Study, make_result: ResultMaker) -> None:
    one = make_result.recording("sub-02_ses-1")
    record = fail(study, one)
    assert read_failed(study.failed_path(one)) == record
    assert (record.error, record.hint) == ("VideoError", "Export it again.")
    (row,) = build_status(study)
    assert (row.status, row.recording, row.path) == (
        "failed",
        "sub-02_ses-1",
        "interviews/sub-02_ses-1_beh.mp4",
    )
    assert (row.reason, row.hint) == (ERROR.statement, ERROR.hint)
    assert f"{row.reason} {row.hint}" == str(ERROR)


def test_an_error_without_a_message_still_has_a_reason() -> None:
    assert FailedRecord.said_by(MemoryError()) == {
        "error": "MemoryError",
        "reason": "MemoryError",
        "hint": None,
    }


def test_the_table_is_written_sorted_with_one_line_per_recording(
    study: Study, make_result: ResultMaker
) -> None:
    make_result("sub-10")
    make_result("sub-02")
    fail(study, make_result.recording("sub-01"), VideoError("Two\nlines\tand a tab", found="=1+1"))
    rows = write_status(study)
    table = read_tsv(study.status_tsv)
    assert table.columns == tuple(STATUS_COLUMNS)
    assert len(study.status_tsv.read_text(encoding="utf-8").splitlines()) == 4
    assert (
        [row["recording"] for row in table.rows]
        == ["sub-01", "sub-02", "sub-10"]
        == [r.recording for r in rows]
    )
    assert table.rows[0]["reason"] == "Two lines and a tab. Found: =1+1."
    assert table.rows[0]["segments_ok"] is None


def test_the_table_is_derived_and_never_read(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    study.status_tsv.write_text("nonsense")
    assert [row.status for row in write_status(study)] == ["ok"]
    shutil.rmtree(study.derivatives / "sub-01")
    assert write_status(study) == ()


def test_a_result_outlives_a_later_failure_which_is_a_warning(study: Study, make_result: ResultMaker) -> None:
    one = make_result("sub-01")
    fail(study, one)
    (row,) = build_status(study)
    assert row.status == "ok"
    assert row.warnings == (f"a later run failed: {ERROR.statement}",)


def test_absent_and_cut_tables_are_failures(study: Study, make_result: ResultMaker) -> None:
    gone, cut = make_result("sub-01"), make_result("sub-02")
    study.frames_path(gone).unlink()
    study.segments_path(cut).write_bytes(b"PAR1")
    assert [(row.status, row.reason) for row in build_status(study)] == [
        ("failed", "The table of frames is absent (sub-01_desc-frames_emoclip.parquet)."),
        ("failed", f"The table of segments has 4 bytes instead of {_size(study, cut)}."),
    ]


def _size(study: Study, recording: Recording) -> int:
    return read_sidecar(study.sidecar_path(recording)).tables["segments"].size_bytes


def test_a_changed_table_is_noticed_by_a_deep_look(study: Study, make_result: ResultMaker) -> None:
    one = make_result("sub-01")
    path = study.sidecar_path(one)
    content = bytearray(study.segments_path(one).read_bytes())
    content[10] ^= 1
    study.segments_path(one).write_bytes(content)
    sidecar = read_sidecar(path)
    assert sidecar.table_problem(path) is None
    assert "table of segments was changed" in str(sidecar.table_problem(path, deep=True))


@pytest.mark.parametrize("failed", [False, True])
def test_a_record_that_cannot_be_read_is_a_failure(
    study: Study, make_result: ResultMaker, failed: bool
) -> None:
    one = make_result("sub-01_ses-1")
    path = study.failed_path(one) if failed else study.sidecar_path(one)
    if failed:
        study.sidecar_path(one).unlink()
    path.write_text("{")
    (row,) = build_status(study)
    assert (row.status, row.participant_id, row.session_id) == ("failed", "sub-01", "ses-1")
    assert "extract --force" in str(row.hint)


def test_a_sidecar_comes_back_as_it_was_written(study: Study, make_result: ResultMaker) -> None:
    path = study.sidecar_path(make_result("sub-01"))
    sidecar = read_sidecar(path)
    assert type(sidecar).model_validate_json(path.read_bytes()) == sidecar
    assert json.loads(path.read_text())["format_version"] == 1
    assert sidecar.table_path(path, "frames") == path.parent / "sub-01_desc-frames_emoclip.parquet"


def test_a_video_that_is_gone_is_described_without_size(study: Study) -> None:
    record = InputRecord.of(study.root / "gone.mp4", study=study)
    assert (record.path, record.size_bytes, record.mtime_ns) == ("gone.mp4", None, None)


def test_an_empty_study_has_an_empty_table(study: Study) -> None:
    assert write_status(study) == ()
    assert study.status_tsv.read_text().split("\t")[0] == "participant_id"


def test_an_absent_study_is_an_error(study: Study) -> None:
    with pytest.raises(StudyError, match="existing folder"):
        build_status(study.root / "nowhere")
