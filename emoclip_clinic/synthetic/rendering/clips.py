"""Draw a clip of a class: a person, a scene, movements in time, and captions that fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.action_units import ACTION_UNITS
from emoclip_clinic.synthetic.rendering.captions import STYLES, Style, caption
from emoclip_clinic.synthetic.rendering.classes import ClipClass, draw_training_class
from emoclip_clinic.synthetic.rendering.expressions import (
    BEHAVIOURS,
    Behaviour,
    Parts,
    Profile,
    shows_held_out_order,
    unit_strengths,
)
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.plan import ClipPlan
from emoclip_clinic.synthetic.rendering.renderer import render
from emoclip_clinic.synthetic.rendering.scene import Scene
from emoclip_clinic.synthetic.rendering.tracks import (
    ExpressionTrack,
    PoseTrack,
    Timing,
    attributes,
    blinks,
    smooth_noise,
    talking,
)

__all__ = ["Clip", "draw_clip", "draw_plan", "draw_tracks"]

_PROFILES: tuple[Profile, ...] = ("pulse", "appears", "fades", "steady")
_UNTOUCHED_BY_TALK = frozenset(
    {"lips_part", "jaw_drop", "tongue_show", "lip_press", "lip_pucker", "lip_stretch", "chin_raise"}
)


@dataclass(frozen=True)
class Clip:
    """Frames with all that is known about them.

    Attributes
    ----------
    frames : ndarray of shape (T, S, S, 3), uint8
        RGB face crops.
    attributes : ndarray of shape (T, len(ATTRIBUTES)), float32
        Movements, head and gaze of each frame, as drawn.
    labels : tuple of str
        The class, and the emotions or movements that it is made of.
    captions : tuple of str
        Sentences about the clip.
    source : str
        Key of the person; clips of one source belong to one side of a split.
    plan : ClipPlan
        What was drawn.
    """

    frames: NDArray[np.uint8]
    attributes: NDArray[np.float32]
    labels: tuple[str, ...]
    captions: tuple[str, ...]
    source: str
    plan: ClipPlan


def draw_clip(
    rng: np.random.Generator,
    *,
    identity: Identity,
    clip_class: ClipClass | None = None,
    n_frames: int = 16,
    fps: float = 8.0,
    size_px: int = 64,
    scene: Scene | None = None,
    n_captions: int = 4,
    styles: tuple[Style, ...] = STYLES,
) -> Clip:
    """Draw a clip with captions.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same clip.
    identity : Identity
        Who is seen.
    clip_class : ClipClass, optional
        What is seen; by default drawn by :func:`draw_training_class`.
    n_frames : int
        Number of frames T.
    fps : float
        Frames per second.
    size_px : int
        Side S of the pictures in pixels.
    scene : Scene, optional
        Light, backdrop, camera; by default drawn.
    n_captions : int
        Number of captions; styles take turns.
    styles : tuple of str
        Styles of the captions.

    Returns
    -------
    Clip
        Frames, attributes, labels and captions.
    """
    clip_class = clip_class or draw_training_class(rng)
    scene = scene or Scene.draw(rng)
    plan = draw_plan(rng, clip_class, identity=identity, scene=scene, seconds=n_frames / fps)
    expressions, pose = draw_tracks(rng, plan, n_frames=n_frames, fps=fps)
    parts = tuple(dict.fromkeys((*plan.clip_class.emotions, *plan.parts)))
    return Clip(
        frames=render(identity, expressions, pose, scene, size_px=size_px),
        attributes=attributes(expressions, pose),
        labels=(clip_class.name, *(name for name in parts if name != clip_class.name)),
        captions=tuple(caption(plan, rng, style=styles[k % len(styles)]) for k in range(n_captions)),
        source=identity.key,
        plan=plan,
    )


def draw_plan(
    rng: np.random.Generator, clip_class: ClipClass, *, identity: Identity, scene: Scene, seconds: float
) -> ClipPlan:
    """Settle what happens in a clip and when.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    clip_class : ClipClass
        What the clip shows.
    identity : Identity
        Who is seen.
    scene : Scene
        Where.
    seconds : float
        Length of the clip.

    Returns
    -------
    ClipPlan
        One form of the class, its course in time and its strength, and whether the person talks meanwhile.
    """
    parts: Parts = clip_class.forms[int(rng.integers(len(clip_class.forms)))]
    # What is asked about in tests of order comes and goes here, or stays.
    odds = [0.6, 0.0, 0.0, 0.4] if shows_held_out_order(parts) else [0.55, 0.15, 0.15, 0.15]
    profile = clip_class.profile or _PROFILES[int(rng.choice(4, p=odds))]
    behaviour = BEHAVIOURS[clip_class.behaviour]
    slight = clip_class.kind in ("movement", "emotion") and rng.random() < 0.15
    strength = float(rng.uniform(0.4, 0.55) if slight else rng.uniform(0.75, 1.0))
    mouth = _UNTOUCHED_BY_TALK & set(unit_strengths(parts))
    return ClipPlan(
        clip_class=clip_class,
        parts=parts,
        profile=profile,
        strength=strength,
        timing=_draw_timing(rng, profile, seconds, behaviour),
        talks=not mouth and bool(rng.random() < 0.25),
        identity=identity,
        scene=scene,
    )


def draw_tracks(
    rng: np.random.Generator, plan: ClipPlan, *, n_frames: int, fps: float
) -> tuple[ExpressionTrack, PoseTrack]:
    """Movements, head and gaze of each frame: what is planned, with blinks, talk and wandering on top.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    plan : ClipPlan
        What happens.
    n_frames : int
        Number of frames T.
    fps : float
        Frames per second.

    Returns
    -------
    expressions : ExpressionTrack
        Action units.
    pose : PoseTrack
        Head and gaze.
    """
    t_s = np.arange(n_frames) / fps
    behaviour = BEHAVIOURS[plan.clip_class.behaviour]
    curve = plan.timing.curve(t_s) * plan.strength * behaviour.amplitude
    strengths = unit_strengths(plan.parts)
    # Parts of an expression do not move as one piece.
    units = {
        name: value * curve * rng.uniform(0.92, 1.0)
        for name, value in strengths.items()
        if name in ACTION_UNITS
    }
    track = ExpressionTrack.of(units, n_frames=n_frames)
    if plan.talks:
        track = track.with_(
            talking(rng, t_s, strength=float(rng.uniform(0.3, 0.8)) * behaviour.amplitude**0.5)
        )
    blinking = blinks(rng, t_s, per_minute=behaviour.blinks_per_minute)
    track = track.with_(ExpressionTrack.of({"eyes_closed": blinking}, n_frames=n_frames))

    def wander(rate_hz: float, reach: float) -> NDArray[np.float64]:
        moved = (
            reach
            * behaviour.head_motion
            * smooth_noise(rng, t_s, rate_hz=rate_hz * behaviour.head_motion**0.5)
        )
        return moved + rng.normal(0, reach)

    # Where the eyes stay if they avoid the camera: to one side and mostly down.
    away = behaviour.gaze_away * rng.uniform(0.8, 1.0) * np.array([1 if rng.random() < 0.5 else -1, -0.6])
    head_deg = {
        name: 45 * strengths.get(name, 0.0) * curve for name in ("head_yaw", "head_pitch", "head_roll")
    }
    gaze = {name: strengths.get(name, 0.0) * curve for name in ("gaze_x", "gaze_y")}
    single = np.float32
    pose = PoseTrack(
        yaw_deg=np.clip(head_deg["head_yaw"] + wander(0.25, 4.0) + 8 * away[0], -42, 42).astype(single),
        pitch_deg=np.clip(head_deg["head_pitch"] + wander(0.3, 2.5), -30, 30).astype(single),
        roll_deg=np.clip(head_deg["head_roll"] + wander(0.2, 2.0), -30, 30).astype(single),
        gaze_x=np.clip(gaze["gaze_x"] + away[0] + 0.10 * smooth_noise(rng, t_s, rate_hz=0.8), -1, 1).astype(
            single
        ),
        gaze_y=np.clip(gaze["gaze_y"] + away[1] + 0.08 * smooth_noise(rng, t_s, rate_hz=0.8), -1, 1).astype(
            single
        ),
        shift_x=(0.008 * behaviour.head_motion * smooth_noise(rng, t_s, rate_hz=0.4)).astype(single),
        shift_y=(0.008 * behaviour.head_motion * smooth_noise(rng, t_s, rate_hz=0.4)).astype(single),
        scale=(1 + 0.01 * smooth_noise(rng, t_s, rate_hz=0.2)).astype(single),
    )
    return track, pose


def _draw_timing(rng: np.random.Generator, profile: Profile, seconds: float, behaviour: Behaviour) -> Timing:
    """Onset, apex and offset in shares of the clip."""
    slow = behaviour.slowness
    ramp = min(0.45, 0.5 * slow)
    if profile == "steady":
        return Timing(-1.0, 0.0, float("inf"), 0.0)
    if profile == "appears":
        start, onset = rng.uniform(0.12, 0.40), rng.uniform(0.12, 0.28) * min(slow, 1.9)
        return Timing(float(start * seconds), float(onset * seconds), float("inf"), 0.0)
    if profile == "fades":
        stays, offset = rng.uniform(0.20, 0.50), rng.uniform(0.12, 0.28) * min(slow, 1.9)
        return Timing(-1.0, 0.0, float(1.0 + stays * seconds), float(offset * seconds))
    start = rng.uniform(0.02, 0.22)
    onset, offset = np.minimum(rng.uniform(0.10, 0.22, 2) * slow, ramp)
    apex = rng.uniform(0.25, 0.45) / slow
    return Timing(*(float(v * seconds) for v in (start, onset, apex, offset)))
