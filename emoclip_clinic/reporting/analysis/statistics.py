"""Estimates and intervals of all models and items, and paired differences between models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.agreement import AgreementWarning, williams_test
from emoclip_clinic.agreement.resampling import limits, two_sided_p
from emoclip_clinic.agreement.results import CONSTANT, join_flags
from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.measures import (
    KAPPA,
    WITHIN_GROUPS,
    Measures,
    resample_weights,
    resampled_values,
)
from emoclip_clinic.reporting.analysis.reading import BASELINES, FitTables
from emoclip_clinic.reporting.analysis.records import (
    COMPARISON_COLUMNS,
    STATISTIC_COLUMNS,
    STATISTIC_FIELDS,
    ReportSettings,
)

__all__ = ["CALIBRATION_NAMES", "COMPARED", "NEGATIVE_R", "all_statistics", "interval_name"]

Floats = NDArray[np.float64]

COMPARED = ("skill", "Pearson r", "CCC", "MAE", "RMSE")
"""Statistics in which models are compared."""

CALIBRATION_NAMES = ("calibration slope", "calibration intercept", "calibration-in-the-large", "bias")

NEGATIVE_R = "p not given: the other's r is negative, as leaving out makes it near the mean"
"""Why a difference in r has no p: it is as large for any model that beats the mean predictor."""

_ZERO_IF_CONSTANT = ("CCC", "ICC(A,1)", KAPPA)

_ALL = (*STATISTIC_FIELDS.values(), *CALIBRATION_NAMES)


@dataclass(frozen=True)
class _Resampled:
    """A model's compared statistics: estimates (names, items) and draws (n_resamples, names, items)."""

    measures: Measures
    estimate: Floats
    draws: Floats


def interval_name(n_resamples: int, *, clustered: bool) -> str:
    """Compose the ``ci_method`` of an interval of predictions."""
    unit = "bootstrap over participants" if clustered else "bootstrap"
    return f"{unit}, percentile, {n_resamples} resamples, predictions fixed"


def all_statistics(
    fit: FitTables,
    *,
    settings: ReportSettings,
    group: NDArray[np.object_] | None,
    progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every statistic of every model, and the differences of the main model to the others.

    Parameters
    ----------
    fit : FitTables
        The fit.
    settings : ReportSettings
        Level, resamples and seed.
    group : ndarray of shape (n_sessions,) or None
        Diagnostic group.
    progress : callable
        Called with resamples done and their total.

    Returns
    -------
    tuple of DataFrame
        `STATISTIC_COLUMNS` and `COMPARISON_COLUMNS`.
    """
    weights = resample_weights(fit.n_participants, n_resamples=settings.resamples, seed=settings.seed)
    total, done = len(weights) * len(fit.models), 0

    def advance(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    rows: list[dict[str, object]] = []
    kept: dict[str, _Resampled] = {}
    for model in fit.models:
        names = [one for one in _ALL if model not in BASELINES or one != "Spearman rho"]
        measures = _measures(fit, fit.predictions[model], fit.predictions.get("mean"), names, group)
        estimate = (
            measures.estimate() if fit.n_participants else np.full((len(names), len(fit.targets)), np.nan)
        )
        draws = resampled_values(measures, weights, progress=advance)
        rows += _rows(fit, model, measures, estimate, draws, settings)
        places = [names.index(one) for one in COMPARED]
        kept[model] = _Resampled(measures, estimate[places], draws[:, places])
    comparisons = [
        row for other in fit.models[1:] for row in _comparison(fit, kept, other, weights, settings.confidence)
    ]
    return frame_of(rows, STATISTIC_COLUMNS), frame_of(comparisons, COMPARISON_COLUMNS)


def _measures(
    fit: FitTables,
    predictions: Floats,
    baseline: Floats | None,
    names: list[str] | tuple[str, ...],
    group: NDArray[np.object_] | None,
) -> Measures:
    return Measures(
        fit.Y,
        predictions,
        codes=fit.codes,
        n_participants=fit.n_participants,
        names=names,
        baseline=np.full_like(predictions, np.nan) if baseline is None else baseline,
        steps=[fit.steps_of(one) for one in fit.targets],
        group=group,
    )


def _rows(
    fit: FitTables,
    model: str,
    measures: Measures,
    estimate: Floats,
    draws: Floats,
    settings: ReportSettings,
) -> list[dict[str, object]]:
    n_sessions, n_people = measures.counts()
    rows = []
    for column, item in enumerate(fit.targets):
        n, people = int(n_sessions[column]), int(n_people[column])
        for place, name in enumerate(measures.names):
            value = float(estimate[place, column])
            low = high = np.nan
            flag = _why_not(measures, column, name, n, people) if np.isnan(value) else ""
            if not flag and people < 2:
                flag = "fewer than 2 participants"
            elif (
                not flag and name in _ZERO_IF_CONSTANT and measures.is_constant(column, rounded=name == KAPPA)
            ):
                # 0 by its formula in every resample: an interval without width would claim precision
                flag = f"{CONSTANT} after rounding" if name == KAPPA else CONSTANT
            elif not flag:
                low, high, flag = limits(draws[:, place, column], value, confidence=settings.confidence)
            method = interval_name(settings.resamples, clustered=n > people)
            rows.append(
                {
                    "item": item,
                    "model": model,
                    "statistic": name,
                    "n": n,
                    "n_clusters": people,
                    "estimate": value,
                    "ci_low": low,
                    "ci_high": high,
                    "ci_method": "" if np.isnan(low) else method,
                    "p": np.nan,
                    "flag": flag,
                }
            )
    return rows


def _why_not(measures: Measures, column: int, name: str, n: int, people: int) -> str:
    """The likeliest reason why a statistic is not defined."""
    rating, prediction = measures.rating[:, column], measures.predictions[0][:, column]
    if n == 0:
        return "nothing rated and predicted"
    if name == WITHIN_GROUPS and (
        measures.group is None or len({one for one in measures.group if one is not None}) < 2
    ):
        return "no two diagnostic groups"
    if name in ("share within, rounded", KAPPA) and measures.steps[column] is None:
        return "no steps to round to"
    if name == "repeated-measures r" and n == people:
        return "one session per participant"
    if n < 3:
        return "fewer than 3 sessions"
    if np.nanmin(rating) == np.nanmax(rating):
        return "constant ratings"
    if np.nanmin(prediction) == np.nanmax(prediction):
        return "constant predictions"
    return "not defined for these data"


def _comparison(
    fit: FitTables, kept: Mapping[str, _Resampled], other: str, weights: Floats, confidence: float
) -> list[dict[str, object]]:
    """Main model less another, on the sessions that both predict."""
    main = fit.main_model
    first, second = kept[main], kept[other]
    if not np.array_equal(first.measures.present, second.measures.present):
        first, second = _shared(fit, main, other, weights), _shared(fit, other, main, weights)
    n_sessions, n_people = first.measures.counts()
    estimate, draws = first.estimate - second.estimate, first.draws - second.draws
    rows = []
    for column, item in enumerate(fit.targets):
        p_of_williams, why_not = _williams(first.measures, second.measures, fit.codes, column)
        for place, name in enumerate(COMPARED):
            if other == "mean" and name in ("skill", "Pearson r"):
                continue  # its skill is 0 by definition, and its r an artefact of leaving out
            value, drawn = float(estimate[place, column]), draws[:, place, column]
            low, high, flag = np.nan, np.nan, "not defined for one of the models"
            if np.isfinite(value) and n_people[column] >= 2:
                low, high, flag = limits(drawn, value, confidence=confidence)
            p = np.nan if np.isnan(low) else two_sided_p(drawn)
            williams, why = (p_of_williams, why_not) if name == "Pearson r" else (np.nan, "")
            if name == "Pearson r" and float(second.estimate[place, column]) < 0:
                p, williams, why = np.nan, np.nan, why or NEGATIVE_R
                flag = join_flags(NEGATIVE_R, flag)
            rows.append(
                {
                    "item": item,
                    "model": main,
                    "other": other,
                    "statistic": name,
                    "n": n_sessions[column],
                    "n_clusters": n_people[column],
                    "difference": value,
                    "ci_low": low,
                    "ci_high": high,
                    "p": p,
                    "williams_p": williams,
                    "williams_note": why,
                    "flag": flag,
                }
            )
    return rows


def _shared(fit: FitTables, model: str, other: str, weights: Floats) -> _Resampled:
    """A model on the sessions that another predicts too."""
    there = np.isfinite(fit.predictions[other]).all(axis=0)
    own = np.where(there, fit.predictions[model], np.nan)
    measures = _measures(fit, own, fit.predictions.get("mean"), COMPARED, None)
    return _Resampled(measures, measures.estimate(), resampled_values(measures, weights))


def _williams(first: Measures, second: Measures, codes: NDArray[np.intp], column: int) -> tuple[float, str]:
    if len(first.predictions) > 1:
        return np.nan, "not valid: r is a mean over repetitions of the folds"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgreementWarning)
        row = williams_test(
            first.rating[:, column],
            first.predictions[0][:, column],
            other=second.predictions[0][:, column],
            cluster=codes,
        ).iloc[0]
    return float(row["p"]), str(row["flag"]) if np.isnan(row["p"]) else ""
