"""Draw clusters with replacement and turn the resampled statistics into intervals."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from emoclip_clinic.agreement.inputs import Floats

__all__ = ["BootstrapInterval", "bootstrap_name", "count_blocks", "jackknife_counts", "limits", "two_sided_p"]

BootstrapInterval = Literal["percentile", "bca"]

# A block of weights and its products stay within some 100 MB whatever the number of participants.
_BLOCK_CELLS = 2_000_000


def count_blocks(n_clusters: int, n_resamples: int, *, width: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of shape (b, n_clusters): how often each cluster was drawn in each resample.

    ``width`` is the largest number of columns that the caller derives from a row of weights.
    """
    generator = np.random.default_rng(seed)
    per_block = max(1, _BLOCK_CELLS // max(width, n_clusters, 1))
    done = 0
    while done < n_resamples:
        size = min(per_block, n_resamples - done)
        drawn = generator.integers(0, n_clusters, size=(size, n_clusters))
        drawn += n_clusters * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_clusters).reshape(size, n_clusters)
        yield counts.astype(np.float64)
        done += size


def jackknife_counts(n_clusters: int) -> Floats:
    """Weights of shape (n_clusters, n_clusters) that leave out one cluster each."""
    return 1.0 - np.eye(n_clusters)


def bootstrap_name(interval: BootstrapInterval, n_resamples: int, *, clustered: bool) -> str:
    """Compose the ``ci_method`` of a bootstrap interval."""
    unit = "cluster bootstrap" if clustered else "bootstrap"
    return f"{unit}, {'BCa' if interval == 'bca' else 'percentile'}, {n_resamples} resamples"


def limits(
    draws: Floats,
    estimate: float,
    *,
    confidence: float,
    interval: BootstrapInterval = "percentile",
    jackknife: Floats | None = None,
) -> tuple[float, float, str]:
    """Return the interval of one statistic and a flag about undefined resamples.

    Parameters
    ----------
    draws : ndarray of shape (n_resamples,)
        The statistic in each resample; NaN where it is not defined.
    estimate : float
        The statistic in the data.
    confidence : float
        Level of the interval, between 0 and 1.
    interval : {"percentile", "bca"}
        BCa corrects the percentiles for bias and skewness (Efron 1987).
    jackknife : ndarray of shape (n_clusters,), optional
        The statistic with one cluster left out; needed for BCa.

    References
    ----------
    Efron B (1987). Better bootstrap confidence intervals. doi:10.1080/01621459.1987.10478410
    """
    finite = draws[np.isfinite(draws)]
    undefined = draws.size - finite.size
    flag = f"undefined in {undefined} of {draws.size} resamples" if undefined else ""
    if not np.isfinite(estimate) or finite.size < 2:
        return np.nan, np.nan, ""
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if np.ptp(finite) == 0:
        return float(finite[0]), float(finite[0]), flag
    if interval == "bca":
        tails = _bca_tails(finite, estimate, tails, jackknife)
        if not np.isfinite(tails).all():
            return np.nan, np.nan, "BCa interval not defined: estimate at the edge of its resamples"
    low, high = np.quantile(finite, tails)
    return float(low), float(high), flag


def _bca_tails(draws: Floats, estimate: float, tails: Floats, jackknife: Floats | None) -> Floats:
    """Efron's corrected tail probabilities; ties with the estimate count half."""
    below = (np.count_nonzero(draws < estimate) + 0.5 * np.count_nonzero(draws == estimate)) / draws.size
    bias = special.ndtri(below)
    left_out = np.array([]) if jackknife is None else jackknife[np.isfinite(jackknife)]
    deviation = left_out.mean() - left_out if left_out.size else left_out
    spread = float((deviation**2).sum())
    acceleration = float((deviation**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    shifted = bias + special.ndtri(tails)
    corrected: Floats = special.ndtr(bias + shifted / (1 - acceleration * shifted))
    return corrected


def two_sided_p(draws: Floats) -> float:
    """Two-sided bootstrap p of "no difference": twice the smaller share on one side of zero, never below
    1/(B+1).
    """
    finite = draws[np.isfinite(draws)]
    if finite.size == 0:
        return float("nan")
    smaller = min(np.count_nonzero(finite <= 0), np.count_nonzero(finite >= 0))
    return min(1.0, 2 * (smaller + 1) / (finite.size + 1))


def group_sums(values: npt.NDArray[np.float64], codes: npt.NDArray[np.intp], n_groups: int) -> Floats:
    """Sum the rows of ``values`` (n, ...) within groups, giving (n_groups, ...)."""
    sums = np.zeros((n_groups, *values.shape[1:]))
    np.add.at(sums, codes, values)
    return sums
