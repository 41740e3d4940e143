"""What is prepared without the ratings gives the same predictions for any ratings afterwards."""

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, prepare_nested, split_participants
from tests.regression.test_nested_exact import ALPHAS, TALL, WIDE, sessions


@pytest.mark.parametrize("n_features", [WIDE, TALL])
@pytest.mark.parametrize("alphas", [ALPHAS, ALPHAS[:1]])
def test_stored_operators_equal_direct_prediction(n_features, alphas):
    X, Y, groups, rng = sessions(7, n_features, 40)
    weight, rated = rng.uniform(0.5, 2, len(X)), rng.random(len(X)) > 0.2
    ridge = prepare_nested(X, groups, alphas=alphas, sample_weight=weight, rated=rated)
    direct = ridge.predict(Y)
    ridge.store_operators()
    stored = ridge.predict(np.where(rated[:, None], Y, np.nan))
    np.testing.assert_allclose(stored.predictions, direct.predictions, rtol=1e-9)
    np.testing.assert_array_equal(stored.alpha_index, direct.alpha_index)
    np.testing.assert_allclose(stored.inner_errors, direct.inner_errors, rtol=1e-8)
    np.testing.assert_array_equal(stored.train_mean, direct.train_mean)


def test_operators_with_repeated_grouped_folds():
    X, Y, groups, _ = sessions(9, WIDE, 3)
    folds = split_participants(groups, scheme="kfold", n_splits=3, n_repeats=2)
    ridge = prepare_nested(X, groups, alphas=ALPHAS, outer=folds, inner=4)
    direct = ridge.predict(Y)
    ridge.store_operators()
    np.testing.assert_allclose(ridge.predict(Y).predictions, direct.predictions, rtol=1e-9)


def test_permuted_ratings_equal_a_fresh_nested_prediction():
    X, Y, groups, rng = sessions(6, WIDE, 1, sizes=(2,))
    ridge = prepare_nested(X, groups, alphas=ALPHAS)
    ridge.store_operators()
    permuted = np.column_stack([rng.permutation(Y[:, 0]) for _ in range(5)])
    fresh = nested_predict(X, permuted, groups, alphas=ALPHAS)
    np.testing.assert_allclose(ridge.predict(permuted).predictions[0], fresh.predictions, rtol=1e-9)


def test_memory_of_the_operators_is_known_before_and_bounded():
    X, _, groups, _ = sessions(6, WIDE, 1, sizes=(2,))
    ridge = prepare_nested(X, groups, alphas=ALPHAS)
    assert ridge.operator_bytes == 6 * 8 * len(ALPHAS) * 10 * (10 + 2)
    with pytest.raises(RegressionError, match="must fit into"):
        ridge.store_operators(max_bytes=1000)


def test_bad_ratings_and_masks_are_refused():
    X, Y, groups, _ = sessions(6, WIDE, 1, sizes=(2,))
    ridge = prepare_nested(X, groups, alphas=ALPHAS)
    with pytest.raises(RegressionError, match="finite value"):
        ridge.predict(np.where(np.arange(12)[:, None] == 3, np.nan, Y))
    with pytest.raises(RegressionError, match=r"shape \(12, targets\)"):
        ridge.predict(Y[:, 0])
    with pytest.raises(RegressionError, match="mask"):
        prepare_nested(X, groups, alphas=ALPHAS, rated=np.ones(12))
    with pytest.raises(RegressionError, match="at least 3 participants"):
        prepare_nested(X, groups, alphas=ALPHAS, rated=groups < 2)
