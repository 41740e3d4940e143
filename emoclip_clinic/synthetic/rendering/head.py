"""Head of a drawn person: neck, clothes, hair, outline of the face, ears, beard."""

import numpy as np

from emoclip_clinic.synthetic.rendering.identity import Color, Identity
from emoclip_clinic.synthetic.rendering.shapes import (
    SIDES,
    Floats,
    Motion,
    Shape,
    Units,
    closed_curve,
    mix,
    on_head,
    shade,
)

__all__ = ["background_shapes", "beard_colour", "beard_shapes", "face_outline", "hair_shapes", "skin_shapes"]

_CIRCLE = np.linspace(0, 2 * np.pi, 28, endpoint=False)


def background_shapes(identity: Identity, units: Units) -> list[Shape]:
    """What lies behind the face: long hair, neck, clothes, skull.

    Parameters
    ----------
    identity : Identity
        Whose head.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        From back to front.
    """
    n = units.n_frames
    skin = shade(identity.skin, 0.80)
    shapes = []
    if identity.hair_style in ("long", "bob"):
        low = 0.85 if identity.hair_style == "long" else 0.46
        w = identity.half_width
        half = [
            (0.3 * w, -0.58),
            (1.05 * w, -0.36),
            (1.28 * w, -0.1),
            (1.36 * w, 0.2),
            (1.34 * w, low - 0.06),
        ]
        half.append((0.9 * w, low))
        shapes.append(_flat(n, half, shade(identity.hair, 0.8), depth=-0.1))
    neck_half = 0.21 + 0.1 * (identity.half_width - 0.35)
    neck = [(neck_half, 0.2), (neck_half, 0.58), (neck_half + 0.06, 0.70), (0.1, 0.80)]
    shapes.append(_flat(n, neck, shade(identity.skin, 0.70), motion="still"))
    chest = [(0.24, 0.63), (0.55, 0.72), (0.84, 0.86), (0.95, 1.2), (0.97, 2.6), (0.5, 2.62)]
    shapes.append(_flat(n, chest, identity.clothes, motion="still"))
    collar = np.array([(-0.20, 0.60), (0.0, 0.80), (0.20, 0.60), (0.25, 0.63), (0.0, 0.88), (-0.25, 0.63)])
    shapes.append(Shape(_still(n, collar), shade(identity.clothes, 0.72), motion="still"))
    if identity.hair_style == "bun":
        x, y = 0.17 * np.cos(_CIRCLE), -0.66 + 0.13 * np.sin(_CIRCLE)
        shapes.append(
            Shape(_still(n, np.stack([x, y], -1), depth=-0.05), shade(identity.hair, 0.9), motion="outline")
        )
    ears = np.stack([0.052 * np.cos(_CIRCLE[::2]), 0.10 * np.sin(_CIRCLE[::2])], -1)
    right = ears + np.array([identity.half_width, 0.01])
    shapes.append(Shape(_still(n, np.stack([right * (-1, 1), right])), skin, motion="outline"))
    return [*shapes, _skull(identity, n)]


def skin_shapes(identity: Identity, units: Units) -> list[Shape]:
    """The face's outline, and cheeks that bulge.

    Parameters
    ----------
    identity : Identity
        Whose head.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        From back to front.
    """
    outline = face_outline(identity, units)
    rise = np.maximum(units("cheek_raise"), 0.7 * units("lip_corner_pull"))
    x = SIDES * (0.215 + 0.015 * rise) + 0.085 * np.cos(_CIRCLE[::2])
    y = 0.13 - 0.045 * rise + 0.065 * np.sin(_CIRCLE[::2])
    blush = shade(identity.skin, (1.03, 0.90, 0.88))
    strength = np.clip(0.30 + 0.9 * rise[:, 0, 0], 0, 1)
    return [
        Shape(outline, identity.skin, motion="outline"),
        Shape(on_head(identity, x, y), blush, under=identity.skin, strength=strength),
    ]


def face_outline(identity: Identity, units: Units) -> Floats:
    """Silhouette of the face from the hairline to the chin.

    Parameters
    ----------
    identity : Identity
        Whose head.
    units : Units
        Movements of T frames; the jaw lengthens it.

    Returns
    -------
    ndarray of shape (T, 1, P, 3)
        Closed outline, beginning at the middle of the hairline and clockwise.
    """
    w, jaw = identity.half_width, identity.jaw
    half = np.array(
        [
            (0.0, -0.50),
            (0.62 * w, -0.47 + identity.forehead),
            (0.92 * w, -0.30),
            (1.00 * w, -0.08),
            (0.985 * w, 0.10),
            ((0.10 + 0.90 * jaw) * 0.95 * w, 0.27),
            ((0.30 * identity.chin + 0.62 * jaw) * 0.92 * w, 0.41),
            (0.52 * identity.chin * w, 0.485),
            (0.0, 0.505),
        ]
    )
    follows = np.array([0, 0, 0, 0, 0, 0.25, 0.7, 1.0, 1.0])[:, None] * np.array([0.0, 1.0])
    drop = 0.085 * units("jaw_drop") - 0.012 * units("chin_raise")
    points = half + drop * follows  # (T, 9, 2)
    mirrored = points[:, -2:0:-1] * (-1, 1)
    curve = closed_curve(np.concatenate([points, mirrored], axis=1), steps=3)[:, None]
    # Forehead and chin lie in front of the ears: they shift when the head turns.
    depth = np.where(curve[..., 1] > 0.2, 0.55 * (curve[..., 1] - 0.2), 0.15 * np.clip(-curve[..., 1], 0, 1))
    depth = depth * (1 - (curve[..., 0] / (1.02 * w)) ** 2).clip(0)
    return np.concatenate([curve, depth[..., None]], axis=-1)


def hair_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Hair in front of the forehead.

    Parameters
    ----------
    identity : Identity
        Whose head.
    units : Units
        Movements of T frames.

    Returns
    -------
    list of Shape
        Nothing for a bald head.
    """
    style = identity.hair_style
    if style == "bald":
        return []
    w = identity.half_width
    u = np.linspace(-1, 1, 13)
    line = {
        "short": -0.40 + 0.10 * u**4,
        "parted": -0.34 + 0.10 * u**6 - 0.11 / (1 + np.exp(14 * (u + 0.45))),
        "curly": -0.37 + 0.06 * u**2 + 0.018 * np.cos(9 * np.pi * u),
        "bob": -0.34 + 0.30 * np.abs(u) ** 5,
        "long": -0.42 + 0.42 * np.abs(u) ** 3.5,
        "bun": -0.43 + 0.09 * u**4,
        "fringe": -0.27 + 0.12 * u**6 + 0.008 * np.cos(14 * np.pi * u),
    }[style]
    lower = np.stack([u * w * 1.0, line], -1)
    angle = np.linspace(0, np.pi, 13)
    upper = np.stack([1.06 * w * np.cos(angle), -0.26 - 0.33 * np.sin(angle)], -1)
    outline = np.concatenate([lower, upper])[None, None]
    points = on_head(identity, outline[..., 0], outline[..., 1])
    points[..., 2] *= 0.8 * np.clip(1 - (points[..., 0] / (1.06 * w)) ** 2, 0, 1)  # meets the outline
    return [Shape(np.repeat(points, units.n_frames, axis=0), identity.hair, motion="outline")]


def beard_shapes(identity: Identity, units: Units) -> list[Shape]:
    """Beard and moustache, drawn before the lips.

    Parameters
    ----------
    identity : Identity
        Whose head.
    units : Units
        Movements of T frames; the beard moves with jaw and upper lip.

    Returns
    -------
    list of Shape
        Nothing for a shaved face.
    """
    kind = identity.beard
    if kind == "none":
        return []
    colour = beard_colour(identity)
    w, mouth = identity.half_width, identity.mouth_height
    drop = 0.085 * units("jaw_drop")
    lift = 0.035 * units("upper_lip_raise") + 0.02 * units("lip_corner_pull")
    u = np.linspace(-1, 1, 15)
    shapes = []
    if kind in ("full", "stubble"):
        lower = face_outline(identity, units)[:, 0, 12:37]  # from one temple over the chin to the other
        inner_x = np.linspace(-0.96, 0.96, 15) * w
        inner_y = mouth - 0.085 - 0.16 * np.abs(u) ** 2.5 + 0 * drop[:, 0]
        inner = np.stack(np.broadcast_arrays(inner_x, inner_y), -1)
        outer = lower[..., :2] * (1.0, 1.01)
        outline = np.concatenate([outer, inner], axis=1)[:, None]
        points = on_head(identity, outline[..., 0], outline[..., 1])
        points[..., 2] *= np.clip(1 - (points[..., 0] / (1.02 * w)) ** 2, 0, 1)
        shapes.append(Shape(points, colour, motion="outline"))
    if kind == "goatee":
        x = 0.105 * np.cos(_CIRCLE) + 0 * drop
        y = mouth + 0.135 + 0.8 * drop + 0.09 * np.sin(_CIRCLE)
        shapes.append(Shape(on_head(identity, x, y, lift=0.02), colour))
    if kind in ("moustache", "goatee", "full"):
        width = identity.mouth_half * (0.95 + 0.15 * units("lip_corner_pull"))
        top = mouth - 0.085 + 0.055 * u**2 - lift
        low = mouth - 0.035 + 0.045 * u**2 - lift
        x = np.concatenate([width * u, (width * u)[..., ::-1]], axis=-1)
        y = np.concatenate([top, low[..., ::-1]], axis=-1)
        shapes.append(Shape(on_head(identity, x, y, lift=0.03), shade(colour, 0.92)))
    return shapes


def beard_colour(identity: Identity) -> Color:
    """Colour of the lower face's hair, of stubble mixed with the skin.

    Parameters
    ----------
    identity : Identity
        Whose beard.

    Returns
    -------
    tuple of float
        Red, green and blue.
    """
    # A flat dark mask over the jaw is no beard to look at, and no face to the detector.
    share = {"stubble": 0.22, "full": 0.45}.get(identity.beard, 0.75)
    return mix(identity.skin, shade(identity.hair, 0.9), share)


def _skull(identity: Identity, n_frames: int) -> Shape:
    """Hair (or bald skin) around the face."""
    style = identity.hair_style
    volume = {"curly": 0.10, "long": 0.05, "bob": 0.06, "short": 0.025, "parted": 0.04}.get(style, 0.02)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    bumps = 1 + (0.025 * np.cos(15 * angle) if style == "curly" else 0.0)
    x = (identity.half_width * 1.02 + volume) * np.cos(angle) * bumps
    y = -0.14 + (0.44 + volume) * np.sin(angle) * bumps
    colour: Color = shade(identity.skin, 0.95) if style == "bald" else identity.hair
    return Shape(_still(n_frames, np.stack([x, y], -1), depth=-0.03), colour, motion="outline")


def _flat(
    n_frames: int,
    half: list[tuple[float, float]],
    colour: Color,
    *,
    depth: float = 0.0,
    motion: Motion = "outline",
) -> Shape:
    """A symmetrical outline from its right half."""
    right = np.array(half)
    outline = closed_curve(np.concatenate([right, right[::-1] * (-1, 1)]), steps=3)
    return Shape(_still(n_frames, outline, depth=depth), colour, motion=motion)


def _still(n_frames: int, outlines: np.ndarray, *, depth: float = 0.0) -> Floats:
    """Outlines (K, P, 2) or (P, 2) that do not move with the face, for all frames."""
    flat = outlines[None] if outlines.ndim == 2 else outlines
    points = np.concatenate([flat, np.full((*flat.shape[:2], 1), depth)], axis=-1)
    return np.broadcast_to(points, (n_frames, *points.shape))
