"""Staged interviews: the default detector finds the faces, and people are where they are put."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from emoclip_clinic.faces import get_detector
from emoclip_clinic.faces.quality import face_quality
from emoclip_clinic.synthetic.rendering import (
    ACTION_UNITS,
    Camera,
    ExpressionTrack,
    Identity,
    PoseTrack,
    Scene,
    Seat,
    draw_backdrop,
    face_boxes,
    stage,
)

WIDTH, HEIGHT = 640, 360


def overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Intersection over union of two boxes."""
    size = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    if np.any(size <= 0):
        return 0.0
    inside = float(size.prod())
    return inside / (float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - inside)


def test_the_default_detector_finds_staged_faces_of_any_identity_pose_and_light() -> None:
    detector = get_detector("mtcnn")
    found, others, n = 0, 0, 40
    for k in range(n):
        rng = np.random.default_rng([4, k])
        strong = rng.random(len(ACTION_UNITS)) * (rng.random(len(ACTION_UNITS)) < 0.15)
        seat = Seat(
            Identity.of_pool("probe", k),
            ExpressionTrack(strong[None].astype(np.float32)),
            PoseTrack.still(
                1,
                yaw_deg=float(rng.uniform(-30, 30)),
                pitch_deg=float(rng.uniform(-15, 15)),
                roll_deg=float(rng.uniform(-12, 12)),
                gaze_x=float(rng.uniform(-1, 1)),
            ),
            centre_x=float(rng.uniform(0.25, 0.75)),
            centre_y=float(rng.uniform(0.35, 0.5)),
            face_height=float(rng.uniform(0.2, 0.6)),
        )
        faces = detector.detect(next(stage([seat], Scene.draw(rng), width=WIDTH, height=HEIGHT)))
        box = face_boxes(seat, width=WIDTH, height=HEIGHT)[0]
        hits = [overlap(one, box) > 0.5 for one in faces.boxes]
        found += any(hits)
        others += len(hits) - sum(hits)
    assert found >= 0.95 * n
    assert others == 0


def test_the_product_measures_the_pose_that_was_drawn() -> None:
    detector = get_detector("mtcnn")
    angles = np.array([-20, -20, 0, 20, 20], np.float32)
    rolls = np.array([-10, 10, 0, -10, 10], np.float32)
    measured = []
    for k in range(6):
        seat = Seat(
            replace(Identity.of_pool("probe", k), glasses="none"),
            ExpressionTrack.neutral(5),
            PoseTrack.still(5, yaw_deg=angles, roll_deg=rolls),
            face_height=0.5,
        )
        for frame in stage([seat], Scene(), width=WIDTH, height=HEIGHT):
            faces = detector.detect(frame)
            quality = face_quality(frame, faces.boxes[0], faces.landmarks[0])
            measured.append((quality.yaw_deg, quality.roll_deg))
    yaw, roll = np.array(measured).T
    assert np.corrcoef(yaw, np.tile(angles, 6))[0, 1] > 0.9
    assert np.corrcoef(roll, np.tile(rolls, 6))[0, 1] > 0.95
    assert np.abs(roll - np.tile(rolls, 6)).mean() < 3


def test_two_people_are_both_found_where_they_sit() -> None:
    detector = get_detector("mtcnn")
    still = ExpressionTrack.neutral(1)
    seats = [
        Seat(Identity.of_pool("demo", 1), still, PoseTrack.still(1), centre_x=0.85, face_height=0.28),
        Seat(Identity.of_pool("demo", 2), still, PoseTrack.still(1), centre_x=0.38, face_height=0.5),
    ]
    faces = detector.detect(next(stage(seats, Scene(), width=WIDTH, height=HEIGHT)))
    boxes = [face_boxes(seat, width=WIDTH, height=HEIGHT)[0] for seat in seats]
    assert len(faces) == 2
    for box in boxes:
        assert max(overlap(one, box) for one in faces.boxes) > 0.6


def test_a_person_enters_from_outside_of_the_picture() -> None:
    scene = Scene(camera=Camera(noise=0))
    n = 40
    shift = np.linspace(4.0, 0.0, n).astype(np.float32)
    pose = replace(PoseTrack.still(n), shift_x=shift)
    seat = Seat(Identity.of_pool("demo", 3), ExpressionTrack.neutral(n), pose, centre_x=0.7, face_height=0.3)
    frames = list(stage([seat], scene, width=320, height=180))
    room = draw_backdrop(scene, width=320, height=180)
    np.testing.assert_array_equal(frames[0], room)
    changed = [int((frame != room).any(axis=-1).sum()) for frame in frames]
    assert np.all(np.diff(changed)[5:] >= -60)
    assert changed[-1] > 5000
    boxes = face_boxes(seat, width=320, height=180)
    np.testing.assert_allclose(boxes[0, 0] - boxes[-1, 0], 4.0 * 0.3 * 180, atol=1e-3)


def test_frames_do_not_depend_on_how_many_are_drawn_together() -> None:
    scene = replace(Scene(), camera=Camera(noise=0))
    rng = np.random.default_rng(0)
    track = ExpressionTrack(rng.random((40, len(ACTION_UNITS)), dtype=np.float32))
    identity = Identity.of_pool("demo", 4)
    whole = list(stage([Seat(identity, track, PoseTrack.still(40))], scene, width=160, height=90))
    for t in (0, 31, 32, 39):
        alone = Seat(identity, ExpressionTrack(track.values[t : t + 1]), PoseTrack.still(1))
        np.testing.assert_array_equal(next(stage([alone], scene, width=160, height=90)), whole[t])


def test_the_same_scene_gives_the_same_frames() -> None:
    seat = Seat(Identity.of_pool("demo", 5), ExpressionTrack.neutral(3), PoseTrack.still(3))
    first = list(stage([seat], Scene(seed=1), width=160, height=90))
    again = list(stage([seat], Scene(seed=1), width=160, height=90))
    np.testing.assert_array_equal(first, again)
    assert np.any(first[0] != next(stage([seat], Scene(seed=2), width=160, height=90)))
    assert np.any(first[0] != first[1])  # the camera's noise moves


def test_a_stage_without_people_or_with_unequal_tracks_is_refused() -> None:
    with pytest.raises(ValueError, match="seats"):
        next(stage([], Scene(), width=64, height=64))
    seat = Seat(Identity.of_pool("demo", 0), ExpressionTrack.neutral(2), PoseTrack.still(3))
    with pytest.raises(ValueError, match="one length"):
        next(stage([seat], Scene(), width=64, height=64))
