"""Networks trained together are those trained alone, whatever their size, chunk, weights and gaps."""

import numpy as np
import pytest
import torch

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import split_participants
from emoclip_clinic.regression.mlp import MlpSettings, mlp_predict
from emoclip_clinic.regression.mlp.plan import make_table, plan_members
from emoclip_clinic.regression.mlp.train import networks_in_memory
from tests.regression.naive_mlp import loop

SMALL = MlpSettings(
    hidden=(8,),
    learning_rates=(3e-3, 1e-2),
    batch_size=8,
    max_epochs=25,
    patience=6,
    n_seeds=2,
    inner_splits=4,
)


def study(seed=0, n_participants=12, n_features=10, n_targets=3, *, unequal=True, missing=0.0):
    """Ratings that follow two features; participants with 1 to 4 sessions."""
    rng = np.random.default_rng(seed)
    sessions = rng.integers(1, 5, n_participants) if unequal else np.full(n_participants, 2)
    groups = np.repeat(np.arange(n_participants), sessions)
    X = rng.standard_normal((len(groups), n_features)) + 3.0
    Y = (
        20
        + X[:, :2] @ rng.standard_normal((2, n_targets)) * 4
        + rng.standard_normal((len(groups), n_targets))
    )
    Y[rng.random(Y.shape) < missing] = np.nan
    return X, Y, groups


def both(X, Y, groups, settings, folds=None, weight=None, **options):
    folds = split_participants(groups) if folds is None else folds
    weights = np.ones(len(X)) if weight is None else weight
    members = plan_members(make_table(X, Y, weights, groups), folds, settings)
    together = mlp_predict(
        X, Y, groups, settings=settings, folds=folds, sample_weight=weight, device="cpu", **options
    )
    return together, loop(X, Y, weights, folds, members, settings)


def assert_same(together, alone):
    predictions, rates, epochs, errors = alone
    np.testing.assert_array_equal(together.learning_rates, rates)
    np.testing.assert_array_equal(together.epochs, epochs)
    np.testing.assert_allclose(together.inner_errors, errors, rtol=1e-4)
    found = together.predictions.reshape(predictions.shape)
    spread = np.nanstd(predictions)
    np.testing.assert_allclose(found, predictions, rtol=0, atol=1e-4 * spread)


@pytest.mark.oracle
def test_unequal_folds_equal_the_loop_over_single_networks():
    X, Y, groups = study()
    together, alone = both(X, Y, groups, SMALL)
    assert len({len(fold.train) for fold in together.folds}) > 1
    assert_same(together, alone)
    # The comparison would be empty if no network learned, or none stopped before the others.
    assert together.epochs.max() > 5
    assert len(np.unique(together.epochs)) > 3


@pytest.mark.oracle
@pytest.mark.parametrize("hidden", [(6,), (6, 5)])
def test_missing_ratings_weights_and_deeper_networks_equal_the_loop(hidden):
    X, Y, groups = study(1, missing=0.15)
    Y[3] = np.nan
    weight = 1 / np.bincount(groups)[groups]
    weight[5] = 0.0
    folds = split_participants(groups, scheme="kfold", n_splits=3, n_repeats=2, seed=4)
    settings = MlpSettings(
        hidden=hidden,
        learning_rates=(1e-2,),
        batch_size=6,
        max_epochs=15,
        patience=4,
        n_seeds=2,
        inner_splits=3,
    )
    together, alone = both(X, Y, groups, settings, folds, weight)
    assert together.predictions.shape == (2, *Y.shape)
    assert_same(together, alone)


@pytest.mark.oracle
def test_sites_of_very_different_size_equal_the_loop():
    X, Y, groups = study(2, n_participants=16)
    sites = np.where(groups < 4, "small", "large")
    folds = split_participants(groups, scheme="site", sites=sites)
    settings = MlpSettings(
        hidden=(8,), learning_rates=(3e-3, 1e-2), batch_size=4, max_epochs=12, patience=5, n_seeds=2
    )
    together, alone = both(X, Y, groups, settings, folds)
    assert_same(together, alone)


def test_chunks_under_a_memory_cap_give_the_same_predictions():
    X, Y, groups = study(3)
    table = make_table(X, Y, np.ones(len(X)), groups)
    members = plan_members(table, split_participants(groups), SMALL)
    megabytes = 2**-6
    with pytest.raises(RegressionError) as caught:
        networks_in_memory(members, table, SMALL, max_memory_mb=1e-3)
    needed = float(str(caught.value).split("needed ")[1].split()[0])
    while networks_in_memory(members, table, SMALL, max_memory_mb=needed + megabytes) < 3:
        megabytes *= 1.5
    few = mlp_predict(X, Y, groups, settings=SMALL, device="cpu", max_memory_mb=needed + megabytes)
    many = mlp_predict(X, Y, groups, settings=SMALL, device="cpu")
    np.testing.assert_allclose(few.predictions, many.predictions, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(few.epochs, many.epochs)


def test_memory_grows_with_the_networks_and_not_with_the_folds():
    X, Y, groups = study(3)
    table = make_table(X, Y, np.ones(len(X)), groups)
    members = plan_members(table, split_participants(groups), SMALL)
    twice, once = (networks_in_memory(members, table, SMALL, max_memory_mb=cap) for cap in (2.0, 1.0))
    assert twice / once == pytest.approx(2, abs=0.2)
    some = networks_in_memory(members[:4], table, SMALL, max_memory_mb=1.0)
    assert some == pytest.approx(once, rel=0.05)
    paper = MlpSettings(hidden=(256,))
    assert networks_in_memory(members, table, paper, max_memory_mb=1.0) < once / 10


def test_a_seed_gives_the_same_numbers_again_and_another_seed_others():
    X, Y, groups = study(4)
    first = mlp_predict(X, Y, groups, settings=SMALL, device="cpu")
    again = mlp_predict(X, Y, groups, settings=SMALL, device="cpu")
    other = mlp_predict(X, Y, groups, settings=MlpSettings(**{**vars(SMALL), "seed": 7}), device="cpu")
    np.testing.assert_array_equal(first.predictions, again.predictions)
    assert first.seeds == (0, 1)
    assert other.seeds == (7, 8)
    assert not np.allclose(first.predictions, other.predictions)


def test_a_fold_is_the_same_among_other_folds():
    X, Y, groups = study(5)
    folds = split_participants(groups, scheme="kfold", n_splits=3, n_repeats=2)
    both_repeats = mlp_predict(X, Y, groups, settings=SMALL, folds=folds, device="cpu")
    first = mlp_predict(X, Y, groups, settings=SMALL, folds=folds[:3], device="cpu")
    np.testing.assert_allclose(both_repeats.predictions[0], first.predictions, rtol=0, atol=1e-4)


def test_threads_of_the_process_are_as_before():
    X, Y, groups = study(6)
    before = torch.get_num_threads()
    mlp_predict(X, Y, groups, settings=SMALL, device="cpu")
    assert torch.get_num_threads() == before
