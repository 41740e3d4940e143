"""Movements over time: curves of onset, apex and offset, blinks, talking, head and gaze."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.action_units import ACTION_UNITS, unit_index

__all__ = ["ExpressionTrack", "PoseTrack", "Timing", "attributes", "blinks", "smooth_noise", "talking"]

Floats = NDArray[np.float32]
HEAD_UNIT_DEG = 45.0


@dataclass(frozen=True)
class Timing:
    """When a movement comes, stays and goes, in seconds.

    Attributes
    ----------
    start_s : float
        Beginning of the onset; may be before the first frame.
    onset_s, apex_s, offset_s : float
        Length of onset, apex and offset. A length of 0 is a jump; ``inf`` for the apex is "until the end".
    """

    start_s: float
    onset_s: float
    apex_s: float
    offset_s: float

    def curve(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Strength at given times.

        Parameters
        ----------
        t_s : ndarray of shape (T,)
            Times in seconds.

        Returns
        -------
        ndarray of shape (T,)
            0 before the onset; ``x^2 (3 - 2 x)`` over the share ``x`` of the onset; 1 in the apex; the mirror
            image over the offset; 0 afterwards.
        """
        rise = _ramp(t_s - self.start_s, self.onset_s)
        fall = _ramp(t_s - (self.start_s + self.onset_s + self.apex_s), self.offset_s)
        return _smoothstep(rise) - _smoothstep(fall)


@dataclass(frozen=True)
class ExpressionTrack:
    """Action units over time.

    Attributes
    ----------
    values : ndarray of shape (T, len(ACTION_UNITS)), float32
        0 to 1.
    """

    values: Floats

    @classmethod
    def neutral(cls, n_frames: int) -> Self:
        """A face at rest.

        Parameters
        ----------
        n_frames : int
            Number of frames.

        Returns
        -------
        ExpressionTrack
            All units at 0.
        """
        return cls(np.zeros((n_frames, len(ACTION_UNITS)), np.float32))

    @classmethod
    def of(cls, units: Mapping[str, float | NDArray[np.floating]], *, n_frames: int) -> Self:
        """A track from units by name.

        Parameters
        ----------
        units : mapping of str to float or ndarray of shape (T,)
            Strength of some units, 0 to 1, constant or by frame.
        n_frames : int
            Number of frames.

        Returns
        -------
        ExpressionTrack
            The others at 0; values beyond the range are cut.
        """
        values = np.zeros((n_frames, len(ACTION_UNITS)), np.float32)
        for name, strength in units.items():
            values[:, unit_index(name)] = strength
        return cls(np.clip(values, 0.0, 1.0))

    def with_(self, other: "ExpressionTrack") -> "ExpressionTrack":
        """Two tracks at once: for each unit and frame the stronger one.

        Parameters
        ----------
        other : ExpressionTrack
            Of the same number of frames.

        Returns
        -------
        ExpressionTrack
            The union.
        """
        return ExpressionTrack(np.maximum(self.values, other.values))

    def unit(self, name: str) -> Floats:
        """One unit over time.

        Parameters
        ----------
        name : str
            One of :data:`ACTION_UNITS`.

        Returns
        -------
        ndarray of shape (T,), float32
            Its strength.
        """
        return self.values[:, unit_index(name)]


@dataclass(frozen=True)
class PoseTrack:
    """Head and gaze over time.

    Attributes
    ----------
    yaw_deg, pitch_deg, roll_deg : ndarray of shape (T,), float32
        Head, -45 to 45 degrees: yaw positive to the right of the picture, pitch upwards, roll clockwise.
    gaze_x, gaze_y : ndarray of shape (T,), float32
        Eyes within the head, -1 to 1: x positive to the right of the picture, y upwards.
    shift_x, shift_y, scale : ndarray of shape (T,), float32
        Place of the head relative to its framing, in units of the face's height, and its relative size.
    """

    yaw_deg: Floats
    pitch_deg: Floats
    roll_deg: Floats
    gaze_x: Floats
    gaze_y: Floats
    shift_x: Floats
    shift_y: Floats
    scale: Floats

    @classmethod
    def still(
        cls,
        n_frames: int,
        *,
        yaw_deg: float | Floats = 0.0,
        pitch_deg: float | Floats = 0.0,
        roll_deg: float | Floats = 0.0,
        gaze_x: float | Floats = 0.0,
        gaze_y: float | Floats = 0.0,
    ) -> Self:
        """A pose given by constants or by frame, in the middle of its framing.

        Parameters
        ----------
        n_frames : int
            Number of frames.
        yaw_deg, pitch_deg, roll_deg, gaze_x, gaze_y : float or ndarray of shape (T,)
            As in the class.

        Returns
        -------
        PoseTrack
            The pose.
        """
        rest = np.zeros(n_frames, np.float32)
        yaw, pitch, roll, eyes_x, eyes_y = (
            rest + np.asarray(v, np.float32) for v in (yaw_deg, pitch_deg, roll_deg, gaze_x, gaze_y)
        )
        return cls(yaw, pitch, roll, eyes_x, eyes_y, shift_x=rest, shift_y=rest, scale=rest + 1)


def attributes(expressions: ExpressionTrack, pose: PoseTrack) -> Floats:
    """Numbers of each frame in the order of :data:`ATTRIBUTES`.

    Parameters
    ----------
    expressions : ExpressionTrack
        Movements.
    pose : PoseTrack
        Head and gaze, of the same number of frames.

    Returns
    -------
    ndarray of shape (T, len(ATTRIBUTES)), float32
        Units from 0 to 1, head and gaze from -1 to 1.
    """
    head = np.stack([pose.yaw_deg, pose.pitch_deg, pose.roll_deg], axis=1) / HEAD_UNIT_DEG
    gaze = np.stack([pose.gaze_x, pose.gaze_y], axis=1)
    return np.concatenate([expressions.values, np.clip(head, -1, 1), gaze], axis=1, dtype=np.float32)


def smooth_noise(
    rng: np.random.Generator, t_s: NDArray[np.float64], *, rate_hz: float
) -> NDArray[np.float64]:
    """A slow random wandering: three sine waves of random phase and speed.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    t_s : ndarray of shape (T,)
        Times in seconds.
    rate_hz : float
        About how many swings there are in a second.

    Returns
    -------
    ndarray of shape (T,)
        Values with a mean square of about 1/2, within -1.5 to 1.5.
    """
    speed = 2 * np.pi * rate_hz * rng.uniform(0.4, 1.6, (3, 1))
    waves = np.sin(speed * t_s + rng.uniform(0, 2 * np.pi, (3, 1)))
    return np.asarray(waves.sum(axis=0) / np.sqrt(3.0) * 0.87, np.float64)


def blinks(
    rng: np.random.Generator, t_s: NDArray[np.float64], *, per_minute: float = 16.0
) -> NDArray[np.float64]:
    """Closing of the eyes by blinks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    t_s : ndarray of shape (T,)
        Times in seconds, rising.
    per_minute : float
        Mean number of blinks in a minute; they come independently of each other.

    Returns
    -------
    ndarray of shape (T,)
        0 open to 1 closed. A blink takes 0.3 s.
    """
    closed = np.zeros(len(t_s))
    if len(t_s) == 0 or per_minute <= 0:
        return closed
    length_s = float(t_s[-1] - t_s[0])
    for start_s in t_s[0] + rng.uniform(0, 1, rng.poisson(per_minute / 60 * length_s)) * length_s:
        closed = np.maximum(closed, Timing(start_s - 0.05, 0.10, 0.05, 0.15).curve(t_s))
    return closed


def talking(rng: np.random.Generator, t_s: NDArray[np.float64], *, strength: float) -> ExpressionTrack:
    """Mouth of a person who talks: syllables at 3 to 5 a second with pauses.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    t_s : ndarray of shape (T,)
        Times in seconds.
    strength : float
        How far the mouth moves, 0 to 1.

    Returns
    -------
    ExpressionTrack
        ``jaw_drop``, ``lips_part``, ``lip_pucker`` and ``lip_stretch``.
    """
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 5) * t_s + rng.uniform(0, 2 * np.pi))
    phrase = np.clip(0.6 + 0.8 * smooth_noise(rng, t_s, rate_hz=0.5), 0, 1)
    vowel = smooth_noise(rng, t_s, rate_hz=2.0)
    opening = strength * syllables * phrase
    return ExpressionTrack.of(
        {
            "jaw_drop": 0.45 * opening,
            "lips_part": 0.8 * opening,
            "lip_pucker": 0.35 * opening * np.clip(vowel, 0, 1),
            "lip_stretch": 0.35 * opening * np.clip(-vowel, 0, 1),
        },
        n_frames=len(t_s),
    )


def _ramp(t_s: NDArray[np.float64], length_s: float) -> NDArray[np.float64]:
    """Share of a stretch that has gone by, 0 to 1; a stretch of no length is a step."""
    if length_s <= 0:
        return (t_s >= 0).astype(np.float64)
    return np.clip(t_s / length_s, 0.0, 1.0)


def _smoothstep(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * x * (3.0 - 2.0 * x)
