"""What becomes of good, poor and hopeless recordings; none of them stops the others."""

import numpy as np
import pytest

from emoclip_clinic.encoder import EmoClip
from emoclip_clinic.errors import SettingsError, StudyError, VideoError, WeightsError
from emoclip_clinic.extraction import (
    ExtractionProgress,
    estimate_seconds,
    extract_recording,
    extract_study,
)
from emoclip_clinic.extraction.segments import cut_segments
from emoclip_clinic.study import (
    ExtractSettings,
    Study,
    find_recordings,
    load_frames,
    load_segments,
    read_sidecar,
)
from emoclip_clinic.study.sidecar import read_failed
from emoclip_clinic.synthetic import draw_counter, write_clip, write_interviews, write_tone
from tests.extraction.squares import draw_squares, recordings_of, still

FACE = still(40, 30, 60)


def rows_by_participant(summary):
    return {row.participant_id: row for row in summary.rows}


def test_hopeless_files_fail_with_a_reason_and_the_others_go_on(tmp_path, settings):
    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(6, red=FACE))
    (tmp_path / "sub-02_beh.mp4").write_bytes(b"")
    (tmp_path / "sub-03_beh.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    write_tone(tmp_path / "sub-04_beh.mp4", duration_s=2)
    write_clip(tmp_path / "sub-05_beh.mp4", draw_squares(6, red=FACE))
    study = Study(tmp_path)
    summary = extract_study(study, recordings_of(study), settings)
    assert (summary.n_ok, summary.n_failed, summary.n_no_face) == (2, 3, 0)
    rows = rows_by_participant(summary)
    assert [rows[f"sub-0{n}"].status for n in range(1, 6)] == ["ok", "failed", "failed", "failed", "ok"]
    assert "0 bytes" in rows["sub-02"].reason
    assert "FFmpeg" in rows["sub-03"].reason
    assert "video stream" in rows["sub-04"].reason
    for path in study.failed_paths():
        record = read_failed(path)
        assert record.error == "VideoError"
        assert record.hint
    assert len(study.sidecar_paths()) == 2
    assert set(load_segments(study)["participant_id"]) == {"sub-01", "sub-05"}
    text = study.status_tsv.read_text()
    assert text.count("\n") == 6
    assert text.startswith("participant_id\t")


def test_failures_are_retried_unless_told_otherwise(tmp_path, settings):
    (tmp_path / "sub-01_beh.mp4").write_bytes(b"not yet copied")
    study = Study(tmp_path)
    started = []

    class Listener(ExtractionProgress):
        def recording_started(self, key, duration_s, position):
            started.append(key)

    assert extract_study(study, recordings_of(study), settings, progress=Listener()).n_failed == 1
    left = extract_study(study, recordings_of(study), settings, retry=False, progress=Listener())
    assert (left.n_failed, left.n_left_alone, started) == (0, 1, ["sub-01"])
    extract_study(study, recordings_of(study), settings, progress=Listener())
    assert started == ["sub-01", "sub-01"]
    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(6, red=FACE))
    mended = extract_study(study, recordings_of(study), settings, retry=False)
    assert (mended.n_ok, mended.n_failed) == (1, 0)
    assert not study.failed_paths()


def test_a_fault_in_one_recording_is_recorded_and_the_others_go_on(study, settings, monkeypatch):
    def break_one(image, box, **settings):
        raise RuntimeError("a library broke: out of memory")

    monkeypatch.setattr("emoclip_clinic.extraction.embed.crop_face", break_one)
    summary = extract_study(study, recordings_of(study), settings)
    assert summary.n_failed == 2
    assert {row.reason for row in summary.rows} == {"a library broke: out of memory"}
    assert "--batch-size" in read_failed(study.failed_paths()[0]).hint


def test_a_recording_without_a_face_is_a_result_without_segments(tmp_path, settings):
    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(7))
    study = Study(tmp_path)
    summary = extract_study(study, recordings_of(study), settings)
    assert (summary.n_ok, summary.n_no_face, summary.n_failed) == (0, 1, 0)
    (row,) = summary.rows
    assert (row.status, row.coverage, row.segments_ok, row.segments_rejected) == ("no-face", 0.0, 0, 1)
    assert row.rejected_because == "no-face 1"
    frames = load_frames(study)
    assert set(frames["status"]) == {"no-face"}
    assert frames["track"].isna().all()
    assert frames["t_s"].notna().all()
    assert load_segments(study).empty


@pytest.mark.parametrize("n_frames", [1, 60])
def test_a_recording_shorter_than_a_segment_says_so(tmp_path, settings, n_frames):
    frames = list(draw_squares(n_frames / 25, red=FACE))
    write_clip(tmp_path / "sub-01_beh.mp4", frames)
    study = Study(tmp_path)
    summary = extract_study(study, recordings_of(study), settings)
    (row,) = summary.rows
    assert (row.status, row.segments_ok, row.segments_rejected) == ("ok", 0, 0)
    assert any("fewer than the 32 of a segment" in warning for warning in row.warnings)
    assert len(load_frames(study)) == -(-n_frames // 4)


def test_a_truncated_video_is_used_up_to_the_damage(tmp_path, settings):
    path = tmp_path / "sub-01_beh.mp4"
    write_clip(
        path,
        draw_squares(12, red=FACE),
        codec_options={"g": "25"},
        container_options={"movflags": "faststart"},
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.6)])
    study = Study(tmp_path)
    (row,) = extract_study(study, recordings_of(study), settings).rows
    assert row.status == "ok"
    assert row.header_s == pytest.approx(12, abs=0.05)
    assert row.decoded_s < 0.98 * row.header_s
    assert sum("header states" in warning for warning in row.warnings) == 1
    frames = load_frames(study)
    assert len(frames) == 75
    missing = frames[frames["status"] == "missing"]
    assert len(missing) > 10
    assert missing["reason"].notna().all()
    assert missing["t_grid_s"].min() > 3
    segments = load_segments(study, status=None)
    assert {"ok", "rejected"} == set(segments["status"])
    assert "missing-frames" in set(segments["reason"].dropna())


def test_variable_rate_times_stay_true(tmp_path, settings):
    rng = np.random.default_rng(3)
    times = np.concatenate([[0.0], np.cumsum(rng.uniform(0.02, 0.07, 199))])
    frames = list(draw_squares(8, red=FACE))
    write_clip(tmp_path / "sub-01_beh.mp4", frames, times_s=times.tolist())
    study = Study(tmp_path)
    extract_study(study, recordings_of(study), settings)
    table = load_frames(study)
    shown = table[table["status"] == "ok"]
    nearest = times[np.abs(times[:, None] - shown["t_grid_s"].to_numpy()[None, :]).argmin(axis=0)]
    np.testing.assert_allclose(shown["t_s"], nearest, atol=1.1e-5)


def test_a_second_person_is_flagged_and_both_are_kept(tmp_path, settings):
    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(6, red=still(10, 30, 60), blue=still(120, 30, 58)))
    write_clip(tmp_path / "sub-02_beh.mp4", draw_squares(6, red=still(10, 30, 60), blue=still(130, 30, 36)))
    study = Study(tmp_path)
    rows = rows_by_participant(extract_study(study, recordings_of(study), settings))
    assert rows["sub-01"].flags == ("second-person",)
    assert rows["sub-02"].flags == ()
    sidecar = read_sidecar(study.sidecar_paths()[0])
    assert len(sidecar.subject.candidates) == 2
    assert sidecar.subject.margin == pytest.approx(1 - (58 / 60) ** 2, abs=0.05)


def test_a_choice_by_hand_wins_and_a_wrong_one_fails_only_its_recording(tmp_path, settings):
    for n in (1, 2, 3):
        write_clip(
            tmp_path / f"sub-0{n}_beh.mp4", draw_squares(6, red=still(10, 30, 60), blue=still(130, 30, 40))
        )
    (tmp_path / "tracks.tsv").write_text("participant_id\ttrack\nsub-01\t1\nsub-02\t7\n")
    study = Study(tmp_path)
    rows = rows_by_participant(extract_study(study, recordings_of(study), settings))
    assert [rows[f"sub-0{n}"].status for n in (1, 2, 3)] == ["ok", "failed", "ok"]
    assert rows["sub-01"].subject_rule == "manual"
    assert "Found: 7" in rows["sub-02"].reason
    assert "tracks 0, 1" in read_failed(study.failed_paths()[0]).hint
    box = load_frames(study).groupby("participant_id")["box_x1"].median()
    assert box["sub-01"] == pytest.approx(130, abs=2)
    assert box["sub-03"] == pytest.approx(10, abs=2)


def test_no_image_is_written_unless_asked_for(extracted, study, settings):
    def images(place):
        return [p.name for p in place.derivatives.rglob("*") if p.suffix in (".png", ".jpg", ".jpeg")]

    assert images(extracted) == []
    asked = settings.model_copy(update={"thumbnails": True})
    extract_study(study, recordings_of(study), asked)
    assert len(images(study)) == 2


def test_paths_with_spaces_and_accents(tmp_path, settings):
    folder = tmp_path / "Gespräche 2024 (ward β)"
    folder.mkdir()
    write_clip(folder / "Müller Zoë (1).mp4", draw_squares(6, red=FACE))
    study = Study(tmp_path)
    found = find_recordings([folder], study=study, pattern=r"(?P<participant>Müller Zoë)")
    assert extract_study(study, found, settings).n_ok == 1
    original = (study.derivatives / "identifiers.tsv").read_text("utf-8")
    assert "Müller Zoë" in original


def test_drawn_people_end_to_end_with_the_default_detector(tmp_path):
    write_interviews(tmp_path, participants=1, sessions=1, seconds=6)
    study = Study(tmp_path)
    settings = ExtractSettings(model="tiny-random", device="cpu")
    (row,) = extract_study(study, recordings_of(study), settings).rows
    assert row.status == "ok"
    assert row.coverage >= 0.95
    assert row.flags == ()  # the interviewer is smaller
    frames = load_frames(study)
    assert frames["face_px"].median() > 100
    assert frames["yaw_deg"].abs().max() < 60
    assert frames["truncation"].max() == 0


def test_the_model_is_checked_before_any_work(study, settings):
    absent = settings.model_copy(update={"model": "emoclip"})
    with pytest.raises(WeightsError, match="weights add"):
        extract_study(study, recordings_of(study), absent)
    unknown = settings.model_copy(update={"model": "tiny-randm"})
    with pytest.raises(WeightsError, match="tiny-random"):
        extract_study(study, recordings_of(study), unknown)
    no_device = settings.model_copy(update={"device": "cuda:7"})
    with pytest.raises(SettingsError, match="cuda:7"):
        extract_study(study, recordings_of(study), no_device)
    assert not study.sidecar_paths()
    assert not study.failed_paths()


def test_one_recording_by_its_path(study, settings):
    model = EmoClip.from_name("tiny-random", device="cpu")
    path = study.root / "sub-01_ses-1_beh.mp4"
    sidecar = extract_recording(path, study=study, settings=settings, encoder=model)
    assert sidecar.segments.n_ok == 2
    assert extract_recording(path, study=study, settings=settings) == sidecar
    with pytest.raises(SettingsError, match="loaded model"):
        extract_recording(
            path, study=study, settings=settings.model_copy(update={"model": "emoclip-random"}), encoder=model
        )
    (study.root / "holiday.mp4").write_bytes(b"x")
    with pytest.raises(StudyError, match="exactly one recording"):
        extract_recording(study.root / "holiday.mp4", study=study, settings=settings)
    (study.root / "sub-09_beh.mp4").write_bytes(b"x")
    with pytest.raises(VideoError):
        extract_recording(study.root / "sub-09_beh.mp4", study=study, settings=settings)


def test_an_estimate_writes_nothing_and_scales_with_the_video(study, settings):
    recordings = recordings_of(study).recordings
    before = sorted(study.root.rglob("*"))
    estimate = estimate_seconds(recordings, settings, study=study)
    assert estimate.seconds == pytest.approx(16.0 * estimate.per_video_second)
    assert estimate.seconds > 0
    assert "sub-01_ses-1" in estimate.basis
    assert sorted(study.root.rglob("*")) == before
    (study.root / "sub-01_ses-1_beh.mp4").write_bytes(b"")
    (study.root / "sub-02_ses-1_beh.mp4").write_bytes(b"")
    assert estimate_seconds(recordings, settings, study=study) is None
    assert estimate_seconds((), settings, study=study) is None


def test_an_estimate_rests_on_like_results_where_there_are_enough(tmp_path):
    settings = ExtractSettings(model="tiny-random", detector="none", device="cpu")
    for n in range(3):
        write_clip(tmp_path / f"sub-0{n}_beh.mp4", (draw_counter(i) for i in range(165)), fps=25)
    study = Study(tmp_path)
    extract_study(study, recordings_of(study), settings)
    recordings = recordings_of(study).recordings
    estimate = estimate_seconds(recordings, settings, study=study)
    assert estimate.basis == "the median of 3 results of this study"
    assert estimate.seconds == pytest.approx(3 * 6.6 * estimate.per_video_second)
    other_rate = settings.model_copy(update={"sample_fps": 3.0})
    assert "extracted now" in estimate_seconds(recordings, other_rate, study=study).basis
    ratios = [s.seconds["total"] / s.decode.decoded_s for s in map(read_sidecar, study.sidecar_paths())]
    assert estimate.per_video_second == pytest.approx(np.median(ratios))


def test_a_loaded_model_must_be_the_one_that_the_study_means(study, settings):
    """Two studies may register different weights under one name."""
    records = study.root / "protocols" / "weights"
    records.mkdir(parents=True)
    (records / "tiny-random.yaml").write_text(
        "name: tiny-random\nkind: random\narchitecture: tiny\nseed: 3\n"
    )
    model = EmoClip.from_name("tiny-random", device="cpu")
    with pytest.raises(SettingsError, match="loaded model"):
        extract_recording(study.root / "sub-01_ses-1_beh.mp4", study=study, settings=settings, encoder=model)


def test_a_person_who_returns_is_flagged_as_such_and_may_be_named_by_hand(tmp_path, settings):
    """Away for three seconds, which is longer than what is bridged: two tracks of one person."""
    write_clip(
        tmp_path / "sub-01_beh.mp4", draw_squares(15, red=lambda t: None if 6 <= t < 9 else (40, 30, 60))
    )
    study = Study(tmp_path)
    (row,) = extract_study(study, recordings_of(study), settings).rows
    assert row.flags == ("subject-in-several-tracks",)
    assert any("tracks 1 show a face for 6 s" in warning for warning in row.warnings)
    half = row.coverage
    (tmp_path / "tracks.tsv").write_text("participant_id\ttrack\nsub-01\t0\nsub-01\t1\n")
    (row,) = extract_study(study, recordings_of(study), settings).rows
    assert (row.flags, row.subject_rule) == ((), "manual")
    assert row.coverage == pytest.approx(2 * half, abs=0.05)


def test_a_low_sampling_rate_does_not_break_tracks(tmp_path, settings):
    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(15, red=FACE))
    study = Study(tmp_path)
    slow = settings.model_copy(update={"sample_fps": 0.4, "segment_frames": 4})
    (row,) = extract_study(study, recordings_of(study), slow).rows
    assert (row.coverage, row.segments_ok, row.flags) == (1.0, 2, ())


def test_coverage_equal_to_the_least_is_enough():
    """0.28 * 25 is a little more than 7 in binary numbers."""
    ok = np.arange(25) < 7
    blocks = iter([(np.zeros((25, 2), np.float32), ok, np.zeros(25, bool))])
    (segment,) = cut_segments(blocks, n_frames=25, segment_frames=25, stride_frames=12, min_coverage=0.28)
    assert segment.reason is None
