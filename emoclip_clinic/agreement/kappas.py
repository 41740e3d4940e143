"""Cohen's kappa of two columns of categories: plain, linear and quadratic weights."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from emoclip_clinic.agreement.categories import check_categories
from emoclip_clinic.agreement.inputs import Floats, Values, pairs
from emoclip_clinic.agreement.intervals import IGNORES_CLUSTERS, choose_interval, with_bootstrap
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import DEPENDENT_P, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["kappa_errors", "weighted_kappa"]

_NAMES = {
    "none": "Cohen's kappa",
    "linear": "linear weighted kappa",
    "quadratic": "quadratic weighted kappa",
}


def weighted_kappa(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    weights: Literal["none", "linear", "quadratic"] = "quadratic",
    categories: Sequence[float] | None = None,
    interval: Literal["auto", "asymptotic", "percentile", "bca"] = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Kappa, 1 - observed / expected disagreement, with disagreement by distance on the scale.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Categories as numbers; move continuous predictions to them first (`to_categories`). Pairs with a
        missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation. Where participants have several sessions, the interval comes from a
        bootstrap over participants and p is NaN.
    confidence : float
        Level of the interval.
    weights : {"none", "linear", "quadratic"}
        Disagreement 0/1, |a - b| or (a - b)^2. Quadratic weights (the default, as everywhere for ordinal
        items) give exactly the CCC with n denominators. Distances are differences of the values themselves: a
        step that nobody used still lies between its neighbours. vcd and irr number the observed categories
        instead, which shrinks the distance across an unused step.
    categories : sequence of float, optional
        All steps of the scale. Values outside make the row NaN, flagged.
    interval : {"auto", "asymptotic", "percentile", "bca"}
        "asymptotic" is the large-sample error of Fleiss, Cohen & Everitt, as vcd's ASE. "auto" is
        "asymptotic" with one session per participant, else "percentile".
    n_resamples : int
        Bootstrap resamples; 0 leaves a bootstrap interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row; p is two-sided for kappa = 0, with the error under independence, as irr's kappa2. With one
        constant column kappa is 0, flagged, without an interval; with two equal constants it is 0/0, NaN.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Fleiss JL, Cohen J, Everitt BS (1969). Large sample standard errors of kappa and weighted kappa.
    doi:10.1037/h0028106
    """
    if weights not in _NAMES:
        raise AgreementError("Unknown weights", found=weights, hint=did_you_mean(weights, _NAMES))
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    chosen = choose_interval(interval, ["asymptotic"], repeated=data.repeated)
    row = Row(_NAMES[weights], data.n, data.n_clusters, math.nan, flag=data.flag)
    reason = data.too_few(1)
    if not reason and categories is not None:
        steps = check_categories(categories)
        outside = int((~np.isin(np.concatenate([data.rating, data.prediction]), steps)).sum())
        reason = f"{outside} values are not on the scale" if outside else ""
    if not reason and data.constant and np.array_equal(data.rating, data.prediction):
        reason = data.constant
    if reason:
        return to_frame([replace(row, flag=join_flags(reason, row.flag))])
    if data.constant:
        return to_frame([replace(row, estimate=0.0, flag=join_flags(data.constant, row.flag))])
    estimate, error, null_error = kappa_errors(data.rating, data.prediction, weights)
    p = float(2 * special.ndtr(-abs(estimate) / null_error)) if null_error > 0 else math.nan
    row = replace(row, estimate=estimate, p=p)
    if data.repeated:
        row = replace(row, p=math.nan, flag=join_flags(DEPENDENT_P, row.flag))
    if chosen == "asymptotic":
        half = special.ndtri((1 + confidence) / 2) * error
        note = IGNORES_CLUSTERS if data.repeated else ""
        row = replace(
            row,
            ci_low=estimate - half,
            ci_high=estimate + half,
            ci_method="asymptotic (Fleiss 1969)",
            flag=join_flags(row.flag, note),
        )
        return to_frame([row])
    resampling: BootstrapInterval = "bca" if chosen == "bca" else "percentile"
    observed = sorted(set(data.rating) | set(data.prediction))
    return to_frame(
        with_bootstrap(
            [row],
            [row.statistic],
            data,
            interval=resampling,
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
            categories=observed,
        )
    )


def kappa_errors(rating: Floats, prediction: Floats, weights: str) -> tuple[float, float, float]:
    """Return kappa, its asymptotic standard error, and the error under independence.

    statsmodels' ``cohens_kappa`` gives the same numbers once it is handed the square table and the matrix of
    weights, which are all the work; it stops at a table of one category.

    Parameters
    ----------
    rating, prediction : ndarray of shape (n,)
        Complete pairs, at least one column not constant.
    weights : {"none", "linear", "quadratic"}
        Disagreement by distance.
    """
    steps, places = np.unique(np.concatenate([rating, prediction]), return_inverse=True)
    n = rating.size
    table = np.zeros((steps.size, steps.size))
    np.add.at(table, (places[:n], places[n:]), 1 / n)
    distance = np.abs(steps[:, None] - steps)
    disagreement = {"none": (distance > 0).astype(np.float64), "linear": distance, "quadratic": distance**2}[
        weights
    ]
    agreement = 1 - disagreement / disagreement.max()
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    chance = np.outer(rows, columns)
    kappa = 1 - float((disagreement * table).sum() / (disagreement * chance).sum())
    expected = float((agreement * chance).sum())
    # Mean agreement that each row and column category meets by chance.
    margin = (agreement @ columns)[:, None] + rows @ agreement
    spread = (
        float((table * (agreement - margin * (1 - kappa)) ** 2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    )
    null_spread = float((chance * (agreement - margin) ** 2).sum()) - expected**2
    scale = (1 - expected) * math.sqrt(n)
    return kappa, math.sqrt(max(spread, 0.0)) / scale, math.sqrt(max(null_spread, 0.0)) / scale
