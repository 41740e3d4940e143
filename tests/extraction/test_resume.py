"""Work is repeated exactly when something that it depends on has changed."""

import os
import shutil

import pandas as pd
import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.extraction import ExtractionProgress, embed, extract_study
from emoclip_clinic.study import (
    Study,
    find_recordings,
    load_frames,
    load_segments,
    load_tracks,
    read_sidecar,
)
from emoclip_clinic.study.formats import COLUMNS
from tests.extraction.squares import recordings_of, tables_of

KINDS = ("tracks", "frames", "segments")


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch):
    """A function after whose call no video can be opened."""

    def forbid(*stages: str) -> None:
        for stage in stages:
            monkeypatch.setattr(f"emoclip_clinic.extraction.{stage}.open_video", _forbidden)

    return forbid


def _forbidden(*_args, **_settings):
    raise AssertionError("the video was opened again")


def assert_same(one: Study, other: Study) -> None:
    for left, right in zip(tables_of(one), tables_of(other), strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_a_second_run_computes_nothing(study, settings, no_decoding):
    first = extract_study(study, recordings_of(study), settings)
    assert (first.n_ok, first.n_skipped) == (2, 0)
    before = {path: path.stat().st_mtime_ns for path in study.sidecar_paths()}
    no_decoding("scan", "embed")
    second = extract_study(study, recordings_of(study), settings)
    assert (second.n_ok, second.n_failed, second.n_skipped) == (0, 0, 2)
    assert {path: path.stat().st_mtime_ns for path in study.sidecar_paths()} == before


def test_force_computes_everything_again_and_gives_the_same(extracted, settings, whole):
    assert extract_study(extracted, recordings_of(extracted), settings, force=True).n_ok == 2
    assert_same(extracted, whole)


def test_a_new_stride_runs_the_temporal_part_alone_and_equals_a_fresh_run(
    study, extracted, settings, no_decoding
):
    changed = settings.model_copy(update={"stride_frames": 5, "min_coverage": 0.9})
    extract_study(study, recordings_of(study), changed)
    no_decoding("scan", "embed")
    assert extract_study(extracted, recordings_of(extracted), changed).n_ok == 2
    assert_same(extracted, study)


def test_re_segmenting_half_precision_frames_equals_a_fresh_run(
    study, videos, settings, no_decoding, tmp_path
):
    fresh = Study(shutil.copytree(videos, tmp_path / "fresh"))
    half = settings.model_copy(update={"frame_dtype": "float16"})
    changed = half.model_copy(update={"segment_frames": 20})
    extract_study(fresh, recordings_of(fresh), changed)
    extract_study(study, recordings_of(study), half)
    no_decoding("scan", "embed")
    extract_study(study, recordings_of(study), changed)
    assert_same(study, fresh)


def test_a_new_subject_rule_crops_again_and_does_not_detect_again(extracted, settings, no_decoding):
    tracks = load_tracks(extracted)
    no_decoding("scan")
    changed = settings.model_copy(update={"subject_rule": "right"})
    assert extract_study(extracted, recordings_of(extracted), changed).n_ok == 2
    pd.testing.assert_frame_equal(load_tracks(extracted, allow_mixed=True), tracks)
    frames = load_frames(extracted, allow_mixed=True).set_index("participant_id")
    assert frames.loc["sub-01", "box_x1"].median() == pytest.approx(20, abs=2)  # nobody else is there
    assert frames.loc["sub-02", "box_x1"].median() == pytest.approx(120, abs=2)


def test_a_rule_that_chooses_the_same_track_encodes_nothing_again(extracted, settings, no_decoding):
    no_decoding("scan", "embed")
    changed = settings.model_copy(update={"subject_rule": "left", "min_margin": 0.9})
    assert extract_study(extracted, recordings_of(extracted), changed).n_ok == 2
    assert {read_sidecar(path).subject.rule for path in extracted.sidecar_paths()} == {"left"}


def test_another_model_keeps_the_tracks(extracted, settings, no_decoding):
    records = extracted.root / "protocols" / "weights"
    records.mkdir(parents=True)
    (records / "other-random.yaml").write_text(
        "name: other-random\nkind: random\narchitecture: tiny\nseed: 7\ndescription: Another tiny model.\n"
    )
    before = load_segments(extracted)
    no_decoding("scan")
    other = settings.model_copy(update={"model": "other-random"})
    assert extract_study(extracted, recordings_of(extracted), other).n_ok == 2
    after = load_segments(extracted)
    assert {read_sidecar(path).weights.name for path in extracted.sidecar_paths()} == {"other-random"}
    assert not (before["e000"] - after["e000"]).abs().lt(1e-6).any()


def test_a_frame_table_without_the_columns_of_this_release_is_made_again_and_not_detected_again(
    study, settings, whole, no_decoding, monkeypatch
):
    with monkeypatch.context() as earlier:
        known = [column for column in COLUMNS["frames"] if not column.name.startswith("around_")]
        earlier.setitem(COLUMNS, "frames", tuple(known))
        names = {column.name for column in known}
        make_row = embed._row

        def earlier_row(*args, **named):
            return {name: value for name, value in make_row(*args, **named).items() if name in names}

        earlier.setattr(embed, "_row", earlier_row)
        assert extract_study(study, recordings_of(study), settings).n_ok == 2
        assert not any(name.startswith("around_") for name in load_frames(study).columns)
    no_decoding("scan")
    assert extract_study(study, recordings_of(study), settings).n_ok == 2
    assert_same(study, whole)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["flipped", "cut", "absent"])
def test_a_damaged_table_is_noticed_and_made_again(extracted, whole, settings, kind, damage):
    (path,) = extracted.derivatives.glob(f"sub-02/ses-1/beh/*_desc-{kind}_emoclip.parquet")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    summary = extract_study(extracted, recordings_of(extracted), settings)
    assert (summary.n_ok, summary.n_skipped, summary.n_failed) == (1, 1, 0)
    assert_same(extracted, whole)


@pytest.mark.parametrize("content", [b"", b'{"format_version": 1', b'{"format_version": 99}'])
def test_a_damaged_or_foreign_sidecar_is_no_result(extracted, settings, content):
    path = extracted.sidecar_paths()[0]
    path.write_bytes(content)
    summary = extract_study(extracted, recordings_of(extracted), settings)
    assert (summary.n_ok, summary.n_skipped) == (1, 1)
    assert read_sidecar(path).status == "ok"


def test_a_video_that_changed_is_done_again_and_a_touched_one_is_not(extracted, settings, no_decoding):
    shutil.copy(extracted.root / "sub-02_ses-1_beh.mp4", extracted.root / "sub-01_ses-1_beh.mp4")
    summary = extract_study(extracted, recordings_of(extracted), settings)
    assert (summary.n_ok, summary.n_skipped) == (1, 1)
    os.utime(extracted.root / "sub-02_ses-1_beh.mp4", (1, 1))
    no_decoding("scan", "embed")
    summary = extract_study(extracted, recordings_of(extracted), settings)
    assert (summary.n_ok, summary.n_skipped, summary.n_failed) == (0, 2, 0)


def test_tables_without_a_sidecar_are_no_result_but_serve_to_make_it(extracted, whole, settings, no_decoding):
    for path in extracted.sidecar_paths():
        path.unlink()
    with pytest.raises(StudyError, match="must have results"):
        load_segments(extracted)
    no_decoding("scan", "embed")
    assert extract_study(extracted, recordings_of(extracted), settings).n_ok == 2
    assert_same(extracted, whole)


class StopDuring(ExtractionProgress):
    """Presses Ctrl-C when a stage of a recording begins."""

    def __init__(self, key: str, stage: str) -> None:
        self._at = (key, stage)

    def stage(self, key: str, stage_name: str, done: float, video_s_done: float) -> None:
        if (key, stage_name) == self._at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stage", ["faces", "encode", "segments"])
def test_an_interrupted_run_keeps_what_is_done_and_the_next_finishes(study, whole, settings, stage):
    summary = extract_study(study, recordings_of(study), settings, progress=StopDuring("sub-02_ses-1", stage))
    assert summary.interrupted
    assert summary.n_ok == 1
    assert [row.status for row in summary.rows] == ["ok"]
    assert not list(study.root.rglob("*.emoclip-tmp"))
    summary = extract_study(study, recordings_of(study), settings)
    assert (summary.n_ok, summary.n_skipped, summary.interrupted) == (1, 1, False)
    assert_same(study, whole)


def test_a_failed_rerun_keeps_the_earlier_result(extracted, settings):
    kept = load_segments(extracted, participants=["sub-01"])
    path = extracted.root / "sub-01_ses-1_beh.mp4"
    content = path.read_bytes()
    path.write_bytes(b"no video any more")
    summary = extract_study(extracted, recordings_of(extracted), settings)
    assert (summary.n_failed, summary.n_skipped) == (1, 1)
    row = next(row for row in summary.rows if row.participant_id == "sub-01")
    assert row.status == "ok"
    assert any("later run failed" in warning for warning in row.warnings)
    pd.testing.assert_frame_equal(load_segments(extracted, participants=["sub-01"]), kept)
    path.write_bytes(content)
    extract_study(extracted, recordings_of(extracted), settings)
    assert not extracted.failed_paths()


@pytest.mark.parametrize("kind", KINDS)
def test_damage_in_a_table_s_footer_is_noticed_and_the_rest_serves(extracted, whole, settings, kind):
    """Parquet's page checksums do not cover the footer, where the notes of a table are."""
    (path,) = extracted.derivatives.glob(f"sub-02/ses-1/beh/*_desc-{kind}_emoclip.parquet")
    content = bytearray(path.read_bytes())
    at = content.rindex(b"note:key")
    for offset in (at + 2, at + 30, len(content) - 40):
        flipped = bytearray(content)
        flipped[offset] ^= 0x01
        path.write_bytes(flipped)
        summary = extract_study(extracted, recordings_of(extracted), settings)
        assert (summary.n_ok, summary.n_skipped, summary.n_failed) == (1, 1, 0)
        assert_same(extracted, whole)


def test_damaged_notes_without_a_sidecar_are_not_believed(extracted, whole, settings):
    for path in extracted.sidecar_paths():
        path.unlink()
    for path in extracted.derivatives.rglob("*_desc-frames_emoclip.parquet"):
        content = path.read_bytes()
        at = content.index(b'"n_missing":0')
        path.write_bytes(content[: at + 12] + b"9" + content[at + 13 :])
    assert extract_study(extracted, recordings_of(extracted), settings).n_ok == 2
    assert_same(extracted, whole)
    assert {read_sidecar(path).decode.n_missing for path in extracted.sidecar_paths()} == {0}


def test_a_video_that_changes_while_it_is_read_fails(study, settings, monkeypatch):
    from emoclip_clinic.extraction import recording as stage

    scan_faces = stage.scan_faces

    def scan_and_replace(recording, *args, **options):
        scan = scan_faces(recording, *args, **options)
        os.utime(recording.path, (1, 1))
        return scan

    monkeypatch.setattr(stage, "scan_faces", scan_and_replace)
    summary = extract_study(study, recordings_of(study), settings)
    assert summary.n_failed == 2
    assert all("must not change while it is read" in row.reason for row in summary.rows)
    assert not list(study.derivatives.rglob("*.parquet"))


def test_tables_of_another_run_are_not_vouched_for(study, settings, monkeypatch):
    from emoclip_clinic.extraction import recording as stage

    compose = stage.compose_sidecar

    def compose_while_another_run_finishes(plan, **facts):
        shutil.copy(facts["tables"]["tracks"], facts["tables"]["segments"])
        return compose(plan, **facts)

    monkeypatch.setattr(stage, "compose_sidecar", compose_while_another_run_finishes)
    assert extract_study(study, recordings_of(study), settings).n_failed == 2
    assert not study.sidecar_paths()


def test_a_contact_sheet_asked_for_later_is_made_without_encoding_again(extracted, settings, monkeypatch):
    def forbidden(*_args, **_options):
        raise AssertionError("the frames were encoded again")

    monkeypatch.setattr("emoclip_clinic.extraction.recording.embed_subject", forbidden)
    asked = settings.model_copy(update={"thumbnails": True})
    assert extract_study(extracted, recordings_of(extracted), asked).n_ok == 2
    assert len(list(extracted.derivatives.rglob("*_desc-crops_emoclip.*"))) == 2
    assert extract_study(extracted, recordings_of(extracted), asked).n_skipped == 2


def test_seconds_of_stages_that_are_not_repeated_are_kept(extracted, settings):
    before = {p: read_sidecar(p) for p in extracted.sidecar_paths()}
    extract_study(extracted, recordings_of(extracted), settings.model_copy(update={"stride_frames": 8}))
    for path, earlier in before.items():
        now = read_sidecar(path)
        assert now.reused == ("tracks", "frames")
        for stage in ("decode", "detect", "crop", "encode"):
            assert now.seconds[stage] == earlier.seconds[stage]
        assert "hash" in now.seconds


def test_another_file_with_the_same_identity_replaces_nothing(extracted, settings):
    before = load_segments(extracted)
    other = extracted.root / "elsewhere"
    other.mkdir()
    shutil.copy(extracted.root / "sub-02_ses-1_beh.mp4", other / "sub-01_ses-1_beh.mp4")
    found = find_recordings([other], study=extracted)
    with pytest.raises(StudyError, match="same identity"):
        extract_study(extracted, found, settings)
    pd.testing.assert_frame_equal(load_segments(extracted), before)
    assert extract_study(extracted, found, settings, force=True).n_ok == 1


def test_a_moved_video_keeps_its_result_and_is_known_at_its_new_place(extracted, settings, no_decoding):
    (extracted.root / "moved").mkdir()
    for video in extracted.root.glob("*.mp4"):
        video.rename(extracted.root / "moved" / video.name)
    no_decoding("scan", "embed")
    assert extract_study(extracted, recordings_of(extracted), settings).n_skipped == 2
    paths = {read_sidecar(path).input.path for path in extracted.sidecar_paths()}
    assert paths == {"moved/sub-01_ses-1_beh.mp4", "moved/sub-02_ses-1_beh.mp4"}


def test_results_renamed_by_hand_are_not_taken_for_another_participant(extracted, settings):
    (extracted.root / "sub-02_ses-1_beh.mp4").rename(extracted.root / "sub-77_ses-1_beh.mp4")
    old = extracted.derivatives / "sub-02"
    for path in list(old.rglob("*emoclip*")):
        path.rename(path.with_name(path.name.replace("sub-02", "sub-77")))
    old.rename(extracted.derivatives / "sub-77")
    assert extract_study(extracted, recordings_of(extracted), settings).n_ok == 1
    assert set(load_frames(extracted)["participant_id"]) == {"sub-01", "sub-77"}


def test_a_result_left_under_a_corrected_name_is_told(extracted, settings, caplog):
    (extracted.root / "recordings.tsv").write_text(
        "path\tparticipant_id\tsession_id\nsub-02_ses-1_beh.mp4\t20\t1\n"
    )
    extract_study(extracted, recordings_of(extracted), settings)
    assert any("is now sub-20_ses-1" in message for message in caplog.messages)


def test_a_folder_that_cannot_be_written_costs_one_recording(study, settings):
    study.derivatives.mkdir(parents=True)
    (study.derivatives / "sub-01").write_text("in the way")
    summary = extract_study(study, recordings_of(study), settings)
    assert (summary.n_ok, summary.n_failed) == (1, 1)
    assert {row.participant_id: row.status for row in summary.rows} == {"sub-01": "failed", "sub-02": "ok"}
