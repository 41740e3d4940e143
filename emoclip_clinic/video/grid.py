"""Sample a video on a time grid: the nearest frame within half a period, else missing with a reason."""

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Self

from emoclip_clinic.errors import VideoError
from emoclip_clinic.video.records import DecodedFrame, DecodeSummary, SampledFrame
from emoclip_clinic.video.source import VideoSource

__all__ = ["MAX_MISSING_S", "SHORT_SHARE", "TIME_TOLERANCE_S", "Samples", "sample"]

TIME_TOLERANCE_S = 1e-6
"""Times closer than this, in seconds, count as equal: a tie goes to the earlier frame."""

MAX_MISSING_S = 7200.0
"""Longest run of missing grid points, in seconds.

A header or a timestamp that asks for more is not believed: the grid ends there, and `DecodeSummary.damage`
says so.
"""

SHORT_SHARE = 0.02
"""Share of the header's seconds that may be lacking before a video is called short."""

_HEADER_SLACK_S = 1.0  # headers are off by a frame or two
_MAX_SHOWN_S = 1.0  # a picture that stands longer than this is a pause without frames

BEFORE_FIRST = "before the first frame"
AFTER_LAST = "after the last decoded frame"
DAMAGED = "damaged in the file"
NO_FRAME_NEAR = "no frame within half a period"


def sample(
    source: VideoSource,
    sample_fps: float,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    wanted: Callable[[int], bool] | None = None,
) -> "Samples":
    """Sample an open video on a time grid.

    Grid point `k` lies at ``origin + k / sample_fps`` on the container's clock, where the origin is
    `start_s`, or the first presentation timestamp of the stream. The grid runs up to, and not including,
    `end_s`; without it, or if it lies far behind the video, up to the later of the header's end and the end
    of the last decoded frame, so that a truncated file has missing points.

    The frame nearest to a grid point is chosen if it is at most half a period away; of two equally near
    frames the earlier. A frame midway between two grid points can serve both.

    Parameters
    ----------
    source : VideoSource
        An open video; it is read once.
    sample_fps : float
        Grid points per second.
    start_s, end_s : float, optional
        Part of the video to sample, in seconds on the container's clock.
    wanted : callable, optional
        Tells by the index of a grid point whether its pixels are wanted; asked once for each point that has a
        frame, after the point before was handed out and before the picture is converted. By default all are.

    Returns
    -------
    Samples
        Iterator over the grid; its `summary` tells at the end what was found.

    Raises
    ------
    VideoError
        If the rate is not positive, `end_s` is not after `start_s`, or `start_s` lies behind the video.
    """
    return Samples(source, sample_fps, start_s=start_s, end_s=end_s, wanted=wanted)


class Samples(Iterator[SampledFrame]):
    """Iterator over the grid of one video; see `sample`."""

    def __init__(
        self,
        source: VideoSource,
        sample_fps: float,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        wanted: Callable[[int], bool] | None = None,
    ) -> None:
        where = source.info.path
        if not (math.isfinite(sample_fps) and sample_fps > 0):
            raise VideoError(
                "The sampling rate must be above 0 frames per second", found=sample_fps, where=where
            )
        if any(t is not None and not math.isfinite(t) for t in (start_s, end_s)):
            raise VideoError("Start and end must be times in seconds", found=(start_s, end_s), where=where)
        origin_s = source.info.start_s if start_s is None else start_s
        if end_s is not None and end_s <= origin_s:
            raise VideoError(
                "The end of a recording must be after its start",
                found=f"start {origin_s:g} s, end {end_s:g} s",
                where=where,
                hint="Correct start_s and end_s in recordings.tsv; they count on the clock of the file, "
                f"whose first picture is at {source.info.start_s:g} s.",
            )
        header_end_s = (
            None if source.info.duration_s is None else source.info.start_s + source.info.duration_s
        )
        if start_s is not None and header_end_s is not None and start_s > header_end_s + _HEADER_SLACK_S:
            raise VideoError(
                "The start of a recording must be inside the video",
                found=f"start {start_s:g} s, while the video ends at {header_end_s:g} s",
                where=where,
                hint="Correct start_s in recordings.tsv; it counts on the clock of the file.",
            )
        self._source = source
        self._sample_fps = sample_fps
        self._origin_s = origin_s
        self._end_s = end_s
        self._wanted = wanted
        info = source.info
        self._header_end_s = header_end_s
        self._coverage = _Coverage(max(origin_s, info.start_s), math.inf if end_s is None else end_s)
        self._frames = self._coverage.watch(source.frames(from_s=start_s))
        self._n_grid = 0
        self._n_missing = 0
        self._notes: list[str] = []
        self._ended = False
        self._rows = self._sample()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> SampledFrame:
        return next(self._rows)

    @property
    def summary(self) -> DecodeSummary:
        """What was found; known when the iterator has ended.

        Raises
        ------
        RuntimeError
            If it has not.
        """
        if not self._ended:
            raise RuntimeError("The summary is known when all samples have been read.")
        decoded_s, header_s = self._coverage.seconds(), None
        if self._header_end_s is not None:
            header_s = max(0.0, min(self._coverage.end_s, self._header_end_s) - self._coverage.start_s)
        is_short = header_s is not None and decoded_s < (1 - SHORT_SHARE) * header_s - TIME_TOLERANCE_S
        damage = [*self._source.damage, *self._notes]
        if self._asks_too_much():
            damage.append(
                f"the recording should last until {self._end_s:.1f} s,"
                f" but the video ends at {self._header_end_s:.1f} s"
            )
        if is_short:
            damage.append(f"{decoded_s:.1f} s of the {header_s:.1f} s that the header states could be used")
        return DecodeSummary(
            decoded_s=decoded_s,
            header_s=header_s,
            n_frames_decoded=self._coverage.n_frames,
            n_grid=self._n_grid,
            n_missing=self._n_missing,
            damage=damage,
            short=is_short,
        )

    def _sample(self) -> Iterator[SampledFrame]:
        half_s = 0.5 / self._sample_fps + TIME_TOLERANCE_S
        before: DecodedFrame | None = None
        nearest: DecodedFrame | None = None
        following = next(self._frames, None)
        run = 0
        for index in count():
            t_grid_s = self._origin_s + index / self._sample_fps
            if self._end_s is not None and t_grid_s >= self._end_s - TIME_TOLERANCE_S:
                break
            if following is None and self._asks_too_much() and self._is_past_end(nearest, t_grid_s):
                break
            while following is not None and _is_nearer(following, nearest, t_grid_s):
                before, nearest, following = nearest, following, next(self._frames, None)
            if following is None and self._end_s is None and self._is_past_end(nearest, t_grid_s):
                break
            if nearest is not None and abs(nearest.t_s - t_grid_s) <= half_s:
                run = 0
                image = nearest.to_rgb() if self._wanted is None or self._wanted(index) else None
                row = SampledFrame(index, t_grid_s, nearest.t_s, image, None)
            else:
                run += 1
                if run > MAX_MISSING_S * self._sample_fps:
                    self._disbelieve(run - 1, following)
                    break
                is_ahead = nearest is not None and nearest.t_s > t_grid_s
                reason = _why_missing(before, nearest) if is_ahead else _why_missing(nearest, following)
                row = SampledFrame(index, t_grid_s, None, None, reason)
                self._n_missing += 1
            self._n_grid += 1
            yield row
        while self._end_s is not None and following is not None and following.t_s < self._end_s:
            following = next(self._frames, None)  # they count as decoded
        self._ended = True

    def _asks_too_much(self) -> bool:
        """Whether the end that was asked for lies behind the header's end by more than one grid step."""
        return (
            self._end_s is not None
            and self._header_end_s is not None
            and self._end_s > self._header_end_s + max(1 / self._sample_fps, SHORT_SHARE * self._header_end_s)
        )

    def _is_past_end(self, last: DecodedFrame | None, t_grid_s: float) -> bool:
        """Whether a grid point lies behind the header's end and behind the last decoded frame."""
        if self._header_end_s is not None and t_grid_s < self._header_end_s - TIME_TOLERANCE_S:
            return False
        if last is None:
            return True
        if self._header_end_s is None and t_grid_s < last.t_s + last.duration_s - TIME_TOLERANCE_S:
            return False
        return t_grid_s > last.t_s + TIME_TOLERANCE_S

    def _disbelieve(self, n_missing: int, following: DecodedFrame | None) -> None:
        if following is not None:
            claim = f"a timestamp jumps to {following.t_s:.0f} s"
        elif self._end_s is not None and self._header_end_s is None:
            claim = f"an end at {self._end_s:.0f} s was asked for"
        else:
            claim = f"the header claims {self._header_end_s or 0:.0f} s"
        self._notes.append(f"sampling ended after {n_missing} grid points without a frame, although {claim}")


def _is_nearer(following: DecodedFrame, nearest: DecodedFrame | None, t_grid_s: float) -> bool:
    """Whether the next frame is nearer to a time than the one before; a tie goes to the earlier."""
    if nearest is None:
        return True
    return abs(following.t_s - t_grid_s) < abs(nearest.t_s - t_grid_s) - TIME_TOLERANCE_S


def _why_missing(before: DecodedFrame | None, after: DecodedFrame | None) -> str:
    """Tell why no frame is near a grid point, from the frames before and after it."""
    if after is None:
        return AFTER_LAST
    if after.damaged_before:
        return DAMAGED
    return BEFORE_FIRST if before is None else NO_FRAME_NEAR


class _Coverage:
    """Adds up the seconds between two times that usable frames cover, while the frames pass."""

    def __init__(self, start_s: float, end_s: float) -> None:
        self.start_s = start_s
        self.end_s = end_s
        self.n_frames = 0
        self._covered_s = 0.0
        self._last: DecodedFrame | None = None
        self._usual_s = 0.0

    def watch(self, frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
        """Pass frames on."""
        for frame in frames:
            self.n_frames += 1
            if self._last is not None:
                shown_s = frame.t_s - self._last.t_s
                if frame.damaged_before:
                    shown_s = min(shown_s, self._last.duration_s or self._usual_s)
                else:
                    self._usual_s = shown_s
                self._covered_s += self._inside(self._last.t_s, min(shown_s, _MAX_SHOWN_S))
            self._last = frame
            yield frame

    def seconds(self) -> float:
        """Seconds covered, the last frame included."""
        if self._last is None:
            return 0.0
        shown_s = min(self._last.duration_s or self._usual_s, _MAX_SHOWN_S)
        return self._covered_s + self._inside(self._last.t_s, shown_s)

    def _inside(self, t_s: float, shown_s: float) -> float:
        return max(0.0, min(t_s + shown_s, self.end_s) - max(t_s, self.start_s))
