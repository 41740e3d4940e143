"""One model of a fit: its settings, its out-of-fold predictions, and its refit on all participants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.heads import (
    Head,
    HeadData,
    HeadPrediction,
    get_head,
    head_names,
    make_head_data,
)
from emoclip_clinic.regression.heads.mlp import MlpHead
from emoclip_clinic.regression.heads.ridge import RidgeHead
from emoclip_clinic.regression.mlp import MlpSettings
from emoclip_clinic.regression.nested import nested_predict
from emoclip_clinic.regression.segment_level import SegmentRows, mean_over_segments
from emoclip_clinic.regression.splits import Fold
from emoclip_clinic.study.fit_settings import FitSettings

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["BASELINE_RATING", "fit_all", "head_facts", "model_head", "out_of_fold", "segment_folds"]

BASELINE_RATING = "ridge-baseline-rating"
"""The mandatory comparator of a change: a ridge on the baseline rating of the same item alone."""


def model_head(name: str, settings: FitSettings) -> Head:
    """Return a regressor with the settings of a fit.

    Parameters
    ----------
    name : str
        A name of the registry of heads.
    settings : FitSettings
        Settings.

    Returns
    -------
    Head

    Raises
    ------
    RegressionError
        If there is none of that name.
    """
    if name not in head_names():
        offered = [known for known in head_names() if not get_head(known).baseline]
        raise RegressionError(
            f"A model must be one of {', '.join(offered)}", found=name, hint=did_you_mean(name, offered)
        )
    head = get_head(name)
    if isinstance(head, RidgeHead):
        return replace(head, seed=settings.seed)
    if isinstance(head, MlpHead):
        shape = MlpSettings(hidden=settings.hidden_widths, n_seeds=settings.mlp_seeds, seed=settings.seed)
        return replace(head, settings=shape, device=settings.device)
    return head


def head_facts(name: str, settings: FitSettings) -> dict[str, object]:
    """Describe a regressor by what its predictions depend on; device and memory are left out.

    Parameters
    ----------
    name : str
        Name of a model of a fit.
    settings : FitSettings
        Settings.

    Returns
    -------
    dict
        What JSON can hold.
    """
    if name == BASELINE_RATING:
        return {"name": name, "seed": settings.seed}
    head = model_head(name, settings)
    facts = asdict(head) if is_dataclass(head) and not isinstance(head, type) else {"name": name}
    return {key: value for key, value in facts.items() if key not in ("device", "max_memory_mb")}


def out_of_fold(plan: FitPlan, name: str) -> HeadPrediction:
    """Predict every session by a model that never saw its participant.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    name : str
        One of ``plan.models``.

    Returns
    -------
    HeadPrediction
        Predictions of shape (n_repeats, n_sessions, n_targets), also where the model learns from segments.
    """
    if name == BASELINE_RATING:
        return _from_baseline_ratings(plan)
    head = model_head(name, plan.settings)
    data = _data(plan, head)
    result = head.out_of_fold(data)
    if not _by_segment(plan, head):
        return result
    segments = plan.segments
    assert segments is not None
    sessions = mean_over_segments(result.predictions, segments.session, n_sessions=len(plan.rated.Y))
    return replace(result, predictions=sessions)


def fit_all(plan: FitPlan, name: str) -> Mapping[str, NDArray[np.generic]]:
    """Train a model on all participants, for predictions in new ones.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    name : str
        One of ``plan.chosen``.

    Returns
    -------
    mapping of str to ndarray
        The arrays from which the regressor is restored.
    """
    head = model_head(name, plan.settings)
    return head.fit(_data(plan, head)).arrays()


def segment_folds(folds: Sequence[Fold], segments: SegmentRows) -> tuple[Fold, ...]:
    """Give the segments of each session the side that the session has.

    Parameters
    ----------
    folds : sequence of Fold
        Folds of sessions.
    segments : SegmentRows
        Their segments.

    Returns
    -------
    tuple of Fold
        Folds of segments, in the same order and with the same names.
    """
    return tuple(
        Fold(
            fold.repeat,
            fold.name,
            np.flatnonzero(np.isin(segments.session, fold.train)),
            np.flatnonzero(np.isin(segments.session, fold.test)),
        )
        for fold in folds
    )


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
