"""Ridge regression through the kernel of the training rows, for more features than rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.ridge_core import (
    Sink,
    TrainingSet,
    centre_known,
    constant_features,
    in_parallel,
    shrunken_predictions,
)

__all__ = ["DualRidge"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Values of the standardised blocks that are worked on together: fits the cache, and outweighs Python's
# overhead.
BATCH_VALUES = 2**17


@dataclass(frozen=True, eq=False)
class _Spectra:
    """Eigendecompositions of the kernels of several training sets, padded to one size with weight zero."""

    train: Rows  # (n_sets, n_train)
    weight: Floats  # (n_sets, n_train)
    rows: Floats  # (n_sets, n_train + n_test, n_features), standardised; training rows times sqrt(weight)
    mean: Floats  # (n_sets, n_features)
    scale: Floats  # (n_sets, n_features)
    eigenvalues: Floats  # (n_sets, n_train)
    vectors: Floats  # (n_sets, n_train, n_train)
    left: Floats  # (n_sets, n_test, n_train)

    def project(self, Y: Floats) -> tuple[Floats, Floats]:
        """Return the weighted means (n_sets, 1, q) and the targets in the eigenbasis (n_sets, n_train, q)."""
        y = Y[self.train]
        mean = np.matmul(self.weight[:, None], y) / self.weight.sum(1)[:, None, None]
        y = (y - mean) * np.sqrt(self.weight)[:, :, None]
        return mean, np.matmul(self.vectors.transpose(0, 2, 1), y)


class DualRidge:
    """Ridge by eigendecomposition of the kernel matrix of each training set.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    weight : ndarray of shape (n_rows,)
    standardize : bool
        Divide by the weighted population SD of the training rows.
    missing : ndarray of bool of shape (n_rows, n_features), or None
        Values to be filled with the mean of the training rows that have one.
    """

    def __init__(
        self,
        X: NDArray[np.floating],
        weight: Floats,
        *,
        standardize: bool,
        missing: NDArray[np.bool_] | None = None,
    ) -> None:
        self._X = np.ascontiguousarray(X, dtype=np.float64)
        self._weight = weight
        self._standardize = standardize
        self._gaps = np.empty(0, dtype=np.intp) if missing is None else np.flatnonzero(missing.any(axis=0))
        self._missing = None if missing is None else missing[:, self._gaps]

    def run(self, sets: Sequence[TrainingSet], Y: Floats, *, alphas: Floats, sink: Sink) -> None:
        """Predict for every use of every training set, and hand the predictions to ``sink``.

        Parameters
        ----------
        sets : sequence of TrainingSet
        Y : ndarray of shape (n_rows, n_targets)
            Rows outside the training sets are not read.
        alphas : ndarray of shape (1, n_alphas, 1) or (n_sets, n_alphas, n_targets)
        sink : callable
        """

        def predict(batch: list[int]) -> tuple[list[TrainingSet], Floats]:
            chosen = [sets[i] for i in batch]
            spectra = self._decompose([s.rows for s in chosen], [[r for _, r in s.uses] for s in chosen])
            mean, projected = spectra.project(Y)
            penalties = alphas if len(alphas) == 1 else alphas[batch]
            predicted = shrunken_predictions(spectra.left, spectra.eigenvalues, projected, penalties)
            predicted += mean[:, None]
            return chosen, predicted

        for chosen, predicted in in_parallel(predict, self._batches(sets)):
            for training_set, prediction in zip(chosen, predicted, strict=True):
                start = 0
                for fold, rows in training_set.uses:
                    sink(fold, rows, prediction[:, start : start + len(rows)])
                    start += len(rows)

    def coefficients(self, rows: Rows, Y: Floats, alphas: Floats) -> tuple[Floats, Floats]:
        """Fit one training set.

        Parameters
        ----------
        rows : ndarray of shape (n_train,)
        Y : ndarray of shape (n_rows, n_targets)
        alphas : ndarray of shape (n_targets,)

        Returns
        -------
        coef : ndarray of shape (n_targets, n_features)
            In the units of X.
        intercept : ndarray of shape (n_targets,)
        """
        spectra = self._decompose([rows], [[rows[:1]]])
        mean, projected = spectra.project(Y)
        dual = spectra.vectors[0] @ (projected[0] / (spectra.eigenvalues[0][:, None] + alphas))
        coef = (spectra.rows[0, : len(rows)].T @ dual).T / spectra.scale[0]
        return coef, mean[0, 0] - coef @ spectra.mean[0]

    def _batches(self, sets: Sequence[TrainingSet]) -> list[list[int]]:
        """Group training sets of similar size; the value is their positions."""
        sizes = [(len(s.rows), sum(len(rows) for _, rows in s.uses)) for s in sets]
        batches: list[list[int]] = []
        for position in sorted(range(len(sets)), key=sizes.__getitem__, reverse=True):
            largest = sizes[batches[-1][0]] if batches else (0, 0)
            room = BATCH_VALUES // (sum(largest) * self._X.shape[1] or 1)
            if not batches or len(batches[-1]) >= max(1, room):
                batches.append([])
            batches[-1].append(position)
        return batches

    def _decompose(self, train_rows: Sequence[Rows], test_rows: Sequence[Sequence[Rows]]) -> _Spectra:
        """Standardise each training set by itself and decompose its kernel matrix."""
        tests = [np.concatenate(rows) for rows in test_rows]
        n_train, n_test = max(map(len, train_rows)), max(map(len, tests))
        index = np.empty((len(tests), n_train + n_test), dtype=np.intp)
        weight = np.zeros((len(tests), n_train))
        for i, (train, test) in enumerate(zip(train_rows, tests, strict=True)):
            index[i] = train[0]
            index[i, : len(train)] = train
            index[i, n_train : n_train + len(test)] = test
            weight[i, : len(train)] = self._weight[train]
        total = weight.sum(1)[:, None]
        # Differences to the first training row are exactly zero for a feature that is constant there,
        # whatever it does in the rows left out, and lose no digits where the offset is large.
        first = self._X[index[:, 0]]
        rows = self._X[index]
        rows -= first[:, None]
        training = rows[:, :n_train]
        mean = np.matmul(weight[:, None], training)[:, 0] / total
        rows -= mean[:, None]
        mean += first
        if self._missing is not None:
            trained = np.concatenate([weight, np.zeros((len(tests), n_test))], axis=1)
            values, known = self._X[index[..., None], self._gaps], ~self._missing[index]
            rows[..., self._gaps], mean[:, self._gaps] = centre_known(values, known, trained)
        scale = np.ones_like(mean)
        if self._standardize:
            variance = np.matmul(weight[:, None], training**2)[:, 0] / total
            varying = ~constant_features(variance, mean, total)
            scale[varying] = np.sqrt(variance[varying])
            rows /= scale[:, None]
        root = np.sqrt(weight)
        training *= root[:, :, None]
        kernel = np.matmul(rows, training.transpose(0, 2, 1))
        eigenvalues, vectors = np.linalg.eigh(kernel[:, :n_train])
        np.maximum(eigenvalues, 0.0, out=eigenvalues)
        left = np.matmul(kernel[:, n_train:], vectors)
        return _Spectra(index[:, :n_train], weight, rows, mean, scale, eigenvalues, vectors, left)
