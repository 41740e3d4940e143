"""Tests whether the embedding adds to covariates and camera, by exchanging what these leave unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import check_features, check_targets
from emoclip_clinic.regression.nested_design import (
    DEFAULT_ALPHAS,
    Inner,
    NestedDesign,
    Outer,
    make_design,
)
from emoclip_clinic.regression.nested_ridge import Progress
from emoclip_clinic.regression.permutation import (
    PermutationTest,
    check_draws,
    count_text,
    describe,
    name_targets,
    p_values,
    refusals,
    target_table,
    tested_patterns,
)
from emoclip_clinic.regression.permutation_exchange import plan_exchange
from emoclip_clinic.regression.permutation_stream import (
    MAX_BYTES,
    RidgeStatistic,
    Ticks,
    check_memory,
    permuted_statistics,
)
from emoclip_clinic.regression.ridge_core import centre_known
from emoclip_clinic.regression.splits import Groups

__all__ = ["GAIN_MEANING", "gain_test"]

Floats = NDArray[np.float64]

GAIN_MEANING = (
    "Freedman-Lane: the linear fit of the baseline stays with the videos, and what it leaves unexplained is "
    "exchanged; approximate. A rejection means that the embedding carries more about the ratings than a "
    "linear effect of the baseline's columns. What these columns do not measure, or effects of theirs that "
    "are not linear, may still be the reason."
)
# A least-squares fit with more columns than this part of the participants leaves residuals that are too small
# and too entangled to be exchanged.
MOST_COLUMNS = 0.5
# Residuals below this part of the ratings' spread are rounding.
EXPLAINED = 1e-9


def gain_test(
    X: ArrayLike,
    Y: ArrayLike,
    groups: Groups,
    *,
    baseline: ArrayLike | None = None,
    own_baseline: ArrayLike | None = None,
    targets: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    within: ArrayLike | None = None,
    order: ArrayLike | None = None,
    n_permutations: int = 10_000,
    seed: int = 0,
    alphas: ArrayLike = DEFAULT_ALPHAS,
    sample_weight: ArrayLike | None = None,
    outer: Outer = "participant",
    inner: Inner = "auto",
    strata: ArrayLike | None = None,
    fold_seed: int = 0,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> PermutationTest:
    """Test whether ridge on baseline and embedding has more skill than ridge on the baseline alone.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Session features from the embedding.
    Y, groups, targets, families, within, order, n_permutations, seed
        As in `permutation_test`.
    baseline : array-like of shape (n_rows, n_columns), optional
        Covariates and camera descriptors; NaN where one is missing.
    own_baseline : array-like of shape (n_rows, n_targets), optional
        One more column for each target alone. For a change it is the rating of the same item at the baseline
        session: a change is coupled to it, and without it the gain could be no more than regression to the
        mean. At least one of the two must be given.
    alphas, sample_weight, outer, inner, strata, fold_seed, max_bytes
        As in `permutation_test`.
    progress : callable, optional
        Called with (done, total) exchanges, summed over patterns of missing ratings.

    Returns
    -------
    PermutationTest
        ``observed`` and ``null`` hold the gain. The table has two more columns: ``skill`` with the embedding
        and ``skill_baseline`` without it, of which the gain is the difference. A target whose baseline has
        more columns (intercept included, as rank) than half of its participants, or explains it exactly, is
        not tested.

    Raises
    ------
    RegressionError
        As `permutation_test`, and if there is no baseline, or its shape does not fit.

    Notes
    -----
    For each target, ``y = fitted + residual`` by least squares on the baseline's columns and an intercept,
    over the sessions that have the target. A permuted target is ``fitted + c * moved residual``, where
    residual blocks move as rating blocks do in `permutation_test`, and ``c = sqrt(n / (n - k))`` with n
    participants and k columns, intercept included: least squares makes residuals smaller than the errors are,
    and permuted ratings would be easier to predict than the observed ones. (Without c, 7 columns and 24
    participants rejected .080, standard error .006, at .05 where there was nothing; with it, see
    docs/validity.md.) Both ridge pipelines are run on it, the choice of alpha included, and the statistic is
    the difference of their skills. Least squares here does not predict anything; it only makes the data that
    would be seen if the embedding added nothing.

    A missing value of the baseline is filled with the mean of the training rows inside each training set of
    both pipelines, and with the mean of the sessions that have the target in the least-squares fit. Where the
    baseline has a column that marks the gap, as those of a study do, that fit does not depend on the filling.

    Freedman-Lane is the test here, and not a bootstrap of the two sets of predictions, because it repeats the
    whole pipeline and keeps its level in simulations without a gain. A paired bootstrap over participants,
    which holds the predictions fixed, is an approximate interval for the difference between two models:
    ``cluster_bootstrap(..., other=..., baseline=...)`` in :mod:`emoclip_clinic.agreement`.

    The test is exact if the true linear effect of the baseline were known; with the estimated one it is
    approximate, and better the fewer columns there are for each participant.

    References
    ----------
    Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance levels. Journal of
    Business and Economic Statistics 1, 292-298. doi:10.1080/07350015.1983.10509354
    Winkler AM, Ridgway GR, Webster MA, Smith SM, Nichols TE (2014). Permutation inference for the general
    linear model. NeuroImage 92, 381-397. doi:10.1016/j.neuroimage.2014.01.060
    """
    features = check_features(X)
    table = check_targets(Y, len(features))
    columns = _columns(baseline, own_baseline, table.shape)

    def designs_of(target: int) -> list[NestedDesign]:
        return [
            make_design(
                block,
                groups,
                alphas=alphas,
                sample_weight=sample_weight,
                standardize=True,
                outer=outer,
                inner=inner,
                strata=strata,
                seed=fold_seed,
                fill_missing=True,
            )
            for block in (np.column_stack([columns[target], features]), columns[target])
        ]

    designs = designs_of(0)
    full = designs[0]
    names, family = name_targets(table.shape[1], targets, families)
    half = max_bytes // 2
    operator_bytes = check_memory(full, half)
    exchange = plan_exchange(table, groups, within=within, order=order)
    draws = check_draws(exchange, n_permutations, seed=seed)
    n_distinct, reasons = refusals(exchange, table, full)
    fitted, left = np.full(table.shape, np.nan), np.full(table.shape, np.nan)
    for target, reason in enumerate(reasons):
        if not reason:
            fitted[:, target], left[:, target], reasons[target] = _fit(
                table[:, target], columns[target], full.codes
            )
    tested = np.array([not reason for reason in reasons])
    patterns = tested_patterns(table, tested, full)
    approximate = len(patterns) > 1
    if own_baseline is not None:  # every target has features of its own
        patterns = [(mask, chosen[[k]]) for mask, chosen in patterns for k in range(len(chosen))]
    gains = np.full((1 + draws.n_draws, table.shape[1]), np.nan)
    skills = np.full((2, table.shape[1]), np.nan)
    ticks = Ticks(progress, draws.n_draws * len(patterns))
    for mask, chosen in patterns:
        designs = designs if own_baseline is None else designs_of(int(chosen[0]))
        with_embedding, without = (
            RidgeStatistic(design, mask, statistic="skill", max_bytes=operator_bytes) for design in designs
        )
        skills[0, chosen], skills[1, chosen] = with_embedding(table[:, chosen]), without(table[:, chosen])
        gains[0, chosen] = skills[0, chosen] - skills[1, chosen]
        gains[1:, chosen] = permuted_statistics(
            _Difference(with_embedding, without),
            left[:, chosen],
            draws,
            rated=mask,
            column_bytes=with_embedding.column_bytes + without.column_bytes,
            column_work=with_embedding.column_work + without.column_work,
            max_bytes=2 * (half - operator_bytes),
            staying=fitted[:, chosen],
            tick=ticks,
        )
    result = target_table(table, full.codes, names, family)
    result["skill"], result["skill_baseline"] = skills
    result = result.join(p_values(gains, np.array(family), tested))
    result["n_distinct"] = [count_text(n) for n in n_distinct]
    result["reason"] = reasons
    statement = describe(draws, "the gain in skill", approximate=approximate)
    return PermutationTest(
        result,
        gains[1:],
        exchange.strata,
        "gain",
        draws.n_draws,
        exchange.n_permutations,
        draws.exhaustive,
        seed,
        f"{statement} {GAIN_MEANING}",
    )


def _columns(
    baseline: ArrayLike | None, own_baseline: ArrayLike | None, shape: tuple[int, ...]
) -> list[NDArray[np.floating]]:
    """Return the baseline's columns for each target."""
    n_rows, n_targets = shape
    if baseline is None and own_baseline is None:
        raise RegressionError("A gain must be one over a baseline", found="none")
    shared = np.empty((n_rows, 0)) if baseline is None else check_features(baseline, nan=True)
    if len(shared) != n_rows:
        raise RegressionError(
            f"baseline must have {n_rows} rows, one for each row of X", found=f"shape {shared.shape}"
        )
    if own_baseline is None:
        return [shared] * n_targets
    own = check_features(own_baseline, nan=True)
    if own.shape != (n_rows, n_targets):
        raise RegressionError(f"own_baseline must have the shape {shape} of Y", found=f"shape {own.shape}")
    return [np.column_stack([shared, column]) for column in own.T]


@dataclass(frozen=True, eq=False)
class _Difference:
    """Skill with the embedding minus skill without it."""

    with_embedding: RidgeStatistic
    without: RidgeStatistic

    def __call__(self, Y: Floats) -> Floats:
        return self.with_embedding(Y) - self.without(Y)


def _fit(y: Floats, columns: NDArray[np.floating], codes: NDArray[np.intp]) -> tuple[Floats, Floats, str]:
    """Return the least-squares fit of one target on the baseline and what it leaves, scaled to its true size.

    NaN and the reason where that is no basis.
    """
    rated = ~np.isnan(y)
    nothing = np.full(y.shape, np.nan)
    fitted, left = nothing.copy(), nothing.copy()
    values = columns[rated].astype(np.float64)
    known = ~np.isnan(values)
    design = centre_known(np.where(known, values, 0.0), known, np.ones(len(values)))[0]
    spread = np.sqrt((design**2).mean(axis=0))
    design = np.column_stack([np.ones(len(design)), design / np.where(spread > 0, spread, 1.0)])
    coefficients, _, rank, _ = np.linalg.lstsq(design, y[rated])
    n_participants = len(np.unique(codes[rated]))
    if rank > MOST_COLUMNS * n_participants:
        return (
            nothing,
            nothing,
            f"baseline has {rank} columns for {n_participants} participants, more than half",
        )
    fitted[rated] = design @ coefficients
    left[rated] = y[rated] - fitted[rated]
    if np.abs(left[rated]).max() <= EXPLAINED * np.ptp(y[rated]):
        return nothing, nothing, "the baseline explains it exactly"
    return fitted, left * np.sqrt(n_participants / (n_participants - rank)), ""
