"""Rank and category statistics of pairs from participant weights, for many resamples of one item."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from emoclip_clinic.agreement.inputs import Floats
from emoclip_clinic.agreement.resampling import group_sums

__all__ = ["RANK_STATISTICS", "PairRanks"]


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
        self.rating, self.prediction, self.rounded = rating, prediction, rounded
        self.codes, self.n_clusters = codes, n_clusters
        self._cache: dict[str, Floats] = {}

    def at_most(self, key: str, values: Floats) -> Floats:
        """Number of each cluster's values up to each distinct value: shape (n_clusters, distinct)."""
        if key not in self._cache:
            reached = values[:, None] <= np.unique(values)
            self._cache[key] = group_sums(reached.astype(np.float64), self.codes, self.n_clusters)
        return self._cache[key]

    def order_pairs(self, key: str, left: Floats, right: Floats) -> Floats:
        """Sum over pairs of observations of sign(left) * sign(right): shape (n_clusters, n_clusters)."""
        if key not in self._cache:
            signs = np.sign(left[:, None] - left) * np.sign(right[:, None] - right)
            rows = group_sums(signs, self.codes, self.n_clusters)
            self._cache[key] = group_sums(rows.T, self.codes, self.n_clusters).T
        return self._cache[key]


def _size(pairs: PairRanks, weights: Floats) -> Floats:
    return weights @ np.bincount(pairs.codes, minlength=pairs.n_clusters).astype(np.float64)


def _midranks(pairs: PairRanks, weights: Floats, key: str, values: Floats) -> tuple[Floats, Floats]:
    """Midranks, less 1/2, of each distinct value in each resample, and how often the value occurs."""
    reached = weights @ pairs.at_most(key, values)
    counts = np.diff(reached, axis=1, prepend=0.0)
    return reached - counts / 2, counts


def _spearman(pairs: PairRanks, weights: Floats) -> Floats:
    n = _size(pairs, weights)
    x_ranks, x_counts = _midranks(pairs, weights, "x", pairs.rating)
    y_ranks, y_counts = _midranks(pairs, weights, "y", pairs.prediction)
    centre = n[:, None] / 2
    x_ranks, y_ranks = x_ranks - centre, y_ranks - centre
    xx = (x_counts * x_ranks**2).sum(axis=1)
    yy = (y_counts * y_ranks**2).sum(axis=1)
    x_place = np.unique(pairs.rating, return_inverse=True)[1]
    y_place = np.unique(pairs.prediction, return_inverse=True)[1]
    xy = np.einsum("bi,bi,bi->b", weights[:, pairs.codes], x_ranks[:, x_place], y_ranks[:, y_place])
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)
    # Ranks are halves of integers: a sum of squares is exactly zero or at least 1/2.
    return np.where((xx > 0.25) & (yy > 0.25) & (n >= 3), rho, np.nan)


def _kendall(pairs: PairRanks, weights: Floats) -> Floats:
    x, y = pairs.rating, pairs.prediction
    concordance = _quadratic_form(weights, pairs.order_pairs("xy", x, y))
    untied_x = _quadratic_form(weights, pairs.order_pairs("xx", x, x))
    untied_y = _quadratic_form(weights, pairs.order_pairs("yy", y, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.clip(concordance / np.sqrt(untied_x * untied_y), -1.0, 1.0)
    return np.where((untied_x > 0) & (untied_y > 0) & (_size(pairs, weights) >= 3), tau, np.nan)


def _quadratic_form(weights: Floats, matrix: Floats) -> Floats:
    """Return w'Mw for each row w: integers below 2**24, so that single precision is exact and twice as fast."""
    exact = np.float32 if weights[0].sum() * max(1.0, float(np.abs(matrix).max())) < 2**24 else np.float64
    product = weights.astype(exact) @ matrix.astype(exact)
    return np.einsum("bi,bi->b", product.astype(np.float64), weights)


def _median_absolute_error(pairs: PairRanks, weights: Floats) -> Floats:
    error = np.abs(pairs.prediction - pairs.rating)
    distinct = np.unique(error)
    reached = weights @ pairs.at_most("error", error)
    half = (_size(pairs, weights) / 2)[:, None]
    # The median of an even number is the mean of the two middle values.
    lower = distinct[np.minimum((reached < half - 0.25).sum(axis=1), distinct.size - 1)]
    upper = distinct[np.minimum((reached < half + 0.25).sum(axis=1), distinct.size - 1)]
    return np.where(half[:, 0] > 0, (lower + upper) / 2, np.nan)


def _linear_kappa(pairs: PairRanks, weights: Floats) -> Floats:
    return _kappa(pairs, weights, np.abs)


def _plain_kappa(pairs: PairRanks, weights: Floats) -> Floats:
    return _kappa(pairs, weights, lambda distance: (distance != 0).astype(np.float64))


def _kappa(pairs: PairRanks, weights: Floats, disagreement: Callable[[Floats], Floats]) -> Floats:
    """One minus observed over expected disagreement on the rounded predictions."""
    rounded = pairs.prediction if pairs.rounded is None else pairs.rounded
    x_values, y_values = np.unique(pairs.rating), np.unique(rounded)
    n = _size(pairs, weights)
    x_counts = np.diff(weights @ pairs.at_most("x", pairs.rating), axis=1, prepend=0.0)
    y_counts = np.diff(weights @ pairs.at_most("rounded", rounded), axis=1, prepend=0.0)
    each = disagreement(rounded - pairs.rating)
    observed = weights @ group_sums(each, pairs.codes, pairs.n_clusters)
    expected = np.einsum("bi,ij,bj->b", x_counts, disagreement(x_values[:, None] - y_values), y_counts)
    flat = (x_counts.max(axis=1) == n) | (y_counts.max(axis=1) == n)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(expected > 0, 1 - observed * n / expected, np.nan)
    return np.where(flat & (expected > 0), 0.0, kappa)


RANK_STATISTICS: Mapping[str, Callable[[PairRanks, Floats], Floats]] = {
    "Spearman rho": _spearman,
    "Kendall tau-b": _kendall,
    "median absolute error": _median_absolute_error,
    "linear weighted kappa": _linear_kappa,
    "Cohen's kappa": _plain_kappa,
}
