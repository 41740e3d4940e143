"""Simulations without signal: how often the permutation test rejects, and what pooled r is."""

from collections.abc import Iterator

import numpy as np

from emoclip_clinic.regression import Fold, nested_predict, permutation_test, pooled_r, split_participants
from emoclip_clinic.regression.scoring import Statistic
from tests.validity.interviews import draw_interviews, with_missing

# The level cannot be seen finer than 1 / (1 + N_PERMUTATIONS), and .05 is one of its steps.
N_PERMUTATIONS = 99
LEVEL = 0.05
ALPHAS = (1.0, 100.0, 10_000.0)


def streams(seed: int, n_sets: int) -> Iterator[tuple[int, np.random.Generator]]:
    """Yield a seed for permutations and a generator for each data set."""
    for child in np.random.SeedSequence(seed).spawn(n_sets):
        rng = np.random.default_rng(child)
        yield int(rng.integers(2**31)), rng


def p_without_signal(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    n_features: int,
    n_folds: int | None,
    statistic: Statistic,
    seed: int,
) -> np.ndarray:
    """Return p values (n_sets, n_targets) of ratings that have nothing to do with the videos."""
    found = []
    for permutation_seed, rng in streams(seed, n_sets):
        test = permutation_test(
            rng.standard_normal((n_participants, n_features)),
            rng.standard_normal((n_participants, n_targets)),
            np.arange(n_participants),
            statistic=statistic,
            n_permutations=N_PERMUTATIONS,
            seed=permutation_seed,
            alphas=ALPHAS,
            outer="participant" if n_folds is None else n_folds,
            inner="auto" if n_folds is None else n_folds,
        )
        found.append(test.table["p"].to_numpy())
    return np.array(found)


def p_of_interviews(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    missing: float,
    n_folds: int,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
    common: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return p and step-down p (n_sets, n_targets): 1 to 3 sessions each, unequal lengths, missing ratings.

    Half of the variance of ratings is common to a participant's sessions, and the share ``common`` of it to
    all items; none goes with the videos.
    """
    single, adjusted = [], []
    for permutation_seed, rng in streams(seed, n_sets):
        data = draw_interviews(rng, n_participants)
        Y = with_missing(rng, data.unrelated_ratings(rng, n_targets, common=common), missing)
        test = permutation_test(
            data.X,
            Y,
            data.groups,
            n_permutations=n_permutations,
            seed=permutation_seed,
            alphas=ALPHAS,
            outer=n_folds,
            inner=n_folds,
        )
        single.append(test.table["p"].to_numpy())
        adjusted.append(test.table["p_step_down"].to_numpy())
    return np.array(single), np.array(adjusted)


def p_with_stratified_folds(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    n_features: int,
    n_folds: int,
    statistic: Statistic,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return p values with folds of ours, and with folds that are stratified on the ratings.

    Stratified folds deal each run of ``n_folds`` neighbouring ratings out, one to each fold. Drawing ratings,
    then such folds, is the same as fixing folds and dealing the sorted ratings out to them, since videos are
    exchangeable; so all rating vectors share folds.
    """
    ours, stratified = [], []
    for permutation_seed, rng in streams(seed, n_sets):
        groups = np.arange(n_participants)
        folds = split_participants(groups, scheme="kfold", n_splits=n_folds, seed=permutation_seed)
        X = rng.standard_normal((n_participants, n_features))
        Y = rng.standard_normal((n_participants, n_targets))
        dealt = np.column_stack([deal_sorted(rng, y, folds) for y in Y.T])
        for table, found in ((Y, ours), (dealt, stratified)):
            test = permutation_test(
                X,
                table,
                groups,
                statistic=statistic,
                n_permutations=N_PERMUTATIONS,
                seed=permutation_seed,
                alphas=ALPHAS,
                outer=folds,
                inner=n_folds,
            )
            found.append(test.table["p"].to_numpy())
    return np.array(ours), np.array(stratified)


def deal_sorted(rng: np.random.Generator, y: np.ndarray, folds: tuple[Fold, ...]) -> np.ndarray:
    """Give each fold one of each run of neighbouring ratings, in random order; folds are equally large."""
    runs = np.sort(y).reshape(-1, len(folds))
    runs = rng.permuted(runs, axis=1)
    dealt = np.empty_like(y)
    for number, fold in enumerate(folds):
        dealt[fold.test] = rng.permutation(runs[:, number])
    return dealt


def pooled_r_without_signal(
    *, n_sets: int, n_targets: int, n_participants: int, n_features: int, n_folds: int, seed: int
) -> dict[str, np.ndarray]:
    """Return pooled r (n_sets, n_targets) of mean predictor and ridge, leaving one out and with K folds."""
    found: dict[str, list[np.ndarray]] = {}
    for fold_seed, rng in streams(seed, n_sets):
        X = rng.standard_normal((n_participants, n_features))
        Y = rng.standard_normal((n_participants, n_targets))
        for scheme, folds in (("leave-one-out", "participant"), ("K-fold", n_folds)):
            result = nested_predict(
                X, Y, np.arange(n_participants), alphas=ALPHAS, outer=folds, inner=n_folds, seed=fold_seed
            )
            found.setdefault(f"mean, {scheme}", []).append(pooled_r(Y, result.baseline))
            found.setdefault(f"ridge, {scheme}", []).append(pooled_r(Y, result.predictions))
    return {name: np.array(values) for name, values in found.items()}
