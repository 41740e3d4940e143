"""Means over simulated data sets, with the Monte Carlo error from which tolerances are derived."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# A true fact fails at this distance once in about 2,000 seeds; seeds are fixed, so it fails never or always.
TOLERATED_SE = 3.5


@dataclass(frozen=True)
class Estimate:
    """Mean over data sets, its standard error, and how many data sets and values went in."""

    mean: float
    se: float
    n_sets: int
    n_values: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.se:.3f})"

    def agrees(self, expected: float) -> bool:
        return abs(self.mean - expected) <= TOLERATED_SE * self.se

    def below(self, limit: float) -> bool:
        """Tell whether the mean is below the limit by more than Monte Carlo error."""
        return self.mean + TOLERATED_SE * self.se < limit

    def above(self, limit: float) -> bool:
        return self.mean - TOLERATED_SE * self.se > limit

    def not_above(self, limit: float) -> bool:
        """Tell whether the mean is at most the limit, within Monte Carlo error."""
        return self.mean - TOLERATED_SE * self.se <= limit


def over_sets(values: ArrayLike) -> Estimate:
    """Average values of shape (n_sets, ...) with the standard error of independent sets.

    Rating vectors of one data set share its videos, folds and permutations, so they are one observation.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table.reshape(len(table), -1)
    if np.isnan(table).any():
        raise ValueError("A simulated value is not defined")
    means = table.mean(axis=1)
    return Estimate(
        float(means.mean()), float(means.std(ddof=1)) / math.sqrt(len(means)), len(means), table.size
    )
