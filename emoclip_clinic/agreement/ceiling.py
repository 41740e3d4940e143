"""The highest correlation that a model can be expected to reach, given how reliable its target is."""

import math
from dataclasses import replace
from typing import Literal

import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.inputs import Values
from emoclip_clinic.agreement.intraclass import icc
from emoclip_clinic.agreement.results import join_flags, rows_of, to_frame
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["CEILING_FORMS", "TargetUse", "ceiling_rows", "reliability_ceiling"]

TargetUse = Literal["one rater", "fixed panel", "varying rater", "varying panel"]

CEILING_FORMS: dict[TargetUse, str] = {
    "one rater": "ICC(C,1)",
    "fixed panel": "ICC(C,k)",
    "varying rater": "ICC(1)",
    "varying panel": "ICC(k)",
}
"""Form of the ICC that is the reliability of the target, by how the target was made."""


def reliability_ceiling(
    table: pd.DataFrame | npt.ArrayLike,
    *,
    used: TargetUse,
    cluster: Values | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Reliability of a target as it was used, and its root: the ceiling of Pearson r.

    Parameters
    ----------
    table : DataFrame or array-like of shape (subjects, raters)
        NaN where a rater did not rate.
    used : {"one rater", "fixed panel", "varying rater", "varying panel"}
        The target is one rater's rating (the same rater everywhere), the mean of a panel that rated every
        subject, or a rating or mean of raters who differ from subject to subject. Where the same people rate
        everywhere, a rater's constant deviation moves no correlation: the forms for consistency. Where they
        vary, it is error: the one-way forms.
    cluster, confidence, n_resamples, seed
        As :func:`icc`.

    Returns
    -------
    DataFrame
        Two rows, "reliability, <form>" and "ceiling of r". The limits of the second are the roots of the
        first's. A reliability below 0 gives a ceiling of 0, flagged.

    Raises
    ------
    AgreementError
        If ``used`` is unknown, or as :func:`icc`.

    Notes
    -----
    With target = truth + error, r(model, target) = r(model, truth) sqrt(reliability) at most, if the model's
    errors are independent of the raters'. Both may err alike where they saw the same interview: then r can
    exceed the ceiling. The one-way forms take raters as drawn from many; where a subject's raters are
    different people from a pool of few, the ceiling is somewhat too low. Two raters agree at the reliability
    of one itself, below the ceiling of one.

    References
    ----------
    Spearman C (1904). The proof and measurement of association between two things. doi:10.2307/1412159
    """
    if used not in CEILING_FORMS:
        raise AgreementError("Unknown use of raters", found=used, hint=did_you_mean(used, CEILING_FORMS))
    found = icc(table, cluster=cluster, confidence=confidence, n_resamples=n_resamples, seed=seed)
    return ceiling_rows(found, used=used)


def ceiling_rows(found: pd.DataFrame, *, used: TargetUse) -> pd.DataFrame:
    """Take reliability and ceiling from what :func:`icc` gave.

    Parameters
    ----------
    found : DataFrame
        Its six rows.
    used : {"one rater", "fixed panel", "varying rater", "varying panel"}
        As :func:`reliability_ceiling`.

    Returns
    -------
    DataFrame
        As :func:`reliability_ceiling`.
    """
    form = CEILING_FORMS[used]
    row = rows_of(found[found["statistic"] == form])[0]
    flag = join_flags(row.flag, "reliability not above 0" if row.estimate <= 0 else "")
    return to_frame(
        [
            replace(row, statistic=f"reliability, {form}"),
            replace(
                row,
                statistic="ceiling of r",
                estimate=_root(row.estimate),
                ci_low=_root(row.ci_low),
                ci_high=_root(row.ci_high),
                p=math.nan,
                flag=flag,
            ),
        ]
    )


def _root(value: float) -> float:
    return math.nan if math.isnan(value) else math.sqrt(max(value, 0.0))
