"""Which detection belongs to which track: overlap, position with motion, and a light appearance cue."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.faces.appearance import appearance_distance

__all__ = ["Match", "OpenTrack", "match", "near_each_other"]

_MOTION_WINDOW_S = 0.8
_MOTION_POINTS = 5
_MOTION_HORIZON_S = 1.0
_FORBIDDEN = 1e6
# On ten real clips, the same person in a shot, up to two seconds apart: at most 0.20; others: 0.38 and more.
_OTHER_PERSON = 0.35
_SURELY_OTHER_PERSON = 0.5
_SHORT_ABSENCE_S = 0.5


@dataclass
class OpenTrack:
    """A track under construction: its detections so far, one entry per detection."""

    track: int
    shot: int
    frames: list[int] = field(default_factory=list)
    t_s: list[float] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    landmarks: list[NDArray[np.float32]] = field(default_factory=list)
    missed_before: list[bool] = field(default_factory=list)
    """Whether a look failed to find the face between this detection and the one before."""
    appearance: NDArray[np.float32] | None = None
    missed: bool = False

    def predict(self, t_s: float) -> NDArray[np.float64]:
        """Box expected at a time: the last one, moved on with the speed of the last detections."""
        last = np.asarray(self.boxes[-1], dtype=np.float64)
        times = np.asarray(self.t_s[-_MOTION_POINTS:])
        recent = times >= times[-1] - _MOTION_WINDOW_S
        times = times[recent]
        if len(times) < 2:
            return last
        boxes = np.asarray(self.boxes[-_MOTION_POINTS:], dtype=np.float64)[recent]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        offset = times - times.mean()
        spread = float(offset @ offset)
        if spread <= 0:
            return last
        speed = offset @ centres / spread
        ahead_s = min(t_s - float(times[-1]), _MOTION_HORIZON_S)
        return np.asarray(last + np.tile(speed * ahead_s, 2), np.float64)


@dataclass(frozen=True)
class Match:
    """Pairs of (position in tracks, position in detections), and how far each detection was from its
    prediction.

    ``deviations`` are in units of the face's size.
    """

    pairs: tuple[tuple[int, int], ...]
    deviations: tuple[float, ...]


def match(
    tracks: Sequence[OpenTrack],
    boxes: NDArray[np.float32],
    *,
    t_s: float,
    appearances: Sequence[NDArray[np.float32] | None],
    check_appearance: bool = False,
) -> Match:
    """Assign detections to tracks at least total cost.

    The cost of a pair is the distance between predicted and found centre in face sizes, plus half of
    1 - IoU, half of the absolute log ratio of sizes, and the appearance distance. A pair is impossible when
    the distance exceeds what a head does in the time since the last detection (0.6 face sizes plus 1.2 per
    second, at most 2), when the size more than doubles or halves, and, unless two heads are near each other,
    when the appearance distance is above 0.5, or above 0.35 after an absence of more than half a second or
    when asked for.

    Parameters
    ----------
    tracks : sequence of OpenTrack
        The open tracks.
    boxes : ndarray of shape (n, 4)
        Found boxes in pixels.
    t_s : float
        Time of the detections in seconds.
    appearances : sequence of (ndarray of shape (512,) or None), length n
        Descriptions of the found heads.
    check_appearance : bool
        Whether to be as strict about appearance as after an absence.

    Returns
    -------
    Match
        The pairs, ordered by track.

    References
    ----------
    The assignment is solved by `scipy.optimize.linear_sum_assignment` (Crouse 2016,
    doi:10.1109/TAES.2016.140952).
    """
    from scipy.optimize import linear_sum_assignment

    if not tracks or not len(boxes):
        return Match((), ())
    cost = np.empty((len(tracks), len(boxes)))
    deviation = np.empty_like(cost)
    crowded = near_each_other(boxes)
    for i, track in enumerate(tracks):
        expected = track.predict(t_s)
        absence_s = t_s - track.t_s[-1]
        reach = min(0.6 + 1.2 * absence_s, 2.0)
        # Beside another head a description holds parts of both, and cannot forbid anything.
        strict = check_appearance or (track.missed and absence_s > _SHORT_ABSENCE_S)
        most_unlike = 1.0 if crowded else _OTHER_PERSON if strict else _SURELY_OTHER_PERSON
        for j, box in enumerate(np.asarray(boxes, dtype=np.float64)):
            distance, size_ratio = _distance(expected, box)
            unlike = appearance_distance(track.appearance, appearances[j])
            deviation[i, j] = distance
            possible = distance <= reach and abs(size_ratio) <= math.log(2) and unlike <= most_unlike
            cost[i, j] = (
                distance + 0.5 * (1 - _iou(expected, box)) + 0.5 * abs(size_ratio) + unlike
                if possible
                else _FORBIDDEN
            )
    rows, columns = linear_sum_assignment(cost)
    pairs = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] < _FORBIDDEN]
    return Match(tuple(pairs), tuple(float(deviation[i, j]) for i, j in pairs))


def near_each_other(boxes: NDArray[np.float32]) -> bool:
    """Whether any two boxes touch when each is grown by a quarter of its size on every side."""
    if len(boxes) < 2:
        return False
    size = boxes[:, 2:] - boxes[:, :2]
    low, high = boxes[:, :2] - 0.25 * size, boxes[:, 2:] + 0.25 * size
    overlap = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    touching = np.asarray((overlap > 0).all(axis=2))
    return bool(np.triu(touching, 1).any())


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Distance of the centres in units of the mean size, and log ratio of the sizes."""
    size_a = math.sqrt(max((a[2] - a[0]) * (a[3] - a[1]), 1e-9))
    size_b = math.sqrt(max((b[2] - b[0]) * (b[3] - b[1]), 1e-9))
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    return math.hypot(dx, dy) / ((size_a + size_b) / 2), math.log(size_b / size_a)


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return float(shared / union)
