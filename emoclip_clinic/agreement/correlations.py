"""Pearson, Spearman and Kendall correlation of ratings and predictions."""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special, stats

from emoclip_clinic.agreement.inputs import Pairs, Values, pairs
from emoclip_clinic.agreement.intervals import IGNORES_CLUSTERS, choose_interval, with_bootstrap
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import DEPENDENT_P, Row, join_flags, to_frame

__all__ = ["fisher_limits", "kendall", "pearson", "spearman"]

PearsonInterval = Literal["auto", "fisher-z", "percentile", "bca"]
SpearmanInterval = Literal["auto", "bonett-wright", "fieller", "fisher-z", "percentile", "bca"]
KendallInterval = Literal["auto", "fieller", "percentile", "bca"]

_MINIMUM = 3


def fisher_limits(r: float, standard_error: float, confidence: float) -> tuple[float, float]:
    """Limits of a correlation whose Fisher z has the given standard error; a perfect correlation is its own
    limit.
    """
    if not math.isfinite(r) or not math.isfinite(standard_error):
        return math.nan, math.nan
    if abs(r) == 1:
        return r, r
    half = special.ndtri((1 + confidence) / 2) * standard_error
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _inverse_root(value: float) -> float:
    return 1 / math.sqrt(value) if value > 0 else math.nan


def pearson(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    interval: PearsonInterval = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Pearson correlation, as R's ``cor.test``.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation. Where participants have several sessions, the interval comes from a
        bootstrap over participants and the textbook p is NaN: both textbook forms assume independent
        observations.
    confidence : float
        Level of the interval.
    interval : {"auto", "fisher-z", "percentile", "bca"}
        "auto" is "fisher-z" with one session per participant, else "percentile".
    n_resamples : int
        Bootstrap resamples; 0 leaves a bootstrap interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row "Pearson r". NaN where a column is constant (0/0) or n < 3, R's minimum.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    r = p = math.nan
    if not (data.too_few(_MINIMUM) or data.constant):
        r, p = map(float, stats.pearsonr(data.rating, data.prediction))
    textbook = {"fisher-z": ("Fisher z", _inverse_root(data.n - 3))}
    return _correlation_frame(
        data, "Pearson r", r, p, interval, textbook, confidence, n_resamples=n_resamples, seed=seed
    )


def spearman(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    interval: SpearmanInterval = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Spearman rank correlation on midranks, as R's ``cor.test(method = "spearman", exact = FALSE)``.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation; see `pearson`.
    confidence : float
        Level of the interval.
    interval : {"auto", "bonett-wright", "fieller", "fisher-z", "percentile", "bca"}
        Variance of Fisher's z: (1 + rho^2 / 2) / (n - 3) (Bonett & Wright 2000, the default: it keeps its
        coverage for large rho), 1.06 / (n - 3) (Fieller 1957) or 1 / (n - 3) (pingouin; too narrow). R gives
        none. "auto" is "bonett-wright" with one session per participant, else "percentile".
    n_resamples : int
        Bootstrap resamples; 0 leaves a bootstrap interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row "Spearman rho"; p from the t approximation, which R uses wherever there are ties.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Bonett DG, Wright TA (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations. doi:10.1007/BF02294183

    Fieller EC, Hartley HO, Pearson ES (1957). Tests for rank correlation coefficients.
    doi:10.1093/biomet/44.3-4.470
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    rho = p = math.nan
    if not (data.too_few(_MINIMUM) or data.constant):
        rho, p = map(float, stats.pearsonr(stats.rankdata(data.rating), stats.rankdata(data.prediction)))
    error = _inverse_root(data.n - 3)
    textbook = {
        "bonett-wright": ("Bonett-Wright", math.sqrt(1 + rho**2 / 2) * error),
        "fieller": ("Fieller", math.sqrt(1.06) * error),
        "fisher-z": ("Fisher z", error),
    }
    return _correlation_frame(
        data, "Spearman rho", rho, p, interval, textbook, confidence, n_resamples=n_resamples, seed=seed
    )


def kendall(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    interval: KendallInterval = "auto",
    exact: bool = False,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Kendall rank correlation tau-b, as R's ``cor.test(method = "kendall", exact = FALSE)``.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation; see `pearson`.
    confidence : float
        Level of the interval.
    interval : {"auto", "fieller", "percentile", "bca"}
        Fieller's variance of z is 0.437 / (n - 4). "auto" is "fieller" with one session per participant, else
        "percentile".
    exact : bool
        Exact p; only without ties, which ordinal ratings always have, hence not the default. With ties the
        normal approximation with the variance corrected for ties is used and the flag says so.
    n_resamples : int
        Bootstrap resamples; 0 leaves a bootstrap interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row "Kendall tau-b".

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Fieller EC, Hartley HO, Pearson ES (1957). Tests for rank correlation coefficients.
    doi:10.1093/biomet/44.3-4.470
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    tau = p = math.nan
    flag = ""
    if not (data.too_few(_MINIMUM) or data.constant):
        ties = np.unique(data.rating).size < data.n or np.unique(data.prediction).size < data.n
        method = "exact" if exact and not ties else "asymptotic"
        flag = "ties: p not exact" if exact and ties else ""
        tau, p = map(float, stats.kendalltau(data.rating, data.prediction, method=method))
        tau = min(1.0, max(-1.0, tau))
    textbook = {"fieller": ("Fieller", math.sqrt(0.437) * _inverse_root(data.n - 4))}
    return _correlation_frame(
        data,
        "Kendall tau-b",
        tau,
        p,
        interval,
        textbook,
        confidence,
        n_resamples=n_resamples,
        seed=seed,
        flag=flag,
    )


def _correlation_frame(
    data: Pairs,
    name: str,
    estimate: float,
    p: float,
    interval: str,
    textbook: dict[str, tuple[str, float]],
    confidence: float,
    *,
    n_resamples: int,
    seed: int,
    flag: str = "",
) -> pd.DataFrame:
    """Add the interval that was asked for, hold back the textbook p where sessions repeat, and compose the
    row.
    """
    chosen = choose_interval(interval, list(textbook), repeated=data.repeated)
    row = Row(name, data.n, data.n_clusters, estimate, p=p, flag=join_flags(flag, data.flag))
    if math.isnan(estimate):
        return to_frame([replace(row, flag=join_flags(data.too_few(_MINIMUM) or data.constant, row.flag))])
    if data.repeated:
        row = replace(row, p=math.nan, flag=join_flags(row.flag, DEPENDENT_P))
    if chosen in ("percentile", "bca"):
        resampling: BootstrapInterval = "bca" if chosen == "bca" else "percentile"
        return to_frame(
            with_bootstrap(
                [row],
                [name],
                data,
                interval=resampling,
                confidence=confidence,
                n_resamples=n_resamples,
                seed=seed,
            )
        )
    method, error = textbook[chosen]
    low, high = fisher_limits(estimate, error, confidence)
    note = IGNORES_CLUSTERS if data.repeated else ""
    if math.isnan(low):
        method, note = "", "too few observations for an interval"
    return to_frame(
        [replace(row, ci_low=low, ci_high=high, ci_method=method, flag=join_flags(row.flag, note))]
    )
