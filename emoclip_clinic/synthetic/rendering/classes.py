"""Classes of clips: what happens in them, which are for training and which are held out for tests."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from emoclip_clinic.synthetic.rendering.expressions import (
    BEHAVIOURS,
    COMPOUNDS,
    EMOTIONS,
    HELD_OUT_COMPOUNDS,
    HELD_OUT_ORDERS,
    LIKENESSES,
    MOVEMENTS,
    Parts,
    Profile,
    blend,
    forbidden,
)

__all__ = ["CLASS_SETS", "ClassSet", "ClipClass", "class_set", "draw_training_class"]

Kind = Literal["movement", "emotion", "compound", "likeness", "order", "behaviour"]

_MOUTHS = frozenset(
    {"smile", "corners_down", "pucker", "lip_stretch", "lip_press", "jaw_drop", "tongue_show"}
)
_OPPOSITES = (
    frozenset({"smile", "corners_down"}),
    frozenset({"pucker", "lip_stretch"}),
    frozenset({"pucker", "smile"}),
    frozenset({"lip_press", "jaw_drop"}),
    frozenset({"lip_press", "lips_part"}),
    frozenset({"lip_press", "tongue_show"}),
    frozenset({"lip_press", "upper_lip_raise"}),
    frozenset({"chin_raise", "jaw_drop"}),
    frozenset({"chin_raise", "tongue_show"}),
    frozenset({"chin_raise", "lips_part"}),
    frozenset({"pucker", "tongue_show"}),
    frozenset({"pucker", "upper_lip_raise"}),
    frozenset({"eyes_close", "wide_eyes"}),
    frozenset({"eyes_close", "squint"}),
    frozenset({"wide_eyes", "squint"}),
    frozenset({"wide_eyes", "cheek_raise"}),
    frozenset({"brow_raise", "brow_lower"}),
    frozenset({"brow_raise", "inner_brow_raise"}),
    frozenset({"brow_raise", "outer_brow_raise"}),
    frozenset({"dimple_left", "dimple_right"}),
    frozenset({"jaw_drop", "lips_part"}),
    frozenset({"head_left", "head_right"}),
    frozenset({"head_up", "head_down"}),
    frozenset({"head_tilt_left", "head_tilt_right"}),
    frozenset({"gaze_left", "gaze_right"}),
    frozenset({"gaze_up", "gaze_down"}),
    *(frozenset({"eyes_close", gaze}) for gaze in ("gaze_left", "gaze_right", "gaze_up", "gaze_down")),
)


@dataclass(frozen=True)
class ClipClass:
    """What a clip of a class shows.

    Attributes
    ----------
    name : str
        The class; the clip's label.
    kind : str
        ``movement``, ``emotion``, ``compound``, ``likeness`` (a held-out name), ``order`` or ``behaviour``.
    forms : tuple of mapping
        Combinations of movements, any of which may be drawn.
    profile : str or None
        Course in time; None draws one for each clip.
    behaviour : str
        One of :data:`BEHAVIOURS`.
    emotions : tuple of str
        Emotions that a caption may name.
    """

    name: str
    kind: Kind
    forms: tuple[Parts, ...]
    profile: Profile | None = None
    behaviour: str = "usual"
    emotions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassSet:
    """Classes of one question.

    Attributes
    ----------
    name : str
        The question.
    train, held_out : tuple of ClipClass
        Classes that training clips may come from, and those for tests only.
    """

    name: str
    train: tuple[ClipClass, ...]
    held_out: tuple[ClipClass, ...]


def class_set(name: str) -> ClassSet:
    """A set of classes by name.

    Parameters
    ----------
    name : str
        One of :data:`CLASS_SETS`: ``movements``, ``emotions``, ``likenesses`` (pairs of movements that
        training never shows together, under names that it never uses), ``compounds``, ``order`` (onset
        against offset) or ``behaviours``.

    Returns
    -------
    ClassSet
        The set.

    Raises
    ------
    KeyError
        If there is no such set.
    """
    return _sets()[name]


CLASS_SETS: tuple[str, ...] = ("movements", "emotions", "likenesses", "compounds", "order", "behaviours")
"""Names of the sets of classes."""


@lru_cache(maxsize=1)
def _sets() -> dict[str, ClassSet]:
    movements = tuple(_movement({name: 1.0}) for name in MOVEMENTS)
    emotions = tuple(ClipClass(name, "emotion", forms, emotions=(name,)) for name, forms in EMOTIONS.items())
    compounds = {name: _compound(name) for name in COMPOUNDS}
    orders = [order_class(name, profile) for name in MOVEMENTS for profile in ("appears", "fades")]
    held = set(HELD_OUT_ORDERS)
    return {
        "movements": ClassSet("movements", movements, ()),
        "emotions": ClassSet("emotions", emotions, ()),
        "likenesses": ClassSet(
            "likenesses", (), tuple(ClipClass(name, "likeness", forms) for name, forms in LIKENESSES.items())
        ),
        "compounds": ClassSet(
            "compounds",
            tuple(one for name, one in compounds.items() if name not in HELD_OUT_COMPOUNDS),
            tuple(compounds[name] for name in HELD_OUT_COMPOUNDS),
        ),
        "order": ClassSet(
            "order",
            tuple(one for one in orders if not set(one.forms[0]) & held),
            tuple(one for one in orders if set(one.forms[0]) & held),
        ),
        "behaviours": ClassSet(
            "behaviours",
            tuple(
                ClipClass(name, "behaviour", _emotion_forms(), behaviour=name)
                for name in BEHAVIOURS
                if name != "usual"
            ),
            (),
        ),
    }


def order_class(movement: str, profile: Profile) -> ClipClass:
    """A movement that only appears or only fades.

    Parameters
    ----------
    movement : str
        One of the movements.
    profile : {"appears", "fades"}
        The course in time.

    Returns
    -------
    ClipClass
        Named as ``smile appears``.
    """
    name = f"{movement.replace('_', ' ')} {profile}"
    return ClipClass(name, "order", ({movement: 1.0},), profile=profile)


def draw_training_class(
    rng: np.random.Generator, *, kinds: Iterable[Kind] | None = None, most_movements: int = 3
) -> ClipClass:
    """Draw what a training clip shows; never anything that is held out.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    kinds : iterable of str, optional
        Kinds to draw from; by default half of the clips are free combinations of movements, and the rest
        emotions, compounds, orders and behaviours.
    most_movements : int
        Most movements of a free combination.

    Returns
    -------
    ClipClass
        The class.
    """
    weights: dict[Kind, float] = {
        "movement": 0.5,
        "emotion": 0.22,
        "compound": 0.10,
        "order": 0.10,
        "behaviour": 0.08,
    }
    allowed = [kind for kind in weights if kinds is None or kind in set(kinds)]
    if not allowed:
        raise ValueError(f"kinds must name some of {', '.join(weights)}.")
    odds = np.array([weights[kind] for kind in allowed])
    kind = allowed[int(rng.choice(len(allowed), p=odds / odds.sum()))]
    if kind == "movement":
        return _movement(_free_combination(rng, most_movements))
    classes = _sets()[
        {"emotion": "emotions", "compound": "compounds", "order": "order", "behaviour": "behaviours"}[kind]
    ].train
    return classes[int(rng.integers(len(classes)))]


def _free_combination(rng: np.random.Generator, most: int) -> dict[str, float]:
    """One to `most` movements that go together and are not held out."""
    names = list(MOVEMENTS)
    while True:
        n = int(rng.integers(1, most + 1))
        chosen = [names[k] for k in rng.choice(len(names), n, replace=False)]
        parts = {name: float(rng.uniform(0.75, 1.0)) for name in chosen}
        clash = any(pair <= set(chosen) for pair in _OPPOSITES)
        if not clash and len(_MOUTHS & set(chosen)) < 3 and not forbidden(parts):
            return parts


def _movement(parts: Parts) -> ClipClass:
    return ClipClass(" + ".join(name.replace("_", " ") for name in parts), "movement", (parts,))


def _compound(name: str) -> ClipClass:
    first, second = COMPOUNDS[name]
    pairs = [blend(a, b) for a in EMOTIONS[first] for b in EMOTIONS[second]]
    if name not in HELD_OUT_COMPOUNDS:
        pairs = [parts for parts in pairs if not forbidden(parts)]
    # Some compounds ask for opposite movements in all forms: then the stronger one wins where they clash.
    gentle = [parts for parts in pairs if not any(pair <= set(parts) for pair in _OPPOSITES)]
    forms = tuple(gentle or pairs)
    return ClipClass(name, "compound", forms, emotions=(first, second))


def _emotion_forms() -> tuple[Parts, ...]:
    return tuple(parts for name, forms in EMOTIONS.items() if name != "neutral" for parts in forms)
