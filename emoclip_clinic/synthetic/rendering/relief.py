"""Nose, folds and wrinkles of a drawn face: where small movements show."""

import numpy as np

from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.shapes import SIDES, Floats, Shape, Units, on_head, shade, strip

__all__ = ["nose_shapes", "wrinkle_shapes"]

_CIRCLE = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_S = np.linspace(0.0, 1.0, 7)
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
    wrinkle = units("nose_wrinkle")
    rise = 0.032 * wrinkle + 0.012 * units("upper_lip_raise")
    spread = 1 + 0.22 * wrinkle + 0.06 * units("upper_lip_raise") + 0.08 * units("lip_corner_pull")
    tip = identity.eye_height + identity.nose_length - 0.45 * rise
    wing = identity.eye_height + identity.nose_length + 0.010 - rise
    half = identity.nose_width * spread
    skin = identity.skin
    away = -1.0 if light_x > 0 else 1.0
    flank_x = np.concatenate(
        [away * np.array([[0.020, 0.018]]) + 0 * half[:, 0], away * half[:, 0], 0.3 * away * half[:, 0]],
        axis=-1,
    )[:, None]
    flank_y = np.concatenate(
        [np.array([[identity.eye_height - 0.03, 0.03]]) + 0 * half[:, 0], wing[:, 0], tip[:, 0] + 0.02],
        axis=-1,
    )[:, None]
    flank = on_head(identity, flank_x, flank_y, lift=np.array([0.03, 0.07, 0.05, 0.13]))
    ridge_x, ridge_y = strip(
        -away * 0.004 + 0 * _S,
        identity.eye_height + 0.01 + _S * (identity.nose_length - 0.03) - 0.4 * rise,
        width=0.014,
        normal=(1.0, 0.0),
    )
    ball_x = 0.58 * half * np.cos(_CIRCLE)
    ball_y = tip - 0.012 + 0.036 * np.sin(_CIRCLE)
    base_s = np.linspace(-1, 1, 11)
    base_x, base_y = strip(
        half * base_s,
        np.where(np.abs(base_s) > 0.9, wing - 0.028, wing)
        + 0.018 * (1 - np.abs(base_s) ** 1.5)
        + 0.4 * rise * (1 - base_s**2),
        width=0.006 + 0.003 * np.abs(base_s),
    )
    hole_x = SIDES * 0.50 * half + 0.017 * np.cos(_CIRCLE)
    hole_y = wing + 0.012 + 0.009 * np.sin(_CIRCLE)
    return [
        Shape(flank, shade(skin, 0.84)),
        Shape(on_head(identity, ridge_x, ridge_y, lift=0.08 + 0.05 * np.tile(_S, 2)), shade(skin, 1.07)),
        Shape(on_head(identity, ball_x, ball_y, lift=0.13), shade(skin, (1.02, 0.96, 0.95))),
        Shape(on_head(identity, base_x, base_y, lift=0.07), shade(skin, 0.62)),
        Shape(on_head(identity, hole_x, hole_y, lift=0.10), shade(skin, 0.36)),
    ]


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
    eye_x, eye_y = identity.eye_distance, identity.eye_height
    mouth_y, mouth_x = identity.mouth_height, identity.mouth_half
    smile, frown = units("lip_corner_pull"), units("lip_corner_depress")
    inner, outer, lower = units("inner_brow_raise"), units("outer_brow_raise"), units("brow_lower")
    nose, lip, cheek = units("nose_wrinkle"), units("upper_lip_raise"), units("cheek_raise")
    lids, chin, stretch = units("lid_tighten"), units("chin_raise"), units("lip_stretch")
    # On dark skin the same share of light is a smaller step: cut deeper.
    depth = 0.58 if sum(identity.skin) > 420 else 0.46
    dark = shade(identity.skin, (depth + 0.02, depth - 0.02, depth - 0.03))
    n = units.n_frames
    shapes: list[Shape] = []

    def fold(
        x: Floats,
        y: Floats,
        strength: Floats,
        *,
        width: float = 0.008,
        vertical: bool = False,
        lift: float = 0.01,
    ) -> None:
        strength = np.clip(np.broadcast_to(strength, (n, 1, 1))[:, 0, 0], 0.0, 1.0)
        thick = width * (0.5 + 0.5 * strength[:, None, None]) * _TAPER
        x, y = x + np.zeros((n, 1, 1)), y + np.zeros((n, 1, 1))
        ribbon = strip(x, y, width=thick, normal=(1.0, 0.0) if vertical else None)
        shapes.append(Shape(on_head(identity, *ribbon, lift=lift), dark, identity.skin, strength))

    across = 2 * _S - 1
    brow_y = eye_y - identity.brow_height
    rows = np.array([-0.085, -0.135])[None, :, None]  # two lines of the forehead
    bow = 0.016 * across**2
    fold(0.085 * across, brow_y + rows - 0.05 * inner + bow * 1.5, age + inner, width=0.010)
    fold(0.19 + 0.085 * across, brow_y + rows - 0.05 * outer + bow, age * 0.7 + outer, width=0.010)
    fold(-0.19 + 0.085 * across, brow_y + rows - 0.05 * outer + bow, age * 0.7 + outer, width=0.010)
    glabella = SIDES * (0.030 + 0.006 * across)
    fold(glabella, brow_y + 0.01 + 0.05 * across, 0.6 * age + lower + 0.3 * nose, width=0.010, vertical=True)
    bridge_rows = np.array([-0.028, 0.006, 0.040])[None, :, None]
    fold(0.062 * across, eye_y + 0.010 + bridge_rows - 0.016 * (1 - across**2), nose, width=0.011, lift=0.07)
    flank_x = SIDES * (identity.nose_width * (0.75 + 0.65 * _S))
    fold(flank_x, eye_y + 0.075 + 0.075 * _S, nose, width=0.011, vertical=True, lift=0.05)

    corner_x = eye_x + 0.082 * identity.eye_size
    feet = np.maximum(cheek, 0.45 * lids)
    for rise in (-0.030, 0.006, 0.040):
        fold(
            SIDES * (corner_x + 0.012 + 0.070 * _S),
            eye_y + 0.006 + rise * (0.35 + _S),
            0.8 * age + feet,
            width=0.0075,
        )
    bag_x = SIDES * eye_x + 0.078 * across
    bag = np.maximum(np.maximum(cheek, 0.9 * lids), 0.35 * smile)
    fold(
        bag_x,
        eye_y + 0.060 - 0.012 * np.maximum(cheek, lids) + 0.022 * (1 - across**2),
        0.8 * age + bag,
        width=0.009,
    )

    top_y = eye_y + identity.nose_length - 0.02 - 0.02 * np.maximum(nose, lip)
    low_y = mouth_y + 0.010 - 0.035 * smile
    pull = 0.035 * smile + 0.02 * lip + 0.02 * stretch
    fold_x = SIDES * (
        identity.nose_width
        + 0.022
        + (mouth_x - identity.nose_width + 0.015 + pull) * _S**1.3
        + 0.02 * np.sin(np.pi * _S)
    )
    nasolabial = np.maximum(np.maximum(0.9 * smile, lip), 0.75 * nose)
    fold(fold_x, top_y + (low_y - top_y) * _S, 0.25 + age + nasolabial, width=0.011, vertical=True)
    end_x = mouth_x * (1 + 0.05 * frown) + 0.016
    fold(
        SIDES * (end_x + 0.012 * _S),
        mouth_y + 0.035 + (0.04 + 0.05 * frown) * _S,
        0.6 * age + frown,
        width=0.010,
        vertical=True,
    )
    for side, name in ((-1.0, "dimple_left"), (1.0, "dimple_right")):
        tuck = units(name)
        place = side * (mouth_x + 0.052 + 0.018 * np.sin(np.pi * _S))
        fold(place, mouth_y - 0.055 + 0.085 * _S - 0.015 * tuck, tuck, width=0.015, vertical=True)
    stretched = SIDES * (mouth_x * 1.28 + 0.030 + 0.012 * np.sin(np.pi * _S))
    fold(stretched, mouth_y - 0.055 + 0.12 * _S, stretch * (1 - smile), width=0.010, vertical=True)
    jaw = 0.085 * units("jaw_drop")
    fold(0.085 * across, mouth_y + 0.085 + jaw + 0.014 * across**2, 0.30 + 0.7 * chin, width=0.010)
    pits = np.array([0.125, 0.152])[None, :, None]
    fold(0.062 * across, mouth_y + pits + 0.014 * across**2, chin, width=0.011)
    return shapes
