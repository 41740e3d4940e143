"""Eyes, lids, brows and glasses of a drawn face."""

from collections.abc import Callable

import numpy as np

from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.shapes import (
    SIDES,
    Floats,
    Shape,
    Units,
    closed_curve,
    on_head,
    shade,
    strip,
)
from emoclip_clinic.synthetic.rendering.tracks import PoseTrack

__all__ = ["brow_shapes", "eye_shapes", "glasses_shapes", "lid_curves"]

_U = np.linspace(-1.0, 1.0, 9)  # along an eye, from its left to its right corner
_CIRCLE = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_HALF_WIDTH, _UPPER, _LOWER = 0.080, 0.046, 0.030
_IRIS, _PUPIL = 0.037, 0.017
_WHITE = (240.0, 238.0, 234.0)


def lid_curves(
    identity: Identity, units: Units, u: Floats, *, gaze_y: float | Floats = 0.0
) -> tuple[Floats, Floats]:
    """Edges of the upper and lower lids relative to the eye's centre.

    Parameters
    ----------
    identity : Identity
        Whose eyes.
    units : Units
        Movements of T frames.
    u : ndarray, broadcast to shape (T, 2, P)
        Place along the eye, -1 (left corner) to 1.
    gaze_y : float or ndarray of shape (T, 1, 1)
        Where the eyes look, -1 (down) to 1: lids follow.

    Returns
    -------
    upper, lower : ndarray of shape (T, 2, P)
        Heights (down is positive) in units of the face's height; the lower one is never above the upper one.
    """
    return _lids(identity, units, gaze_y)(u)


def _lids(
    identity: Identity, units: Units, gaze_y: float | Floats
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """The lids' edges as functions of the place along the eye; what depends on the frame is computed once."""
    closed = units("eyes_closed")
    tighten, cheek = units("lid_tighten"), units("cheek_raise")
    size = identity.eye_size
    down, up = np.clip(-np.asarray(gaze_y), 0, 1), np.clip(gaze_y, 0, 1)
    opened = 1 - closed
    meeting = closed * (size * _LOWER * 0.7)
    rest = size * _LOWER * (1 - 0.75 * tighten - 0.65 * cheek + 0.25 * down)
    low = opened * rest + meeting
    raised = size * _UPPER * (1 + 0.55 * units("upper_lid_raise") - 0.42 * tighten - 0.22 * cheek)
    high = opened * (raised * (1 - 0.45 * down + 0.15 * up) - 0.012 * units("brow_lower"))
    # Raised inner brows lift the inner half of the lid, lowered ones press it down.
    skew = opened * 0.012 * (units("inner_brow_raise") - units("brow_lower")) * SIDES
    tilt = identity.eye_tilt * SIDES

    def edges(u: Floats) -> tuple[Floats, Floats]:
        square = u * u
        bow = 1 - square
        lower = low * bow
        upper = bow * (meeting - high * (1 + 0.2 * square) + skew * u)
        rise = tilt * u
        return np.minimum(upper, lower) - rise, lower - rise

    return edges


def eye_shapes(identity: Identity, units: Units, pose: PoseTrack) -> list[Shape]:
    """Sockets, whites, irises, pupils, lashes, creases.

    Parameters
    ----------
    identity : Identity
        Whose eyes.
    units : Units
        Movements of T frames.
    pose : PoseTrack
        Where the eyes look.

    Returns
    -------
    list of Shape
        From back to front.
    """
    size = identity.eye_size
    rx = _HALF_WIDTH * size
    cx, cy = SIDES * identity.eye_distance, identity.eye_height
    look_y = pose.gaze_y.astype(np.float64)[:, None, None]
    lids = _lids(identity, units, look_y)
    upper, lower = lids(_U)
    x = cx + rx * _U

    def placed(px: Floats, py: Floats, lift: float = 0.0) -> Floats:
        return on_head(identity, px, cy + py, lift=lift)

    skin = identity.skin
    socket_x = cx + 1.25 * rx * np.cos(_CIRCLE) + np.zeros((units.n_frames, 1, 1))
    socket = Shape(placed(socket_x, -0.012 + 0.066 * np.sin(_CIRCLE)), shade(skin, 0.90))
    white_x = np.concatenate([x, x[..., ::-1]], axis=-1) + np.zeros((units.n_frames, 1, 1))
    white_y = np.concatenate([upper, lower[..., ::-1]], axis=-1)
    open_ = 1.0 - units("eyes_closed")[:, 0, 0]
    white = Shape(placed(white_x, white_y), _WHITE, under=shade(skin, 0.6), strength=np.minimum(1, 3 * open_))

    gaze_x = 0.042 * size * pose.gaze_x.astype(np.float64)[:, None, None]
    gaze_y = -0.028 * size * look_y

    def disc(radius: float, dx: float = 0.0, dy: float = 0.0) -> Floats:
        px = np.clip(gaze_x + dx + radius * np.cos(_CIRCLE), -0.97 * rx, 0.97 * rx)
        top, bottom = lids(px / rx)
        py = np.clip(gaze_y + dy - 0.004 + radius * np.sin(_CIRCLE), top, bottom)
        return placed(cx + px, py)

    # A white eyelid-thin slit reads as open: irises stay until the lids meet.
    shown = np.minimum(1.0, 4 * open_)
    lash_x, lash_y = strip(x, upper - 0.004, width=identity.lashes * (0.35 + 0.65 * (1 - _U**2)) + 0.002)
    closed_ = 1.0 - open_
    crease_y = upper - 0.026 + 0.010 * units("upper_lid_raise")
    crease_x, crease_y = strip(x, crease_y, width=0.006 * (1 - 0.8 * _U**2))
    rim_x, rim_y = strip(x, lower + 0.005, width=0.005 * (1.2 - _U**2))
    rim = 0.45 + 0.55 * np.maximum(units("lid_tighten"), units("cheek_raise"))[:, 0, 0] + 0.0 * closed_
    return [
        socket,
        white,
        Shape(disc(_IRIS * size), identity.iris, under=shade(skin, 0.6), strength=shown),
        Shape(disc(_PUPIL * size), (14.0, 11.0, 11.0), under=shade(skin, 0.6), strength=shown),
        Shape(disc(0.008 * size, -0.012, -0.014), (235.0, 235.0, 235.0), strength=shown, under=skin),
        Shape(placed(crease_x, crease_y), shade(skin, 0.70)),
        Shape(placed(rim_x, rim_y), shade(skin, 0.55), under=shade(skin, 0.9), strength=rim),
        Shape(placed(lash_x, lash_y), shade(skin, (0.24, 0.20, 0.20))),
    ]


def brow_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Brows with their movements.

    Parameters
    ----------
    identity : Identity
        Whose brows.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        One shape, two outlines.
    """
    inner_up, outer_up = units("inner_brow_raise"), units("outer_brow_raise")
    down, nose = units("brow_lower"), units("nose_wrinkle")
    lowered = 0.058 * down * (1 - 0.75 * inner_up) + 0.030 * nose
    s = np.linspace(0.0, 1.0, 8)  # from the inner to the outer end
    inner, middle, outer = (1 - s) ** 2, 2 * s * (1 - s), s**2
    y = (
        identity.eye_height
        - identity.brow_height
        - identity.brow_arch * middle * 2
        + 0.012 * outer
        + inner * (lowered - 0.085 * inner_up - 0.030 * outer_up)
        + middle * (0.7 * lowered - 0.045 * inner_up - 0.085 * outer_up)
        + outer * (0.25 * lowered + 0.012 * inner_up - 0.070 * outer_up)
    )
    x = identity.eye_distance - 0.082 + 0.185 * s - (0.030 * down + 0.012 * nose) * (1 - s)
    weight = 0.0165 * identity.brow_weight * (1.0 - 0.65 * s**1.5)
    outline_x, outline_y = strip(SIDES * x, y, width=weight)
    points = on_head(identity, outline_x, outline_y, lift=0.01)
    colour = shade(identity.hair, 0.8) if sum(identity.hair) < 420 else shade(identity.hair, 0.62)
    return [Shape(points, colour)]


def glasses_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Rims, bridge and temples.

    Parameters
    ----------
    identity : Identity
        Whose glasses.
    units : Units
        Only for the number of frames: glasses do not move with the face.

    Returns
    -------
    list of Shape
        Nothing without glasses.
    """
    if identity.glasses == "none":
        return []
    if identity.glasses == "round":
        ring = np.stack([0.118 * np.cos(_CIRCLE), 0.092 * np.sin(_CIRCLE)], -1)
    else:
        top = [(-0.12, -0.07), (0.0, -0.078), (0.12, -0.07), (0.125, 0.0)]
        ring = closed_curve([*top, (0.10, 0.078), (0.0, 0.085), (-0.10, 0.078), (-0.125, 0.0)], steps=2)
    colour = shade(identity.clothes, 0.35)
    n = units.n_frames
    centre_y = identity.eye_height + 0.012
    rims = []
    for side in (-1, 1):
        cx = side * (identity.eye_distance + 0.004)
        both = np.stack([ring, ring * 0.87])[None]
        x, y = both[..., 0] + cx, both[..., 1] + centre_y
        rims.append(Shape(np.repeat(on_head(identity, x, y, lift=0.05), n, axis=0), colour))
    gap = identity.eye_distance - 0.112
    bar_x, bar_y = strip(np.linspace(-gap, gap, 5)[None, None], np.array(centre_y - 0.025), width=0.007)
    bridge = on_head(identity, bar_x, bar_y, lift=0.06)
    return [*rims, Shape(np.repeat(bridge, n, axis=0), colour)]
