"""Bootstrap over participants: any statistic, many items at once, one model or the difference between two."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emoclip_clinic.agreement.inputs import Floats, Values, check_confidence
from emoclip_clinic.agreement.item_pairs import Categories, ItemPairs
from emoclip_clinic.agreement.prediction_errors import share_name
from emoclip_clinic.agreement.resampling import (
    BootstrapInterval,
    bootstrap_name,
    count_blocks,
    jackknife_counts,
    limits,
    two_sided_p,
)
from emoclip_clinic.agreement.results import Row, join_flags
from emoclip_clinic.agreement.weighted import NEEDS_CATEGORIES, STATISTICS, WeightedStatistics
from emoclip_clinic.errors import AgreementError

__all__ = ["PairStatistic", "cluster_bootstrap"]

PairStatistic = Callable[[Floats, Floats], float]


def cluster_bootstrap(
    rating: Values | pd.DataFrame,
    prediction: Values | pd.DataFrame,
    *,
    cluster: Values | None = None,
    statistics: Sequence[str] | None = None,
    custom: Mapping[str, PairStatistic] | None = None,
    other: Values | pd.DataFrame | None = None,
    baseline: Values | pd.DataFrame | None = None,
    categories: Categories | None = None,
    within: float = 1.0,
    confidence: float = 0.95,
    interval: BootstrapInterval = "percentile",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Resample participants with all their sessions and give each statistic an interval.

    Named statistics are computed from the numbers of times that each participant was drawn: sums over
    participants and one matrix product serve every resample and item. The predictions are held fixed: the
    interval covers the sampling of participants, not the refitting of the model.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,), or DataFrame or array of shape (n, items)
        Several items share the resamples. Pairs with a missing value are left out, item by item.
    cluster : array-like of shape (n,), optional
        Participant of each observation; each observation is its own participant without it.
    statistics : sequence of str, optional
        Names in `STATISTICS`; by default all that the other arguments allow.
    custom : mapping of str to callable, optional
        Further statistics ``f(rating, prediction) -> float`` of arrays, called once per resample: any
        statistic, at the price of a loop.
    other : like ``prediction``, optional
        A second model's predictions. Rows then are statistic(prediction) - statistic(other) on the sessions
        that both predict, from the same resamples, with a two-sided bootstrap p.
    baseline : like ``prediction``, optional
        Predictions of the mean predictor, for "skill".
    categories : sequence of float, or mapping of item to such, optional
        All steps of the scale, for the kappas and "share within, rounded"; predictions are moved to them.
    within : float
        Largest absolute error that counts as agreement, in points.
    confidence : float
        Level of the intervals.
    interval : {"percentile", "bca"}
        Percentile is the default: it kept its coverage for r and MAE in trials with 60 participants. BCa
        corrects for bias and skewness and is less stable with few participants.
    n_resamples : int
        Number of resamples, at least 1.
    seed : int
        Seed; the same seed draws the same participants.

    Returns
    -------
    DataFrame
        One row per statistic, with a first column "item" if there are several items. A resample in which a
        statistic is 0/0 is left out of its interval and counted in the flag.

    Raises
    ------
    AgreementError
        If shapes differ, a cluster label is missing, or a statistic is unknown.

    References
    ----------
    Field CA, Welsh AH (2007). Bootstrapping clustered data. doi:10.1111/j.1467-9868.2007.00593.x
    """
    check_confidence(confidence)
    if n_resamples < 1:
        raise AgreementError("n_resamples must be 1 or more", found=n_resamples)
    if interval not in ("percentile", "bca"):
        raise AgreementError("interval must be 'percentile' or 'bca'", found=interval)
    data = ItemPairs.build(rating, prediction, cluster=cluster, other=other, baseline=baseline)
    names = _names(statistics, baseline=baseline is not None, categories=categories is not None)
    run = _Run(data, names, dict(custom or {}), categories, within, n_resamples, seed, interval)
    found = run.draws(data.prediction)
    if data.other is not None:
        found = found.minus(run.draws(data.other))
    titles = [*names, *run.custom]
    return data.frame(
        [
            [
                _row(data, found, p, item, name, within=within, confidence=confidence, interval=interval)
                for p, name in enumerate(titles)
            ]
            for item in range(data.n_items)
        ]
    )


def _names(statistics: Sequence[str] | None, *, baseline: bool, categories: bool) -> tuple[str, ...]:
    """The statistics asked for, or all that can be computed."""
    if statistics is not None:
        return tuple(statistics)
    possible = (name for name in STATISTICS if baseline or name != "skill")
    return tuple(name for name in possible if categories or name not in NEEDS_CATEGORIES)


@dataclass(frozen=True)
class _Draws:
    """Estimates (names, items), resamples (n_resamples, names, items), and leave-one-out values for BCa."""

    estimate: Floats
    resamples: Floats
    left_out: Floats | None

    def minus(self, other: "_Draws") -> "_Draws":
        left_out = None
        if self.left_out is not None and other.left_out is not None:
            left_out = self.left_out - other.left_out
        return _Draws(self.estimate - other.estimate, self.resamples - other.resamples, left_out)


@dataclass(frozen=True)
class _Run:
    """What two models' resamples share, the drawn participants above all."""

    data: ItemPairs
    names: tuple[str, ...]
    custom: dict[str, PairStatistic]
    categories: Categories | None
    within: float
    n_resamples: int
    seed: int
    interval: BootstrapInterval

    def draws(self, prediction: Floats) -> _Draws:
        """Evaluate one model's statistics in the data, in the resamples, and without each participant."""
        data = self.data
        if data.n_clusters == 0:
            shape = (len(self.names) + len(self.custom), data.n_items)
            nothing = np.full((self.n_resamples, *shape), np.nan)
            return _Draws(np.full(shape, np.nan), nothing, nothing[:0] if self.interval == "bca" else None)
        statistics = WeightedStatistics(
            data.rating,
            prediction,
            names=self.names,
            codes=data.codes,
            n_clusters=data.n_clusters,
            baseline=data.baseline,
            rounded=None if self.categories is None else data.rounded(prediction, self.categories),
            within=self.within,
        )

        def evaluate(weights: Floats) -> Floats:
            return np.concatenate([statistics.evaluate(weights), self._custom(prediction, weights)], axis=1)

        blocks = count_blocks(data.n_clusters, self.n_resamples, width=statistics.width, seed=self.seed)
        return _Draws(
            estimate=evaluate(np.ones((1, data.n_clusters)))[0],
            resamples=np.concatenate([evaluate(weights) for weights in blocks]),
            left_out=evaluate(jackknife_counts(data.n_clusters)) if self.interval == "bca" else None,
        )

    def _custom(self, prediction: Floats, weights: Floats) -> Floats:
        values = np.full((len(weights), len(self.custom), self.data.n_items), np.nan)
        if not self.custom:
            return values
        for item in range(self.data.n_items):
            there = np.flatnonzero(np.isfinite(self.data.rating[:, item]))
            for draw, row in enumerate(weights):
                chosen = np.repeat(there, row[self.data.codes[there]].astype(np.intp))
                for place, statistic in enumerate(self.custom.values()):
                    if chosen.size:
                        values[draw, place, item] = statistic(
                            self.data.rating[chosen, item], prediction[chosen, item]
                        )
        return values


def _row(
    data: ItemPairs,
    found: _Draws,
    place: int,
    item: int,
    name: str,
    *,
    within: float,
    confidence: float,
    interval: BootstrapInterval,
) -> Row:
    """Compose the row of one statistic of one item."""
    n, n_clusters = data.counts(item)
    estimate, draws = float(found.estimate[place, item]), found.resamples[:, place, item]
    low = high = p = math.nan
    flag = "fewer than 2 participants"
    if math.isnan(estimate):
        flag = data.reason(item)
    elif n_clusters >= 2:
        left_out = None if found.left_out is None else found.left_out[:, place, item]
        low, high, flag = limits(
            draws, estimate, confidence=confidence, interval=interval, jackknife=left_out
        )
    method = "" if math.isnan(low) else bootstrap_name(interval, draws.size, clustered=n > n_clusters)
    shown = {"share within": share_name(within), "share within, rounded": share_name(within, rounded=True)}
    title = shown.get(name, name)
    if data.other is not None:
        title += ", difference"
        p = math.nan if math.isnan(low) else two_sided_p(draws)
    return Row(title, n, n_clusters, estimate, low, high, method, p, join_flags(flag, data.flag))
