"""A planted signal is recovered with the performance that theory, or new participants, give."""

import numpy as np
import pytest

from tests.validity.monte_carlo import over_sets
from tests.validity.performance import (
    least_squares_error,
    least_squares_out_of_fold,
    least_squares_r,
    planted_in_interviews,
    refit_coverage,
    true_performance,
)


@pytest.mark.oracle
def test_out_of_fold_errors_have_the_expectation_of_least_squares():
    n, p, r2 = 24, 4, 0.5
    found = least_squares_out_of_fold(
        n_sets=100, n_targets=20, n_participants=n, n_features=p, r2=r2, seed=201
    )
    error, baseline = over_sets(found.error), over_sets(found.baseline_error)
    assert error.agrees(least_squares_error(n - 1, p, 1 - r2))
    assert error.se < 0.01
    assert baseline.agrees(least_squares_error(n - 1, 0, 1.0))
    # Without the loss of a participant and the cost of four slopes, the error would be this: told apart.
    assert error.above(least_squares_error(n, 3, 1 - r2))


@pytest.mark.oracle
def test_pooled_r_of_a_planted_signal_comes_close_to_theory_from_below():
    gaps = []
    for n in (30, 100):
        found = least_squares_out_of_fold(
            n_sets=40, n_targets=20, n_participants=n, n_features=4, r2=0.5, seed=202
        )
        r, expected = over_sets(found.r), least_squares_r(n - 1, 4, 0.5)
        assert r.below(expected)
        gaps.append(expected - r.mean)
    assert gaps[1] < 0.03
    assert gaps[1] < gaps[0] / 2


def test_a_signal_is_recovered_from_interviews_with_missing_ratings():
    found = planted_in_interviews(
        n_sets=12, n_targets=10, n_participants=40, r2=0.6, missing=0.1, n_folds=5, seed=203
    )
    assert over_sets(found["rejected"]).mean > 0.9
    r, skill = over_sets(found["r"]), over_sets(found["skill"])
    # The state explains .6 of the ratings; segments, the mean of 2 to 12, show it with noise.
    assert 0.5 < r.mean < np.sqrt(0.6)
    # What is promised is not more than what new participants show, nor far less.
    assert over_sets(found["r"] - found["r new"]).not_above(0)
    assert over_sets(found["skill"] - found["skill new"]).not_above(0)
    assert over_sets(found["r new"]).mean - r.mean < 0.1
    assert over_sets(found["skill new"]).mean - skill.mean < 0.1


def test_the_closed_form_of_performance_in_new_participants_is_right():
    rng = np.random.default_rng(204)
    r2, n = np.array([0.3]), 400_000
    weight = rng.standard_normal((5, 1))
    weight *= np.sqrt(r2) / np.linalg.norm(weight)
    fitted, intercept, mean = weight + 0.2 * rng.standard_normal((5, 1)), np.array([0.3]), np.array([0.4])
    Z = rng.standard_normal((n, 5))
    y = Z @ weight + np.sqrt(1 - r2) * rng.standard_normal((n, 1))
    predicted = intercept + Z @ fitted
    truth = true_performance(weight, fitted, intercept=intercept, mean_rating=mean, r2=r2)
    error = ((y - predicted) ** 2).mean()
    tolerance = 5 / np.sqrt(n)
    assert abs(np.corrcoef(y[:, 0], predicted[:, 0])[0, 1] - truth["r"][0]) < tolerance
    assert abs(error - truth["MSE"][0]) < 2 * tolerance
    assert abs(1 - error / ((y - mean) ** 2).mean() - truth["skill"][0]) < 2 * tolerance


def test_intervals_of_out_of_fold_r_are_not_intervals_for_new_participants():
    found = refit_coverage(n_sets=10, n_targets=20, n_participants=30, r2=[0.0, 0.6], seed=205)
    nothing, strong = (over_sets(found.covered["r"][:, place]) for place in (0, 1))
    assert nothing.below(0.5)
    assert strong.above(nothing.mean)
    assert strong.below(0.95)
