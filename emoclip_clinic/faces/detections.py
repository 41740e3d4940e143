"""What a face detector returns, and the protocol that every detector follows."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detections", "Detector"]


@dataclass(frozen=True)
class Detections:
    """Faces found in one image.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), float32
        ``x1, y1, x2, y2`` in pixels of the image that was given; may reach outside of it.
    scores : ndarray of shape (n,), float32
        The detector's own confidence in [0, 1]; NaN where it has none.
    landmarks : ndarray of shape (n, 5, 2), float32
        Left eye, right eye, nose, left and right corner of the mouth, left and right as seen in the image, in
        pixels; NaN where the detector has none.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> "Detections":
        """Detections of an image without a face."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            landmarks=np.zeros((0, 5, 2), np.float32),
        )


class Detector(Protocol):
    """A face detector: RGB image in, boxes with scores and five landmarks out.

    Attributes
    ----------
    name : str
        Name in the registry.
    whole_frame : bool
        True if the box never depends on the pixels, so that one look at a recording is enough and a shot cut
        does not end a track.
    """

    name: str
    whole_frame: bool

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Find the faces of an RGB image of shape (H, W, 3)."""
        ...
