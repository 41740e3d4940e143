"""Lin's concordance correlation coefficient."""

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from emoclip_clinic.agreement.correlations import fisher_limits
from emoclip_clinic.agreement.inputs import Pairs, Values, is_constant, pairs
from emoclip_clinic.agreement.intervals import IGNORES_CLUSTERS, choose_interval, with_bootstrap
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["ccc"]

CccInterval = Literal["auto", "z", "asymptotic", "percentile", "bca"]


def ccc(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    interval: CccInterval = "auto",
    ddof: Literal[0, 1] = 0,
    components: bool = False,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Lin's concordance correlation coefficient, 2 s_xy / (s_xx + s_yy + (mean_x - mean_y)^2).

    It falls with lack of correlation, with a shift of the mean and with a difference in spread: the one
    number for "how close to the identity line". Report it beside Pearson r, which is its upper bound.

    Parameters
    ----------
    rating, prediction : array-like of shape (n,)
        Pairs with a missing value are left out.
    cluster : array-like of shape (n,), optional
        Participant of each observation. Where participants have several sessions, the interval comes from a
        bootstrap over participants.
    confidence : float
        Level of the interval.
    interval : {"auto", "z", "asymptotic", "percentile", "bca"}
        Lin's interval on Fisher's z (with the correction of 2000), or on the coefficient itself, which can
        exceed 1. "auto" is "z" with one session per participant, else "percentile".
    ddof : {0, 1}
        Denominator n - ddof of variances and covariance. 0 is Lin's estimate and that of epiR and DescTools;
        quadratic weighted kappa equals it. 1 brings the coefficient near ICC(A,1).
    components : bool
        Add rows for the bias correction factor C_b (CCC = r * C_b), the scale shift s_prediction / s_rating,
        and the location shift (mean difference over the geometric mean of the standard deviations).
    n_resamples : int
        Bootstrap resamples; 0 leaves a bootstrap interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Row "CCC", then the components if asked for. With one constant column CCC is 0, as the formula says,
        flagged "constant column", without an interval; with two equal constants it is 0/0, NaN.

    Raises
    ------
    AgreementError
        If lengths differ, a cluster label is missing, or an option is unknown.

    References
    ----------
    Lin LI (1989). A concordance correlation coefficient to evaluate reproducibility. doi:10.2307/2532051

    Lin LI (2000). A note on the concordance correlation coefficient. doi:10.1111/j.0006-341X.2000.00324.x
    """
    if ddof not in (0, 1):
        raise AgreementError("ddof must be 0 or 1", found=ddof)
    data = pairs(rating, prediction, cluster=cluster, confidence=confidence)
    chosen = choose_interval(interval, ["z", "asymptotic"], repeated=data.repeated)
    row = Row("CCC", data.n, data.n_clusters, math.nan, flag=join_flags(data.too_few(2), data.flag))
    if data.too_few(2):
        rows = [row]
    else:
        rows = [replace(row, estimate=_estimate(data, ddof), flag=join_flags(row.flag, data.constant))]
        if data.constant or math.isnan(rows[0].estimate):
            pass
        elif chosen in ("percentile", "bca"):
            resampling: BootstrapInterval = "bca" if chosen == "bca" else "percentile"
            if ddof:
                raise AgreementError(
                    "The bootstrap interval is for ddof=0", found=ddof, hint="Use interval='z'."
                )
            rows = with_bootstrap(
                rows,
                ["CCC"],
                data,
                interval=resampling,
                confidence=confidence,
                n_resamples=n_resamples,
                seed=seed,
            )
        else:
            rows = [_lin_interval(rows[0], data, confidence, on_z=chosen == "z")]
    return to_frame(rows + (_components(data) if components else []))


def _estimate(data: Pairs, ddof: int) -> float:
    x, y = data.rating, data.prediction
    divisor = data.n - ddof
    shift = y.mean() - x.mean()
    squares = (x.var() + y.var()) * data.n / divisor + shift**2
    if data.constant:
        return 0.0 if not np.array_equal(x, y) else math.nan
    return float(2 * ((x - x.mean()) * (y - y.mean())).sum() / divisor / squares)


def _shifts(data: Pairs) -> tuple[float, float, float]:
    """Scale shift, location shift and bias correction factor of two columns that vary."""
    x, y = data.rating, data.prediction
    scale = float(y.std() / x.std())
    location = float((y.mean() - x.mean()) / math.sqrt(x.std() * y.std()))
    return scale, location, 2 / (scale + 1 / scale + location**2)


def _lin_interval(row: Row, data: Pairs, confidence: float, *, on_z: bool) -> Row:
    """Lin's standard error, with p / r written as C_b so that r = 0 is no special case."""
    if data.n < 3:
        return replace(row, flag=join_flags(row.flag, "too few observations for an interval"))
    estimate = row.estimate
    _, shift, c_b = _shifts(data)
    r = float(np.corrcoef(data.rating, data.prediction)[0, 1])
    variance = (
        (1 - r**2) * c_b**2 * (1 - estimate**2)
        + 2 * r**2 * c_b**3 * (1 - estimate) * shift**2
        - 0.5 * r**2 * c_b**4 * shift**4
    ) / (data.n - 2)
    error = math.sqrt(max(variance, 0.0))
    if on_z:
        low, high = fisher_limits(
            estimate, error / (1 - estimate**2) if abs(estimate) < 1 else 0.0, confidence
        )
    else:
        half = special.ndtri((1 + confidence) / 2) * error
        low, high = estimate - half, estimate + half
    note = IGNORES_CLUSTERS if data.repeated else ""
    return replace(
        row,
        ci_low=low,
        ci_high=high,
        ci_method="Lin z" if on_z else "Lin asymptotic",
        flag=join_flags(row.flag, note),
    )


def _components(data: Pairs) -> list[Row]:
    names = ("bias correction factor C_b", "scale shift", "location shift")
    if data.too_few(2) or is_constant(data.rating) or is_constant(data.prediction):
        values, flag = (math.nan,) * 3, data.too_few(2) or data.constant
    else:
        scale, location, c_b = _shifts(data)
        values, flag = (c_b, scale, location), ""
    return [
        Row(name, data.n, data.n_clusters, value, flag=join_flags(flag, data.flag))
        for name, value in zip(names, values, strict=True)
    ]
