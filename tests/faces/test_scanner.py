"""Tracks from sparse looks, against scenes whose faces are known exactly."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces import FaceScanner, get_detector
from emoclip_clinic.synthetic import draw_background
from tests.faces.scenes import FPS, HEIGHT, ROOM, WIDTH, FakeDetector, Figure, Scene, owners, scan

OTHER_ROOM = draw_background(width=WIDTH, height=HEIGHT, seed=5)
RED, BLUE = (200, 60, 40), (50, 80, 190)


def truth(scene: Scene, figure: int, frames: np.ndarray) -> np.ndarray:
    return np.array([scene.figures[figure].box(scene.times(int(f))) for f in frames])


def test_a_still_face_is_one_track_looked_at_sparsely() -> None:
    scene = Scene([Figure(lambda _t: (150, 90))])
    tracks, detector = scan(scene, 100)
    assert tracks.ids == (0,)
    assert tracks.frame.tolist() == list(range(100))
    assert np.allclose(tracks.boxes, truth(scene, 0, tracks.frame))
    # Once while new, then every 4th, then every 8th, and the last frame.
    assert len(detector.looked) == tracks.summary.n_looks <= 20
    assert detector.looked[-1] == 99
    assert max(np.diff(detector.looked)) == 8
    assert tracks.summary.cuts == ()


def test_linear_motion_is_interpolated_exactly() -> None:
    scene = Scene([Figure(lambda t: (60 + 11 * t, 80 + 2.5 * t))])
    tracks, detector = scan(scene, 81)
    assert np.allclose(tracks.boxes, truth(scene, 0, tracks.frame), atol=1e-4)
    filled = tracks.box_source == "interpolated"
    assert set(tracks.frame[~filled].tolist()) == set(detector.looked)
    assert np.isnan(tracks.scores[filled]).all()
    assert (tracks.scores[~filled] == np.float32(0.99)).all()
    eyes = tracks.landmarks[:, 1] - tracks.landmarks[:, 0]
    assert np.allclose(eyes, [16, 0], atol=1e-4)


def test_interpolation_follows_the_container_times_not_the_index() -> None:
    def times(index: int) -> float:
        return index / FPS + 0.07 * np.sin(index)

    scene = Scene([Figure(lambda t: (60 + 11 * t, 80))], times=times)
    tracks, _ = scan(scene, 60)
    assert (tracks.box_source == "interpolated").sum() > 30
    assert np.allclose(tracks.t_s, [times(k) for k in range(60)])
    assert np.allclose(tracks.boxes, truth(scene, 0, tracks.frame), atol=1e-3)


@pytest.mark.parametrize("leaves", range(20, 29))
def test_the_frames_on_which_a_face_leaves_and_returns_are_found_exactly(leaves: int) -> None:
    returns = leaves + 22
    scene = Scene([Figure(lambda _t: (150, 90), there=lambda t: not leaves <= round(t * FPS) < returns)])
    tracks, _ = scan(scene, 70)
    assert tracks.ids == (0, 1)
    assert tracks.frame[tracks.track == 0].tolist() == list(range(leaves))
    assert tracks.frame[tracks.track == 1].tolist() == list(range(returns, 70))


def test_a_short_absence_is_bridged_and_says_so() -> None:
    scene = Scene([Figure(lambda _t: (150, 90), there=lambda t: not 20 <= round(t * FPS) < 28)])
    tracks, _ = scan(scene, 60)
    assert tracks.ids == (0,)
    assert tracks.frame[tracks.box_source == "bridged"].tolist() == list(range(20, 28))
    assert np.isnan(tracks.scores[20:28]).all()
    apart, _ = scan(scene, 60, max_gap_s=1.0)
    assert apart.ids == (0, 1)
    assert "bridged" not in apart.box_source


def test_another_person_on_the_same_chair_is_another_track() -> None:
    before = Figure(lambda _t: (150, 90), RED, there=lambda t: t * FPS < 30)
    after = Figure(lambda _t: (152, 91), BLUE, there=lambda t: t * FPS > 37)
    scene = Scene([before, after])
    tracks, _ = scan(scene, 70)
    assert owners(tracks, scene) == {0: {0}, 1: {1}}


@pytest.mark.parametrize("cut", range(31, 41))
def test_a_cut_never_joins_two_people(cut: int) -> None:
    first = Figure(lambda _t: (150, 90), there=lambda t: round(t * FPS) < cut)
    second = Figure(lambda _t: (152, 88), there=lambda t: round(t * FPS) >= cut)
    scene = Scene([first, second], room=lambda k: ROOM if k < cut else OTHER_ROOM)
    tracks, detector = scan(scene, 60)
    assert [frame for frame, _ in tracks.summary.cuts] == [cut]
    assert tracks.frame[tracks.track == 0].tolist() == list(range(cut))
    assert tracks.frame[tracks.track == 1].tolist() == list(range(cut, 60))
    assert set(tracks.shot[tracks.track == 1].tolist()) == {1}
    assert {cut - 1, cut} <= set(detector.looked)
    # No box between the two people's places.
    assert np.allclose(tracks.boxes[tracks.track == 0], first.box(0), atol=1e-4)


@pytest.mark.parametrize("swap", range(31, 40))
def test_a_jump_cut_in_one_room_does_not_join_people_who_look_different(swap: int) -> None:
    first = Figure(lambda _t: (150, 90), RED, there=lambda t: round(t * FPS) < swap)
    second = Figure(lambda _t: (152, 88), BLUE, there=lambda t: round(t * FPS) >= swap)
    scene = Scene([first, second])
    tracks, _ = scan(scene, 60)
    assert owners(tracks, scene) == {0: {0}, 1: {1}}
    assert tracks.frame[tracks.track == 0].tolist() == list(range(swap))


def test_exposure_that_changes_is_no_cut() -> None:
    figure = Figure(lambda _t: (150, 90))
    tracks, _ = scan(Scene([figure], exposure=lambda k: 0.65 if k >= 30 else 1.0), 60)
    assert tracks.summary.cuts == ()
    assert tracks.ids == (0,)


@pytest.mark.parametrize("speed", [20.0, 35.0, 60.0])
@pytest.mark.parametrize("colours", [(RED, RED), (RED, BLUE)])
@pytest.mark.parametrize("offset", [0.0, 0.23, 0.41])
def test_faces_that_cross_keep_their_identities(
    speed: float, colours: tuple[tuple[int, int, int], ...], offset: float
) -> None:
    middle_s = 5.0 + offset
    behind = Figure(lambda t: (160 + speed * (t - middle_s), 90), colours[0])
    before = Figure(lambda t: (160 - speed * (t - middle_s), 94), colours[1])
    there = 140 / speed

    def present(t: float) -> bool:
        return abs(t - middle_s) < there

    scene = Scene([Figure(f.centre, f.colour, there=present) for f in (behind, before)])
    tracks, _ = scan(scene, 65)
    by_track = owners(tracks, scene)
    assert sorted(by_track.values(), key=min) == [{0}, {1}]


def test_faces_that_meet_and_turn_back_are_told_apart_by_their_looks() -> None:
    left = Figure(lambda t: (160 - 8 * abs(t - 5) - 8, 90), RED)
    right = Figure(lambda t: (160 + 8 * abs(t - 5) + 8, 94), BLUE)
    scene = Scene([left, right])
    tracks, _ = scan(scene, 63)
    assert len(scene.visible(31)) == 1  # hidden in the middle
    assert sorted(owners(tracks, scene).values(), key=min) == [{0}, {1}]


def test_missing_frames_leave_holes_and_nothing_is_shifted() -> None:
    scene = Scene([Figure(lambda t: (60 + 11 * t, 90))])
    missing = frozenset({0, 5, 6, 7, 8, 9, 10, 33})
    tracks, _ = scan(scene, 60, missing=missing)
    assert tracks.summary.n_missing == len(missing)
    assert tracks.frame.tolist() == [k for k in range(60) if k not in missing]
    assert np.allclose(tracks.boxes, truth(scene, 0, tracks.frame), atol=1e-3)


def test_a_long_stretch_of_missing_frames_ends_a_track() -> None:
    scene = Scene([Figure(lambda _t: (150, 90))])
    tracks, _ = scan(scene, 60, missing=frozenset(range(20, 40)))
    assert [tracks.frame[tracks.track == k].tolist() for k in tracks.ids] == [
        list(range(20)),
        list(range(40, 60)),
    ]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_very_short_recordings(n: int) -> None:
    tracks, _ = scan(Scene([Figure(lambda _t: (150, 90))]), n)
    assert len(tracks) == n
    assert np.isnan(tracks.period_s) == (n < 2)


def test_no_face_gives_no_track_and_looks_every_fourth_frame() -> None:
    tracks, detector = scan(Scene([]), 61)
    assert len(tracks) == 0
    assert tracks.to_columns()["lm4_y"].shape == (0,)
    assert detector.looked == list(range(0, 61, 4))


def test_a_low_score_that_lasts_is_not_looked_at_for_ever() -> None:
    scene = Scene([Figure(lambda _t: (150, 90))])
    _, detector = scan(scene, 200, detector=FakeDetector(scene, score=0.91))
    assert detector.looked[:10] == list(range(10))
    assert len(detector.looked) < 80


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_sparse_looks_agree_with_looking_at_every_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    figures = []
    for lane in range(3):
        reach, hz, phase = rng.uniform(3, 12), rng.uniform(0.05, 0.15), rng.uniform(0, 6)
        figures.append(
            Figure(
                lambda t, x=60 + 100 * lane, a=reach, f=hz, p=phase: (
                    x + a * np.sin(2 * np.pi * f * t + p),
                    90 + 0.5 * a * np.cos(2 * np.pi * f * t + p),
                ),
                colour=tuple(int(v) for v in rng.integers(30, 220, 3)),
                size=36,
            )
        )
    scene = Scene(figures)
    tracks, detector = scan(scene, 80)
    by_track = owners(tracks, scene)
    assert sorted(min(v) for v in by_track.values()) == [0, 1, 2]
    assert all(len(v) == 1 for v in by_track.values())
    assert len(tracks) == 3 * 80
    for track, figure in by_track.items():
        rows = tracks.track == track
        error = np.abs(tracks.boxes[rows] - truth(scene, min(figure), tracks.frame[rows])).max()
        # Second-order bound of linear interpolation over eight sampled frames.
        assert error <= 12 * (2 * np.pi * 0.15) ** 2 * (8 / FPS) ** 2 / 8
    assert len(detector.looked) < 50


def test_images_are_let_go_while_scanning() -> None:
    scene = Scene([Figure(lambda _t: (150, 90))])
    scanner = FaceScanner(FakeDetector(scene))
    given_images: list[weakref.ref[np.ndarray]] = []
    for index in range(120):
        image = scene.image(index)
        given_images.append(weakref.ref(image))
        scanner.add(index, scene.times(index), image)
        del image
        assert sum(r() is not None for r in given_images) <= 8


def test_a_mirrored_scene_gives_mirrored_tracks() -> None:
    def centre(t: float) -> tuple[float, float]:
        return 90 + 15 * np.sin(t), 90

    scene = Scene([Figure(centre)])
    mirrored = Scene(
        [Figure(lambda t: (WIDTH - centre(t)[0], 90))], room=lambda _k: np.ascontiguousarray(ROOM[:, ::-1])
    )
    a, _ = scan(scene, 70)
    b, _ = scan(mirrored, 70)
    assert np.array_equal(a.frame, b.frame)
    assert np.array_equal(a.box_source, b.box_source)
    assert np.allclose(a.boxes[:, [0, 2]], WIDTH - b.boxes[:, [2, 0]], atol=1e-3)


def test_whole_frame_material_needs_one_image_and_no_cuts() -> None:
    scanner = FaceScanner(get_detector("none"))
    assert scanner.wants(0)
    scanner.add(0, 0.0, ROOM)
    assert not scanner.wants(1)
    scanner.add(1, 0.16, None)
    scanner.add(2, None, None)
    scanner.add(3, 0.48, OTHER_ROOM)
    tracks = scanner.finish()
    assert tracks.frame.tolist() == [0, 1, 3]
    assert tracks.ids == (0,)
    assert tracks.boxes.tolist() == [[0, 0, WIDTH, HEIGHT]] * 3
    assert np.isnan(tracks.scores).all()
    assert tracks.summary.n_looks == 1


def test_wrong_use_is_refused() -> None:
    scene = Scene([])
    scanner = FaceScanner(FakeDetector(scene))
    scanner.add(3, 0.5, scene.image(3))
    with pytest.raises(FaceError, match="rising order"):
        scanner.add(3, 0.6, scene.image(3))
    with pytest.raises(FaceError, match="wants"):
        scanner.add(4, 0.7, None)
    with pytest.raises(FaceError, match="n >= 1"):
        FaceScanner(FakeDetector(scene), detect_every=8, detect_every_stable=4)
    with pytest.raises(FaceError, match="negative"):
        FaceScanner(FakeDetector(scene), max_gap_s=-1)
