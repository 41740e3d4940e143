"""How good out-of-fold predictions are: one row for each target and model, and within diagnostic groups."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.agreement.resampling import limits
from emoclip_clinic.agreement.weighted import WeightedStatistics, resampled
from emoclip_clinic.regression.scoring import pooled_r, skill

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["CONFIDENCE", "METRIC_COLUMNS", "group_table", "metrics_table"]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95

METRIC_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "family": "item or score: the family within which p values are adjusted.",
    "role": "primary or exploratory, as planned.",
    "model": "The model; mean is the mean predictor, ridge-... are the other baselines.",
    "n_participants": "Participants with a rating and a prediction.",
    "n_sessions": "Sessions with a rating and a prediction.",
    "skill": "1 - SSE / SSE of the mean predictor; the primary measure. Above 0 is better than the mean.",
    "pearson_r": "Pearson r over pooled sessions, within each repetition of the folds, then averaged.",
    "pearson_r_low_predictions_fixed": "Lower limit of r: see interval.",
    "pearson_r_high_predictions_fixed": "Upper limit of r: see interval.",
    "ccc": "Concordance correlation coefficient (Lin 1989, n denominators).",
    "mae": "Mean absolute error, in points.",
    "mae_of_mean": "Mean absolute error of the mean predictor on the same sessions, in points.",
    "p": "Permutation p, one-sided; n/a where not tested.",
    "p_step_down": "p adjusted within the family by step-down min-p on the same permutations.",
    "p_holm": "p adjusted within the family by Holm.",
    "p_bh": "p adjusted within the family by Benjamini and Hochberg.",
    "pearson_r_within_groups": "Pearson r after each diagnostic group's mean is taken off both.",
    "interval": "How the interval was made. It holds predictions fixed and does not cover refitting.",
    "note": "What stands in the way of reading the row.",
}
"""Columns of metrics.tsv with their meanings."""


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Ratings and predictions (n_repeats, n_sessions, n_targets), NaN where either is missing."""

    rating: Floats
    prediction: Floats
    mean: Floats

    @classmethod
    def of(cls, Y: Floats, prediction: Floats, mean: Floats) -> _Pairs:
        complete = np.isfinite(Y)[None] & np.isfinite(prediction) & np.isfinite(mean)
        return cls(
            np.where(complete, Y[None], np.nan),
            np.where(complete, prediction, np.nan),
            np.where(complete, mean, np.nan),
        )


def metrics_table(plan: FitPlan, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Compute the measures of every model and target.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    predictions : mapping of str to ndarray of shape (n_repeats, n_sessions, n_targets)
        Out-of-fold predictions by model; ``mean`` must be among them.

    Returns
    -------
    DataFrame
        The columns of :data:`METRIC_COLUMNS`; p values are NaN and notes empty, to be filled in by whoever
        tested. Rows run over targets, then models.
    """
    import pandas as pd

    tables = [_of_model(plan, name, values, predictions["mean"]) for name, values in predictions.items()]
    table = pd.concat(tables, keys=range(len(tables)), names=["model_number", "target_number"])
    table = table.sort_index(level=["target_number", "model_number"]).reset_index(drop=True)
    return table[list(METRIC_COLUMNS)]


def _of_model(plan: FitPlan, name: str, prediction: Floats, mean: Floats) -> pd.DataFrame:
    import pandas as pd

    rated, settings = plan.rated, plan.settings
    pairs = _Pairs.of(rated.Y, prediction, mean)
    _, codes = np.unique(rated.groups, return_inverse=True)
    statistics = [
        WeightedStatistics(
            pairs.rating[repeat],
            pairs.prediction[repeat],
            names=("Pearson r", "CCC", "MAE"),
            codes=codes,
            n_clusters=plan.n_participants,
        )
        for repeat in range(plan.n_repeats)
    ]
    estimate = np.mean([one.estimate() for one in statistics], axis=0)
    # The same seed draws the same participants in every repetition, so that draws can be averaged one by one.
    draws = np.mean(
        [resampled(one, n_resamples=settings.resamples, seed=settings.seed) for one in statistics], axis=0
    )
    r = pooled_r(rated.Y, prediction)
    ends = [limits(draws[:, 0, k], r[k], confidence=CONFIDENCE) for k in range(len(r))]
    present: NDArray[np.bool_] = np.asarray(np.isfinite(pairs.rating).all(axis=0))
    mean_error = np.abs(pairs.mean - pairs.rating)
    rows = {
        "item": list(rated.targets),
        "family": list(plan.families),
        "role": ["primary" if target in plan.primary else "exploratory" for target in rated.targets],
        "model": name,
        "n_participants": [len(np.unique(codes[column])) for column in present.T],
        "n_sessions": present.sum(axis=0),
        "skill": skill(rated.Y, prediction, mean),
        "pearson_r": r,
        "pearson_r_low_predictions_fixed": [low for low, _, _ in ends],
        "pearson_r_high_predictions_fixed": [high for _, high, _ in ends],
        "ccc": estimate[1],
        "mae": estimate[2],
        "mae_of_mean": _mean_or_nan(mean_error),
        "pearson_r_within_groups": _within_groups(plan, prediction),
        "interval": f"{CONFIDENCE:.0%} percentile, bootstrap over participants, {settings.resamples} "
        "resamples, predictions held fixed, does not cover refitting",
        "note": [flag for _, _, flag in ends],
    }
    nothing = dict.fromkeys(("p", "p_step_down", "p_holm", "p_bh"), np.nan)
    return pd.DataFrame(rows | nothing)


def _mean_or_nan(errors: Floats) -> Floats:
    """Mean over repetitions and sessions, (n_repeats, n_sessions, n_targets); NaN of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the NaN of an empty column is what is meant
        return np.asarray(np.nanmean(errors, axis=(0, 1)))


def _within_groups(plan: FitPlan, prediction: Floats) -> Floats:
    """Pooled r of what deviates from the mean of the diagnostic group; NaN without groups."""
    group = plan.diagnostic_group
    if group is None:
        return np.full(len(plan.rated.targets), np.nan)
    known = np.array([one is not None for one in group])
    by_repeat = []
    for own in prediction:
        complete = np.isfinite(plan.rated.Y) & np.isfinite(own) & known[:, None]
        rating, predicted = np.where(complete, plan.rated.Y, np.nan), np.where(complete, own, np.nan)
        for label in set(group[known]):
            rows = group == label
            rating[rows] -= _column_means(rating[rows])
            predicted[rows] -= _column_means(predicted[rows])
        by_repeat.append(pooled_r(rating, predicted))
    return np.asarray(np.mean(by_repeat, axis=0))


def _column_means(values: Floats) -> Floats:
    n = np.isfinite(values).sum(axis=0)
    return np.asarray(np.nansum(values, axis=0) / np.maximum(n, 1))


def group_table(plan: FitPlan, predictions: Mapping[str, Floats]) -> pd.DataFrame | None:
    """Compute Pearson r and mean absolute error inside each diagnostic group.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    predictions : mapping of str to ndarray of shape (n_repeats, n_sessions, n_targets)
        Out-of-fold predictions by model.

    Returns
    -------
    DataFrame or None
        ``item``, ``model``, ``group``, ``n_sessions``, ``mean_rating``, ``mean_prediction``, ``pearson_r``,
        ``mae``; None if participants.tsv tells no diagnostic groups.
    """
    import pandas as pd

    group = plan.diagnostic_group
    if group is None:
        return None
    rows = []
    for name, prediction in predictions.items():
        for label in sorted({one for one in group if one is not None}):
            mine = group == label
            Y, own = plan.rated.Y[mine], prediction[:, mine]
            r = pooled_r(Y, own)
            complete = np.isfinite(Y)[None] & np.isfinite(own)
            means = [
                _mean_or_nan(np.where(complete, values, np.nan)) for values in (Y[None], own, np.abs(own - Y))
            ]
            for k, target in enumerate(plan.rated.targets):
                rows.append(
                    {
                        "item": target,
                        "model": name,
                        "group": label,
                        "n_sessions": int(complete[:, :, k].all(axis=0).sum()),
                        "mean_rating": means[0][k],
                        "mean_prediction": means[1][k],
                        "pearson_r": r[k],
                        "mae": means[2][k],
                    }
                )
    return pd.DataFrame(rows)
