"""Random changes of pictures."""

import numpy as np
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import Augmentation, Change
from tests.pretraining.data.stored import numbered_dataset


def still_clip(n_frames: int = 5, size: int = 32) -> np.ndarray:
    picture = np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return np.repeat(picture[None], n_frames, axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_all_frames_of_a_clip_are_changed_alike(seed) -> None:
    everything = Augmentation(scale=0.1, brightness=0.1, contrast=0.2)
    change = everything.draw(np.random.default_rng(seed), may_flip=True)
    changed = change.apply(still_clip())
    assert (changed == changed[0]).all()
    assert (changed[0] != still_clip()[0]).any()


def test_nothing_is_changed_where_nothing_is_drawn() -> None:
    clip = still_clip()
    before = clip.copy()
    assert (Change().apply(clip) == clip).all()
    Change(angle_deg=5, flipped=True, brightness=0.1).apply(clip)
    assert (clip == before).all()


def test_a_flip_mirrors_left_and_right() -> None:
    clip = still_clip()
    assert (Change(flipped=True).apply(clip) == clip[:, :, ::-1]).all()


def test_a_quarter_turn_is_exact_and_counter_clockwise() -> None:
    clip = still_clip(n_frames=1)
    assert (Change(angle_deg=90).apply(clip)[0] == np.rot90(clip[0])).all()


def test_a_flip_comes_before_a_rotation() -> None:
    clip = still_clip(n_frames=1, size=33)
    both = Change(angle_deg=6, flipped=True).apply(clip)
    one_by_one = Change(angle_deg=6).apply(Change(flipped=True).apply(clip))
    assert np.abs(both.astype(int) - one_by_one.astype(int)).max() <= 8  # 1/32 px, OpenCV's steps of position
    assert np.abs(both.astype(int) - one_by_one.astype(int)).mean() < 1


def test_grey_levels_follow_their_formula() -> None:
    levels = np.zeros((1, 16, 16, 3), np.uint8)
    levels[0] = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    changed = Change(brightness=0.1, contrast=1.5).apply(levels)
    expected = np.clip(np.rint((levels - 127.5) * 1.5 + 127.5 + 25.5), 0, 255)
    assert (changed == expected).all()


def test_draws_are_within_their_limits_and_flips_are_even() -> None:
    rng = np.random.default_rng(2)
    drawn = [Augmentation(contrast=0.2).draw(rng, may_flip=True) for _ in range(2000)]
    angles = np.array([one.angle_deg for one in drawn])
    assert np.abs(angles).max() <= 6
    assert angles.min() < -5.9
    assert angles.max() > 5.9
    assert 900 < sum(one.flipped for one in drawn) < 1100
    assert all(0.8 <= one.contrast <= 1.2 and one.brightness == 0 and one.scale == 1 for one in drawn)


def test_the_released_augmentation_has_no_change_of_ours() -> None:
    assert Augmentation().ours == ()
    assert Augmentation(brightness=0.1, scale=0.2).ours == ("scale", "brightness")


def test_a_clip_whose_captions_name_a_side_is_never_mirrored() -> None:
    flips = Augmentation(rotation_deg=0)
    free = numbered_dataset(1, augmentation=flips)
    sided = numbered_dataset(1, augmentation=flips, names_side=[True])

    def mirrored(dataset) -> int:
        blues = [dataset.clip(0, np.random.default_rng(k)).frames[0, 0, :, 2] for k in range(60)]
        return sum(int(blue[0]) > int(blue[-1]) for blue in blues)

    assert mirrored(sided) == 0
    assert 15 < mirrored(free) < 45


def test_turning_one_change_on_leaves_the_others_as_they_were() -> None:
    plain = Augmentation().draw(np.random.default_rng(3), may_flip=True)
    more = Augmentation(brightness=0.5).draw(np.random.default_rng(3), may_flip=True)
    assert (plain.angle_deg, plain.flipped) == (more.angle_deg, more.flipped)


@pytest.mark.parametrize("wrong", [{"rotation_deg": -1}, {"contrast": 1.0}, {"scale": float("nan")}])
def test_impossible_settings_are_refused(wrong) -> None:
    with pytest.raises(PretrainingError, match="must be from 0 to"):
        Augmentation(**wrong)
