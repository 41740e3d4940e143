"""Read a video forward through PyAV: container timestamps, upright pictures, and no stop at damage."""

import logging
import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.buffer import Buffer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from emoclip_clinic.errors import VideoError
from emoclip_clinic.video.avi_clock import AviClock
from emoclip_clinic.video.damage import DamageLog
from emoclip_clinic.video.opening import choose_stream, open_container
from emoclip_clinic.video.orientation import Orientation
from emoclip_clinic.video.records import DecodedFrame, VideoInfo

__all__ = ["PyAvSource"]

_log = logging.getLogger(__name__)

_MAX_FAILED_READS = 100  # in a row; a demuxer that makes no progress must end
_MAX_REORDER = 64  # more packets than any decoder holds back
_SEEK_WORTH_S = 10.0  # a shorter way is decoded, which needs no index
_END_TIME_CONTAINERS = (
    "matroska",
    "webm",
    "flv",
)  # their header states when the last frame ends, not a length


class PyAvSource:
    """An open video, see `VideoSource`.

    Colour: swscale converts with the matrix (BT.601, BT.709, BT.2020) and range (limited, full) that the
    stream states, and with BT.601 limited where it states nothing, as OpenCV and decord do. HDR is not
    tone-mapped.

    Parameters
    ----------
    path : Path
        A local file.
    rotation_deg : int, optional
        Clockwise rotation to apply instead of the display matrix of the file.
    threads : int
        Decoder threads.

    Raises
    ------
    VideoError
        If the file cannot be opened, has no video stream, or not one picture decodes.
    """

    def __init__(self, path: Path, *, rotation_deg: int | None = None, threads: int = 1) -> None:
        self._path = path
        self._threads = threads
        self._read = False
        self._first_pts: int | None = None
        self._open()
        self._decoded = self._trusted()
        try:
            first = next(self._decoded, None)
            if first is None:
                raise VideoError(
                    "At least one picture of a video must decode",
                    found="; ".join(self.damage) or "no picture",
                    where=path,
                    hint="Check that it plays. A stream without a container has no times: put it into one "
                    "with its true rate, as in 'ffmpeg -r 25 -i in.h264 -c copy out.mkv'.",
                )
            self._decoded = chain([first], self._decoded)
            self._orientation = _orientation(first[0], rotation_deg)
            self._stored_size = _square_pixel_size(first[0], self._stream)
            self._info = self._describe(first[0])
        except BaseException:
            self.close()
            raise
        if self._orientation != Orientation():
            _log.info("%s: pictures are turned upright: %s", path, self._orientation)

    @property
    def info(self) -> VideoInfo:
        """What the file says about itself."""
        return self._info

    @property
    def damage(self) -> list[str]:
        """What was wrong with the file, as sentences."""
        return self._damage.sentences()

    def close(self) -> None:
        """Close the file; pictures not yet converted are lost."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def frames(self, *, from_s: float | None = None) -> Iterator[DecodedFrame]:
        """Decode forward, once; see `VideoSource.frames`.

        Parameters
        ----------
        from_s : float, optional
            Time in seconds before which frames may be left out. A start far inside the file is reached over
            its index where that works, else by decoding.

        Yields
        ------
        DecodedFrame
            With times that rise. A frame without a timestamp, or one that does not fit between its
            neighbours, is skipped and counted.
        """
        if self._read:
            raise RuntimeError("A video source is read once; open it again.")
        self._read = True
        decoded = self._decoded
        if from_s is not None and from_s - self._info.start_s > _SEEK_WORTH_S:
            decoded = self._seek(from_s)
        for frame, damaged_before in self._rising(decoded):
            yield DecodedFrame(
                t_s=self._to_s(_pts(frame)),
                to_rgb=partial(self._to_rgb, frame),
                duration_s=self._to_s(frame.duration),
                damaged_before=damaged_before,
            )

    def _open(self) -> None:
        """Open or reopen the file at its beginning."""
        self._container = open_container(self._path)
        try:
            self._stream = choose_stream(self._container, self._path)
        except VideoError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = self._threads
        self._tick_s = self._stream.time_base
        self._damage = DamageLog(self._to_s)
        self._avi_clock = AviClock(self._stream) if self._container.format.name == "avi" else None

    def _to_s(self, ticks: int) -> float:
        assert self._tick_s is not None  # an input stream always has one
        return ticks * self._tick_s.numerator / self._tick_s.denominator

    def _describe(self, first: VideoFrame) -> VideoInfo:
        stream, container = self._stream, self._container
        start = _pts(first) if self._first_pts is None else min(_pts(first), self._first_pts)
        start_s = self._to_s(start)
        width, height = self._orientation.size(*self._stored_size)
        return VideoInfo(
            path=self._path,
            container=container.format.name,
            codec=stream.codec.canonical_name,
            pix_fmt=first.format.name,
            width=width,
            height=height,
            coded_width=first.width,
            coded_height=first.height,
            rotation_deg=self._orientation.rotation_deg,
            mirrored=self._orientation.mirrored,
            duration_s=self._header_duration_s(start_s),
            start_s=start_s,
            avg_fps=float(stream.average_rate) if stream.average_rate else None,
            n_frames_header=stream.frames or None,
            has_audio=bool(container.streams.audio),
            size_bytes=self._path.stat().st_size,
            interlaced=first.interlaced_frame,
        )

    def _header_duration_s(self, start_s: float) -> float | None:
        """Length of the video stream; of the whole container only where nothing better is stated."""
        if self._stream.duration is not None:
            stated_s = self._to_s(self._stream.duration)
            if self._avi_clock is not None and self._stream.average_rate:
                # FFmpeg shortens the length of a truncated AVI file to what is left, the frame count stays.
                stated_s = max(stated_s, float(self._stream.frames / self._stream.average_rate))
            return stated_s
        tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", self._stream.metadata.get("DURATION", ""))
        if tag:
            stated_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        elif self._container.duration is not None:
            stated_s = self._container.duration / av.time_base
        else:
            return None
        if any(name in self._container.format.name for name in _END_TIME_CONTAINERS):
            stated_s -= start_s
        return stated_s if stated_s > 0 else None

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """Packets of the stream; reading goes on behind what cannot be read."""
        packets = self._container.demux(self._stream)
        failed = 0
        skipped = False
        last_pts: int | None = None
        while failed < _MAX_FAILED_READS:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                failed += 1
                skipped = True
                self._damage.add("read", pts=last_pts, detail=error.strerror or "")
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                return
            if packet.size == 0:
                continue  # the mark of the end; the decoder is flushed by the caller
            failed = 0
            if self._avi_clock is not None and self._avi_clock.correct(packet):
                skipped = True
                self._damage.add("read", pts=last_pts)
            if skipped and packet.pts is not None:
                self._damage.distrust_from(packet.pts - 1, intact_to=last_pts)  # this one may be a key frame
                skipped = False
            if packet.pts is not None and (last_pts is None or packet.pts > last_pts):
                last_pts = packet.pts
            yield packet

    def _trusted(self) -> Iterator[tuple[VideoFrame, bool]]:
        """Decoded frames that have a timestamp and no damage, and whether something is lacking before."""
        damage = self._damage
        in_flight: deque[int] = deque(maxlen=self._threads)  # threads report an error so many packets late
        keys: deque[int] = deque(maxlen=_MAX_REORDER)  # a decoder may show an old key frame as a new one
        flagged: deque[int] = deque(maxlen=_MAX_REORDER)
        highest: int | None = None
        for packet, is_last in _with_last(self._packets()):
            if packet is not None and packet.pts is not None:
                in_flight.append(packet.pts)
                if not packet.is_discard and (self._first_pts is None or packet.pts < self._first_pts):
                    self._first_pts = packet.pts
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if packet.is_corrupt:
                    flagged.append(packet.pts)
                    damage.distrust_from(packet.pts, intact_to=highest)
                highest = packet.pts if highest is None else max(highest, packet.pts)
            if packet is not None and packet.is_corrupt and is_last:
                # Cut short by the end of the file. Its error would take down the frames that other threads
                # hold.
                damage.add("decode", pts=packet.pts, detail="cut short")
                continue
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError as error:
                at = in_flight[0] if in_flight else None
                damage.add("decode", pts=at, detail=error.strerror or "")
                damage.distrust_from(at)
                continue
            for frame in frames:
                if frame.pts is None:
                    damage.add("no-time")
                elif frame.is_corrupt or frame.pts in flagged:
                    damage.add("flagged", pts=frame.pts)
                    damage.distrust_from(frame.pts)
                elif damage.trusts(frame.pts, is_key=frame.key_frame and frame.pts in keys):
                    yield frame, damage.take_gap(frame.pts)

    def _rising(self, decoded: Iterator[tuple[VideoFrame, bool]]) -> Iterator[tuple[VideoFrame, bool]]:
        """Leave out frames whose times do not rise; of two in the wrong order, the one that does not fit."""
        last: int | None = None
        held: tuple[VideoFrame, bool] | None = None
        for frame, lacking in decoded:
            if held is None:
                held = frame, lacking
                continue
            pts, held_pts = _pts(frame), _pts(held[0])
            if pts > held_pts:
                yield held
                last, held = held_pts, (frame, lacking)
                continue
            held_is_wrong = pts < held_pts and (last is None or pts > last)
            self._damage.add("order", pts=held_pts if held_is_wrong else pts)
            held = (frame, True) if held_is_wrong else held
        if held is not None:
            yield held

    def _seek(self, from_s: float) -> Iterator[tuple[VideoFrame, bool]]:
        """Go to the key frame before a time; to the beginning if the index leads astray."""
        assert self._tick_s is not None
        try:
            self._container.seek(int(from_s / self._tick_s), stream=self._stream, backward=True)
            self._damage = DamageLog(self._to_s)
            decoded = self._trusted()
            first = next((pair for pair in decoded if pair[0].key_frame), None)
            if first is not None and self._to_s(_pts(first[0])) <= from_s:
                return chain([first], decoded)
        except av.FFmpegError as error:
            _log.info(
                "%s: the index cannot be used (%s), decoding from the beginning", self._path, error.strerror
            )
        self._container.close()
        self._open()
        return self._trusted()

    def _to_rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Convert to RGB with square pixels, in the size of the first frame, upright."""
        if (frame.width, frame.height) != (self._info.coded_width, self._info.coded_height):
            self._damage.add("size", pts=frame.pts, detail=f"{frame.width} x {frame.height}")
        width, height = self._stored_size
        scaled = (frame.width, frame.height) != (width, height)
        try:
            image = frame.to_ndarray(
                format="rgb24",
                width=width,
                height=height,
                interpolation=Interpolation.BICUBIC if scaled else None,
                threads=1,
            )
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(
                "A picture must convert to RGB",
                found=frame.format.name,
                where=self._path,
                hint="Convert the video with FFmpeg to H.264 in MP4.",
            ) from error
        return self._orientation.apply(cast("NDArray[np.uint8]", image))


def _pts(frame: VideoFrame) -> int:
    """Timestamp in ticks of a frame that is known to have one."""
    assert frame.pts is not None
    return frame.pts


def _with_last(
    packets: "Iterator[Packet[VideoStream]]",
) -> "Iterator[tuple[Packet[VideoStream] | None, bool]]":
    """Packets, each with whether it is the last, then None to flush the decoder."""
    held = None
    for packet in packets:
        if held is not None:
            yield held, False
        held = packet
    if held is not None:
        yield held, True
    yield None, False


def _orientation(first: VideoFrame, rotation_deg: int | None) -> Orientation:
    """The orientation to apply: the caller's, else that of the display matrix of the first frame."""
    if rotation_deg is not None:
        return Orientation(rotation_deg=rotation_deg)
    side_data = cast("Mapping[str, Buffer]", first.side_data)
    matrix = side_data.get("DISPLAYMATRIX")
    return (
        Orientation()
        if matrix is None
        else Orientation.from_display_matrix(np.frombuffer(bytes(matrix), np.int32).tolist())
    )


def _square_pixel_size(first: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Size of a stored picture with square pixels; old camcorders store narrow ones that players widen."""
    aspect = stream.codec_context.sample_aspect_ratio
    if not aspect or not 0.25 <= aspect <= 4:
        return first.width, first.height
    return round(first.width * aspect), first.height
