"""Scan a recording for faces as its frames come: when to look, which face is whose, and where a shot ends."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces.appearance import describe_head
from emoclip_clinic.faces.association import Match, OpenTrack, match, near_each_other
from emoclip_clinic.faces.cuts import Change, ShotCutDetector
from emoclip_clinic.faces.detections import Detections, Detector
from emoclip_clinic.faces.tracks import ScanSummary, Tracks, build_tracks

__all__ = ["FaceScanner"]

_LOW_SCORE = 0.95
_FAST = 0.35
"""Distance from the predicted position, in face sizes, beyond which a face moved too fast to interpolate."""
_STABLE_LOOKS = 3
_PATIENCE_S = 2.0
"""How long every frame is looked at for one and the same doubt."""
_KEPT_IMAGES_BYTES = 128 * 2**20
_APPEARANCE_MEMORY = 0.8


@dataclass(frozen=True)
class _Frame:
    index: int
    t_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class _Look:
    found: Detections
    appearances: list[NDArray[np.float32] | None]


class FaceScanner:
    """Turns sampled frames, given one by one, into face tracks.

    The detector looks at every ``detect_every``-th sampled frame, at every ``detect_every_stable``-th while
    every track is stable, and at every frame while something is in doubt: a face is lost or new, moved far
    from where it was expected, has a low score, or is near another one. When a look finds a face lost, new,
    far from its place or near another, the frames since the last look are looked at too, in order: for this
    the images since the last look are kept (at most ``detect_every_stable`` of them and 128 MiB), and nothing
    else. A doubt that lasts for more than two seconds without a face being lost or found becomes the normal
    state and is looked at on the usual grid.

    Every frame is compared with the one before on 64 x 36 px to notice cuts (about 1 ms), so every frame is
    wanted. A cut ends all tracks; the frames on both of its sides are looked at.

    Parameters
    ----------
    detector : Detector
        Finds faces; see `get_detector`.
    detect_every, detect_every_stable : int
        Sampled frames between looks, normally and while stable.
    max_gap_s : float
        Longest absence in seconds over which a track is bridged.

    Examples
    --------
    >>> import numpy as np
    >>> from emoclip_clinic.faces import FaceScanner, get_detector
    >>> scanner = FaceScanner(get_detector("none"))
    >>> for index in range(3):
    ...     scanner.add(index, index / 6.25, np.zeros((90, 160, 3), np.uint8))
    >>> scanner.finish().boxes[0].tolist()
    [0.0, 0.0, 160.0, 90.0]
    """

    def __init__(
        self,
        detector: Detector,
        *,
        detect_every: int = 4,
        detect_every_stable: int = 8,
        max_gap_s: float = 2.0,
    ) -> None:
        if detect_every < 1 or detect_every_stable < detect_every:
            raise FaceError(
                "Faces must be detected on every n-th sampled frame, n >= 1, and no more often while stable",
                found=f"detect_every={detect_every}, detect_every_stable={detect_every_stable}",
            )
        if max_gap_s < 0:
            raise FaceError("The longest gap must not be negative", found=max_gap_s)
        self._detector = detector
        self._every = detect_every
        self._every_stable = detect_every_stable
        self._max_gap_s = max_gap_s
        self._cuts = ShotCutDetector()
        self._frames = array("l")
        self._times = array("d")
        self._n_missing = 0
        self._n_looks = 0
        self._last_index: int | None = None
        self._last_look: int | None = None
        self._interval = 1
        self._stable_looks = 0
        self._doubt_since_s: float | None = None
        self._kept: list[_Frame] = []
        self._all: list[OpenTrack] = []
        self._open: list[OpenTrack] = []
        self._shot = 0
        self._cut_frames: list[tuple[int, float]] = []
        self._whole: Detections | None = None

    def wants(self, index: int) -> bool:
        """Whether the pixels of this grid point are needed; known before it is decoded.

        Parameters
        ----------
        index : int
            Index on the time grid, at or behind the next one to be added.

        Returns
        -------
        bool
            True, except behind the first frame when the box does not depend on the pixels.
        """
        return self._whole is None

    def add(self, index: int, t_s: float | None, image: NDArray[np.uint8] | None) -> None:
        """Take the next grid point.

        Parameters
        ----------
        index : int
            Index on the time grid, rising.
        t_s : float or None
            Container time in seconds; None where the grid point is missing.
        image : ndarray of shape (H, W, 3), uint8, or None
            RGB image; None where the grid point is missing, or where `wants` said that it is not needed.

        Raises
        ------
        FaceError
            If the index does not rise, or if an image is absent where it is needed.
        """
        if self._last_index is not None and index <= self._last_index:
            raise FaceError(
                "Grid points must be added in rising order", found=f"{index} after {self._last_index}"
            )
        self._last_index = index
        if t_s is None:
            self._n_missing += 1
            return
        if image is None and self._whole is None:
            raise FaceError(
                "A grid point with a time must come with its image",
                found=f"no image at index {index}",
                hint="Ask wants(index) before decoding.",
            )
        self._frames.append(index)
        self._times.append(t_s)
        if self._detector.whole_frame:
            if self._whole is None and image is not None:
                self._whole = self._detector.detect(image)
                self._n_looks += 1
            return
        assert image is not None
        self._scan(_Frame(index, t_s, image))

    def finish(self) -> Tracks:
        """Look at the last frame, close all tracks and return them.

        Returns
        -------
        Tracks
            One row per track and sampled frame that it covers.
        """
        frames = np.asarray(self._frames, np.int32)
        times = np.asarray(self._times, np.float64)
        if self._whole is not None:
            self._all = _constant_tracks(self._whole, frames, times)
        else:
            self._look_at_kept_end()
            self._end_shot()
        summary = ScanSummary(len(frames), self._n_missing, self._n_looks, tuple(self._cut_frames))
        return build_tracks(self._all, frames=frames, t_s=times, summary=summary)

    def _scan(self, frame: _Frame) -> None:
        change = self._cuts.compare(frame.image)
        if len(self._times) > 1 and frame.t_s - self._times[-2] > self._max_gap_s:
            self._look_at_kept_end()
            self._end_shot()
        if change is Change.CUT:
            self._look_at_kept_end()
            self._end_shot()
            self._shot += 1
            self._cut_frames.append((frame.index, frame.t_s))
        elif change is not Change.NONE:
            self._look_at_kept_end()
        if change is Change.LIGHT:
            for track in self._open:
                track.appearance = None
        due = self._last_look is None or frame.index - self._last_look >= self._interval
        if due or change is not Change.NONE:
            self._look_up_to(frame, check_appearance=change is Change.JOLT)
            return
        self._kept.append(frame)
        while sum(f.image.nbytes for f in self._kept) > _KEPT_IMAGES_BYTES and len(self._kept) > 1:
            self._kept.pop(0)

    def _look_at_kept_end(self) -> None:
        """Look at the newest frame that was passed over, if there is one."""
        if self._kept:
            self._look_up_to(self._kept.pop(), check_appearance=False)

    def _look_up_to(self, frame: _Frame, *, check_appearance: bool) -> None:
        """Look at a frame and, where it raises a doubt, first at those since the last look."""
        look = self._look(frame)
        if self._kept and self._needs_looking_back(look, frame, check_appearance):
            for earlier in self._kept:
                self._commit(earlier, self._look(earlier), check_appearance=False)
        self._kept.clear()
        self._commit(frame, look, check_appearance=check_appearance)

    def _look(self, frame: _Frame) -> _Look:
        self._n_looks += 1
        found = self._detector.detect(frame.image)
        return _Look(found, [describe_head(frame.image, box) for box in found.boxes])

    def _match(self, look: _Look, frame: _Frame, check_appearance: bool) -> Match:
        self._open = [t for t in self._open if not (t.missed and frame.t_s - t.t_s[-1] > self._max_gap_s)]
        return match(
            self._open,
            look.found.boxes,
            t_s=frame.t_s,
            appearances=look.appearances,
            check_appearance=check_appearance,
        )

    def _needs_looking_back(self, look: _Look, frame: _Frame, check_appearance: bool) -> bool:
        matched = self._match(look, frame, check_appearance)
        present = [t for t in self._open if not t.missed]
        lost = len(present) > sum(not self._open[i].missed for i, _ in matched.pairs)
        refound = any(self._open[i].missed for i, _ in matched.pairs)
        new = len(look.found) > len(matched.pairs)
        fast = any(d > _FAST for d in matched.deviations)
        doubt_is_old = self._doubt_since_s is not None and frame.t_s - self._doubt_since_s > _PATIENCE_S
        near = near_each_other(look.found.boxes) and not doubt_is_old
        return lost or refound or new or fast or near

    def _commit(self, frame: _Frame, look: _Look, *, check_appearance: bool) -> None:
        """Add a look's detections to the tracks, and decide when to look next."""
        found = look.found
        matched = self._match(look, frame, check_appearance)
        crowded = near_each_other(found.boxes)
        of_detection = {j: self._open[i] for i, j in matched.pairs}
        lost = False
        for i, track in enumerate(self._open):
            if i not in {pair[0] for pair in matched.pairs}:
                lost = lost or not track.missed
                track.missed = True
        event = lost
        for j in range(len(found)):
            if j in of_detection:
                track = of_detection[j]
            else:
                track = OpenTrack(track=len(self._all), shot=self._shot)
                self._all.append(track)
                self._open.append(track)
            event = event or track.missed or not track.frames
            track.frames.append(frame.index)
            track.t_s.append(frame.t_s)
            track.boxes.append(found.boxes[j])
            track.scores.append(float(found.scores[j]))
            track.landmarks.append(found.landmarks[j])
            track.missed_before.append(track.missed)
            track.missed = False
            if track.appearance is None:
                track.appearance = look.appearances[j]
            elif (seen := look.appearances[j]) is not None and not crowded:
                track.appearance = _APPEARANCE_MEMORY * track.appearance + (1 - _APPEARANCE_MEMORY) * seen

        doubt = (
            event
            or crowded
            or any(t.missed for t in self._open)
            or any(d > _FAST for d in matched.deviations)
            or bool((found.scores < _LOW_SCORE).any())
        )
        self._last_look = frame.index
        self._plan_next(frame.t_s, event=event, doubt=doubt)

    def _plan_next(self, t_s: float, *, event: bool, doubt: bool) -> None:
        """Set the number of sampled frames until the next look."""
        if not doubt:
            self._doubt_since_s = None
            # A scene without a face is not a stable one: somebody may come in.
            self._stable_looks = self._stable_looks + 1 if self._open else 0
            self._interval = self._every_stable if self._stable_looks >= _STABLE_LOOKS else self._every
            return
        self._stable_looks = 0
        if event or self._doubt_since_s is None:
            self._doubt_since_s = t_s
        self._interval = 1 if t_s - self._doubt_since_s <= _PATIENCE_S else self._every

    def _end_shot(self) -> None:
        """Close all tracks; the last frame of the shot has been looked at."""
        self._open = []
        self._stable_looks = 0
        self._doubt_since_s = None
        self._interval = 1


def _constant_tracks(
    whole: Detections, frames: NDArray[np.int32], times: NDArray[np.float64]
) -> list[OpenTrack]:
    """One track whose box is the same on every frame."""
    n = len(frames)
    return [
        OpenTrack(
            track=0,
            shot=0,
            frames=[int(f) for f in frames],
            t_s=[float(t) for t in times],
            boxes=[whole.boxes[0]] * n,
            scores=[float(whole.scores[0])] * n,
            landmarks=[whole.landmarks[0]] * n,
            missed_before=[False] * n,
        )
    ]
