"""What a nested cross-validation consists of before any target is seen: data, outer folds, inner folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import (
    MIN_PARTICIPANTS,
    RegressionWarning,
    check_alphas,
    check_features,
    check_weights,
    participant_codes,
)
from emoclip_clinic.regression.splits import Fold, Groups, check_folds, split_participants

__all__ = ["DEFAULT_ALPHAS", "Inner", "NestedDesign", "Outer", "make_design"]

DEFAULT_ALPHAS: tuple[float, ...] = tuple(10.0 ** (k / 2) for k in range(-2, 13))
# With more participants than this, inner leave-one-participant-out costs much and gains nothing.
MAX_INNER_LEAVE_ONE_OUT = 150
INNER_SPLITS = 10

Outer = Literal["participant"] | int | Sequence[Fold]
Inner = Literal["auto", "participant"] | int


@dataclass(frozen=True, eq=False)
class NestedDesign:
    """Checked data and folds.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features)
        0 where a value is missing, which is never taken for the value.
    missing : ndarray of bool of shape (n_rows, n_features), or None
        Values that each training set fills with its own mean.
    codes : ndarray of shape (n_rows,)
        Participant of each row.
    weight : ndarray of shape (n_rows,)
    alphas : ndarray of shape (n_alphas,)
        Ascending.
    standardize : bool
    folds : tuple of Fold
        Outer folds.
    inner_tests : list of list of ndarray
        For each outer fold, the test rows of its inner folds.
    inner : str
        The inner split in words.
    relative_weight : bool
        Whether weights are scaled to a mean of 1 in each training set.
    """

    X: NDArray[np.floating]
    missing: NDArray[np.bool_] | None
    codes: NDArray[np.intp]
    weight: NDArray[np.float64]
    alphas: NDArray[np.float64]
    standardize: bool
    folds: tuple[Fold, ...]
    inner_tests: list[list[NDArray[np.intp]]]
    inner: str
    relative_weight: bool = False

    @property
    def n_repeats(self) -> int:
        """Repetitions of the outer folds."""
        return 1 + max(fold.repeat for fold in self.folds)


def make_design(
    X: ArrayLike,
    groups: Groups,
    *,
    alphas: ArrayLike,
    sample_weight: ArrayLike | None,
    standardize: bool,
    outer: Outer | None,
    inner: Inner,
    strata: ArrayLike | None,
    seed: int,
    fill_missing: bool = False,
    relative_weight: bool = False,
) -> NestedDesign:
    """Check everything but the targets, and make the folds.

    Parameters are those of `nested_predict`; ``outer=None`` makes one fold that trains on all rows and tests
    none.
    """
    features = check_features(X, nan=fill_missing)
    _warn_constant(features)
    missing = np.isnan(features) if fill_missing else None
    if missing is not None and missing.any():
        features = np.where(missing, features.dtype.type(0), features)
    else:
        missing = None
    labels, codes = participant_codes(groups, len(features))
    if len(labels) < MIN_PARTICIPANTS:
        raise RegressionError(
            f"There must be at least {MIN_PARTICIPANTS} participants, one to predict, two to choose alpha",
            found=len(labels),
        )
    weight = check_weights(sample_weight, len(features))
    folds = _outer_folds(outer, codes, strata, seed)
    if outer is not None and not isinstance(outer, str | Integral):
        folds = check_folds(folds, labels[codes])
    n_splits = _inner_splits(inner, len(labels))
    strata_rows = None if strata is None else np.asarray(strata)
    if strata_rows is not None and (strata_rows.ndim == 0 or len(strata_rows) != len(features)):
        raise RegressionError(
            f"There must be one stratum for each of the {len(features)} rows",
            found=f"shape {strata_rows.shape}",
        )
    tests = [_inner_tests(fold.train, codes, n_splits, strata_rows, seed) for fold in folds]
    name = "leave-one-participant-out" if n_splits is None else f"grouped {n_splits}-fold"
    return NestedDesign(
        features,
        missing,
        codes,
        weight,
        check_alphas(alphas),
        standardize,
        folds,
        tests,
        name,
        relative_weight,
    )


def _outer_folds(
    outer: Outer | None, codes: NDArray[np.intp], strata: ArrayLike | None, seed: int
) -> tuple[Fold, ...]:
    if outer is None:
        nothing = np.empty(0, dtype=np.intp)
        return (Fold(0, "all", np.arange(len(codes)), nothing),)
    if isinstance(outer, str) and outer == "participant":
        return split_participants(codes)
    if isinstance(outer, Integral) and not isinstance(outer, bool):
        return split_participants(codes, scheme="kfold", n_splits=int(outer), strata=strata, seed=seed)
    folds = outer if isinstance(outer, Sequence) and not isinstance(outer, str) else None
    if folds is not None and all(isinstance(fold, Fold) for fold in folds):
        return tuple(folds)
    raise RegressionError("outer must be 'participant', a number of folds, or a list of Fold", found=outer)


def _inner_splits(inner: Inner, n_participants: int) -> int | None:
    """Return the number of inner folds, or None for leave-one-participant-out."""
    if inner == "auto":
        return INNER_SPLITS if n_participants > MAX_INNER_LEAVE_ONE_OUT else None
    if inner == "participant":
        return None
    if isinstance(inner, bool) or not isinstance(inner, Integral) or inner < 2:
        raise RegressionError(
            "inner must be 'auto', 'participant' or a number of folds, 2 or more", found=inner
        )
    return int(inner)


def _inner_tests(
    train: NDArray[np.intp],
    codes: NDArray[np.intp],
    n_splits: int | None,
    strata: NDArray[np.generic] | None,
    seed: int,
) -> list[NDArray[np.intp]]:
    """Return the test rows of each inner fold; training participants and seed alone decide."""
    mine = codes[train]
    if n_splits is None:
        return [train[mine == code] for code in np.unique(mine)]
    inner = split_participants(
        mine,
        scheme="kfold",
        n_splits=min(n_splits, len(np.unique(mine))),
        strata=None if strata is None else strata[train],
        seed=seed,
    )
    return [train[fold.test] for fold in inner]


def _warn_constant(X: NDArray[np.floating]) -> None:
    largest, smallest = np.fmax.reduce(X, axis=0), np.fmin.reduce(X, axis=0)  # NaN counts where all are
    constant = np.flatnonzero((largest == smallest) | np.isnan(largest))
    if constant.size:
        warnings.warn(
            f"{constant.size} of {X.shape[1]} features are constant (the first is column {constant[0]}); "
            "they have no effect on the predictions.",
            RegressionWarning,
            stacklevel=4,
        )
