"""Finished face tracks as columns: one row per track and sampled frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces.association import OpenTrack

__all__ = ["BOX_SOURCES", "ScanSummary", "Tracks", "build_tracks"]

BOX_SOURCES = ("detected", "interpolated", "bridged")
"""How a box came about: found by the detector; interpolated between two successive detections; or
interpolated over a short absence during which the detector looked and did not find the face."""

_LANDMARK_COLUMNS = tuple(f"lm{k}_{axis}" for k in range(5) for axis in "xy")


@dataclass(frozen=True)
class ScanSummary:
    """What a scan did.

    Attributes
    ----------
    n_frames : int
        Sampled frames whose image was there.
    n_missing : int
        Grid points without an image.
    n_looks : int
        Frames on which the detector ran.
    cuts : tuple of (int, float)
        Frame and time in seconds of the first frame of each shot but the first.
    """

    n_frames: int
    n_missing: int
    n_looks: int
    cuts: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Tracks:
    """Face tracks of one recording, ordered by track and frame.

    Attributes
    ----------
    track, frame, shot : ndarray of shape (n,), int32
        Track number from 0 in order of appearance, index on the time grid, shot from 0.
    t_s : ndarray of shape (n,), float64
        Container time in seconds.
    boxes : ndarray of shape (n, 4), float32
        ``x1, y1, x2, y2`` in pixels of the source.
    scores : ndarray of shape (n,), float32
        Detector score; NaN where the box was not detected on this frame.
    box_source : ndarray of shape (n,), str
        One of `BOX_SOURCES`.
    landmarks : ndarray of shape (n, 5, 2), float32
        Left eye, right eye, nose, left and right corner of the mouth as seen in the image; NaN where unknown.
    period_s : float
        Time that one sampled frame stands for: the median step between sampled frames, or NaN for fewer than
        two.
    summary : ScanSummary or None
        What the scan did; None for tracks read from a table.
    """

    track: NDArray[np.int32]
    frame: NDArray[np.int32]
    t_s: NDArray[np.float64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    box_source: NDArray[np.str_]
    landmarks: NDArray[np.float32]
    shot: NDArray[np.int32]
    period_s: float
    summary: ScanSummary | None = None

    def __len__(self) -> int:
        return len(self.track)

    @property
    def ids(self) -> tuple[int, ...]:
        """Track numbers that occur."""
        return tuple(int(t) for t in np.unique(self.track))

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Tracks":
        """Keep the rows that a mask or an index array names."""
        return Tracks(
            track=self.track[rows],
            frame=self.frame[rows],
            t_s=self.t_s[rows],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            box_source=self.box_source[rows],
            landmarks=self.landmarks[rows],
            shot=self.shot[rows],
            period_s=self.period_s,
            summary=self.summary,
        )

    def to_columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns of the track table by name, each of shape (n,)."""
        columns: dict[str, NDArray[np.generic]] = {
            "track": self.track,
            "frame": self.frame,
            "t_s": self.t_s,
        }
        for k, name in enumerate(("box_x1", "box_y1", "box_x2", "box_y2")):
            columns[name] = self.boxes[:, k]
        columns["score"] = self.scores
        columns["box_source"] = self.box_source
        for k, name in enumerate(_LANDMARK_COLUMNS):
            columns[name] = self.landmarks.reshape(-1, 10)[:, k]
        columns["shot"] = self.shot
        return columns

    @classmethod
    def from_columns(cls, columns: Mapping[str, ArrayLike], *, period_s: float) -> "Tracks":
        """Rebuild tracks from the columns of a stored track table.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            At least the columns that `to_columns` returns. A missing score or landmark is NaN.
        period_s : float
            Time that one sampled frame stands for, in seconds.

        Returns
        -------
        Tracks
            The tracks, ordered by track and frame, without a summary.
        """

        def column(name: str, dtype: type[np.generic]) -> NDArray[np.generic]:
            if name not in columns:
                raise FaceError(
                    "A track table must have the columns that its writer names", found=f"no {name!r}"
                )
            return np.asarray(columns[name]).astype(dtype)

        track, frame = column("track", np.int32), column("frame", np.int32)
        order = np.lexsort((frame, track))

        def stack(names: Sequence[str]) -> NDArray[np.float32]:
            return np.stack([column(n, np.float32) for n in names], axis=1).astype(np.float32)[order]

        return cls(
            track=track[order].astype(np.int32),
            frame=frame[order].astype(np.int32),
            t_s=column("t_s", np.float64)[order].astype(np.float64),
            boxes=stack(("box_x1", "box_y1", "box_x2", "box_y2")),
            scores=column("score", np.float32)[order].astype(np.float32),
            box_source=np.asarray(columns["box_source"]).astype(np.str_)[order],
            landmarks=stack(_LANDMARK_COLUMNS).reshape(-1, 5, 2),
            shot=column("shot", np.int32)[order].astype(np.int32),
            period_s=period_s,
        )


def build_tracks(
    open_tracks: Sequence[OpenTrack],
    *,
    frames: NDArray[np.int32],
    t_s: NDArray[np.float64],
    summary: ScanSummary,
) -> Tracks:
    """Fill each track's boxes between its detections.

    Boxes and landmarks between two detections are interpolated linearly in time. Nothing is added before a
    track's first or behind its last detection.

    Parameters
    ----------
    open_tracks : sequence of OpenTrack
        The tracks, each with at least one detection.
    frames, t_s : ndarray of shape (n,)
        Index and time in seconds of every sampled frame whose image was there.
    summary : ScanSummary
        What the scan did.

    Returns
    -------
    Tracks
        One row per track and frame.
    """
    period_s = float(np.median(np.diff(t_s))) if len(t_s) > 1 else float("nan")
    parts = [_fill(track, frames, t_s) for track in open_tracks]
    if not parts:
        return Tracks(
            track=np.zeros(0, np.int32),
            frame=np.zeros(0, np.int32),
            t_s=np.zeros(0),
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            box_source=np.zeros(0, "<U12"),
            landmarks=np.zeros((0, 5, 2), np.float32),
            shot=np.zeros(0, np.int32),
            period_s=period_s,
            summary=summary,
        )
    lengths = [len(rows) for rows, *_ in parts]
    rows = np.concatenate([p[0] for p in parts])
    return Tracks(
        track=np.repeat([t.track for t in open_tracks], lengths).astype(np.int32),
        frame=frames[rows].astype(np.int32),
        t_s=t_s[rows],
        boxes=np.concatenate([p[1] for p in parts]),
        scores=np.concatenate([p[2] for p in parts]),
        box_source=np.concatenate([p[3] for p in parts]),
        landmarks=np.concatenate([p[4] for p in parts]),
        shot=np.repeat([t.shot for t in open_tracks], lengths).astype(np.int32),
        period_s=period_s,
        summary=summary,
    )


def _fill(
    track: OpenTrack, frames: NDArray[np.int32], t_s: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32], NDArray[np.str_], NDArray[np.float32]]:
    """Rows into ``frames``, boxes, scores, sources and landmarks of one track."""
    first = int(np.searchsorted(frames, track.frames[0]))
    stop = int(np.searchsorted(frames, track.frames[-1], side="right"))
    rows = np.arange(first, stop)
    at = np.searchsorted(frames[rows], track.frames)
    known = np.concatenate(
        [np.asarray(track.boxes).reshape(-1, 4), np.asarray(track.landmarks).reshape(-1, 10)], axis=1
    ).astype(np.float64)
    times = np.asarray(track.t_s)
    filled = np.stack([np.interp(t_s[rows], times, known[:, k]) for k in range(14)], axis=1).astype(
        np.float32
    )
    # The detected rows are taken as they came, not through the interpolation's rounding.
    filled[at] = known.astype(np.float32)

    scores = np.full(len(rows), np.nan, np.float32)
    scores[at] = track.scores
    source = np.full(len(rows), "interpolated", dtype="<U12")
    for k in np.flatnonzero(track.missed_before):
        source[at[k - 1] : at[k]] = "bridged"
    source[at] = "detected"
    return rows, filled[:, :4], scores, source, filled[:, 4:].reshape(-1, 5, 2)
