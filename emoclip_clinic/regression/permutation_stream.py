"""Streams permuted ratings through a fixed pipeline, chunk by chunk, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import joblib
import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.nested_design import NestedDesign
from emoclip_clinic.regression.nested_ridge import NestedRidge, Progress
from emoclip_clinic.regression.permutation_exchange import Exchange
from emoclip_clinic.regression.ridge_core import in_parallel
from emoclip_clinic.regression.scoring import Statistic, pooled_r, skill

__all__ = ["MAX_BYTES", "Draws", "RidgeStatistic", "Ticks", "check_memory", "permuted_statistics"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_BYTES = 4 * 2**30
# Part of the memory that the stored matrices may take; chunks of permutations get the rest.
OPERATOR_PART = 0.75
# Columns that are worked on together: enough for fast matrix products, few enough to stay in the cache.
MOST_COLUMNS = 4096
# Work on one chunk, in multiplications: a second or two of one core, since Ctrl-C waits for its end.
MOST_WORK = 1.5e10


@dataclass(frozen=True)
class Draws:
    """Which exchanges are made: all of them, or as many random ones.

    Attributes
    ----------
    exchange : Exchange
    n_draws : int
        Without the present arrangement.
    exhaustive : bool
        Every exchange is made once.
    seed : int
    """

    exchange: Exchange
    n_draws: int
    exhaustive: bool
    seed: int

    @staticmethod
    def plan(exchange: Exchange, n_permutations: int, *, seed: int) -> Draws:
        """Make all exchanges if there are no more than ``n_permutations``, else that many random ones."""
        others = exchange.n_permutations - 1
        if others <= n_permutations:
            return Draws(exchange, others, True, seed)
        return Draws(exchange, n_permutations, False, seed)

    def chunks(self, size: int) -> Iterator[NDArray[np.intp]]:
        """Yield the draws in chunks; each call yields the same ones."""
        if self.exhaustive:
            return self.exchange.all_draws(chunk=size)
        return self.exchange.random_draws(self.n_draws, seed=self.seed, chunk=size)


class RidgeStatistic:
    """The statistic of nested ridge predictions, alpha chosen anew for each column of ratings.

    Parameters
    ----------
    design : NestedDesign
    rated : ndarray of bool of shape (n_rows,)
    statistic : {"skill", "r"}
    max_bytes : int
        Refuse to store larger matrices.
    """

    def __init__(self, design: NestedDesign, rated: Mask, *, statistic: Statistic, max_bytes: int) -> None:
        self._ridge = NestedRidge(design, rated)
        self._ridge.store_operators(max_bytes=max_bytes)
        self._statistic = statistic

    @property
    def column_bytes(self) -> int:
        """Memory that one column of ratings takes on its way through, in bytes, generously."""
        design = self._ridge.design
        per_fold = len(design.folds) * (len(design.alphas) + 3)
        return 8 * (per_fold + 8 * (design.n_repeats + 1) * len(design.X))

    @property
    def column_work(self) -> int:
        """Multiplications that one column of ratings takes."""
        return self._ridge.operator_bytes // 8

    def __call__(self, Y: Floats) -> Floats:
        """Return the statistic of each column.

        Parameters
        ----------
        Y : ndarray of shape (n_rows, n_columns)
            NaN in rows that are not rated.

        Returns
        -------
        ndarray of shape (n_columns,)
        """
        result = self._ridge.predict(Y)
        if self._statistic == "r":
            return pooled_r(Y, result.predictions)
        baseline = np.full(result.predictions.shape, np.nan)
        for number, fold in enumerate(self._ridge.design.folds):
            baseline[fold.repeat, fold.test] = result.train_mean[number]
        return skill(Y, result.predictions, baseline)


class Ticks:
    """Adds up what is done and tells a caller's progress.

    Parameters
    ----------
    progress : callable or None
        Called with (done, total).
    total : int
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, n: int) -> None:
        """Count ``n`` more."""
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


def check_memory(design: NestedDesign, max_bytes: int) -> int:
    """Return the memory that stored matrices may take, or refuse before anything is computed.

    Parameters
    ----------
    design : NestedDesign
    max_bytes : int

    Returns
    -------
    int

    Raises
    ------
    RegressionError
        If the matrices for complete ratings would not fit.
    """
    allowed = int(OPERATOR_PART * max_bytes)
    needed = sum(
        8 * len(design.alphas) * len(fold.train) * (len(fold.train) + len(fold.test)) for fold in design.folds
    )
    if needed > allowed:
        raise RegressionError(
            "A permutation test stores the matrices that turn ratings into predictions, and they must fit "
            f"into {allowed / 2**30:.1f} GiB",
            found=f"{needed / 2**30:.1f} GiB for {len(design.X)} rows, {len(design.folds)} folds and "
            f"{len(design.alphas)} penalties",
            hint="Test session features (one row per session) instead of segments, or use grouped K-fold or "
            "fewer penalties.",
        )
    return allowed


def permuted_statistics(
    evaluate: Callable[[Floats], Floats],
    moving: Floats,
    draws: Draws,
    *,
    rated: Mask,
    column_bytes: int,
    column_work: int,
    max_bytes: int,
    staying: Floats | None = None,
    tick: Callable[[int], None] | None = None,
) -> Floats:
    """Evaluate a pipeline on every drawn exchange of ratings.

    Parameters
    ----------
    evaluate : callable
        Turns ratings (n_rows, n_columns) into statistics (n_columns,). Called by several threads.
    moving : ndarray of shape (n_rows, n_targets)
        What is exchanged; all targets are rated in the same rows.
    draws : Draws
    rated : ndarray of bool of shape (n_rows,)
    column_bytes : int
        Memory that ``evaluate`` takes for a column.
    column_work : int
        Multiplications that ``evaluate`` takes for a column.
    max_bytes : int
        Memory for all chunks that are worked on at a time.
    staying : ndarray of shape (n_rows, n_targets), optional
        What stays with the videos and is added to what moves.
    tick : callable, optional
        Called with the number of exchanges done since the last call.

    Returns
    -------
    ndarray of shape (n_draws, n_targets)
        The same whatever the memory and the number of cores, up to rounding.
    """
    n_rows, n_targets = moving.shape
    budget = max_bytes // (int(joblib.cpu_count()) * column_bytes)
    size = max(1, min(MOST_COLUMNS, budget, int(MOST_WORK / column_work)) // n_targets)

    def work(donors: NDArray[np.intp]) -> Floats:
        source = draws.exchange.sources(donors, rated)
        permuted = moving[source.T]
        if staying is not None:
            permuted += staying[:, None]
        return evaluate(permuted.reshape(n_rows, -1)).reshape(len(donors), n_targets)

    found = np.empty((draws.n_draws, n_targets))
    done = 0
    with closing(in_parallel(work, draws.chunks(size))) as results:
        for result in results:
            found[done : done + len(result)] = result
            done += len(result)
            if tick is not None:
                tick(len(result))
    return found
