"""Scenes of moving coloured rectangles whose faces a fake detector knows exactly."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.faces import Detections, FaceScanner, Tracks
from emoclip_clinic.synthetic import draw_background

WIDTH, HEIGHT = 320, 180
FPS = 6.25
SKIN = (210, 160, 130)
ROOM = draw_background(width=WIDTH, height=HEIGHT, seed=1)


@dataclass(frozen=True)
class Figure:
    """A person: centre by time, colour, size, and the times at which the person is there."""

    centre: Callable[[float], tuple[float, float]]
    colour: tuple[int, int, int] = (200, 60, 40)
    size: float = 40.0
    there: Callable[[float], bool] = lambda _t: True

    def box(self, t_s: float) -> NDArray[np.float64]:
        x, y = self.centre(t_s)
        half = self.size / 2
        return np.array([x - half, y - half, x + half, y + half])


@dataclass
class Scene:
    """Figures in front of rooms; figures further back in the list hide those before them."""

    figures: list[Figure]
    room: Callable[[int], NDArray[np.uint8]] = lambda _index: ROOM
    times: Callable[[int], float] = lambda index: index / FPS
    exposure: Callable[[int], float] = lambda _index: 1.0

    def image(self, index: int) -> NDArray[np.uint8]:
        image = self.room(index).copy()
        t_s = self.times(index)
        for figure in self.figures:
            if figure.there(t_s):
                x1, y1, x2, y2 = np.rint(figure.box(t_s)).astype(int)
                below = y2 + (y2 - y1)
                image[max(0, y1) : max(0, below), max(0, x1) : max(0, x2)] = figure.colour
                image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = SKIN
        image = (image * self.exposure(index)).astype(np.uint8)
        # The detector reads the frame's number here.
        image[0, 0] = (index // 256, index % 256, 0)
        return image

    def visible(self, index: int) -> list[int]:
        """Figures that are there and not hidden by more than half."""
        t_s = self.times(index)
        seen = []
        for k, figure in enumerate(self.figures):
            if not figure.there(t_s):
                continue
            box = figure.box(t_s)
            hidden = 0.0
            for other in self.figures[k + 1 :]:
                if other.there(t_s):
                    front = other.box(t_s)
                    overlap = np.minimum(box[2:], front[2:]) - np.maximum(box[:2], front[:2])
                    hidden = max(hidden, float(np.prod(np.maximum(overlap, 0))) / figure.size**2)
            if hidden <= 0.5:
                seen.append(k)
        return seen


@dataclass
class FakeDetector:
    """Returns the true boxes of the visible figures, and remembers where it looked."""

    scene: Scene
    score: float = 0.99
    name: str = "fake"
    whole_frame: bool = False
    looked: list[int] = field(default_factory=list)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        index = int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])
        self.looked.append(index)
        t_s = self.scene.times(index)
        boxes = [self.scene.figures[k].box(t_s) for k in self.scene.visible(index)]
        if not boxes:
            return Detections.none()
        corners = np.array(boxes, np.float32)
        shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
        landmarks = corners[:, None, :2] + shares * (corners[:, None, 2:] - corners[:, None, :2])
        return Detections(corners, np.full(len(boxes), self.score, np.float32), landmarks)


def scan(
    scene: Scene,
    n: int,
    *,
    missing: frozenset[int] = frozenset(),
    detector: FakeDetector | None = None,
    max_gap_s: float = 2.0,
) -> tuple[Tracks, FakeDetector]:
    """Scan the first n grid points of a scene."""
    detector = detector or FakeDetector(scene)
    scanner = FaceScanner(detector, max_gap_s=max_gap_s)
    for index in range(n):
        assert scanner.wants(index)
        if index in missing:
            scanner.add(index, None, None)
        else:
            scanner.add(index, scene.times(index), scene.image(index))
    return scanner.finish(), detector


def owners(tracks: Tracks, scene: Scene) -> dict[int, set[int]]:
    """Figures whose true box each track's detected rows have."""
    found: dict[int, set[int]] = {}
    for row in np.flatnonzero(tracks.box_source == "detected"):
        index = int(tracks.frame[row])
        t_s = scene.times(index)
        distances = {
            k: float(np.abs(scene.figures[k].box(t_s) - tracks.boxes[row]).max())
            for k in scene.visible(index)
        }
        nearest = min(distances, key=lambda k: distances[k])
        assert distances[nearest] < 1e-3
        found.setdefault(int(tracks.track[row]), set()).add(nearest)
    return found
