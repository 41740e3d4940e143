"""Drawn faces: found by the default detector, the same for the same seed, and different where told."""

import numpy as np
import pytest

from emoclip_clinic.faces import get_detector
from emoclip_clinic.synthetic import Expression, Person, draw_background, draw_face, face_box


def test_the_default_detector_finds_nearly_all_drawn_faces() -> None:
    detector = get_detector("mtcnn")
    rng = np.random.default_rng(4)
    found = 0
    for seed in range(24):
        person = Person.from_seed(seed)
        centre, height = (
            (float(rng.uniform(110, 210)), float(rng.uniform(95, 125))),
            float(rng.uniform(75, 140)),
        )
        image = draw_face(
            draw_background(width=320, height=240, seed=seed),
            person,
            centre_px=centre,
            height_px=height,
            expression=Expression(
                mouth_open=rng.uniform(0, 0.8), smile=rng.uniform(-1, 1), brow_raise=rng.uniform(-1, 1)
            ),
            yaw_deg=rng.uniform(-20, 20),
        )
        faces = detector.detect(image)
        if len(faces) == 1:
            box = face_box(person, centre_px=centre, height_px=height)
            found += np.abs(faces.boxes[0] - box).max() < 0.15 * height
    assert found >= 22


def test_an_empty_room_has_no_face() -> None:
    detector = get_detector("mtcnn")
    assert sum(len(detector.detect(draw_background(width=320, height=240, seed=s))) for s in range(6)) == 0


def test_the_same_seed_draws_the_same_picture_and_the_background_stays() -> None:
    room = draw_background(width=160, height=120, seed=2)
    before = room.copy()
    first = draw_face(room, Person.from_seed(3), centre_px=(80, 50), height_px=60)
    second = draw_face(room, Person.from_seed(3), centre_px=(80, 50), height_px=60)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(room, before)
    other = draw_face(room, Person.from_seed(4), centre_px=(80, 50), height_px=60)
    assert np.abs(first.astype(int) - other).max() > 50
    # Far from the person nothing changes.
    np.testing.assert_array_equal(first[:15, :10], room[:15, :10])


@pytest.mark.parametrize(
    "change",
    [
        {"mouth_open": 1.0},
        {"smile": 1.0},
        {"smile": -1.0},
        {"brow_raise": 1.0},
        {"brow_raise": -1.0},
        {"eyes_closed": 1.0},
    ],
)
def test_each_part_of_an_expression_moves_its_part_of_the_face(change: dict[str, float]) -> None:
    room = draw_background(width=200, height=200, seed=2)
    neutral = draw_face(room, Person.from_seed(0), centre_px=(100, 90), height_px=120)
    moved = draw_face(
        room, Person.from_seed(0), centre_px=(100, 90), height_px=120, expression=Expression(**change)
    )
    rows = np.flatnonzero(np.abs(neutral.astype(int) - moved).max(axis=(1, 2)) > 12)
    low, high = ((108, 150), (50, 95))["mouth_open" not in change and "smile" not in change]
    assert len(rows) > 0
    assert low <= rows.min()
    assert rows.max() <= high


def test_a_fraction_of_a_pixel_moves_the_drawing() -> None:
    room = np.full((120, 160, 3), 90, np.uint8)
    a = draw_face(room, Person.from_seed(0), centre_px=(80.0, 60.0), height_px=60)
    b = draw_face(room, Person.from_seed(0), centre_px=(80.5, 60.0), height_px=60)
    c = draw_face(room, Person.from_seed(0), centre_px=(81.0, 60.0), height_px=60)
    np.testing.assert_array_equal(a[:, :-1], c[:, 1:])
    assert 0 < np.abs(a.astype(int) - b).mean() < np.abs(a.astype(int) - c).mean()


@pytest.mark.parametrize(
    "centre", [(-20.0, 60.0), (170.0, 60.0), (80.0, -15.0), (80.0, 130.0), (900.0, 900.0)]
)
def test_a_face_may_reach_outside(centre: tuple[float, float]) -> None:
    room = draw_background(width=160, height=120, seed=2)
    image = draw_face(room, Person.from_seed(0), centre_px=centre, height_px=80)
    assert image.shape == room.shape
    assert np.array_equal(image, room) == (centre == (900.0, 900.0))


def test_a_face_needs_a_height() -> None:
    with pytest.raises(ValueError, match="positive"):
        draw_face(np.zeros((20, 20, 3), np.uint8), Person.from_seed(0), centre_px=(5, 5), height_px=0)
