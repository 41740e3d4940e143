"""Facial events as data: movements, emotions, compounds and clinical behaviours, and which are held out."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "BEHAVIOURS",
    "COMPOUNDS",
    "EMOTIONS",
    "EXPRESSIONS",
    "HELD_OUT_COMPOUNDS",
    "HELD_OUT_NAMES",
    "HELD_OUT_ORDERS",
    "HELD_OUT_PAIRS",
    "LIKENESSES",
    "MOVEMENTS",
    "Behaviour",
    "Parts",
    "Profile",
    "blend",
    "forbidden",
    "shows_held_out_order",
    "unit_strengths",
]

Parts = Mapping[str, float]
"""Movements by name with their strength, 0 to 1."""

Profile = Literal["pulse", "appears", "fades", "steady"]
"""Course in time: comes and goes; comes and stays; was there and goes; is there all the time."""


def _frozen(**parts: float) -> Parts:
    return MappingProxyType(parts)


MOVEMENTS: Mapping[str, Parts] = MappingProxyType(
    {
        "inner_brow_raise": _frozen(inner_brow_raise=1.0),
        "outer_brow_raise": _frozen(outer_brow_raise=1.0),
        "brow_raise": _frozen(inner_brow_raise=0.9, outer_brow_raise=1.0),
        "brow_lower": _frozen(brow_lower=1.0),
        "wide_eyes": _frozen(upper_lid_raise=1.0),
        "squint": _frozen(lid_tighten=1.0),
        "cheek_raise": _frozen(cheek_raise=1.0),
        "eyes_close": _frozen(eyes_closed=1.0),
        "nose_wrinkle": _frozen(nose_wrinkle=1.0),
        "upper_lip_raise": _frozen(upper_lip_raise=1.0, lips_part=0.4),
        "smile": _frozen(lip_corner_pull=1.0),
        "dimple_left": _frozen(dimple_left=1.0),
        "dimple_right": _frozen(dimple_right=1.0),
        "corners_down": _frozen(lip_corner_depress=1.0),
        "chin_raise": _frozen(chin_raise=1.0),
        "pucker": _frozen(lip_pucker=1.0),
        "lip_stretch": _frozen(lip_stretch=1.0),
        "lip_press": _frozen(lip_press=1.0),
        "lips_part": _frozen(lips_part=1.0),
        "jaw_drop": _frozen(jaw_drop=1.0, lips_part=0.5),
        "tongue_show": _frozen(tongue_show=1.0, jaw_drop=0.2),
        "head_left": _frozen(head_yaw=-0.6),
        "head_right": _frozen(head_yaw=0.6),
        "head_up": _frozen(head_pitch=0.45),
        "head_down": _frozen(head_pitch=-0.45),
        "head_tilt_left": _frozen(head_roll=-0.4),
        "head_tilt_right": _frozen(head_roll=0.4),
        "gaze_left": _frozen(gaze_x=-1.0),
        "gaze_right": _frozen(gaze_x=1.0),
        "gaze_up": _frozen(gaze_y=1.0),
        "gaze_down": _frozen(gaze_y=-1.0),
    }
)
"""Single movements, as strengths of the attributes that they change."""

EMOTIONS: Mapping[str, tuple[Parts, ...]] = MappingProxyType(
    {
        "happiness": (
            _frozen(smile=1.0, cheek_raise=0.8),
            _frozen(smile=0.9, cheek_raise=0.5),
            _frozen(smile=0.9, cheek_raise=0.7, lips_part=0.7),
        ),
        "sadness": (
            _frozen(inner_brow_raise=1.0, corners_down=0.9),
            _frozen(inner_brow_raise=0.8, corners_down=0.8, gaze_down=0.7),
            _frozen(inner_brow_raise=0.9, brow_lower=0.4, corners_down=0.8),
        ),
        "surprise": (
            _frozen(brow_raise=1.0, wide_eyes=0.8, jaw_drop=0.7),
            _frozen(brow_raise=1.0, jaw_drop=0.9),
            _frozen(brow_raise=0.9, wide_eyes=1.0, lips_part=0.8),
        ),
        "fear": (
            _frozen(brow_raise=0.8, brow_lower=0.5, wide_eyes=1.0, lip_stretch=0.9),
            _frozen(inner_brow_raise=0.9, wide_eyes=1.0, lip_stretch=0.8),
        ),
        "anger": (
            _frozen(brow_lower=1.0, squint=0.6, lip_press=0.9),
            _frozen(brow_lower=1.0, wide_eyes=0.6, lip_press=0.8),
            _frozen(brow_lower=1.0, squint=0.5, chin_raise=0.6),
        ),
        "disgust": (
            _frozen(nose_wrinkle=1.0, upper_lip_raise=0.8),
            _frozen(nose_wrinkle=0.9, upper_lip_raise=0.6, brow_lower=0.5),
            _frozen(nose_wrinkle=0.9, corners_down=0.5, chin_raise=0.4),
        ),
        "contempt": (
            _frozen(dimple_left=1.0),
            _frozen(dimple_right=1.0),
            _frozen(dimple_left=1.0, head_up=0.5),
            _frozen(dimple_right=1.0, head_up=0.5),
        ),
        "neutral": (_frozen(),),
    }
)
"""Emotions with several forms each, as strengths of movements."""

LIKENESSES: Mapping[str, tuple[Parts, ...]] = MappingProxyType(
    {
        "anxiety": (_frozen(inner_brow_raise=0.9, lip_press=0.9),),
        "helplessness": (_frozen(inner_brow_raise=1.0, chin_raise=0.9),),
        "disappointment": (_frozen(corners_down=0.9, head_down=0.8),),
        "disbelief": (_frozen(brow_lower=1.0, jaw_drop=0.9),),
        "glee": (_frozen(smile=0.9, wide_eyes=1.0),),
        "yawn": (_frozen(eyes_close=1.0, jaw_drop=1.0),),
        "kiss": (_frozen(eyes_close=1.0, pucker=1.0),),
        "mockery": (_frozen(tongue_show=1.0, nose_wrinkle=1.0),),
        "bewilderment": (_frozen(outer_brow_raise=1.0, pucker=0.9),),
        "strain": (_frozen(squint=1.0, lip_stretch=1.0),),
    }
)
"""States whose names no training caption has, each made of a pair of movements that no training clip has
together. The first three complete the eleven classes of MAFW; here they are drawn figures, no claim about how
people look."""

COMPOUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "happily surprised": ("happiness", "surprise"),
        "happily disgusted": ("happiness", "disgust"),
        "sadly fearful": ("sadness", "fear"),
        "sadly angry": ("sadness", "anger"),
        "sadly surprised": ("sadness", "surprise"),
        "sadly disgusted": ("sadness", "disgust"),
        "fearfully surprised": ("fear", "surprise"),
        "fearfully angry": ("fear", "anger"),
        "fearfully disgusted": ("fear", "disgust"),
        "angrily surprised": ("anger", "surprise"),
        "angrily disgusted": ("anger", "disgust"),
        "disgustedly surprised": ("disgust", "surprise"),
    }
)
"""Compounds of two emotions by name."""

HELD_OUT_COMPOUNDS: tuple[str, ...] = (
    "happily surprised",
    "sadly angry",
    "sadly disgusted",
    "fearfully angry",
    "angrily surprised",
)
"""Compounds of which no training clip or caption has the two emotions together."""

HELD_OUT_NAMES: tuple[str, ...] = tuple(LIKENESSES)
"""Names that no training caption has."""

HELD_OUT_PAIRS: tuple[frozenset[str], ...] = tuple(
    frozenset(parts) for forms in LIKENESSES.values() for parts in forms
)
"""Pairs of movements that no training clip has together."""

HELD_OUT_ORDERS: tuple[str, ...] = ("nose_wrinkle", "eyes_close", "pucker", "chin_raise")
"""Movements that training clips never show with only an onset or only an offset, alone or beside others."""


@dataclass(frozen=True)
class Behaviour:
    """How a person behaves over a whole clip.

    Attributes
    ----------
    amplitude : float
        Factor of the strength of all facial events.
    slowness : float
        Factor of the length of onsets and offsets.
    gaze_away : float
        How far the eyes stay off the camera, 0 to 1.
    head_motion : float
        Factor of the head's wandering.
    blinks_per_minute : float
        Mean rate.
    """

    amplitude: float = 1.0
    slowness: float = 1.0
    gaze_away: float = 0.0
    head_motion: float = 1.0
    blinks_per_minute: float = 16.0


BEHAVIOURS: Mapping[str, Behaviour] = MappingProxyType(
    {
        "usual": Behaviour(),
        "blunted affect": Behaviour(amplitude=0.22, head_motion=0.3, blinks_per_minute=8),
        "slowed movement": Behaviour(slowness=3.0, head_motion=0.4, blinks_per_minute=8),
        "reduced eye contact": Behaviour(gaze_away=1.0),
        "restlessness": Behaviour(head_motion=3.5, blinks_per_minute=50),
        "staring": Behaviour(head_motion=0.15, blinks_per_minute=0),
    }
)
"""Clinical facial behaviours by name; ``usual`` is none."""

EXPRESSIONS: Mapping[str, tuple[Parts, ...]] = MappingProxyType(
    {name: (_frozen(**{name: 1.0}),) for name in MOVEMENTS} | dict(EMOTIONS) | dict(LIKENESSES)
)
"""All named facial events with their forms, as strengths of movements."""


def unit_strengths(parts: Parts) -> dict[str, float]:
    """Attributes that a combination of movements changes.

    Parameters
    ----------
    parts : mapping of str to float
        Strength of movements by name.

    Returns
    -------
    dict of str to float
        Strength of attributes; of several movements that change one attribute the stronger counts.

    Raises
    ------
    KeyError
        If there is no such movement.
    """
    strengths: dict[str, float] = {}
    for movement, strength in parts.items():
        for unit, share in MOVEMENTS[movement].items():
            value = strength * share
            if abs(value) >= abs(strengths.get(unit, 0.0)):
                strengths[unit] = value
    return strengths


def blend(first: Parts, second: Parts, *, share: float = 0.5) -> dict[str, float]:
    """Two combinations of movements at once.

    Parameters
    ----------
    first, second : mapping of str to float
        Strength of movements by name.
    share : float
        Weight of the second, 0 to 1; at 0.5 both are nearly as strong as alone.

    Returns
    -------
    dict of str to float
        For each movement the stronger of both, each times ``min(1, 0.35 + 1.1 weight)``.
    """
    weights = min(1.0, 0.35 + 1.1 * (1 - share)), min(1.0, 0.35 + 1.1 * share)
    out: dict[str, float] = {}
    for parts, weight in zip((first, second), weights, strict=True):
        for movement, strength in parts.items():
            out[movement] = max(out.get(movement, 0.0), weight * strength)
    return out


def shows_held_out_order(parts: Parts) -> bool:
    """Whether the onset and the offset of one of the movements are kept for tests.

    Parameters
    ----------
    parts : mapping of str to float
        Movements by name.

    Returns
    -------
    bool
        True if a movement of :data:`HELD_OUT_ORDERS` is among them.
    """
    return any(name in HELD_OUT_ORDERS for name in parts)


def forbidden(parts: Parts) -> bool:
    """Whether a combination of movements is one that is kept for tests.

    Parameters
    ----------
    parts : mapping of str to float
        Movements by name.

    Returns
    -------
    bool
        True if a pair of :data:`HELD_OUT_PAIRS` is among them.
    """
    names = set(parts)
    if "brow_raise" in names:  # its two parts are in it
        names |= {"inner_brow_raise", "outer_brow_raise"}
    return any(pair <= names for pair in HELD_OUT_PAIRS)
