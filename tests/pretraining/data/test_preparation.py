"""Preparation: what is cut, what is left out and why, and that finished work is never done again."""

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emoclip_clinic.errors import FormatError, PretrainingError, VideoError
from emoclip_clinic.faces import crop_face
from emoclip_clinic.pretraining.data import (
    ClipDataset,
    ClipFaces,
    ClipLoader,
    Sampling,
    estimate_preparation,
    open_shards,
    plan_preparation,
    prepare_clips,
    read_manifest,
    verify_shards,
)
from emoclip_clinic.pretraining.data import preparation as preparation_module
from emoclip_clinic.pretraining.data.cut_jobs import CutJob
from emoclip_clinic.pretraining.data.cutting import cut_clip, held_frames
from emoclip_clinic.pretraining.data.frame_folder import FrameFolder, picture_files
from emoclip_clinic.pretraining.data.processes import in_processes
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.synthetic import draw_counter, read_counter, write_clip
from tests.pretraining.data.clip_files import FPS, counters, face_frames, mixed_folder, pictures, small_faces
from tests.pretraining.data.dying import die_or_double


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    manifest = read_manifest(mixed_folder(folder))
    plan = plan_preparation(manifest, folder / "out", faces=small_faces())
    return folder, manifest, prepare_clips(plan)


def crops_manifest(folder: Path, *names: str) -> Path:
    path = folder / "clips.csv"
    rows = [f"{name},caption {name},true" for name in names]
    path.write_text("\n".join(["path,caption,cropped", *rows]), encoding="utf-8")
    return path


def prepare(manifest: Path, out: Path, **options):
    return prepare_clips(plan_preparation(read_manifest(manifest), out, faces=small_faces()), **options)


def test_videos_folders_and_crops_are_all_cut(prepared) -> None:
    _, _, result = prepared
    store = open_shards(result.folder)
    assert [sample.id for sample in store.samples] == ["a.mp4", "b é.mp4", "copy.mp4", "frames", "crops.mp4"]
    assert [sample.n_frames for sample in store.samples] == [20, 20, 20, 12, 20]
    assert store.size_px == 32
    first = store.samples[0]
    assert (first.captions, first.labels) == (("She smiles", "A smile"), ("happiness",))
    assert (first.source, first.split, first.names_side) == ("film-1", "train", False)
    assert store.samples[3].names_side
    assert result.n_cut == 4  # two clips have the same content and are cut once
    assert verify_shards(result.folder) == 2


def test_a_face_is_cut_as_extract_cuts_it(prepared) -> None:
    folder, _manifest, result = prepared
    store = open_shards(result.folder)
    frame = store.frames(3, np.array([0]))[0]
    picture = np.asarray(Image.open(folder / "frames" / "frame0.png"))
    from emoclip_clinic.faces import get_detector

    box = get_detector("mtcnn").detect(picture).boxes[0]
    expected = crop_face(picture, box, size=32)
    assert np.abs(frame.astype(int) - expected.astype(int)).mean() < 1


def test_pictures_that_are_crops_already_are_taken_whole(tmp_path) -> None:
    counters(tmp_path / "a.mp4", 20)
    out = tmp_path / "out"
    plan = plan_preparation(
        read_manifest(crops_manifest(tmp_path, "a.mp4")),
        out,
        faces=ClipFaces(ExtractSettings(sample_fps=FPS), 160),
    )
    prepare_clips(plan)
    crops = open_shards(out).frames(0, np.arange(20))
    assert [read_counter(crop) for crop in crops] == list(range(20))


def test_what_cannot_be_cut_is_left_out_with_its_reason_and_never_replaced(prepared) -> None:
    _, _, result = prepared
    reasons = {one.id: one.reason for one in result.skipped}
    assert list(reasons) == ["room.mp4", "tone.m4a", "garbage.mp4"]
    assert "show a face" in reasons["room.mp4"]
    assert "video" in reasons["tone.m4a"].lower()
    table = read_tsv(result.folder / "skipped.tsv")
    assert [row["id"] for row in table.rows] == list(reasons)
    assert [row["rows"] for row in table.rows] == ["7", "8", "9"]
    record = json.loads((result.folder / "dataset.json").read_text())
    assert (record["n_clips"], record["n_skipped"]) == (5, 3)


def test_the_report_tells_what_a_person_should_know(prepared) -> None:
    _, _, result = prepared
    report = result.report
    assert report.duplicates == [["a.mp4", "copy.mp4"]]
    assert report.duplicates_across_splits == report.duplicates
    assert report.shared_sources == {"film-1": ["test", "train"]}
    assert report.splits == {"test": 2, "train": 3}
    assert report.labels == {"anger": 1, "happiness": 2, "surprise": 1}
    assert (report.n_captions, report.n_different_captions) == (6, 5)
    assert report.length_s == {"least": 12 / FPS, "median": 20 / FPS, "greatest": 20 / FPS}
    assert report.caption_words == {"least": 1, "median": 2, "greatest": 5}
    text = "\n".join(report.sentences())
    for said in ("5 clips of 4 sources", "1 source in more than one part", "a.mp4 = copy.mp4"):
        assert said in text


def test_a_second_run_cuts_nothing_and_tries_failures_again_by_option(prepared) -> None:
    _folder, manifest, result = prepared
    shards = {path: path.stat().st_mtime_ns for path in (result.folder / "shards").iterdir()}
    plan = plan_preparation(manifest, result.folder, faces=small_faces())
    assert [one.clip.id for one in plan.to_cut()] == ["room.mp4", "tone.m4a", "garbage.mp4"]
    assert plan.to_cut(retry=False) == ()
    again = prepare_clips(plan, retry=False)
    assert (again.n_cut, again.n_clips, again.skipped) == (0, 5, result.skipped)
    assert {path: path.stat().st_mtime_ns for path in (result.folder / "shards").iterdir()} == shards


def test_new_captions_need_no_cutting_and_a_new_clip_is_cut_alone(tmp_path) -> None:
    for name in ("a.mp4", "b.mp4"):
        counters(tmp_path / name, start=ord(name[0]))
    out = tmp_path / "out"
    prepare(crops_manifest(tmp_path, "a.mp4"), out)
    manifest = crops_manifest(tmp_path, "a.mp4", "b.mp4")
    manifest.write_text(manifest.read_text().replace("caption a.mp4", "another"))
    result = prepare(manifest, out)
    assert (result.n_cut, result.n_clips) == (1, 2)
    assert open_shards(out).samples[0].captions == ("another",)
    fewer = prepare(crops_manifest(tmp_path, "b.mp4"), out)
    assert (fewer.n_cut, fewer.n_clips) == (0, 1)


def test_other_settings_or_another_file_of_the_same_name_are_cut_anew(tmp_path) -> None:
    out = tmp_path / "out"
    counters(tmp_path / "a.mp4")
    manifest = crops_manifest(tmp_path, "a.mp4")
    prepare(manifest, out)
    other = small_faces(resize="upstream")
    assert len(plan_preparation(read_manifest(manifest), out, faces=other).to_cut()) == 1
    counters(tmp_path / "a.mp4", start=50)
    assert prepare(manifest, out).n_cut == 1


def test_several_processes_cut_the_same_clips(prepared, tmp_path) -> None:
    _, manifest, one = prepared
    plan = plan_preparation(manifest, tmp_path / "out", faces=small_faces())
    two = prepare_clips(plan, workers=2)
    assert two.skipped == one.skipped
    stores = open_shards(one.folder), open_shards(two.folder)
    assert stores[0].samples == stores[1].samples
    for index, sample in enumerate(stores[0].samples):
        positions = np.arange(sample.n_frames)
        assert (stores[0].frames(index, positions) == stores[1].frames(index, positions)).all()


def test_shards_are_closed_by_size_and_all_are_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(preparation_module, "SHARD_BYTES", 2 * 20 * 32 * 32 * 3)
    names = [f"{k}.mp4" for k in range(5)]
    for k, name in enumerate(names):
        counters(tmp_path / name, start=100 * k)
    out = tmp_path / "out"
    prepare(crops_manifest(tmp_path, *names), out)
    assert len(list((out / "shards").glob("*.npy"))) == 3
    assert not (out / "work").exists()
    store = open_shards(out)
    loaded = {i: c for b in ClipLoader(ClipDataset(store, sampling=Sampling(4, 1)), batch_size=5, seed=0)
              for i, c in zip(b.ids, b.clips, strict=True)}  # fmt: skip
    assert sorted(loaded) == names
    assert all(np.load(path).dtype == np.uint8 for path in (out / "shards").glob("*.npy"))


def test_work_of_a_killed_run_is_kept(tmp_path) -> None:
    names = [f"{k}.mp4" for k in range(12)]
    for k, name in enumerate(names):
        counters(tmp_path / name, 60, start=100 * k)
    manifest, out = crops_manifest(tmp_path, *names), tmp_path / "out"
    program = (
        "import sys, time\n"
        "from tests.pretraining.data.clip_files import small_faces\n"
        "from emoclip_clinic.pretraining.data import *\n"
        "class Slow:\n"
        "    def start(self, n): pass\n"
        "    def clip_done(self, *_): time.sleep(0.3)\n"
        f"plan = plan_preparation(read_manifest({str(manifest)!r}), {str(out)!r}, faces=small_faces())\n"
        "prepare_clips(plan, progress=Slow())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while len(list((out / "work").glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    with pytest.raises(PretrainingError, match="has not ended"):
        open_shards(out)
    plan = plan_preparation(read_manifest(manifest), out, faces=small_faces())
    done = sum(one.is_cut for one in plan.clips)
    assert 3 <= done < 12
    result = prepare_clips(plan)
    assert result.n_cut == 12 - done
    assert result.n_clips == 12
    assert verify_shards(out) == 2


def test_a_damaged_shard_is_noticed_and_made_again(tmp_path, caplog) -> None:
    counters(tmp_path / "a.mp4")
    manifest, out = crops_manifest(tmp_path, "a.mp4"), tmp_path / "out"
    prepare(manifest, out)
    shard = out / "shards" / "shard-00000.npy"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    open_shards(out)
    with pytest.raises(FormatError, match=r"shard-00000\.npy"):
        verify_shards(out)
    shard.write_bytes(data[:-5])
    with pytest.raises(FormatError, match="whole NumPy file"):
        open_shards(out)
    with caplog.at_level(logging.WARNING):
        assert prepare(manifest, out).n_cut == 1
    assert "cut again" in caplog.text
    verify_shards(out)
    shard_1 = out / "shards" / "shard-00001.npy"
    assert shard_1.is_file()
    (out / "index.parquet").write_bytes(b"x")
    with pytest.raises(FormatError, match="index"):
        open_shards(out)


def test_a_disk_that_is_full_stops_the_run_and_loses_nothing(tmp_path, monkeypatch) -> None:
    import errno

    from emoclip_clinic.errors import StudyError
    from emoclip_clinic.pretraining.data import cutting

    for name in ("a.mp4", "b.mp4"):
        counters(tmp_path / name, start=ord(name[0]))
    manifest, out = crops_manifest(tmp_path, "a.mp4", "b.mp4"), tmp_path / "out"
    real, calls = cutting._writing_crops, []

    def second_is_full(path, size_px):
        calls.append(path)
        if len(calls) == 2:
            raise StudyError("The file must be writable", found="full") from OSError(errno.ENOSPC, "full")
        return real(path, size_px)

    monkeypatch.setattr(cutting, "_writing_crops", second_is_full)
    with pytest.raises(StudyError, match="full"):
        prepare(manifest, out)
    monkeypatch.undo()
    plan = plan_preparation(read_manifest(manifest), out, faces=small_faces())
    assert [one.is_cut for one in plan.clips] == [True, False]
    assert prepare_clips(plan).n_clips == 2


def test_nothing_usable_is_an_error_that_says_why(tmp_path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"garbage")
    with pytest.raises(PretrainingError, match=r"a\.mp4"):
        prepare(crops_manifest(tmp_path, "a.mp4"), tmp_path / "out")


def test_other_peoples_folders_are_left_alone(tmp_path) -> None:
    counters(tmp_path / "a.mp4")
    manifest = read_manifest(crops_manifest(tmp_path, "a.mp4"))
    with pytest.raises(PretrainingError, match="empty folder"):
        plan_preparation(manifest, tmp_path, faces=small_faces())
    with pytest.raises(PretrainingError, match="a file"):
        plan_preparation(manifest, tmp_path / "a.mp4", faces=small_faces())
    with pytest.raises(PretrainingError, match=r"no dataset\.json"):
        open_shards(tmp_path / "nowhere")


def test_two_processes_do_not_prepare_into_one_folder(tmp_path) -> None:
    from filelock import FileLock

    counters(tmp_path / "a.mp4")
    manifest, out = crops_manifest(tmp_path, "a.mp4"), tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".prepare.lock"), pytest.raises(PretrainingError, match="another one is at work"):
        prepare(manifest, out)


def test_a_part_of_a_video_is_cut_at_its_times(tmp_path) -> None:
    counters(tmp_path / "a.mp4", 40)
    manifest = tmp_path / "clips.csv"
    manifest.write_text("path,caption,start_s,end_s,cropped\na.mp4,x,0.8,1.6,true\na.mp4,y,1.6,,true\n")
    faces = ClipFaces(ExtractSettings(sample_fps=FPS), 160)
    prepare_clips(plan_preparation(read_manifest(manifest), tmp_path / "out", faces=faces))
    store = open_shards(tmp_path / "out")
    numbers = [
        [read_counter(crop) for crop in store.frames(i, np.arange(s.n_frames))]
        for i, s in enumerate(store.samples)
    ]
    assert numbers == [list(range(10, 20)), list(range(20, 40))]


def test_gaps_hold_the_nearest_crop_and_ends_are_cut_off() -> None:
    assert held_frames([2, 3, 6, 7]).tolist() == [0, 1, 1, 2, 2, 3]
    assert held_frames([0, 2]).tolist() == [0, 0, 1]
    assert held_frames([5]).tolist() == [0]


def test_a_face_that_is_seen_too_seldom_is_left_out(tmp_path) -> None:
    folder = pictures(tmp_path / "frames", face_frames(4, 40, unseen=range(16, 40)))
    (tmp_path / "clips.csv").write_text("path,caption\nframes,x\n")
    (clip,) = read_manifest(tmp_path / "clips.csv").clips
    with pytest.raises(VideoError, match="75%"):
        cut_clip(clip, small_faces(), out=tmp_path / "x.npy")
    assert not (tmp_path / "x.npy").exists()
    cut = cut_clip(clip, small_faces(min_coverage=0.2), out=tmp_path / "x.npy")
    assert cut.n_grid == 40
    assert cut.frames == list(range(cut.n_rows))
    assert len(np.load(tmp_path / "x.npy")) == cut.n_rows
    assert folder.is_dir()


def test_a_video_with_fewer_frames_than_the_grid_holds_them(tmp_path) -> None:
    counters(tmp_path / "a.mp4", 20)
    faces = ClipFaces(ExtractSettings(sample_fps=2 * FPS), 160)
    manifest = read_manifest(crops_manifest(tmp_path, "a.mp4"))
    result = prepare_clips(plan_preparation(manifest, tmp_path / "out", faces=faces))
    crops = open_shards(tmp_path / "out").frames(0, np.arange(39))
    numbers = [read_counter(crop) for crop in crops]
    assert numbers[::2] == list(range(20))
    assert numbers[1::2] == list(range(19))
    assert result.report.slower == ["a.mp4"]
    assert result.report.share_held == pytest.approx(19 / 39)


def test_pictures_of_a_folder_come_in_the_order_of_their_numbers(tmp_path) -> None:
    for name in ("10.png", "9.PNG", "b2.jpg", "B11.jpg", ".hidden.png", "notes.txt"):
        Image.fromarray(draw_counter(1)).save(tmp_path / name, format="png")
    assert [path.name for path in picture_files(tmp_path)] == ["9.PNG", "10.png", "b2.jpg", "B11.jpg"]


def test_a_picture_that_cannot_be_read_leaves_its_place_empty(tmp_path) -> None:
    folder = pictures(tmp_path / "frames", [draw_counter(k) for k in range(4)])
    (folder / "frame2.png").write_bytes(b"no picture")
    Image.fromarray(draw_counter(3)).resize((80, 60)).save(folder / "frame3.png")
    source = FrameFolder(folder, fps=10)
    frames = list(source.frames())
    assert [round(frame.t_s * 10) for frame in frames] == [0, 1, 3]
    assert [frame.damaged_before for frame in frames] == [False, False, True]
    assert frames[2].to_rgb().shape == (120, 160, 3)
    assert "frame2.png" in source.damage[0]
    (folder / "frame0.png").write_bytes(b"no picture")
    with pytest.raises(VideoError, match=r"frame0\.png"):
        FrameFolder(folder, fps=10)


def test_the_estimate_counts_what_is_left_and_keeps_nothing(tmp_path) -> None:
    for name in ("a.mp4", "b.mp4"):
        counters(tmp_path / name, 25, start=ord(name[0]))
    (tmp_path / "c.mp4").write_bytes(b"garbage")
    manifest, out = crops_manifest(tmp_path, "a.mp4", "b.mp4", "c.mp4"), tmp_path / "out"
    plan = plan_preparation(read_manifest(manifest), out, faces=small_faces())
    estimate = estimate_preparation(plan)
    assert (estimate.n_clips, estimate.n_tried) == (3, 2)
    assert estimate.video_s == pytest.approx(6.0)
    assert estimate.n_bytes == 75 * 32 * 32 * 3
    assert estimate.seconds > 0
    assert not out.exists()
    prepare_clips(plan)
    assert (
        estimate_preparation(plan_preparation(read_manifest(manifest), out, faces=small_faces())).n_clips == 1
    )


def test_a_process_that_dies_costs_its_own_job_only() -> None:
    assert dict(in_processes(die_or_double, range(8), workers=2)) == {
        k: None if k == 3 else 2 * k for k in range(8)
    }


def test_a_script_without_a_guard_is_told_so_and_blames_no_clip(tmp_path) -> None:
    counters(tmp_path / "a.mp4")
    manifest = crops_manifest(tmp_path, "a.mp4")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from emoclip_clinic.pretraining.data import *\n"
        "from emoclip_clinic.study.settings import ExtractSettings\n"
        "faces = ClipFaces(ExtractSettings(sample_fps=5.0), 32)\n"
        f"plan = plan_preparation(read_manifest({str(manifest)!r}), {str(tmp_path / 'out')!r}, faces=faces)\n"
        "prepare_clips(plan, workers=2)\n"
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert "if __name__ == '__main__'" in ended.stderr
    assert not list((tmp_path / "out").rglob("*.json"))


def test_a_job_is_known_by_content_and_not_by_name(tmp_path) -> None:
    write_clip(tmp_path / "a.mp4", [draw_counter(k) for k in range(5)], fps=FPS)
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    plan = plan_preparation(
        read_manifest(crops_manifest(tmp_path, "a.mp4", "b.mp4")), tmp_path / "out", faces=small_faces()
    )
    assert plan.clips[0].key == plan.clips[1].key
    assert len(plan.to_cut()) == 1
    one = plan.clips[0]
    job = CutJob(one.key, one.clip, small_faces(), one.input, tmp_path, 1)
    assert job.record.suffix == ".json"
