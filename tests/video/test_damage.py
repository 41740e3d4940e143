"""Truncated and damaged files: what is intact is used at its true time, the rest is missing with a reason."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip_clinic.synthetic.clips import draw_counter, read_counter, write_clip
from emoclip_clinic.video import DecodeSummary, SampledFrame, open_video, sample
from emoclip_clinic.video.damage import RECOVERY_S, DamageLog

Clip = Callable[..., Path]
Read = Callable[..., list[tuple[float, int | None]]]
Grid = tuple[list[SampledFrame], DecodeSummary]

N_FRAMES = 250
MAX_UNNOTICED = 1  # FFmpeg may not notice that the last picture before the damage is hit
FORMATS = {
    "h264.mp4": {"codec_options": {"g": "50", "bf": "2"}, "container_options": {"movflags": "faststart"}},
    "h264.mkv": {"codec_options": {"g": "50", "bf": "2"}},
    "h264.ts": {"codec_options": {"g": "50", "bf": "2"}},
    "hevc.mp4": {
        "codec": "libx265",
        "codec_options": {"g": "50"},
        "container_options": {"movflags": "faststart"},
    },
    "av1.mp4": {
        "codec": "libsvtav1",
        "codec_options": {"g": "50"},
        "container_options": {"movflags": "faststart"},
    },
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True},
    "xvid.avi": {"codec": "mpeg4", "codec_options": {"g": "50"}},
}


def textured(index: int) -> np.ndarray:
    """Draw a counter frame with moving texture, so that damage to one frame is seen in those that copy it."""
    image = draw_counter(index, width=320, height=240)
    rows, columns = np.mgrid[0:60, 0:160]
    image[180:, 160:] = (((columns + 3 * index) // 8 + rows // 8) % 2 * 160 + 40).astype(np.uint8)[..., None]
    return image


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Ten seconds of moving texture in a format, written once."""
    folder = tmp_path_factory.mktemp("originals")

    def original(name: str) -> Path:
        path = folder / name
        if not path.exists():
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setenv("SVT_LOG", "0")
                write_clip(path, (textured(i) for i in range(N_FRAMES)), **FORMATS[name])  # type: ignore[arg-type]
        return path

    return original


def read_grid(path: Path, *, threads: int = 3) -> Grid:
    with open_video(path, threads=threads) as video:
        samples = sample(video, 25)
        return list(samples), samples.summary


def intact_pictures(path: Path) -> dict[float, np.ndarray]:
    with open_video(path) as video:
        return {round(frame.t_s, 3): frame.to_rgb().astype(float) for frame in video.frames()}


def n_wrong(rows: list[SampledFrame], intact: dict[float, np.ndarray]) -> int:
    """Number of pictures that differ from the intact file's at the same time."""
    return sum(
        row.t_s is not None
        and row.image is not None
        and np.abs(row.image - intact[round(row.t_s, 3)]).mean() > 5
        for row in rows
    )


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", FORMATS)
def test_a_stretch_of_zeros_leaves_a_hole_and_moves_nothing(
    originals: Callable[[str], Path], tmp_path: Path, name: str, threads: int
) -> None:
    original = originals(name)
    data = bytearray(original.read_bytes())
    hole = slice(int(len(data) * 0.4), int(len(data) * 0.6))
    data[hole] = bytes(hole.stop - hole.start)
    path = tmp_path / name
    path.write_bytes(data)

    rows, summary = read_grid(path, threads=threads)

    assert n_wrong(rows, intact_pictures(original)) <= MAX_UNNOTICED
    assert summary.n_grid == N_FRAMES
    used = [row.index for row in rows if row.reason is None]
    assert min(used) == 0  # before the damage
    assert max(used) == N_FRAMES - 1  # and after it
    reasons = Counter(row.reason for row in rows if row.reason)
    # Where whole packets are gone and the next is a key frame, nothing tells damage from a pause.
    assert set(reasons) <= {"damaged in the file", "no frame within half a period"}
    assert sum(reasons.values()) == summary.n_missing
    assert 45 <= summary.n_missing <= 110  # 20 % of the file, up to the next key frame
    assert summary.short
    assert (N_FRAMES - summary.n_missing) / 25 <= summary.decoded_s + 0.1 < 9.2  # a pause counts for 1 s
    assert summary.header_s == pytest.approx(10, abs=0.01)
    assert summary.damage


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "av1.mp4", "xvid.avi"])
def test_pictures_smeared_by_a_few_wrong_bytes_are_not_used(
    originals: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    original = originals(name)
    data = bytearray(original.read_bytes())
    start, length = int(len(data) * 0.42), len(data) // 60
    data[start : start + length] = np.random.default_rng(5).bytes(length)
    path = tmp_path / name
    path.write_bytes(data)

    rows, summary = read_grid(path)

    assert n_wrong(rows, intact_pictures(original)) <= MAX_UNNOTICED
    missing = [row.index for row in rows if row.reason]
    assert {row.reason for row in rows if row.reason} == {"damaged in the file"}
    assert min(missing) >= 95
    assert max(missing) < 150  # where the next key frame is
    assert summary.n_missing == len(missing)
    assert summary.short


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "hevc.mp4", "av1.mp4", "mjpeg.avi", "xvid.avi"])
def test_a_truncated_file_is_used_up_to_its_end_and_is_missing_from_there(
    originals: Callable[[str], Path], tmp_path: Path, name: str, threads: int
) -> None:
    original = originals(name)
    data = original.read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) // 2])

    rows, summary = read_grid(path, threads=threads)

    assert n_wrong(rows, intact_pictures(original)) <= MAX_UNNOTICED
    assert summary.n_grid == N_FRAMES
    used = [row.index for row in rows if row.reason is None]
    assert 100 <= len(used) <= 140
    assert max(used) - len(used) <= 4  # a few frames before the cut may need what is lost
    assert rows[-1].reason == "after the last decoded frame"
    assert rows[-1].t_s is None
    assert rows[-1].image is None
    assert summary.short
    assert summary.decoded_s == pytest.approx(len(used) / 25, abs=0.1)
    assert any("could be used" in sentence for sentence in summary.damage)


def test_an_intact_file_reports_nothing(originals: Callable[[str], Path]) -> None:
    for name in ("h264.mp4", "h264.mkv", "mjpeg.avi"):
        rows, summary = read_grid(originals(name))

        assert [row.reason for row in rows] == [None] * N_FRAMES
        assert summary == DecodeSummary(
            decoded_s=pytest.approx(10),
            header_s=pytest.approx(10),
            n_frames_decoded=N_FRAMES,
            n_grid=N_FRAMES,
            n_missing=0,
            damage=[],
            short=False,
        )


def test_frames_after_damage_come_back_with_a_key_frame_or_after_a_while() -> None:
    log = DamageLog(lambda pts: pts / 100)
    assert log.trusts(0, is_key=False)

    log.distrust_from(100)
    assert not log.trusts(96, is_key=True)  # a key frame from before the damage does not help
    assert not log.trusts(104, is_key=False)
    assert log.trusts(108, is_key=True)
    assert log.trusts(112, is_key=False)

    log.distrust_from(200)
    for pts in (204, *range(900, 900 + int(RECOVERY_S * 100) - 20, 4)):  # a hole in the file heals nothing
        assert not log.trusts(pts, is_key=False)
    assert log.trusts(900 + int(RECOVERY_S * 100) - 20, is_key=False)


def test_frames_read_before_a_hole_are_not_held_back() -> None:
    log = DamageLog(lambda pts: pts / 100)
    log.distrust_from(499, intact_to=100)

    assert log.trusts(100, is_key=False)
    assert not log.trusts(480, is_key=False)
    assert log.trusts(500, is_key=True)


def test_damage_is_told_in_sentences_with_the_first_time() -> None:
    log = DamageLog(lambda pts: pts / 100)
    log.add("decode", pts=150, detail="Invalid data")
    log.add("decode", pts=170)
    log.add("no-time")

    assert log.sentences() == [
        "2 packets could not be decoded (first near 1.500 s: Invalid data)",
        "1 frame without a timestamp was skipped",
    ]


def test_a_gap_belongs_to_the_first_frame_behind_it() -> None:
    log = DamageLog(lambda pts: pts / 100)
    log.add("decode", pts=150)

    assert not log.take_gap(140)
    assert log.take_gap(160)
    assert not log.take_gap(170)


def patch_times(path: Path, times_ms: dict[int, int]) -> None:
    """Rewrite the times of single blocks of a Matroska file whose frames are 40 ms apart."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = {packet.pts: packet.pos for packet in container.demux(video=0) if packet.pos is not None}
    for index, wanted_ms in times_ms.items():
        at = places[index * 40] + 1
        relative = int.from_bytes(data[at : at + 2], "big", signed=True) + wanted_ms - index * 40
        data[at : at + 2] = relative.to_bytes(2, "big", signed=True)
    path.write_bytes(data)


MJPEG = {"codec": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True}


@pytest.mark.parametrize(
    ("times_ms", "lost"),
    [
        ({10: 9 * 40}, [10]),  # twice the same time
        ({10: 3 * 40}, [10]),  # back
        ({10: 30 * 40}, [10]),  # a jump ahead that the others do not follow
        ({0: 30 * 40}, [0]),  # the same at the start
        ({10: 11 * 40, 11: 10 * 40}, [10]),  # exchanged
    ],
)
def test_a_frame_whose_time_does_not_fit_is_skipped_and_the_others_stay(
    clip: Clip, read: Read, times_ms: dict[int, int], lost: list[int]
) -> None:
    path = clip("jumps.mkv", n=25, **MJPEG)
    patch_times(path, times_ms)

    frames = read(path)
    with open_video(path) as video:
        list(video.frames())

    times = [t_s for t_s, _ in frames]
    assert np.all(np.diff(times) > 0)
    assert [number for _, number in frames] == [i for i in range(25) if i not in lost]
    assert any("do not rise" in sentence or "does not rise" in sentence for sentence in video.damage)


def test_frames_without_a_time_are_skipped_and_counted(clip: Clip) -> None:
    # Matroska has no negative times: asked to keep them, FFmpeg writes none at all.
    path = clip("no-times.mkv", start_s=-1.0, container_options={"avoid_negative_ts": "disabled"})

    with open_video(path) as video:
        samples = sample(video, 5)
        numbers = [read_counter(row.image) for row in samples if row.image is not None]

    assert numbers == [25, 30, 35, 40, 45]
    assert samples.summary.damage == ["25 frames without a timestamp were skipped"]


def test_a_damaged_beginning_is_missing_and_the_grid_still_starts_at_the_first_time(
    clip: Clip, tmp_path: Path
) -> None:
    path = clip(
        "start.mp4",
        n=100,
        codec_options={"g": "25", "sc_threshold": "0"},
        container_options={"movflags": "faststart"},
    )
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    data[places[0] : places[20]] = bytes(places[20] - places[0])
    path.write_bytes(data)

    with open_video(path) as video:
        rows = list(sample(video, 5))

    assert video.info.start_s == 0
    assert [row.reason for row in rows[:5]] == ["damaged in the file"] * 5
    assert [read_counter(row.image) for row in rows[5:] if row.image is not None] == list(range(25, 100, 5))


def test_an_absurd_duration_in_the_header_does_not_make_millions_of_rows(clip: Clip) -> None:
    path = clip("absurd.mkv", n=25)
    data = bytearray(path.read_bytes())
    tag = data.find(b"00:00:01.000000000")
    data[tag : tag + 18] = b"99:59:59.000000000"
    path.write_bytes(data)

    with open_video(path) as video:
        samples = sample(video, 6.25)
        n_rows = sum(1 for _ in samples)

    assert video.info.duration_s == 359_999
    assert n_rows == samples.summary.n_grid < 50_000
    assert samples.summary.short
    assert any("the header claims 359999 s" in sentence for sentence in samples.summary.damage)
