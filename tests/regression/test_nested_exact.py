"""Nested ridge equals the plain scikit-learn loop, with weights, missing ratings and odd features."""

import tracemalloc

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from emoclip_clinic.regression import nested_predict, split_participants
from emoclip_clinic.regression.nested_ridge import choose_alpha
from emoclip_clinic.regression.ridge_core import constant_features
from emoclip_clinic.regression.ridge_dual import DualRidge
from emoclip_clinic.regression.ridge_primal import PrimalRidge
from tests.regression.naive_ridge import distance, nested_loop, nested_loop_with_missing

ALPHAS = np.logspace(-1, 5, 7)
WIDE, TALL = 60, 5


def sessions(n_groups, n_features, n_targets, *, seed=0, sizes=(1, 2, 3, 4)):
    """Unequal numbers of sessions; features on different scales, one with a large offset."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(n_groups), np.resize(sizes, n_groups)))
    X = rng.standard_normal((len(groups), n_features)) + rng.standard_normal((n_groups, n_features))[groups]
    X *= 10.0 ** rng.uniform(-2, 2, n_features)
    X[:, -1] += 1e4 * X[:, -1].std()
    signal = (X - X.mean(0)) / X.std(0) @ rng.standard_normal((n_features, n_targets)) / np.sqrt(n_features)
    return X, 10 + signal + rng.standard_normal(signal.shape), groups, rng


def test_equals_the_loop_at_the_promised_size():
    X, Y, groups, _ = sessions(20, 256, 12, sizes=(1,))
    alphas = np.logspace(-1, 6, 24)
    ours = nested_predict(X, Y, groups, alphas=alphas)
    with threadpool_limits(1):  # small matrices: threads cost more than they bring
        theirs, chosen = nested_loop(X, Y, groups, alphas)
    assert distance(ours.predictions, theirs).max() < 1e-8
    np.testing.assert_array_equal(ours.chosen_alphas, chosen)
    assert ours.n_training_sets == 20 * 19 / 2


@pytest.mark.parametrize("n_features", [WIDE, TALL])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_equals_the_loop_with_unequal_groups(n_features, standardize, weighted):
    X, Y, groups, rng = sessions(7, n_features, 3)
    weight = rng.uniform(0.2, 3, len(X)) if weighted else None
    if weighted:
        weight[[0, 3]] = 0
    ours = nested_predict(X, Y, groups, alphas=ALPHAS, sample_weight=weight, standardize=standardize)
    theirs, chosen = nested_loop(X, Y, groups, ALPHAS, weight=weight, standardize=standardize)
    assert distance(ours.predictions, theirs).max() < 1e-8
    np.testing.assert_array_equal(ours.chosen_alphas, chosen)


@pytest.mark.parametrize("n_features", [WIDE, TALL])
def test_rows_without_a_rating_leave_their_target_only(n_features):
    X, Y, groups, rng = sessions(6, n_features, 4, seed=1)
    Y[rng.random(Y.shape) < 0.15] = np.nan
    Y[:, 3] = Y[:, 0] * 2 + 1  # the same pattern as target 0
    Y[groups == 2, 1] = np.nan  # a participant without any rating of target 1
    weight = rng.uniform(0.5, 2, len(X))
    ours = nested_predict(X, Y, groups, alphas=ALPHAS[::2], sample_weight=weight)
    theirs = nested_loop_with_missing(X, Y, groups, ALPHAS[::2], weight=weight)
    assert distance(ours.predictions, theirs).max() < 1e-8
    assert np.isfinite(ours.predictions).all()


@pytest.mark.parametrize("n_features", [WIDE, TALL])
def test_features_that_vary_only_in_the_participant_left_out(n_features):
    X, Y, groups, _ = sessions(6, n_features, 2, seed=2)
    for column, value in enumerate((0.0, 0.1, -3e5)):
        X[:, column] = value
        X[groups == column, column] += np.arange(1, 1 + (groups == column).sum())
    X[:, 3] = np.where(groups == 3, 1e6, 1e-3) * (1 + X[:, 3] / np.abs(X[:, 3]).max())
    ours = nested_predict(X, Y, groups, alphas=ALPHAS)
    theirs, chosen = nested_loop(X, Y, groups, ALPHAS)
    assert distance(ours.predictions, theirs).max() < 1e-8
    np.testing.assert_array_equal(ours.chosen_alphas, chosen)


@pytest.mark.parametrize("n_features", [WIDE, TALL])
def test_grouped_folds_outside_equal_the_loop(n_features):
    X, Y, groups, _ = sessions(9, n_features, 2, seed=3)
    folds = split_participants(groups, scheme="kfold", n_splits=3, n_repeats=2, seed=5)
    ours = nested_predict(X, Y, groups, alphas=ALPHAS[::3], outer=folds)
    assert ours.predictions.shape == (2, *Y.shape)
    for repeat in range(2):
        outer = [(fold.train, fold.test) for fold in folds if fold.repeat == repeat]
        theirs, _ = nested_loop(X, Y, groups, ALPHAS[::3], outer=outer)
        assert distance(ours.predictions[repeat], theirs).max() < 1e-8


def test_both_forms_agree_where_either_could_be_used():
    X, Y, groups, rng = sessions(6, 12, 3, seed=4)
    weight = rng.uniform(0.5, 2, len(X))
    rows, alphas = np.flatnonzero(groups != 1), np.array([0.5, 3.0, 80.0])
    dual = DualRidge(X, weight, standardize=True)
    primal = PrimalRidge(X, weight, codes=groups, rows=np.arange(len(X)), standardize=True)
    for ours, theirs in zip(
        dual.coefficients(rows, Y, alphas), primal.coefficients(rows, Y, alphas), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("rows_per_group", [2, 40])
def test_tall_float32_segments_equal_the_loop(rows_per_group):
    # 40 rows of 5 features: Gram matrices are kept for each participant; 2 rows: computed when needed.
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(6), rows_per_group)
    X = (rng.standard_normal((len(groups), 5)) + 300).astype(np.float32)
    Y = X[:, :2].astype(np.float64) + rng.standard_normal((len(groups), 2))
    ours = nested_predict(X, Y, groups, alphas=ALPHAS)
    theirs, _ = nested_loop(X.astype(np.float64), Y, groups, ALPHAS)
    assert distance(ours.predictions, theirs).max() < 1e-8


def test_baseline_is_the_mean_of_the_training_rows():
    X, Y, groups, rng = sessions(5, 4, 2)
    weight = rng.uniform(0.5, 2, len(X))
    Y[0, 1] = np.nan
    ours = nested_predict(X, Y, groups, alphas=[1.0, 10.0], sample_weight=weight)
    for row in range(len(X)):
        train = groups != groups[row]
        assert ours.baseline[row, 0] == pytest.approx(np.average(Y[train, 0], weights=weight[train]))
        rated = train & ~np.isnan(Y[:, 1])
        assert ours.baseline[row, 1] == pytest.approx(np.average(Y[rated, 1], weights=weight[rated]))


def test_a_very_large_penalty_predicts_the_baseline():
    X, Y, groups, _ = sessions(5, 30, 2)
    ours = nested_predict(X, Y, groups, alphas=[1e14])
    np.testing.assert_allclose(ours.predictions, ours.baseline, rtol=1e-9)


def test_predictions_of_a_participant_do_not_depend_on_the_participants_ratings():
    X, Y, groups, _ = sessions(6, 30, 2)
    changed = Y.copy()
    changed[groups == 4] += 100
    before, after = (nested_predict(X, y, groups, alphas=ALPHAS) for y in (Y, changed))
    np.testing.assert_array_equal(before.predictions[groups == 4], after.predictions[groups == 4])
    assert not np.allclose(before.predictions[groups != 4], after.predictions[groups != 4])


def test_order_of_rows_and_names_of_participants_do_not_matter():
    X, Y, groups, rng = sessions(6, 30, 2)
    order = rng.permutation(len(X))
    names = np.array([f"sub-{9 - g}" for g in groups])
    plain = nested_predict(X, Y, groups, alphas=ALPHAS)
    shuffled = nested_predict(X[order], Y[order], names[order], alphas=ALPHAS)
    np.testing.assert_allclose(shuffled.predictions, plain.predictions[order], rtol=1e-9)


def test_integer_weights_equal_repeated_rows():
    X, Y, groups, rng = sessions(6, 30, 2)
    times = rng.integers(1, 4, len(X))
    weighted = nested_predict(X, Y, groups, alphas=ALPHAS, sample_weight=times)
    repeat = np.repeat(np.arange(len(X)), times)
    repeated = nested_predict(X[repeat], Y[repeat], groups[repeat], alphas=ALPHAS)
    np.testing.assert_allclose(repeated.predictions, weighted.predictions[repeat], rtol=1e-8)


def test_ties_go_to_the_larger_penalty():
    errors = np.array([[[2.0, 1.0], [1.0, 1.0 + 1e-13], [1.0, 1.0 + 1e-11]]])
    np.testing.assert_array_equal(choose_alpha(errors), [[2, 1]])


def test_constant_rule_is_that_of_the_standard_scaler():
    rng = np.random.default_rng(0)
    X = np.tile([0.0, 0.1, 1e8, -7.0, 1e-300], (11, 1))
    X = np.hstack([X, 1e8 + 1e-9 * rng.standard_normal((11, 1)), rng.standard_normal((11, 1))])
    scaler = StandardScaler().fit(X)
    ours = constant_features(scaler.var_, scaler.mean_, 11)
    np.testing.assert_array_equal(ours, [True, True, True, True, True, True, False])
    np.testing.assert_array_equal(scaler.scale_[ours], 1)


def test_one_target_keeps_its_shape_and_lists_are_accepted():
    X, Y, groups, _ = sessions(5, 30, 1)
    flat = nested_predict(X.tolist(), Y[:, 0].tolist(), groups.tolist(), alphas=[1, 10])
    table = nested_predict(X, Y, groups, alphas=[1, 10])
    assert flat.predictions.shape == (len(X),)
    np.testing.assert_allclose(flat.predictions, table.predictions[:, 0], rtol=1e-12)


def test_result_says_who_was_where():
    X, Y, groups, _ = sessions(5, 30, 1)
    result = nested_predict(X, Y, groups, alphas=[1, 10])
    assert result.inner == "leave-one-participant-out"
    assert [fold.name for fold in result.folds] == ["0", "1", "2", "3", "4"]
    for row in range(len(X)):
        assert row in result.folds[result.fold_of_row[0, row]].test


def test_above_150_participants_the_inner_split_is_grouped_10_fold():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((151, 3)), rng.standard_normal(151)
    many = nested_predict(X, y, np.arange(151), alphas=[1, 10], outer=3)
    assert (many.inner, many.n_training_sets) == ("grouped 10-fold", 30)
    few = nested_predict(X[:150], y[:150], np.arange(150), alphas=[1, 10], outer=3)
    assert (few.inner, few.n_training_sets) == ("leave-one-participant-out", 300)
    named = nested_predict(X, y, np.arange(151), alphas=[1, 10], outer=3, inner="participant")
    assert named.inner == "leave-one-participant-out"


def test_progress_goes_from_begin_to_end_once_whatever_ratings_are_missing():
    rng = np.random.default_rng(8)
    groups, X, Y = np.repeat(np.arange(6), 2), rng.standard_normal((12, 5)), rng.standard_normal((12, 4))
    Y[0, 1] = Y[3, 2] = np.nan
    seen = []
    nested_predict(X, Y, groups, alphas=[1, 10], progress=lambda *now: seen.append(now))
    assert len({total for _, total in seen}) == 1
    done = [done for done, _ in seen]
    assert done == sorted(done)
    assert done[-1] == seen[0][1]
    assert done[0] < done[-1] / 3


def test_progress_reaches_the_total():
    X, Y, groups, _ = sessions(5, 30, 1)
    seen = []
    nested_predict(X, Y, groups, alphas=[1, 10], progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4 * len(X), 4 * len(X))


def test_many_segments_take_at_most_twice_the_memory_of_the_matrix_beside_it():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30_000, 256), dtype=np.float32)
    groups = np.sort(rng.integers(0, 40, len(X)))
    tracemalloc.start()
    with threadpool_limits(1):
        nested_predict(X, X[:, :2], groups, alphas=[1.0, 1e3], outer=3, inner=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2 * X.nbytes
