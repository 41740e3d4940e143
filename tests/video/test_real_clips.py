"""Real clips: frames as counted by another tool, times as the container's packets state them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from emoclip_clinic.video import DecodedFrame, VideoSource, open_video, sample

VARIABLE_RATE = ("pyfeat_face_noface.mov", "pyfeat_noface_face.mov")


@pytest.fixture(scope="module")
def manifest(shared: Path) -> list[dict[str, str]]:
    with (shared / "videos" / "manifest.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "videos"


def packet_times(path: Path) -> Iterator[float]:
    """Times of the packets that are to be shown, from the container alone."""
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.pts is not None and not packet.is_discard:
                yield float(packet.pts * packet.time_base)


class Recorder:
    """A source that notes the times of all frames that pass."""

    def __init__(self, video: VideoSource) -> None:
        self._video = video
        self.info = video.info
        self.times: list[float] = []

    @property
    def damage(self) -> list[str]:
        return self._video.damage

    def frames(self, *, from_s: float | None = None) -> Iterator[DecodedFrame]:
        for frame in self._video.frames(from_s=from_s):
            self.times.append(frame.t_s)
            yield frame


def test_frames_and_times_are_those_of_the_container(manifest: list[dict[str, str]], folder: Path) -> None:
    assert len(manifest) == 11
    for row in manifest:
        path = folder / row["file"]
        with open_video(path) as video:
            recorder = Recorder(video)
            samples = sample(cast(VideoSource, recorder), 6.25, wanted=lambda index: False)
            rows = list(samples)

        times, summary, info = recorder.times, samples.summary, video.info
        assert len(times) == summary.n_frames_decoded == int(row["decoded_frames"]), row["file"]
        np.testing.assert_allclose(times, sorted(packet_times(path)), atol=1e-9, err_msg=row["file"])
        assert (info.codec, info.pix_fmt) == (row["codec"], row["pix_fmt"])
        assert f"{info.width}x{info.height}" == row["size_px"]
        assert info.size_bytes == int(row["bytes"])
        assert info.has_audio == (row["audio"] != "-")
        assert summary.damage == []
        assert summary.n_missing == 0, row["file"]
        assert not summary.short, row["file"]
        assert info.duration_s is not None
        assert summary.n_grid == pytest.approx(info.duration_s * 6.25, abs=1)
        # The nearest frame is at most half a step away, up to the last frame.
        away_s = [abs(r.t_s - r.t_grid_s) for r in rows if r.t_s is not None and r.t_grid_s <= times[-1]]
        assert max(away_s) <= np.diff(times).max() / 2 + 1e-6


@pytest.mark.parametrize("name", VARIABLE_RATE)
def test_a_variable_rate_is_not_taken_for_a_constant_one(folder: Path, name: str) -> None:
    path = folder / name
    with open_video(path) as video:
        times = np.array([frame.t_s for frame in video.frames()])

    assert np.ptp(np.diff(times)) > 0.02  # the steps differ
    assert video.info.avg_fps is not None
    # By number and nominal rate the frames would be off by more than half a frame.
    assert np.abs(times - np.arange(len(times)) / video.info.avg_fps).max() > 0.02


def test_frames_hidden_by_an_edit_list_are_in_the_header_and_not_in_the_video(folder: Path) -> None:
    with open_video(folder / "pyfeat_no_face.mp4") as video:
        samples = sample(video, 6.25)
        rows = list(samples)

    assert video.info.n_frames_header == 98
    assert samples.summary.n_frames_decoded == 95
    assert len(rows) == 25
    assert {row.image.shape for row in rows if row.image is not None} == {(540, 960, 3)}
