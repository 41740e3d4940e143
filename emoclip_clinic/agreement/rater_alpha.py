"""Krippendorff's alpha for any number of raters, levels of measurement and missing ratings."""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.inputs import Floats, Values, check_confidence, cluster_codes, rater_matrix
from emoclip_clinic.agreement.resampling import (
    BootstrapInterval,
    bootstrap_name,
    count_blocks,
    group_sums,
    jackknife_counts,
    limits,
)
from emoclip_clinic.agreement.results import CONSTANT, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["krippendorff_alpha"]

Level = Literal["nominal", "ordinal", "interval", "ratio"]
_LEVELS = ("nominal", "ordinal", "interval", "ratio")


def krippendorff_alpha(
    table: pd.DataFrame | npt.ArrayLike,
    *,
    level: Level = "interval",
    cluster: Values | None = None,
    confidence: float = 0.95,
    convention: Literal["krippendorff", "irr"] = "krippendorff",
    interval: BootstrapInterval = "percentile",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Krippendorff's alpha, 1 - observed / expected disagreement among pairable ratings, as irr's
    ``kripp.alpha``.

    Parameters
    ----------
    table : DataFrame or array-like of shape (subjects, raters)
        NaN where a rater did not rate. Subjects with fewer than two ratings are left out: nothing pairs with
        them.
    level : {"nominal", "ordinal", "interval", "ratio"}
        Disagreement of two ratings: different or not; squared difference of ranks among all ratings; of
        values; or of values over their sum. The default is "interval", as most published alphas of sum
        scores; items of few steps are ordinal. "ratio" is meant for a true zero: with negative values the
        formula still gives a number, flagged.
    cluster : array-like of shape (subjects,), optional
        Participant of each subject (session).
    confidence : float
        Level of the interval.
    convention : {"krippendorff", "irr"}
        irr 0.84.1 does not divide the pairs of a subject by its number of ratings less one when *no* cell of
        the table is missing, so that with more than two raters alpha jumps when a single rating is lost.
        "irr" gives that value; the default follows Krippendorff, as irr itself does as soon as a cell is
        missing.
    interval : {"percentile", "bca"}
        Bootstrap over subjects, or over participants if ``cluster`` is given. Krippendorff's own bootstrap
        draws disagreements of pairs as if they were independent and is narrower.
    n_resamples : int
        Bootstrap resamples; 0 leaves the interval out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row. If all ratings are equal alpha is 0/0: NaN (some programs say 1).

    Raises
    ------
    AgreementError
        If the table is not numeric, a cluster label is missing, or the level is unknown.

    References
    ----------
    Krippendorff K (2011). Computing Krippendorff's alpha-reliability.
    https://repository.upenn.edu/asc_papers/43
    """
    check_confidence(confidence)
    if level not in _LEVELS:
        raise AgreementError("Unknown level of measurement", found=level, hint=did_you_mean(level, _LEVELS))
    matrix, flag = rater_matrix(table)
    keep = (~np.isnan(matrix)).sum(axis=1) >= 2
    used = matrix[keep]
    if cluster is None:
        codes, n_clusters = np.arange(len(used)), len(used)
    else:
        codes, n_clusters = cluster_codes(cluster, keep)
    name = f"Krippendorff's alpha ({level})"
    if convention not in ("krippendorff", "irr"):
        raise AgreementError("convention must be 'krippendorff' or 'irr'", found=convention)
    if level == "ratio" and len(used) and np.nanmin(used) < 0:
        flag = join_flags("negative values on a ratio level", flag)
    reason = _reason(matrix, used, level)
    if reason:
        return to_frame([Row(name, len(used), n_clusters, math.nan, flag=join_flags(reason, flag))])
    pairs_of_irr = convention == "irr" and not np.isnan(matrix).any()
    sums = _AlphaSums(used, codes, n_clusters, level, 1 / (matrix.shape[1] - 1) if pairs_of_irr else 1.0)
    estimate = float(sums.alpha(np.ones((1, n_clusters)))[0])
    low = high = math.nan
    method = note = ""
    if n_resamples and n_clusters >= 2:
        draws = np.concatenate(
            [sums.alpha(w) for w in count_blocks(n_clusters, n_resamples, width=sums.width, seed=seed)]
        )
        left_out = sums.alpha(jackknife_counts(n_clusters)) if interval == "bca" else None
        low, high, note = limits(
            draws, estimate, confidence=confidence, interval=interval, jackknife=left_out
        )
        method = (
            "" if math.isnan(low) else bootstrap_name(interval, n_resamples, clustered=n_clusters < len(used))
        )
    return to_frame(
        [Row(name, len(used), n_clusters, estimate, low, high, method, flag=join_flags(note, flag))]
    )


def _reason(matrix: Floats, used: Floats, level: Level) -> str:
    """Why alpha is not defined, empty if it is."""
    if np.isnan(matrix).all():
        return "all missing"
    if matrix.shape[1] < 2:
        return "single rater"
    if not len(used):
        return "no subject has two ratings"
    values = used[~np.isnan(used)]
    if np.ptp(values) == 0:
        return f"{CONSTANT}: all ratings equal"
    opposite = level == "ratio" and np.isin(values[values < 0], -values).any()
    return "ratio of two opposite values" if opposite else ""


class _AlphaSums:
    """Per-cluster sums from which alpha of any resample follows; ``correction`` is subtracted from the
    ratings' number.
    """

    def __init__(
        self, matrix: Floats, codes: npt.NDArray[np.intp], n_clusters: int, level: Level, correction: float
    ) -> None:
        there = ~np.isnan(matrix)
        self._level, self._correction = level, correction
        self._values, places = np.unique(matrix[there], return_inverse=True)
        subject = np.nonzero(there)[0]
        size = there.sum(axis=1).astype(np.float64)
        counts = np.zeros((len(matrix), self._values.size))
        np.add.at(counts, (subject, places), 1.0)
        self._counts = group_sums(counts, codes, n_clusters)
        self._codes, self._subject_counts, self._size = codes, counts, size
        if level != "ordinal":
            self._distance = _distances(self._values, level)
            within = np.einsum("si,ij,sj->s", counts, self._distance, counts, optimize=True) / (size - 1)
            self._observed = group_sums(within, codes, n_clusters)
        self.width = max(counts.size, self._values.size)

    def alpha(self, weights: Floats) -> Floats:
        """Alpha of resamples with cluster weights (b, n_clusters)."""
        counts = weights @ self._counts
        n = counts.sum(axis=1)
        if self._level == "ordinal":
            observed, expected = self._ordinal(weights, counts)
        else:
            observed = weights @ self._observed
            expected = ((counts @ self._distance) * counts).sum(axis=1)
        varied = (counts > 0).sum(axis=1) > 1
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(varied & (expected > 0), 1 - (n - self._correction) * observed / expected, np.nan)

    def _ordinal(self, weights: Floats, counts: Floats) -> tuple[Floats, Floats]:
        """The ordinal distance of two values is the difference of their midranks in the resample."""
        ranks = np.cumsum(counts, axis=1) - counts / 2
        n = counts.sum(axis=1)
        ranks -= n[:, None] / 2
        expected = 2 * (n * (counts * ranks**2).sum(axis=1) - (counts * ranks).sum(axis=1) ** 2)
        # For each subject: sum over its pairs of squared rank differences, over its number of ratings less
        # one.
        squares = ranks**2 @ (self._subject_counts * (self._size / (self._size - 1))[:, None]).T
        totals = (ranks @ self._subject_counts.T) ** 2 / (self._size - 1)
        observed = np.einsum("bs,bs->b", weights[:, self._codes], 2 * (squares - totals))
        return observed, expected


def _distances(values: Floats, level: Level) -> Floats:
    difference = values[:, None] - values
    if level == "nominal":
        return np.asarray(difference != 0, dtype=np.float64)
    if level == "interval":
        squared: Floats = difference**2
        return squared
    total = values[:, None] + values
    relative: Floats = difference / np.where(total != 0, total, 1.0)
    return np.asarray(relative**2)
