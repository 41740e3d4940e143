"""Times and pictures against what was written, for the codecs and containers that interviews come in."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip_clinic.synthetic.clips import draw_counter, read_counter, trim_with_edit_list, write_clip
from emoclip_clinic.video import open_video, probe, sample

Clip = Callable[..., Path]
Read = Callable[..., list[tuple[float, int | None]]]

FULL_JPEG = {"codec": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True}


@pytest.mark.parametrize(
    ("name", "options", "codec", "pix_fmt"),
    [
        ("h264.mp4", {}, "h264", "yuv420p"),
        ("h264.mov", {}, "h264", "yuv420p"),
        ("h264.mkv", {}, "h264", "yuv420p"),
        ("b-frames.mp4", {"codec_options": {"bf": "3", "g": "12"}}, "h264", "yuv420p"),
        (
            "fragmented.mp4",
            {"codec_options": {"bf": "0"}, "container_options": {"movflags": "frag_keyframe+empty_moov"}},
            "h264",
            "yuv420p",
        ),
        ("h264-10-bit.mp4", {"pix_fmt": "yuv420p10le"}, "h264", "yuv420p10le"),
        ("h264-444.mp4", {"pix_fmt": "yuv444p"}, "h264", "yuv444p"),
        ("h264-gray.mp4", {"pix_fmt": "gray"}, "h264", "yuv420p"),
        ("hevc.mp4", {"codec": "libx265"}, "hevc", "yuv420p"),
        ("hevc-10-bit.mov", {"codec": "libx265", "pix_fmt": "yuv420p10le"}, "hevc", "yuv420p10le"),
        ("vp8.webm", {"codec": "libvpx", "codec_options": {"auto-alt-ref": "1"}}, "vp8", "yuv420p"),
        ("vp9.webm", {"codec": "libvpx-vp9", "audio": True}, "vp9", "yuv420p"),
        ("av1.mp4", {"codec": "libsvtav1"}, "av1", "yuv420p"),
        ("av1-10-bit.mkv", {"codec": "libsvtav1", "pix_fmt": "yuv420p10le"}, "av1", "yuv420p10le"),
        ("mjpeg.avi", FULL_JPEG, "mjpeg", "yuvj420p"),
        ("mjpeg.mov", FULL_JPEG, "mjpeg", "yuvj420p"),
        ("gray.mkv", {"codec": "ffv1", "pix_fmt": "gray"}, "ffv1", "gray"),
        ("xvid.avi", {"codec": "mpeg4"}, "mpeg4", "yuv420p"),
        ("wmv.wmv", {"codec": "wmv2"}, "wmv2", "yuv420p"),
        ("prores.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}, "prores", "yuv422p10le"),
    ],
)
def test_every_frame_has_the_time_it_was_written_with(
    clip: Clip, read: Read, name: str, options: dict[str, object], codec: str, pix_fmt: str
) -> None:
    path = clip(name, **options)

    times, numbers = zip(*read(path), strict=True)
    info = probe(path)

    assert numbers == tuple(range(50))
    np.testing.assert_allclose(times, np.arange(50) / 25, atol=1e-9)
    assert (info.codec, info.pix_fmt) == (codec, pix_fmt)
    assert info.duration_s == pytest.approx(2.0, abs=1e-6)
    assert info.avg_fps == pytest.approx(25.0)


def test_threads_give_the_same_frames_up_to_the_last(clip: Clip, read: Read) -> None:
    path = clip("b-frames.mp4", codec_options={"bf": "3"})

    assert read(path, threads=1) == read(path, threads=8)
    assert len(read(path, threads=8)) == 50


@pytest.mark.parametrize(("suffix", "tick_s"), [("mp4", 1 / 90_000), ("mkv", 1e-3)])
def test_a_variable_rate_keeps_the_times_of_the_container(
    clip: Clip, read: Read, suffix: str, tick_s: float
) -> None:
    times_s = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.2, 50))
    path = clip(f"variable.{suffix}", times_s=list(times_s))

    times, numbers = zip(*read(path), strict=True)

    assert numbers == tuple(range(50))
    np.testing.assert_allclose(np.diff(times), np.diff(times_s), atol=tick_s + 1e-9)
    assert times[0] == pytest.approx(times_s[0], abs=1e-3)  # an edit list counts in milliseconds


def test_an_ntsc_rate_does_not_drift(clip: Clip, read: Read) -> None:
    path = clip("ntsc.mp4", fps=Fraction(30000, 1001), n=300)

    t_s, number = read(path)[-1]

    assert number == 299
    assert t_s == pytest.approx(299 * 1001 / 30000, abs=1e-9)


def test_frames_cut_by_an_edit_list_are_not_shown(clip: Clip, read: Read) -> None:
    path = clip("phone.mp4", codec_options={"bf": "2", "g": "10"})
    trim_with_edit_list(path, 0.6)

    frames = read(path)

    assert [number for _, number in frames] == list(range(15, 50))
    np.testing.assert_allclose([t_s for t_s, _ in frames], np.arange(35) / 25, atol=1e-9)
    assert probe(path).duration_s == pytest.approx(1.4)


def test_a_late_start_keeps_its_clock(clip: Clip) -> None:
    path = clip("late.mkv", start_s=3.0)

    with open_video(path) as video:
        samples = sample(video, 5)
        rows = list(samples)

    assert video.info.start_s == 3.0
    assert video.info.duration_s == pytest.approx(2.0)
    assert [row.t_grid_s for row in rows] == pytest.approx([3 + k / 5 for k in range(10)])
    assert samples.summary.n_missing == 0


@pytest.mark.parametrize(("name", "codec"), [("negative.ts", "libx264"), ("negative.wmv", "wmv2")])
def test_a_negative_start_keeps_its_clock(clip: Clip, read: Read, name: str, codec: str) -> None:
    path = clip(name, codec=codec, start_s=-1.0, container_options={"avoid_negative_ts": "disabled"})

    times, numbers = zip(*read(path), strict=True)
    with open_video(path) as video:
        rows = list(sample(video, 5))

    assert numbers == tuple(range(50))
    np.testing.assert_allclose(times, np.arange(50) / 25 - 1, atol=1e-9)
    assert probe(path).start_s == pytest.approx(-1.0)
    assert [read_counter(row.image) for row in rows if row.image is not None] == list(range(0, 50, 5))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("odd.webm", {"codec": "libvpx-vp9"}),
        ("odd.mp4", {"pix_fmt": "yuv444p"}),
        ("odd.avi", FULL_JPEG),
        ("odd-turned.mkv", {"codec": "libvpx-vp9", "rotation_deg": 90}),
    ],
)
def test_odd_sizes_are_not_cropped(clip: Clip, name: str, options: dict[str, object]) -> None:
    path = clip(name, n=3, width=161, height=121, **options)

    with open_video(path) as video:
        images = [frame.to_rgb() for frame in video.frames()]

    assert (video.info.width, video.info.height) == (161, 121)
    assert {image.shape for image in images} == {(121, 161, 3)}
    assert [read_counter(image) for image in images] == [0, 1, 2]


def test_one_frame(clip: Clip) -> None:
    with open_video(clip("one.mp4", n=1)) as video:
        samples = sample(video, 6.25)
        (row,) = samples

    assert row.image is not None
    assert read_counter(row.image) == 0
    assert samples.summary.decoded_s == pytest.approx(0.04)
    assert not samples.summary.short


@pytest.mark.parametrize("matrix", [None, "bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_colours_follow_the_stated_matrix_and_range(
    tmp_path: Path, matrix: str | None, full_range: bool, pix_fmt: str
) -> None:
    colours = np.array([(200, 60, 40), (50, 180, 70), (60, 80, 210)], dtype=np.uint8)
    picture = np.repeat(np.repeat(colours[None], 32, axis=1), 64, axis=0)
    path = write_clip(
        tmp_path / "colours.mp4",
        [picture] * 2,
        matrix=matrix,  # type: ignore[arg-type]
        full_range=full_range,
        pix_fmt=pix_fmt,
        codec_options={"crf": "6"},
    )

    with open_video(path) as video:
        image = next(video.frames()).to_rgb()

    # Reading BT.709 as BT.601, or a full range as a limited one, is wrong by 13 and more.
    np.testing.assert_allclose(image[32, [16, 48, 80]].astype(int), colours, atol=4)


def test_narrow_pixels_are_widened(tmp_path: Path) -> None:
    path = tmp_path / "pal.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 144, 120
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        frame = av.VideoFrame.from_ndarray(draw_counter(7, width=144, height=120), format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with open_video(path) as video:
        image = next(video.frames()).to_rgb()

    assert (video.info.coded_width, video.info.coded_height) == (144, 120)
    assert (video.info.width, video.info.height) == (154, 120)
    assert image.shape == (120, 154, 3)
    assert read_counter(image) == 7


def test_a_change_of_size_keeps_the_size_of_the_first_frame(clip: Clip, tmp_path: Path) -> None:
    first = clip("first.ts", n=25)
    second = clip("second.ts", n=25, width=320, height=240, start_s=2.0, codec_options={"g": "5"})
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())

    with open_video(path) as video:
        frames = [(frame.t_s, frame.to_rgb()) for frame in video.frames()]

    assert {image.shape for _, image in frames} == {(120, 160, 3)}
    assert read_counter(frames[-1][1]) == 24
    assert frames[-1][0] == pytest.approx(2.96)
    assert any("change" in sentence and "picture size" in sentence for sentence in video.damage)


def test_memory_does_not_grow_with_duration(clip: Clip) -> None:
    psutil = pytest.importorskip("psutil")
    path = clip("long.mp4", n=3000, width=320, height=240)
    process = psutil.Process()

    held = []
    with open_video(path, threads=2) as video:
        for row in sample(video, 12.5):
            if row.index in (200, 1400):
                held.append(process.memory_info().rss)

    # 1200 pictures of 230 kB lie between the two: 276 MB if they were kept.
    assert held[1] - held[0] < 20e6
