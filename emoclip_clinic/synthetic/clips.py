"""Write small video files with known frames and times, through PyAV.

Tests, ``emoclip-clinic doctor`` and generated studies use these clips. A *counter frame* carries its own
number in its pixels, so that a reader's times can be checked against what was really written.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = [
    "COUNTER_LIMIT",
    "draw_counter",
    "read_counter",
    "trim_with_edit_list",
    "write_clip",
    "write_tone",
]

RGBImage = NDArray[np.uint8]

COUNTER_LIMIT = 1 << 14
"""First number that a counter frame cannot show."""

_N_BITS = 14
_N_CELLS = _N_BITS + 4  # a bright and a dark cell in front; parity and a dark cell behind
_MIN_WIDTH, _MIN_HEIGHT = 5 * _N_CELLS, 32
_CORNERS = {"top left": (220, 40, 40), "top right": (40, 200, 40), "bottom left": (50, 70, 230)}

# Fast presets: these clips are made on the fly, their size on disk does not matter.
_CODEC_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "libx265": {"preset": "ultrafast", "crf": "20", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0"},
    "libsvtav1": {"preset": "12", "crf": "30", "svtav1-params": "lp=2"},
    "mjpeg": {"q": "3"},
    "mpeg4": {"q": "3"},
}
_AV_COLOUR_SPACE = {"bt601": 6, "bt709": 1}  # AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709
_VARIABLE_RATE_TIME_BASE = Fraction(1, 90_000)


def draw_counter(index: int, *, width: int = 160, height: int = 120) -> RGBImage:
    """Draw a picture that shows its number as a bar code, and which way is up by three coloured corners.

    Parameters
    ----------
    index : int
        Number to show, ``0 <= index < COUNTER_LIMIT``.
    width, height : int
        Size of the picture in pixels, at least 90 x 32.

    Returns
    -------
    ndarray of shape (height, width, 3)
        RGB picture, uint8. Top left is red, top right green, bottom left blue, bottom right as the grey
        background.

    Raises
    ------
    ValueError
        If the number does not fit, or the picture is too small to show it.
    """
    if width < _MIN_WIDTH or height < _MIN_HEIGHT:
        raise ValueError(
            f"A counter frame must have {_MIN_WIDTH} x {_MIN_HEIGHT} pixels at least, got {width} x {height}."
        )
    if not 0 <= index < COUNTER_LIMIT:
        raise ValueError(f"The number of a counter frame must be from 0 to {COUNTER_LIMIT - 1}, got {index}.")
    image = np.full((height, width, 3), 128, dtype=np.uint8)
    bits = [(index >> shift) & 1 for shift in range(_N_BITS)]
    cells = np.array([1, 0, *bits, sum(bits) % 2, 0], dtype=np.uint8) * 215 + 20
    columns = np.minimum(np.arange(width) * _N_CELLS // width, _N_CELLS - 1)
    image[height // 4 : height - height // 4] = cells[columns][None, :, None]
    h, w = height // 4, width // 4
    image[:h, :w] = _CORNERS["top left"]
    image[:h, width - w :] = _CORNERS["top right"]
    image[height - h :, :w] = _CORNERS["bottom left"]
    return image


def read_counter(image: RGBImage) -> int | None:
    """Read the number that :func:`draw_counter` drew.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3)
        RGB picture as decoded, upright.

    Returns
    -------
    int or None
        The number, or None if the picture is no counter frame, is not upright, or is damaged.
    """
    height, width = image.shape[:2]
    grey = image[height * 3 // 8 : height - height * 3 // 8].mean(axis=(0, 2))
    edges = np.linspace(0, width, _N_CELLS + 1)
    quarter = width / _N_CELLS / 4  # the middle half of a cell is free of coding artefacts at its edges
    levels = np.array(
        [
            grey[int(a + quarter) : max(int(b - quarter), int(a + quarter) + 1)].mean()
            for a, b in pairwise(edges)
        ]
    )
    if np.abs(levels - 128).min() < 40:
        return None
    bright, dark, *bits, parity, end = (int(level > 128) for level in levels)
    if (bright, dark, end) != (1, 0, 0) or sum(bits) % 2 != parity:
        return None
    return sum(bit << shift for shift, bit in enumerate(bits))


def write_clip(
    path: str | Path,
    frames: Iterable[RGBImage],
    *,
    fps: float | Fraction = 25,
    times_s: Sequence[float] | None = None,
    start_s: float = 0.0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation_deg: int = 0,
    matrix: Literal["bt601", "bt709"] | None = None,
    full_range: bool = False,
    audio: bool = False,
    codec_options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Encode frames into a video file; the suffix chooses the container.

    Parameters
    ----------
    path : str or Path
        File to write: ``.mp4``, ``.mov``, ``.mkv``, ``.webm``, ``.avi``, ``.ts`` and what else FFmpeg knows.
    frames : iterable of ndarray of shape (height, width, 3)
        RGB pictures, uint8, all of one size, as a viewer should see them. Read one at a time.
    fps : float or Fraction
        Frame rate in 1/s. With `times_s` it is only the nominal rate in the header.
    times_s : sequence of float, optional
        Presentation time of every frame in seconds, rising, for a variable rate. Rounded to 1/90000 s, and by
        Matroska to 1 ms.
    start_s : float
        Time of the first frame in seconds, or what is added to `times_s`; may be negative.
    codec : str
        Name of an FFmpeg encoder, such as ``libx264``, ``libx265``, ``libvpx-vp9``, ``libsvtav1`` or
        ``mjpeg``.
    pix_fmt : str
        Pixel format of the stream, such as ``yuv420p``, ``yuv420p10le``, ``yuv444p``, ``yuvj420p`` or
        ``gray``.
    rotation_deg : {0, 90, 180, 270}
        Clockwise rotation that a player applies. The stored pictures are turned the other way, so that the
        viewer sees `frames` as they were given.
    matrix : {"bt601", "bt709"}, optional
        Colour matrix to encode with and to state in the stream. None is BT.601 without a statement, FFmpeg's
        default.
    full_range : bool
        Encode luma from 0 to 255 and state so, instead of 16 to 235.
    audio : bool
        Add a tone of the same length.
    codec_options, container_options : mapping of str to str, optional
        Further options of the encoder (such as ``g``, ``bf``, ``crf``) and of the muxer (such as
        ``movflags``).

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If there is no frame, the times do not rise, there are fewer times than frames, or the codec is none
        for video.
    """
    path = Path(path)
    if rotation_deg not in (0, 90, 180, 270):
        raise ValueError(f"rotation_deg must be 0, 90, 180 or 270, got {rotation_deg}.")
    if times_s is not None and np.any(np.diff(times_s) <= 0):
        raise ValueError("times_s must rise.")
    if av.Codec(codec, "w").type != "video":
        raise ValueError(f"codec must encode video, got {codec!r}.")
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("A clip needs at least one frame.")
    rate = Fraction(fps).limit_denominator(1001)
    time_base = 1 / rate if times_s is None else _VARIABLE_RATE_TIME_BASE
    offset = round(Fraction(start_s) / time_base)
    ticks: Iterator[int] = (
        count(offset) if times_s is None else (offset + round(Fraction(t) / time_base) for t in times_s)
    )

    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)  # as the check of the codec above has made sure
        stored = np.rot90(first, rotation_deg // 90)
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = time_base
        stream.codec_context.options = _CODEC_OPTIONS.get(codec, {}) | dict(codec_options or {})
        stream.codec_context.color_range = 2 if full_range else 1
        if matrix is not None:
            stream.codec_context.colorspace = _AV_COLOUR_SPACE[matrix]
        if rotation_deg:
            stream.set_display_rotation(-rotation_deg)  # PyAV counts counter-clockwise
        sound_codec = "libopus" if path.suffix == ".webm" else "aac"
        sound = container.add_stream(sound_codec, rate=48_000) if audio else None

        tick = offset
        for n_frames, picture in enumerate(chain([first], pictures)):
            following = next(ticks, None)
            if following is None:
                raise ValueError(
                    f"times_s must name a time for every frame, got {n_frames} times for more frames."
                )
            tick = following
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(np.rot90(picture, rotation_deg // 90)), format="rgb24"
            ).reformat(
                format=pix_fmt,
                dst_colorspace=Colorspace.ITU709 if matrix == "bt709" else Colorspace.ITU601,
                dst_color_range=2 if full_range else 1,
            )
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if isinstance(sound, AudioStream):
            duration_s = float((tick - offset) * time_base + 1 / rate)
            _add_tone(container, sound, duration_s)
    return path


def write_tone(path: str | Path, *, duration_s: float = 1.0) -> Path:
    """Write a file that holds sound and no picture.

    Parameters
    ----------
    path : str or Path
        File to write.
    duration_s : float
        Length in seconds.

    Returns
    -------
    Path
        `path`.
    """
    path = Path(path)
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        if isinstance(sound, AudioStream):
            _add_tone(container, sound, duration_s)
    return path


def _add_tone(container: OutputContainer, stream: AudioStream, duration_s: float) -> None:
    """Encode a quiet 440 Hz tone into the stream."""
    block = 960
    for start in range(0, int(duration_s * 48_000), block):
        wave = 0.05 * np.sin(2 * np.pi * 440 * np.arange(start, start + block) / 48_000, dtype=np.float64)
        samples = np.stack([wave, wave]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def trim_with_edit_list(path: str | Path, start_s: float) -> None:
    """Cut the beginning of an MP4 or MOV file as phones do: by its edit list, without touching the pictures.

    The pictures before `start_s` stay in the file, and a player skips them and shows the first other one at
    time 0.

    Parameters
    ----------
    path : str or Path
        File with one edit in its video track, as FFmpeg writes. Changed in place.
    start_s : float
        Seconds to cut.

    Raises
    ------
    ValueError
        If the file has no such edit list.

    References
    ----------
    ISO/IEC 14496-12, 8.6.6 Edit List Box.
    """
    path = Path(path)
    data = bytearray(path.read_bytes())
    movie_scale = struct.unpack_from(">I", data, data.find(b"mvhd") + 16)[0]
    track_scale = struct.unpack_from(">I", data, data.find(b"mdhd") + 16)[0]
    at = data.find(b"elst")
    if at < 0 or data[at + 4] != 0 or struct.unpack_from(">I", data, at + 8)[0] != 1:
        raise ValueError(f"{path} must hold an edit list of version 0 with one edit.")
    duration, media_time = struct.unpack_from(">Ii", data, at + 12)
    struct.pack_into(
        ">Ii",
        data,
        at + 12,
        duration - round(start_s * movie_scale),
        media_time + round(start_s * track_scale),
    )
    path.write_bytes(data)
