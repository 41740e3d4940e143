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

__all__ = [
    "Sink",
    "TrainingSet",
    "centre_known",
    "constant_features",
    "in_parallel",
    "linear_predictions",
    "shrunken_predictions",
]

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


def centre_known(values: Floats, known: NDArray[np.bool_], weight: Floats) -> tuple[Floats, Floats]:
    """Centre columns with gaps by their mean in a training set, which then is what fills the gaps.

    Parameters
    ----------
    values : ndarray of shape (..., n_rows, n_columns)
        Finite also where they are not known.
    known : ndarray of bool, shaped as `values`
    weight : ndarray of shape (..., n_rows)
        0 for rows that are not in the training set.

    Returns
    -------
    centred : ndarray, shaped as `values`
        Minus the weighted mean of the known values of the training set; 0 in the gaps. Exactly 0 in a column
        whose known training values are equal. A column without any keeps its values.
    mean : ndarray of shape (..., n_columns)
    """
    mass = weight[..., None] * known
    total = mass.sum(axis=-2, keepdims=True)
    first = np.take_along_axis(values, np.argmax(mass > 0, axis=-2)[..., None, :], axis=-2)
    first *= total > 0
    centred = (values - first) * known
    offset = (mass * centred).sum(axis=-2, keepdims=True) / np.where(total > 0, total, 1.0)
    return (centred - offset) * known, (first + offset)[..., 0, :]


def linear_predictions(
    X: NDArray[np.floating], coef: Floats, intercept: Floats | float, *, fill: Floats | None = None
) -> Floats:
    """Apply coefficients to rows that may have gaps.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        NaN only if there is a filling.
    coef : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept : float or ndarray of shape (n_targets,)
    fill : ndarray, shaped as `coef`, optional
        What stands for a missing value of a feature.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_targets)
    """
    if fill is None:
        return np.asarray(X @ coef.T + intercept, dtype=np.float64)
    missing = np.isnan(X)
    filled = missing.astype(np.float64) @ (coef * fill).T
    return np.asarray(np.where(missing, 0.0, X) @ coef.T + filled + intercept, dtype=np.float64)


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
