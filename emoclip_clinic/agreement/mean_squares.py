"""The six intraclass correlations of a complete table from its analysis of variance."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from emoclip_clinic.agreement.inputs import Floats, is_constant

__all__ = [
    "FORMS",
    "IccForm",
    "MeanSquares",
    "complete_forms",
    "mean_squares",
    "six_forms",
    "weighted_mean_squares",
]

FORMS = ("ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)")

# Sums of squares below this share of the total are rounding.
_ZERO = 1e-24


@dataclass(frozen=True)
class MeanSquares:
    """Between subjects, within subjects, between raters, residual; n subjects and k raters."""

    between: Floats
    within: Floats
    rater: Floats
    residual: Floats
    n: Floats
    k: int


@dataclass(frozen=True)
class IccForm:
    """One form with its F test and limits; NaN where not defined."""

    estimate: float
    f: float
    df1: float
    df2: float
    p: float
    low: float
    high: float


def mean_squares(matrix: Floats) -> MeanSquares:
    """Two-way mean squares of complete ratings (subjects, raters), at least 2 x 2."""
    n, k = matrix.shape
    centred = matrix - matrix.mean()
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    total = float((centred**2).sum())
    between = k * float((rows**2).sum())
    rater = n * float((columns**2).sum())
    residual = float(((centred - rows[:, None] - columns) ** 2).sum())
    between, rater, residual = (0.0 if part <= _ZERO * total else part for part in (between, rater, residual))
    if k == 2 and is_constant(matrix[:, 0]) != is_constant(matrix[:, 1]):
        # With one constant rater of two, both equal half the other's sum of squares; rounding must not show.
        residual = between
    return MeanSquares(
        between=np.asarray(between / (n - 1)),
        within=np.asarray((rater + residual) / (n * (k - 1))),
        rater=np.asarray(rater / (k - 1)),
        residual=np.asarray(residual / ((n - 1) * (k - 1))),
        n=np.asarray(float(n)),
        k=k,
    )


def weighted_mean_squares(matrix: Floats, weights: Floats) -> MeanSquares:
    """Mean squares of many resamples, weights (b, subjects) saying how often each subject was drawn."""
    k = matrix.shape[1]
    centred = matrix - matrix.mean()
    n = weights.sum(axis=1)
    columns = weights @ centred / n[:, None]
    grand = columns.mean(axis=1)
    total = weights @ (centred**2).sum(axis=1) - n * k * grand**2
    between = k * (weights @ centred.mean(axis=1) ** 2 - n * grand**2)
    rater = n * ((columns - grand[:, None]) ** 2).sum(axis=1)
    residual = np.maximum(total - between - rater, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return MeanSquares(
            between / (n - 1),
            (rater + residual) / (n * (k - 1)),
            rater / (k - 1),
            residual / ((n - 1) * (k - 1)),
            n,
            k,
        )


def six_forms(m: MeanSquares) -> Floats:
    """Return the estimates in the order of `FORMS`, along a new first axis; NaN where 0/0."""
    correction = (m.rater - m.residual) / m.n
    numerators = (m.between - m.within, m.between - m.residual, m.between - m.residual)
    single = (
        m.between + (m.k - 1) * m.within,
        m.between + (m.k - 1) * m.residual + m.k * correction,
        m.between + (m.k - 1) * m.residual,
    )
    average = (m.between, m.between + correction, m.between)
    with np.errstate(divide="ignore", invalid="ignore"):
        forms = [a / b for a, b in zip(numerators * 2, (*single, *average), strict=True)]
    return np.where(np.isfinite(forms), forms, np.nan)


def complete_forms(
    matrix: Floats,
    *,
    confidence: float,
    convention: Literal["psych", "irr"],
) -> list[IccForm]:
    """All six forms of complete ratings, in the order of `FORMS`; see `icc` for the conventions."""
    m = mean_squares(matrix)
    n, k = matrix.shape
    estimates = [float(value) for value in six_forms(m)]
    between, within, residual = float(m.between), float(m.within), float(m.residual)
    tail = (1 + confidence) / 2
    df_between, df_within, df_residual = n - 1, n * (k - 1), (n - 1) * (k - 1)
    f_one, f_two = _quotient(between, within), _quotient(between, residual)

    def consistency(f: float, df2: int, estimate: float, *, average: bool) -> IccForm:
        p = float(stats.f.sf(f, df_between, df2))
        lower = f / stats.f.ppf(tail, df_between, df2)
        upper = f * stats.f.ppf(tail, df2, df_between)
        if average:
            limits = 1 - 1 / lower if lower > 0 else math.nan, 1 - 1 / upper if upper > 0 else math.nan
        else:
            limits = _of_f(lower, k), _of_f(upper, k)
        return _form(estimate, f, df_between, df2, p, *limits)

    def agreement(estimate: float, limits: tuple[float, float]) -> IccForm:
        df2 = float(df_residual) if convention == "psych" else _agreement_df(m, estimate)
        p = float(stats.f.sf(f_two, df_between, df2))
        return _form(estimate, f_two, df_between, df2, p, *limits)

    single = _agreement_limits(m, estimates[1], tail)
    average = _spearman_brown(single, k) if convention == "psych" else _irr_limits(m, estimates[4], tail)
    return [
        consistency(f_one, df_within, estimates[0], average=False),
        agreement(estimates[1], single),
        consistency(f_two, df_residual, estimates[2], average=False),
        consistency(f_one, df_within, estimates[3], average=True),
        agreement(estimates[4], average),
        consistency(f_two, df_residual, estimates[5], average=True),
    ]


def _form(estimate: float, f: float, df1: float, df2: float, p: float, low: float, high: float) -> IccForm:
    """A perfect estimate is its own interval; no estimate has none."""
    if math.isnan(estimate):
        return IccForm(estimate, f, df1, df2, math.nan, math.nan, math.nan)
    if estimate == 1:
        return IccForm(estimate, f, df1, df2, p, 1.0, 1.0)
    return IccForm(estimate, f, df1, df2, p, low, high)


def _quotient(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 else math.inf
    return a / b


def _of_f(f: float, k: int) -> float:
    return 1.0 if math.isinf(f) else (f - 1) / (f + k - 1)


def _agreement_df(m: MeanSquares, estimate: float) -> float:
    """Satterthwaite's degrees of freedom of the combined error in McGraw & Wong's F for ICC(A,1)."""
    if not estimate < 1:
        return math.nan
    n, k = int(m.n), m.k
    ratio = k * estimate / (n * (1 - estimate))
    a, b = ratio * float(m.rater), (1 + ratio * (n - 1)) * float(m.residual)
    spread = a**2 / (k - 1) + b**2 / ((n - 1) * (k - 1))
    return (a + b) ** 2 / spread if spread > 0 else math.nan


def _agreement_limits(m: MeanSquares, estimate: float, tail: float) -> tuple[float, float]:
    between, rater, residual = float(m.between), float(m.rater), float(m.residual)
    n, k = int(m.n), m.k
    df = _agreement_df(m, estimate)
    if not df > 0:
        return math.nan, math.nan
    low_f, high_f = stats.f.ppf(tail, n - 1, df), stats.f.ppf(tail, df, n - 1)
    error = k * rater + (k * n - k - n) * residual
    return (
        _ratio(n * (between - low_f * residual), low_f * error + n * between),
        _ratio(n * (high_f * between - residual), error + n * high_f * between),
    )


def _spearman_brown(limits: tuple[float, float], k: int) -> tuple[float, float]:
    low, high = (_ratio(k * limit, 1 + limit * (k - 1)) for limit in limits)
    return low, high


def _irr_limits(m: MeanSquares, estimate: float, tail: float) -> tuple[float, float]:
    """Limits of ICC(A,k) as irr gives them: its degrees of freedom take ICC(A,k) in the place of ICC(A,1)."""
    between, rater, residual = float(m.between), float(m.rater), float(m.residual)
    n = int(m.n)
    df = _agreement_df(m, estimate)
    if not df > 0:
        return math.nan, math.nan
    low_f, high_f = stats.f.ppf(tail, n - 1, df), stats.f.ppf(tail, df, n - 1)
    return (
        _ratio(n * (between - low_f * residual), low_f * (rater - residual) + n * between),
        _ratio(n * (high_f * between - residual), rater - residual + n * high_f * between),
    )


def _ratio(numerator: float, denominator: float) -> float:
    # No limit if the F quantile overflows or the denominator vanishes.
    return float(numerator / denominator) if denominator and math.isfinite(numerator) else math.nan
