"""Raters and a model on the same target: each is compared with the mean of the other raters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.inputs import (
    Floats,
    Values,
    as_matrix,
    check_confidence,
    check_index,
    cluster_codes,
    rater_matrix,
)
from emoclip_clinic.agreement.moments import MOMENT_STATISTICS, MomentSums
from emoclip_clinic.agreement.resampling import bootstrap_name, count_blocks, limits
from emoclip_clinic.agreement.results import CONSTANT, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["HUMAN_STATISTICS", "HumanStatistic", "human_and_model"]

HumanStatistic = Literal["Pearson r", "CCC", "ICC(A,1)", "MAE"]
HUMAN_STATISTICS: tuple[HumanStatistic, ...] = ("Pearson r", "CCC", "ICC(A,1)", "MAE")
"""Statistics of the comparison. Of MAE less is better, of all others more."""


def human_and_model(
    table: pd.DataFrame | npt.ArrayLike,
    prediction: Values | pd.DataFrame | None = None,
    *,
    cluster: Values | None = None,
    statistics: Sequence[HumanStatistic] = HUMAN_STATISTICS,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare each rater, and the model in this rater's place, with the mean of the other raters.

    =================  ===================================================================================
    mean pairwise ...  mean over all pairs of raters, each on the subjects that both rated
    human, ...         rater j with the mean of the other raters, averaged over j
    model, ...         the model with the mean of the other raters, on the same subjects, averaged over j
    model - human ...  the difference of the two, from the same resamples
    =================  ===================================================================================

    The target of rater j is the mean of those others who rated the subject. It is the same for rater and
    model: neither profits from a target that holds its own errors, or that more raters made.

    Parameters
    ----------
    table : DataFrame or array-like of shape (subjects, raters)
        NaN where a rater did not rate. Leave a consensus out: it is no independent rater.
    prediction : array-like of shape (subjects,) or (subjects, repeats), optional
        The model's predictions. With repeated folds a statistic is computed within each repeat, then
        averaged.
    cluster : array-like of shape (subjects,), optional
        Participant of each subject.
    statistics : sequence of {"Pearson r", "CCC", "ICC(A,1)", "MAE"}
        What is compared.
    confidence : float
        Level of the two-sided intervals.
    n_resamples : int
        Bootstrap resamples of participants; 0 leaves intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        For each statistic the rows of the table above, those of the model only with predictions.
        Participants are resampled, raters are held fixed: the intervals are about these raters. p is not
        given, since a difference that is not significant shows no equality. A rater whose statistic is not
        defined leaves the averages of human and model alike and is named in the flag.

    Raises
    ------
    AgreementError
        If shapes differ, a cluster label is missing, or a statistic is unknown.

    Notes
    -----
    Two raters of equal quality agree with each other at the ICC itself. A model without error would agree
    with one of them at the root of the ICC (see :func:`reliability_ceiling`), so that a model above the mean
    pairwise agreement of raters is not superhuman.
    """
    check_confidence(confidence)
    for name in statistics:
        if name not in HUMAN_STATISTICS:
            raise AgreementError("Unknown statistic", found=name, hint=did_you_mean(name, HUMAN_STATISTICS))
    panel = _Panel.build(table, prediction, cluster)
    parts = panel.parts()
    titles = _titles(statistics, model=prediction is not None)
    reason = panel.reason
    if reason:
        n, n_clusters = len(panel.ratings), panel.n_clusters
        return to_frame(
            Row(title, n, n_clusters, math.nan, flag=join_flags(reason, panel.flag)) for title in titles
        )
    ones = np.ones((1, panel.n_clusters))
    single = {name: part.values(ones, statistics)[0] for name, part in parts.items()}
    kept = _kept(single)
    estimate = _averages({name: values[None] for name, values in single.items()}, kept)
    draws = {name: np.full((0, len(statistics)), np.nan) for name in estimate}
    if n_resamples and panel.n_clusters >= 2:
        width = max(part.width for part in parts.values())
        blocks = []
        for weights in count_blocks(panel.n_clusters, n_resamples, width=width, seed=seed):
            values = {name: part.values(weights, statistics) for name, part in parts.items()}
            blocks.append(_averages(values, kept))
        draws = {name: np.concatenate([block[name] for block in blocks]) for name in estimate}
    rows = []
    for title, (kind, place) in titles.items():
        part = parts["pairwise" if kind == "pairwise" else "human"]
        rows.append(
            _row(
                title,
                float(estimate[kind][0, place]),
                draws[kind][:, place],
                part,
                panel,
                kept["pairwise" if kind == "pairwise" else "beside"][place],
                confidence,
            )
        )
    return to_frame(rows)


def _titles(statistics: Sequence[HumanStatistic], *, model: bool) -> dict[str, tuple[str, int]]:
    """Names of the rows, with kind and place of each."""
    titles = {}
    for place, name in enumerate(statistics):
        titles[f"mean pairwise {name}"] = ("pairwise", place)
        titles[f"human, {name}"] = ("human", place)
        if model:
            titles[f"model, {name}"] = ("model", place)
            titles[f"model - human, {name}"] = ("difference", place)
    return titles


@dataclass(frozen=True)
class _Part:
    """Columns of which a statistic is averaged: pairs of raters, or raters beside the others."""

    sums: tuple[MomentSums, ...]
    labels: tuple[str, ...]
    n: int
    n_clusters: int

    @property
    def width(self) -> int:
        return int(self.sums[0].width)

    def values(self, weights: Floats, statistics: Sequence[str]) -> Floats:
        """Statistics of resamples (b, n_clusters), averaged over repeats: (b, statistics, columns)."""
        found = []
        for one in self.sums:
            totals = one.totals(weights)
            with np.errstate(divide="ignore", invalid="ignore"):
                found.append(np.stack([MOMENT_STATISTICS[name](totals) for name in statistics], axis=1))
        return np.asarray(np.mean(found, axis=0))


@dataclass(frozen=True)
class _Panel:
    """Ratings (n, raters), predictions (n, repeats) or None, and the participant of each subject."""

    ratings: Floats
    predictions: Floats | None
    codes: npt.NDArray[np.intp]
    n_clusters: int
    raters: tuple[str, ...]
    flag: str

    @classmethod
    def build(
        cls,
        table: pd.DataFrame | npt.ArrayLike,
        prediction: Values | pd.DataFrame | None,
        cluster: Values | None,
    ) -> "_Panel":
        check_index(
            [one for one in (table, prediction, cluster) if isinstance(one, pd.DataFrame | pd.Series)]
        )
        ratings, flag = rater_matrix(table)
        predictions = None if prediction is None else as_matrix(prediction, "prediction")
        if predictions is not None and len(predictions) != len(ratings):
            raise AgreementError(
                "There must be one prediction per subject",
                found=f"{len(predictions)} predictions, {len(ratings)} subjects",
            )
        keep = np.asarray((~np.isnan(ratings)).sum(axis=1) >= 2)
        if cluster is None:
            codes, n_clusters = np.arange(int(keep.sum())), int(keep.sum())
        else:
            codes, n_clusters = cluster_codes(cluster, keep)
        names = table.columns if isinstance(table, pd.DataFrame) else range(1, ratings.shape[1] + 1)
        if predictions is not None:
            finite = np.asarray(np.isfinite(predictions).all(axis=1, keepdims=True))
            predictions = np.where(finite, predictions, np.nan)[keep]
        return cls(ratings[keep], predictions, codes, n_clusters, tuple(map(str, names)), _without(flag))

    @property
    def reason(self) -> str:
        """Why nothing can be compared, empty if something may be."""
        if len(self.raters) < 2:
            return "single rater"
        return "" if len(self.ratings) else "no subject has two ratings"

    def parts(self) -> dict[str, _Part]:
        """The columns of each comparison."""
        if self.reason:
            return {}
        pairs = list(combinations(range(len(self.raters)), 2))
        first, second = (self.ratings[:, [pair[side] for pair in pairs]] for side in (0, 1))
        there = np.isfinite(first) & np.isfinite(second)
        labels = tuple(f"{self.raters[a]} and {self.raters[b]}" for a, b in pairs)
        parts = {"pairwise": self._part(np.where(there, first, np.nan), [second], labels)}
        others, own = self._others()
        if self.predictions is None:
            return parts | {"human": self._part(others, [own], self.raters)}
        others = np.where(np.isfinite(self.predictions[:, :1]), others, np.nan)
        repeats = [np.where(np.isfinite(others), column[:, None], np.nan) for column in self.predictions.T]
        return parts | {
            "human": self._part(others, [own], self.raters),
            "model": self._part(others, repeats, self.raters),
        }

    def _others(self) -> tuple[Floats, Floats]:
        """For each rater the mean of the others, and the own rating, where there are both."""
        present = np.isfinite(self.ratings)
        values = np.where(present, self.ratings, 0.0)
        n_others = present.sum(axis=1, keepdims=True) - present
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (values.sum(axis=1, keepdims=True) - values) / n_others
        there = present & (n_others > 0)
        return np.where(there, mean, np.nan), np.where(there, self.ratings, np.nan)

    def _part(self, rating: Floats, predictions: Sequence[Floats], labels: tuple[str, ...]) -> _Part:
        used = np.isfinite(rating).any(axis=1)
        return _Part(
            tuple(
                MomentSums(
                    rating,
                    prediction,
                    codes=self.codes,
                    n_clusters=self.n_clusters,
                    rounded=None,
                    baseline=None,
                    within=1.0,
                )
                for prediction in predictions
            ),
            labels,
            int(used.sum()),
            np.unique(self.codes[used]).size,
        )


def _without(flag: str) -> str:
    """Drop the flag of a constant rater: each statistic says itself where that matters."""
    return join_flags(*(part for part in flag.split("; ") if part != CONSTANT))


def _kept(single: dict[str, Floats]) -> dict[str, npt.NDArray[np.bool_]]:
    """Which columns enter the averages of each statistic; the same raters for human and model."""
    beside = np.isfinite(single["human"])
    if "model" in single:
        beside &= np.isfinite(single["model"])
    return {"pairwise": np.isfinite(single["pairwise"]), "beside": beside}


def _averages(values: dict[str, Floats], kept: dict[str, npt.NDArray[np.bool_]]) -> dict[str, Floats]:
    """Means over the kept columns (b, statistics), and model less human; NaN where a kept one is NaN."""
    found = {}
    for name, one in values.items():
        chosen = kept["pairwise" if name == "pairwise" else "beside"]
        n = chosen.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[name] = np.where(chosen, one, 0.0).sum(axis=2) / np.where(n > 0, n, np.nan)
    if "model" in found:
        found["difference"] = found["model"] - found["human"]
    return found


def _row(
    title: str,
    estimate: float,
    draws: Floats,
    part: _Part,
    panel: _Panel,
    kept: npt.NDArray[np.bool_],
    confidence: float,
) -> Row:
    left_out = [label for label, one in zip(part.labels, kept, strict=True) if not one]
    names = ", ".join(left_out)
    if math.isnan(estimate):
        why = "too few shared subjects, or constant ratings or predictions"
        return Row(title, part.n, part.n_clusters, estimate, flag=join_flags(why, panel.flag))
    low, high, flag = limits(draws, estimate, confidence=confidence)
    method = "raters fixed, " + bootstrap_name("percentile", draws.size, clustered=part.n > part.n_clusters)
    return Row(
        title,
        part.n,
        part.n_clusters,
        estimate,
        low,
        high,
        "" if math.isnan(low) else method,
        flag=join_flags(flag, f"not defined and left out: {names}" if names else "", panel.flag),
    )
