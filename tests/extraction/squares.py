"""Coloured squares that stand for faces, a detector that finds them, and what tests ask of a study."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from emoclip_clinic.faces import Detections
from emoclip_clinic.study import Recordings, Study, find_recordings, load_frames, load_segments

RED, BLUE = (220, 40, 40), (40, 60, 220)


class SquareDetector:
    """Finds one red and one blue square by their colour."""

    name = "squares"
    whole_frame = False

    def detect(self, image):
        boxes = []
        for channel, other in ((0, 2), (2, 0)):
            mask = (image[..., channel] > 150) & (image[..., other] < 120) & (image[..., 1] < 120)
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if len(rows):
                boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        if not boxes:
            return Detections.none()
        array = np.array(boxes, np.float32)
        eyes = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.8], [0.65, 0.8]], np.float32)
        landmarks = array[:, None, :2] + eyes * (array[:, None, 2:] - array[:, None, :2])
        return Detections(array, np.full(len(array), 0.99, np.float32), landmarks)


def draw_squares(
    seconds: float, *, red=None, blue=None, fps: int = 25, seed: int = 0
) -> Iterator[np.ndarray]:
    """Frames of 192 x 128 px; `red` and `blue` map a time to (left, top, side), or to None for absence."""
    rng = np.random.default_rng(seed)
    room = np.kron(rng.integers(70, 150, (8, 12), dtype=np.uint8), np.ones((16, 16), np.uint8))
    texture = rng.integers(0, 40, (64, 64), dtype=np.uint8)
    for index in range(round(seconds * fps)):
        image = np.repeat(room[:, :, None], 3, axis=2)
        for place, colour in ((red, RED), (blue, BLUE)):
            where = place(index / fps) if place is not None else None
            if where is not None:
                left, top, side = where
                shade = np.roll(texture, index, axis=1)[:side, :side, None]
                image[top : top + side, left : left + side] = np.clip(np.array(colour) - shade, 0, 255)
        yield image


def still(left: int, top: int, side: int) -> Callable[[float], tuple[int, int, int]]:
    return lambda _t: (left, top, side)


def recordings_of(study: Study) -> Recordings:
    return find_recordings([study.root], study=study)


def tables_of(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All numbers of a study."""
    return load_frames(study, allow_mixed=True), load_segments(study, status=None, allow_mixed=True)
