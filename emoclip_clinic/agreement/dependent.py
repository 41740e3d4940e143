"""Tests of the difference between two correlations, dependent or independent."""

import math

import numpy as np
import pandas as pd
from scipy import special, stats

from emoclip_clinic.agreement.correlations import fisher_limits
from emoclip_clinic.agreement.inputs import Values, check_confidence, is_constant, pairs
from emoclip_clinic.agreement.results import CONSTANT, DEPENDENT_P, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["fisher_z_test", "williams_from_correlations", "williams_test"]

_NAME = "difference of Pearson r (Williams)"


def williams_test(
    rating: Values,
    prediction: Values,
    *,
    other: Values,
    cluster: Values | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare two models' correlations with the same ratings, as psych's ``r.test``.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Observations with a missing value in any of the three columns are left out.
    other : array-like of shape (n,)
        The second model's predictions.
    cluster : array-like of shape (n,), optional
        Participant of each observation. The test is for one session per participant; with more, the estimate
        is given, interval and p are NaN with the reason: use `cluster_bootstrap` with ``other``.
    confidence : float
        Level of the interval.

    Returns
    -------
    DataFrame
        One row: r(rating, prediction) - r(rating, other), Zou's interval, p of Williams' t with n - 3 degrees
        of freedom.

    Raises
    ------
    AgreementError
        If lengths differ or a cluster label is missing.

    References
    ----------
    Williams EJ (1959). The comparison of regression variables. doi:10.1111/j.2517-6161.1959.tb00346.x

    Steiger JH (1980). Tests for comparing elements of a correlation matrix. doi:10.1037/0033-2909.87.2.245

    Zou GY (2007). Toward using confidence intervals to compare correlations. doi:10.1037/1082-989X.12.4.399
    """
    data = pairs(rating, prediction, cluster=cluster, extra=(other,), confidence=confidence)
    second = data.extra[0]
    flag = data.too_few(3) or data.constant or (CONSTANT if is_constant(second) else "")
    if flag:
        return to_frame([Row(_NAME, data.n, data.n_clusters, math.nan, flag=join_flags(flag, data.flag))])
    r = np.clip(np.corrcoef([data.rating, data.prediction, second]), -1, 1)
    if data.repeated:
        flags = join_flags(DEPENDENT_P, "no interval for the same reason", data.flag)
        return to_frame([Row(_NAME, data.n, data.n_clusters, float(r[0, 1] - r[0, 2]), flag=flags)])
    row = _williams(float(r[0, 1]), float(r[0, 2]), float(r[1, 2]), data.n, confidence, data.flag)
    return to_frame([row])


def williams_from_correlations(
    r12: float, r13: float, *, r23: float, n: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Williams' test from published correlations: variable 1 is shared.

    Parameters
    ----------
    r12, r13 : float
        The two correlations to compare.
    r23 : float
        Correlation of the two variables that are not shared.
    n : int
        Number of independent observations.
    confidence : float
        Level of the interval.

    Returns
    -------
    DataFrame
        As `williams_test`.

    Raises
    ------
    AgreementError
        If a correlation lies outside [-1, 1].
    """
    check_confidence(confidence)
    _check_correlations(r12, r13, r23)
    return to_frame([_williams(r12, r13, r23, n, confidence, "")])


def fisher_z_test(r1: float, r2: float, *, n1: int, n2: int, confidence: float = 0.95) -> pd.DataFrame:
    """Compare the Pearson correlations of two independent samples, as psych's ``paired.r``.

    Parameters
    ----------
    r1, r2 : float
        The two correlations.
    n1, n2 : int
        Numbers of independent observations.
    confidence : float
        Level of the interval.

    Returns
    -------
    DataFrame
        One row: r1 - r2, Zou's interval, two-sided p of Fisher's z.

    Raises
    ------
    AgreementError
        If a correlation lies outside [-1, 1].

    References
    ----------
    Zou GY (2007). Toward using confidence intervals to compare correlations. doi:10.1037/1082-989X.12.4.399
    """
    check_confidence(confidence)
    _check_correlations(r1, r2)
    name = "difference of Pearson r (Fisher z)"
    if min(n1, n2) < 4:
        return to_frame(
            [Row(name, n1 + n2, n1 + n2, r1 - r2, flag="too few observations for interval and p")]
        )
    z, p = fisher_z(r1, r2, n1, n2)
    low, high = _recovered(r1, r2, n1, n2, confidence, 0.0)
    flag = "" if math.isfinite(z) else "perfect correlation: z not defined"
    return to_frame([Row(name, n1 + n2, n1 + n2, r1 - r2, low, high, "Zou 2007", p, flag)])


def fisher_z(r1: float, r2: float, n1: int, n2: int) -> tuple[float, float]:
    """Return z of the difference and its two-sided p; NaN if both correlations are perfect."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = float((np.arctanh(r1) - np.arctanh(r2)) / math.sqrt(1 / (n1 - 3) + 1 / (n2 - 3)))
    return z, float(2 * special.ndtr(-abs(z)))


def williams_t(r12: float, r13: float, r23: float, n: int) -> tuple[float, float]:
    """Return Williams' t and its two-sided p on n - 3 degrees of freedom; NaN where it is 0/0."""
    if n < 4:
        return math.nan, math.nan
    determinant = 1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23
    spread = 2 * (n - 1) / (n - 3) * max(determinant, 0.0) + ((r12 + r13) / 2) ** 2 * (1 - r23) ** 3
    if spread <= 0:
        return math.nan, math.nan
    t = (r12 - r13) * math.sqrt((n - 1) * (1 + r23) / spread)
    return t, float(2 * stats.t.sf(abs(t), n - 3))


def _williams(r12: float, r13: float, r23: float, n: int, confidence: float, flag: str) -> Row:
    _, p = williams_t(r12, r13, r23, n)
    low = high = math.nan
    if n > 3:
        low, high = _recovered(r12, r13, n, n, confidence, _correlation_of_correlations(r12, r13, r23))
    if math.isnan(p):
        flag = join_flags("p not defined", flag)
    return Row(_NAME, n, n, r12 - r13, low, high, "" if math.isnan(low) else "Zou 2007", p, flag)


def _correlation_of_correlations(r12: float, r13: float, r23: float) -> float:
    """Asymptotic correlation of two sample correlations that share a variable (Zou 2007, equation 11)."""
    spread = (1 - r12**2) * (1 - r13**2)
    if spread <= 0:
        return 0.0
    return ((r23 - r12 * r13 / 2) * (1 - r12**2 - r13**2 - r23**2) + r23**3) / spread


def _recovered(
    r1: float, r2: float, n1: int, n2: int, confidence: float, correlation: float
) -> tuple[float, float]:
    """Zou's limits of r1 - r2 from the limits of each."""
    l1, u1 = fisher_limits(r1, 1 / math.sqrt(n1 - 3), confidence)
    l2, u2 = fisher_limits(r2, 1 / math.sqrt(n2 - 3), confidence)

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0))

    return r1 - r2 - reach(r1 - l1, u2 - r2), r1 - r2 + reach(u1 - r1, r2 - l2)


def _check_correlations(*correlations: float) -> None:
    for r in correlations:
        if not -1 <= r <= 1:
            raise AgreementError("A correlation must lie between -1 and 1", found=r)
