"""Repeated-measures correlation: the association within participants over their sessions."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from emoclip_clinic.agreement.correlations import fisher_limits
from emoclip_clinic.agreement.inputs import Values, is_constant, pairs
from emoclip_clinic.agreement.resampling import group_sums
from emoclip_clinic.agreement.results import Row, join_flags, to_frame

__all__ = ["rm_corr"]


def rm_corr(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Repeated-measures correlation, as R's ``rmcorr``.

    It asks whether prediction rises when a participant's rating rises, and says nothing about differences
    between participants: with one session each it is not defined, however good the predictions are.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,)
        Participant of each observation. Participants with one session add nothing, neither to r nor to its
        degrees of freedom, n - n_clusters - 1.
    confidence : float
        Level of the interval: Fisher's z with variance 1 / (df - 1), as rmcorr from 0.6 and pingouin.

    Returns
    -------
    DataFrame
        One row "repeated-measures r". The t test is valid with repeated sessions: this is what the form is
        for.

    Raises
    ------
    AgreementError
        If lengths differ or a cluster label is missing.

    References
    ----------
    Bland JM, Altman DG (1995). Calculating correlation coefficients with repeated observations: Part 1,
    correlation within subjects. doi:10.1136/bmj.310.6977.446

    Bakdash JZ, Marusich LR (2017). Repeated measures correlation. doi:10.3389/fpsyg.2017.00456
    """
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    df = data.n - data.n_clusters - 1
    r = p = low = high = math.nan
    flag = data.too_few(1)
    if not flag and not data.repeated:
        flag = "one session per participant"
    elif not flag and df < 1:
        flag = "too few repeated sessions"
    elif not flag:
        size = np.bincount(data.cluster).astype(np.float64)
        x, y = (
            column - (group_sums(column, data.cluster, data.n_clusters) / size)[data.cluster]
            for column in (data.rating, data.prediction)
        )
        if _constant_within(data.rating, data.cluster) or _constant_within(data.prediction, data.cluster):
            flag = "constant within participants"
        else:
            r = float(np.clip((x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum()), -1, 1))
            t = r * math.sqrt(df / (1 - r * r)) if abs(r) < 1 else math.inf
            p = float(2 * stats.t.sf(abs(t), df))
            low, high = fisher_limits(r, 1 / math.sqrt(df - 1) if df > 1 else math.nan, confidence)
            flag = "" if df > 1 else "too few observations for an interval"
    method = "" if math.isnan(low) else "Fisher z, df - 1"
    return to_frame(
        [
            Row(
                "repeated-measures r",
                data.n,
                data.n_clusters,
                r,
                low,
                high,
                method,
                p,
                join_flags(flag, data.flag),
            )
        ]
    )


def _constant_within(values: np.ndarray, codes: np.ndarray) -> bool:
    """Whether every participant's values are all equal."""
    return all(is_constant(values[codes == code]) for code in np.unique(codes))
