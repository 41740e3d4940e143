"""Simulated studies in which the embedding adds nothing, or something, to covariates or a baseline rating."""

import numpy as np

from emoclip_clinic.regression import gain_test, nested_predict, permutation_test, skill
from tests.validity.chance import ALPHAS, N_PERMUTATIONS, streams


def p_of_gain(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    n_covariates: int,
    gain_r2: float,
    n_folds: int,
    seed: int,
    heavy: bool = False,
) -> np.ndarray:
    """Return p values (n_sets, n_targets) of the gain over covariates, which explain 40 % of the ratings.

    The embedding shows the covariates and a state; the state explains the share ``gain_r2`` of the ratings.
    With ``heavy`` the rest of the ratings follows a t distribution with 3 degrees of freedom.
    """
    found = []
    for permutation_seed, rng in streams(seed, n_sets):
        known = rng.standard_normal((n_participants, n_covariates))
        state = rng.standard_normal((n_participants, 2))
        X = 0.5 * rng.standard_normal((n_participants, 8))
        X += np.hstack([known, state]) @ rng.standard_normal((n_covariates + 2, 8))
        shape = (n_participants, n_targets)
        rest = rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.standard_normal(shape)
        Y = np.sqrt(0.4) * _mixed(rng, known, n_targets) + np.sqrt(gain_r2) * _mixed(rng, state, n_targets)
        Y += np.sqrt(0.6 - gain_r2) * rest
        test = gain_test(
            X,
            Y,
            np.arange(n_participants),
            baseline=known,
            n_permutations=N_PERMUTATIONS,
            seed=permutation_seed,
            alphas=ALPHAS,
            outer=n_folds,
            inner=n_folds,
        )
        found.append(test.table["p"].to_numpy())
    return np.array(found)


def changes(
    *, n_sets: int, n_targets: int, n_participants: int, signal: float, n_folds: int, seed: int
) -> dict[str, np.ndarray]:
    """Return skills and p values (n_sets, n_targets) of changes that regress to the mean.

    Ratings of both sessions share half of their variance. The video shows the baseline's rating, and of the
    rest of the change the share ``signal``. ``p``: against chance; ``p gain, covariates``: beyond a covariate
    that means nothing; ``p gain, baseline rating``: beyond the baseline rating of the same item too.
    """
    found: dict[str, list[np.ndarray]] = {}
    groups = np.arange(n_participants)
    for permutation_seed, rng in streams(seed, n_sets):
        before = rng.standard_normal((n_participants, n_targets))
        rest = rng.standard_normal((n_participants, n_targets))
        change = before - (0.5 * before + np.sqrt(0.75) * rest)
        shown = np.sqrt(signal) * rest + np.sqrt(1 - signal) * rng.standard_normal(rest.shape)
        X = np.hstack([before, shown]) @ rng.standard_normal((2 * n_targets, 3 * n_targets))
        X += rng.standard_normal(X.shape)
        covariate = rng.standard_normal((n_participants, 1))
        common = {
            "n_permutations": N_PERMUTATIONS,
            "seed": permutation_seed,
            "alphas": ALPHAS,
            "outer": n_folds,
            "inner": n_folds,
        }
        tests = {
            "p": permutation_test(X, change, groups, **common),
            "p gain, covariates": gain_test(X, change, groups, baseline=covariate, **common),
            "p gain, baseline rating": gain_test(
                X, change, groups, baseline=covariate, own_baseline=before, **common
            ),
        }
        for name, test in tests.items():
            found.setdefault(name, []).append(test.table["p"].to_numpy())
        video = nested_predict(X, change, groups, alphas=ALPHAS, outer=n_folds, inner=n_folds)
        alone = [
            nested_predict(x[:, None], y, groups, alphas=ALPHAS, outer=n_folds, inner=n_folds)
            for x, y in zip(before.T, change.T, strict=True)
        ]
        found.setdefault("skill", []).append(skill(change, video.predictions, video.baseline))
        found.setdefault("skill, baseline rating", []).append(
            np.concatenate(
                [skill(y, one.predictions, one.baseline) for y, one in zip(change.T, alone, strict=True)]
            )
        )
    return {name: np.array(values) for name, values in found.items()}


def _mixed(rng: np.random.Generator, columns: np.ndarray, n_targets: int) -> np.ndarray:
    """Mix columns to targets of variance 1."""
    weight = rng.standard_normal((columns.shape[1], n_targets))
    return columns @ (weight / np.linalg.norm(weight, axis=0))
