"""Segment-level training: every segment carries its session's rating, and a session is predicted by the mean.

This is the original paper's way. A participant counts as much as any other, however long the interview was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import participant_codes
from emoclip_clinic.regression.features import iter_sessions, session_keys
from emoclip_clinic.regression.splits import Fold
from emoclip_clinic.study.layout import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SegmentRows", "load_segment_rows", "mean_over_segments", "participant_weights", "segment_folds"]


@dataclass(frozen=True, eq=False)
class SegmentRows:
    """The segments of some sessions, one row each, in the order of the sessions.

    Attributes
    ----------
    X : ndarray of shape (n_segments, dim), float32
        Segment embeddings.
    session : ndarray of shape (n_segments,)
        Row of the session in the table of sessions.
    groups : ndarray of shape (n_segments,)
        Participant.
    weight : ndarray of shape (n_segments,)
        Sample weights, mean 1: see :func:`participant_weights`.
    """

    X: NDArray[np.float32]
    session: NDArray[np.intp]
    groups: NDArray[np.str_]
    weight: NDArray[np.float64]

    def inherited(self, Y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each segment its session's ratings.

        Parameters
        ----------
        Y : ndarray of shape (n_sessions, n_targets)

        Returns
        -------
        ndarray of shape (n_segments, n_targets)
        """
        return Y[self.session]


def participant_weights(
    groups: Sequence[object] | NDArray[np.generic], session: ArrayLike
) -> NDArray[np.float64]:
    """Weigh segments so that participants count alike, and within a participant sessions count alike.

    Parameters
    ----------
    groups : sequence of shape (n_segments,)
        Participant of each segment.
    session : array-like of shape (n_segments,)
        Session of each segment, numbered over the whole study.

    Returns
    -------
    ndarray of shape (n_segments,)
        With mean 1, so that a penalty means what it means without weights. A segment weighs
        ``N / (P * S * n)``: N segments and P participants in all, S sessions of its participant, n segments
        of its session. Where a session lacks a rating, its participant weighs less for that target. N and P
        are the same for all, and the regressors scale weights in each training set anew: nothing is learned
        from how long the videos of those are who are left out.

    Raises
    ------
    RegressionError
        If a participant is missing, lengths differ, or a session belongs to two participants.
    """
    sessions = np.asarray(session)
    labels, participant = participant_codes(groups, len(groups))
    if sessions.shape != participant.shape:
        raise RegressionError(
            f"There must be one session for each of the {len(participant)} segments",
            found=f"shape {sessions.shape}",
        )
    _, first, code, n_segments = np.unique(
        sessions, return_index=True, return_inverse=True, return_counts=True
    )
    owner = participant[first]
    wrong = np.flatnonzero(owner[code] != participant)
    if wrong.size:
        raise RegressionError(
            "A session must belong to one participant",
            found=f"{labels[owner[code[wrong[0]]]]} and {labels[participant[wrong[0]]]}",
            where=f"session {sessions[wrong[0]]}",
        )
    n_sessions = np.bincount(owner, minlength=len(labels))
    weight: NDArray[np.float64] = len(code) / (len(labels) * n_sessions[participant] * n_segments[code])
    return weight


def load_segment_rows(
    study: Study | Path | str,
    sessions: pd.DataFrame,
    *,
    tasks: Sequence[str] | None = None,
    allow_mixed: bool = False,
) -> SegmentRows:
    """Load the segments of the sessions that take part; memory holds the matrix and one session.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    sessions : DataFrame
        ``participant_id``, ``session_id`` and ``n_segments`` of each, as :func:`session_features` and
        :func:`join_targets` give them.
    tasks : sequence of str, optional
        As for the session features.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    SegmentRows
        In the order of `sessions`.

    Raises
    ------
    StudyError, FormatError
        As :func:`session_features`.
    RegressionError
        If there is no session, or the study has changed since the sessions were listed.
    """
    keys = session_keys(sessions)
    counts = sessions["n_segments"].to_numpy(dtype=np.intp)
    if not keys or len(set(keys)) < len(keys):
        raise RegressionError(
            "There must be at least one session, each once", found=f"{len(keys)}, {len(set(keys))} distinct"
        )
    place = {key: row for row, key in enumerate(keys)}
    start = np.concatenate([[0], np.cumsum(counts)])
    X: NDArray[np.float32] | None = None
    found = set()
    for session, _ in iter_sessions(study, tasks=tasks, only=place, allow_mixed=allow_mixed):
        row = place[session.key]
        if len(session.embeddings) != counts[row]:
            raise _changed(
                study, f"{len(session.embeddings)} segments of {session.key} instead of {counts[row]}"
            )
        if X is None:
            X = np.empty((int(start[-1]), session.embeddings.shape[1]), dtype=np.float32)
        X[start[row] : start[row + 1]] = session.embeddings
        found.add(session.key)
    if X is None or len(found) < len(keys):
        raise _changed(study, f"no segments of {next(key for key in keys if key not in found)}")
    index = np.repeat(np.arange(len(keys)), counts)
    groups = np.array([participant for participant, _ in keys])[index]
    return SegmentRows(X, index, groups, participant_weights(groups, index))


def mean_over_segments(
    predictions: NDArray[np.float64], session: NDArray[np.intp], *, n_sessions: int
) -> NDArray[np.float64]:
    """Predict each session by the mean over its segments.

    Parameters
    ----------
    predictions : ndarray of shape (..., n_segments, n_targets)
        Out-of-fold predictions; a leading axis of repetitions is kept.
    session : ndarray of shape (n_segments,)
        Row of the session of each segment.
    n_sessions : int
        Number of sessions.

    Returns
    -------
    ndarray of shape (..., n_sessions, n_targets)
        NaN for a session without segments, or with a segment that has no prediction.

    Raises
    ------
    RegressionError
        If shapes do not fit.
    """
    values = np.asarray(predictions, dtype=np.float64)
    if values.ndim < 2 or values.shape[-2] != len(session) or (session >= n_sessions).any():
        raise RegressionError(
            f"Predictions must have the shape (..., {len(session)}, targets), sessions below {n_sessions}",
            found=f"shape {values.shape}, largest session {max(session, default=None)}",
        )
    by_segment = np.moveaxis(values, -2, 0)
    sums = np.zeros((n_sessions, *by_segment.shape[1:]))
    np.add.at(sums, session, by_segment)
    counts = np.bincount(session, minlength=n_sessions).astype(np.float64)
    with np.errstate(invalid="ignore"):  # 0/0 of a session without segments is the NaN that is meant
        means = sums / counts.reshape(-1, *[1] * (sums.ndim - 1))
    return np.moveaxis(means, 0, -2)


def segment_folds(folds: Sequence[Fold], segments: SegmentRows) -> tuple[Fold, ...]:
    """Give the segments of each session the side that the session has.

    Parameters
    ----------
    folds : sequence of Fold
        Folds of sessions.
    segments : SegmentRows
        Their segments.

    Returns
    -------
    tuple of Fold
        Folds of segments, in the same order and with the same names.
    """
    return tuple(
        Fold(
            fold.repeat,
            fold.name,
            np.flatnonzero(np.isin(segments.session, fold.train)),
            np.flatnonzero(np.isin(segments.session, fold.test)),
        )
        for fold in folds
    )


def _changed(study: Study | Path | str, found: str) -> RegressionError:
    return RegressionError(
        "The study must not change while it is read",
        found=found,
        where=Study.of(study).root,
        hint="Wait until extract has finished, then start again.",
    )
