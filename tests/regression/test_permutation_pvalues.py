"""p values from statistics of permutations."""

import numpy as np
import pytest

from emoclip_clinic.agreement import adjust_p
from emoclip_clinic.regression.permutation_pvalues import count_at_least, step_down_min_p
from tests.regression.naive_permutation import naive_step_down


def statistics(n: int, m: int, *, seed: int, common: float = 1.0, decimals: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, m)) + common * rng.standard_normal((n, 1))
    values[0] += np.linspace(0, 3, m)
    return values.round(decimals)


@pytest.mark.parametrize("decimals", [8, 0])
def test_counts_equal_a_plain_loop(decimals):
    values = statistics(60, 4, seed=0, decimals=decimals)
    expected = [[(values[:, k] >= values[b, k]).sum() for k in range(4)] for b in range(60)]
    np.testing.assert_array_equal(count_at_least(values), expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decimals", [8, 0])
def test_step_down_equals_the_algorithm_as_published(seed, decimals):
    values = statistics(99, 5, seed=seed, decimals=decimals)
    ours = step_down_min_p(count_at_least(values))
    np.testing.assert_allclose(ours, naive_step_down(values), rtol=1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_step_down_lies_between_the_single_p_and_holm(seed):
    counts = count_at_least(statistics(200, 8, seed=seed))
    single, adjusted = counts[0] / 200, step_down_min_p(counts)
    assert (adjusted >= single).all()
    assert (adjusted <= adjust_p(single, method="holm") + 1e-12).all()


def test_targets_that_move_as_one_need_no_adjustment():
    counts = count_at_least(np.repeat(statistics(50, 1, seed=1), 4, axis=1))
    np.testing.assert_array_equal(step_down_min_p(counts), counts[0] / 50)


def test_any_increasing_transformation_gives_the_same():
    values = statistics(80, 3, seed=2)
    np.testing.assert_array_equal(count_at_least(np.exp(values)), count_at_least(values))


def test_rounding_does_not_break_ties():
    values = np.array([0.3, 0.1 + 0.2, 0.3 - 1e-15, 0.2, 0.4])[:, None]
    assert count_at_least(values).ravel().tolist() == [4, 4, 4, 5, 1]


def test_what_is_not_defined_counts_against_the_data():
    values = np.array([[1, np.nan], [0, 5], [np.nan, np.nan], [np.nan, -5], [2, 0]], dtype=float)
    counts = count_at_least(values)
    assert counts[0].tolist() == [4, 5]
    assert counts[1:, 0].tolist() == [5, 2, 2, 3]
