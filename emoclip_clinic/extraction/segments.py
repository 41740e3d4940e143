"""Cut the frame embeddings of one recording into segments and encode them with the temporal part."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Segment", "cut_segments", "nearest_valid", "segment_starts"]


@dataclass(frozen=True)
class Segment:
    """One window of the sampling grid.

    Attributes
    ----------
    index : int
        Number of the segment in its recording, from 0.
    start : int
        Grid index of its first sampled frame.
    n_ok : int
        Sampled frames that show the subject's face.
    n_missing : int
        Sampled frames that could not be decoded.
    n_frames : int
        Sampled frames of a segment.
    embeddings : ndarray of shape (n_frames, dim), float32, or None
        Frame embeddings with gaps filled by the nearest valid frame; None for a rejected segment.
    reason : str or None
        ``no-face`` or ``missing-frames``, whichever costs the segment more frames, if it is rejected.
    """

    index: int
    start: int
    n_ok: int
    n_missing: int
    n_frames: int
    embeddings: NDArray[np.float32] | None
    reason: str | None

    @property
    def coverage(self) -> float:
        """Share of the segment's sampled frames that show the subject's face, 0 to 1."""
        return self.n_ok / self.n_frames

    @property
    def n_held(self) -> int:
        """Sampled frames filled with the embedding of the nearest valid one; 0 for a rejected segment."""
        return 0 if self.embeddings is None else self.n_frames - self.n_ok


def segment_starts(n_frames: int, *, segment_frames: int, stride_frames: int) -> range:
    """Grid indices at which segments start; a tail shorter than a segment belongs to none.

    Parameters
    ----------
    n_frames : int
        Sampled frames of the recording, missing ones included.
    segment_frames : int
        Sampled frames of one segment.
    stride_frames : int
        Sampled frames from one start to the next.

    Returns
    -------
    range
        The starts, in order; empty if the recording is shorter than a segment.
    """
    return range(0, max(0, n_frames - segment_frames + 1), stride_frames)


def nearest_valid(valid: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Index of the nearest valid position for every position; the earlier one of two equally near.

    Parameters
    ----------
    valid : ndarray of shape (n,), bool
        At least one must be true.

    Returns
    -------
    ndarray of shape (n,)
        Valid positions hold themselves.
    """
    positions = np.flatnonzero(valid)
    distances = np.abs(np.arange(len(valid))[:, None] - positions[None, :])
    nearest: NDArray[np.intp] = positions[np.argmin(distances, axis=1)]
    return nearest


def cut_segments(
    blocks: Iterator[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]],
    *,
    n_frames: int,
    segment_frames: int,
    stride_frames: int,
    min_coverage: float,
) -> Iterator[Segment]:
    """Cut consecutive blocks of a recording's sampled frames into segments.

    Only the frames of the current segment and block are held, so memory does not depend on the recording's
    length. Gaps are filled within a segment and never across its borders.

    Parameters
    ----------
    blocks : iterator of (embeddings, ok, missing)
        Consecutive parts of the frame table: embeddings of shape (m, dim), and whether each sampled frame
        shows the subject's face (`ok`) or could not be decoded (`missing`), both of shape (m,).
    n_frames : int
        Sum of the blocks' lengths.
    segment_frames, stride_frames : int
        Length of a segment and step between starts, in sampled frames.
    min_coverage : float
        Least share of frames with the subject's face; below it a segment is rejected.

    Yields
    ------
    Segment
        In order of their start.
    """
    starts = iter(
        enumerate(segment_starts(n_frames, segment_frames=segment_frames, stride_frames=stride_frames))
    )
    upcoming = next(starts, None)
    buffer: tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]] | None = None
    offset = 0  # grid index of the buffer's first frame
    for block in blocks:
        if buffer is None:
            buffer = block
        else:
            buffer = (
                np.concatenate([buffer[0], block[0]]),
                np.concatenate([buffer[1], block[1]]),
                np.concatenate([buffer[2], block[2]]),
            )
        while upcoming is not None and upcoming[1] + segment_frames <= offset + len(buffer[0]):
            index, start = upcoming
            window = slice(start - offset, start - offset + segment_frames)
            yield _segment(
                index, start, buffer[0][window], buffer[1][window], buffer[2][window], min_coverage
            )
            upcoming = next(starts, None)
        if upcoming is None:
            return
        drop = min(len(buffer[0]), upcoming[1] - offset)
        buffer = (buffer[0][drop:], buffer[1][drop:], buffer[2][drop:])
        offset += drop


def _segment(
    index: int,
    start: int,
    embeddings: NDArray[np.float32],
    ok: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    min_coverage: float,
) -> Segment:
    n_frames, n_ok, n_missing = len(ok), int(ok.sum()), int(missing.sum())
    accepted = n_ok > 0 and n_ok / n_frames >= min_coverage
    n_no_face = n_frames - n_ok - n_missing
    return Segment(
        index=index,
        start=start,
        n_ok=n_ok,
        n_missing=n_missing,
        n_frames=n_frames,
        embeddings=embeddings[nearest_valid(ok)] if accepted else None,
        reason=None if accepted else ("no-face" if n_no_face >= n_missing else "missing-frames"),
    )
