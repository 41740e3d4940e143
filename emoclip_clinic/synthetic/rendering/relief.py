"""Nose, folds and wrinkles of a drawn face: where small movements show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.head import beard_colour
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.shapes import (
    FAINT,
    SIDES,
    Floats,
    Shape,
    Units,
    on_head,
    shade,
    strip,
)

__all__ = ["nose_shapes", "wrinkle_shapes"]

_CIRCLE = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_S = np.linspace(0.0, 1.0, 7)
_ACROSS = 2 * _S - 1
_TAPER = 0.25 + 0.75 * np.sin(np.pi * _S)


def nose_shapes(identity: Identity, units: Units, *, light_x: float) -> list[Shape]:
    """Nose with wings that rise.

    Parameters
    ----------
    identity : Identity
        Whose nose.
    units : Units
        Movements of T frames.
    light_x : float
        Where the light comes from, -1 left to 1 right: the other flank is dark.

    Returns
    -------
    list of Shape
        From back to front.
    """
    wrinkle, lip = units("nose_wrinkle"), units("upper_lip_raise")
    rise = 0.032 * wrinkle + 0.012 * lip
    half = identity.nose_width * (1 + 0.22 * wrinkle + 0.06 * lip + 0.08 * units("lip_corner_pull"))
    low = identity.eye_height + identity.nose_length
    tip, wing = low - 0.45 * rise, low + 0.010 - rise
    skin = identity.skin
    away = -1.0 if light_x > 0 else 1.0
    # The dark flank: root, cheek, wing, tip.
    flank_x = away * (np.array([0.020, 0.018, 0.0, 0.0]) + half * np.array([0.0, 0.0, 1.0, 0.3]))
    root = identity.eye_height - 0.03
    flank_y = np.concatenate([0 * wing + root, 0 * wing + 0.03, wing, tip + 0.02], axis=-1)
    flank = on_head(identity, flank_x, flank_y, lift=np.array([0.03, 0.07, 0.05, 0.13]))
    ridge_y = identity.eye_height + 0.01 + _S * (identity.nose_length - 0.03) - 0.4 * rise
    ridge = strip(-away * 0.004 + 0 * _S, ridge_y, width=0.014, normal=(1.0, 0.0))
    ball_x, ball_y = 0.58 * half * np.cos(_CIRCLE), tip - 0.012 + 0.036 * np.sin(_CIRCLE)
    u = np.linspace(-1, 1, 11)
    base_y = wing + 0.018 * (1 - np.abs(u) ** 1.5) + 0.4 * rise * (1 - u**2) - 0.028 * (np.abs(u) > 0.9)
    base = strip(half * u, base_y, width=0.006 + 0.003 * np.abs(u))
    hole_x, hole_y = SIDES * 0.50 * half + 0.017 * np.cos(_CIRCLE), wing + 0.012 + 0.009 * np.sin(_CIRCLE)
    return [
        Shape(flank, shade(skin, 0.84)),
        Shape(on_head(identity, *ridge, lift=0.08 + 0.05 * np.tile(_S, 2)), shade(skin, 1.07)),
        Shape(on_head(identity, ball_x, ball_y, lift=0.13), shade(skin, (1.02, 0.96, 0.95))),
        Shape(on_head(identity, *base, lift=0.07), shade(skin, 0.62)),
        Shape(on_head(identity, hole_x, hole_y, lift=0.10), shade(skin, 0.36)),
    ]


@dataclass(frozen=True)
class _Fold:
    """Lines in the skin: places (T or 1, K, P), strength (T, 1, 1), half thickness and its direction."""

    x: Floats
    y: Floats
    strength: Floats
    width: float = 0.010
    vertical: bool = False
    lift: float = 0.01


def wrinkle_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Folds that movements and age cut into the skin.

    Parameters
    ----------
    identity : Identity
        Whose face.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        Lines that fade with their strength.
    """
    age = 0.55 * max(0.0, identity.age - 0.25)
    upper = [*_upper_folds(identity, units, age), *_nose_folds(identity, units)]
    lower = _lower_folds(identity, units, age)
    # On dark skin the same share of light is a smaller step: cut deeper.
    depth = 0.58 if sum(identity.skin) > 420 else 0.46
    dark = shade(identity.skin, (depth + 0.02, depth - 0.02, depth - 0.03))
    ground, line = identity.skin, dark
    if identity.beard in ("stubble", "full"):
        ground = beard_colour(identity)
        # In a beard a crease is a parting that shows skin.
        line = shade(ground, 0.6) if identity.beard == "stubble" else shade(identity.skin, 0.75)
    visible = [
        (fold, colours)
        for folds, colours in ((upper, (dark, identity.skin)), (lower, (line, ground)))
        for fold in folds
        if np.max(fold.strength) > FAINT
    ]
    if not visible:
        return []
    cut = _cut(identity, [fold for fold, _ in visible], units.n_frames)
    return [
        Shape(points, colour, under, strength)
        for (points, strength), (_, (colour, under)) in zip(cut, visible, strict=True)
    ]


def _cut(identity: Identity, folds: list[_Fold], n_frames: int) -> list[tuple[Floats, NDArray[np.float64]]]:
    """Outlines and strengths of folds; all at once, for small arrays cost by their number."""
    rows = [np.broadcast_shapes(fold.x.shape, fold.y.shape)[-2] for fold in folds]
    shape = (n_frames, sum(rows), len(_S))
    x, y = np.empty(shape), np.empty(shape)
    strength = np.empty((n_frames, len(folds)))
    stops = np.cumsum(rows)
    for k, (fold, n, stop) in enumerate(zip(folds, rows, stops, strict=True)):
        x[:, stop - n : stop], y[:, stop - n : stop] = fold.x, fold.y
        strength[:, k] = np.clip(fold.strength, 0.0, 1.0)[..., 0, 0]
    per_row = np.repeat(np.arange(len(folds)), rows)
    width = np.array([fold.width for fold in folds])[per_row]
    half = (width * (0.5 + 0.5 * strength[:, per_row]))[..., None] * _TAPER
    vertical = np.array([fold.vertical for fold in folds])[per_row][:, None]
    out_x = strip(x, y, width=np.where(vertical, half, 0.0), normal=(1.0, 0.0))[0]
    out_y = strip(x, y, width=np.where(vertical, 0.0, half))[1]
    lift = np.array([fold.lift for fold in folds])[per_row][:, None]
    points = on_head(identity, out_x, out_y, lift=lift)
    return [
        (points[:, stop - n : stop], strength[:, k])
        for k, (n, stop) in enumerate(zip(rows, stops, strict=True))
    ]


def _upper_folds(identity: Identity, units: Units, age: float) -> list[_Fold]:
    """Forehead, between the brows, beside and under the eyes."""
    inner, outer = units("inner_brow_raise"), units("outer_brow_raise")
    cheek, lids, smile = units("cheek_raise"), units("lid_tighten"), units("lip_corner_pull")
    eye_x, eye_y = identity.eye_distance, identity.eye_height
    brow_y = eye_y - identity.brow_height
    rows = np.array([-0.085, -0.135])[:, None]  # two lines of the forehead
    middle_y = brow_y + rows - 0.05 * inner + 0.024 * _ACROSS**2
    side_y = brow_y + rows - 0.05 * outer + 0.016 * _ACROSS**2
    furrow = 0.6 * age + units("brow_lower") + 0.3 * units("nose_wrinkle")
    folds = [
        _Fold(0.085 * _ACROSS[None, None], middle_y, age + inner),
        _Fold(0.19 + 0.085 * _ACROSS[None, None], side_y, 0.7 * age + outer),
        _Fold(-0.19 + 0.085 * _ACROSS[None, None], side_y, 0.7 * age + outer),
        _Fold(
            SIDES * (0.030 + 0.006 * _ACROSS),
            brow_y + 0.01 + 0.05 * _ACROSS[None, None],
            furrow,
            vertical=True,
        ),
    ]
    feet = 0.8 * age + np.maximum(cheek, 0.45 * lids)
    feet_x = SIDES * (eye_x + 0.082 * identity.eye_size + 0.012 + 0.070 * _S)
    folds += [
        _Fold(feet_x, eye_y + 0.006 + rise * (0.35 + _S)[None, None], feet, width=0.0075)
        for rise in (-0.030, 0.006, 0.040)
    ]
    bag = np.maximum(np.maximum(cheek, 0.9 * lids), 0.35 * smile)
    bag_y = eye_y + 0.060 - 0.012 * np.maximum(cheek, lids) + 0.022 * (1 - _ACROSS**2)
    return [*folds, _Fold(SIDES * eye_x + 0.078 * _ACROSS, bag_y, 0.8 * age + bag, width=0.009)]


def _nose_folds(identity: Identity, units: Units) -> list[_Fold]:
    """Across the bridge and along the flanks."""
    nose = units("nose_wrinkle")
    rows = np.array([-0.018, 0.016, 0.050])[:, None]
    bridge_y = identity.eye_height + rows - 0.016 * (1 - _ACROSS**2)
    flank_x = SIDES * identity.nose_width * (0.75 + 0.65 * _S)
    flank_y = identity.eye_height + 0.075 + 0.075 * _S
    return [
        _Fold(0.062 * _ACROSS[None, None], bridge_y[None], nose, width=0.011, lift=0.07),
        _Fold(flank_x, flank_y[None, None], nose, width=0.011, vertical=True, lift=0.05),
    ]


def _lower_folds(identity: Identity, units: Units, age: float) -> list[_Fold]:
    """From the nose to the mouth, at the mouth's corners, on the chin."""
    smile, frown, stretch = units("lip_corner_pull"), units("lip_corner_depress"), units("lip_stretch")
    nose, lip, chin = units("nose_wrinkle"), units("upper_lip_raise"), units("chin_raise")
    mouth_x, mouth_y = identity.mouth_half, identity.mouth_height
    bow = np.sin(np.pi * _S)
    top_y = identity.eye_height + identity.nose_length - 0.02 - 0.02 * np.maximum(nose, lip)
    low_y = mouth_y + 0.010 - 0.035 * smile
    reach = mouth_x - identity.nose_width + 0.015 + 0.035 * smile + 0.02 * lip + 0.02 * stretch
    nasolabial = np.maximum(np.maximum(0.9 * smile, lip), 0.75 * nose)
    end_x = mouth_x * (1 + 0.05 * frown) + 0.016
    jaw = 0.085 * units("jaw_drop")
    press, pucker = units("lip_press"), units("lip_pucker")
    pits = np.array([0.125, 0.152])[:, None]
    bulges = np.array([-0.038, 0.046])[:, None]
    folds = [
        _Fold(
            SIDES * (identity.nose_width + 0.022 + reach * _S**1.3 + 0.02 * bow),
            top_y + (low_y - top_y) * _S,
            (0.0 if identity.beard == "full" else 0.25) + age + nasolabial,
            width=0.011,
            vertical=True,
        ),
        _Fold(
            SIDES * (end_x + 0.012 * _S),
            mouth_y + 0.035 + (0.04 + 0.05 * frown) * _S,
            0.6 * age + frown,
            vertical=True,
        ),
        _Fold(
            SIDES * (mouth_x * 1.28 + 0.030 + 0.012 * bow),
            (mouth_y - 0.055 + 0.12 * _S)[None, None],
            stretch * (1 - smile),
            vertical=True,
        ),
        _Fold(
            0.085 * _ACROSS[None, None],
            mouth_y + 0.085 + jaw + 0.014 * _ACROSS**2,
            (0.0 if identity.beard == "full" else 0.30) + 0.7 * np.maximum(chin, press),
        ),
        # Skin that bulges above and below pressed lips, and around pursed ones.
        _Fold(0.10 * _ACROSS[None, None], (mouth_y + bulges + 0.006 * _ACROSS**2)[None], press, width=0.009),
        _Fold(
            SIDES * (0.62 * mouth_x + 0.022 - 0.012 * bow),
            (mouth_y - 0.035 + 0.075 * _S)[None, None],
            pucker,
            width=0.009,
            vertical=True,
        ),
        _Fold(0.062 * _ACROSS[None, None], (mouth_y + pits + 0.014 * _ACROSS**2)[None], chin, width=0.011),
    ]
    for side, name in ((-1.0, "dimple_left"), (1.0, "dimple_right")):
        tuck = units(name)
        place = side * (mouth_x + 0.052 + 0.018 * bow)[None, None]
        folds.append(
            _Fold(place, mouth_y - 0.055 + 0.085 * _S - 0.015 * tuck, tuck, width=0.017, vertical=True)
        )
    return folds
