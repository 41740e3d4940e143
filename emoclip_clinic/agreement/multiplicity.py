"""Adjust the p values of many items."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from statsmodels.stats.multitest import multipletests

from emoclip_clinic.agreement.inputs import Floats, as_matrix
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["adjust_p"]

_METHODS = {"holm": "holm", "benjamini-hochberg": "fdr_bh", "bonferroni": "bonferroni"}


def adjust_p(
    p: npt.ArrayLike | pd.Series, *, method: Literal["holm", "benjamini-hochberg", "bonferroni"] = "holm"
) -> Floats:
    """Adjusted p values, as R's ``p.adjust``.

    Parameters
    ----------
    p : array-like of shape (m,)
        NaN (not tested) stays NaN and does not count in m.
    method : {"holm", "benjamini-hochberg", "bonferroni"}
        Holm controls the chance of any false rejection and is never worse than Bonferroni; Benjamini-Hochberg
        controls the expected share of false rejections.

    Returns
    -------
    ndarray of shape (m,)

    Raises
    ------
    AgreementError
        If a p lies outside [0, 1] or the method is unknown.
    """
    if method not in _METHODS:
        raise AgreementError(
            "Unknown method of adjustment", found=method, hint=did_you_mean(method, _METHODS)
        )
    values = as_matrix(p, "p").ravel()
    tested = ~np.isnan(values)
    if ((values[tested] < 0) | (values[tested] > 1)).any():
        raise AgreementError("p values must lie between 0 and 1", found=values[tested].tolist())
    adjusted = np.full(values.shape, np.nan)
    if tested.any():
        adjusted[tested] = multipletests(values[tested], method=_METHODS[method])[1]
    return adjusted
