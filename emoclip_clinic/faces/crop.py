"""Cut the square around a face at full resolution; resize it as CLIP or as the original training did."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emoclip_clinic.errors import FaceError

__all__ = ["CROP_MARGIN", "Resize", "crop_face", "face_square"]

Resize = Literal["antialias", "upstream"]

CROP_MARGIN = 0.3
"""Default context around a face, as a share of the longer side of its box.

EmoCLIP was trained on the face frames that its data sets deliver (MAFW, DFEW, AFEW); how wide they are cut is
not published in numbers. A box of MTCNN spans from the upper forehead to the chin; with 0.3 it takes 1 / 1.3
= 77 % of the crop, and on eleven real clips, looked at one by one, hairline, chin and ears are in and little
else is. It is an assumption, and therefore stands in every sidecar."""


def face_square(box: NDArray[np.float32], *, margin: float = CROP_MARGIN) -> tuple[int, int, int]:
    """Square in whole pixels that a crop is cut from.

    Parameters
    ----------
    box : ndarray of shape (4,)
        ``x1, y1, x2, y2`` in pixels.
    margin : float
        Context as a share of the box's longer side; half of it goes to each side.

    Returns
    -------
    left, top, side : int
        Upper left corner, which may be outside of the image, and length of the side, in pixels.

    Raises
    ------
    FaceError
        If the box is empty or not finite, or the margin negative.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1 or margin < 0:
        raise FaceError(
            "A crop needs a box with x1 < x2 and y1 < y2 and a margin of at least 0",
            found=f"box {[x1, y1, x2, y2]}, margin {margin}",
        )
    side = max(1, math.floor(max(x2 - x1, y2 - y1) * (1.0 + margin) + 0.5))
    left = math.floor((x1 + x2 - side) / 2 + 0.5)
    top = math.floor((y1 + y2 - side) / 2 + 0.5)
    return left, top, side


def crop_face(
    image: NDArray[np.uint8],
    box: NDArray[np.float32],
    *,
    margin: float = CROP_MARGIN,
    size: int = 224,
    resize: Resize = "antialias",
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Cut a face and resize it.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB image at full resolution.
    box : ndarray of shape (4,)
        ``x1, y1, x2, y2`` in pixels of that image. Give a margin of 0 for boxes that are whole frames of face
        crops.
    margin : float
        Context as a share of the box's longer side.
    size : int
        Side of the crop in pixels.
    resize : {"antialias", "upstream"}
        ``antialias``: PIL's bicubic filter, as in CLIP's preprocessing. ``upstream``: bicubic with a = -0.75
        without antialias, as the original training resized tensors. CLIP's normalisation is linear for each
        channel, so that it may follow the resize instead of going before it.

    Returns
    -------
    ndarray of shape (size, size, 3)
        uint8 for ``antialias``; float32 grey levels for ``upstream``, not rounded and not clipped to 0..255.

    Raises
    ------
    FaceError
        If the box is not usable, lies outside of the image, or the resize is unknown.

    Notes
    -----
    What lies outside of the image is completed by repeating its border pixels.
    """
    left, top, side = face_square(box, margin=margin)
    height, width = image.shape[:2]
    if left >= width or top >= height or left + side <= 0 or top + side <= 0:
        raise FaceError(
            "A crop's box must touch the image", found=f"box {box.tolist()} in {width} x {height} px"
        )
    if left >= 0 and top >= 0 and left + side <= width and top + side <= height:
        square = image[top : top + side, left : left + side]
    else:
        rows = np.clip(np.arange(top, top + side), 0, height - 1)
        columns = np.clip(np.arange(left, left + side), 0, width - 1)
        square = image[rows[:, None], columns[None, :]]
    if resize == "antialias":
        picture = Image.fromarray(np.ascontiguousarray(square))
        return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))
    if resize == "upstream":
        import cv2

        # OpenCV's cubic filter has a = -0.75, samples at half-pixel centres and repeats the border: torch's
        # rule.
        resized = cv2.resize(square.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        return np.asarray(resized, np.float32)
    raise FaceError("The resize must be 'antialias' or 'upstream'", found=resize)
