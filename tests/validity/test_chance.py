"""Without signal the permutation test rejects at its level, and pooled r is below zero by a known amount."""

import numpy as np
import pytest

from tests.validity.chance import (
    LEVEL,
    N_PERMUTATIONS,
    p_of_interviews,
    p_with_stratified_folds,
    p_without_signal,
    pooled_r_without_signal,
)
from tests.validity.monte_carlo import over_sets

# Mean of p values that are equally often 1, 2, ..., B + 1 of B + 1.
MEAN_P = (N_PERMUTATIONS + 2) / (2 * (N_PERMUTATIONS + 1))


@pytest.mark.parametrize(
    ("n_folds", "statistic"), [(None, "skill"), (4, "r")], ids=["leave-one-out, skill", "4-fold, r"]
)
def test_the_permutation_test_rejects_at_its_level(n_folds, statistic):
    p = p_without_signal(
        n_sets=40,
        n_targets=40,
        n_participants=16,
        n_features=6,
        n_folds=n_folds,
        statistic=statistic,
        seed=101,
    )
    rejected = over_sets(p <= LEVEL)
    assert rejected.agrees(LEVEL)
    assert rejected.se < 0.01
    assert over_sets(p).agrees(MEAN_P)


def test_it_does_so_with_repeated_sessions_unequal_lengths_and_missing_ratings():
    p, _ = p_of_interviews(n_sets=60, n_targets=8, n_participants=24, missing=0.1, n_folds=4, seed=102)
    rejected = over_sets(p <= LEVEL)
    assert rejected.agrees(LEVEL)
    assert rejected.se < 0.015
    assert over_sets(p).agrees(MEAN_P)


def test_folds_that_are_stratified_on_ratings_reject_too_often_and_ours_do_not():
    ours, stratified = p_with_stratified_folds(
        n_sets=40, n_targets=40, n_participants=20, n_features=6, n_folds=4, statistic="r", seed=103
    )
    assert over_sets(ours <= LEVEL).agrees(LEVEL)
    assert over_sets(stratified <= LEVEL).above(LEVEL)


def test_pooled_r_without_signal_is_far_below_zero_and_less_so_with_k_folds():
    n, k = 20, 5
    r = pooled_r_without_signal(n_sets=20, n_targets=50, n_participants=n, n_features=6, n_folds=k, seed=104)
    np.testing.assert_allclose(r["mean, leave-one-out"], -1, rtol=1e-12)
    # With equal folds r squared is the share of the ratings' variation that lies between folds.
    assert (r["mean, K-fold"] < 0).all()
    assert over_sets(r["mean, K-fold"] ** 2).agrees((k - 1) / (n - 1))
    assert over_sets(r["ridge, K-fold"]).below(0)
    assert over_sets(r["ridge, leave-one-out"] - r["ridge, K-fold"]).below(0)
