"""p values from the statistics of permutations: single ones, and step-down min-p over a family."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_at_least", "step_down_min_p"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# The same arrangement of ratings gives statistics that differ by rounding; they count as equal.
TOLERANCE = 1e-10


def count_at_least(statistics: Floats) -> Counts:
    """Count for each value of a column how many values of that column are at least as large, itself included.

    Parameters
    ----------
    statistics : ndarray of shape (1 + n_permutations, n_targets)
        The observed statistics in the first row. NaN marks one that is not defined.

    Returns
    -------
    ndarray of shape (1 + n_permutations, n_targets)
        Divided by ``1 + n_permutations`` they are one-sided p values; those of the data, in the first row,
        are ``(1 + b) / (1 + B)``.

    Notes
    -----
    What is not defined counts against the data: in a permutation as larger than all others, in the data as
    smaller than all others.

    References
    ----------
    Phipson B, Smyth GK (2010). Permutation p-values should never be zero. doi:10.2202/1544-6115.1585
    """
    values = np.where(np.isnan(statistics), np.inf, statistics)
    undefined = np.isnan(statistics[0])
    values[0, undefined] = -np.inf
    n = len(values)
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    lower = ascending[:-1]
    with np.errstate(invalid="ignore"):  # infinity minus infinity: the same group
        larger = np.diff(ascending, axis=0) > TOLERANCE * np.maximum(1.0, np.abs(lower))
    larger |= np.isneginf(lower)
    first = np.zeros(values.shape, dtype=np.int64)
    first[1:] = np.where(larger, np.arange(1, n)[:, None], 0)
    np.maximum.accumulate(first, axis=0, out=first)
    counts = np.empty_like(first)
    np.put_along_axis(counts, order, n - first, axis=0)
    return counts


def step_down_min_p(counts: Counts) -> Floats:
    """Adjust the p values of a family by Westfall and Young's step-down min-p.

    Parameters
    ----------
    counts : ndarray of shape (1 + n_permutations, n_targets)
        From `count_at_least`; the rows must be the same permutations for all targets.

    Returns
    -------
    ndarray of shape (n_targets,)
        Never below the single p values.

    Notes
    -----
    Targets are ordered by p. For the one with the k-th smallest p, the smallest p among it and all those with
    larger p is compared between the data and each permutation; adjusted values are made monotone. It takes
    account of the correlation between targets, and is never larger than Holm's value from the same p.

    References
    ----------
    Westfall PH, Young SS (1993). Resampling-Based Multiple Testing. Wiley, section 2.6.
    Ge Y, Dudoit S, Speed TP (2003). Resampling-based multiple testing for microarray data analysis. Test 12,
    1-77, box 4. doi:10.1007/BF02595811
    """
    n, n_targets = counts.shape
    order = np.argsort(counts[0], kind="stable")
    adjusted = np.empty(n_targets)
    smallest = np.full(n, n, dtype=np.int64)
    for place in order[::-1]:
        np.minimum(smallest, counts[:, place], out=smallest)
        adjusted[place] = np.count_nonzero(smallest <= counts[0, place]) / n
    adjusted[order] = np.maximum.accumulate(adjusted[order])
    return adjusted
