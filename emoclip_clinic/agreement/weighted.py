"""Evaluate any of the named pair statistics for many resamples, items and statistics at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.inputs import Floats, Pairs
from emoclip_clinic.agreement.moments import MOMENT_STATISTICS, MomentSums
from emoclip_clinic.agreement.ranks import RANK_STATISTICS, PairRanks, rank_statistics
from emoclip_clinic.agreement.resampling import (
    BootstrapInterval,
    bootstrap_name,
    count_blocks,
    jackknife_counts,
    limits,
)
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["NEEDS_CATEGORIES", "STATISTICS", "WeightedStatistics", "resample_limits", "resampled"]

STATISTICS = (*MOMENT_STATISTICS, *RANK_STATISTICS)
NEEDS_CATEGORIES = (
    "quadratic weighted kappa",
    "linear weighted kappa",
    "Cohen's kappa",
    "share within, rounded",
)


class WeightedStatistics:
    """Named statistics as functions of participant weights.

    Parameters
    ----------
    rating, prediction : ndarray of shape (n, items)
        NaN where missing.
    names : sequence of str
        Keys of `STATISTICS`.
    codes : ndarray of int, shape (n,)
        Cluster of each observation, 0..n_clusters-1.
    n_clusters : int
        Number of clusters.
    baseline : ndarray of shape (n, items), optional
        Predictions of the mean predictor, for "skill".
    rounded : ndarray of shape (n, items), optional
        Predictions moved to the categories of the scale, for the kappas and "share within, rounded".
    within : float
        Largest absolute error that counts as agreement, in points.
    """

    def __init__(
        self,
        rating: Floats,
        prediction: Floats,
        *,
        names: Sequence[str],
        codes: npt.NDArray[np.intp],
        n_clusters: int,
        baseline: Floats | None = None,
        rounded: Floats | None = None,
        within: float = 1.0,
    ) -> None:
        for name in names:
            if name not in STATISTICS:
                raise AgreementError("Unknown statistic", found=name, hint=did_you_mean(name, STATISTICS))
            if name in NEEDS_CATEGORIES and rounded is None:
                raise AgreementError(f"'{name}' needs categories=, all steps of the scale")
            if name == "skill" and baseline is None:
                raise AgreementError("'skill' needs baseline=, the predictions of the mean predictor")
        self.names = tuple(names)
        self.n_clusters = n_clusters
        self._moments = MomentSums(
            rating,
            prediction,
            codes=codes,
            n_clusters=n_clusters,
            rounded=rounded,
            baseline=baseline,
            within=within,
        )
        present = np.isfinite(rating) & np.isfinite(prediction)
        self._ranks = [
            PairRanks(
                rating[keep, item],
                prediction[keep, item],
                codes=codes[keep],
                n_clusters=n_clusters,
                rounded=None if rounded is None else rounded[keep, item],
            )
            for item, keep in enumerate(present.T)
        ]
        self.n_items = rating.shape[1]
        self.width = max(self._moments.width, rating.shape[0], n_clusters)

    def evaluate(self, weights: Floats) -> Floats:
        """Return the statistics of resamples with weights (b, n_clusters): shape (b, names, items)."""
        values = np.full((weights.shape[0], len(self.names), self.n_items), np.nan)
        if any(name in MOMENT_STATISTICS for name in self.names):
            totals = self._moments.totals(weights)
            with np.errstate(divide="ignore", invalid="ignore"):
                for place, name in enumerate(self.names):
                    if name in MOMENT_STATISTICS:
                        values[:, place] = MOMENT_STATISTICS[name](totals)
        ranked = tuple(name for name in self.names if name in RANK_STATISTICS)
        places = [self.names.index(name) for name in ranked]
        if ranked:
            for item, ranks in enumerate(self._ranks):
                values[:, places, item] = rank_statistics(ranks, ranked, weights)
        return values

    def estimate(self) -> Floats:
        """Return the statistics of the data themselves: shape (names, items)."""
        values: Floats = self.evaluate(np.ones((1, self.n_clusters)))[0]
        return values


def resampled(statistics: WeightedStatistics, *, n_resamples: int, seed: int) -> Floats:
    """Return the statistics in bootstrap resamples of participants: shape (n_resamples, names, items)."""
    blocks = count_blocks(statistics.n_clusters, n_resamples, width=statistics.width, seed=seed)
    return np.concatenate([statistics.evaluate(weights) for weights in blocks])


def resample_limits(
    data: Pairs,
    names: Sequence[str],
    *,
    confidence: float,
    interval: BootstrapInterval,
    n_resamples: int,
    seed: int,
    baseline: Floats | None = None,
    categories: Sequence[float] | None = None,
    within: float = 1.0,
) -> dict[str, tuple[float, float, str, str]]:
    """Return (low, high, ci_method, flag) of each named statistic of one set of pairs."""
    if n_resamples == 0 or data.n_clusters < 2:
        return dict.fromkeys(names, (np.nan, np.nan, "", ""))
    statistics = WeightedStatistics(
        data.rating[:, None],
        data.prediction[:, None],
        names=names,
        codes=data.cluster,
        n_clusters=data.n_clusters,
        baseline=None if baseline is None else baseline[:, None],
        rounded=None if categories is None else to_categories(data.prediction, categories)[:, None],
        within=within,
    )
    estimate = statistics.estimate()[:, 0]
    draws = resampled(statistics, n_resamples=n_resamples, seed=seed)[:, :, 0]
    left_out = statistics.evaluate(jackknife_counts(data.n_clusters))[:, :, 0] if interval == "bca" else None
    method = bootstrap_name(interval, n_resamples, clustered=data.repeated)
    found = {}
    for place, name in enumerate(names):
        low, high, flag = limits(
            draws[:, place],
            float(estimate[place]),
            confidence=confidence,
            interval=interval,
            jackknife=None if left_out is None else left_out[:, place],
        )
        found[name] = (low, high, "" if np.isnan(low) else method, flag)
    return found
