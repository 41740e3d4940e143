"""Filled outlines on a head: what the parts of a face hand to the painter."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.synthetic.rendering.action_units import unit_index
from emoclip_clinic.synthetic.rendering.identity import Color, Identity
from emoclip_clinic.synthetic.rendering.tracks import ExpressionTrack

__all__ = [
    "FAINT",
    "HEAD_DEPTH",
    "SIDES",
    "Motion",
    "Shape",
    "Units",
    "closed_curve",
    "head_half_width",
    "mix",
    "on_head",
    "shade",
    "strip",
]

Floats = NDArray[np.float64]

Motion = Literal["surface", "outline", "still"]

SIDES = np.array([-1.0, 1.0])[None, :, None]
"""Left and right of the picture, for arrays of shape (T, 2, P)."""

FAINT = 0.04
"""Weaker shapes are not drawn."""

HEAD_DEPTH = 0.38
"""Half of the head's depth, from the axis that it turns about to the surface between the eyes."""

_HEAD_HALF_HEIGHT = 0.68


@dataclass(frozen=True)
class Shape:
    """Outlines of one colour that are filled at once.

    Attributes
    ----------
    points : ndarray of shape (T, K, P, 3)
        K closed outlines of P points for each frame, in units of the face's height: x to the right of the
        picture, y down, z to the viewer, the head's middle at 0. Where outlines overlap is a hole.
    colour : tuple of float
        Red, green and blue.
    under : tuple of float or None
        Colour that it fades into where `strength` is below 1; None fades nowhere.
    strength : ndarray of shape (T,) or None
        0 is not drawn, 1 is drawn in full colour; None is always 1.
    motion : {"surface", "outline", "still"}
        How it follows the head: points on the surface of the head turn with it; an outline keeps the width
        that an ellipsoid has from each side; neck and clothes stay.
    """

    points: Floats
    colour: Color
    under: Color | None = None
    strength: Floats | None = None
    motion: Motion = "surface"


class Units:
    """Action units of a clip as arrays that broadcast against points.

    Parameters
    ----------
    track : ExpressionTrack
        Movements of T frames.
    """

    def __init__(self, track: ExpressionTrack) -> None:
        self._values = track.values.astype(np.float64)
        self.n_frames = len(self._values)

    def __call__(self, name: str) -> Floats:
        """Strength of a unit, of shape (T, 1, 1)."""
        return self._values[:, unit_index(name), None, None]


def on_head(identity: Identity, x: Floats, y: Floats, *, lift: float | Floats = 0.0) -> Floats:
    """Points on the head's surface.

    Parameters
    ----------
    identity : Identity
        Whose head.
    x, y : ndarray, broadcast to shape (T, K, P)
        Places seen from the front.
    lift : float or ndarray
        Height above the surface.

    Returns
    -------
    ndarray of shape (T, K, P, 3)
        Points with their depth: an ellipsoid that is a little wider than the face.
    """
    flat = (x / head_half_width(identity)) ** 2 + (y / _HEAD_HALF_HEIGHT) ** 2
    z = HEAD_DEPTH * np.sqrt(np.maximum(1.0 - flat, 0.02)) + lift
    points = np.empty((*z.shape, 3))
    points[..., 0], points[..., 1], points[..., 2] = x, y, z
    return points


def head_half_width(identity: Identity) -> float:
    """Half of the width of the ellipsoid that the face lies on.

    Parameters
    ----------
    identity : Identity
        Whose head.

    Returns
    -------
    float
        In units of the face's height.
    """
    return 1.03 * identity.half_width


def strip(
    x: Floats, y: Floats, *, width: float | Floats, normal: tuple[float, float] | None = None
) -> tuple[Floats, Floats]:
    """Outline of a line of varying thickness.

    Parameters
    ----------
    x, y : ndarray, broadcast to shape (T, K, P)
        Points along the line.
    width : float or ndarray
        Half of the thickness; of the shape of the points if it varies.
    normal : tuple of float, optional
        Direction of the thickness, by default vertical.

    Returns
    -------
    x, y : ndarray of shape (T, K, 2 P)
        Outline, there on one side and back on the other.
    """
    nx, ny = normal or (0.0, 1.0)
    x, y, half = np.broadcast_arrays(x, y, width)
    n = x.shape[-1]
    out_x, out_y = np.empty((*x.shape[:-1], 2 * n)), np.empty((*x.shape[:-1], 2 * n))
    for out, middle, step in ((out_x, x, nx * half), (out_y, y, ny * half)):
        np.subtract(middle, step, out=out[..., :n])
        np.add(middle, step, out=out[..., : n - 1 : -1])
    return out_x, out_y


def closed_curve(points: ArrayLike, *, steps: int = 4) -> Floats:
    """A smooth closed curve through points (Catmull-Rom).

    Parameters
    ----------
    points : array-like of shape (..., P, D)
        Points in order.
    steps : int
        Points of the curve for each given point.

    Returns
    -------
    ndarray of shape (..., P * steps, D)
        The curve; every `steps`-th point is a given one.
    """
    given = np.asarray(points, np.float64)
    return _catmull_rom(given.shape[-2], steps) @ given


@lru_cache(maxsize=32)
def _catmull_rom(n_points: int, steps: int) -> Floats:
    """Matrix of the closed curve, of shape (n_points * steps, n_points)."""
    t = np.arange(steps) / steps
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], axis=1
    )
    matrix = np.zeros((n_points * steps, n_points))
    for k in range(n_points):
        for j in range(4):
            matrix[k * steps : (k + 1) * steps, (k + j - 1) % n_points] += weights[:, j]
    return matrix


def shade(colour: Sequence[float], factor: float | Sequence[float]) -> Color:
    """A darker or lighter colour.

    Parameters
    ----------
    colour : sequence of float
        Red, green and blue.
    factor : float or sequence of float
        Factor of all channels or of each.

    Returns
    -------
    tuple of float
        The product, at most 255.
    """
    red, green, blue = (min(255.0, float(v)) for v in np.asarray(colour) * np.asarray(factor))
    return red, green, blue


def mix(first: Color, second: Color, share: float) -> Color:
    """A colour between two.

    Parameters
    ----------
    first, second : tuple of float
        Red, green and blue.
    share : float
        0 is the first, 1 the second.

    Returns
    -------
    tuple of float
        The mixture.
    """
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
