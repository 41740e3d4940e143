"""Rank and category statistics of pairs from participant weights, for many resamples of one item."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from emoclip_clinic.agreement.inputs import Floats
from emoclip_clinic.agreement.resampling import group_sums

Counts = npt.NDArray[Any]

__all__ = ["RANK_STATISTICS", "PairRanks", "rank_statistics"]

# So many resamples at once keep the arrays of one item in the processor's cache.
_ROWS = 256


class PairRanks:
    """What the rank statistics of one item need, summed over participants once and used for every resample.

    Parameters
    ----------
    rating, prediction : ndarray of shape (n,)
        Complete pairs.
    codes : ndarray of int, shape (n,)
        Cluster of each observation, 0..n_clusters-1.
    n_clusters : int
        Number of clusters.
    rounded : ndarray of shape (n,), optional
        Predictions moved to the categories of the scale.
    """

    def __init__(
        self,
        rating: Floats,
        prediction: Floats,
        *,
        codes: npt.NDArray[np.intp],
        n_clusters: int,
        rounded: Floats | None,
    ) -> None:
        self.codes, self.n_clusters = codes, n_clusters
        self.rating, self.prediction = rating, prediction
        self.rounded = prediction if rounded is None else rounded
        self.error = np.abs(prediction - rating)
        # Counts and sums of signs are integers: exact in single precision, which multiplies twice as fast.
        self.exact: type[np.float32 | np.float64] = np.float32 if rating.size**2 < 2**24 else np.float64

        self.rating_levels = _Levels(rating, self)
        self.prediction_levels = _Levels(prediction, self)
        self.rounded_levels = _Levels(self.rounded, self)
        self.error_levels = _Levels(self.error, self)

    @cached_property
    def concordance(self) -> Counts:
        """Concordant less discordant pairs between each two clusters: shape (n_clusters, n_clusters)."""
        x, y = self.rating, self.prediction
        signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
        rows = group_sums(signs, self.codes, self.n_clusters)
        return _as(group_sums(rows.T, self.codes, self.n_clusters), self.exact)


def _as(values: Floats, kind: type[np.float32 | np.float64]) -> Counts:
    return values.astype(np.float32) if kind is np.float32 else values


class _Levels:
    """The distinct values of a column, and how many of each cluster's values reach up to each."""

    def __init__(self, values: Floats, ranks: PairRanks) -> None:
        self.values, self.place = np.unique(values, return_inverse=True)
        reached = (values[:, None] <= self.values).astype(np.float64)
        by_cluster = group_sums(reached, ranks.codes, ranks.n_clusters)
        self._reached = np.ascontiguousarray(_as(by_cluster.T, ranks.exact))

    def reached(self, weights: Counts) -> Floats:
        """How many values of each resample reach up to each level: shape (levels, resamples)."""
        return np.asarray(self._reached @ weights, dtype=np.float64)


class _Block:
    """One block of resamples of one item; weights have shape (n_clusters, resamples)."""

    def __init__(self, ranks: PairRanks, weights: Floats) -> None:
        self.ranks = ranks
        self.weights = weights
        self.counted = _as(weights, ranks.exact)
        self.n = np.bincount(ranks.codes, minlength=ranks.n_clusters).astype(np.float64) @ weights

    @cached_property
    def rating_reached(self) -> Floats:
        return self.ranks.rating_levels.reached(self.counted)

    @cached_property
    def prediction_reached(self) -> Floats:
        return self.ranks.prediction_levels.reached(self.counted)

    @cached_property
    def rating_counts(self) -> Floats:
        return np.diff(self.rating_reached, axis=0, prepend=0.0)

    @cached_property
    def prediction_counts(self) -> Floats:
        return np.diff(self.prediction_reached, axis=0, prepend=0.0)

    @cached_property
    def rounded_counts(self) -> Floats:
        return np.diff(self.ranks.rounded_levels.reached(self.counted), axis=0, prepend=0.0)


def _spearman(block: _Block) -> Floats:
    # Midranks about their mean: the number of values below, plus half of those equal, less half of all.
    x = block.rating_reached - block.rating_counts / 2 - block.n / 2
    y = block.prediction_reached - block.prediction_counts / 2 - block.n / 2
    xx = np.einsum("gb,gb,gb->b", block.rating_counts, x, x)
    yy = np.einsum("gb,gb,gb->b", block.prediction_counts, y, y)
    ranks = block.ranks
    weighted = block.weights[ranks.codes]
    weighted *= x[ranks.rating_levels.place]
    xy = np.einsum("ib,ib->b", weighted, y[ranks.prediction_levels.place])
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)
    # Midranks are halves of integers: a sum of squares is zero or at least 1/2.
    return np.where((xx > 0.25) & (yy > 0.25) & (block.n >= 3), rho, np.nan)


def _kendall(block: _Block) -> Floats:
    product = np.asarray(block.ranks.concordance @ block.counted, dtype=np.float64)
    concordance = np.einsum("cb,cb->b", product, block.weights)
    untied_x = block.n**2 - np.einsum("gb,gb->b", block.rating_counts, block.rating_counts)
    untied_y = block.n**2 - np.einsum("gb,gb->b", block.prediction_counts, block.prediction_counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.clip(concordance / np.sqrt(untied_x * untied_y), -1.0, 1.0)
    return np.where((untied_x > 0) & (untied_y > 0) & (block.n >= 3), tau, np.nan)


def _median_absolute_error(block: _Block) -> Floats:
    levels = block.ranks.error_levels
    reached = levels.reached(block.counted)
    last = levels.values.size - 1
    # The median of an even number is the mean of the two middle values.
    lower = levels.values[np.minimum((reached < block.n / 2 - 0.25).sum(axis=0), last)]
    upper = levels.values[np.minimum((reached < block.n / 2 + 0.25).sum(axis=0), last)]
    return np.where(block.n > 0, (lower + upper) / 2, np.nan)


def _linear_kappa(block: _Block) -> Floats:
    return _kappa(block, np.abs)


def _plain_kappa(block: _Block) -> Floats:
    return _kappa(block, lambda distance: (distance != 0).astype(np.float64))


def _kappa(block: _Block, disagreement: Callable[[Floats], Floats]) -> Floats:
    """One minus observed over expected disagreement on the rounded predictions."""
    ranks = block.ranks
    x_values, y_values = ranks.rating_levels.values, ranks.rounded_levels.values
    each = group_sums(disagreement(ranks.rounded - ranks.rating), ranks.codes, ranks.n_clusters)
    observed = each @ block.weights
    distance = disagreement(x_values[:, None] - y_values)
    expected = np.einsum("ib,ib->b", block.rating_counts, distance @ block.rounded_counts)
    flat = (block.rating_counts.max(axis=0) == block.n) | (block.rounded_counts.max(axis=0) == block.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(expected > 0, 1 - observed * block.n / expected, np.nan)
    return np.where(flat & (expected > 0), 0.0, kappa)


RANK_STATISTICS: Mapping[str, Callable[[_Block], Floats]] = {
    "Spearman rho": _spearman,
    "Kendall tau-b": _kendall,
    "median absolute error": _median_absolute_error,
    "linear weighted kappa": _linear_kappa,
    "Cohen's kappa": _plain_kappa,
}


def rank_statistics(ranks: PairRanks, names: tuple[str, ...], weights: Floats) -> Floats:
    """Return the named statistics of one item for weights (resamples, n_clusters): (resamples, names)."""
    values = np.full((len(weights), len(names)), np.nan)
    if not ranks.rating.size:
        return values
    for start in range(0, len(weights), _ROWS):
        rows = slice(start, start + _ROWS)
        block = _Block(ranks, np.ascontiguousarray(weights[rows].T))
        for place, name in enumerate(names):
            values[rows, place] = RANK_STATISTICS[name](block)
    return values
