"""Real clips, where they are at hand: the share of frames with a face is what a person sees."""

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip_clinic.faces import FaceScanner, choose_subject, get_detector, subject_track

SAMPLE_FPS = 6.25

# By eye on the decoded frames: seconds between which the clip shows its face, and the least share of sampled
# frames in that time that must have a box.
VISIBLE = {
    "liveportrait_driving_d20.mp4": (0.0, 7.0, 1.0),
    "openwillis_baseline.mp4": (0.0, 3.5, 1.0),
    "pyfeat_single_face.mp4": (0.0, 2.5, 1.0),
    "pyfeat_face_noface.mov": (0.0, 2.35, 1.0),
    "pyfeat_noface_face.mov": (4.0, 6.3, 1.0),
    "pyfeat_no_face.mp4": (0.0, 0.0, 0.0),
}


def sampled(path: Path) -> list[tuple[float, np.ndarray]]:
    """First frame at or behind each grid point; none of these clips is rotated."""
    frames, due = [], 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time * SAMPLE_FPS + 1e-6 >= due:
                frames.append((float(frame.time), frame.to_ndarray(format="rgb24")))
                due = int(frame.time * SAMPLE_FPS + 1e-6) + 1
    return frames


@pytest.mark.parametrize("name", sorted(VISIBLE))
def test_the_face_is_found_when_it_is_there(shared: Path, name: str) -> None:
    with (shared / "videos" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        by_eye = {row["file"]: row["n_faces_by_eye"] for row in csv.DictReader(file, delimiter="\t")}
    start_s, end_s, share = VISIBLE[name]
    frames = sampled(shared / "videos" / name)
    scanner = FaceScanner(get_detector("mtcnn"))
    for index, (t_s, image) in enumerate(frames):
        scanner.add(index, t_s, image)
    tracks = scanner.finish()
    height, width = frames[0][1].shape[:2]
    decision = choose_subject(tracks, image_size=(width, height))
    assert len(tracks.ids) == (0 if by_eye[name] == "0" else 1)
    assert not decision.second_person
    times = np.array([t for t, _ in frames])
    rows = subject_track(tracks, decision)
    inside = (times >= start_s) & (times <= end_s)
    if by_eye[name] == "0":
        assert len(rows) == 0
        return
    assert np.isin(np.flatnonzero(inside), rows.frame).mean() >= share
    assert set(rows.frame.tolist()) <= set(np.flatnonzero(inside).tolist())
    np.testing.assert_allclose(rows.t_s, times[rows.frame])
