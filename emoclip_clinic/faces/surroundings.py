"""Colour of the picture around one face: what the room, the light and the camera give it."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["surroundings_rgb"]

_GRID_SIDE = 64  # points along the shorter side of the picture, at least


def surroundings_rgb(image: NDArray[np.uint8], box: NDArray[np.float32]) -> tuple[float, float, float]:
    """Mean red, green and blue of the picture outside of a face's box.

    The face is left out, so that the colour tells of the room and the camera and not of skin or expression.
    Clothes, and other people in the picture, do count.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB image at full resolution.
    box : ndarray of shape (4,)
        ``x1, y1, x2, y2`` in pixels of that image; may reach outside.

    Returns
    -------
    red, green, blue : float
        Grey levels of the channels as stored, 0 to 255, not linear in light; NaN if the box covers the
        picture.

    Notes
    -----
    The mean is over a regular grid of pixels, at least 64 along the shorter side: every k-th row and column
    from the k // 2-th on, with k = max(1, shorter side // 64). A pixel counts as inside if its centre is.
    """
    import cv2

    step = max(1, min(image.shape[:2]) // _GRID_SIDE)
    points = np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step])
    outside = np.ones(points.shape[:2], np.uint8)
    x1, y1, x2, y2 = (max(0, math.ceil((float(edge) - 0.5 - step // 2) / step)) for edge in box)
    outside[y1:y2, x1:x2] = 0
    if not outside.any():
        return math.nan, math.nan, math.nan
    red, green, blue, _ = cv2.mean(points, mask=outside)
    return red, green, blue
