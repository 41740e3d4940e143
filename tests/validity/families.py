"""Simulations of families of items at the floor: how often any item without signal is declared."""

from dataclasses import dataclass

import numpy as np

from emoclip_clinic.regression import permutation_test
from tests.validity.chance import ALPHAS, LEVEL, streams

# With 99 permutations about one in ten has the smallest possible p in some item of ten, and nothing can be
# rejected in a family.
N_PERMUTATIONS = 499
ADJUSTED = ("p", "p_step_down", "p_holm")


@dataclass(frozen=True, eq=False)
class Families:
    """For each kind of p: shares (n_sets, n_families) of families with an error, and of true items found."""

    errors: dict[str, np.ndarray]
    found: dict[str, np.ndarray]


def floor_items(rng: np.random.Generator, latent: np.ndarray, *, share_at_floor: float) -> np.ndarray:
    """Turn latent severity into ratings 1 to 7, about ``share_at_floor`` of them 1."""
    cuts = np.quantile(rng.standard_normal(10_000), share_at_floor + (1 - share_at_floor) * np.arange(6) / 6)
    return 1.0 + (latent[..., None] > cuts).sum(axis=-1)


def families_at_floor(
    *,
    n_sets: int,
    n_families: int,
    n_items: int,
    n_with_signal: int,
    n_participants: int,
    share_at_floor: float,
    n_folds: int,
    seed: int,
    r2: float = 0.6,
    correlation: float = 0.7,
) -> Families:
    """Test families of correlated items, of which the first few go with the videos and the others do not."""
    errors: dict[str, list[np.ndarray]] = {name: [] for name in ADJUSTED}
    found: dict[str, list[np.ndarray]] = {name: [] for name in ADJUSTED}
    for permutation_seed, rng in streams(seed, n_sets):
        X = rng.standard_normal((n_participants, 6))
        common = rng.standard_normal((n_participants, n_families, 1))
        own = rng.standard_normal((n_participants, n_families, n_items))
        latent = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
        signal = X @ rng.standard_normal((X.shape[1], n_families)) / np.sqrt(X.shape[1])
        latent[..., :n_with_signal] *= np.sqrt(1 - r2)
        latent[..., :n_with_signal] += np.sqrt(r2) * signal[..., None]
        table = permutation_test(
            X,
            floor_items(rng, latent, share_at_floor=share_at_floor).reshape(n_participants, -1),
            np.arange(n_participants),
            families=np.repeat(np.arange(n_families), n_items).astype(str).tolist(),
            n_permutations=N_PERMUTATIONS,
            seed=permutation_seed,
            alphas=ALPHAS,
            outer=n_folds,
            inner=n_folds,
        ).table
        for name in ADJUSTED:
            rejected = (table[name].to_numpy() <= LEVEL).reshape(n_families, n_items)
            errors[name].append(rejected[:, n_with_signal:].any(axis=1))
            found[name].append(rejected[:, :n_with_signal].mean(axis=1) if n_with_signal else np.zeros(1))
    return Families(
        {name: np.array(values) for name, values in errors.items()},
        {name: np.array(values) for name, values in found.items()},
    )
