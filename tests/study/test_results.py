"""Results are loaded with whose they are, only together when they belong together, or not at all."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import FormatError, SettingsError, StudyError
from emoclip_clinic.study import (
    Study,
    iter_frames,
    iter_segments,
    list_results,
    load_frames,
    load_segments,
    load_tracks,
)
from emoclip_clinic.study.formats import COLUMNS, IDENTITY_COLUMNS
from emoclip_clinic.study.settings import ExtractSettings

from .conftest import WEIGHTS, ResultMaker, frame_embeddings

FOUR = ExtractSettings(sample_fps=5.0, segment_frames=4, stride_frames=4)


def test_segments_come_with_identity_times_and_embedding(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01_ses-1_task-talk_run-2")
    make_result("sub-02")
    segments = load_segments(study)
    names = [column.name for column in (*IDENTITY_COLUMNS, *COLUMNS["segments"])]
    assert list(segments.columns) == [*names, "e000", "e001", "e002", "e003"]
    assert segments["participant_id"].tolist() == ["sub-01", "sub-01", "sub-02", "sub-02"]
    assert segments.loc[0, ["session_id", "task", "run"]].tolist() == ["ses-1", "talk", "2"]
    assert segments.loc[2:, ["session_id", "task", "run"]].isna().all(axis=None)
    assert segments["segment"].tolist() == [0, 2, 0, 2]
    assert segments["t_start_s"].tolist() == [0.0, 1.6, 0.0, 1.6]
    embeddings = segments.filter(regex=r"^e\d+$")
    assert (embeddings.dtypes == np.float32).all()
    np.testing.assert_array_equal(embeddings.to_numpy()[:2], frame_embeddings(3, 4)[[0, 2]])


def test_rejected_segments_are_there_for_who_asks(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    rejected = load_segments(study, status="rejected")
    assert rejected["reason"].tolist() == ["no-face"]
    assert rejected.filter(regex=r"^e\d+$").isna().all(axis=None)
    assert load_segments(study, status=None)["status"].tolist() == ["ok", "rejected", "ok"]


def test_frames_come_with_quality_and_missing_values(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    frames = load_frames(study)
    assert len(frames) == 12
    assert frames["track"].dtype == pd.Int32Dtype()
    assert frames["track"].isna().tolist() == [k in (4, 5) for k in range(12)]
    assert frames["t_s"].tolist() == pytest.approx([k / 5 + 0.01 for k in range(12)])
    assert len(load_frames(study, status="no-face")) == 2
    assert "e000" not in load_frames(study, embeddings=False)


def test_frames_of_half_precision_are_float32_in_memory(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01", settings=FOUR.model_copy(update={"frame_dtype": "float16"}))
    frames = load_frames(study, status="ok")
    assert frames["e000"].dtype == np.float32
    np.testing.assert_array_equal(
        frames.filter(regex=r"^e\d+$").to_numpy(), np.delete(frame_embeddings(12, 4), (4, 5), axis=0)
    )


def test_all_tracks_can_be_loaded(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    tracks = load_tracks(study)
    assert len(tracks) == 12
    assert tracks["score"].isna().sum() == 9


def test_only_some_participants(study: Study, make_result: ResultMaker) -> None:
    for name in ("sub-01_ses-1", "sub-01_ses-2", "sub-02"):
        make_result(name)
    assert set(load_segments(study, participants=["01"])["participant_id"]) == {"sub-01"}
    assert len(list_results(study, participants=["sub-01", "02"])) == 3
    with pytest.raises(StudyError, match=r"sub-03.*Did you mean|sub-03"):
        load_segments(study, participants=["03"])


def test_one_recording_at_a_time_gives_the_same_rows(study: Study, make_result: ResultMaker) -> None:
    for name in ("sub-01", "sub-02"):
        make_result(name)
    pieces = iter_segments(study, status=None)
    assert isinstance(pieces, Iterator)
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), load_segments(study, status=None))
    assert [len(piece) for piece in iter_frames(study, status="ok", embeddings=False)] == [10, 10]


def test_the_study_may_be_a_path_or_text(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    expected = load_segments(study)
    for same in (study.root, str(study.root)):
        pd.testing.assert_frame_equal(load_segments(same), expected)


def test_segments_that_are_all_rejected_are_no_rows_and_all_columns(
    study: Study, make_result: ResultMaker
) -> None:
    make_result("sub-01", n_frames=0)
    assert load_segments(study).columns.tolist()[-1] == "e003"
    assert load_segments(study).empty


@pytest.mark.parametrize("load", [load_segments, load_frames, load_tracks])
def test_an_empty_study_is_an_error_that_says_what_to_run(study: Study, load) -> None:
    with pytest.raises(StudyError, match=r"Run `emoclip-clinic extract` first"):
        load(study)


def test_streaming_an_empty_study_is_the_same_error(study: Study) -> None:
    with pytest.raises(StudyError, match="emoclip-clinic extract"):
        next(iter_segments(study))


def test_tables_without_a_sidecar_are_no_result(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01", sidecar=False)
    assert list_results(study) == ()
    with pytest.raises(StudyError, match="emoclip-clinic extract"):
        load_segments(study)


def test_an_absent_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="existing folder"):
        load_segments(tmp_path / "nowhere")


def test_an_unknown_status_is_an_error(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    with pytest.raises(SettingsError, match="Did you mean 'rejected'"):
        load_segments(study, status="reject")
    with pytest.raises(SettingsError, match="ok, no-face, missing"):
        load_frames(study, status="bad")


# results that do not belong together


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"settings": FOUR.model_copy(update={"resize": "upstream"})},
            "resize: antialias in sub-01, sub-02; upstream in sub-03",
        ),
        (
            {"settings": FOUR.model_copy(update={"min_coverage": 0.5})},
            "min_coverage: 0.75 in sub-01, sub-02; 0.5 in sub-03",
        ),
        (
            {"weights": WEIGHTS.model_copy(update={"sha256": "c" * 64})},
            "weights: toy (aaaaaaaa) in sub-01, sub-02; toy (cccccccc) in sub-03",
        ),
    ],
)
def test_mixed_results_are_an_error_that_lists_who(
    study: Study, make_result: ResultMaker, change: dict[str, object], told: str
) -> None:
    make_result("sub-01")
    make_result("sub-02")
    make_result("sub-03", **change)
    with pytest.raises(StudyError) as caught:
        load_segments(study)
    assert told in str(caught.value)
    assert "emoclip-clinic extract" in str(caught.value)
    assert len(load_segments(study, allow_mixed=True)) == 6
    assert len(load_segments(study, participants=["01", "02"])) == 4


def test_a_rule_chosen_for_one_recording_does_not_make_it_another_kind(
    study: Study, make_result: ResultMaker
) -> None:
    make_result("sub-01")
    make_result(
        "sub-02", settings=FOUR.model_copy(update={"subject_rule": "left", "batch_size": 1, "device": "cuda"})
    )
    assert len(load_segments(study)) == 4


def test_another_precision_is_a_warning(
    study: Study, make_result: ResultMaker, caplog: pytest.LogCaptureFixture
) -> None:
    make_result("sub-01")
    make_result("sub-02", precision="bf16")
    with caplog.at_level(logging.WARNING):
        assert len(load_segments(study)) == 4
    assert "fp32 in sub-01; bf16 in sub-02" in caplog.text


def test_embeddings_of_random_weights_are_warned_about(
    study: Study, make_result: ResultMaker, caplog: pytest.LogCaptureFixture
) -> None:
    make_result("sub-01", weights=WEIGHTS.model_copy(update={"kind": "user"}))
    with caplog.at_level(logging.WARNING):
        load_segments(study)
    assert caplog.text == ""
    make_result("sub-02", weights=WEIGHTS)
    load_segments(study)
    assert "random weights mean nothing; they are those of sub-02" in caplog.text


def test_embeddings_of_different_width_are_never_mixed(study: Study, make_result: ResultMaker) -> None:
    make_result("sub-01")
    make_result("sub-02", dim=8)
    with pytest.raises(StudyError, match="number of dimensions"):
        load_segments(study, allow_mixed=True)


# damage


def test_a_table_that_is_gone_is_an_error_that_names_the_remedy(
    study: Study, make_result: ResultMaker
) -> None:
    one = make_result("sub-01")
    study.segments_path(one).unlink()
    with pytest.raises(FormatError, match="emoclip-clinic extract --force"):
        load_segments(study)


def test_a_table_of_another_recording_is_noticed(study: Study, make_result: ResultMaker) -> None:
    one, two = make_result("sub-01"), make_result("sub-02")
    study.segments_path(one).write_bytes(study.segments_path(two).read_bytes())
    with pytest.raises(FormatError, match="as it was written"):
        load_segments(study)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "update emoclip-clinic"),
        ({"format_version": None}, "extract --force"),
        ({"status": "fine"}, r"status: .*extract --force"),
        ({"weights": None}, "weights"),
        ({"surprise": 1}, "surprise"),
        (
            {"tables": {"segments": {"file": "../../x", "sha256": "a" * 64, "size_bytes": 1, "n_rows": 1}}},
            "tables",
        ),
    ],
)
def test_a_sidecar_that_is_not_ours_is_refused(
    study: Study, make_result: ResultMaker, change: dict[str, object], message: str
) -> None:
    path = study.sidecar_path(make_result("sub-01"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FormatError, match=message) as caught:
        load_segments(study)
    assert caught.value.where == path


def test_half_a_sidecar_is_refused(study: Study, make_result: ResultMaker) -> None:
    path = study.sidecar_path(make_result("sub-01"))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(FormatError, match="extract --force"):
        load_segments(study)


def test_a_result_without_the_table_is_refused(study: Study, make_result: ResultMaker) -> None:
    path = study.sidecar_path(make_result("sub-01"))
    content = json.loads(path.read_text())
    del content["tables"]["tracks"]
    path.write_text(json.dumps(content))
    assert len(load_segments(study)) == 2
    with pytest.raises(FormatError, match="must have a table of tracks"):
        load_tracks(study)
