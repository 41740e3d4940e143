"""How a person with given symptoms behaves in an interview: movements, talk, head and gaze over time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from emoclip_clinic.synthetic.rendering import (
    ACTION_UNITS,
    EMOTIONS,
    ExpressionTrack,
    PoseTrack,
    Timing,
    blinks,
    smooth_noise,
    talking,
)
from emoclip_clinic.synthetic.rendering.expressions import unit_strengths

__all__ = ["Behaviour", "behave", "behaviour_of", "listen"]

_TURN_S = 7.0  # about how long one person talks before the other does
_EXPRESSIONS = (
    "happiness",
    "happiness",
    "surprise",
    "sadness",
    "anger",
)  # happiness twice: people smile most


@dataclass(frozen=True)
class Behaviour:
    """What of a person's symptoms can be seen.

    Attributes
    ----------
    expressions_per_minute : float
        Expressions that come and go.
    amplitude : float
        How far they go, 0 to 1.
    onset_s : float
        How long they take to come, and to go.
    talk_strength : float
        How far the mouth moves in talk, 0 to 1.
    talk_share : float
        Share of the person's own turns that is filled with talk, 0 to 1.
    averted_share : float
        Share of the time with the gaze turned away.
    tension : float
        Lowered brows and tightened lids, 0 to 1.
    blinks_per_minute : float
        Blinks.
    head_speed_hz, head_swing_deg : float
        Speed and extent of head movement.
    """

    expressions_per_minute: float
    amplitude: float
    onset_s: float
    talk_strength: float
    talk_share: float
    averted_share: float
    tension: float
    blinks_per_minute: float
    head_speed_hz: float
    head_swing_deg: float


def behaviour_of(latents: Mapping[str, float], *, rng: np.random.Generator) -> Behaviour:
    """Turn latent symptoms into behaviour, each with noise of its own.

    Parameters
    ----------
    latents : mapping of str to float
        The facial latents ``blunting``, ``slowing``, ``gaze_avoidance`` and ``anxiety``, standard normal.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    Behaviour
        Blunting lowers number and extent of expressions, slowing lengthens onsets and slows talk and head,
        gaze avoidance turns the eyes away, anxiety tenses brows and lids and makes blinks frequent.
    """

    def level(name: str) -> float:
        return float(ndtr(latents[name] + rng.normal(0, 0.15)))

    blunting, slowing, avoidance, anxiety = (
        level(name) for name in ("blunting", "slowing", "gaze_avoidance", "anxiety")
    )
    return Behaviour(
        expressions_per_minute=24 * (1 - 0.85 * blunting),
        amplitude=0.95 - 0.85 * blunting,
        onset_s=0.25 + 1.6 * slowing,
        talk_strength=0.85 - 0.35 * blunting - 0.25 * slowing,
        talk_share=0.95 - 0.7 * slowing,
        averted_share=0.04 + 0.8 * avoidance,
        tension=0.9 * anxiety,
        blinks_per_minute=6 + 36 * anxiety,
        head_speed_hz=0.25 - 0.18 * slowing,
        head_swing_deg=7 - 4 * slowing,
    )


def behave(
    behaviour: Behaviour, t_s: NDArray[np.float64], *, rng: np.random.Generator
) -> tuple[ExpressionTrack, PoseTrack]:
    """Draw what a participant does.

    Parameters
    ----------
    behaviour : Behaviour
        The person's.
    t_s : ndarray of shape (T,)
        Times of the frames, in seconds.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    expressions, pose
        Tracks of T frames.
    """
    n = len(t_s)
    speaks = _turns(t_s, first=True) * (
        smooth_noise(rng, t_s, rate_hz=0.35) < 1.9 * behaviour.talk_share - 0.95
    )
    speech = talking(rng, t_s, strength=behaviour.talk_strength)
    track = ExpressionTrack(speech.values * _soft(speaks)[:, None].astype(np.float32))
    for timing, strength, name in _events(behaviour, t_s, rng):
        forms = EMOTIONS[name]
        units = unit_strengths(forms[int(rng.integers(len(forms)))])
        curve = timing.curve(t_s) * strength
        moved = {unit: curve * share for unit, share in units.items() if unit in ACTION_UNITS}
        track = track.with_(ExpressionTrack.of(moved, n_frames=n))
    tone = behaviour.tension * (0.75 + 0.25 * smooth_noise(rng, t_s, rate_hz=0.2))
    track = track.with_(
        ExpressionTrack.of(
            {
                "brow_lower": 0.8 * tone,
                "lid_tighten": 0.8 * tone,
                "lip_press": 0.5 * tone * (1 - _soft(speaks)),
                "eyes_closed": blinks(rng, t_s, per_minute=behaviour.blinks_per_minute),
            },
            n_frames=n,
        )
    )
    averted = _averted(behaviour.averted_share, t_s, rng)
    side = math.copysign(0.7, rng.normal())
    swing, hz = behaviour.head_swing_deg, behaviour.head_speed_hz
    still = PoseTrack.still(n)
    pose = PoseTrack(
        yaw_deg=_f32(swing * smooth_noise(rng, t_s, rate_hz=hz) + 5 * side * averted),
        pitch_deg=_f32(0.6 * swing * smooth_noise(rng, t_s, rate_hz=hz) - 5 * averted),
        roll_deg=_f32(0.4 * swing * smooth_noise(rng, t_s, rate_hz=hz)),
        gaze_x=_f32(0.12 * smooth_noise(rng, t_s, rate_hz=0.4) + side * averted),
        gaze_y=_f32(0.10 * smooth_noise(rng, t_s, rate_hz=0.4) - 0.6 * averted),
        shift_x=_f32(0.04 * smooth_noise(rng, t_s, rate_hz=0.1)),
        shift_y=_f32(0.02 * smooth_noise(rng, t_s, rate_hz=0.1)),
        scale=still.scale,
    )
    return track, pose


def listen(
    t_s: NDArray[np.float64], *, rng: np.random.Generator, present: NDArray[np.float64]
) -> tuple[ExpressionTrack, PoseTrack]:
    """Draw what an interviewer does: talks while the participant listens, and may enter and leave.

    Parameters
    ----------
    t_s : ndarray of shape (T,)
        Times of the frames, in seconds.
    rng : numpy.random.Generator
        Source of randomness.
    present : ndarray of shape (T,)
        1 while in the picture, 0 outside, between while entering and leaving at the right side.

    Returns
    -------
    expressions, pose
        Tracks of T frames.
    """
    n = len(t_s)
    speech = talking(rng, t_s, strength=0.6)
    track = ExpressionTrack(speech.values * _soft(_turns(t_s, first=False))[:, None].astype(np.float32))
    track = track.with_(ExpressionTrack.of({"eyes_closed": blinks(rng, t_s)}, n_frames=n))
    still = PoseTrack.still(n, yaw_deg=_f32(-18 + 4 * smooth_noise(rng, t_s, rate_hz=0.15)), gaze_x=-0.3)
    away = _f32(2.5 * (1 - present))
    return track, PoseTrack(
        **{name: getattr(still, name) for name in ("yaw_deg", "pitch_deg", "roll_deg", "gaze_x", "gaze_y")},
        shift_x=away,
        shift_y=still.shift_y,
        scale=still.scale,
    )


def _events(
    behaviour: Behaviour, t_s: NDArray[np.float64], rng: np.random.Generator
) -> list[tuple[Timing, float, str]]:
    """When which expression comes, how strong; evenly spread with jitter, so that short videos hold some."""
    length_s = float(t_s[-1] - t_s[0]) if len(t_s) > 1 else 0.0
    n = rng.poisson(behaviour.expressions_per_minute * length_s / 60)
    starts = t_s[0] + (np.arange(n) + rng.uniform(0, 1, n)) / max(1, n) * length_s
    return [
        (
            Timing(float(start), behaviour.onset_s, float(rng.uniform(0.4, 1.2)), behaviour.onset_s),
            behaviour.amplitude * float(rng.uniform(0.8, 1.0)),
            str(rng.choice(_EXPRESSIONS)),
        )
        for start in starts
    ]


def _turns(t_s: NDArray[np.float64], *, first: bool) -> NDArray[np.float64]:
    """1 in a person's own turns: the participant begins."""
    even = np.floor(t_s / _TURN_S) % 2 == 0
    return np.asarray(even if first else ~even, np.float64)


def _soft(on: NDArray[np.float64]) -> NDArray[np.float64]:
    """Soften switches over three frames."""
    padded = np.pad(on.astype(np.float64), 1, mode="edge")
    soft: NDArray[np.float64] = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return soft


def _averted(share: float, t_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """How far the gaze is turned away, 0 to 1: a slow wandering above the threshold that gives the share."""
    wander = smooth_noise(rng, t_s, rate_hz=0.3)
    threshold = np.quantile(wander, 1 - share)
    return np.asarray(np.clip((wander - threshold) / 0.15 + 0.5, 0, 1), np.float64)


def _f32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)
