"""Zero-shot readings: how like each class description a segment is, and how often, per session.

A reading is a similarity of embeddings. It is no rating and no probability of a symptom: the softmax is over
the classes of the set, at the temperature that the weights were trained with, and changes with the set.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.study.readings import SESSION_READING_COLUMNS
from emoclip_clinic.zeroshot.class_embeddings import unit_rows

__all__ = ["class_probabilities", "class_similarities", "summarise_session"]

_TOUCHING_S = 1e-6  # segments whose times differ by less follow each other without a gap


def class_similarities(
    segments: NDArray[np.floating], class_vectors: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Compute cosine similarities.

    Parameters
    ----------
    segments : ndarray of shape (N, D)
        Segment embeddings, not L2-normalised.
    class_vectors : ndarray of shape (K, D)
        Class embeddings, see `embed_classes`.

    Returns
    -------
    ndarray of shape (N, K), float64
        From -1 to 1.

    Raises
    ------
    ZeroShotError
        If the embeddings have different sizes, or one has no direction.
    """
    if segments.ndim != 2 or class_vectors.ndim != 2 or segments.shape[1] != class_vectors.shape[1]:
        raise ZeroShotError(
            "Segments and classes must have embeddings of the same size",
            found=f"{tuple(segments.shape)} and {tuple(class_vectors.shape)}",
            hint="Texts must be embedded by the weights that embedded the video.",
        )
    if not len(segments):
        return np.empty((0, len(class_vectors)))
    similarities: NDArray[np.float64] = np.clip(unit_rows(segments) @ unit_rows(class_vectors).T, -1.0, 1.0)
    return similarities


def class_probabilities(
    similarities: NDArray[np.floating], *, inverse_temperature: float
) -> NDArray[np.float64]:
    """Turn similarities into probabilities: a softmax over the classes.

    Parameters
    ----------
    similarities : ndarray of shape (N, K)
        Cosine similarities.
    inverse_temperature : float
        Factor before the softmax; that of the weights is `EmoClip.inverse_temperature`.

    Returns
    -------
    ndarray of shape (N, K), float64
        Rows sum to 1.
    """
    logits = np.asarray(similarities, dtype=np.float64) * inverse_temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def summarise_session(
    t_start_s: NDArray[np.floating],
    t_end_s: NDArray[np.floating],
    similarities: NDArray[np.floating],
    probabilities: NDArray[np.floating],
    class_ids: tuple[str, ...],
    *,
    recording: NDArray[np.integer] | None = None,
) -> pd.DataFrame:
    """Summarise the readings of a session.

    Overlapping segments share time: each stands for the time until the next one of its recording begins, or
    until its own end. An episode is a run of segments of one recording that touch or overlap.

    Parameters
    ----------
    t_start_s, t_end_s : ndarray of shape (N,)
        Times of the usable segments, in seconds, in order within each recording.
    similarities, probabilities : ndarray of shape (N, K)
        Readings.
    class_ids : tuple of str
        Ids of the K classes.
    recording : ndarray of shape (N,), optional
        Which recording of the session a segment belongs to, in order; by default there is one.

    Returns
    -------
    DataFrame
        One row per class: :data:`~emoclip_clinic.study.readings.SESSION_READING_COLUMNS` after the identity.
        Means are missing if there is no usable segment.
    """
    n = len(t_start_s)
    source = np.zeros(n, dtype=int) if recording is None else np.asarray(recording)
    same = source[1:] == source[:-1]
    stands_s = np.asarray(t_end_s - t_start_s, dtype=np.float64)
    if n > 1:
        until_next = np.where(same, t_start_s[1:] - t_start_s[:-1], np.inf)
        stands_s[:-1] = np.minimum(stands_s[:-1], until_next)
    usable_s = float(stands_s.sum())
    follows = np.zeros(n, dtype=bool)
    follows[1:] = same & (t_start_s[1:] <= t_end_s[:-1] + _TOUCHING_S)
    top = np.argmax(probabilities, axis=1) if n else np.empty(0, dtype=int)
    rows = []
    for k, class_id in enumerate(class_ids):
        weights = stands_s / usable_s if usable_s > 0 else stands_s
        mean = float(weights @ similarities[:, k]) if n else np.nan
        n_episodes, longest_s = _episodes(top == k, follows, np.asarray(t_start_s), np.asarray(t_end_s))
        rows.append(
            {
                "class": class_id,
                "similarity_mean": mean,
                "similarity_sd": float(np.sqrt(weights @ (similarities[:, k] - mean) ** 2)) if n else np.nan,
                "probability_mean": float(weights @ probabilities[:, k]) if n else np.nan,
                "share_of_time": float(weights @ (top == k)) if n else np.nan,
                "n_episodes": n_episodes,
                "episodes_per_minute": n_episodes / usable_s * 60 if usable_s > 0 else np.nan,
                "longest_episode_s": longest_s,
                "usable_s": usable_s,
                "n_segments": n,
            }
        )
    return pd.DataFrame(rows, columns=[column.name for column in SESSION_READING_COLUMNS[2:]])


def _episodes(
    is_top: NDArray[np.bool_],
    follows: NDArray[np.bool_],
    t_start_s: NDArray[np.floating],
    t_end_s: NDArray[np.floating],
) -> tuple[int, float]:
    """Count the runs of a class, and give the duration of the longest in seconds."""
    before = np.concatenate([[False], is_top[:-1]]) if len(is_top) else is_top
    begins = np.flatnonzero(is_top & ~(before & follows))
    if not len(begins):
        return 0, 0.0
    after = np.concatenate([is_top[1:] & follows[1:], [False]])
    ends = np.flatnonzero(is_top & ~after)
    return len(begins), float((t_end_s[ends] - t_start_s[begins]).max())
