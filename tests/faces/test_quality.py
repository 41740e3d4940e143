"""Quality figures: pose against a rotated head model, and invariances of the rest."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emoclip_clinic.faces import face_quality, head_pose
from emoclip_clinic.faces.quality import _TEMPLATE

NO_LANDMARKS = np.full((5, 2), np.nan, np.float32)


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Rz(roll) Ry(yaw) Rx(pitch) for x right, y down, z towards the camera, written out."""
    y, p, r = np.radians([yaw_deg, pitch_deg, roll_deg])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    return rz @ ry @ rx


def mirrored(landmarks: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    out = landmarks[[1, 0, 2, 4, 3]].copy()
    out[:, 0] = width - out[:, 0]
    return out


@pytest.mark.parametrize("pose", [(0, 0, 0), (30, -20, 15), (-45, 10, -60), (5, 40, 0), (60, 0, 3)])
def test_the_pose_of_the_model_head_is_exact(pose: tuple[float, float, float]) -> None:
    landmarks = (_TEMPLATE @ rotation(*pose).T)[:, :2] * 83.0 + (320, 200)
    assert head_pose(landmarks) == pytest.approx(pose, abs=1e-6)


def test_signs_by_what_one_sees() -> None:
    frontal = _TEMPLATE[:, :2] * 60 + 200
    nose_right = np.add(frontal, [[0, 0], [0, 0], [12, 0], [0, 0], [0, 0]])
    assert head_pose(nose_right)[0] > 5
    nose_up = np.add(frontal, [[0, 0], [0, 0], [0, -10], [0, 0], [0, 0]])
    assert head_pose(nose_up)[1] > 5
    right_side_lower = np.add(frontal, [[0, -8], [0, 8], [0, 0], [0, -6], [0, 6]])
    assert head_pose(right_side_lower)[2] > 5


def test_a_mirror_turns_yaw_and_roll_around() -> None:
    rng = np.random.default_rng(1)
    landmarks = (_TEMPLATE @ rotation(25, -10, 12).T)[:, :2] * 70 + 300 + rng.normal(0, 2, (5, 2))
    yaw, pitch, roll = head_pose(landmarks)
    assert head_pose(mirrored(landmarks, 640)) == pytest.approx((-yaw, pitch, -roll), abs=1e-9)


def test_size_and_place_do_not_change_the_pose() -> None:
    rng = np.random.default_rng(2)
    landmarks = (_TEMPLATE @ rotation(-20, 8, 5).T)[:, :2] * 70 + rng.normal(0, 2, (5, 2))
    assert head_pose(landmarks * 7.3 + (40, -90)) == pytest.approx(head_pose(landmarks), abs=1e-9)


def test_the_stated_accuracy_holds_for_simulated_heads() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(2000):
        pose = np.array([*rng.uniform(-40, 40, 2), rng.uniform(-20, 20)])
        head = _TEMPLATE.copy()
        head[2, 2] *= 1 + 0.15 * rng.normal()
        head[2, 1] += 0.06 * rng.normal()
        head[3:, 1] += 0.08 * rng.normal()
        head[3:, 0] *= 1 + 0.10 * rng.normal()
        head[3:, 2] += 0.06 * rng.normal()
        turned = head @ rotation(*pose).T
        # 60 cm from the camera, in units of a pupil distance of 62 mm.
        image = turned[:, :2] / (1 - turned[:, 2:] / (600 / 62)) + 0.03 * rng.normal(size=(5, 2))
        errors.append(np.array(head_pose(image)) - pose)
    assert np.std(errors, axis=0) == pytest.approx([5, 10, 3], abs=1.0)


@pytest.mark.parametrize("landmarks", [NO_LANDMARKS, np.full((5, 2), 7.0, np.float32)])
def test_no_pose_without_usable_landmarks(landmarks: NDArray[np.float32]) -> None:
    assert np.isnan(head_pose(landmarks)).all()


def texture(side: int = 448, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 255, (28, 28, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC))


def test_sharpness_does_not_depend_on_scale_or_contrast_but_on_blur() -> None:
    image = texture()
    full = np.array([0, 0, 448, 448], np.float32)
    sharp = face_quality(image, full, None).sharpness
    half = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BOX))
    assert face_quality(half, full / 2, None).sharpness == pytest.approx(sharp, rel=0.1)
    pale = (image * 0.5 + 60).astype(np.uint8)
    assert face_quality(pale, full, None).sharpness == pytest.approx(sharp, rel=0.02)
    small = Image.fromarray(image).resize((32, 32), Image.Resampling.BOX)
    blurred = np.asarray(small.resize((448, 448), Image.Resampling.BICUBIC))
    assert face_quality(blurred, full, None).sharpness < 0.8 * sharp


def test_brightness_is_the_mean_grey_level() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, 100:] = (200, 200, 200)
    assert face_quality(image, np.array([50, 10, 150, 90], np.float32), None).brightness == 100.0


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10, 10, 50, 50), 0.0),
        ((-20, 10, 20, 50), 0.5),
        ((180, 10, 220, 50), 0.5),
        ((-20, -20, 20, 20), 0.75),
        ((300, 10, 340, 50), 1.0),
    ],
)
def test_truncation_is_the_share_outside(box: tuple[float, ...], expected: float) -> None:
    image = np.full((100, 200, 3), 80, np.uint8)
    quality = face_quality(image, np.array(box, np.float32), NO_LANDMARKS)
    assert quality.truncation == pytest.approx(expected)
    assert quality.face_px == 40
    assert np.isnan(quality.brightness) == (expected == 1.0)
    assert np.isnan(quality.sharpness)  # one colour
