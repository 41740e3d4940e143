"""Nested cross-validation of ridge regression with every distinct training set decomposed once.

The derivation is on the page ``docs/ridge.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS, Inner, NestedDesign, Outer, make_design
from emoclip_clinic.regression.ridge_core import Sink, TrainingSet
from emoclip_clinic.regression.ridge_dual import DualRidge
from emoclip_clinic.regression.ridge_primal import PrimalRidge
from emoclip_clinic.regression.splits import Groups

__all__ = ["NestedArrays", "NestedRidge", "choose_alpha", "prepare_nested"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Progress = Callable[[int, int], None]

# Errors that differ by less than this part are equal, and the larger penalty is taken.
TIE = 1e-12
# Targets that are pushed through the stored operators together.
TARGET_BLOCK = 4096
MAX_OPERATOR_BYTES = 4 * 2**30


@dataclass(frozen=True, eq=False)
class NestedArrays:
    """What one call of `NestedRidge.predict` returns.

    Attributes
    ----------
    predictions : ndarray of shape (n_repeats, n_rows, n_targets)
        Out-of-fold predictions of all rows, rated or not; NaN where a fold cannot be trained.
    alpha_index : ndarray of shape (n_folds, n_targets)
        Position of the chosen penalty.
    inner_errors : ndarray of shape (n_folds, n_alphas, n_targets)
        Weighted mean squared error, pooled over the inner out-of-fold predictions; NaN if there is one
        penalty only.
    train_mean : ndarray of shape (n_folds, n_targets)
        Weighted mean of the training ratings, which is what the mean predictor predicts.
    """

    predictions: Floats
    alpha_index: Rows
    inner_errors: Floats
    train_mean: Floats


def choose_alpha(errors: Floats) -> Rows:
    """Return the position of the smallest error; ties within 1e-12 relative go to the larger penalty.

    Parameters
    ----------
    errors : ndarray of shape (n_folds, n_alphas, n_targets)
        Penalties ascend along axis 1.

    Returns
    -------
    ndarray of shape (n_folds, n_targets)
    """
    within = errors <= errors.min(axis=1, keepdims=True) * (1.0 + TIE)
    return np.asarray(errors.shape[1] - 1 - np.argmax(within[:, ::-1], axis=1), dtype=np.intp)


def prepare_nested(
    X: ArrayLike,
    groups: Groups,
    *,
    alphas: ArrayLike = DEFAULT_ALPHAS,
    sample_weight: ArrayLike | None = None,
    standardize: bool = True,
    outer: Outer = "participant",
    inner: Inner = "auto",
    strata: ArrayLike | None = None,
    seed: int = 0,
    fill_missing: bool = False,
    rated: ArrayLike | None = None,
) -> NestedRidge:
    """Prepare all that does not depend on the ratings, to predict many sets of ratings afterwards.

    Parameters
    ----------
    X, groups, alphas, sample_weight, standardize, outer, inner, strata, seed, fill_missing
        As in `nested_predict`.
    rated : array-like of bool of shape (n_rows,), optional
        Rows that have a rating; all by default. One object serves the targets that share this pattern.

    Returns
    -------
    NestedRidge

    Raises
    ------
    RegressionError
        As in `nested_predict`, and if fewer than three participants are rated.
    """
    design = make_design(
        X,
        groups,
        alphas=alphas,
        sample_weight=sample_weight,
        standardize=standardize,
        outer=outer,
        inner=inner,
        strata=strata,
        seed=seed,
        fill_missing=fill_missing,
    )
    n_rows = len(design.X)
    mask = np.ones(n_rows, dtype=bool) if rated is None else np.asarray(rated)
    if mask.shape != (n_rows,) or mask.dtype != bool:
        raise RegressionError(
            f"rated must be a mask of shape ({n_rows},)", found=f"shape {mask.shape}, dtype {mask.dtype}"
        )
    return NestedRidge(design, mask)


class NestedRidge:
    """A nested cross-validation of ridge regression, ready for any targets rated in the same rows.

    Make it with `prepare_nested`.

    Parameters
    ----------
    design : NestedDesign
    rated : ndarray of bool of shape (n_rows,)
        Rows that have a rating. The others are predicted, never trained on.

    Attributes
    ----------
    design : NestedDesign
    rated : ndarray of bool of shape (n_rows,)
    train : list of ndarray
        Rated training rows of each outer fold.
    usable : ndarray of bool of shape (n_folds,)
        Whether two or more training participants are rated.
    n_training_sets : int
        Distinct inner training sets, each of which is decomposed once.
    """

    def __init__(self, design: NestedDesign, rated: NDArray[np.bool_]) -> None:
        self.design = design
        self.rated = rated
        active = rated & (design.weight > 0)
        n_rated = len(np.unique(design.codes[active]))
        if n_rated < MIN_PARTICIPANTS:
            raise RegressionError(
                f"A target must be rated in at least {MIN_PARTICIPANTS} participants (of weight above zero)",
                found=n_rated,
            )
        self.train = [fold.train[active[fold.train]] for fold in design.folds]
        self.usable = np.array([len(np.unique(design.codes[rows])) > 1 for rows in self.train])
        self._inner_rows: list[Rows] = []
        self._inner_sets = self._plan(active)
        self.n_training_sets = len(self._inner_sets)
        largest = max(map(len, self.train))
        self._solver: DualRidge | PrimalRidge
        if largest <= design.X.shape[1]:
            self._solver = DualRidge(
                design.X, design.weight, standardize=design.standardize, missing=design.missing
            )
        else:
            self._solver = PrimalRidge(
                design.X,
                design.weight,
                codes=design.codes,
                rows=np.flatnonzero(active),
                standardize=design.standardize,
                missing=design.missing,
            )
        self._operators: list[tuple[Floats, Floats]] | None = None

    def _plan(self, active: NDArray[np.bool_]) -> list[TrainingSet]:
        """List the distinct inner training sets with their uses, and note each fold's inner test rows."""
        sets: dict[bytes, TrainingSet] = {}
        for number, (rows, tests) in enumerate(zip(self.train, self.design.inner_tests, strict=True)):
            mask = np.zeros(len(active), dtype=bool)
            mask[rows] = True
            tested = []
            for test in tests if self.usable[number] else []:
                used = test[active[test]]
                if not len(used) or len(used) == len(rows):
                    continue  # nobody rated in the inner fold, or nobody rated outside of it
                mask[used] = False
                # Participants a and b left out for outer a and inner b, and the other way round, give one
                # key.
                training_set = sets.setdefault(mask.tobytes(), TrainingSet(np.flatnonzero(mask), []))
                training_set.uses.append((number, used))
                tested.append(used)
                mask[used] = True
            if not tested:
                self.usable[number] = False
            self._inner_rows.append(np.concatenate(tested) if tested else np.empty(0, dtype=np.intp))
        return list(sets.values())

    @property
    def operator_bytes(self) -> int:
        """Memory that `store_operators` would take, in bytes."""
        n_alphas = len(self.design.alphas)
        return sum(
            8 * n_alphas * len(train) * ((n_alphas > 1) * len(inner) + len(fold.test))
            for train, inner, fold in zip(self.train, self._inner_rows, self.design.folds, strict=True)
        )

    def store_operators(self, *, max_bytes: int = MAX_OPERATOR_BYTES) -> None:
        """Store the matrices that turn ratings into predictions, for each fold and penalty.

        Afterwards `predict` is matrix products only, which pays for many targets, as in a permutation test.

        Parameters
        ----------
        max_bytes : int
            Refuse to take more memory than this.

        Raises
        ------
        RegressionError
            If the matrices would take more than ``max_bytes``.
        """
        if self.operator_bytes > max_bytes:
            raise RegressionError(
                f"The stored matrices must fit into {max_bytes / 2**30:.1f} GiB",
                found=f"{self.operator_bytes / 2**30:.1f} GiB",
                hint="Use fewer penalties, one row per session, or grouped K-fold.",
            )
        n_alphas, n_rows = len(self.design.alphas), len(self.rated)
        inner = [
            np.zeros((n_alphas, len(rows) if n_alphas > 1 else 0, len(train)))
            for rows, train in zip(self._inner_rows, self.train, strict=True)
        ]
        outer = [
            np.zeros((n_alphas, len(fold.test), len(train)))
            for fold, train in zip(self.design.folds, self.train, strict=True)
        ]
        position = np.zeros((len(self.train), n_rows), dtype=np.intp)
        for number, (rows, fold) in enumerate(zip(self._inner_rows, self.design.folds, strict=True)):
            position[number, rows] = np.arange(len(rows))
            position[number, fold.test] = np.arange(len(fold.test))

        # Predictions are linear in the targets, so those of the identity are the operator's columns.
        def keep(into: list[Floats]) -> Sink:
            def sink(fold: int, rows: Rows, predicted: Floats) -> None:
                into[fold][:, position[fold, rows]] = predicted[:, :, self.train[fold]]

            return sink

        identity = np.eye(n_rows)
        if n_alphas > 1:
            penalties = self._penalties(self._inner_sets)
            self._solver.run(self._inner_sets, identity, alphas=penalties, sink=keep(inner))
        sets = self._outer_sets()
        self._solver.run(sets, identity, alphas=self._penalties(sets), sink=keep(outer))
        self._operators = list(zip(inner, outer, strict=True))

    def predict(self, Y: NDArray[np.floating], *, progress: Progress | None = None) -> NestedArrays:
        """Choose alpha for each fold and target, and predict the rows left out.

        Parameters
        ----------
        Y : ndarray of shape (n_rows, n_targets)
            Values of rows that are not rated are not read.
        progress : callable, optional
            Called with (done, total) predictions of a fold's participants.

        Returns
        -------
        NestedArrays
        """
        if Y.ndim != 2 or len(Y) != len(self.rated):
            raise RegressionError(
                f"Y must have the shape ({len(self.rated)}, targets)", found=f"shape {Y.shape}"
            )
        values = np.where(self.rated[:, None], Y, 0.0).astype(np.float64, copy=False)
        if not np.isfinite(values).all():
            raise RegressionError("Every rated row must have a finite value in every target")
        if self._operators is not None:
            return self._apply_operators(values, self._operators)
        errors, index = self.select(values, progress=progress)
        predictions = np.full((self.design.n_repeats, *values.shape), np.nan)

        def sink(fold: int, rows: Rows, predicted: Floats) -> None:
            predictions[self.design.folds[fold].repeat, rows] = predicted[0]

        sets = self._outer_sets()
        chosen = self.design.alphas[index[self.usable]][:, None, :] * self._unit_penalties(sets)
        self._solver.run(sets, values, alphas=chosen, sink=sink)
        return NestedArrays(predictions, index, errors, self._train_mean(values))

    def select(self, Y: Floats, *, progress: Progress | None = None) -> tuple[Floats, Rows]:
        """Choose alpha for each fold and target by pooled inner out-of-fold squared error.

        Parameters
        ----------
        Y : ndarray of shape (n_rows, n_targets)
            Finite in every row.
        progress : callable, optional

        Returns
        -------
        errors : ndarray of shape (n_folds, n_alphas, n_targets)
        index : ndarray of shape (n_folds, n_targets)
        """
        n_alphas = len(self.design.alphas)
        errors = np.full((len(self.train), n_alphas, Y.shape[1]), np.nan)
        if n_alphas == 1:
            return errors, np.zeros((len(self.train), Y.shape[1]), dtype=np.intp)
        errors[self.usable] = 0.0
        weight = self.design.weight
        done, total = 0, sum(map(len, self._inner_rows))

        def sink(fold: int, rows: Rows, predicted: Floats) -> None:
            nonlocal done
            residual = predicted - Y[rows]
            residual *= residual
            errors[fold] += np.matmul(weight[rows], residual)
            done += len(rows)
            if progress is not None:
                progress(done, total)

        self._solver.run(self._inner_sets, Y, alphas=self._penalties(self._inner_sets), sink=sink)
        errors[self.usable] /= self._inner_weight()[self.usable, None, None]
        return errors, self._choose(errors, Y)

    def coefficients(self, Y: Floats, index: Rows) -> tuple[Floats, Floats]:
        """Fit the training rows of the first fold with the chosen penalties.

        Parameters
        ----------
        Y : ndarray of shape (n_rows, n_targets)
        index : ndarray of shape (n_targets,)
            Position of each target's penalty.

        Returns
        -------
        coef : ndarray of shape (n_targets, n_features)
        intercept : ndarray of shape (n_targets,)
        """
        (unit,) = self._unit_penalties([TrainingSet(self.train[0], [])]).ravel()
        return self._solver.coefficients(self.train[0], Y, self.design.alphas[index] * unit)

    def _penalties(self, sets: Sequence[TrainingSet]) -> Floats:
        """Return the penalties for each training set, or once where they are the same for all."""
        grid: Floats = self.design.alphas[None, :, None]
        return grid * self._unit_penalties(sets) if self.design.relative_weight else grid

    def _unit_penalties(self, sets: Sequence[TrainingSet]) -> Floats:
        """Return what a penalty of 1 is in each training set, of shape (n_sets, 1, 1).

        Weights that are divided by c give the same fit as a penalty that is multiplied by c.
        """
        unit = np.ones((len(sets), 1, 1))
        if self.design.relative_weight:
            unit[:, 0, 0] = [self.design.weight[one.rows].mean() for one in sets]
        return unit

    def _outer_sets(self) -> list[TrainingSet]:
        folds = self.design.folds
        return [
            TrainingSet(self.train[number], [(number, folds[number].test)])
            for number in np.flatnonzero(self.usable).tolist()
        ]

    def _inner_weight(self) -> Floats:
        return np.array([self.design.weight[rows].sum() for rows in self._inner_rows])

    def _train_mean(self, Y: Floats) -> Floats:
        mean = np.full((len(self.train), Y.shape[1]), np.nan)
        for number in np.flatnonzero(self.usable).tolist():
            mean[number] = np.average(
                Y[self.train[number]], axis=0, weights=self.design.weight[self.train[number]]
            )
        return mean

    def _choose(self, errors: Floats, Y: Floats) -> Rows:
        """Choose alpha; a target that is constant in a training set has only rounding errors: the largest."""
        index = choose_alpha(errors)
        for number, rows in enumerate(self.train):
            if len(rows):
                constant = Y[rows].max(axis=0) == Y[rows].min(axis=0)
                index[number, constant] = errors.shape[1] - 1
        return index

    def _apply_operators(self, Y: Floats, operators: Sequence[tuple[Floats, Floats]]) -> NestedArrays:
        """Do what `predict` does by the stored matrices."""
        n_alphas, n_targets = len(self.design.alphas), Y.shape[1]
        errors = np.full((len(self.train), n_alphas, n_targets), np.nan)
        index = np.zeros((len(self.train), n_targets), dtype=np.intp)
        inner_weight = self._inner_weight()
        predictions = np.full((self.design.n_repeats, *Y.shape), np.nan)
        for start in range(0, n_targets, TARGET_BLOCK):
            block = slice(start, start + TARGET_BLOCK)
            y = Y[:, block]
            for number in np.flatnonzero(self.usable).tolist() if n_alphas > 1 else []:
                rows, training = self._inner_rows[number], y[self.train[number]]
                for position, operator in enumerate(operators[number][0]):
                    residual = operator @ training
                    residual -= y[rows]
                    residual *= residual
                    errors[number, position, block] = (
                        self.design.weight[rows] @ residual / inner_weight[number]
                    )
            if n_alphas > 1:
                index[:, block] = self._choose(errors[:, :, block], y)
            for number in np.flatnonzero(self.usable).tolist():
                fold, training = self.design.folds[number], y[self.train[number]]
                predicted = operators[number][1] @ training
                chosen = np.take_along_axis(predicted, index[number, block][None, None, :], axis=0)[0]
                predictions[fold.repeat, fold.test, block] = chosen
        return NestedArrays(predictions, index, errors, self._train_mean(Y))
