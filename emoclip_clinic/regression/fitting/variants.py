"""The same fit with one thing changed: fewer sessions, other features, or other folds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.fitting.models import out_of_fold
from emoclip_clinic.regression.fitting.significance import TESTED_MODEL
from emoclip_clinic.regression.scoring import pooled_r, skill
from emoclip_clinic.regression.splits import restrict_folds

if TYPE_CHECKING:
    from emoclip_clinic.regression.features import SessionFeatures
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["Measures", "measures", "ridge_measures", "with_features", "with_sessions"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Measures:
    """Measures of the ridge for each target.

    Attributes
    ----------
    skill, pearson_r, mae : ndarray of shape (n_targets,)
    n_participants, n_sessions : ndarray of shape (n_targets,)
        With a rating and a prediction.
    predictions : ndarray of shape (n_repeats, n_sessions, n_targets)
    alphas : ndarray of shape (n_folds, n_targets)
    """

    skill: Floats
    pearson_r: Floats
    mae: Floats
    n_participants: Rows
    n_sessions: Rows
    predictions: Floats
    alphas: Floats


def measures(plan: FitPlan, predictions: Floats, mean: Floats, alphas: Floats) -> Measures:
    """Measure out-of-fold predictions of a plan's sessions as metrics.tsv does.

    Parameters
    ----------
    plan : FitPlan
        Whose ratings are compared.
    predictions, mean : ndarray of shape (n_repeats, n_sessions, n_targets)
        Of the ridge, and of the mean predictor on the same folds.
    alphas : ndarray of shape (n_folds, n_targets)

    Returns
    -------
    Measures
    """
    Y, groups = plan.rated.Y, plan.rated.groups
    complete = np.isfinite(Y)[None] & np.isfinite(predictions) & np.isfinite(mean)
    error = np.where(complete, np.abs(predictions - Y), 0.0).sum(axis=(0, 1))
    n = complete.sum(axis=(0, 1))
    present: NDArray[np.bool_] = np.asarray(complete.all(axis=0))
    return Measures(
        skill=skill(Y, predictions, mean),
        pearson_r=pooled_r(Y, predictions),
        mae=np.divide(error, n, out=np.full(len(n), np.nan), where=n > 0),
        n_participants=np.array([len(np.unique(groups[mask])) for mask in present.T], dtype=np.intp),
        n_sessions=present.sum(axis=0),
        predictions=predictions,
        alphas=alphas,
    )


def ridge_measures(plan: FitPlan) -> Measures:
    """Fit the ridge of a plan anew, without the warnings that the main fit gave already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ridge, mean = out_of_fold(plan, TESTED_MODEL), out_of_fold(plan, "mean")
    return measures(plan, ridge.predictions, mean.predictions, ridge.alphas)


def with_sessions(plan: FitPlan, rows: Rows) -> FitPlan:
    """Keep some sessions of a plan that trains on sessions, on the sides of the folds that they have.

    Parameters
    ----------
    plan : FitPlan
        Without segments.
    rows : ndarray of int
        Sessions to keep, ascending.

    Returns
    -------
    FitPlan
        For the ridge and the mean predictor; what else the plan holds is that of the whole fit.

    Raises
    ------
    RegressionError
        If a fold keeps fewer than two training participants.
    """
    rated = plan.rated
    fewer = replace(
        rated,
        sessions=rated.sessions.iloc[rows].reset_index(drop=True),
        X=rated.X[rows],
        Y=rated.Y[rows],
        n_raters=rated.n_raters[rows],
        groups=rated.groups[rows],
        baseline_ratings=None if rated.baseline_ratings is None else rated.baseline_ratings[rows],
    )
    return replace(plan, rated=fewer, folds=restrict_folds(plan.folds, rows, groups=rated.groups), designs={})


def with_features(plan: FitPlan, features: SessionFeatures) -> FitPlan:
    """Give a plan's sessions other features; sessions for which these are not defined are left out.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    features : SessionFeatures
        Features of sessions, in any order.

    Returns
    -------
    FitPlan
        As :func:`with_sessions`.

    Raises
    ------
    RegressionError
        As :func:`with_sessions`.
    """
    row_of = {key: row for row, key in enumerate(features.keys)}
    kept = np.array([row for row, key in enumerate(plan.rated.keys) if key in row_of], dtype=np.intp)
    fewer = with_sessions(replace(plan, segments=None), kept)
    X = features.X[[row_of[key] for key in fewer.rated.keys]]
    return replace(fewer, rated=replace(fewer.rated, X=X, feature_names=features.names))
