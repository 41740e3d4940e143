"""Mouth of a drawn face: lips, teeth, tongue."""

import numpy as np

from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.shapes import Floats, Shape, Units, on_head, shade, strip

__all__ = ["mouth_shapes"]

_U = np.linspace(-1.0, 1.0, 17)
_CIRCLE = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_CAVITY = (58.0, 20.0, 24.0)
_TEETH = (236.0, 230.0, 220.0)
_TONGUE = (196.0, 92.0, 98.0)


def mouth_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Lips with what they show.

    Parameters
    ----------
    identity : Identity
        Whose mouth.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        From back to front.
    """
    smile, frown = units("lip_corner_pull"), units("lip_corner_depress")
    pucker, stretch, press = units("lip_pucker"), units("lip_stretch"), units("lip_press")
    jaw, part, raised = units("jaw_drop"), units("lips_part"), units("upper_lip_raise")
    chin, tongue = units("chin_raise"), units("tongue_show")
    left, right = units("dimple_left"), units("dimple_right")

    width = identity.mouth_half * (
        1 + 0.30 * smile + 0.28 * stretch - 0.52 * pucker - 0.10 * jaw + 0.06 * press + 0.05 * frown
    )
    tuck = np.where(_U < 0, left, right) * np.abs(_U) ** 3
    x = width * _U + 0.036 * np.sign(_U) * tuck
    corner = -0.062 * smile + 0.058 * frown - 0.008 * stretch + identity.mouth_rest * -1
    middle = identity.mouth_height + 0.012 * smile - 0.022 * chin - 0.008 * frown
    bend = middle + corner * np.abs(_U) ** 1.8 - 0.036 * tuck
    arch = 1 - np.abs(_U) ** 2.2

    gap_up = (
        0.012 * part + 0.045 * raised * np.maximum(part, 0.35) + 0.020 * jaw + 0.016 * stretch + 0.012 * smile
    )
    gap_low = 0.024 * part + 0.125 * jaw + 0.014 * raised + 0.026 * stretch + 0.020 * smile + 0.05 * tongue
    # A pressed or raised mouth shuts what is not opened by the jaw.
    shut = 1 - np.clip(press + 0.8 * chin + pucker * (1 - part), 0, 1) * (1 - jaw)
    gap_up, gap_low = gap_up * shut, gap_low * shut
    inner_top, inner_low = bend - gap_up * arch, bend + gap_low * arch

    full = identity.lip_fullness
    fold = (1 - 0.85 * press) * (1 - 0.35 * smile - 0.3 * stretch)
    thick_top = full * 0.026 * fold * (1 + 0.9 * pucker) * (1 - 0.25 * raised) + 0.003 + 0.008 * pucker
    thick_low = full * 0.036 * fold * (1 + 0.7 * pucker) * (1 + 0.35 * chin) + 0.003 + 0.010 * pucker
    bow = 1 - 0.28 * np.exp(-((_U / 0.16) ** 2))  # dip of the upper lip
    edge = (1 - np.abs(_U) ** 2.5) * 0.94 + 0.06
    outer_top = inner_top - thick_top * edge * bow - 0.022 * raised * arch
    outer_low = inner_low + thick_low * edge

    lip, dark = identity.lips, shade(identity.lips, (0.45, 0.38, 0.38))
    protrude = 0.03 + 0.05 * pucker

    def between(top: Floats, low: Floats) -> Floats:
        xs, tops, lows = np.broadcast_arrays(x, top, low)
        outline_x = np.concatenate([xs, xs[..., ::-1]], axis=-1)
        return on_head(identity, outline_x, np.concatenate([tops, lows[..., ::-1]], axis=-1), lift=protrude)

    opening = (gap_up + gap_low)[:, 0, 0]
    shown = np.clip((opening - 0.006) / 0.014, 0, 1)
    teeth_low = np.minimum(inner_top + 0.036 * (1 - 0.5 * _U**2), inner_low)
    lower_teeth = np.maximum(inner_low - 0.016 * stretch, inner_top)
    line_x, line_y = strip(x, bend, width=0.0065 * (1.15 - _U**2))
    shapes = [
        Shape(between(outer_top, outer_low), lip),
        Shape(between(inner_top, inner_low), _CAVITY, under=lip, strength=shown),
        Shape(between(inner_top, teeth_low), _TEETH, under=lip, strength=shown),
        Shape(
            between(lower_teeth, inner_low),
            _TEETH,
            under=lip,
            strength=shown * np.clip(2 * stretch[:, 0, 0], 0, 1),
        ),
        Shape(on_head(identity, line_x, line_y, lift=protrude), dark, under=lip, strength=1 - shown),
    ]
    tongue_x = 0.55 * width * np.cos(_CIRCLE)
    inside_y = bend[..., 8:9] + gap_low - 0.012 + 0.42 * np.minimum(gap_low, 0.05) * np.sin(_CIRCLE)
    inside_y = np.minimum(inside_y, bend[..., 8:9] + gap_low)
    deep = np.clip((jaw[:, 0, 0] - 0.35) / 0.3, 0, 1)
    shapes.append(
        Shape(on_head(identity, tongue_x, inside_y, lift=0.03), shade(_TONGUE, 0.8), _CAVITY, deep * 0.8)
    )
    out_x = 0.062 * (0.4 + 0.6 * tongue) * np.cos(_CIRCLE)
    out_y = bend[..., 8:9] + gap_low * 0.5 + 0.045 * tongue + (0.012 + 0.055 * tongue) * np.sin(_CIRCLE)
    out = np.clip(tongue[:, 0, 0] / 0.25, 0, 1)
    shapes.append(Shape(on_head(identity, out_x, out_y, lift=0.06), _TONGUE, lip, out))
    groove_x, groove_y = strip(
        np.zeros((1, 1, 5)),
        bend[..., 8:9] + gap_low * 0.5 + np.linspace(0.0, 0.075, 5) * tongue,
        width=0.005,
        normal=(1.0, 0.0),
    )
    shapes.append(Shape(on_head(identity, groove_x, groove_y, lift=0.06), shade(_TONGUE, 0.65), _TONGUE, out))
    return shapes
