"""Measures of out-of-fold predictions: skill against the mean predictor, and pooled Pearson r."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError

__all__ = ["Statistic", "pooled_r", "skill"]

Floats = NDArray[np.float64]
Statistic = Literal["skill", "r"]

# R's minimum for a correlation.
MIN_PAIRS = 3
# Predictions that vary less than this part of their size vary by rounding only.
ROUNDING = 1e-13


def skill(Y: ArrayLike, predictions: ArrayLike, baseline: ArrayLike) -> Floats:
    """Share of the mean predictor's squared error that the predictions remove.

    Parameters
    ----------
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Ratings; NaN where one is missing.
    predictions : array-like, shaped as `Y` or (n_repeats, *shape of Y)
        Out-of-fold predictions, one per session.
    baseline : array-like, shaped as `predictions`
        The mean rating of the rows that trained each prediction.

    Returns
    -------
    ndarray of shape (n_targets,)
        1 is perfect, 0 is the mean predictor, negative is worse than that. NaN for a constant target, and
        where nothing was predicted.

    Raises
    ------
    RegressionError
        If shapes disagree.

    Notes
    -----
    ``skill = 1 - SSE / SSE(baseline)`` over the sessions that are rated and predicted, each of which counts
    once. With repeated folds it is computed within each repetition, then averaged. R squared differs from it:
    it compares with the mean of the very ratings that are to be predicted, which no predictor could know.
    """
    ratings, predicted = _aligned(Y, predictions, "predictions")
    _, reference = _aligned(Y, baseline, "baseline")
    if reference.shape != predicted.shape:
        raise RegressionError(
            "baseline must have the shape of predictions",
            found=f"{reference.shape} beside {predicted.shape}",
        )
    present = np.isfinite(ratings) & np.isfinite(predicted) & np.isfinite(reference)
    error = _sum_of_squares(predicted - ratings, present)
    of_mean = _sum_of_squares(reference - ratings, present)
    defined = _varies(ratings, present) & (of_mean > 0)
    ratio = np.divide(error, of_mean, out=np.full_like(error, np.nan), where=defined)
    return np.asarray((1.0 - ratio).mean(axis=0))


def pooled_r(Y: ArrayLike, predictions: ArrayLike) -> Floats:
    """Pearson r of ratings and out-of-fold predictions, pooled over folds.

    Parameters
    ----------
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Ratings; NaN where one is missing.
    predictions : array-like, shaped as `Y` or (n_repeats, *shape of Y)

    Returns
    -------
    ndarray of shape (n_targets,)
        NaN where ratings or predictions are constant, or fewer than three pairs are complete.

    Raises
    ------
    RegressionError
        If shapes disagree.

    Notes
    -----
    With repeated folds r is computed within each repetition, then averaged; never on averaged predictions.
    Pooling biases r downwards: the mean predictor has r = -1 under leave-one-participant-out with one session
    each, and about ``-sqrt((K - 1) / (n - 1))`` with K folds.
    """
    ratings, predicted = _aligned(Y, predictions, "predictions")
    present = np.isfinite(ratings) & np.isfinite(predicted)
    n = present.sum(axis=1, keepdims=True)
    divisor = np.maximum(n, 1)
    y, p = np.where(present, ratings, 0.0), np.where(present, predicted, 0.0)
    largest = np.abs(p).max(axis=1)
    y = np.where(present, y - y.sum(axis=1, keepdims=True) / divisor, 0.0)
    p = np.where(present, p - p.sum(axis=1, keepdims=True) / divisor, 0.0)
    spread = (p * p).sum(axis=1)
    defined = (n[:, 0] >= MIN_PAIRS) & _varies(ratings, present)
    defined &= spread > n[:, 0] * (ROUNDING * largest) ** 2
    scale = np.sqrt((y * y).sum(axis=1) * spread)
    r = np.divide((y * p).sum(axis=1), scale, out=np.full_like(scale, np.nan), where=defined)
    return np.asarray(np.clip(r, -1.0, 1.0).mean(axis=0))


def _aligned(Y: ArrayLike, predictions: ArrayLike, name: str) -> tuple[Floats, Floats]:
    """Return ratings (1, n_rows, n_targets) and predictions (n_repeats, n_rows, n_targets)."""
    ratings = np.asarray(Y, dtype=np.float64)
    predicted = np.asarray(predictions, dtype=np.float64)
    repeated = predicted.ndim == ratings.ndim + 1
    if ratings.ndim not in (1, 2) or predicted.shape[repeated:] != ratings.shape or 0 in predicted.shape:
        raise RegressionError(
            f"{name} must have the shape of Y, with or without repetitions before it",
            found=f"{predicted.shape} for Y of shape {ratings.shape}",
        )
    n_rows = len(ratings)
    return ratings.reshape(1, n_rows, -1), predicted.reshape(len(predicted) if repeated else 1, n_rows, -1)


def _sum_of_squares(residual: Floats, present: NDArray[np.bool_]) -> Floats:
    """Sum over the present rows: (n_repeats, n_targets)."""
    kept = np.where(present, residual, 0.0)
    kept *= kept
    return np.asarray(kept.sum(axis=1))


def _varies(ratings: Floats, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell where the ratings that are present are not all the same: (n_repeats, n_targets)."""
    high = np.where(present, ratings, -np.inf).max(axis=1)
    low = np.where(present, ratings, np.inf).min(axis=1)
    return np.asarray(high > low)
