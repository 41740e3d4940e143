"""How well zero-shot readings find known labels: recall per class, UAR, WAR, confusion, and intervals.

UAR is the mean of the recalls of the classes that occur (unweighted average recall); WAR weighs them by their
numbers of clips, and so is the share of clips that are right (weighted average recall, accuracy).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import ZeroShotError, did_you_mean

__all__ = ["RECALL_COLUMNS", "Recall", "class_recall", "top_class"]

RECALL_COLUMNS: dict[str, str] = {
    "measure": "UAR, WAR, or recall of a class.",
    "class": "The class; missing for UAR and WAR.",
    "n": "Clips on which it rests.",
    "estimate": "From 0 to 1.",
    "ci_low": "Lower limit.",
    "ci_high": "Upper limit.",
    "ci_method": "How the interval was made.",
    "chance": "What choosing a class at random gives: 1 / number of classes.",
}
"""Columns of the table of recalls, with their meanings."""


@dataclass(frozen=True)
class Recall:
    """What an evaluation found.

    Parameters
    ----------
    table : DataFrame
        See :data:`RECALL_COLUMNS`.
    confusion : DataFrame of shape (K, K)
        Clips, labels in rows and readings in columns, named by class.
    """

    table: pd.DataFrame
    confusion: pd.DataFrame


def top_class(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Choose the class of the highest score.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        Similarities or probabilities. Ties go to the class that is listed first.

    Returns
    -------
    ndarray of shape (N,)
        Index of a class.
    """
    chosen: NDArray[np.intp] = np.argmax(scores, axis=1)
    return chosen


def class_recall(
    labels: Sequence[str],
    predicted: NDArray[np.integer],
    class_ids: Sequence[str],
    *,
    sources: Sequence[str] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Recall:
    """Compute recall per class, UAR and WAR with percentile bootstrap intervals.

    Parameters
    ----------
    labels : sequence of str, length N
        The class of each clip.
    predicted : ndarray of shape (N,)
        Index of the class that was chosen.
    class_ids : sequence of str, length K
        The classes.
    sources : sequence of str, length N, optional
        Person or source of each clip: these are resampled, with all of their clips. By default clips are.
    confidence : float
        Of the intervals.
    resamples : int
        Bootstrap samples. In each, UAR is the mean over the classes that occur in it.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Recall
        Measures and confusion.

    Raises
    ------
    ZeroShotError
        If a label is no class, there are no clips, or all clips have one class only.
    """
    ids = list(class_ids)
    if not len(labels):
        raise ZeroShotError("An evaluation needs labelled clips", found="none")
    unknown = sorted(set(labels) - set(ids))
    if unknown:
        raise ZeroShotError(
            "Every label must be a class of the set",
            found=", ".join(unknown),
            hint=did_you_mean(unknown[0], ids),
        )
    if len(set(labels)) < 2:
        raise ZeroShotError(
            "An evaluation needs clips of at least two classes",
            found=f"only {labels[0]}",
            hint="With one class every model that always says its name is right.",
        )
    truth = np.array([ids.index(label) for label in labels])
    chosen = np.asarray(predicted)
    cells = truth * len(ids) + chosen
    groups = pd.factorize(np.asarray(sources if sources is not None else np.arange(len(truth))))[0]
    by_source = np.zeros((int(groups.max()) + 1, len(ids) ** 2))
    np.add.at(by_source, (groups, cells), 1.0)
    confusion = by_source.sum(axis=0).reshape(len(ids), len(ids))
    estimates = _measures(confusion[None])[0]
    low, high = _percentile_limits(by_source, len(ids), confidence, resamples, seed)
    n_sources = len(by_source)
    unit = "clips" if sources is None else "sources"
    method = f"percentile bootstrap over {n_sources} {unit}, {resamples} samples, predictions held fixed"
    counts = confusion.sum(axis=1).astype(int)
    table = pd.DataFrame(
        {
            "measure": ["UAR", "WAR", *["recall"] * len(ids)],
            "class": [None, None, *ids],
            "n": [len(truth), len(truth), *counts],
            "estimate": estimates,
            "ci_low": low if n_sources > 1 else np.nan,
            "ci_high": high if n_sources > 1 else np.nan,
            "ci_method": method if n_sources > 1 else "none: one source only",
            "chance": 1 / len(ids),
        },
        columns=list(RECALL_COLUMNS),
    )
    return Recall(table, pd.DataFrame(confusion.astype(int), index=ids, columns=ids))


def _measures(confusions: NDArray[np.float64]) -> NDArray[np.float64]:
    """UAR, WAR and recalls of confusion matrices of shape (B, K, K); recall of an absent class is NaN."""
    totals = confusions.sum(axis=2)
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    recalls = np.divide(hits, totals, out=np.full_like(hits, np.nan), where=totals > 0)
    occurring = (totals > 0).sum(axis=1)
    uar = np.nansum(recalls, axis=1) / occurring
    war = hits.sum(axis=1) / totals.sum(axis=1)
    measures: NDArray[np.float64] = np.concatenate([uar[:, None], war[:, None], recalls], axis=1)
    return measures


def _percentile_limits(
    by_source: NDArray[np.float64], n_classes: int, confidence: float, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    n = len(by_source)
    draws = np.empty((resamples, n_classes + 2))
    for start in range(0, resamples, 256):  # a block of weights at a time, whatever the number of clips
        block = min(256, resamples - start)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=block).astype(np.float64)
        draws[start : start + block] = _measures((weights @ by_source).reshape(block, n_classes, n_classes))
    tail = (1 - confidence) / 2
    low, high = np.full(n_classes + 2, np.nan), np.full(n_classes + 2, np.nan)
    for column in range(n_classes + 2):
        seen = draws[:, column][np.isfinite(draws[:, column])]
        if len(seen):
            low[column], high[column] = np.quantile(seen, [tail, 1 - tail])
    return low, high
