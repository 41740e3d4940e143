"""One model of a fit: its out-of-fold predictions, and its refit on all participants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING, model_head
from emoclip_clinic.regression.heads import Head, HeadData, HeadPrediction, HeadProgress, make_head_data
from emoclip_clinic.regression.nested import nested_predict
from emoclip_clinic.regression.segment_level import mean_over_segments, segment_folds

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["fit_all", "out_of_fold"]


def out_of_fold(plan: FitPlan, name: str, *, progress: HeadProgress | None = None) -> HeadPrediction:
    """Predict every session by a model that never saw its participant.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    name : str
        One of ``plan.models``.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    HeadPrediction
        Predictions of shape (n_repeats, n_sessions, n_targets), also where the model learns from segments.
    """
    if name == BASELINE_RATING:
        return _from_baseline_ratings(plan)
    head = model_head(name, plan.settings)
    data = _data(plan, head)
    result = head.out_of_fold(data, progress=progress)
    if not _by_segment(plan, head):
        return result
    segments = plan.segments
    assert segments is not None
    sessions = mean_over_segments(result.predictions, segments.session, n_sessions=len(plan.rated.Y))
    return replace(result, predictions=sessions)


def fit_all(
    plan: FitPlan, name: str, *, progress: HeadProgress | None = None
) -> Mapping[str, NDArray[np.generic]]:
    """Train a model on all participants, for predictions in new ones.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    name : str
        One of ``plan.chosen``.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    mapping of str to ndarray
        The arrays from which the regressor is restored.
    """
    head = model_head(name, plan.settings)
    return head.fit(_data(plan, head), progress=progress).arrays()


def _by_segment(plan: FitPlan, head: Head) -> bool:
    return plan.segments is not None and head.reads == "embedding"


def _data(plan: FitPlan, head: Head) -> HeadData:
    if _by_segment(plan, head):
        segments = plan.segments
        assert segments is not None
        return make_head_data(
            {"embedding": segments.X},
            segments.inherited(plan.rated.Y),
            groups=segments.groups,
            folds=segment_folds(plan.folds, segments),
            sample_weight=segments.weight,
        )
    blocks = {"embedding": plan.rated.X} | {key: design.X for key, design in plan.designs.items()}
    read = {head.reads: blocks[head.reads]} if head.reads in blocks else {}
    return make_head_data(read, plan.rated.Y, groups=plan.rated.groups, folds=plan.folds)


def _from_baseline_ratings(plan: FitPlan) -> HeadPrediction:
    """Predict each change from the same item's rating at baseline."""
    ratings, Y = plan.rated.baseline_ratings, plan.rated.Y
    assert ratings is not None
    predictions = np.full((plan.n_repeats, *Y.shape), np.nan)
    alphas = np.full((len(plan.folds), Y.shape[1]), np.nan)
    for target in range(Y.shape[1]):
        known = ~np.isnan(ratings[:, target])
        # A known change has a known baseline. The other rows train nothing, and their 0 is never used.
        result = nested_predict(
            np.where(known, ratings[:, target], 0.0)[:, None],
            Y[:, target],
            plan.rated.groups,
            outer=plan.folds,
            seed=plan.settings.seed,
        )
        own = result.predictions.reshape(plan.n_repeats, len(Y))
        predictions[:, :, target] = np.where(known, own, np.nan)
        alphas[:, target] = result.chosen_alphas.ravel()
    return HeadPrediction(BASELINE_RATING, predictions, alphas)
