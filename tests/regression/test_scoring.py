"""Skill and pooled r of out-of-fold predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.agreement import error_metrics, pearson
from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, pooled_r, skill, split_participants
from tests.regression.naive_permutation import naive_skill


def ratings(n: int, q: int, *, seed: int = 0, missing: float = 0.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((n, q))
    P, B = Y + rng.standard_normal((n, q)), 0.1 * rng.standard_normal((n, q))
    Y[rng.random((n, q)) < missing] = np.nan
    return Y, P, B


def test_skill_is_one_minus_the_ratio_of_squared_errors():
    Y, P, B = ratings(40, 5, missing=0.2)
    np.testing.assert_allclose(skill(Y, P, B), naive_skill(Y, P, B), rtol=1e-13)


def test_measures_equal_those_of_the_agreement_tables():
    Y, P, B = ratings(30, 1)
    table = error_metrics(Y[:, 0], P[:, 0], baseline=B[:, 0]).set_index("statistic")["estimate"]
    assert skill(Y, P, B)[0] == pytest.approx(table["skill"], rel=1e-12)
    assert pooled_r(Y, P)[0] == pytest.approx(pearson(Y[:, 0], P[:, 0])["estimate"].iloc[0], rel=1e-12)


def test_pearson_of_each_target_uses_its_complete_pairs():
    Y, P, _ = ratings(25, 4, missing=0.3)
    P[3, 1] = np.nan
    for target, r in enumerate(pooled_r(Y, P)):
        both = np.isfinite(Y[:, target]) & np.isfinite(P[:, target])
        assert r == pytest.approx(np.corrcoef(Y[both, target], P[both, target])[0, 1], rel=1e-12)


def test_perfect_prediction_and_mean_predictor_have_known_skill():
    Y, _, B = ratings(20, 3, missing=0.1)
    np.testing.assert_array_equal(skill(Y, np.nan_to_num(Y), B), 1)
    np.testing.assert_array_equal(skill(Y, B, B), 0)


def test_repetitions_are_measured_one_by_one_then_averaged():
    Y, P, B = ratings(30, 2)
    rng = np.random.default_rng(1)
    predictions, baselines = P + rng.standard_normal((4, 30, 2)), B + 0.1 * rng.standard_normal((4, 30, 2))
    each = np.array([pooled_r(Y, one) for one in predictions])
    np.testing.assert_allclose(pooled_r(Y, predictions), each.mean(0), rtol=1e-13)
    assert (pooled_r(Y, predictions) < pooled_r(Y, predictions.mean(0))).all()
    each = np.array([skill(Y, p, b) for p, b in zip(predictions, baselines, strict=True)])
    np.testing.assert_allclose(skill(Y, predictions, baselines), each.mean(0), rtol=1e-13)


def test_mean_predictor_has_r_of_minus_one_under_leave_one_out():
    Y, _, _ = ratings(15, 3)
    baseline = nested_predict(np.eye(15), Y, np.arange(15)).baseline
    np.testing.assert_allclose(pooled_r(Y, baseline), -1, rtol=1e-12)


def test_mean_predictor_has_the_known_bias_under_k_fold():
    n, k = 60, 10
    Y, _, _ = ratings(n, 2000)
    baseline = np.empty_like(Y)
    for fold in split_participants(np.arange(n), scheme="kfold", n_splits=k):
        baseline[fold.test] = Y[fold.train].mean(0)
    assert pooled_r(Y, baseline).mean() == pytest.approx(-np.sqrt((k - 1) / (n - 1)), abs=0.01)


def test_what_is_not_defined_is_nan():
    Y = np.column_stack([np.full(6, 2.0), np.arange(6.0), np.arange(6.0), [1, 2, *[np.nan] * 4]])
    P = np.column_stack([np.arange(6.0), np.full(6, 1 / 3), np.arange(6.0), np.arange(6.0)])
    P[3:, 1] += 1e-16
    assert np.isnan(pooled_r(Y, P)).tolist() == [True, True, False, True]
    B = np.column_stack([np.ones(6), np.ones(6), Y[:, 2], np.ones(6)])
    assert np.isnan(skill(Y, P, B)).tolist() == [True, False, True, False]
    assert np.isnan(skill(Y, np.full_like(P, np.nan), B)).all()


def test_one_target_may_be_a_vector():
    Y, P, B = ratings(10, 1)
    assert skill(Y[:, 0], P[:, 0], B[:, 0]) == skill(Y, P, B)
    assert pooled_r(Y[:, 0], np.stack([P[:, 0]] * 2)) == pytest.approx(pooled_r(Y, P))


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=30, deadline=None)
def test_measures_do_not_depend_on_the_unit_nor_the_order(seed, slope, shift):
    Y, P, B = ratings(12, 2, seed=seed)
    order = np.random.default_rng(seed).permutation(12)

    def moved(values):
        return slope * values[order] + shift

    np.testing.assert_allclose(skill(moved(Y), moved(P), moved(B)), skill(Y, P, B), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(pooled_r(moved(Y), moved(P)), pooled_r(Y, P), rtol=1e-6, atol=1e-9)
    assert (np.abs(pooled_r(Y, P)) <= 1).all()


def test_shapes_must_agree():
    Y, P, B = ratings(10, 2)
    with pytest.raises(RegressionError, match="shape of Y"):
        pooled_r(Y, P[:9])
    with pytest.raises(RegressionError, match="shape of Y"):
        pooled_r(Y[:, 0], P)
    with pytest.raises(RegressionError, match="shape of predictions"):
        skill(Y, np.stack([P, P]), B)
