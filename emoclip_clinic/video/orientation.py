"""Turn stored pictures upright, as the display matrix of their file tells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Orientation"]


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes an upright one: mirror first, then rotate.

    Attributes
    ----------
    rotation_deg : int
        Clockwise rotation: 0, 90, 180 or 270.
    mirrored : bool
        Whether left and right are exchanged before the rotation.
    """

    rotation_deg: int = 0
    mirrored: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: Sequence[int]) -> "Orientation":
        """Read the orientation from a display matrix.

        Parameters
        ----------
        matrix : sequence of 9 int
            ``a, b, u, c, d, v, x, y, w``: a stored point (p, q), with q downwards, is shown at
            (a p + c q + x, b p + d q + y).

        Returns
        -------
        Orientation
            With the rotation rounded to the nearest quarter turn, as players do; a matrix without a direction
            is upright.

        References
        ----------
        ISO/IEC 14496-12, 8.3.2 Track Header Box.
        """
        a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        quarter_turns = round(math.atan2(b, a) / (math.pi / 2)) if (a, b) != (0.0, 0.0) else 0
        return cls(rotation_deg=quarter_turns % 4 * 90, mirrored=mirrored)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.rotation_deg in (90, 270) else (width, height)

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a picture upright.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3)
            Picture as stored.

        Returns
        -------
        ndarray of shape (height, width, 3) or (width, height, 3)
            Upright picture, contiguous.
        """
        if self.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, -(self.rotation_deg // 90)))
