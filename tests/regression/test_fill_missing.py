"""Missing covariates are filled inside each training set, and levels of the left-out tell nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import GroupRidgeCV, gain_test, nested_predict, skill, split_participants
from emoclip_clinic.regression.design import make_design_table
from emoclip_clinic.regression.gain import _fit
from emoclip_clinic.regression.heads import get_head, make_head_data
from emoclip_clinic.regression.ridge_core import centre_known
from tests.regression.naive_ridge import choose_alpha, distance

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*features are constant", "ignore:invalid value encountered in sqrt:RuntimeWarning"
)

ALPHAS = np.array([0.3, 3.0, 30.0])
WIDE, TALL = 40, 6


def fill(X, rows, weight):
    """Fill every row with the weighted mean of the training rows that have a value; 0 if none has."""
    filled = X.copy()
    for column in range(X.shape[1]):
        known = rows[~np.isnan(X[rows, column])]
        mean = np.average(X[known, column], weights=weight[known]) if len(known) else 0.0
        filled[np.isnan(X[:, column]), column] = mean
    return filled


def fitted(X, y, rows, weight, alpha):
    filled = fill(X, rows, weight)
    model = make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(
        filled[rows], y[rows], standardscaler__sample_weight=weight[rows], ridge__sample_weight=weight[rows]
    )
    return model.predict(filled)


def plain_loop(X, Y, groups, weight):
    """Outer and inner leave-one-participant-out, target by target, all learned from the training rows."""
    predictions = np.full(Y.shape, np.nan)
    for target, y in enumerate(Y.T):
        rated = ~np.isnan(y)
        for group in np.unique(groups):
            train = np.flatnonzero(rated & (groups != group))
            errors = np.zeros(len(ALPHAS))
            for inner in np.unique(groups[train]):
                rows, left = train[groups[train] != inner], train[groups[train] == inner]
                for a, alpha in enumerate(ALPHAS):
                    errors[a] += weight[left] @ (fitted(X, y, rows, weight, alpha)[left] - y[left]) ** 2
            mine = groups == group
            predictions[mine, target] = fitted(X, y, train, weight, choose_alpha(errors, ALPHAS))[mine]
    return predictions


def with_gaps(n_features, *, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(7), [1, 2, 3, 2, 1, 2, 3])
    X = rng.standard_normal((len(groups), n_features)) * 10.0 ** rng.uniform(-2, 2, n_features)
    Y = X[:, :2] / X[:, :2].std(axis=0) + rng.standard_normal((len(groups), 2))
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 0] += 1e4
    X[:, 1] = np.where(groups == 3, 5.0, np.nan)  # one participant alone has a value
    X[:, 2] = np.where(groups == 1, np.nan, 7.0)  # constant where it is known
    X[:, 3] = groups == 4  # a level of one participant
    X[:, 4] = np.where(groups == 2, 1e6, X[:, 4])  # the others lose digits beside it
    Y[[2, 6], 1] = np.nan
    return X, Y, groups, rng


@pytest.mark.parametrize("n_features", [WIDE, TALL])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_filling_in_every_training_set_of_the_plain_loop(n_features, weighted):
    X, Y, groups, rng = with_gaps(n_features)
    weight = rng.uniform(0.3, 2, len(X)) if weighted else np.ones(len(X))
    ours = nested_predict(X, Y, groups, alphas=ALPHAS, sample_weight=weight, fill_missing=True)
    assert distance(ours.predictions, plain_loop(X, Y, groups, weight)).max() < 1e-8


@pytest.mark.parametrize("n_features", [WIDE, TALL])
def test_without_gaps_the_option_changes_nothing(n_features):
    X, Y, groups, _ = with_gaps(n_features)
    X = np.nan_to_num(X)
    plain = nested_predict(X, Y, groups, alphas=ALPHAS)
    filling = nested_predict(X, Y, groups, alphas=ALPHAS, fill_missing=True)
    np.testing.assert_array_equal(plain.predictions, filling.predictions)


def people(**changed):
    """Twelve participants; the first one's entries may be changed."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"age": rng.uniform(20, 60, 12), "site": list("AABB" * 3)}).astype({"age": float})
    table.loc[[4, 7], "age"] = np.nan
    for column, value in changed.items():
        table[column] = [value, *table[column].iloc[1:]]
    return make_design_table(table).X, rng.standard_normal((12, 2)) + 2


@pytest.mark.parametrize("changed", [{"age": np.nan}, {"age": 1e5}, {"site": "Z"}, {"site": None}])
def test_covariates_of_a_held_out_participant_reach_no_other_prediction_of_the_fold(changed):
    folds = split_participants(np.arange(12), scheme="kfold", n_splits=4, seed=1)
    predictions = []
    for design, Y in (people(), people(**changed)):
        result = nested_predict(
            design, Y, np.arange(12), outer=folds, inner=3, alphas=ALPHAS, fill_missing=True
        )
        predictions.append(result.predictions)
    (own,) = [fold for fold in folds if 0 in fold.test]
    beside = np.setdiff1d(own.test, [0])
    assert beside.size
    np.testing.assert_allclose(predictions[0][beside], predictions[1][beside], rtol=1e-9)
    assert (np.abs(predictions[0][own.train] - predictions[1][own.train]) > 1e-9).any()  # it trained those


def test_the_fit_to_all_participants_fills_alike_and_can_be_read_again():
    X, Y, groups, _ = with_gaps(TALL)
    model = GroupRidgeCV([2.0], fill_missing=True).fit(X, Y, groups=groups)
    for target in range(2):
        rated = ~np.isnan(Y[:, target])
        pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), Ridge(alpha=2.0))
        expected = pipeline.fit(X[rated], Y[rated, target]).predict(X)
        np.testing.assert_allclose(model.predict(X)[:, target], expected, rtol=1e-9)
    data = make_head_data({"covariates": X}, Y, groups=groups, folds=split_participants(groups))
    head = get_head("ridge-covariates")
    one = head.fit(data)
    again = head.restore(one.arrays())
    assert np.isfinite(again.predict(X)).all()
    np.testing.assert_array_equal(again.predict(X), one.predict(X))
    expected = nested_predict(X, Y, groups, outer=data.folds, fill_missing=True).predictions
    np.testing.assert_array_equal(head.out_of_fold(data).predictions[0], expected)


def test_gaps_are_refused_where_nothing_fills_them():
    X, Y, groups, _ = with_gaps(TALL)
    data = make_head_data({"embedding": X}, Y, groups=groups, folds=split_participants(groups))
    for name in ("ridge", "mlp"):
        with pytest.raises(RegressionError, match="must not hold NaN"):
            get_head(name).out_of_fold(data)
    with pytest.raises(RegressionError, match="at most 1e150"):
        nested_predict(np.where(np.isnan(X), np.inf, X), Y, groups, fill_missing=True)
    with pytest.raises(ValueError, match="NaN"):
        GroupRidgeCV().fit(X, np.nan_to_num(Y), groups=groups)


def test_a_constant_that_is_known_is_centred_to_exactly_nothing():
    values = np.array([[0.1, 3.0], [0.1, 0.0], [0.1, 5.0], [8.0, 4.0]])
    known = np.array([[True, True], [True, False], [True, True], [True, True]])
    centred, mean = centre_known(values, known, np.array([1.0, 1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(centred[:3, 0], 0.0)
    assert centred[1, 1] == 0.0
    np.testing.assert_allclose(mean, [0.1, 13 / 3], rtol=1e-15)
    np.testing.assert_array_equal(centre_known(values, known & False, np.ones(4))[1], 0.0)


def test_the_gain_over_a_baseline_with_gaps_is_the_difference_of_two_filled_fits():
    rng = np.random.default_rng(3)
    X, groups = rng.standard_normal((20, 30)), np.arange(20)
    age = rng.uniform(20, 60, 20)
    age[[2, 9, 11]] = np.nan
    baseline = make_design_table(pd.DataFrame({"age": age})).X
    Y = np.nan_to_num(age, nan=40.0)[:, None] / 10 + rng.standard_normal((20, 2))
    table = gain_test(X, Y, groups, baseline=baseline, alphas=ALPHAS, n_permutations=19).table
    for column, features in (("skill", np.hstack([baseline, X])), ("skill_baseline", baseline)):
        result = nested_predict(features, Y, groups, alphas=ALPHAS, fill_missing=True)
        np.testing.assert_allclose(table[column], skill(Y, result.predictions, result.baseline), rtol=1e-9)


def test_what_the_gain_test_leaves_with_the_videos_does_not_depend_on_the_filling():
    rng = np.random.default_rng(4)
    age = rng.uniform(20, 60, 20)
    age[[2, 9, 11]] = np.nan
    baseline = make_design_table(pd.DataFrame({"age": age})).X
    y = rng.standard_normal(20)
    ours, left, reason = _fit(y, baseline, np.arange(20))
    assert reason == ""
    n_columns = 3  # an intercept, age, and the mark of a gap
    np.testing.assert_allclose(left, (y - ours) * np.sqrt(20 / (20 - n_columns)))
    for value in (0.0, 1000.0):
        filled = np.column_stack([np.ones(20), np.nan_to_num(baseline, nan=value)])
        np.testing.assert_allclose(ours, filled @ np.linalg.lstsq(filled, y)[0], rtol=1e-8)
