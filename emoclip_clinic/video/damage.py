"""Decide which decoded frames can be trusted after damage, and keep count of what could not be used."""

from collections.abc import Callable

__all__ = ["RECOVERY_S", "DamageLog"]

RECOVERY_S = 2.0
"""Longest time in seconds for which frames after damage are held back while no key frame comes."""

_MAX_STEP_S = 0.2

_CAUSES = {
    "read": ("place in the file could not be read", "places in the file could not be read"),
    "decode": ("packet could not be decoded", "packets could not be decoded"),
    "flagged": ("frame was damaged", "frames were damaged"),
    "after": (
        f"frame between damage and the next key frame (or {RECOVERY_S:g} s) was not used",
        f"frames between damage and the next key frame (or {RECOVERY_S:g} s) were not used",
    ),
    "no-time": ("frame without a timestamp was skipped", "frames without a timestamp were skipped"),
    "order": (
        "frame whose timestamp does not rise was skipped",
        "frames whose timestamps do not rise were skipped",
    ),
    "size": ("change of picture size; pictures were scaled to the first size",) * 2,
}
_LEAVES_GAP = ("read", "decode", "flagged", "after", "no-time")


class DamageLog:
    """Counts by cause with the time of the first, and the gate that frames after damage must pass.

    A decoder goes on after damage and fills what it lacks from other pictures; such frames look smeared until
    the next key frame, and FFmpeg mostly does not mark them. They are held back until a key frame comes, or
    for `RECOVERY_S` where key frames are rare, so that a long recording is not lost to one bad packet.

    Parameters
    ----------
    to_s : callable
        Turns a timestamp in ticks into seconds.
    """

    def __init__(self, to_s: Callable[[int], float]) -> None:
        self._to_s = to_s
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._damaged_at: int | None = None
        self._held_pts: int | None = None
        self._held_s = 0.0
        self._intact_to: int | None = None
        self._lost_without_time = False
        self._lost_at: int | None = None

    def add(self, cause: str, *, pts: int | None = None, detail: str = "") -> None:
        """Count one event; remember the time and detail of the first of its kind."""
        self._counts[cause] = self._counts.get(cause, 0) + 1
        if cause in _LEAVES_GAP and pts is None:
            self._lost_without_time = True
        elif cause in _LEAVES_GAP and pts is not None:
            self._lost_at = pts if self._lost_at is None else max(self._lost_at, pts)
        if cause not in self._first:
            time = "" if pts is None else f"first near {self._to_s(pts):.3f} s"
            self._first[cause] = ": ".join(part for part in (time, detail) if part)

    def distrust_from(self, pts: int | None, *, intact_to: int | None = None) -> None:
        """Hold back frames until a key frame later than `pts`.

        Parameters
        ----------
        pts : int or None
            Timestamp of the damage in ticks; None if unknown, which holds back nothing.
        intact_to : int, optional
            Frames up to this timestamp were read before the damage and are not held back. By default all that
            come are, because a decoder that meets damage may still hold frames that refer to it.
        """
        if pts is not None:
            self._damaged_at = pts if self._damaged_at is None else max(self._damaged_at, pts)
            self._held_pts, self._held_s = None, 0.0
            self._intact_to = intact_to

    def trusts(self, pts: int, *, is_key: bool) -> bool:
        """Whether a frame, in the order of presentation, can be used."""
        if self._damaged_at is None or (self._intact_to is not None and pts <= self._intact_to):
            return True
        if self._held_pts is not None:
            # Pictures heal what is smeared, not time that passes in a hole.
            self._held_s += min(self._to_s(pts) - self._to_s(self._held_pts), _MAX_STEP_S)
        self._held_pts = pts
        if self._held_s >= RECOVERY_S or (is_key and pts > self._damaged_at):
            self._damaged_at = None
            return True
        self.add("after", pts=pts)
        return False

    def take_gap(self, pts: int) -> bool:
        """Whether something was lost before this frame and after the frame that was asked about before it."""
        gap = self._lost_without_time or (self._lost_at is not None and pts > self._lost_at)
        if gap:
            self._lost_without_time, self._lost_at = False, None
        return gap

    def sentences(self) -> list[str]:
        """What happened, one sentence per cause."""
        return [
            f"{count} {_CAUSES[cause][count > 1]}"
            + (f" ({self._first[cause]})" if self._first[cause] else "")
            for cause, count in self._counts.items()
        ]
