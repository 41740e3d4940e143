"""Variance components of crossed subjects and raters by restricted maximum likelihood, also with missing
ratings.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from emoclip_clinic.agreement.inputs import Floats

__all__ = ["CellSums", "VarianceComponents", "cell_sums", "fit_components", "simulate"]

# Both shares are lambda / (1 + lambda), lambda being a variance over the residual variance; 1 would be no
# residual.
_LARGEST_SHARE = 1 - 1e-10
_STARTS = np.array([[0.5, 0.1], [0.9, 0.05], [0.1, 0.3], [0.95, 0.5]])


@dataclass(frozen=True)
class CellSums:
    """What the likelihood needs, each with a leading axis of replicates (1 where shared); g is a number of
    ratings.

    ``size`` (G,) ratings of a subject; ``subjects`` (b, G); ``raters`` (b, k) ratings per rater; ``together``
    (b, G, k, k) subjects rated by both; ``squares`` (b,); ``total`` (b, k); ``subject_total``,
    ``subject_squares`` (b, G); ``rater_total`` (b, G, k) sums of subject totals over the subjects that a
    rater rated.
    """

    size: Floats
    subjects: Floats
    raters: Floats
    together: Floats
    squares: Floats
    total: Floats
    subject_total: Floats
    subject_squares: Floats
    rater_total: Floats


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of shape (b,), the shares they were fitted as (b, 2), the deviance (b,), and the kind of
    model.
    """

    subject: Floats
    rater: Floats
    residual: Floats
    shares: Floats
    deviance: Floats
    has_raters: bool


def cell_sums(ratings: Floats, weights: Floats | None = None) -> CellSums:
    """Sum ratings of shape (b, n, k) or (n, k), NaN where missing; ``weights`` (b, n) repeat subjects
    instead.

    Ratings should be centred near zero.
    """
    stacked = ratings if ratings.ndim == 3 else ratings[None]
    there = ~np.isnan(stacked[0])
    values = np.nan_to_num(stacked)
    count = there.sum(axis=1)
    size = np.unique(count[count > 0]).astype(np.float64)
    group = (count[:, None] == size).astype(np.float64)
    mask = there.astype(np.float64)
    w = np.ones((1, len(there))) if weights is None else weights
    subject_sum = values.sum(axis=2)

    def add(spec: str, *arrays: Floats) -> Floats:
        return np.asarray(np.einsum(spec, w, *arrays, optimize=True))

    return CellSums(
        size=size,
        subjects=add("bn,ng->bg", group),
        raters=add("bn,nk->bk", mask),
        together=add("bn,ng,nk,nl->bgkl", group, mask, mask),
        squares=(w * (values**2).sum(axis=2)).sum(axis=1),
        total=(w[:, :, None] * values).sum(axis=1),
        subject_total=(w * subject_sum) @ group,
        subject_squares=(w * subject_sum**2) @ group,
        rater_total=np.einsum("bn,ng,nk->bgk", w * subject_sum, group, mask, optimize=True),
    )


def _deviance(shares: npt.NDArray[np.complex128] | Floats, sums: CellSums) -> tuple[np.ndarray, np.ndarray]:
    """Return -2 log restricted likelihood (less constants) and the residual variance; analytic in ``shares``.

    With subject effects eliminated (c below), the rest is a system of one equation per rater.
    """
    s, r = shares[:, :1], shares[:, 1:]
    shrink = 1 - s + s * sums.size
    c = s / shrink
    weight = sums.size * sums.subjects
    ones = weight.sum(axis=1) - (c * sums.size * weight).sum(axis=1)
    ones_y = sums.subject_total.sum(axis=1) - (c * sums.size * sums.subject_total).sum(axis=1)
    y_y = sums.squares - (c * sums.subject_squares).sum(axis=1)
    counts = np.einsum("bgkk->bgk", sums.together)
    rater_one = sums.raters - np.einsum(
        "bg,bgk->bk", c * sums.size, np.broadcast_to(counts, (len(c), *counts.shape[1:]))
    )
    rater_y = sums.total - np.einsum("bg,bgk->bk", c, sums.rater_total)
    k = sums.raters.shape[1]
    identity = np.eye(k)
    crossed = identity * sums.raters[:, None, :] - np.einsum(
        "bg,bgkl->bkl", c, np.broadcast_to(sums.together, (len(c), *sums.together.shape[1:]))
    )
    system = (1 - r)[:, :, None] * identity + r[:, :, None] * crossed
    right = np.stack(np.broadcast_arrays(rater_one, rater_y), axis=-1)
    solved = r[:, :, None] * np.linalg.solve(system, right)
    ones = ones - (rater_one * solved[..., 0]).sum(axis=1)
    ones_y = ones_y - (rater_one * solved[..., 1]).sum(axis=1)
    y_y = y_y - (rater_y * solved[..., 1]).sum(axis=1)
    n = weight.sum(axis=1)
    residual = (y_y - ones_y**2 / ones) / (n - 1)
    logs = (
        (sums.subjects * np.log(shrink)).sum(axis=1)
        - sums.subjects.sum(axis=1) * np.log(1 - s[:, 0])
        + np.log(np.linalg.det(system))
        - k * np.log(1 - r[:, 0])
        + np.log(ones)
    )
    return (n - 1) * np.log(residual) + logs, residual


def _gradient(shares: Floats, sums: CellSums) -> Floats:
    """Derivative by a complex step, exact to rounding."""
    step = 1e-30
    columns = []
    for axis in range(2):
        moved = shares.astype(np.complex128)
        moved[:, axis] += 1j * step
        columns.append(_deviance(moved, sums)[0].imag / step)
    return np.stack(columns, axis=1)


def _hessian(shares: Floats, sums: CellSums) -> Floats:
    hessian = np.empty((len(shares), 2, 2))
    for axis in range(2):
        step = 1e-5 * (1 - shares[:, axis]) + 1e-12
        up, down = shares.copy(), shares.copy()
        up[:, axis] += step
        down[:, axis] = np.maximum(down[:, axis] - step, 0.0)
        width = (up[:, axis] - down[:, axis])[:, None]
        hessian[:, axis] = (_gradient(up, sums) - _gradient(down, sums)) / width
    return (hessian + hessian.transpose(0, 2, 1)) / 2


def _minimise(shares: Floats, sums: CellSums, *, raters: bool, steps: int) -> Floats:
    """Newton's method with the shares kept in [0, 1), for all replicates at once."""
    shares = shares.copy()
    for _ in range(steps):
        gradient, hessian = _gradient(shares, sums), _hessian(shares, sums)
        held = ((shares <= 0) & (gradient > 0)) | ((shares >= _LARGEST_SHARE) & (gradient < 0))
        held[:, 1] |= not raters
        gradient = np.where(held, 0.0, gradient)
        hessian = np.where(held[:, :, None] | held[:, None, :], np.eye(2), hessian)
        values, vectors = np.linalg.eigh(hessian)
        values = np.maximum(np.abs(values), 1e-8 * np.abs(values).max(axis=1, keepdims=True))
        direction = -np.einsum("bij,bj,bkj,bk->bi", vectors, 1 / values, vectors, gradient)
        before = _deviance(shares, sums)[0]
        allowed = 1e-13 * (np.abs(before) + 1)
        length = np.ones(len(shares))
        moved = shares
        for _ in range(30):
            moved = np.clip(shares + length[:, None] * direction, 0.0, _LARGEST_SHARE)
            worse = ~(_deviance(moved, sums)[0] <= before + allowed)
            if not worse.any():
                break
            length[worse] /= 2
        change = np.abs(moved - shares).max()
        shares = moved
        if change < 1e-14:
            break
    return shares


def fit_components(
    sums: CellSums, *, raters: bool = True, starts: Floats | None = None, steps: int = 60
) -> VarianceComponents:
    """Fit subject, rater and residual variances >= 0 to every replicate.

    Parameters
    ----------
    sums : CellSums
        One data set or many.
    raters : bool
        False leaves the rater variance out (one-way model).
    starts : ndarray of shape (s, 2), optional
        Starting shares; the best of the minima found is kept, replicate by replicate.
    steps : int
        Largest number of Newton steps.
    """
    found = [
        _fit_from(start, sums, raters=raters, steps=steps)
        for start in (_STARTS if starts is None else starts)
    ]
    return reduce(_better, found)


def _fit_from(start: Floats, sums: CellSums, *, raters: bool, steps: int) -> VarianceComponents:
    first = np.tile(start * (1.0, float(raters)), (len(sums.squares), 1))
    shares = _minimise(np.clip(first, 0.0, _LARGEST_SHARE), sums, raters=raters, steps=steps)
    deviance, residual = _deviance(shares, sums)
    ratio = shares / (1 - shares)
    return VarianceComponents(
        ratio[:, 0] * residual, ratio[:, 1] * residual, residual, shares, deviance, raters
    )


def _better(one: VarianceComponents, other: VarianceComponents) -> VarianceComponents:
    take = other.deviance < one.deviance
    return VarianceComponents(
        np.where(take, other.subject, one.subject),
        np.where(take, other.rater, one.rater),
        np.where(take, other.residual, one.residual),
        np.where(take[:, None], other.shares, one.shares),
        np.where(take, other.deviance, one.deviance),
        one.has_raters,
    )


def simulate(
    fitted: VarianceComponents,
    present: npt.NDArray[np.bool_],
    *,
    n_resamples: int,
    generator: np.random.Generator,
) -> Floats:
    """Draw ratings (n_resamples, n, k) from the fitted model with the same cells missing."""
    n, k = present.shape
    subject = generator.standard_normal((n_resamples, n, 1)) * np.sqrt(fitted.subject[0])
    rater = generator.standard_normal((n_resamples, 1, k)) * np.sqrt(fitted.rater[0])
    noise = generator.standard_normal((n_resamples, n, k)) * np.sqrt(fitted.residual[0])
    return np.where(present, subject + rater + noise, np.nan)
