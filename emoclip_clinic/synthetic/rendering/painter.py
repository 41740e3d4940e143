"""Turn a head's shapes with its pose and fill them, frame by frame, on a transparent picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.shapes import FAINT, HEAD_DEPTH, Shape
from emoclip_clinic.synthetic.rendering.tracks import PoseTrack

__all__ = ["paint", "project"]

RGBAFrames = NDArray[np.uint8]

_SHIFT = 4  # OpenCV takes fixed-point coordinates with this many binary digits
_FINE_PX = 110.0  # smaller faces are drawn at twice their size and reduced


def project(shapes: Sequence[Shape], pose: PoseTrack, *, half_width: float) -> list[NDArray[np.float64]]:
    """Places of the shapes' points in the picture plane.

    Parameters
    ----------
    shapes : sequence of Shape
        Shapes of T frames.
    pose : PoseTrack
        Turn, place and size of the head.
    half_width : float
        Half of the width of the ellipsoid that the face lies on.

    Returns
    -------
    list of ndarray of shape (T, K, P, 2)
        For each shape x and y in units of the face's height, from the middle of the framing.

    Notes
    -----
    Seen from the angle ``a``, an ellipse with the half axes ``w`` and ``d`` is ``sqrt(w^2 cos^2 a + d^2 sin^2
    a)`` wide to each side: outlines are stretched to that, and what lies on the surface stays within it.
    """
    seen, places = _seen(shapes, pose, half_width)
    return _split(seen, shapes, places)


def _seen(
    shapes: Sequence[Shape], pose: PoseTrack, half_width: float
) -> tuple[NDArray[np.float64], list[slice]]:
    """Places of all points, of shape (T, N, 2), and which of them belong to each shape."""
    n = len(pose.yaw_deg)
    yaw, pitch, roll = (
        np.radians(angle.astype(np.float64))[:, None]
        for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    )
    flat = np.concatenate([shape.points.reshape(n, -1, 3) for shape in shapes], axis=1)
    x, y, z = flat[..., 0], flat[..., 1], flat[..., 2]
    counts = [shape.points[0].size // 3 for shape in shapes]
    stops = np.cumsum(counts)
    places = [slice(int(stop) - count, int(stop)) for stop, count in zip(stops, counts, strict=True)]

    # Rz(roll) Ry(yaw) Rx(pitch), as face quality measures the angles.
    down = y * np.cos(pitch) - z * np.sin(pitch)
    across = x * np.cos(yaw) + (y * np.sin(pitch) + z * np.cos(pitch)) * np.sin(yaw)
    wide = np.sqrt(np.cos(yaw) ** 2 + (HEAD_DEPTH / half_width * np.sin(yaw)) ** 2)
    edge = 0.975 * half_width * wide
    np.clip(across, -edge, edge, out=across)
    for shape, place in zip(shapes, places, strict=True):
        if shape.motion == "outline":
            across[:, place] = x[:, place] * wide + z[:, place] * np.sin(yaw)
    seen = np.empty((*x.shape, 2))
    seen[..., 0] = across * np.cos(roll) - down * np.sin(roll)
    seen[..., 1] = across * np.sin(roll) + down * np.cos(roll)
    for shape, place in zip(shapes, places, strict=True):
        if shape.motion == "still":
            seen[:, place] = flat[:, place, :2]
    seen *= pose.scale.astype(np.float64)[:, None, None]
    seen += np.stack([pose.shift_x, pose.shift_y], axis=-1).astype(np.float64)[:, None]
    return seen, places


def _split(points: NDArray[Any], shapes: Sequence[Shape], places: Sequence[slice]) -> list[NDArray[Any]]:
    """Points of each shape, of shape (T, K, P, 2)."""
    return [
        points[:, place].reshape(len(points), *shape.points.shape[1:3], 2)
        for shape, place in zip(shapes, places, strict=True)
    ]


def paint(
    shapes: Sequence[Shape],
    pose: PoseTrack,
    *,
    face_px: float,
    centre_px: tuple[float, float],
    size_px: tuple[int, int],
    half_width: float,
) -> RGBAFrames:
    """Fill the shapes, first to last.

    Parameters
    ----------
    shapes : sequence of Shape
        Shapes of T frames, from back to front.
    pose : PoseTrack
        Turn, place and size of the head.
    face_px : float
        Height of the face from hairline to chin in pixels.
    centre_px : tuple of float
        Place of the face's middle, x and y in pixels; the picture's edge is at 0.
    size_px : tuple of int
        Width and height of the picture.
    half_width : float
        Half of the width of the ellipsoid that the face lies on, in units of the face's height.

    Returns
    -------
    ndarray of shape (T, height, width, 4), uint8
        Colours multiplied by their cover, and the cover, 0 to 255.
    """
    import cv2

    n = len(pose.yaw_deg)
    shapes = [shape for shape in shapes if shape.strength is None or shape.strength.max() > FAINT]
    fine = 2 if face_px < _FINE_PX else 1
    width, height = size_px
    factor = fine * float(1 << _SHIFT)
    # Half a pixel to the middle of pixels, half a step because whole numbers are cut, not rounded.
    offset = np.array(centre_px) * factor - 0.5 * (1 << _SHIFT) + 0.5
    seen, places = _seen(shapes, pose, half_width)
    fixed = (seen * (face_px * factor) + offset).astype(np.int32)
    outlines = _split(fixed, shapes, places)
    colours, drawn = _colours(shapes, n)
    # Large plain outlines need no smooth edges where the picture is reduced, and cost half without.
    steps = [
        (
            points,
            range(points.shape[1]),
            cv2.LINE_AA if fine == 1 or shape.motion == "surface" else cv2.LINE_8,
        )
        for shape, points in zip(shapes, outlines, strict=True)
    ]
    frames = np.zeros((n, height, width, 4), np.uint8)
    canvas = np.empty((height * fine, width * fine, 4), np.uint8)
    fill = cv2.fillPoly
    for t in range(n):
        target = canvas if fine > 1 else frames[t]
        target[:] = 0
        for (points, parts, edge), colour, visible in zip(steps, colours[t], drawn[t], strict=True):
            if visible:
                frame = points[t]
                fill(target, [frame[k] for k in parts], colour, edge, _SHIFT)
        if fine > 1:
            cv2.resize(canvas, size_px, dst=frames[t], interpolation=cv2.INTER_AREA)
    return frames


def _colours(shapes: Sequence[Shape], n_frames: int) -> tuple[list[list[list[float]]], list[list[bool]]]:
    """For each frame: each shape's colour with full cover, and whether it is drawn at all."""
    full = np.array([shape.colour for shape in shapes])
    under = np.array([shape.colour if shape.under is None else shape.under for shape in shapes])
    strength = np.ones((n_frames, len(shapes)))
    for k, shape in enumerate(shapes):
        if shape.strength is not None:
            strength[:, k] = shape.strength
    np.clip(strength, 0.0, 1.0, out=strength)
    colours = np.full((n_frames, len(shapes), 4), 255.0)
    colours[..., :3] = under + (full - under) * strength[..., None]
    return colours.tolist(), (strength > FAINT).tolist()
