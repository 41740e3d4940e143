"""What a fit gives: the outcome of each model, the measures, and the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.fitting.plan import FitPlan
from emoclip_clinic.regression.fitting.side_tables import SideTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FitResult", "ModelOutcome", "Progress"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and (done, total) of it; total 0 where it is not known."""


@dataclass(frozen=True, eq=False)
class ModelOutcome:
    """What one model gave.

    Attributes
    ----------
    predictions : ndarray of shape (n_repeats, n_sessions, n_targets)
    alphas : ndarray of shape (n_folds, n_targets)
    details : dict
        What else was chosen.
    notes : tuple of str
        Warnings.
    seconds : float
    reused : bool
        Whether it had been computed before.
    """

    predictions: NDArray[np.float64]
    alphas: NDArray[np.float64]
    details: dict[str, Any]
    notes: tuple[str, ...]
    seconds: float
    reused: bool


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit that is done.

    Attributes
    ----------
    plan : FitPlan
    metrics : DataFrame
        The content of metrics.tsv.
    by_group : DataFrame or None
        The content of metrics_by_group.tsv.
    outcomes : mapping of str to ModelOutcome
        By model; empty if nothing had changed since the last run.
    test_facts : dict
        About the permutation test, or why there is none.
    gain_facts : dict
        About the test of the gain over covariates and camera, or why there is none.
    hashes : mapping of str to str
        Of the data.
    sensitivity, stability : SideTable
        Rows of sensitivity.tsv and stability.tsv, or why there are none; without rows if nothing had changed.
    draws : mapping of str to ndarray of shape (n_permutations, n_targets)
        The statistic in each permutation, by ``test`` and ``gain``; empty if nothing had changed.
    up_to_date : bool
        Whether nothing had changed since the last run, so that nothing was done.
    """

    plan: FitPlan
    metrics: pd.DataFrame
    by_group: pd.DataFrame | None
    outcomes: Mapping[str, ModelOutcome]
    test_facts: dict[str, Any]
    gain_facts: dict[str, Any]
    hashes: Mapping[str, str]
    sensitivity: SideTable
    stability: SideTable
    draws: Mapping[str, NDArray[np.float64]]
    up_to_date: bool = False
