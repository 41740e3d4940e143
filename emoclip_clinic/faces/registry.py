"""Face detectors by name. A new one is one module and one line in `DETECTORS`."""

from collections.abc import Callable

from emoclip_clinic.errors import FaceError, did_you_mean
from emoclip_clinic.faces.detections import Detector
from emoclip_clinic.faces.mtcnn import MtcnnDetector
from emoclip_clinic.faces.whole_frame import WholeFrameDetector

__all__ = ["DETECTORS", "get_detector"]

DETECTORS: dict[str, Callable[[int, float, float], Detector]] = {
    "mtcnn": lambda long_side_px, min_score, min_face_px: MtcnnDetector(
        long_side_px=long_side_px, min_score=min_score, min_face_px=min_face_px
    ),
    "none": lambda _long_side_px, _min_score, _min_face_px: WholeFrameDetector(),
}


def get_detector(
    name: str, *, long_side_px: int = 640, min_score: float = 0.9, min_face_px: float = 32.0
) -> Detector:
    """Build a face detector by its name.

    Parameters
    ----------
    name : str
        ``"mtcnn"``, or ``"none"`` for videos that already are face crops.
    long_side_px : int
        Long side of the reduced image on which faces are searched, in pixels.
    min_score : float
        Least score of a face, in [0, 1].
    min_face_px : float
        Least shorter side of a face's box, in pixels of the source.

    Returns
    -------
    Detector
        The detector, with its weights loaded.

    Raises
    ------
    FaceError
        If no detector has this name or its package is not installed.
    """
    if name not in DETECTORS:
        raise FaceError(
            f"The face detector must be one of {', '.join(sorted(DETECTORS))}",
            found=name,
            hint=did_you_mean(name, DETECTORS),
        )
    return DETECTORS[name](long_side_px, min_score, min_face_px)
