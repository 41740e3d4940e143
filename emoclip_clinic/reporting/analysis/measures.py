"""Statistics of one model's predictions of many items as functions of how often each participant was drawn.

With repeated folds every statistic is computed within each repetition, then averaged: averaged predictions
would be an ensemble that nobody asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.moments import MOMENT_STATISTICS, MomentSums, Totals
from emoclip_clinic.agreement.resampling import count_blocks
from emoclip_clinic.agreement.weighted import WeightedStatistics

__all__ = ["KAPPA", "WITHIN", "WITHIN_GROUPS", "Measures", "resample_weights", "resampled_values"]

Floats = NDArray[np.float64]

WITHIN = 1.0
"""Largest absolute error, in points, that counts as agreement."""

WITHIN_GROUPS = "Pearson r within groups"
KAPPA = "quadratic weighted kappa"
_SPEARMAN = "Spearman rho"
_ROUNDED = ("share within, rounded", KAPPA)

# Totals of so many cells at once stay within some 100 MB.
_BLOCK_CELLS = 400_000


class Measures:
    """Named statistics of a model, of all items at once.

    Parameters
    ----------
    Y : ndarray of shape (n_sessions, n_items)
        Ratings; NaN where missing.
    predictions : ndarray of shape (n_repeats, n_sessions, n_items)
    codes : ndarray of int, shape (n_sessions,)
        Participant of each session, 0..n_participants-1.
    n_participants : int
    names : sequence of str
        Names of :data:`emoclip_clinic.agreement.STATISTICS`, or :data:`WITHIN_GROUPS`.
    baseline : ndarray, shaped as `predictions`, optional
        Predictions of the mean predictor, for "skill".
    steps : sequence of ndarray or None, one for each item, optional
        All values of the item's scale, for statistics of rounded predictions; None where there are none.
    group : ndarray of shape (n_sessions,), optional
        Diagnostic group, None where unknown, for :data:`WITHIN_GROUPS`.

    Notes
    -----
    A session counts if it is rated and predicted in every repetition. The kappa is that of the rating and
    the prediction, both moved half up to the steps of the scale: a rating that is a mean of raters may lie
    between two.
    """

    def __init__(
        self,
        Y: Floats,
        predictions: Floats,
        *,
        codes: NDArray[np.intp],
        n_participants: int,
        names: Sequence[str],
        baseline: Floats | None = None,
        steps: Sequence[Floats | None] | None = None,
        group: NDArray[np.object_] | None = None,
    ) -> None:
        self.names = tuple(names)
        self.n_participants = n_participants
        present = np.isfinite(Y) & np.isfinite(predictions).all(axis=0)
        if baseline is not None:
            present &= np.isfinite(baseline).all(axis=0)
        self.present: NDArray[np.bool_] = present
        self.rating: Floats = np.where(present, Y, np.nan)
        self.predictions: Floats = np.where(present, predictions, np.nan)
        self.steps = list(steps) if steps is not None else [None] * Y.shape[1]
        self.group = group
        self._codes = codes
        self._parts = [
            self._of_repeat(own, None if baseline is None else np.where(present, baseline[repeat], np.nan))
            for repeat, own in enumerate(self.predictions)
        ]
        self.width = max(1, Y.shape[1]) * (1 if group is None else 1 + len(_levels(group)))

    def evaluate(self, weights: Floats) -> Floats:
        """Return the statistics of resamples with weights (b, n_participants): (b, names, items)."""
        found: Floats = np.zeros((len(weights), len(self.names), self.rating.shape[1]))
        for part in self._parts:
            values = part(weights)
            for place, name in enumerate(self.names):
                found[:, place] += values[name]
        return np.asarray(found / len(self._parts))

    def estimate(self) -> Floats:
        """Return the statistics of the data themselves: (names, items)."""
        values: Floats = self.evaluate(np.ones((1, self.n_participants)))[0]
        return values

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sessions and participants of each item."""
        people = [np.unique(self._codes[column]).size for column in self.present.T]
        return self.present.sum(axis=0), np.array(people, dtype=np.int64)

    def is_constant(self, column: int, *, rounded: bool) -> bool:
        """Whether an item's ratings do not vary, or its predictions in no repetition."""
        pairs = [self.rating[:, [column]], *self.predictions[:, :, [column]]]
        if rounded:
            pairs = [_moved(values, self.steps[column : column + 1]) for values in pairs]
        rating, *predictions = (bool(np.nanmin(one) == np.nanmax(one)) for one in pairs)
        return rating or all(predictions)

    def _of_repeat(self, own: Floats, baseline: Floats | None) -> Callable[[Floats], dict[str, Floats]]:
        without = np.array([one is None for one in self.steps], dtype=bool)
        rounded = _moved(own, self.steps)
        moments = self._sums(self.rating, own, rounded=np.where(without, 0.0, rounded), baseline=baseline)
        kappa = self._sums(_moved(self.rating, self.steps), rounded)
        groups = _levels(self.group) if WITHIN_GROUPS in self.names and self.group is not None else []
        inside = [
            self._sums(*(_only(one, np.asarray(self.group == level)) for one in (self.rating, own)))
            for level in groups
        ]
        ranks = None
        if _SPEARMAN in self.names:
            ranks = WeightedStatistics(
                self.rating, own, names=[_SPEARMAN], codes=self._codes, n_clusters=self.n_participants
            )

        def values(weights: Floats) -> dict[str, Floats]:
            totals = moments.totals(weights)
            nothing = np.full(totals["n"].shape, np.nan)
            found: dict[str, Floats] = {}
            with np.errstate(divide="ignore", invalid="ignore"):
                for name in self.names:
                    if name == WITHIN_GROUPS:
                        found[name] = _pooled_within([one.totals(weights) for one in inside], nothing)
                    elif name == KAPPA:
                        found[name] = np.where(
                            without, np.nan, MOMENT_STATISTICS["CCC"](kappa.totals(weights))
                        )
                    elif name == _SPEARMAN and ranks is not None:
                        found[name] = ranks.evaluate(weights)[:, 0]
                    else:
                        found[name] = MOMENT_STATISTICS[name](totals)
                    if name in _ROUNDED:
                        found[name] = np.where(without, np.nan, found[name])
                    if name == "skill":  # constant ratings leave nothing to explain
                        found[name] = np.where(totals["xx"] > 0, found[name], np.nan)
            return found

        return values

    def _sums(
        self,
        rating: Floats,
        prediction: Floats,
        *,
        rounded: Floats | None = None,
        baseline: Floats | None = None,
    ) -> MomentSums:
        return MomentSums(
            rating,
            prediction,
            codes=self._codes,
            n_clusters=self.n_participants,
            rounded=rounded,
            baseline=baseline,
            within=WITHIN,
        )


def resample_weights(n_participants: int, *, n_resamples: int, seed: int) -> Floats:
    """Draw participants with replacement: how often each was drawn, (n_resamples, n_participants).

    One drawing serves all models and items, so that their differences are paired.
    """
    if n_participants == 0:
        return np.zeros((n_resamples, 0))
    blocks = count_blocks(n_participants, n_resamples, width=n_participants, seed=seed)
    return np.concatenate(list(blocks))


def resampled_values(
    measures: Measures, weights: Floats, *, progress: Callable[[int], None] | None = None
) -> Floats:
    """Return the statistics in every resample, (n_resamples, names, items)."""
    size = max(1, _BLOCK_CELLS // measures.width)
    parts = []
    for start in range(0, len(weights), size):
        parts.append(measures.evaluate(weights[start : start + size]))
        if progress is not None:
            progress(len(parts[-1]))
    return np.concatenate(parts)


def _pooled_within(totals: Sequence[Totals], nothing: Floats) -> Floats:
    """Pearson r of what deviates from the means of groups, which every resample takes anew."""
    if len(totals) < 2:
        return nothing
    n = sum(one["n"] for one in totals)
    xy, xx, yy = (sum(np.nan_to_num(one[name]) for one in totals) for name in ("xy", "xx", "yy"))
    r = np.where((xx > 0) & (yy > 0), xy / np.sqrt(xx * yy), np.nan)
    return np.where(n >= 3, np.clip(r, -1.0, 1.0), np.nan)


def _levels(group: NDArray[np.object_]) -> list[str]:
    return sorted({str(one) for one in group if one is not None})


def _only(values: Floats, rows: NDArray[np.bool_]) -> Floats:
    return np.where(rows[:, None], values, np.nan)


def _moved(values: Floats, steps: Sequence[Floats | None]) -> Floats:
    """Values moved half up to the steps of their item; NaN where there are none."""
    columns = [
        np.full(len(values), np.nan) if one is None else to_categories(column, one.tolist())
        for column, one in zip(values.T, steps, strict=True)
    ]
    return np.column_stack(columns) if columns else values
