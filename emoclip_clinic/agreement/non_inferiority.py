"""Whether a model agrees with raters no worse than one more rater, by a margin, and what may be said."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.human_and_model import HumanStatistic, human_and_model
from emoclip_clinic.agreement.inputs import Values, rater_matrix
from emoclip_clinic.errors import AgreementError

__all__ = ["LEAST_PARTICIPANTS", "LEAST_RATERS", "NonInferiority", "non_inferiority"]

LEAST_RATERS = 2
"""With fewer raters nothing says how well raters agree."""

LEAST_PARTICIPANTS = 40
"""With fewer participants no verdict is given: the bootstrap's limit is not to be trusted."""

_WORDING = {
    "non-inferior": "By this margin the model agrees with the other raters no worse than a rater does. It is "
    "about these raters, and no proof that model and rater are equal.",
    "not shown": "It is not shown that the model is non-inferior to a rater. That is no evidence that it is "
    "worse, and none that both are equal.",
    "none": "No verdict is given.",
}


@dataclass(frozen=True)
class NonInferiority:
    """A verdict, or why there is none.

    Attributes
    ----------
    statistic : str
        In which the margin is meant.
    margin : float or None
    margin_origin : {"pre-specified", "margin chosen at analysis", "no margin"}
    n_raters, n_clusters : int
        Raters, and participants with two ratings or more and a prediction.
    difference : float
        How much better the model is than a rater: model - human, for MAE human - model.
    lower_limit : float
        One-sided 97.5 % lower limit of the difference; bootstrap over participants, raters fixed.
    verdict : {"non-inferior", "not shown", "none"}
    reason : str
        Why there is no verdict; empty otherwise.
    wording : str
        What may be said, without numbers.
    """

    statistic: HumanStatistic
    margin: float | None
    margin_origin: Literal["pre-specified", "margin chosen at analysis", "no margin"]
    n_raters: int
    n_clusters: int
    difference: float
    lower_limit: float
    verdict: Literal["non-inferior", "not shown", "none"]
    reason: str
    wording: str


def non_inferiority(
    table: pd.DataFrame | npt.ArrayLike,
    prediction: Values | pd.DataFrame,
    *,
    margin: float | None,
    prespecified: bool = False,
    statistic: HumanStatistic = "CCC",
    cluster: Values | None = None,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> NonInferiority:
    """Judge whether the model, in a rater's place, agrees with the other raters no worse than the rater.

    Non-inferior if the one-sided 97.5 % lower limit of the difference exceeds minus the margin. There is no
    default margin: what loss of agreement matters is a clinical question.

    Parameters
    ----------
    table, prediction, cluster, n_resamples, seed
        As :func:`human_and_model`.
    margin : float or None
        Largest loss of agreement that does not matter, above 0 (for MAE in points).
    prespecified : bool
        Whether the margin stands in a preregistration whose content is verified.
    statistic : {"Pearson r", "CCC", "ICC(A,1)", "MAE"}
        In which the margin is meant. CCC by default: r would forgive a model of another level or spread.

    Returns
    -------
    NonInferiority
        Without a verdict below 2 raters or 40 participants, without a margin, or without a limit.

    Raises
    ------
    AgreementError
        If the margin is not above 0, or as :func:`human_and_model`.
    """
    if margin is not None and not (math.isfinite(margin) and margin > 0):
        raise AgreementError("A margin must be above 0", found=margin)
    found = human_and_model(
        table,
        prediction,
        cluster=cluster,
        statistics=(statistic,),
        confidence=0.95,
        n_resamples=n_resamples,
        seed=seed,
    )
    row = found[found["statistic"] == f"model - human, {statistic}"].iloc[0]
    sign, end = (-1, "ci_high") if statistic == "MAE" else (1, "ci_low")
    difference, limit = sign * float(row["estimate"]), sign * float(row[end])
    n_raters, n_clusters = _n_raters(table), int(row["n_clusters"])
    reason = ""
    if n_raters < LEAST_RATERS:
        reason = f"fewer than {LEAST_RATERS} raters"
    elif n_clusters < LEAST_PARTICIPANTS:
        reason = f"fewer than {LEAST_PARTICIPANTS} participants with two ratings and a prediction"
    elif math.isnan(limit):
        reason = str(row["flag"]) or "no interval"
    elif margin is None:
        reason = "no margin is given"
    verdict: Literal["non-inferior", "not shown", "none"] = "none"
    if margin is not None and not reason:
        verdict = "non-inferior" if limit > -margin else "not shown"
    origin: Literal["pre-specified", "margin chosen at analysis", "no margin"] = "no margin"
    if margin is not None:
        origin = "pre-specified" if prespecified else "margin chosen at analysis"
    return NonInferiority(
        statistic, margin, origin, n_raters, n_clusters, difference, limit, verdict, reason, _WORDING[verdict]
    )


def _n_raters(table: pd.DataFrame | npt.ArrayLike) -> int:
    """Raters who gave at least one rating."""
    matrix, _ = rater_matrix(table)
    return int((~np.isnan(matrix)).any(axis=0).sum())
