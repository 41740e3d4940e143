"""Contact sheets: many crops on one picture, for people who check whom a recording shows."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emoclip_clinic.errors import FaceError
from emoclip_clinic.study.files import write_bytes

__all__ = ["contact_sheet", "write_contact_sheet"]


def contact_sheet(
    crops: Sequence[NDArray[np.uint8] | NDArray[np.float32]], *, columns: int = 12, side_px: int = 112
) -> NDArray[np.uint8]:
    """Arrange crops in rows, in reading order.

    Parameters
    ----------
    crops : sequence of ndarray of shape (H, W, 3)
        RGB crops in grey levels of 0 to 255, as `crop_face` returns them.
    columns : int
        Crops in a row.
    side_px : int
        Side of each crop on the sheet, in pixels.

    Returns
    -------
    ndarray of shape (rows * side_px, min(n, columns) * side_px, 3), uint8
        The sheet; unused places are black.

    Raises
    ------
    FaceError
        If there is no crop, or columns or side are not positive.
    """
    if not len(crops) or columns < 1 or side_px < 1:
        raise FaceError(
            "A contact sheet needs at least one crop, one column and one pixel",
            found=f"{len(crops)} crops, {columns} columns, {side_px} px",
        )
    columns = min(columns, len(crops))
    sheet = np.zeros((math.ceil(len(crops) / columns) * side_px, columns * side_px, 3), np.uint8)
    for k, crop in enumerate(crops):
        levels = np.clip(np.rint(crop), 0, 255).astype(np.uint8)
        picture = Image.fromarray(levels).resize((side_px, side_px), Image.Resampling.BICUBIC)
        row, column = divmod(k, columns)
        top, left = row * side_px, column * side_px
        sheet[top : top + side_px, left : left + side_px] = np.asarray(picture)
    return sheet


def write_contact_sheet(
    crops: Sequence[NDArray[np.uint8] | NDArray[np.float32]],
    path: Path,
    *,
    columns: int = 12,
    side_px: int = 112,
) -> None:
    """Write a contact sheet as a PNG file, whole or not at all.

    Parameters
    ----------
    crops : sequence of ndarray of shape (H, W, 3)
        RGB crops in grey levels of 0 to 255.
    path : Path
        File to write; its folder is made.
    columns, side_px : int
        As for `contact_sheet`.

    Raises
    ------
    FaceError
        If there is no crop, or columns or side are not positive.
    """
    buffer = io.BytesIO()
    sheet = contact_sheet(crops, columns=columns, side_px=side_px)
    Image.fromarray(sheet).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())
