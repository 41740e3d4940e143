"""Windows of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import Sampling

sizes = st.integers(1, 40)


@given(n_frames=sizes, stride=st.integers(1, 5), clip=st.integers(1, 200), seed=st.integers(0, 99))
def test_a_window_keeps_its_stride_and_never_runs_from_the_end_into_the_beginning(
    n_frames, stride, clip, seed
) -> None:
    positions = Sampling(n_frames, stride).window(clip, np.random.default_rng(seed))
    assert len(positions) == n_frames
    assert positions.min() >= 0
    assert positions.max() < clip
    steps = np.diff(positions)
    assert (steps >= 0).all()
    if clip >= (n_frames - 1) * stride + 1:
        assert (steps == stride).all()


def test_every_start_of_a_training_window_occurs_equally_often() -> None:
    sampling = Sampling(n_frames=3, stride=2)
    rng = np.random.default_rng(5)
    starts = [int(sampling.window(8, rng)[0]) for _ in range(4000)]
    counts = np.bincount(starts, minlength=4)
    assert len(counts) == 4  # 8 frames leave room for the starts 0, 1, 2, 3
    assert np.abs(counts - 1000).max() < 120  # 4 standard deviations


def test_a_short_clip_holds_its_last_frame_or_is_played_again() -> None:
    rng = np.random.default_rng(0)
    assert Sampling(5, 2).window(5, rng).tolist() == [0, 2, 4, 4, 4]
    assert Sampling(5, 2, short="loop").window(5, rng).tolist() == [0, 2, 4, 1, 3]
    assert Sampling(3, 1).window(1, rng).tolist() == [0, 0, 0]


def test_a_long_clip_is_never_looped() -> None:
    looping = Sampling(4, 2, short="loop")
    rng = np.random.default_rng(0)
    assert all((np.diff(looping.window(7, rng)) == 2).all() for _ in range(20))


def test_evaluation_windows_are_stated_and_span_the_clip() -> None:
    assert Sampling(4, 2, n_windows=1).windows(11).tolist() == [[2, 4, 6, 8]]
    assert Sampling(4, 2, n_windows=2).windows(11).tolist() == [[0, 2, 4, 6], [4, 6, 8, 10]]
    assert Sampling(4, 2, n_windows=2).windows(5).tolist() == [[0, 2, 4, 4], [0, 2, 4, 4]]


@pytest.mark.parametrize("wrong", [{"n_frames": 0}, {"stride": 0}, {"n_windows": 0}, {"short": "lop"}])
def test_impossible_settings_are_refused(wrong) -> None:
    with pytest.raises(PretrainingError):
        Sampling(**wrong)


def test_a_misspelt_treatment_of_short_clips_is_corrected() -> None:
    with pytest.raises(PretrainingError, match="Did you mean 'loop'"):
        Sampling(short="lop")
