"""Simulations with a planted signal, where the performance in new participants is known from the truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoclip_clinic.agreement import cluster_bootstrap
from emoclip_clinic.regression import GroupRidgeCV, nested_predict, permutation_test, pooled_r, skill
from tests.validity.chance import ALPHAS, LEVEL, N_PERMUTATIONS, streams
from tests.validity.interviews import draw_interviews, with_missing

MEASURES = ("r", "MSE", "skill")


def least_squares_error(n: int, n_features: int, noise_variance: float) -> float:
    """Return the expected squared error, in new rows, of least squares trained on n rows.

    Exact for independent normal features of variance 1 and an intercept. The error is noise times
    ``1 + 1/n + d' S^-1 d``: d is a new row less the training mean, of variance 1 + 1/n, and S the centred
    cross products, whose inverse has expectation ``I / (n - p - 2)``.
    """
    return noise_variance * (1 + 1 / n) * (1 + n_features / (n - n_features - 2))


def least_squares_r(n: int, n_features: int, r2: float) -> float:
    """Return the correlation, in new rows, of coefficients with their expected square length: first order."""
    lost = n_features * (1 - r2) / (n - n_features - 2)
    return r2 / math.sqrt(r2 + lost)


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Values (n_sets, n_targets) of leave-one-participant-out predictions."""

    error: np.ndarray
    baseline_error: np.ndarray
    r: np.ndarray


def least_squares_out_of_fold(
    *, n_sets: int, n_targets: int, n_participants: int, n_features: int, r2: float, seed: int
) -> OutOfFold:
    """Predict with a penalty so small that ridge is least squares, for which closed forms exist."""
    error, baseline_error, r = [], [], []
    for _, rng in streams(seed, n_sets):
        X = rng.standard_normal((n_participants, n_features))
        weight = rng.standard_normal((n_features, n_targets))
        weight *= math.sqrt(r2) / np.linalg.norm(weight, axis=0)
        Y = X @ weight + math.sqrt(1 - r2) * rng.standard_normal((n_participants, n_targets))
        result = nested_predict(X, Y, np.arange(n_participants), alphas=[1e-9])
        error.append(((result.predictions - Y) ** 2).mean(axis=0))
        baseline_error.append(((result.baseline - Y) ** 2).mean(axis=0))
        r.append(pooled_r(Y, result.predictions))
    return OutOfFold(np.array(error), np.array(baseline_error), np.array(r))


def planted_in_interviews(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    r2: float,
    missing: float,
    n_folds: int,
    seed: int,
    n_new: int = 400,
) -> dict[str, np.ndarray]:
    """Recover a signal from 1 to 3 sessions each, of unequal lengths, with missing ratings.

    Returns
    -------
    dict of ndarray (n_sets, n_targets)
        Out-of-fold ``r`` and ``skill``; ``r new`` and ``skill new`` of the refit model in new participants;
        ``rejected`` by the permutation test.
    """
    found: dict[str, list[np.ndarray]] = {}
    for some_seed, rng in streams(seed, n_sets):
        data = draw_interviews(rng, n_participants + n_new)
        every = data.related_ratings(rng, n_targets, r2=r2)
        old = data.groups < n_participants
        X, groups = data.X[old], data.groups[old]
        Y = with_missing(rng, every[old], missing)
        folds = {"alphas": ALPHAS, "inner": n_folds}
        result = nested_predict(X, Y, groups, outer=n_folds, seed=some_seed, **folds)
        model = GroupRidgeCV(seed=some_seed, **folds).fit(X, Y, groups=groups)
        predicted, new = model.predict(data.X[~old]), every[~old]
        test = permutation_test(
            X, Y, groups, outer=n_folds, n_permutations=N_PERMUTATIONS, seed=some_seed, **folds
        )
        for name, values in {
            "r": pooled_r(Y, result.predictions),
            "skill": skill(Y, result.predictions, result.baseline),
            "r new": pooled_r(new, predicted),
            "skill new": skill(new, predicted, np.tile(np.nanmean(Y, axis=0), (len(new), 1))),
            "rejected": test.table["p"].to_numpy() <= LEVEL,
        }.items():
            found.setdefault(name, []).append(values)
    return {name: np.array(values) for name, values in found.items()}


@dataclass(frozen=True, eq=False)
class RefitCoverage:
    """For each measure, arrays (n_sets, n_values_of_r2, n_targets).

    ``covered`` tells whether the interval around the out-of-fold estimate holds ``truth``, the performance of
    the model that is refitted on all participants, in infinitely many new ones.
    """

    covered: dict[str, np.ndarray]
    estimate: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]
    width: dict[str, np.ndarray]


def refit_coverage(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    r2: Sequence[float],
    seed: int,
    n_features: int = 24,
    n_resamples: int = 1_000,
) -> RefitCoverage:
    """Cover the refit model's true performance by intervals from out-of-fold predictions, one session each.

    Features are mixtures of uncorrelated components with SDs 1, 1/sqrt(2), 1/sqrt(3), ...; the signal is in
    the first eight in random proportions. Folds, penalties and inner folds are the defaults. Each data set
    has ``n_targets`` rating vectors for each R squared.
    """
    parts: dict[str, dict[str, list[np.ndarray]]] = {
        what: {name: [] for name in MEASURES} for what in ("covered", "estimate", "truth", "width")
    }
    groups = np.arange(n_participants)
    explained = np.repeat(np.asarray(r2, dtype=float), n_targets)
    for some_seed, rng in streams(seed, n_sets):
        mixing = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
        mixing *= 1 / np.sqrt(np.arange(1, n_features + 1))
        components = rng.standard_normal((n_participants, n_features))
        weight = np.zeros((n_features, len(explained)))
        weight[:8] = rng.standard_normal((8, len(explained)))
        weight *= np.sqrt(explained) / np.linalg.norm(weight, axis=0)
        noise = rng.standard_normal((n_participants, len(explained)))
        X = components @ mixing.T
        Y = components @ weight + np.sqrt(1 - explained) * noise
        result = nested_predict(X, Y, groups)
        model = GroupRidgeCV().fit(X, Y, groups=groups)
        truth = true_performance(
            weight,
            mixing.T @ model.coef_.T,
            intercept=model.intercept_,
            mean_rating=Y.mean(axis=0),
            r2=explained,
        )
        table = cluster_bootstrap(
            Y,
            result.predictions,
            statistics=["Pearson r", "RMSE", "skill"],
            baseline=result.baseline,
            n_resamples=n_resamples,
            seed=some_seed,
        )
        for name, statistic in zip(MEASURES, ("Pearson r", "RMSE", "skill"), strict=True):
            rows = table[table["statistic"] == statistic]
            values = rows[["estimate", "ci_low", "ci_high"]].to_numpy().T
            # Percentiles of the mean square are the squares of those of its root.
            estimate, low, high = values**2 if statistic == "RMSE" else values
            for what, found in {
                "covered": (low <= truth[name]) & (truth[name] <= high),
                "estimate": estimate,
                "truth": truth[name],
                "width": high - low,
            }.items():
                parts[what][name].append(found.reshape(len(r2), n_targets))
    return RefitCoverage(
        **{what: {k: np.array(v) for k, v in named.items()} for what, named in parts.items()}
    )


def true_performance(
    weight: np.ndarray,
    fitted: np.ndarray,
    *,
    intercept: np.ndarray,
    mean_rating: np.ndarray,
    r2: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return r, MSE and skill of linear predictions in new participants; ratings have mean 0 and variance 1.

    ``weight`` and ``fitted`` (n_components, n_targets) are coefficients of independent components of variance
    1; the mean predictor says ``mean_rating``.
    """
    covariance = (weight * fitted).sum(axis=0)
    error = intercept**2 + ((weight - fitted) ** 2).sum(axis=0) + 1 - r2
    return {
        "r": covariance / np.linalg.norm(fitted, axis=0),
        "MSE": error,
        "skill": 1 - error / (1 + mean_rating**2),
    }
