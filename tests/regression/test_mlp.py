"""What the MLP does on data whose truth is known, on degenerate data, and on bad input."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import Fold, RegressionWarning, split_participants
from emoclip_clinic.regression.mlp import MlpModel, MlpSettings, mlp_fit, mlp_predict
from emoclip_clinic.regression.mlp.plan import make_table, plan_members

FAST = MlpSettings(hidden=(8,), learning_rates=(1e-2,), max_epochs=30, patience=5, n_seeds=2)


def study(seed=0, n_participants=20, n_features=6, n_targets=2, signal=1.0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_participants), 2)
    latent = rng.standard_normal((n_participants, n_features))[groups]
    X = latent + 0.3 * rng.standard_normal(latent.shape)
    noise = rng.standard_normal((n_participants, n_targets))[groups]
    return X, 10 + signal * latent[:, :n_targets] + noise * (1 - signal), groups


def predict(X, Y, groups, settings=FAST, **options):
    return mlp_predict(X, Y, groups, settings=settings, device="cpu", **options)


def skill(Y, predictions, groups):
    means = np.array([Y[groups != group].mean(axis=0) for group in groups])
    return 1 - ((Y - predictions) ** 2).sum(axis=0) / ((Y - means) ** 2).sum(axis=0)


def test_importing_the_room_does_not_import_torch():
    code = (
        "import sys, emoclip_clinic.regression, emoclip_clinic.regression.mlp; "
        "from emoclip_clinic.regression.heads import get_head; get_head('mlp'); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_signal_is_found_in_participants_never_seen():
    X, Y, groups = study(n_participants=40, signal=1.0)
    settings = MlpSettings(learning_rates=(3e-3,), n_seeds=2)
    assert skill(Y, predict(X, Y, groups, settings).predictions, groups).min() > 0.6


def test_without_a_signal_the_mean_predictor_remains():
    X, Y, groups = study(1, n_participants=40, n_features=50, signal=0.0)
    found = skill(Y, predict(X, Y, groups).predictions, groups)
    assert found.min() > -0.25
    assert found.max() < 0.1


def test_no_better_epoch_means_the_training_mean():
    # Noise alone, and steps so large that the first epoch is worse for every network.
    X, Y, groups = study(2, n_features=40, signal=0.0)
    settings = MlpSettings(hidden=(8,), learning_rates=(3.0,), max_epochs=3, patience=3, n_seeds=1)
    result = predict(X, Y, groups, settings)
    untrained = result.epochs[:, 0] == 0
    assert untrained.sum() > 10
    for number in np.flatnonzero(untrained):
        rows = result.folds[number].test
        assert np.ptp(result.predictions[rows], axis=0) == pytest.approx(0, abs=1e-12)
        assert np.abs(result.predictions[rows] - Y.mean(axis=0)).max() < Y.std()


def test_units_of_features_and_ratings_do_not_matter():
    X, Y, groups = study(3)
    scale, shift = 10.0 ** np.linspace(-30, 30, X.shape[1]), np.linspace(-5, 5, X.shape[1])
    plain = predict(X, Y, groups)
    moved = predict((X + shift) * scale, Y * 1e6 - 3, groups)
    np.testing.assert_array_equal(plain.epochs, moved.epochs)
    np.testing.assert_allclose((moved.predictions + 3) / 1e6, plain.predictions, rtol=0, atol=1e-3)


def test_ratings_of_the_left_out_participant_have_no_effect():
    X, Y, groups = study(4)
    changed = Y.copy()
    changed[groups == 0] = 1000.0
    folds = split_participants(groups)
    one, other = (predict(X, ratings, groups, folds=folds).predictions for ratings in (Y, changed))
    np.testing.assert_array_equal(one[groups == 0], other[groups == 0])
    assert not np.allclose(one[groups == 1], other[groups == 1])


def test_who_is_kept_aside_does_not_depend_on_ratings():
    X, Y, groups = study(5)
    folds = split_participants(groups)
    one, other = (
        plan_members(make_table(X, ratings, np.ones(len(X)), groups), folds, FAST) for ratings in (Y, Y[::-1])
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.stop, b.stop)
        assert not set(groups[a.stop]) & set(groups[a.train])
        assert set(groups[a.stop]) | set(groups[a.train]) == set(groups[folds[a.fold].train])
    assert len({tuple(member.stop) for member in one}) > len(folds)


def test_standardisation_counts_a_weight_like_so_many_rows():
    X, Y, groups = study(6)
    settings = MlpSettings(hidden=(8,), learning_rates=(1e-2,), max_epochs=2, n_seeds=1)
    weight = np.where(groups % 3 == 0, 2.0, 1.0)
    repeat = np.repeat(np.arange(len(X)), weight.astype(int))
    fit = mlp_fit(X, Y, groups, settings=settings, sample_weight=weight, device="cpu")
    everybody = Fold(0, "all", np.arange(len(X)), np.arange(0))
    (weighted,) = plan_members(make_table(X, Y, weight, groups), [everybody], settings)
    inside = np.isin(repeat, weighted.train)
    np.testing.assert_allclose(fit.model.x_mean[0], X[repeat[inside]].mean(axis=0))
    np.testing.assert_allclose(1 / fit.model.x_factor[0], X[repeat[inside]].std(axis=0))
    np.testing.assert_allclose(fit.model.y_sd[0], Y[repeat[inside]].std(axis=0))


def test_one_target_keeps_its_shape_and_unrated_rows_are_predicted():
    X, Y, groups = study(7)
    y = Y[:, 0].copy()
    y[[0, 5]] = np.nan
    result = predict(X, y, groups)
    assert result.predictions.shape == y.shape
    assert np.isfinite(result.predictions).all()


def test_the_record_says_how_it_was_made():
    X, Y, groups = study(8, n_participants=6)
    settings = MlpSettings(hidden=[4], learning_rates=[1e-2, 1e-3], max_epochs=5, n_seeds=3, seed=11)
    calls = []
    result = predict(X, Y, groups, settings, progress=lambda done, total: calls.append((done, total)))
    assert result.predictions.shape == Y.shape
    assert set(result.learning_rates) <= {1e-3, 1e-2}
    assert result.epochs.shape == (6, 3)
    assert (result.epochs <= 5).all()
    assert result.inner_errors.shape == (6, 3, 2)
    assert result.seeds == (11, 12, 13)
    assert result.device == "cpu"
    assert [result.folds[i].name for i in result.fold_of_row[0]] == [str(group) for group in groups]
    assert calls[-1] == (36, 36)
    best = result.inner_errors.mean(axis=1).argmin(axis=1)
    np.testing.assert_array_equal(result.learning_rates, np.array(result.settings.learning_rates)[best])


def test_the_final_fit_predicts_new_participants_and_survives_as_arrays():
    X, Y, groups = study(9)
    fit = mlp_fit(X, Y, groups, settings=FAST, device="cpu")
    new, truth, who = study(10)
    predicted = fit.model.predict(new)
    assert skill(truth, predicted, who).min() > 0.3
    again = MlpModel.from_arrays(fit.model.arrays())
    np.testing.assert_array_equal(again.predict(new), predicted)
    with pytest.raises(RegressionError, match=r"6 features.*Found: 5"):
        fit.model.predict(new[:, :5])
    arrays = fit.model.arrays()
    del arrays["y_sd"]
    with pytest.raises(RegressionError, match="y_sd"):
        MlpModel.from_arrays(arrays)


def test_a_constant_feature_has_no_effect_even_where_it_differs():
    X, Y, groups = study(11)
    X[:, 2] = 0.1
    with pytest.warns(RegressionWarning, match=r"1 of 6 features are constant .*column 2"):
        constant = predict(X, Y, groups).predictions
    # Constant in the training set of fold 0 only: there the odd value changes nothing.
    X[groups == 0, 2] = 1e6
    np.testing.assert_allclose(predict(X, Y, groups).predictions[groups == 0], constant[groups == 0])


def test_a_constant_target_is_predicted_as_that_constant():
    X, Y, groups = study(12)
    Y[:, 1] = 0.1
    with pytest.warns(RegressionWarning, match=r"1 of 2 targets are constant .*column 1"):
        predictions = predict(X, Y, groups).predictions
    np.testing.assert_allclose(predictions[:, 1], 0.1, rtol=1e-12)
    assert np.ptp(predictions[:, 0]) > 0.1


def test_constant_targets_alone_are_predicted_without_training():
    X, Y, groups = study(12)
    Y[:] = 3.0
    with pytest.warns(RegressionWarning, match="2 of 2 targets are constant"):
        result = predict(X, Y, groups)
    np.testing.assert_allclose(result.predictions, 3.0, rtol=1e-12)
    assert np.isnan(result.learning_rates).all()
    assert np.isnan(result.inner_errors).all()


def test_a_target_rated_in_two_participants_is_nan_for_all():
    X, Y, groups = study(13)
    Y[4:, 1] = np.nan
    with pytest.warns(RegressionWarning, match=r"1 of 2 targets are rated in fewer than 3 .*column 1"):
        predictions = predict(X, Y, groups).predictions
    assert np.isnan(predictions[:, 1]).all()
    assert np.isfinite(predictions[:, 0]).all()
    with pytest.warns(RegressionWarning, match="column 1"):
        model = mlp_fit(X, Y, groups, settings=FAST, device="cpu").model
    assert np.isnan(model.predict(X)[:, 1]).all()


def test_a_target_that_a_fold_never_trains_on_is_nan_there_alone():
    X, Y, groups = study(14)
    half = groups < 10
    Y[~half, 1] = np.nan
    folds = [
        Fold(0, "first", np.flatnonzero(~half), np.flatnonzero(half)),
        Fold(0, "second", np.flatnonzero(half), np.flatnonzero(~half)),
    ]
    with pytest.warns(RegressionWarning, match=r"20 predictions are NaN.*fold first, column 1"):
        predictions = predict(X, Y, groups, folds=folds).predictions
    assert np.isnan(predictions[half, 1]).all()
    assert np.isfinite(predictions[~half]).all()
    assert np.isfinite(predictions[half, 0]).all()


def test_too_few_participants_for_an_inner_split_names_the_fold():
    X, Y, groups = study(15, n_participants=3)
    with pytest.raises(RegressionError, match=r"fold 0: .*at least 3 rated training participants.*Found: 2"):
        predict(X, Y, groups)
    X, Y, groups = study(15, n_participants=4)
    assert np.isfinite(predict(X, Y, groups).predictions).all()
    Y[groups == 3] = np.nan
    with pytest.raises(RegressionError, match="Found: 2"):
        predict(X, Y, groups)


def test_nan_in_features_is_refused():
    X, Y, groups = study(16)
    X[7, 3] = np.nan
    with pytest.raises(RegressionError, match=r"X must not hold NaN.*row 7, column 3"):
        predict(X, Y, groups)


def test_a_loss_that_is_not_finite_names_fold_and_seed():
    X, Y, groups = study(17)
    settings = MlpSettings(hidden=(8,), learning_rates=(1e30,), max_epochs=5, n_seeds=1, seed=5)
    with pytest.raises(RegressionError, match=r"fold \w+, seed 5, learning rate 1e\+30: .*finite"):
        predict(X, Y, groups, settings)


def test_a_participant_on_both_sides_is_refused():
    X, Y, groups = study(18)
    rows = np.arange(len(X))
    folds = [Fold(0, "a", rows[1:], rows[:1]), Fold(0, "b", rows[:1], rows[1:])]
    with pytest.raises(RegressionError, match="both sides"):
        predict(X, Y, groups, folds=folds)


def test_an_absent_device_and_too_little_memory_are_refused():
    X, Y, groups = study(19)
    with pytest.raises(RegressionError, match=r"device must be there.*abacus"):
        mlp_predict(X, Y, groups, settings=FAST, device="abacus")
    with pytest.raises(RegressionError, match=r"one network\. Found: 0\.001 MiB, needed 0\.\d MiB"):
        predict(X, Y, groups, max_memory_mb=0.001)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("hidden", (), "at least one hidden layer"),
        ("hidden", (0,), "hidden must be a whole number of at least 1"),
        ("learning_rates", (), "learning_rates must be positive"),
        ("learning_rates", (0.0,), "learning_rates must be positive"),
        ("learning_rates", (float("nan"),), "learning_rates must be positive"),
        ("weight_decay", -1.0, "weight_decay must be finite"),
        ("batch_size", 0, "batch_size must be a whole number of at least 1"),
        ("max_epochs", 1.5, "max_epochs must be a whole number"),
        ("patience", True, "patience must be a whole number"),
        ("inner_splits", 1, "inner_splits must be a whole number of at least 2"),
        ("n_seeds", 0, "n_seeds must be"),
        ("seed", -1, "seed must be"),
    ],
)
def test_settings_out_of_range_are_refused(option, value, message):
    with pytest.raises(RegressionError, match=message):
        MlpSettings(**{option: value})


def test_chunks_are_logged(caplog):
    X, Y, groups = study(20, n_participants=6)
    with caplog.at_level(logging.DEBUG, logger="emoclip_clinic"):
        predict(X, Y, groups)
    assert "12 networks in" in caplog.text
