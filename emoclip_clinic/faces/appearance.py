"""A light description of how a head looks, to tell two people apart where position cannot."""

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.faces.cuts import hellinger

__all__ = ["appearance_distance", "describe_head"]

_SIDE_PX = 32


def describe_head(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Colour histogram of head and shoulders.

    It is a clue about clothes, hair and light, not a recognition of persons: it is only ever used within one
    recording, and only to choose between tracks that position and speed allow.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB image.
    box : ndarray of shape (4,)
        ``x1, y1, x2, y2`` of the face in pixels.

    Returns
    -------
    ndarray of shape (512,), float32, or None
        Histogram over 8 x 8 x 8 bins of CIELAB (lightness, and the middle half of a and b), summing to 1;
        None if the box does not touch the image.
    """
    import cv2

    x1, y1, x2, y2 = (float(v) for v in box)
    width, height = x2 - x1, y2 - y1
    # Narrow, so that what is behind the head does not count; long, so that collar and hair do.
    left, right = x1 + 0.05 * width, x2 - 0.05 * width
    top, bottom = y1 - 0.15 * height, y2 + 0.50 * height
    rows = slice(max(0, int(top)), max(0, int(np.ceil(bottom))))
    columns = slice(max(0, int(left)), max(0, int(np.ceil(right))))
    region = image[rows, columns]
    if region.shape[0] < 2 or region.shape[1] < 2:
        return None
    step = max(1, min(region.shape[:2]) // (4 * _SIDE_PX))
    small = cv2.resize(
        np.ascontiguousarray(region[::step, ::step]), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA
    )
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    lab[..., 1:] = np.clip(lab[..., 1:], 64, 191)
    histogram = cv2.calcHist([lab], [0, 1, 2], None, [8, 8, 8], [0, 256, 64, 192, 64, 192]).ravel()
    return np.asarray(histogram / histogram.sum(), np.float32)


def appearance_distance(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> float:
    """Hellinger distance in [0, 1] of two descriptions; 0 if one is unknown."""
    if a is None or b is None:
        return 0.0
    return hellinger(a, b)
