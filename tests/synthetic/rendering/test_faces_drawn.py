"""Drawn faces: what moves when a parameter moves, and what stays."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering import (
    ACTION_UNITS,
    ATTRIBUTES,
    Camera,
    ExpressionTrack,
    Framing,
    Identity,
    Light,
    PoseTrack,
    Scene,
    attributes,
    mirror_attributes,
    render,
)
from emoclip_clinic.synthetic.rendering.eyes import brow_shapes, eye_shapes, lid_curves
from emoclip_clinic.synthetic.rendering.head import face_outline
from emoclip_clinic.synthetic.rendering.mouth import mouth_shapes
from emoclip_clinic.synthetic.rendering.painter import project
from emoclip_clinic.synthetic.rendering.relief import wrinkle_shapes
from emoclip_clinic.synthetic.rendering.shapes import Shape, Units, head_half_width

QUIET = Scene(camera=Camera(noise=0))
VISIBLE_LEVELS = 12  # grey levels that a pixel must change by
VISIBLE_PIXELS = 16  # of 64 x 64, for the median person


def picture(
    identity: Identity, units: dict[str, float], *, scene: Scene = QUIET, size_px: int = 64, **pose: float
) -> NDArray[np.int64]:
    track = ExpressionTrack.of(units, n_frames=1)
    return render(identity, track, PoseTrack.still(1, **pose), scene, size_px=size_px)[0].astype(np.int64)


def area(outline: NDArray[np.float64]) -> float:
    x, y = outline[:, 0], outline[:, 1]
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_unit_can_be_seen_at_64_pixels(unit: str) -> None:
    changed = []
    for k in range(15):
        identity = Identity.of_pool("probe", k)
        scene = replace(Scene.draw(np.random.default_rng(k)), camera=Camera(noise=0))
        difference = picture(identity, {unit: 1.0}, scene=scene) - picture(identity, {}, scene=scene)
        changed.append(int((np.abs(difference).mean(axis=-1) > VISIBLE_LEVELS).sum()))
    assert np.median(changed) >= VISIBLE_PIXELS
    assert min(changed) >= 5


@pytest.mark.parametrize(
    ("unit", "rows"),
    [
        ("inner_brow_raise", (10, 32)),
        ("outer_brow_raise", (10, 32)),
        ("eyes_closed", (20, 36)),
        ("lid_tighten", (20, 36)),
        ("lip_corner_pull", (26, 56)),
        ("lip_corner_depress", (40, 58)),
        ("lip_pucker", (38, 58)),
    ],
)
def test_a_unit_moves_its_own_part_of_the_face(unit: str, rows: tuple[int, int]) -> None:
    identity = replace(Identity.of_pool("probe", 1), hair_style="short", glasses="none", beard="none")
    difference = np.abs(picture(identity, {unit: 1.0}) - picture(identity, {})).max(axis=(1, 2))
    moved = np.flatnonzero(difference > VISIBLE_LEVELS)
    assert rows[0] <= moved.min()
    assert moved.max() < rows[1]


def test_movements_mirror_about_the_middle_of_the_face() -> None:
    rng = np.random.default_rng(3)
    identity = replace(Identity.of_pool("probe", 4), glasses="none")
    track = ExpressionTrack(rng.random((5, len(ACTION_UNITS)), dtype=np.float32))
    yaw, pitch, roll = (rng.uniform(-30, 30, 5).astype(np.float32) for _ in range(3))
    pose = PoseTrack.still(5, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    mirrored = mirror_attributes(attributes(track, pose))
    other_track = ExpressionTrack(mirrored[:, : len(ACTION_UNITS)])
    other_pose = PoseTrack.still(5, yaw_deg=-yaw, pitch_deg=pitch, roll_deg=-roll)
    np.testing.assert_allclose(attributes(other_track, other_pose), mirrored, atol=1e-6)
    for part in (brow_shapes, mouth_shapes, wrinkle_shapes):
        here = part(identity, Units(track))
        there = part(identity, Units(other_track))
        for t in range(5):
            points = seen(here, pose, identity)[t] * (-1.0, 1.0)
            others = seen(there, other_pose, identity)[t]
            nearest = np.abs(points[:, None] - others[None]).max(axis=-1).min(axis=1)
            assert nearest.max() < 1e-6


def seen(shapes: list[Shape], pose: PoseTrack, identity: Identity) -> NDArray[np.float64]:
    """All points of shapes, (T, N, 2)."""
    places = project(shapes, pose, half_width=head_half_width(identity))
    return np.concatenate([place.reshape(len(place), -1, 2) for place in places], axis=1)


def test_the_mouth_opens_with_the_jaw_and_the_chin_goes_down() -> None:
    identity = Identity.of_pool("probe", 2)
    track = ExpressionTrack.of({"jaw_drop": np.linspace(0, 1, 11)}, n_frames=11)
    cavity = mouth_shapes(identity, Units(track))[1].points[:, 0]
    areas = [area(outline) for outline in cavity]
    assert areas[0] < 1e-6
    assert np.all(np.diff(areas) > 0)
    chin = face_outline(identity, Units(track))[:, 0, :, 1].max(axis=1)
    np.testing.assert_allclose(chin - chin[0], 0.085 * np.linspace(0, 1, 11), atol=2e-3)


def test_lids_never_cross_and_closed_eyes_leave_no_gap() -> None:
    rng = np.random.default_rng(0)
    u = np.linspace(-1, 1, 21)
    for k in range(20):
        track = ExpressionTrack(rng.random((8, len(ACTION_UNITS)), dtype=np.float32))
        upper, lower = lid_curves(Identity.of_pool("probe", k), Units(track), u)
        assert np.all(upper <= lower + 1e-12)
    shut = ExpressionTrack.of({"eyes_closed": 1.0, "upper_lid_raise": 1.0}, n_frames=1)
    upper, lower = lid_curves(Identity.of_pool("probe", 0), Units(shut), u)
    np.testing.assert_allclose(upper, lower, atol=1e-12)


@pytest.mark.parametrize(("axis", "pose"), [(0, "gaze_x"), (1, "gaze_y")])
def test_gaze_moves_the_irises(axis: int, pose: str) -> None:
    identity = Identity.of_pool("probe", 2)
    n = 9
    track = PoseTrack.still(n, **{pose: np.linspace(-0.8, 0.8, n, dtype=np.float32)})
    iris = eye_shapes(identity, Units(ExpressionTrack.neutral(n)), track)[2].points
    middle = (iris.max(axis=2) + iris.min(axis=2))[..., axis] / 2  # (T, 2 eyes)
    assert np.all((np.diff(middle, axis=0) > 0) == (axis == 0))  # y counts down in pictures, up in gaze
    assert np.abs(middle[-1] - middle[0]).min() > 0.02  # a pixel at 64


def test_gaze_is_seen_as_dark_pixels_that_move() -> None:
    identity = replace(Identity.of_pool("probe", 2), glasses="none")
    centres = []
    for gaze_x in (-1.0, 0.0, 1.0):
        image = picture(identity, {}, size_px=256, gaze_x=gaze_x).mean(axis=-1)
        eye = image[102:118, 145:182]  # within the lids of the eye on the right side
        centres.append(float(np.nonzero(eye < 0.6 * np.median(eye))[1].mean()))
    assert centres[0] + 2 < centres[1] < centres[2] - 2


def test_the_head_turns_to_the_side_that_its_angle_says() -> None:
    identity = Identity.of_pool("probe", 6)
    track = ExpressionTrack.neutral(3)
    angles = np.array([-25, 0, 25], np.float32)
    mouth = mouth_shapes(identity, Units(track))[:1]
    width = head_half_width(identity)
    yaw = project(mouth, PoseTrack.still(3, yaw_deg=angles), half_width=width)[0]
    assert np.all(np.diff(yaw[..., 0].mean(axis=(1, 2))) > 0.1)  # to the right
    pitch = project(mouth, PoseTrack.still(3, pitch_deg=angles), half_width=width)[0]
    assert np.all(np.diff(pitch[..., 1].mean(axis=(1, 2))) < -0.1)  # up is less
    roll = project(mouth, PoseTrack.still(3, roll_deg=angles), half_width=width)[0]
    assert np.all(np.diff(roll[..., 0].mean(axis=(1, 2))) < -0.05)  # clockwise: the chin goes left


def test_a_turned_outline_is_as_wide_as_an_ellipsoid() -> None:
    identity = Identity.of_pool("probe", 6)
    ring = np.array([(-0.3, 0, 0), (0.3, 0, 0), (0, 0.1, 0)])[None, None]
    shape = Shape(np.repeat(ring, 2, axis=0), (0, 0, 0), motion="outline")
    pose = PoseTrack.still(2, yaw_deg=np.array([0, 40], np.float32))
    half = head_half_width(identity)
    straight, turned = project([shape], pose, half_width=half)[0][:, 0, 1, 0]
    a = np.radians(40)
    assert turned / straight == pytest.approx(np.hypot(half * np.cos(a), 0.38 * np.sin(a)) / half)


def test_what_a_person_looks_like_does_not_depend_on_the_expression() -> None:
    rng = np.random.default_rng(1)
    identity = replace(Identity.of_pool("probe", 8), hair_style="long")
    scene = replace(QUIET, framing=Framing(face_height=0.55))
    still = picture(identity, {}, scene=scene)
    for _ in range(5):
        units = dict(zip(ACTION_UNITS, rng.random(len(ACTION_UNITS)), strict=True))
        moved = picture(identity, units, scene=scene)
        # Above the forehead and beside the cheeks there are hair and room only.
        np.testing.assert_array_equal(moved[:11], still[:11])
        np.testing.assert_array_equal(moved[:, :16], still[:, :16])
        assert np.abs(moved - still).max() > 40


def test_the_same_arguments_give_the_same_bytes_and_other_seeds_other_ones() -> None:
    def clip(seed: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(seed)
        track = ExpressionTrack(rng.random((4, len(ACTION_UNITS)), dtype=np.float32))
        return render(Identity.draw(rng), track, PoseTrack.still(4), Scene.draw(rng))

    first = clip(5)
    assert first.shape == (4, 64, 64, 3)
    np.testing.assert_array_equal(first, clip(5))
    assert np.abs(first.astype(int) - clip(6)).mean() > 5


def test_people_of_a_pool_are_always_the_same_and_pools_share_nobody() -> None:
    assert Identity.of_pool("train", 3) == Identity.of_pool("train", 3)
    people = [
        replace(Identity.of_pool(pool, k), key="")
        for pool in ("train", "held-out", "demo")
        for k in range(40)
    ]
    assert len(set(people)) == 120
    assert Identity.of_pool("demo", 7).key == "demo-00007"


def test_light_brightens_and_falls_from_its_side() -> None:
    identity = replace(Identity.of_pool("probe", 3), hair_style="bald", beard="none", glasses="none")
    dim = picture(identity, {}, scene=replace(QUIET, light=Light(brightness=0.7))).mean()
    bright = picture(identity, {}, scene=replace(QUIET, light=Light(brightness=1.0))).mean()
    assert dim / bright == pytest.approx(0.7, abs=0.03)
    lit = picture(identity, {}, scene=replace(QUIET, light=Light(x=0.9, contrast=0.6)))
    left, right = lit[35:40, 16:24].mean(), lit[35:40, 40:48].mean()
    assert right > left + 15


def test_noise_has_the_strength_that_the_camera_says() -> None:
    identity = Identity.of_pool("probe", 0)
    track, pose = ExpressionTrack.neutral(12), PoseTrack.still(12)
    frames = render(identity, track, pose, replace(QUIET, camera=Camera(noise=4.0))).astype(float)
    assert frames.std(axis=0).mean() == pytest.approx(4.0, rel=0.1)
    assert np.abs(np.diff(frames, axis=0)).max(axis=(1, 2, 3)).min() > 0  # never the same noise twice
    clean = render(identity, track, pose, QUIET)
    np.testing.assert_array_equal(clean, np.broadcast_to(clean[:1], clean.shape))


def test_attributes_are_the_parameters_in_order() -> None:
    track = ExpressionTrack.of({"jaw_drop": 0.5, "nose_wrinkle": 2.0}, n_frames=2)
    pose = PoseTrack.still(2, yaw_deg=-45.0, pitch_deg=9.0, gaze_x=0.25)
    values = dict(zip(ATTRIBUTES, attributes(track, pose)[1].tolist(), strict=True))
    assert values.pop("jaw_drop") == 0.5
    assert values.pop("nose_wrinkle") == 1.0  # cut at the end of its range
    assert values.pop("head_yaw") == -1.0
    assert values.pop("head_pitch") == pytest.approx(0.2)
    assert values.pop("gaze_x") == 0.25
    assert set(values.values()) == {0.0}


def test_tracks_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="as many frames, got 2 and 3"):
        render(Identity.of_pool("probe", 0), ExpressionTrack.neutral(2), PoseTrack.still(3), QUIET)
    with pytest.raises(KeyError, match="no_such_unit"):
        ExpressionTrack.of({"no_such_unit": 1.0}, n_frames=1)
