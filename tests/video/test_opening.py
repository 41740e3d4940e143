"""Files that cannot be read give one error of ours with a useful hint; unusual paths and streams are read."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
from av.stream import Disposition

from emoclip_clinic.errors import VideoError
from emoclip_clinic.synthetic.clips import draw_counter, read_counter, write_clip, write_tone
from emoclip_clinic.video import open_video, probe, reader_names
from emoclip_clinic.video.opening import choose_stream

Clip = Callable[..., Path]
Read = Callable[..., list[tuple[float, int | None]]]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"nothere\.mp4: A video must exist.*relative to the study"):
        open_video(tmp_path / "nothere.mp4")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"must be a file. Found: a folder"):
        open_video(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()

    with pytest.raises(VideoError, match=r"0 bytes.*Copy the file again"):
        open_video(path)


@pytest.mark.parametrize("name", ["noise.mp4", "noise.avi", "noise.mkv", "noise.ts"])
def test_garbage(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(0).bytes(50_000))

    with pytest.raises(VideoError) as error:
        open_video(path)

    assert error.value.hint


def test_a_text_file_with_the_name_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("Interview of 3 May, see the other disk.\n" * 50)

    with pytest.raises(VideoError):
        open_video(path)


def test_a_list_of_addresses_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://localhost:1/a.ts\n#EXT-X-ENDLIST\n")

    with pytest.raises(VideoError):
        open_video(path)


def test_an_mp4_that_lacks_its_index_says_so(clip: Clip) -> None:
    path = clip("cut.mp4")
    path.write_bytes(path.read_bytes()[:4000])

    with pytest.raises(VideoError, match="index at the end"):
        open_video(path)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX users")
def test_a_file_without_permission(clip: Clip) -> None:
    path = clip("private.mp4", n=2)
    path.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(VideoError, match="no permission"):
            open_video(path)
    finally:
        os.seteuid(me)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")

    with pytest.raises(VideoError, match="a device or pipe"):
        open_video(tmp_path / "pipe.mp4")


def test_sound_alone(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"must have a video stream. Found: streams: audio.*sound recording"):
        probe(write_tone(tmp_path / "voice.m4a"))


def test_sound_with_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "album.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        cover = container.add_stream("mjpeg", rate=1, pix_fmt="yuvj420p", width=160, height=120)
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(draw_counter(0), format="rgb24")))
        container.mux(cover.encode(None))
        for start in range(0, 48_000, 960):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 960), np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))

    with pytest.raises(VideoError, match="attached picture"):
        probe(path)


def stream(*, disposition: Disposition = Disposition.default, has_decoder: bool = True) -> SimpleNamespace:
    return SimpleNamespace(
        type="video", disposition=disposition, codec_context=SimpleNamespace() if has_decoder else None
    )


def container_of(*streams: SimpleNamespace) -> Any:
    return SimpleNamespace(streams=type("Streams", (list,), {"video": list(streams)})(streams))


def test_the_first_stream_that_is_no_attached_picture_is_chosen() -> None:
    cover, first, second = stream(disposition=Disposition.attached_pic), stream(), stream()

    assert cast(object, choose_stream(container_of(cover, first, second), Path("a.mp4"))) is first


def test_a_stream_without_a_decoder_is_an_error() -> None:
    with pytest.raises(VideoError, match=r"codec .* Convert it"):
        choose_stream(container_of(stream(has_decoder=False)), Path("a.mp4"))


def test_of_two_video_streams_the_first_is_read(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "two-cameras.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25, width=160, height=120) for _ in range(2)]
        for i in range(10):
            for camera, out in enumerate(streams):
                frame = av.VideoFrame.from_ndarray(draw_counter(100 * camera + i), format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                container.mux(out.encode(frame))
        for out in streams:
            container.mux(out.encode(None))

    assert [number for _, number in read(path)] == list(range(10))


@pytest.mark.parametrize(
    "name",
    ["Gespräch mit Frau Müller (2).mp4", "a:b.mp4", "100%d.mp4", "x#y?z=1&w.mp4", "-n.mp4", "日本.mp4"],
)
def test_unusual_names(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / "Étude à côté" / "sub 01"
    folder.mkdir(parents=True)
    plain = write_clip(tmp_path / "plain.mp4", [draw_counter(i) for i in range(3)])
    plain.rename(folder / name)
    monkeypatch.chdir(folder)

    assert [number for _, number in read(folder / name)] == [0, 1, 2]
    assert [number for _, number in read(Path(name))] == [0, 1, 2]


def test_tags_in_an_old_encoding_do_not_matter(clip: Clip, read: Read) -> None:
    path = clip("tagged.mkv", n=3)
    data = path.read_bytes()
    at = data.find(b"Lavf")
    path.write_bytes(data[:at] + b"M\xfcll" + data[at + 4 :])

    assert [number for _, number in read(path)] == [0, 1, 2]


def test_an_unknown_reader_gets_a_suggestion(clip: Clip) -> None:
    assert reader_names() == ("pyav",)
    with pytest.raises(VideoError, match="Did you mean 'pyav'"):
        open_video(clip("a.mp4", n=1), reader="pyv")


def test_a_stream_without_any_timestamp_is_an_error_that_says_what_to_do(clip: Clip) -> None:
    with pytest.raises(VideoError, match=r"50 frames without a timestamp.*ffmpeg -r 25 -i"):
        open_video(clip("bare.h264"))


def test_a_source_is_read_once(clip: Clip) -> None:
    with open_video(clip("a.mp4", n=3)) as video:
        assert len(list(video.frames())) == 3
        with pytest.raises(RuntimeError, match="read once"):
            next(video.frames())


def test_probe_tells_what_a_file_is(clip: Clip) -> None:
    path = clip("interview.mp4", audio=True)

    info = probe(path)

    assert info.path == path
    assert "mp4" in info.container
    assert info.has_audio
    assert info.n_frames_header == 50
    assert info.size_bytes == path.stat().st_size
    assert not info.interlaced


def test_an_interlaced_file_is_marked(clip: Clip) -> None:
    path = clip("tape.mp4", n=4, codec_options={"flags": "+ildct+ilme"})

    assert probe(path).interlaced


def test_pixels_outlive_the_file(clip: Clip) -> None:
    with open_video(clip("a.mp4", n=30)) as video:
        images = [frame.to_rgb() for frame in video.frames()]

    assert [read_counter(image) for image in images] == list(range(30))
