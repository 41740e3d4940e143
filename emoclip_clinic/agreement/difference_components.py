"""Mean, spread and limits of differences between prediction and rating, by the arithmetic of Bland-Altman."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from emoclip_clinic.agreement.inputs import Floats

__all__ = ["Components", "LimitsInterval", "components", "limit_intervals", "sd_limits"]

LimitsInterval = Literal["exact", "mover", "bland-altman-1999", "bland-altman-1986"]


@dataclass(frozen=True)
class Components:
    """ANOVA of differences: the bias, its standard error, and the variance as a sum of two mean squares.

    ``squares``, ``df`` and ``share`` describe the two terms: variance = sum of share * squares before
    flooring.
    """

    bias: float
    bias_error: float
    between: float
    within: float
    squares: tuple[float, float]
    df: tuple[int, int]
    share: tuple[float, float]
    n: int
    n_clusters: int
    floored: bool

    @property
    def sd(self) -> float:
        """Standard deviation of a single difference."""
        return math.sqrt(self.between + self.within)

    @property
    def repeated(self) -> bool:
        """Whether some participant has more than one difference."""
        return self.n > self.n_clusters


def components(
    difference: Floats,
    cluster: npt.NDArray[np.intp],
    *,
    mean_over: Literal["observations", "participants"] = "observations",
) -> Components:
    """One-way analysis of variance of the differences, participants random, "true value varies".

    With one session each, the between mean square is the plain variance and carries everything.

    Parameters
    ----------
    difference : ndarray of shape (n,)
        Prediction minus rating.
    cluster : ndarray of int, shape (n,)
        Participant 0..n_clusters-1 of each difference; at least two participants.
    mean_over : {"observations", "participants"}
        Whether the bias weighs sessions or participants equally.

    References
    ----------
    Bland JM, Altman DG (2007). Agreement between methods of measurement with multiple observations per
    individual. doi:10.1080/10543400701329422
    """
    size = np.bincount(cluster).astype(np.float64)
    means = np.bincount(cluster, weights=difference) / size
    n, n_clusters = difference.size, size.size
    grand = float(difference.mean())
    df_between, df_within = n_clusters - 1, n - n_clusters
    square_between = float((size * (means - grand) ** 2).sum()) / df_between
    square_within = float(((difference - means[cluster]) ** 2).sum()) / df_within if df_within else 0.0
    m0 = (n**2 - float((size**2).sum())) / (df_between * n)
    raw = (square_between - square_within) / m0
    between = max(raw, 0.0)
    if mean_over == "observations":
        bias = grand
        error = between * float((size**2).sum()) / n**2 + square_within / n
    else:
        bias = float(means.mean())
        error = between / n_clusters + square_within * float((1 / size).sum()) / n_clusters**2
    return Components(
        bias=bias,
        bias_error=math.sqrt(error),
        between=between,
        within=square_within,
        squares=(square_between, square_within),
        df=(df_between, df_within),
        share=(1 / m0, 1 - 1 / m0),
        n=n,
        n_clusters=n_clusters,
        floored=raw < 0 and df_within > 0,
    )


def sd_limits(parts: Components, confidence: float) -> tuple[float, float]:
    """Limits of the standard deviation: chi-square if there is one mean square, MOVER if there are two."""
    tails = (1 + confidence) / 2, (1 - confidence) / 2
    reach = []
    for tail in tails:
        total = 0.0
        for square, df, share in zip(parts.squares, parts.df, parts.share, strict=True):
            if df:
                total += (share * square * (1 - df / stats.chi2.ppf(tail, df))) ** 2
        reach.append(math.sqrt(total))
    variance = parts.sd**2
    return math.sqrt(max(variance - reach[0], 0.0)), math.sqrt(variance + reach[1])


def limit_intervals(
    parts: Components, multiplier: float, confidence: float, interval: LimitsInterval
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intervals of the lower and the upper limit of agreement.

    "exact" is from the noncentral t distribution (a limit is a quantile of a normal distribution); "mover" is
    Zou's closed form and the only one for repeated sessions; the approximations of 1999 and 1986 are
    symmetric.

    References
    ----------
    Carkeet A (2015). Exact parametric confidence intervals for Bland-Altman limits of agreement.
    doi:10.1097/OPX.0000000000000513

    Zou GY (2013). Confidence interval estimation for the Bland-Altman limits of agreement with multiple
    observations per individual. doi:10.1177/0962280211402548

    Bland JM, Altman DG (1999). Measuring agreement in method comparison studies.
    doi:10.1177/096228029900800204

    Bland JM, Altman DG (1986). Statistical methods for assessing agreement between two methods of clinical
    measurement. doi:10.1016/S0140-6736(86)90837-8
    """
    lower, upper = parts.bias - multiplier * parts.sd, parts.bias + multiplier * parts.sd
    n, df = parts.n, parts.df[0]
    tail = (1 + confidence) / 2
    if interval == "exact":
        near, far = stats.nct.ppf([1 - tail, tail], df, multiplier * math.sqrt(n)) * parts.sd / math.sqrt(n)
        return (parts.bias - far, parts.bias - near), (parts.bias + near, parts.bias + far)
    if interval == "mover":
        low, high = sd_limits(parts, confidence)
        mean_part = (special.ndtri(tail) * parts.bias_error) ** 2
        inner = math.sqrt(mean_part + (multiplier * (parts.sd - low)) ** 2)
        outer = math.sqrt(mean_part + (multiplier * (high - parts.sd)) ** 2)
        return (lower - outer, lower + inner), (upper - inner, upper + outer)
    spread = 3 / n if interval == "bland-altman-1986" else 1 / n + multiplier**2 / (2 * (n - 1))
    half = float(stats.t.ppf(tail, df)) * parts.sd * math.sqrt(spread)
    return (lower - half, lower + half), (upper - half, upper + half)
