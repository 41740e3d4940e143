"""Colour of the picture outside of the face box."""

import numpy as np
import pytest

from emoclip_clinic.faces import surroundings_rgb


def naive(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel."""
    step = max(1, min(image.shape[:2]) // 64)
    x1, y1, x2, y2 = box
    outside = [
        image[y, x].astype(float)
        for y in range(step // 2, image.shape[0], step)
        for x in range(step // 2, image.shape[1], step)
        if not (x1 <= x + 0.5 < x2 and y1 <= y + 0.5 < y2)
    ]
    return np.mean(outside, axis=0) if outside else np.full(3, np.nan)


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (127, 200), (360, 640), (721, 405)])
@pytest.mark.parametrize(
    "box",
    [(0.2, 0.3, 0.6, 0.9), (-0.2, -0.1, 0.4, 0.35), (0.7, 0.5, 1.4, 1.2), (2, 2, 3, 3), (-2, -2, -1, -1)],
)
def test_equals_the_definition(size: tuple[int, int], box: tuple[float, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    edges = (np.array(box) * np.array([size[1], size[0], size[1], size[0]])).astype(np.float32)
    np.testing.assert_allclose(surroundings_rgb(image, edges), naive(image, edges), rtol=1e-12)


def test_the_face_does_not_count() -> None:
    room = np.broadcast_to(np.array([200, 120, 40], np.uint8), (180, 320, 3)).copy()
    box = np.array([100, 40, 180, 140], np.float32)
    empty = surroundings_rgb(room, box)
    room[40:140, 100:180] = 0
    assert surroundings_rgb(room, box) == empty == (200.0, 120.0, 40.0)


def test_a_face_that_fills_the_picture_has_no_surroundings() -> None:
    image = np.zeros((90, 120, 3), np.uint8)
    assert np.isnan(surroundings_rgb(image, np.array([-1, 0, 121, 90], np.float32))).all()


def test_the_order_of_an_array_in_memory_does_not_matter() -> None:
    image = np.random.default_rng(1).integers(0, 256, (3, 200, 300), dtype=np.uint8).transpose(1, 2, 0)
    box = np.array([10, 20, 60, 90], np.float32)
    np.testing.assert_allclose(surroundings_rgb(image, box), naive(image, box), rtol=1e-12)
