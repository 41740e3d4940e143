"""Bland-Altman analysis: bias and limits of agreement, plain and with repeated sessions."""

import math
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
import pandas as pd
from scipy import special, stats

from emoclip_clinic.agreement.correlations import fisher_limits
from emoclip_clinic.agreement.difference_components import (
    Components,
    LimitsInterval,
    components,
    limit_intervals,
    sd_limits,
)
from emoclip_clinic.agreement.inputs import Floats, Pairs, Values, is_constant, pairs
from emoclip_clinic.agreement.intervals import with_bootstrap
from emoclip_clinic.agreement.results import CONSTANT, DEPENDENT_P, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["bland_altman"]

_SLOPE = "proportional bias: slope of difference on mean"
_R = "proportional bias: r of difference and mean"
_SPREAD = "heteroscedasticity: slope of absolute residual on mean"
_METHODS = {
    "exact": "noncentral t (Carkeet 2015)",
    "mover": "MOVER (Zou 2013)",
    "bland-altman-1999": "Bland-Altman 1999",
    "bland-altman-1986": "Bland-Altman 1986",
}


def bland_altman(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    multiplier: float | None = None,
    limits_interval: Literal["auto", "exact", "mover", "bland-altman-1999", "bland-altman-1986"] = "auto",
    mean_over: Literal["observations", "participants"] = "observations",
    log: bool = False,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Bias and limits of agreement of difference = prediction - rating.

    A calibrated model has Var(prediction) = r^2 Var(rating): its difference *must* slope on the mean, so a
    significant proportional bias is no fault of a prediction. Take the verdict from `calibration` (rating on
    prediction); the slope here is meant for two measurements of the same kind, such as two raters.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation. With several sessions per participant the form for repeated measures
        is used, "true value varies, linked pairs": analysis of variance of the differences, s_b^2 = (MSB -
        MSW) / m0 with m0 = (N^2 - sum m_i^2) / ((n - 1) N), floored at 0 and flagged, SD = sqrt(s_b^2 +
        s_w^2).
    confidence : float
        Level of the intervals.
    multiplier : float, optional
        Limits are bias -/+ multiplier * SD. The default is the exact normal quantile 1.959964; R's
        BlandAltmanLeh rounds to 1.96.
    limits_interval : {"auto", "exact", "mover", "bland-altman-1999", "bland-altman-1986"}
        Interval of each limit. "auto" is "exact" (noncentral t) with one session per participant, else
        "mover", the only one that allows for repeated sessions. The 1986 form, SE = SD sqrt(3 / n), is
        BlandAltmanLeh's; the 1999 form, SE = SD sqrt(1/n + z^2 / (2 (n - 1))), is the usual textbook one.
    mean_over : {"observations", "participants"}
        Whether the bias weighs sessions (default: the mean that the limits are built around) or participants
        equally.
    log : bool
        Analyse log(prediction) - log(rating); bias and limits are given back as ratios. Needs positive
        values.
    n_resamples : int
        Bootstrap resamples for the slopes where sessions repeat; 0 leaves their intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Rows "bias" (p: paired t test, or its repeated-measures form), "SD of differences", "lower limit of
        agreement", "upper limit of agreement"; with repeated sessions the SD between and within participants;
        then the slope and the correlation of the difference on the mean, and the slope of the absolute
        residual on the mean (Bland & Altman 1999, section 3.2), whose p are NaN where sessions repeat.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Bland JM, Altman DG (1999). Measuring agreement in method comparison studies.
    doi:10.1177/096228029900800204

    Bland JM, Altman DG (2007). Agreement between methods of measurement with multiple observations per
    individual. doi:10.1080/10543400701329422

    Zou GY (2013). Confidence interval estimation for the Bland-Altman limits of agreement with multiple
    observations per individual. doi:10.1177/0962280211402548
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    chosen = _choose_limits(limits_interval, repeated=data.repeated)
    z = float(special.ndtri(0.975)) if multiplier is None else float(multiplier)
    if not z > 0:
        raise AgreementError("The multiplier of the limits of agreement must be positive", found=multiplier)
    if mean_over not in ("observations", "participants"):
        raise AgreementError("mean_over must be 'observations' or 'participants'", found=mean_over)
    reason = data.too_few(2) or ("fewer than 2 participants" if data.n_clusters < 2 else "")
    if log and not reason:
        if min(data.rating.min(), data.prediction.min()) > 0:
            data = replace(data, rating=np.log(data.rating), prediction=np.log(data.prediction))
        else:
            reason = "logarithm needs positive values"
    sheet = _Sheet(data, log)
    if reason:
        return to_frame(sheet.row(name, math.nan, flag=reason) for name in sheet.names)
    parts = components(data.prediction - data.rating, data.cluster, mean_over=mean_over)
    return to_frame(
        [
            *_limit_rows(sheet, parts, z, confidence, chosen),
            *_slope_rows(sheet, confidence, n_resamples=n_resamples, seed=seed),
        ]
    )


@dataclass(frozen=True)
class _Sheet:
    """Names and counts that all rows of one analysis share."""

    data: Pairs
    log: bool

    @property
    def names(self) -> list[str]:
        suffix = ", ratio" if self.log else ""
        repeated = ["SD between participants", "SD within participants"] if self.data.repeated else []
        return [
            f"bias{suffix}",
            "SD of log differences" if self.log else "SD of differences",
            f"lower limit of agreement{suffix}",
            f"upper limit of agreement{suffix}",
            *repeated,
            *(_SLOPE, _R, _SPREAD),
        ]

    def row(
        self,
        name: str,
        estimate: float,
        limits: tuple[float, float] = (math.nan, math.nan),
        method: str = "",
        *,
        p: float = math.nan,
        flag: str = "",
    ) -> Row:
        """Compose one row; a method without limits is dropped."""
        method = "" if math.isnan(limits[0]) else method
        data = self.data
        return Row(
            name,
            data.n,
            data.n_clusters,
            estimate,
            float(limits[0]),
            float(limits[1]),
            method,
            p,
            join_flags(flag, data.flag),
        )


def _choose_limits(limits_interval: str, *, repeated: bool) -> LimitsInterval:
    if limits_interval not in ("auto", *_METHODS):
        raise AgreementError(
            "Unknown limits_interval",
            found=limits_interval,
            hint=did_you_mean(limits_interval, ["auto", *_METHODS]),
        )
    if limits_interval == "auto":
        return "mover" if repeated else "exact"
    if repeated and limits_interval != "mover":
        raise AgreementError(
            "Only the 'mover' interval allows for several sessions per participant",
            found=limits_interval,
            hint="Use limits_interval='mover', or leave cluster out to treat sessions as independent.",
        )
    return cast(LimitsInterval, limits_interval)


def _limit_rows(
    sheet: _Sheet, parts: Components, multiplier: float, confidence: float, chosen: LimitsInterval
) -> list[Row]:
    df = parts.df[0]
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * parts.bias_error
    if parts.bias_error > 0:
        p = float(2 * stats.t.sf(abs(parts.bias) / parts.bias_error, df))
    else:
        p = math.nan if parts.bias == 0 else 0.0
    flag = "between-participant variance negative, set to 0" if parts.floored else ""
    if parts.sd == 0:
        flag = join_flags(flag, "all differences equal")
    low, high = limit_intervals(parts, multiplier, confidence, chosen)
    back = math.exp if sheet.log else float
    bias, sd, lower, upper = sheet.names[:4]
    method = _METHODS[chosen]

    def both(pair: tuple[float, float]) -> tuple[float, float]:
        return back(pair[0]), back(pair[1])

    spread_method = "MOVER (Zou 2013)" if parts.repeated else "chi-square"
    rows = [
        sheet.row(bias, back(parts.bias), both((parts.bias - half, parts.bias + half)), "t", p=p, flag=flag),
        sheet.row(sd, parts.sd, sd_limits(parts, confidence), spread_method, flag=flag),
        sheet.row(lower, back(parts.bias - multiplier * parts.sd), both(low), method, flag=flag),
        sheet.row(upper, back(parts.bias + multiplier * parts.sd), both(high), method, flag=flag),
    ]
    if parts.repeated:
        rows.append(sheet.row("SD between participants", math.sqrt(parts.between), flag=flag))
        rows.append(sheet.row("SD within participants", math.sqrt(parts.within)))
    return rows


def _slope_rows(sheet: _Sheet, confidence: float, *, n_resamples: int, seed: int) -> list[Row]:
    """Proportional bias and heteroscedasticity, by regression on the mean of prediction and rating."""
    data = sheet.data
    mean, difference = (data.prediction + data.rating) / 2, data.prediction - data.rating
    reason = data.too_few(3) or ("all means equal" if np.ptp(mean) <= 1e-12 * np.ptp(difference) else "")
    if is_constant(data.rating) and is_constant(data.prediction):
        reason = CONSTANT
    if reason:
        return [sheet.row(name, math.nan, flag=reason) for name in (_SLOPE, _R, _SPREAD)]
    line = _Line.fit(mean, difference)
    residual = np.abs(difference - line.intercept - line.slope * mean)
    scatter = float(residual.max()) > 1e-12 * float(np.abs(difference).max())
    spread = _Line.fit(mean, residual)
    no_scatter = "" if scatter else "no scatter about the line"
    rows = [
        sheet.row(_SLOPE, line.slope, line.slope_limits(confidence), "t", p=line.p),
        sheet.row(
            _R,
            line.r,
            fisher_limits(line.r, 1 / math.sqrt(data.n - 3) if data.n > 3 else math.nan, confidence),
            "Fisher z",
            p=math.nan if math.isnan(line.r) else line.p,
            flag="all differences equal" if math.isnan(line.r) else "",
        ),
        sheet.row(_SPREAD, spread.slope, spread.slope_limits(confidence), "t", p=spread.p)
        if scatter
        else sheet.row(_SPREAD, math.nan, flag=no_scatter),
    ]
    if not data.repeated:
        return rows
    bare = [replace(row, p=math.nan, flag=join_flags(row.flag, DEPENDENT_P)) for row in rows]
    fixed = replace(data, rating=residual, prediction=mean)
    resampled = []
    for some, keys, columns in ((bare[:2], [_SLOPE, _R], data), (bare[2:], ["calibration slope"], fixed)):
        resampled += with_bootstrap(
            some,
            keys,
            columns,
            interval="percentile",
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
        )
    return resampled


@dataclass(frozen=True)
class _Line:
    """Least-squares line with the slope's standard error and the p of slope = 0."""

    slope: float
    intercept: float
    r: float
    error: float
    df: int

    @classmethod
    def fit(cls, x: Floats, y: Floats) -> "_Line":
        dx, dy = x - x.mean(), y - y.mean()
        xx, yy, xy = float(dx @ dx), 0.0 if is_constant(y) else float(dy @ dy), float(dx @ dy)
        slope = xy / xx if yy else 0.0
        r = max(-1.0, min(1.0, xy / math.sqrt(xx * yy))) if yy else math.nan
        df = x.size - 2
        error = math.sqrt(max(yy * (1 - (0.0 if math.isnan(r) else r) ** 2), 0.0) / df / xx)
        return cls(slope, float(y.mean()) - slope * float(x.mean()), r, error, df)

    @property
    def p(self) -> float:
        if self.error == 0:
            return math.nan if self.slope == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.slope) / self.error, self.df))

    def slope_limits(self, confidence: float) -> tuple[float, float]:
        half = float(stats.t.ppf((1 + confidence) / 2, self.df)) * self.error
        return self.slope - half, self.slope + half
