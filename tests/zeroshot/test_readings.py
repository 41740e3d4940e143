"""Similarities, probabilities, and what a session's readings come to."""

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.zeroshot import class_probabilities, class_similarities, summarise_session

IDS = ("a", "b")


def test_similarity_is_the_cosine_whatever_the_length() -> None:
    segments = np.array([[2.0, 0.0], [3.0, 3.0], [-1.0, 0.0]])
    classes = np.array([[5.0, 0.0], [0.0, 0.1]])
    expected = [[1, 0], [np.sqrt(0.5), np.sqrt(0.5)], [-1, 0]]
    np.testing.assert_allclose(class_similarities(segments, classes), expected, atol=1e-15)


def test_embeddings_of_different_sizes_are_an_error() -> None:
    with pytest.raises(ZeroShotError, match="same size"):
        class_similarities(np.zeros((2, 3)), np.zeros((2, 4)))


def test_probability_is_the_softmax_at_the_temperature() -> None:
    found = class_probabilities(np.array([[0.3, 0.1], [0.0, 0.0]]), inverse_temperature=10.0)
    np.testing.assert_allclose(found, [[1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))], [0.5, 0.5]], rtol=1e-12)


def test_large_factors_do_not_overflow() -> None:
    found = class_probabilities(np.array([[1.0, -1.0]]), inverse_temperature=1e4)
    np.testing.assert_array_equal(found, [[1.0, 0.0]])


def summary(
    starts: list[float], top: str, *, length: float = 4.0, recording: list[int] | None = None
) -> pd.DataFrame:
    start = np.array(starts)
    p = np.array([[0.9, 0.1] if one == "a" else [0.2, 0.8] for one in top])
    similarity = p - 0.5
    return summarise_session(
        start,
        start + length,
        similarity,
        p,
        IDS,
        recording=None if recording is None else np.array(recording),
    ).set_index("class")


def test_overlapping_segments_count_for_the_time_until_the_next() -> None:
    table = summary([0, 2, 4], "aab")  # 2 s, 2 s, and 4 s for the last
    assert table.loc["a", "usable_s"] == 8
    assert table.loc["a", "share_of_time"] == 0.5
    assert table.loc["a", "probability_mean"] == pytest.approx(0.5 * 0.9 + 0.5 * 0.2)
    assert table.loc["a", "similarity_mean"] == pytest.approx(0.5 * 0.4 - 0.5 * 0.3)
    assert table.loc["a", "similarity_sd"] == pytest.approx(0.35)
    assert table.loc["a", "episodes_per_minute"] == pytest.approx(60 / 8)


def test_an_episode_is_a_run_of_touching_segments() -> None:
    table = summary([0, 4, 8, 12], "abaa")
    assert list(table["n_episodes"]) == [2, 1]
    assert list(table["longest_episode_s"]) == [8, 4]


def test_a_gap_ends_an_episode() -> None:
    table = summary([0, 4, 20], "aaa")
    assert table.loc["a", "n_episodes"] == 2
    assert table.loc["a", "longest_episode_s"] == 8
    assert table.loc["a", "usable_s"] == 12
    assert list(table["share_of_time"]) == [1, 0]


def test_recordings_of_a_session_are_no_neighbours() -> None:
    table = summary([0, 4, 0, 4], "aaaa", recording=[0, 0, 1, 1])
    assert table.loc["a", "n_episodes"] == 2
    assert table.loc["a", "usable_s"] == 16


def test_a_session_without_usable_segments_has_missing_means() -> None:
    table = summarise_session(np.empty(0), np.empty(0), np.empty((0, 2)), np.empty((0, 2)), IDS)
    assert table["probability_mean"].isna().all()
    assert list(table["n_episodes"]) == [0, 0]
    assert list(table["usable_s"]) == [0, 0]
