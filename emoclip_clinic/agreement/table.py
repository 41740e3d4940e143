"""All statistics of agreement between rating and prediction in one table, for one item or many."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from emoclip_clinic.agreement.calibration_line import calibration
from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.concordance import ccc
from emoclip_clinic.agreement.correlations import kendall, pearson, spearman
from emoclip_clinic.agreement.differences import bland_altman
from emoclip_clinic.agreement.inputs import Floats, Values, check_confidence
from emoclip_clinic.agreement.intraclass import icc
from emoclip_clinic.agreement.item_pairs import Categories, ItemPairs
from emoclip_clinic.agreement.kappas import weighted_kappa
from emoclip_clinic.agreement.prediction_errors import error_metrics, share_name
from emoclip_clinic.agreement.repeated_correlation import rm_corr
from emoclip_clinic.agreement.resampling import (
    BootstrapInterval,
    bootstrap_name,
    group_sums,
    jackknife_counts,
    limits,
)
from emoclip_clinic.agreement.results import CONSTANT, AgreementWarning, Row, join_flags, rows_of
from emoclip_clinic.agreement.weighted import STATISTICS, WeightedStatistics, resampled
from emoclip_clinic.errors import AgreementError

__all__ = ["agreement_table"]

_ALWAYS_RESAMPLED = ("MAE", "RMSE", "median absolute error", "R2", "skill")
_PAIR_FORMS = ("ICC(A,1)", "ICC(C,1)")
_DIFFERENCES = 4


def agreement_table(
    rating: Values | pd.DataFrame,
    prediction: Values | pd.DataFrame,
    *,
    cluster: Values | None = None,
    baseline: Values | pd.DataFrame | None = None,
    categories: Categories | None = None,
    within: float = 1.0,
    confidence: float = 0.95,
    interval: BootstrapInterval = "percentile",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every pair statistic with its interval: correlation, agreement, differences, errors, calibration.

    With one session per participant the textbook intervals are used where there are any. With repeated
    sessions all intervals but those of Bland-Altman and of the repeated-measures correlation come from one
    bootstrap over participants that all items share, and the textbook p are NaN. The predictions are held
    fixed.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,), or DataFrame or array of shape (n, items)
        Pairs with a missing value are left out, item by item.
    cluster : array-like of shape (n,), optional
        Participant of each observation.
    baseline : like ``prediction``, optional
        Predictions of the mean predictor; adds "skill".
    categories : sequence of float, or mapping of item to such, optional
        All steps of the scale; adds the quadratic weighted kappa and the share within, both on predictions
        moved to the nearest step (halves go up).
    within : float
        Largest absolute error that counts as agreement, in points.
    confidence : float
        Level of the intervals.
    interval : {"percentile", "bca"}
        Bootstrap interval, where one is used.
    n_resamples : int
        Bootstrap resamples; 0 leaves bootstrap intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row per statistic and item, with a first column "item" if there can be several items. Degenerate
        data give NaN or 0 with a flag and never stop the table.

    Raises
    ------
    AgreementError
        If shapes differ, a cluster label is missing, or an option is unknown.
    """
    check_confidence(confidence)
    if interval not in ("percentile", "bca"):
        raise AgreementError("interval must be 'percentile' or 'bca'", found=interval)
    data = ItemPairs.build(rating, prediction, cluster=cluster, baseline=baseline)
    with warnings.catch_warnings():
        # One warning for the whole table is composed at the end.
        warnings.simplefilter("ignore", AgreementWarning)
        per_item = [
            _item_rows(data, place, categories=categories, within=within, confidence=confidence)
            for place in range(data.n_items)
        ]
    if n_resamples and data.n_clusters >= 2:
        per_item = _with_intervals(
            data,
            per_item,
            categories=categories,
            within=within,
            confidence=confidence,
            interval=interval,
            n_resamples=n_resamples,
            seed=seed,
        )
    return data.frame(per_item)


def _item_rows(
    data: ItemPairs, place: int, *, categories: Categories | None, within: float, confidence: float
) -> list[Row]:
    """All rows of one item with their textbook intervals."""
    there = np.isfinite(data.rating[:, place])
    x, y, codes = data.rating[there, place], data.prediction[there, place], data.codes[there]
    base = None if data.baseline is None else data.baseline[there, place]
    steps = None if categories is None else data.steps(categories, data.items[place])
    frames = [
        pearson(x, y, cluster=codes, confidence=confidence, n_resamples=0),
        spearman(x, y, cluster=codes, confidence=confidence, n_resamples=0),
        kendall(x, y, cluster=codes, confidence=confidence, n_resamples=0),
    ]
    if data.repeated:
        means = (_participant_means(values, codes) for values in (x, y))
        between = pearson(*means, confidence=confidence)
        frames.append(between.assign(statistic="Pearson r of participant means"))
        frames.append(rm_corr(x, y, cluster=codes, confidence=confidence))
    frames.append(ccc(x, y, cluster=codes, confidence=confidence, n_resamples=0))
    forms = icc(np.column_stack([x, y]), cluster=codes, confidence=confidence, n_resamples=0)
    frames.append(forms[forms["statistic"].isin(_PAIR_FORMS)])
    if steps is not None:
        moved = to_categories(y, steps)
        frames.append(
            weighted_kappa(x, moved, cluster=codes, confidence=confidence, categories=steps, n_resamples=0)
        )
    frames.append(bland_altman(x, y, cluster=codes, confidence=confidence, n_resamples=0).head(_DIFFERENCES))
    frames.append(
        error_metrics(
            x,
            y,
            cluster=codes,
            confidence=confidence,
            within=within,
            baseline=base,
            categories=steps,
            n_resamples=0,
        )
    )
    frames.append(calibration(x, y, cluster=codes, confidence=confidence, n_resamples=0))
    return [replace(row, flag=join_flags(row.flag, data.flag)) for frame in frames for row in rows_of(frame)]


def _participant_means(values: Floats, codes: np.ndarray) -> Floats:
    _, places, size = np.unique(codes, return_inverse=True, return_counts=True)
    means: Floats = group_sums(values, places, size.size) / size
    return means


def _with_intervals(
    data: ItemPairs,
    per_item: list[list[Row]],
    *,
    categories: Categories | None,
    within: float,
    confidence: float,
    interval: BootstrapInterval,
    n_resamples: int,
    seed: int,
) -> list[list[Row]]:
    """Fill the intervals that only a bootstrap gives, from one set of resamples for all items."""
    keys = {share_name(within): "share within", share_name(within, rounded=True): "share within, rounded"}
    wanted = {
        keys.get(row.statistic, row.statistic) for rows in per_item for row in rows if _is_open(row, keys)
    }
    names = [name for name in STATISTICS if name in wanted]
    if not names:
        return per_item
    statistics = WeightedStatistics(
        data.rating,
        data.prediction,
        names=names,
        codes=data.codes,
        n_clusters=data.n_clusters,
        baseline=data.baseline,
        rounded=None if categories is None else data.rounded(data.prediction, categories),
        within=within,
    )
    draws = resampled(statistics, n_resamples=n_resamples, seed=seed)
    left_out = statistics.evaluate(jackknife_counts(data.n_clusters)) if interval == "bca" else None
    filled = []
    for item, rows in enumerate(per_item):
        new = []
        for row in rows:
            name = keys.get(row.statistic, row.statistic)
            if name in names and _is_open(row, keys) and row.n_clusters >= 2:
                place = names.index(name)
                low, high, flag = limits(
                    draws[:, place, item],
                    row.estimate,
                    confidence=confidence,
                    interval=interval,
                    jackknife=None if left_out is None else left_out[:, place, item],
                )
                method = bootstrap_name(interval, n_resamples, clustered=row.n > row.n_clusters)
                row = replace(
                    row,
                    ci_low=low,
                    ci_high=high,
                    ci_method="" if math.isnan(low) else method,
                    flag=join_flags(row.flag, flag),
                )
            new.append(row)
        filled.append(new)
    return filled


def _is_open(row: Row, keys: dict[str, str]) -> bool:
    """Whether the row waits for a bootstrap interval: not if a constant column or too few values left it
    without.
    """
    if math.isnan(row.estimate) or row.ci_method or CONSTANT in row.flag:
        return False
    if row.n > row.n_clusters:
        return keys.get(row.statistic, row.statistic) in STATISTICS
    return row.statistic in _ALWAYS_RESAMPLED
