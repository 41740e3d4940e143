"""The detector for material that already is face crops: the whole frame is the box."""

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.faces.detections import Detections

__all__ = ["WholeFrameDetector"]


class WholeFrameDetector:
    """Takes every frame as one face; score and landmarks are NaN, as nothing was detected."""

    name = "none"
    whole_frame = True

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Return one box that is the image, of shape (H, W, 3)."""
        height, width = image.shape[:2]
        return Detections(
            boxes=np.array([[0, 0, width, height]], np.float32),
            scores=np.full(1, np.nan, np.float32),
            landmarks=np.full((1, 5, 2), np.nan, np.float32),
        )
