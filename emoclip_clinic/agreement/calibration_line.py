"""Calibration: whether ratings follow the predictions one to one."""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from emoclip_clinic.agreement.inputs import Pairs, Values, is_constant, pairs
from emoclip_clinic.agreement.intervals import IGNORES_CLUSTERS, choose_interval, with_bootstrap
from emoclip_clinic.agreement.random_intercept import fit_random_intercept
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import DEPENDENT_P, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["calibration"]

_NAMES = ("calibration slope", "calibration intercept", "calibration-in-the-large")


def calibration(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    method: Literal["ols", "random-intercept"] = "ols",
    slope_null: float = 1.0,
    interval: Literal["auto", "t", "percentile", "bca"] = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Regression of the rating on the prediction, and the mean of rating - prediction.

    Perfect calibration has slope 1, intercept 0 and calibration-in-the-large 0. A slope below 1 says that
    predictions spread too much (overfitting); above 1, too little. Unlike the slope of a Bland-Altman plot,
    this one is 1 for a good predictor however weak its correlation.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation.
    confidence : float
        Level of the intervals.
    method : {"ols", "random-intercept"}
        Least squares asks how well predictions serve a new session (default). A random intercept per
        participant (REML, Satterthwaite's degrees of freedom, as R's lmerTest) leans towards change within
        participants; it needs ``cluster`` with repeated sessions.
    slope_null : float
        Slope that p tests; R's ``lm`` and ``lmer`` test 0, which is the question of correlation.
    interval : {"auto", "t", "percentile", "bca"}
        "auto" is "t" with one session per participant or a random intercept, else the percentile bootstrap
        over participants, with p NaN.
    n_resamples : int
        Bootstrap resamples; 0 leaves bootstrap intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Rows "calibration slope", "calibration intercept" (p tests 0) and "calibration-in-the-large" (mean
        rating less mean prediction; p tests 0). Slope and intercept are NaN where the prediction is constant.
        With a random intercept only slope and intercept.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Van Calster B, McLernon DJ, van Smeden M, Wynants L, Steyerberg EW (2019). Calibration: the Achilles heel
    of predictive analytics. doi:10.1186/s12916-019-1466-7
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    if method not in ("ols", "random-intercept"):
        raise AgreementError("method must be 'ols' or 'random-intercept'", found=method)
    chosen = choose_interval(interval, ["t"], repeated=data.repeated and method == "ols")
    if method == "random-intercept":
        if chosen != "t":
            raise AgreementError("The random intercept has t intervals only", found=interval)
        return to_frame(_random_intercept_rows(data, confidence, slope_null))
    rows = _ols_rows(data, confidence, slope_null)
    if data.repeated:
        rows = [row if math.isnan(row.estimate) else _without_p(row) for row in rows]
    if chosen == "t":
        return to_frame(
            [
                replace(r, flag=join_flags(r.flag, IGNORES_CLUSTERS)) if data.repeated and r.ci_method else r
                for r in rows
            ]
        )
    resampling: BootstrapInterval = "bca" if chosen == "bca" else "percentile"
    return to_frame(
        with_bootstrap(
            rows, _NAMES, data, interval=resampling, confidence=confidence, n_resamples=n_resamples, seed=seed
        )
    )


def _without_p(row: Row) -> Row:
    return replace(row, p=math.nan, flag=join_flags(row.flag, DEPENDENT_P))


def _ols_rows(data: Pairs, confidence: float, slope_null: float) -> list[Row]:
    x, y, n = data.prediction, data.rating, data.n
    rows = [Row(name, n, data.n_clusters, math.nan, flag=data.flag) for name in _NAMES]
    reason = data.too_few(3) or (data.constant if n and is_constant(x) else "")
    if reason:
        rows[:2] = [replace(row, flag=join_flags(reason, row.flag)) for row in rows[:2]]
    else:
        dx = x - x.mean()
        xx = float(dx @ dx)
        slope = 0.0 if is_constant(y) else float(dx @ (y - y.mean())) / xx
        intercept = float(y.mean()) - slope * float(x.mean())
        residual = 0.0 if is_constant(y) else float(((y - intercept - slope * x) ** 2).sum()) / (n - 2)
        errors = math.sqrt(residual / xx), math.sqrt(residual * (1 / n + float(x.mean()) ** 2 / xx))
        rows[0] = _t_row(rows[0], slope, errors[0], n - 2, confidence, slope_null)
        rows[1] = _t_row(rows[1], intercept, errors[1], n - 2, confidence, 0.0)
        rows[:2] = [replace(row, flag=join_flags(data.constant, row.flag)) for row in rows[:2]]
    if n:
        difference = y - x
        error = float(difference.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
        error = 0.0 if n > 1 and is_constant(difference) else error
        rows[2] = _t_row(rows[2], float(difference.mean()), error, n - 1, confidence, 0.0)
    else:
        rows[2] = replace(rows[2], flag=join_flags(data.too_few(1), data.flag))
    return rows


def _t_row(row: Row, estimate: float, error: float, df: int, confidence: float, null: float) -> Row:
    """Add estimate, t interval and p of estimate = null."""
    if math.isnan(error) or df < 1:
        return replace(
            row, estimate=estimate, flag=join_flags("too few observations for an interval", row.flag)
        )
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    if error > 0:
        p = float(2 * stats.t.sf(abs(estimate - null) / error, df))
    else:
        p = math.nan if estimate == null else 0.0
    return replace(
        row, estimate=estimate, ci_low=estimate - half, ci_high=estimate + half, ci_method="t", p=p
    )


def _random_intercept_rows(data: Pairs, confidence: float, slope_null: float) -> list[Row]:
    names = [f"{name}, random intercept" for name in _NAMES[:2]]
    reason = data.too_few(4) or data.constant
    if not reason and not data.repeated:
        reason = "one session per participant"
    elif not reason and data.n_clusters < 2:
        reason = "fewer than 2 participants"
    if not reason:
        slope, intercept = np.polyfit(data.prediction, data.rating, 1)
        off = np.abs(data.rating - intercept - slope * data.prediction).max()
        reason = "no scatter about the line" if off <= 1e-12 * np.ptp(data.rating) else ""
    if reason:
        return [
            Row(name, data.n, data.n_clusters, math.nan, flag=join_flags(reason, data.flag)) for name in names
        ]
    line = fit_random_intercept(data.prediction, data.rating, data.cluster)
    flag = join_flags("singular: participant variance 0" if line.subject == 0 else "", data.flag)
    return [
        Row(
            name,
            data.n,
            data.n_clusters,
            float(line.coefficients[place]),
            *line.limits(place, confidence),
            "t, Satterthwaite",
            line.p(place, null),
            flag,
        )
        for name, place, null in zip(names, (1, 0), (slope_null, 0.0), strict=True)
    ]
