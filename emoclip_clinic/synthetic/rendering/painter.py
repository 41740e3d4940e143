"""Turn a head's shapes with its pose and fill them, frame by frame, on a transparent picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.shapes import Shape
from emoclip_clinic.synthetic.rendering.tracks import PoseTrack

__all__ = ["paint", "project", "rotations"]

RGBAFrames = NDArray[np.uint8]

_SHIFT = 4  # OpenCV takes fixed-point coordinates with this many binary digits
_FAINT = 0.04  # weaker shapes are not drawn
_FINE_PX = 110.0  # smaller faces are drawn at twice their size and reduced


def rotations(pose: PoseTrack) -> NDArray[np.float64]:
    """Rotation of the head.

    Parameters
    ----------
    pose : PoseTrack
        T frames.

    Returns
    -------
    ndarray of shape (T, 3, 3)
        ``Rz(roll) Ry(yaw) Rx(pitch)`` in a frame with x right, y down, z to the viewer; the face quality of
        the product measures the same angles.
    """
    yaw, pitch, roll = (
        np.radians(angle.astype(np.float64)) for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    )
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    about_x = matrix(
        (one, zero, zero), (zero, np.cos(pitch), -np.sin(pitch)), (zero, np.sin(pitch), np.cos(pitch))
    )
    about_y = matrix((np.cos(yaw), zero, np.sin(yaw)), (zero, one, zero), (-np.sin(yaw), zero, np.cos(yaw)))
    about_z = matrix(
        (np.cos(roll), -np.sin(roll), zero), (np.sin(roll), np.cos(roll), zero), (zero, zero, one)
    )
    return about_z @ about_y @ about_x


def project(shapes: Sequence[Shape], pose: PoseTrack) -> list[NDArray[np.float64]]:
    """Places of the shapes' points in the picture plane.

    Parameters
    ----------
    shapes : sequence of Shape
        Shapes of T frames.
    pose : PoseTrack
        Turn, place and size of the head.

    Returns
    -------
    list of ndarray of shape (T, K, P, 2)
        For each shape x and y in units of the face's height, from the middle of the framing. A turned head
        keeps its outline's width, as an ellipsoid does.
    """
    n = len(pose.yaw_deg)
    turns = rotations(pose)
    place = np.stack([pose.shift_x, pose.shift_y], axis=-1).astype(np.float64)[:, None]
    scale = pose.scale.astype(np.float64)[:, None, None]
    flat = np.concatenate([shape.points.reshape(n, -1, 3) for shape in shapes], axis=1)
    turned = np.concatenate([np.full(shape.points[0].size // 3, shape.turned) for shape in shapes])
    seen = flat[..., :2].copy()
    seen[:, turned] = flat[:, turned] @ turns[:, :2].swapaxes(1, 2)
    seen = seen * scale + place
    out, start = [], 0
    for shape in shapes:
        stop = start + shape.points[0].size // 3
        out.append(seen[:, start:stop].reshape(n, *shape.points.shape[1:3], 2))
        start = stop
    return out


def paint(
    shapes: Sequence[Shape],
    pose: PoseTrack,
    *,
    face_px: float,
    centre_px: tuple[float, float],
    size_px: tuple[int, int],
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

    Returns
    -------
    ndarray of shape (T, height, width, 4), uint8
        Colours multiplied by their cover, and the cover, 0 to 255.
    """
    import cv2

    n = len(pose.yaw_deg)
    fine = 2 if face_px < _FINE_PX else 1
    width, height = size_px
    factor = fine * float(1 << _SHIFT)
    offset = np.array(centre_px) * factor - 0.5 * (1 << _SHIFT)
    outlines = [
        np.rint(points * (face_px * factor) + offset).astype(np.int32) for points in project(shapes, pose)
    ]
    # Per shape and frame: a list of outlines and a colour, ready for the inner loop.
    steps = [
        (points, *_colours(shape, n), range(points.shape[1]))
        for shape, points in zip(shapes, outlines, strict=True)
    ]
    frames = np.zeros((n, height, width, 4), np.uint8)
    canvas = np.empty((height * fine, width * fine, 4), np.uint8)
    fill, smooth = cv2.fillPoly, cv2.LINE_AA
    for t in range(n):
        target = canvas if fine > 1 else frames[t]
        target[:] = 0
        for points, colours, drawn, parts in steps:
            if drawn[t]:
                frame = points[t]
                fill(target, [frame[k] for k in parts], colours[t], smooth, _SHIFT)
        if fine > 1:
            cv2.resize(canvas, size_px, dst=frames[t], interpolation=cv2.INTER_AREA)
    return frames


def _colours(shape: Shape, n_frames: int) -> tuple[list[list[float]], list[bool]]:
    """Colour of each frame with full cover, and whether it is drawn at all."""
    full = np.array([*shape.colour, 255.0])
    if shape.strength is None:
        return [full.tolist()] * n_frames, [True] * n_frames
    if shape.under is None:
        raise ValueError("A shape with a strength needs the colour that lies under it.")
    under = np.array([*shape.under, 255.0])
    strength = np.clip(shape.strength, 0.0, 1.0)[:, None]
    return (under + (full - under) * strength).tolist(), (strength[:, 0] > _FAINT).tolist()
