"""The detectors: what MTCNN finds on drawn faces and where, and the registry."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces import (
    DETECTORS,
    Detector,
    FaceScanner,
    Tracks,
    face_quality,
    get_detector,
    head_pose,
)
from emoclip_clinic.synthetic import Expression, Person, draw_background, draw_face, face_box

FPS = 6.25


@pytest.fixture(scope="module")
def mtcnn() -> Detector:
    return get_detector("mtcnn")


def portrait(
    seed: int = 0, *, centre: tuple[float, float] = (160, 115), height: float = 130, yaw_deg: float = 0.0
) -> NDArray[np.uint8]:
    room = draw_background(width=320, height=240, seed=seed)
    return draw_face(room, Person.from_seed(seed), centre_px=centre, height_px=height, yaw_deg=yaw_deg)


def test_the_box_and_the_landmarks_are_where_the_face_was_drawn(mtcnn: Detector) -> None:
    found = mtcnn.detect(portrait())
    assert len(found) == 1
    box = np.array(face_box(Person.from_seed(0), centre_px=(160, 115), height_px=130))
    assert np.abs(found.boxes[0] - box).max() < 0.1 * 130
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert 0.9 <= found.scores[0] <= 1.0


def test_boxes_are_in_pixels_of_the_source(mtcnn: Detector) -> None:
    small = portrait()
    large = np.repeat(np.repeat(small, 5, axis=0), 5, axis=1)  # 1600 x 1200, reduced to 640
    a, b = mtcnn.detect(small), mtcnn.detect(large)
    assert np.abs(b.boxes / 5 - a.boxes).max() < 6
    assert np.abs(b.landmarks / 5 - a.landmarks).max() < 5


def test_a_mirrored_image_gives_the_mirrored_box_even_at_the_border(mtcnn: Detector) -> None:
    image = portrait(centre=(40, 115))
    a = mtcnn.detect(image)
    b = mtcnn.detect(np.ascontiguousarray(image[:, ::-1]))
    assert len(a) == len(b) == 1
    assert a.boxes[0, 0] < -2  # reaches outside on the left
    assert np.abs(a.boxes[0, [0, 2]] - (320 - b.boxes[0, [2, 0]])).max() < 8
    left, right = (
        face_quality(i, f.boxes[0], f.landmarks[0])
        for i, f in ((image, a), (np.ascontiguousarray(image[:, ::-1]), b))
    )
    assert left.truncation == pytest.approx(right.truncation, abs=0.06)
    assert left.truncation > 0.02


def test_a_turned_head_has_the_sign_of_its_turn(mtcnn: Detector) -> None:
    turns = [head_pose(mtcnn.detect(portrait(yaw_deg=yaw)).landmarks[0])[0] for yaw in (-25, 0, 25)]
    assert turns[0] < -8
    assert abs(turns[1]) < 8
    assert turns[2] > 8


def test_size_and_score_thresholds() -> None:
    image = portrait()
    assert len(get_detector("mtcnn", min_face_px=120).detect(image)) == 0
    assert len(get_detector("mtcnn", min_face_px=60).detect(image)) == 1
    assert len(get_detector("mtcnn", min_score=0.9999999).detect(image)) == 0


@pytest.mark.parametrize("size", [(240, 320), (1, 1), (15, 400), (2000, 9)])
def test_no_face_in_an_empty_room_of_any_size(mtcnn: Detector, size: tuple[int, int]) -> None:
    found = mtcnn.detect(np.full((*size, 3), 120, np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.landmarks.shape == (0, 5, 2)


def test_whole_frames() -> None:
    detector = get_detector("none")
    assert detector.detect(np.zeros((30, 40, 3), np.uint8)).boxes.tolist() == [[0, 0, 40, 30]]


def test_an_unknown_detector_offers_the_nearest_one() -> None:
    with pytest.raises(FaceError, match="Did you mean 'mtcnn'"):
        get_detector("mtcn")
    assert all(get_detector(name).name == name for name in DETECTORS)


def scan(mtcnn: Detector, images: list[NDArray[np.uint8]]) -> Tracks:
    scanner = FaceScanner(mtcnn)
    for index, image in enumerate(images):
        scanner.add(index, index / FPS, image)
    return scanner.finish()


def test_drawn_faces_that_cross_keep_their_identities(mtcnn: Detector) -> None:
    room = draw_background(width=480, height=240, seed=3)
    people = (Person.from_seed(0), Person.from_seed(2))

    def x(who: int, k: int) -> float:
        return 240 + (1 if who else -1) * (14 - k) * 12

    images = []
    for k in range(29):
        image = room
        for who in (0, 1):
            image = draw_face(image, people[who], centre_px=(x(who, k), 110 + 8 * who), height_px=100)
        images.append(image)
    tracks = scan(mtcnn, images)
    owners: dict[int, set[int]] = {}
    for track, frame, box in zip(tracks.track, tracks.frame, tracks.boxes, strict=True):
        if abs(int(frame) - 14) > 4:
            middle = float(box[0] + box[2]) / 2
            owners.setdefault(int(track), set()).add(
                min((0, 1), key=lambda w: abs(x(w, int(frame)) - middle))
            )
    assert sorted(owners.values(), key=min) == [{0}, {1}]


def test_a_drawn_cut_and_a_drawn_absence(mtcnn: Detector) -> None:
    rooms = [draw_background(width=320, height=240, seed=s) for s in (1, 7)]
    people = [Person.from_seed(s) for s in (1, 3)]

    def shot(who: int, k: int) -> NDArray[np.uint8]:
        talking = Expression(mouth_open=0.5 + 0.4 * np.sin(k))
        return draw_face(
            rooms[who], people[who], centre_px=(150 + 10 * who, 115), height_px=120, expression=talking
        )

    images = [shot(0, k) for k in range(11)] + [shot(1, k) for k in range(11)]
    images += [rooms[1]] * 16 + [shot(1, k) for k in range(6)]
    tracks = scan(mtcnn, images)
    assert [frame for frame, _ in tracks.summary.cuts] == [11]
    spans = [tracks.frame[tracks.track == t] for t in tracks.ids]
    assert [(int(s[0]), int(s[-1])) for s in spans] == [(0, 10), (11, 21), (38, 43)]
