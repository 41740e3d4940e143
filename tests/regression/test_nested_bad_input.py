"""Every kind of unusable input has an error that names it, or a warning with a stated result."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import EmoClipClinicError, RegressionError
from emoclip_clinic.regression import Fold, RegressionWarning, nested_predict

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(5), 2)
X = RNG.standard_normal((10, 30))
Y = RNG.standard_normal((10, 2))


def predict(features=X, targets=Y, groups=GROUPS, **options):
    return nested_predict(features, targets, groups, **{"alphas": [1.0, 10.0], **options})


def refuse(message, **options):
    with pytest.raises(RegressionError, match=message) as caught:
        predict(**options)
    assert isinstance(caught.value, EmoClipClinicError)


def with_value(array, value, row=3, column=1):
    changed = array.astype(np.float64)
    changed[row, column] = value
    return changed


def test_nan_and_infinite_features_are_located():
    refuse("X must not hold NaN.*the first in row 3, column 1", features=with_value(X, np.nan))
    refuse("X must hold finite values.*row 3, column 1", features=with_value(X, np.inf))
    refuse("X must hold finite values", features=with_value(X, 1e200))
    refuse("X must hold finite values.*row 3", features=with_value(X, np.inf).astype(np.float32))


def test_masked_values_count_as_missing():
    hidden = np.zeros(Y.shape, dtype=bool)
    hidden[3, 1] = True
    masked = np.ma.masked_array(Y, mask=hidden)
    expected = predict(targets=with_value(Y, np.nan)).predictions
    np.testing.assert_array_equal(predict(targets=masked).predictions, expected)
    refuse("X must not hold NaN.*row 3, column 1", features=np.ma.masked_greater(with_value(X, 99.0), 50.0))
    unmasked = predict(targets=np.ma.masked_array(Y)).predictions
    np.testing.assert_array_equal(unmasked, predict().predictions)


def test_infinite_targets_are_located():
    refuse("Y must hold finite values.*row 3, column 1", targets=with_value(Y, -np.inf))


@pytest.mark.parametrize("groups", [None, np.arange(9), GROUPS[:, None], GROUPS > 2])
def test_groups_are_mandatory_and_one_for_each_row(groups):
    refuse("groups must", groups=groups)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  "])
def test_a_row_without_a_participant_is_refused(missing):
    groups = np.array([f"sub-{g}" for g in GROUPS], dtype=object)
    groups[7] = missing
    refuse("1 rows without a label, the first is row 7", groups=groups)


def test_labels_of_two_kinds_are_refused():
    groups = np.array([1, 1, "1", "1", 2, 2, 3, 3, 4, 4], dtype=object)
    refuse("labels of one kind.*int, str", groups=groups)


@pytest.mark.parametrize("other", ["sub-1 ", " sub-1", "sub-1\u00a0"])
def test_labels_that_only_blanks_tell_apart_are_refused(other):
    groups = [f"sub-{group}" for group in GROUPS]
    refuse("more than blanks", groups=[*groups[:3], other, *groups[4:]])


def test_labels_may_be_strings_or_objects():
    names = [f"sub-{g}" for g in GROUPS]
    expected = predict().predictions
    for groups in (
        names,
        np.array(names),
        np.array(names, dtype=object),
        pd.Series(names),
        pd.Categorical(names),
    ):
        np.testing.assert_array_equal(predict(groups=groups).predictions, expected)


def test_fewer_than_three_participants_are_refused():
    refuse("at least 3 participants.*Found: 2", groups=np.minimum(GROUPS, 1))


def test_a_participant_on_both_sides_is_refused():
    rows = np.arange(10)
    leaky = [Fold(0, "a", rows[3:], rows[:3]), Fold(0, "b", rows[:3], rows[3:])]
    refuse("both sides of a fold.*Found: 1", outer=leaky)


@pytest.mark.parametrize(
    ("features", "targets"),
    [(X[:, 0], Y), (X[:0], Y[:0]), (X[:, :0], Y), (X, Y[:9]), (X, Y[:, :0]), (X, Y[:, :, None]), (X, 3.0)],
)
def test_wrong_shapes_are_shown(features, targets):
    refuse(r"must have the shape.*Found: shape \(", features=features, targets=targets)


def test_values_that_are_not_real_numbers_are_refused():
    refuse("Y must hold real numbers", targets=np.full((10, 1), "moderate"))
    refuse("Y must hold real numbers", targets=np.full((10, 1), "4", dtype=object) + "?")
    refuse("X must hold real numbers", features=X + 1j)
    refuse("rectangular", features=[[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("alphas", [[], [0.0, 1.0], [-1.0], [np.nan, 1], [np.inf], [[1.0, 2.0]]])
def test_penalties_that_cannot_be_used_are_refused(alphas):
    refuse("alphas must be", alphas=alphas)


def test_a_column_of_text_is_refused():
    refuse("X must be a rectangular array of numbers", features=pd.DataFrame(X).assign(site="A"))


def test_penalties_are_sorted_and_used_once():
    with pytest.warns(RegressionWarning, match="1 repeated penalties"):
        result = predict(alphas=[100.0, 1.0, 100.0])
    np.testing.assert_array_equal(result.alphas, [1.0, 100.0])
    np.testing.assert_array_equal(result.predictions, predict(alphas=[1.0, 100.0]).predictions)


@pytest.mark.parametrize(
    "weight", [-np.ones(10), np.zeros(10), np.ones(9), np.full(10, np.nan), np.full(10, np.inf)]
)
def test_weights_that_cannot_be_used_are_refused(weight):
    refuse("sample_weight must", sample_weight=weight)


@pytest.mark.parametrize(
    "option",
    [
        {"outer": "kfold"},
        {"outer": 1},
        {"outer": True},
        {"outer": 6},
        {"outer": []},
        {"outer": 2.0},
        {"outer": [(np.arange(8), np.arange(8, 10))]},
        {"outer": 2, "seed": -1},
        {"inner": 2, "strata": ["a", "b"]},
        {"inner": 2, "strata": "site"},
    ],
)
def test_outer_folds_that_cannot_be_made_are_refused(option):
    with pytest.raises(RegressionError):
        predict(**option)


@pytest.mark.parametrize("inner", ["kfold", 1, True, 2.5])
def test_inner_folds_that_cannot_be_made_are_refused(inner):
    refuse("inner must be", inner=inner)


def test_numbers_of_folds_may_be_numpy_integers():
    plain = predict(outer=3, inner=2).predictions
    np.testing.assert_array_equal(predict(outer=np.int64(3), inner=np.int32(2)).predictions, plain)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, np.float16, np.float32])
def test_narrow_types_of_ratings_do_not_overflow(dtype):
    ratings = np.array([[1], [120], [3], [127], [90], [2], [100], [7], [125], [60]]).astype(dtype)
    expected = predict(targets=ratings.astype(np.float64)).predictions
    np.testing.assert_array_equal(predict(targets=ratings).predictions, expected)
    features = (X * 50).astype(np.int8)
    np.testing.assert_array_equal(
        predict(features=features).predictions, predict(features=features.astype(np.float64)).predictions
    )


def test_whole_numbers_that_float64_would_round_are_refused():
    refuse(re.escape("must not exceed 2**53"), targets=np.full((10, 1), 2**53 + 1))
    refuse(re.escape("must not exceed 2**53"), targets=np.full((10, 1), 2**53 + 1, dtype=object))


def test_none_and_nullable_columns_are_missing_ratings():
    values = Y[:, 0].round().tolist()
    values[4] = np.nan
    expected = predict(targets=np.array(values)).predictions
    as_object = np.array([None if np.isnan(v) else v for v in values], dtype=object)
    nullable = pd.Series(values).astype("Int64")
    for targets in (as_object, nullable):
        np.testing.assert_array_equal(predict(targets=targets).predictions, expected)
    frame = nullable.to_frame()
    np.testing.assert_array_equal(predict(targets=frame).predictions, expected[:, None])


def test_a_target_rated_in_too_few_participants_is_nan_and_leaves_the_others_alone():
    targets = np.column_stack([Y, np.full(10, np.nan), np.where(GROUPS < 2, 3.0, np.nan)])
    with pytest.warns(RegressionWarning, match=r"2 of 4 targets .* fewer than 3 participants .*column 2"):
        result = predict(targets=targets)
    assert np.isnan(result.predictions[:, 2:]).all()
    assert np.isnan(result.chosen_alphas[:, 2:]).all()
    assert np.isnan(result.baseline[:, 2:]).all()
    np.testing.assert_array_equal(result.predictions[:, :2], predict().predictions)


def test_a_constant_target_is_predicted_by_its_constant_with_the_largest_penalty():
    targets = np.column_stack([Y[:, 0], np.full(10, 0.1)])
    with pytest.warns(RegressionWarning, match="1 of 2 targets are constant"):
        result = predict(targets=targets)
    np.testing.assert_allclose(result.predictions[:, 1], 0.1, rtol=1e-14)
    np.testing.assert_array_equal(result.chosen_alphas[:, 1], 10.0)


@pytest.mark.parametrize("n_features", [30, 3])
def test_a_constant_feature_has_no_effect(n_features):
    features = X[:, :n_features]
    with pytest.warns(RegressionWarning, match=f"1 of {n_features + 1} features are constant"):
        result = predict(features=np.column_stack([features, np.full(10, 0.1)]))
    np.testing.assert_allclose(result.predictions, predict(features=features).predictions, rtol=1e-11)


def test_only_constant_features_give_the_baseline():
    with pytest.warns(RegressionWarning, match="30 of 30 features are constant"):
        result = predict(features=np.ones((10, 30)))
    np.testing.assert_allclose(result.predictions, result.baseline, rtol=1e-12)


def test_a_fold_without_rated_training_participants_is_nan():
    rows = np.arange(10)
    folds = [Fold(0, "a", rows[4:], rows[:4]), Fold(0, "b", rows[:4], rows[4:])]
    targets = np.where(GROUPS < 4, Y[:, 0], np.nan)
    targets[:2] = np.nan  # rated: participants 1, 2, 3; fold b trains on participant 1 alone
    with pytest.warns(RegressionWarning, match="1 folds have fewer than two rated .* fold b"):
        result = predict(targets=targets, outer=folds)
    assert np.isnan(result.predictions[4:]).all()
    assert np.isfinite(result.predictions[:4]).all()


def test_clean_input_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict()
