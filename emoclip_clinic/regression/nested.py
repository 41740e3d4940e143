"""Out-of-fold ridge predictions of ratings, with everything learned inside the training participants."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.regression.checks import MIN_PARTICIPANTS, RegressionWarning, check_targets
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS, Inner, NestedDesign, Outer, make_design
from emoclip_clinic.regression.nested_ridge import NestedRidge, Progress
from emoclip_clinic.regression.splits import Fold, Groups

__all__ = ["NestedPrediction", "nested_predict", "rating_patterns"]

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NestedPrediction:
    """Out-of-fold predictions and how they came about.

    Attributes
    ----------
    predictions : ndarray, shaped as Y
        Predictions of every row, rated or not, by models that never saw its participant. With several
        repetitions of the outer folds there is a leading axis: (n_repeats, n_rows[, n_targets]). Measures are
        computed within a repetition, then averaged.
    baseline : ndarray, shaped as `predictions`
        What the mean predictor says: the weighted mean rating of the training rows.
    alphas : ndarray of shape (n_alphas,)
        The penalties tried, ascending.
    chosen_alphas : ndarray of shape (n_folds, n_targets)
        NaN where a fold could not be trained.
    inner_errors : ndarray of shape (n_folds, n_alphas, n_targets)
        Weighted mean squared error of the inner out-of-fold predictions; NaN if there is one penalty only.
    folds : tuple of Fold
        The outer folds.
    fold_of_row : ndarray of shape (n_repeats, n_rows)
        Position in `folds` of the fold that tests the row.
    inner : str
        The inner split in words, such as "leave-one-participant-out".
    n_training_sets : int
        Distinct inner training sets that were decomposed, over all patterns of missing ratings.
    """

    predictions: Floats
    baseline: Floats
    alphas: Floats
    chosen_alphas: Floats
    inner_errors: Floats
    folds: tuple[Fold, ...]
    fold_of_row: NDArray[np.intp]
    inner: str
    n_training_sets: int


def rating_patterns(
    Y: Floats, weight: Floats, codes: NDArray[np.intp]
) -> tuple[list[tuple[NDArray[np.bool_], NDArray[np.intp]]], NDArray[np.intp]]:
    """Group the targets that are rated in the same rows.

    Parameters
    ----------
    Y : ndarray of shape (n_rows, n_targets)
        NaN where a rating is missing.
    weight : ndarray of shape (n_rows,)
    codes : ndarray of shape (n_rows,)
        Participant of each row.

    Returns
    -------
    patterns : list of (mask of shape (n_rows,), indices of the targets)
    too_few : ndarray
        Indices of targets rated in fewer than three participants.
    """
    rated = ~np.isnan(Y)
    distinct, member = np.unique(rated, axis=1, return_inverse=True)
    patterns = []
    too_few: list[int] = []
    for number, mask in enumerate(distinct.T):
        targets = np.flatnonzero(member.ravel() == number)
        if len(np.unique(codes[mask & (weight > 0)])) < MIN_PARTICIPANTS:
            too_few += targets.tolist()
        else:
            patterns.append((np.ascontiguousarray(mask), targets))
    return patterns, np.array(sorted(too_few), dtype=np.intp)


def nested_predict(
    X: ArrayLike,
    Y: ArrayLike,
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
    relative_weight: bool = False,
    progress: Progress | None = None,
) -> NestedPrediction:
    """Predict every row by ridge regression on other participants, alpha chosen among those as well.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        One row for each session (or segment), without NaN unless `fill_missing` is on.
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Ratings; NaN where one is missing.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    alphas : array-like of shape (n_alphas,)
        Penalties to choose from, in any order; by default 0.1 to 1,000,000 in half decades.
    sample_weight : array-like of shape (n_rows,), optional
        Weights; they enter mean, SD, fit and inner error.
    standardize : bool
        Divide each feature by its population SD in each training set, the inner ones too.
    outer : "participant", int, or sequence of Fold
        Leave-one-participant-out; a number of grouped folds; or folds of `split_participants`.
    inner : "auto", "participant", or int
        Leave-one-participant-out or a number of grouped folds. "auto" is leave-one-participant-out for up to
        150 participants and 10 folds above.
    strata : array-like of shape (n_rows,) or (n_rows, n_variables), optional
        What grouped folds are balanced for, such as site. Never ratings.
    seed : int
        Seed of grouped folds.
    fill_missing : bool
        Whether NaN in X is a missing value. It is filled with the weighted mean of the training rows that
        have one, in each training set, the inner ones too. By default NaN is refused.
    relative_weight : bool
        Whether only the ratios of weights matter: they are scaled to a mean of 1 over the rows of each
        training set. Else their sum counts, as in scikit-learn, where larger weights weaken the penalty.
    progress : callable, optional
        Called with (done, total) numbers of inner predictions.

    Returns
    -------
    NestedPrediction

    Raises
    ------
    RegressionError
        If X holds NaN that is not to be filled, a value is infinite, participants are missing or fewer than
        three, a participant is on both sides of a fold, shapes disagree, or alphas are not positive.

    Warns
    -----
    RegressionWarning
        For a target rated in fewer than three participants (its predictions are NaN), a target that is
        constant (its predictions are that constant), a constant feature (it has no effect), and a fold in
        which fewer than two training participants are rated (its predictions are NaN).

    Notes
    -----
    The result equals the plain nested loop over outer folds, penalties and inner folds with scikit-learn's
    ``Pipeline(StandardScaler(), Ridge(alpha))`` up to rounding, with ``SimpleImputer(strategy="mean")`` as
    first step if `fill_missing` is on. For each outer fold and target, alpha minimises the squared error
    pooled over the inner folds; errors within 1e-12 of the smallest count as equal, and the largest alpha
    among them is taken. A row without a rating in a target leaves that target's training sets before anything
    is computed from them.

    Each distinct training set is decomposed once for all penalties and targets. With
    leave-one-participant-out at both levels, the inner training set without participants a and b serves outer
    fold a and outer fold b.
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
        relative_weight=relative_weight,
    )
    table = check_targets(Y, len(design.X))
    patterns, too_few = rating_patterns(table, design.weight, design.codes)
    warn_targets(table, too_few)
    n_folds, n_targets = len(design.folds), table.shape[1]
    predictions = np.full((design.n_repeats, *table.shape), np.nan)
    baseline = predictions.copy()
    chosen = np.full((n_folds, n_targets), np.nan)
    errors = np.full((n_folds, len(design.alphas), n_targets), np.nan)
    n_sets = 0
    for number_of_pattern, (mask, targets) in enumerate(patterns):
        ridge = NestedRidge(design, mask)
        logger.debug("%d targets, %d inner training sets", len(targets), ridge.n_training_sets)
        _warn_folds(ridge, targets)
        part = None if progress is None else _part_of(progress, number_of_pattern, len(patterns), design)
        result = ridge.predict(table[:, targets], progress=part)
        predictions[:, :, targets] = result.predictions
        errors[:, :, targets] = result.inner_errors
        chosen[:, targets] = np.where(ridge.usable[:, None], design.alphas[result.alpha_index], np.nan)
        for number, fold in enumerate(design.folds):
            baseline[fold.repeat, fold.test[:, None], targets] = result.train_mean[number]
        n_sets += ridge.n_training_sets
    shape = np.shape(Y) if design.n_repeats == 1 else (design.n_repeats, *np.shape(Y))
    return NestedPrediction(
        predictions.reshape(shape),
        baseline.reshape(shape),
        design.alphas,
        chosen,
        errors,
        design.folds,
        _fold_of_row(design),
        design.inner,
        n_sets,
    )


def _part_of(progress: Progress, number: int, n_parts: int, design: NestedDesign) -> Progress:
    """Turn progress of one pattern of missing ratings into progress of the whole, from 0 to its end once."""
    size = sum(len(rows) for tests in design.inner_tests for rows in tests)

    def tell(done: int, total: int) -> None:
        progress(number * size + done * size // total, n_parts * size)

    return tell


def warn_targets(Y: Floats, too_few: NDArray[np.intp]) -> None:
    """Warn of targets that cannot be predicted and of those that never vary."""
    if too_few.size:
        warnings.warn(
            f"{too_few.size} of {Y.shape[1]} targets are rated in fewer than {MIN_PARTICIPANTS} participants "
            f"(the first is column {too_few[0]}); their predictions are NaN.",
            RegressionWarning,
            stacklevel=3,
        )
    seen = np.setdiff1d(np.arange(Y.shape[1]), too_few)
    constant = seen[np.nanmax(Y[:, seen], axis=0) == np.nanmin(Y[:, seen], axis=0)] if seen.size else seen
    if constant.size:
        warnings.warn(
            f"{constant.size} of {Y.shape[1]} targets are constant (the first is column {constant[0]}); "
            "their predictions are that constant.",
            RegressionWarning,
            stacklevel=3,
        )


def _warn_folds(ridge: NestedRidge, targets: NDArray[np.intp]) -> None:
    unusable = np.flatnonzero(~ridge.usable)
    if unusable.size:
        warnings.warn(
            f"{unusable.size} folds have fewer than two rated training participants in {len(targets)} "
            f"targets (the first is fold {ridge.design.folds[unusable[0]].name}, column {targets[0]}); "
            "their predictions are NaN.",
            RegressionWarning,
            stacklevel=3,
        )


def _fold_of_row(design: NestedDesign) -> NDArray[np.intp]:
    fold_of_row = np.full((design.n_repeats, len(design.X)), -1, dtype=np.intp)
    for number, fold in enumerate(design.folds):
        fold_of_row[fold.repeat, fold.test] = number
    return fold_of_row
