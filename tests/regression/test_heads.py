"""Every regressor takes the same call, is found by name, and can be written down and read again."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, split_participants
from emoclip_clinic.regression.heads import get_head, head_names, make_head_data, register_head, registry
from emoclip_clinic.regression.mlp import MlpSettings, mlp_predict

BLOCKS = {"embedding": 8, "covariates": 3, "camera": 2}


def head_data(folds=None, seed=0):
    rng = np.random.default_rng(seed)
    groups = [f"sub-{i:02d}" for i in range(10) for _ in range(2)]
    features = {name: rng.standard_normal((20, width)) for name, width in BLOCKS.items()}
    Y = features["embedding"][:, :2] + 0.1 * rng.standard_normal((20, 2)) + 5
    Y[3, 1] = np.nan
    folds = folds or split_participants(groups)
    return make_head_data(features, Y, groups=groups, folds=folds)


def quick(name):
    head = get_head(name)
    if name == "mlp":
        return replace(head, settings=MlpSettings(hidden=(4,), max_epochs=5, n_seeds=1), device="cpu")
    return head


def test_the_named_regressors_are_there():
    assert head_names() == ("mean", "mlp", "ridge", "ridge-camera", "ridge-covariates")
    assert [name for name in head_names() if get_head(name).baseline] == [
        "mean",
        "ridge-camera",
        "ridge-covariates",
    ]


@pytest.mark.parametrize("name", ["mean", "mlp", "ridge", "ridge-camera", "ridge-covariates"])
def test_all_take_the_same_call(name):
    groups = [i for i in range(10) for _ in range(2)]
    folds = split_participants(groups, scheme="kfold", n_splits=5, n_repeats=2)
    data = head_data(folds)
    head = quick(name)
    result = head.out_of_fold(data)
    assert result.head == name
    assert result.predictions.shape == (2, 20, 2)
    assert np.isfinite(result.predictions).all()
    assert result.alphas.shape == (10, 2)
    fitted = head.fit(data)
    block = data.features[head.reads or "embedding"]
    predicted = fitted.predict(block)
    assert predicted.shape == (20, 2)
    np.testing.assert_array_equal(head.restore(fitted.arrays()).predict(block), predicted)


def test_ridge_and_mlp_are_what_their_functions_say():
    data = head_data()
    X, Y, groups = data.features["embedding"], data.Y, data.groups
    ridge = nested_predict(X, Y, groups, outer=data.folds)
    np.testing.assert_array_equal(get_head("ridge").out_of_fold(data).predictions[0], ridge.predictions)
    np.testing.assert_array_equal(get_head("ridge").out_of_fold(data).alphas, ridge.chosen_alphas)
    mlp = quick("mlp")
    alone = mlp_predict(X, Y, groups, settings=mlp.settings, folds=data.folds, device="cpu")
    result = mlp.out_of_fold(data)
    np.testing.assert_array_equal(result.predictions[0], alone.predictions)
    assert result.details["epochs"] == alone.epochs.tolist()
    assert result.details["device"] == "cpu"


def test_baselines_read_their_own_block():
    data = head_data()
    for name, block in (("ridge-covariates", "covariates"), ("ridge-camera", "camera")):
        expected = nested_predict(data.features[block], data.Y, data.groups, outer=data.folds)
        np.testing.assert_array_equal(get_head(name).out_of_fold(data).predictions[0], expected.predictions)


def test_the_mean_predictor_is_the_weighted_training_mean():
    data = head_data()
    rng = np.random.default_rng(1)
    data = replace(data, weight=rng.uniform(0.5, 2, 20))
    predictions = get_head("mean").out_of_fold(data).predictions
    expected = nested_predict(
        data.features["embedding"], data.Y, data.groups, outer=data.folds, sample_weight=data.weight
    )
    np.testing.assert_allclose(predictions[0], expected.baseline, rtol=1e-12)


def test_a_target_rated_in_too_few_participants_is_nan_in_every_fit():
    data = head_data()
    data.Y[2:, 1] = np.nan
    for name in ("mean", "ridge"):
        head = get_head(name)
        predicted = head.fit(data).predict(data.features["embedding"])
        assert np.isnan(predicted[:, 1]).all()
        assert np.isfinite(predicted[:, 0]).all()


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(RegressionError, match=r"Found: rigde\. Did you mean 'ridge'\?"):
        get_head("rigde")


def test_an_absent_block_names_those_that_are_there():
    data = replace(head_data(), features={"embedding": np.ones((20, 1))})
    with pytest.raises(RegressionError, match=r"reads the features 'camera'.*only embedding"):
        get_head("ridge-camera").out_of_fold(data)


def test_blocks_of_other_length_are_refused():
    with pytest.raises(RegressionError, match=r"4 rows.*3 rows in 'camera'"):
        make_head_data({"camera": np.ones((3, 1))}, np.ones(4), groups=[1, 2, 3, 4], folds=())


def test_new_features_of_other_width_are_refused():
    fitted = get_head("ridge").fit(head_data())
    with pytest.raises(RegressionError, match=r"trained on 8 features. Found: 3"):
        fitted.predict(np.ones((2, 3)))


def test_a_new_regressor_is_known_once_registered(monkeypatch):
    head_names()
    monkeypatch.setattr(registry, "_HEADS", dict(registry._HEADS))

    @dataclass(frozen=True)
    class Doubled(type(get_head("mean"))):
        name: str = "doubled"

    doubled = register_head(Doubled())
    assert get_head("doubled") is doubled
    with pytest.raises(RegressionError, match=r"unique. Found: doubled"):
        register_head(Doubled())
