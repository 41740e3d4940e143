"""Kendall's W: how far several raters rank the same subjects alike."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from emoclip_clinic.agreement.inputs import Floats, rater_matrix
from emoclip_clinic.agreement.results import CONSTANT, Row, join_flags, to_frame

__all__ = ["kendall_w"]


def kendall_w(table: pd.DataFrame | npt.ArrayLike, *, correct_ties: bool = True) -> pd.DataFrame:
    """Kendall's coefficient of concordance W, as irr's ``kendall(correct = TRUE)``.

    It looks at order alone: raters who differ by a constant still have W = 1.

    Parameters
    ----------
    table : DataFrame or array-like of shape (subjects, raters)
        Subjects with a missing rating are left out.
    correct_ties : bool
        Correct for ties, which ordinal ratings always have (irr's own default is not to).

    Returns
    -------
    DataFrame
        One row "Kendall's W"; p of the chi-square raters * (subjects - 1) * W. No interval is in common use.

    Raises
    ------
    AgreementError
        If the table is not numeric.

    References
    ----------
    Kendall MG, Babington Smith B (1939). The problem of m rankings. doi:10.1214/aoms/1177732186
    """
    matrix, flag = rater_matrix(table)
    used = matrix[~np.isnan(matrix).any(axis=1)]
    n, k = used.shape
    reason = ""
    if np.isnan(matrix).all():
        reason = "all missing"
    elif k < 2:
        reason = "single rater"
    elif n < 2:
        reason = "fewer than 2 complete subjects"
    w = chi_square = math.nan
    if not reason:
        w, chi_square = concordance(used, correct_ties=correct_ties)
        reason = CONSTANT if math.isnan(w) else ""
    p = float(stats.chi2.sf(chi_square, n - 1)) if not math.isnan(w) else math.nan
    return to_frame([Row("Kendall's W", n, n, w, p=p, flag=join_flags(reason, flag))])


def concordance(matrix: Floats, *, correct_ties: bool) -> tuple[float, float]:
    """Return W and its chi-square of complete ratings (subjects, raters); NaN if every rater is constant."""
    n, k = matrix.shape
    ranks = stats.rankdata(matrix, axis=0)
    ties = 0.0
    if correct_ties:
        for column in matrix.T:
            counts = np.unique(column, return_counts=True)[1].astype(np.float64)
            ties += float((counts**3 - counts).sum())
    largest = k**2 * (n**3 - n) - k * ties
    if largest <= 0:
        return math.nan, math.nan
    totals = ranks.sum(axis=1)
    w = 12 * float(((totals - totals.mean()) ** 2).sum()) / largest
    return w, k * (n - 1) * w
