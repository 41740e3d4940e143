"""Ridge regression through Gram matrices of the features, for more rows than features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.ridge_core import (
    Sink,
    TrainingSet,
    centre_known,
    constant_features,
    shrunken_predictions,
)

__all__ = ["PrimalRidge"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Rows are converted and standardised in blocks of this many values.
BLOCK_VALUES = 2**19
# A feature whose variance in a training set is below this part of its variance in all rows has lost digits by
# the subtraction; its sums are computed anew from the training rows.
CANCELLED = 1e-4
# The lower halves of Gram matrices are kept for participants with this many rows per feature: together they
# take at most a quarter of the memory of the rows in float64. For the others it costs less to compute the
# matrix again than to decompose it.
ROWS_PER_FEATURE = 2


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weighted sums over rows of the globally centred and scaled features z."""

    gram: Floats  # (p, p), sum of w z z'; only the lower half, in one row, where sums are kept
    total: Floats  # (p,), sum of w z
    weight: float

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.gram - other.gram, self.total - other.total, self.weight - other.weight)

    def add(self, other: _Sums) -> _Sums:
        """Add in place where there are arrays, and return the result."""
        np.add(self.gram, other.gram, out=self.gram)
        np.add(self.total, other.total, out=self.total)
        return _Sums(self.gram, self.total, self.weight + other.weight)


@dataclass(frozen=True, eq=False)
class _Recomputed:
    """Features with gaps, or that hardly vary in the training set beside all rows, from X itself."""

    features: Rows  # (k,)
    mean: Floats  # (k,), in the units of X
    columns: Floats  # (n_train, k), centred, in the units of z, times weight


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Eigendecomposition of the standardised Gram matrix of one training set."""

    mean: Floats  # (p,), of z in the training set
    scale: Floats  # (p,), of z in the training set
    weight: float
    anew: _Recomputed
    eigenvalues: Floats  # (p,)
    vectors: Floats  # (p, p)


class PrimalRidge:
    """Ridge by eigendecomposition of the Gram matrix of each training set.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Kept as it is; blocks of rows are converted to float64 when they are needed.
    weight : ndarray of shape (n_rows,)
    codes : ndarray of shape (n_rows,)
        Participant of each row.
    rows : ndarray of shape (n_used,)
        Rows that may be trained on.
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
        codes: Rows,
        rows: Rows,
        standardize: bool,
        missing: NDArray[np.bool_] | None = None,
    ) -> None:
        self._X = X
        self._missing = missing
        self._has_gaps = np.zeros(X.shape[1], dtype=bool) if missing is None else missing.any(axis=0)
        self._weight = weight
        self._standardize = standardize
        self._rows = rows
        self._codes = codes
        n_features = X.shape[1]
        self._shift = np.zeros(n_features)
        self._unit = np.ones(n_features)
        self._set_origin()
        self._lower = np.tril_indices(n_features)
        self._kept: dict[int, _Sums] = {}
        self._size = np.bincount(codes[rows], minlength=int(codes.max()) + 1)
        self._all = self._zero()
        for code in np.unique(codes[rows]):
            sums = self._sum(rows[codes[rows] == code])
            if self._size[code] >= ROWS_PER_FEATURE * n_features:
                self._kept[int(code)] = _Sums(sums.gram[self._lower], sums.total, sums.weight)
            self._all = self._all.add(sums)
        self._variance = np.diag(self._all.gram) / self._all.weight

    def run(self, sets: Sequence[TrainingSet], Y: Floats, *, alphas: Floats, sink: Sink) -> None:
        """Predict for every use of every training set, and hand the predictions to ``sink``.

        Parameters
        ----------
        sets : sequence of TrainingSet
        Y : ndarray of shape (n_rows, n_targets)
            Rows outside the training sets are not read.
        alphas : ndarray of shape (1, n_alphas, 1) or (n_sets, n_alphas, n_targets)
        sink : callable
            A long list of test rows is handed over in parts.
        """
        centre = self._weight[self._rows] @ Y[self._rows] / self._all.weight
        cross_all = self._cross(self._rows, Y, centre)
        for position, training_set in enumerate(sets):
            spectrum = self._decompose(training_set.rows)
            mean, projected = self._project(spectrum, training_set.rows, Y, centre, cross_all)
            penalties = alphas if len(alphas) == 1 else alphas[position : position + 1]
            width = max(self._X.shape[1], penalties.shape[1] * Y.shape[1])
            for fold, rows in training_set.uses:
                for part in _parts(rows, width):
                    centred = self._centred(part, spectrum.mean, spectrum.anew)
                    left = (centred / spectrum.scale) @ spectrum.vectors
                    predicted = shrunken_predictions(
                        left[None], spectrum.eigenvalues[None], projected[None], penalties
                    )
                    sink(fold, part, predicted[0] + mean)

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
        centre = self._weight[self._rows] @ Y[self._rows] / self._all.weight
        spectrum = self._decompose(rows)
        mean, projected = self._project(spectrum, rows, Y, centre, self._cross(self._rows, Y, centre))
        coef = spectrum.vectors @ (projected / (spectrum.eigenvalues[:, None] + alphas))
        coef = coef.T / (spectrum.scale * self._unit)
        return coef, mean - coef @ self._raw_mean(spectrum.mean, spectrum.anew)

    def _set_origin(self) -> None:
        """Set the mean and SD over all rows, which serve only to keep digits in the sums."""
        first = self._X[self._rows[0]].astype(np.float64)
        self._shift = first
        total = np.zeros_like(first)
        for part in _parts(self._rows, len(first)):
            total += self._weight[part] @ self._block(part)
        weight = self._weight[self._rows].sum()
        self._shift = first + total / weight
        if self._standardize:
            squares = np.zeros_like(first)
            for part in _parts(self._rows, len(first)):
                squares += self._weight[part] @ self._block(part) ** 2
            variance = squares / weight
            varying = ~constant_features(variance, self._shift, weight)
            self._unit[varying] = np.sqrt(variance[varying])

    def _block(self, rows: Rows) -> Floats:
        """Return rows of z, the globally centred and scaled features."""
        block: Floats = self._X[rows].astype(np.float64, copy=False)  # indexing has made a copy already
        block -= self._shift
        block /= self._unit
        return block

    def _centred(self, rows: Rows, mean: Floats, anew: _Recomputed) -> Floats:
        """Return rows of z minus the mean of a training set."""
        block = self._block(rows)
        block -= mean
        if anew.features.size:
            raw = self._X[np.ix_(rows, anew.features)].astype(np.float64)
            raw -= anew.mean
            raw /= self._unit[anew.features]
            block[:, anew.features] = raw * self._known(rows, anew.features)
        return block

    def _known(self, rows: Rows, features: Rows) -> NDArray[np.bool_]:
        """Tell which values are there."""
        if self._missing is None:
            return np.ones((1, len(features)), dtype=bool)
        return np.asarray(~self._missing[np.ix_(rows, features)])

    def _raw_mean(self, mean: Floats, anew: _Recomputed) -> Floats:
        """Return the mean of a training set in the units of X."""
        raw = self._shift + mean * self._unit
        raw[anew.features] = anew.mean
        return raw

    def _zero(self) -> _Sums:
        n_features = self._X.shape[1]
        return _Sums(np.zeros((n_features, n_features)), np.zeros(n_features), 0.0)

    def _sum(self, rows: Rows) -> _Sums:
        """Sum over rows, block by block."""
        sums = self._zero()
        for part in _parts(rows, self._X.shape[1]):
            block, weight = self._block(part), self._weight[part]
            root = block * np.sqrt(weight)[:, None]
            sums = sums.add(_Sums(root.T @ root, weight @ block, float(weight.sum())))
        return sums

    def _sum_kept(self, rows: Rows) -> _Sums:
        """Sum over rows, with the sums that are kept for whole participants."""
        codes = self._codes[rows]
        size = np.bincount(codes, minlength=len(self._size))
        whole = [code for code in self._kept if size[code] == self._size[code]]
        sums = self._sum(rows[~np.isin(codes, whole)])
        full = np.empty_like(sums.gram)
        for code in whole:
            kept = self._kept[code]
            full[self._lower] = kept.gram
            full[self._lower[::-1]] = kept.gram
            sums = sums.add(_Sums(full, kept.total, kept.weight))
        return sums

    def _decompose(self, rows: Rows) -> _Spectrum:
        """Standardise one training set by itself and decompose its Gram matrix."""
        held_out = np.setdiff1d(self._rows, rows, assume_unique=True)
        fewer_out = len(held_out) <= len(rows)
        sums = self._all - self._sum_kept(held_out) if fewer_out else self._sum_kept(rows)
        weight = float(self._weight[rows].sum())
        mean = sums.total / weight
        gram = sums.gram
        gram -= weight * np.outer(mean, mean)
        lost = np.diag(gram) / weight < CANCELLED * self._variance
        anew = self._recompute(rows, lost | self._has_gaps, gram, mean)
        variance = np.diag(gram) / weight
        scale = np.ones_like(mean)
        if self._standardize:
            constant = constant_features(variance * self._unit**2, self._raw_mean(mean, anew), weight)
            scale = np.where(constant, 1.0 / self._unit, np.sqrt(np.maximum(variance, 0.0)))
        gram /= scale[:, None]
        gram /= scale
        eigenvalues, vectors = np.linalg.eigh(gram)
        np.maximum(eigenvalues, 0.0, out=eigenvalues)
        return _Spectrum(mean, scale, weight, anew, eigenvalues, vectors)

    def _recompute(self, rows: Rows, lost: NDArray[np.bool_], gram: Floats, mean: Floats) -> _Recomputed:
        """Replace sums of features with gaps or lost digits, in place, by sums over the training rows."""
        features = np.flatnonzero(lost)
        if not features.size:
            return _Recomputed(features, np.empty(0), np.empty((len(rows), 0)))
        weight, unit = self._weight[rows], self._unit[features]
        values = self._X[np.ix_(rows, features)].astype(np.float64)
        columns, raw_mean = centre_known(values, self._known(rows, features), weight)
        columns *= weight[:, None] / unit
        anew = _Recomputed(features, raw_mean, columns)
        mean[features] = (anew.mean - self._shift[features]) / unit
        cross = np.zeros((len(mean), len(features)))
        for start in range(0, len(rows), _block_rows(len(mean))):
            part = slice(start, start + _block_rows(len(mean)))
            cross += self._centred(rows[part], mean, anew).T @ columns[part]
        gram[:, features] = cross
        gram[features] = cross.T
        return anew

    def _cross(self, rows: Rows, Y: Floats, centre: Floats) -> Floats:
        """Sum of w z (y - centre)' over rows, of shape (n_features, n_targets)."""
        cross = np.zeros((self._X.shape[1], Y.shape[1]))
        for part in _parts(rows, max(self._X.shape[1], Y.shape[1])):
            cross += self._block(part).T @ (self._weight[part, None] * (Y[part] - centre))
        return cross

    def _project(
        self, spectrum: _Spectrum, rows: Rows, Y: Floats, centre: Floats, cross_all: Floats
    ) -> tuple[Floats, Floats]:
        """Return the weighted means (q,) and the targets in the eigenbasis (p, q) of one training set."""
        held_out = np.setdiff1d(self._rows, rows, assume_unique=True)
        if len(held_out) <= len(rows):
            cross = cross_all - self._cross(held_out, Y, centre)
        else:
            cross = self._cross(rows, Y, centre)
        offset = self._weight[rows] @ (Y[rows] - centre) / spectrum.weight
        cross -= spectrum.weight * np.outer(spectrum.mean, offset)
        if spectrum.anew.features.size:
            cross[spectrum.anew.features] = spectrum.anew.columns.T @ (Y[rows] - centre - offset)
        return centre + offset, spectrum.vectors.T @ (cross / spectrum.scale[:, None])


def _block_rows(width: int) -> int:
    return max(1, BLOCK_VALUES // width)


def _parts(rows: Rows, width: int) -> Iterator[Rows]:
    """Cut rows into parts of at most BLOCK_VALUES values."""
    for start in range(0, len(rows), _block_rows(width)):
        yield rows[start : start + _block_rows(width)]
