"""GroupRidgeCV is a scikit-learn estimator, and the refit of what nested_predict does in each fold."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from sklearn.utils.estimator_checks import estimator_checks_generator

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import GroupRidgeCV, nested_predict
from tests.regression.naive_ridge import distance
from tests.regression.test_nested_exact import ALPHAS, TALL, WIDE, sessions


class EachRowItsOwnGroup(GroupRidgeCV):
    """scikit-learn's checks know nothing of participants; a row that is there twice is one participant."""

    def fit(self, X, y, *, sample_weight=None):
        rows = check_array(X, ensure_min_samples=3)
        groups = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
        return super().fit(X, y, groups=groups, sample_weight=sample_weight)


@pytest.mark.filterwarnings("ignore")
def test_passes_the_checks_of_scikit_learn():
    failed = []
    count = 0
    for estimator, check in estimator_checks_generator(EachRowItsOwnGroup()):
        count += 1
        try:
            check(estimator)
        except Exception as error:  # every failure is listed
            if type(error).__name__ != "SkipTest":
                failed.append((getattr(check, "func", check).__name__, repr(error)))
    assert not failed
    assert count > 40


@pytest.mark.parametrize("n_features", [WIDE, TALL])
def test_each_outer_fold_of_nested_predict_is_this_estimator(n_features):
    X, Y, groups, rng = sessions(6, n_features, 3)
    weight = rng.uniform(0.5, 2, len(X))
    Y[rng.random(Y.shape) < 0.1] = np.nan
    for inner in ("participant", 3):
        nested = nested_predict(X, Y, groups, alphas=ALPHAS, sample_weight=weight, inner=inner, seed=3)
        for number, fold in enumerate(nested.folds):
            train = fold.train
            model = GroupRidgeCV(ALPHAS, inner=inner, seed=3)
            model.fit(X[train], Y[train], groups=groups[train], sample_weight=weight[train])
            np.testing.assert_array_equal(model.alpha_, nested.chosen_alphas[number])
            np.testing.assert_allclose(model.inner_errors_, nested.inner_errors[number], rtol=1e-8)
            np.testing.assert_allclose(model.predict(X[fold.test]), nested.predictions[fold.test], rtol=1e-8)


@pytest.mark.parametrize("n_features", [WIDE, TALL])
@pytest.mark.parametrize("standardize", [True, False])
def test_the_refit_is_ridge_with_the_chosen_alpha(n_features, standardize):
    X, Y, groups, _ = sessions(7, n_features, 3)
    model = GroupRidgeCV(ALPHAS, standardize=standardize).fit(X, Y, groups=groups)
    for target in range(3):
        steps = [StandardScaler()] if standardize else []
        plain = make_pipeline(*steps, Ridge(alpha=model.alpha_[target])).fit(X, Y[:, target])
        assert distance(model.predict(X)[:, target], plain.predict(X)) < 1e-9


def test_shapes_follow_y():
    X, Y, groups, _ = sessions(5, WIDE, 2)
    one, two = (
        GroupRidgeCV(ALPHAS).fit(X, Y[:, 0], groups=groups),
        GroupRidgeCV(ALPHAS).fit(X, Y, groups=groups),
    )
    assert (one.coef_.shape, two.coef_.shape) == ((WIDE,), (2, WIDE))
    assert isinstance(one.alpha_, float)
    assert two.alpha_.shape == two.intercept_.shape == (2,)
    assert (one.inner_errors_.shape, two.inner_errors_.shape) == ((len(ALPHAS),), (len(ALPHAS), 2))
    assert one.inner_ == "leave-one-participant-out"
    np.testing.assert_allclose(one.predict(X), two.predict(X)[:, 0], rtol=1e-10)


def test_groups_travel_by_metadata_routing():
    X, Y, groups, _ = sessions(8, WIDE, 1)
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_validate(
            GroupRidgeCV(ALPHAS),
            X,
            Y[:, 0],
            params={"groups": groups},
            cv=GroupKFold(4),
            return_estimator=True,
            return_indices=True,
        )
    for model, train in zip(scores["estimator"], scores["indices"]["train"], strict=True):
        alone = GroupRidgeCV(ALPHAS).fit(X[train], Y[train, 0], groups=groups[train])
        np.testing.assert_array_equal(model.coef_, alone.coef_)


def test_without_groups_it_refuses():
    X, Y, _, _ = sessions(5, WIDE, 1)
    with pytest.raises(RegressionError, match="groups must name the participant of every row"):
        GroupRidgeCV().fit(X, Y)


def test_a_target_rated_in_too_few_participants_is_refused():
    X, Y, groups, _ = sessions(5, WIDE, 2)
    Y[groups > 1, 1] = np.nan
    with pytest.raises(RegressionError, match=r"columns \[1\]"):
        GroupRidgeCV().fit(X, Y, groups=groups)


def test_parameters_survive_a_clone():
    model = GroupRidgeCV([1.0, 2.0], inner=5, standardize=False, seed=4)
    assert clone(model).get_params() == model.get_params()


def test_masked_values_are_not_read():
    X, Y, groups, _ = sessions(5, WIDE, 2)
    hidden = np.zeros(Y.shape, dtype=bool)
    hidden[2, 1] = True
    wild = np.where(hidden, 1e6, Y)
    model = GroupRidgeCV(ALPHAS).fit(X, np.ma.masked_array(wild, mask=hidden), groups=groups)
    expected = GroupRidgeCV(ALPHAS).fit(X, np.where(hidden, np.nan, Y), groups=groups)
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    masked = np.ma.masked_array(X, mask=np.arange(X.size).reshape(X.shape) == 0)
    with pytest.raises(ValueError, match="NaN"):
        model.predict(masked)
    with pytest.raises(ValueError, match="NaN"):
        GroupRidgeCV(ALPHAS).fit(masked, Y, groups=groups)
