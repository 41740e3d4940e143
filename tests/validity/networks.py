"""Small networks and the ridge on the same simulated studies."""

import numpy as np

from emoclip_clinic.regression import nested_predict, pooled_r, skill, split_participants
from emoclip_clinic.regression.mlp import MlpSettings, mlp_predict
from tests.validity.chance import ALPHAS, streams

SMALL = MlpSettings(hidden=(16,), learning_rates=(3e-3,), max_epochs=80, patience=10, n_seeds=2)
SHAPES = ("linear", "curved")


def network_and_ridge(
    *, n_sets: int, n_targets: int, n_participants: int, r2: float, shape: str, n_folds: int, seed: int
) -> dict[str, np.ndarray]:
    """Return skill and r (n_sets, n_targets) of both: 2 sessions each, 6 features.

    Ratings follow the features linearly, or (``curved``) the squares of some of them.
    """
    found: dict[str, list[np.ndarray]] = {}
    for fold_seed, rng in streams(seed, n_sets):
        groups = np.repeat(np.arange(n_participants), 2)
        X = rng.standard_normal((n_participants, 6))[groups] + 0.5 * rng.standard_normal((len(groups), 6))
        shown = X / np.sqrt(1.25) if shape == "linear" else (X**2 / 1.25 - 1) / np.sqrt(2)
        weight = rng.standard_normal((6, n_targets))
        weight /= np.linalg.norm(weight, axis=0)
        Y = np.sqrt(r2) * shown @ weight + np.sqrt(1 - r2) * rng.standard_normal((len(groups), n_targets))
        folds = split_participants(groups, scheme="kfold", n_splits=n_folds, seed=fold_seed)
        ridge = nested_predict(X, Y, groups, alphas=ALPHAS, outer=folds, inner=n_folds)
        network = mlp_predict(X, Y, groups, settings=SMALL, folds=folds, device="cpu")
        for name, predictions in (("ridge", ridge.predictions), ("network", network.predictions)):
            own = predictions.reshape(Y.shape)
            found.setdefault(f"skill, {name}", []).append(skill(Y, own, ridge.baseline))
            found.setdefault(f"r, {name}", []).append(pooled_r(Y, own))
    return {name: np.array(values) for name, values in found.items()}
