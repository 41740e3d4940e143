"""How far predictions are from ratings: absolute and squared errors, explained variance, skill."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.inputs import Pairs, Values, is_constant, pairs
from emoclip_clinic.agreement.intervals import choose_interval, with_bootstrap
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["error_metrics", "share_name"]


def share_name(within: float, *, rounded: bool = False) -> str:
    """Full name of the share of errors up to ``within`` points."""
    return f"share within {within:g}{', rounded' if rounded else ''}"


def error_metrics(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    interval: Literal["auto", "percentile", "bca"] = "auto",
    within: float = 1.0,
    baseline: Values | None = None,
    categories: Sequence[float] | None = None,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Errors of predictions, in points of the scale.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation.
    confidence : float
        Level of the intervals.
    interval : {"auto", "percentile", "bca"}
        Bootstrap over participants. "auto" is "percentile", except that the shares have Wilson's interval
        while each participant has one session: a bootstrap of a share of 0 or 1 has no width.
    within : float
        Largest absolute error that counts as agreement, in points; errors are not rounded.
    baseline : array-like of shape (n,), optional
        Prediction of the mean predictor for each observation: the mean of the *training* participants of its
        fold. Gives the row "skill" = 1 - SSE / SSE(baseline). R2 compares with the mean of these very ratings
        instead, which no predictor could have known.
    categories : sequence of float, optional
        All steps of the scale; gives the share with predictions moved to them (halves go up).
    n_resamples : int
        Bootstrap resamples; 0 leaves bootstrap intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Rows "MAE", "RMSE", "median absolute error", "R2", "share within 1", then "share within 1, rounded"
        and "skill" if asked for. R2 with constant ratings and skill with a perfect baseline are NaN.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.
    """
    if not within >= 0:
        raise AgreementError("within must be 0 or more points", found=within)
    data = pairs(
        rating,
        prediction,
        cluster=cluster,
        confidence=confidence,
        extra=() if baseline is None else (baseline,),
    )
    chosen = choose_interval(interval, [], repeated=data.repeated)
    resampling: BootstrapInterval = "bca" if chosen == "bca" else "percentile"
    base = data.extra[0] if data.extra else None
    rows = _rows(data, base, within, categories)
    names = {"share within": share_name(within), "share within, rounded": share_name(within, rounded=True)}
    finished = with_bootstrap(
        [replace(row, statistic=names.get(row.statistic, row.statistic)) for row in rows],
        [row.statistic for row in rows],
        data,
        interval=resampling,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
        baseline=base,
        categories=categories,
        within=within,
    )
    if interval == "auto" and not data.repeated and data.n:
        finished = [_wilson(row, confidence) if row.statistic in names.values() else row for row in finished]
    return to_frame(finished)


def _rows(
    data: Pairs, base: np.ndarray | None, within: float, categories: Sequence[float] | None
) -> list[Row]:
    """Estimates without intervals, named as the bootstrap knows them."""
    error = data.prediction - data.rating
    squares = float((error**2).sum())
    estimates = dict.fromkeys(("MAE", "RMSE", "median absolute error", "R2", "share within"), math.nan)
    flags = dict.fromkeys((*estimates, "share within, rounded", "skill"), data.too_few(1))
    if categories is not None:
        estimates["share within, rounded"] = math.nan
    if base is not None:
        estimates["skill"] = math.nan
    if data.n:
        estimates["MAE"] = float(np.abs(error).mean())
        estimates["RMSE"] = math.sqrt(squares / data.n)
        estimates["median absolute error"] = float(np.median(np.abs(error)))
        estimates["share within"] = float((np.abs(error) <= within).mean())
        if categories is not None:
            rounded = to_categories(data.prediction, categories) - data.rating
            estimates["share within, rounded"] = float((np.abs(rounded) <= within).mean())
        if is_constant(data.rating):
            flags["R2"] = "constant rating"
        else:
            estimates["R2"] = 1 - squares / float(((data.rating - data.rating.mean()) ** 2).sum())
        if base is not None:
            reference = float(((base - data.rating) ** 2).sum())
            if reference > 0:
                estimates["skill"] = 1 - squares / reference
            else:
                flags["skill"] = "baseline has no error"
    return [
        Row(name, data.n, data.n_clusters, value, flag=join_flags(flags[name], data.flag))
        for name, value in estimates.items()
    ]


def _wilson(row: Row, confidence: float) -> Row:
    """Wilson's score interval of a share."""
    z2 = float(special.ndtri((1 + confidence) / 2)) ** 2
    share, n = row.estimate, row.n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return replace(row, ci_low=max(0.0, centre - half), ci_high=min(1.0, centre + half), ci_method="Wilson")
