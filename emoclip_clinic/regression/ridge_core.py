"""What both forms of ridge share: training sets, the rule for constants, predictions for all penalties."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import joblib
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

__all__ = ["Sink", "TrainingSet", "constant_features", "in_parallel", "shrunken_predictions"]

Item = TypeVar("Item")
Result = TypeVar("Result")

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Receives (fold, rows, predictions of shape (n_alphas, n_rows, n_targets)), one call for each use of a
# training set.
Sink = Callable[[int, Rows, Floats], None]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Rows to train on, and which rows to predict on behalf of which fold.

    Attributes
    ----------
    rows : ndarray of shape (n_train,)
    uses : list of (fold, rows)
        A training set that leaves out participants a and b predicts b for the outer fold a, and a for the
        outer fold b.
    """

    rows: Rows
    uses: list[tuple[int, Rows]]


def constant_features(variance: Floats, mean: Floats, total_weight: Floats | float) -> NDArray[np.bool_]:
    """Tell which features are constant up to rounding, by scikit-learn's rule.

    Parameters
    ----------
    variance, mean : ndarray of shape (..., n_features)
        Weighted population variance and mean in the units of the data.
    total_weight : float or ndarray of shape (..., 1)
        Sum of the weights; the number of rows where there are none.

    Returns
    -------
    ndarray of shape (..., n_features)

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque (1983). Algorithms for computing the sample variance: analysis and
    recommendations. The American Statistician 37(3), 242-247. doi:10.1080/00031305.1983.10483115
    """
    eps = np.finfo(np.float64).eps
    bound = total_weight * eps * variance + (total_weight * mean * eps) ** 2
    return np.asarray(variance <= bound)


def shrunken_predictions(left: Floats, eigenvalues: Floats, projected: Floats, alphas: Floats) -> Floats:
    """Evaluate ``left @ diag(1 / (eigenvalues + alpha)) @ projected`` for many penalties at once.

    Parameters
    ----------
    left : ndarray of shape (n_sets, n_test, n_components)
        Test rows in the eigenbasis.
    eigenvalues : ndarray of shape (n_sets, n_components)
    projected : ndarray of shape (n_sets, n_components, n_targets)
        Targets in the eigenbasis.
    alphas : ndarray of shape (n_sets or 1, n_alphas, n_targets or 1)

    Returns
    -------
    ndarray of shape (n_sets, n_alphas, n_test, n_targets)
    """
    n_sets, n_test, n_components = left.shape
    n_alphas, n_targets = alphas.shape[1], projected.shape[2]
    if alphas.shape[2] == 1 and n_test <= n_targets:
        shrink = 1.0 / (eigenvalues[:, None, :] + alphas)
        stacked = (left[:, None] * shrink[:, :, None, :]).reshape(n_sets, n_alphas * n_test, n_components)
        narrow: Floats = np.matmul(stacked, projected)
        return narrow.reshape(n_sets, n_alphas, n_test, n_targets)
    shrink = 1.0 / (eigenvalues[:, :, None, None] + alphas[:, None])
    weighted = projected[:, :, None, :] * shrink
    stacked = weighted.reshape(n_sets, n_components, n_alphas * n_targets)
    wide: Floats = np.matmul(left, stacked)
    return wide.reshape(n_sets, n_test, n_alphas, n_targets).transpose(0, 2, 1, 3)


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Apply a function to items on all cores, and yield the results in order.

    The matrices of one training set are too small for a threaded BLAS, so each thread works on its own set
    with a single-threaded one. Few results wait at a time, which bounds the memory. After an error or Ctrl-C
    the items that are being worked on are finished, and those that wait are not begun.
    """
    workers = int(joblib.cpu_count())
    waiting: deque[Future[Result]] = deque()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as executor:
        try:
            for item in items:
                waiting.append(executor.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)
