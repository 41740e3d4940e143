"""Joins features and ratings: aligned arrays, and every session that is left out with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.features import SessionFeatures, SessionKey, session_keys
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import Targets
from emoclip_clinic.study.sidecar import read_failed

__all__ = ["RatedSessions", "TargetKind", "failed_sessions", "join_targets"]

TargetKind = Literal["level", "change-absolute", "change-percent"]
"""The rating itself, or its change since a baseline session."""


@dataclass(frozen=True, eq=False)
class RatedSessions:
    """Sessions with features and ratings: what a regression takes.

    Attributes
    ----------
    sessions : DataFrame
        One row for each session, with the columns of :class:`SessionFeatures`. The index counts from 0.
    X : ndarray of shape (n_sessions, n_features)
    feature_names : tuple of str
    Y : ndarray of shape (n_sessions, n_targets)
        NaN where missing; every row and every column has a value.
    targets : tuple of str
        Ids of items and scores.
    n_raters : ndarray of shape (n_sessions, n_targets)
        How many raters' values each number rests on.
    groups : ndarray of shape (n_sessions,)
        Participant.
    left_out : DataFrame
        ``participant_id``, ``session_id``, ``reason``: one row for each session that has only a video, only
        ratings, too little video, or no value of any target.
    missing : DataFrame
        ``target``, ``reason``, ``n``: missing numbers of the sessions in `sessions`. A target that has no
        value at all stands here and not in `targets`.
    kind : {"level", "change-absolute", "change-percent"}
    statement : str
        How raters were pooled, and for a change how it is computed.
    baseline_ratings : ndarray of shape (n_sessions, n_targets) or None
        For a change: each target's rating at baseline, for the mandatory comparator only.
    """

    sessions: pd.DataFrame
    X: NDArray[np.float64]
    feature_names: tuple[str, ...]
    Y: NDArray[np.float64]
    targets: tuple[str, ...]
    n_raters: NDArray[np.int64]
    groups: NDArray[np.str_]
    left_out: pd.DataFrame
    missing: pd.DataFrame
    kind: TargetKind = "level"
    statement: str = ""
    baseline_ratings: NDArray[np.float64] | None = None

    @property
    def keys(self) -> tuple[SessionKey, ...]:
        """Participant and session of each row."""
        return session_keys(self.sessions)

    @property
    def counts(self) -> dict[str, int]:
        """Sessions used, then sessions left out by reason, most frequent first."""
        reasons = self.left_out["reason"].value_counts()
        return {"used": len(self.sessions), **{str(reason): int(n) for reason, n in reasons.items()}}


def join_targets(
    features: SessionFeatures,
    targets: Targets,
    *,
    which: Sequence[str] | None = None,
    failed: Collection[SessionKey] = (),
) -> RatedSessions:
    """Join features and ratings by participant and session.

    Parameters
    ----------
    features : SessionFeatures
        What :func:`session_features` gives.
    targets : Targets
        What :func:`emoclip_clinic.study.ratings.session_targets` gives.
    which : sequence of str, optional
        Only these items and scores; by default all.
    failed : collection of (participant_id, session_id)
        Sessions whose extraction failed, so that "no video" and "a video that failed" are told apart; see
        :func:`failed_sessions`.

    Returns
    -------
    RatedSessions
        In the order of the features.

    Raises
    ------
    RegressionError
        If a target is unknown or asked for twice, or no session has both features and ratings; the message
        counts the reasons.
    """
    known = [str(name) for name in targets.table.columns if name not in ("participant_id", "session_id")]
    chosen = _chosen(known, which)
    rated = {key: row for row, key in enumerate(session_keys(targets.table))}
    values = targets.table[chosen].to_numpy(dtype=np.float64)
    reasons = _missing_reasons(targets)
    left_out: list[tuple[SessionKey, str]] = []
    rows: list[int] = []
    matches: list[int] = []
    for row, key in enumerate(features.keys):
        if key not in rated:
            left_out.append((key, "video without rating"))
        elif np.isnan(values[rated[key]]).all():
            why = dict.fromkeys(reasons.get((key, target), "empty") for target in chosen)
            left_out.append((key, f"no value of any target: {', '.join(why)}"))
        else:
            rows.append(row)
            matches.append(rated[key])
    excluded = dict(zip(session_keys(features.excluded), features.excluded["reason"], strict=True))
    left_out += [(key, str(reason)) for key, reason in excluded.items()]
    filmed = set(features.keys) | set(excluded)
    left_out += [
        (key, "rating without video: extraction failed" if key in failed else "rating without video")
        for key in rated
        if key not in filmed
    ]
    if not rows:
        raise _nothing_joined(left_out, filmed, rated)
    Y = values[matches]
    there = ~np.isnan(Y).all(axis=0)
    sessions = features.sessions.iloc[rows].reset_index(drop=True)
    keys = [features.keys[row] for row in rows]
    return RatedSessions(
        sessions=sessions,
        X=features.X[rows],
        feature_names=features.names,
        Y=Y[:, there],
        targets=tuple(target for target, any_value in zip(chosen, there, strict=True) if any_value),
        n_raters=targets.n_raters[chosen].to_numpy(dtype=np.int64)[matches][:, there],
        groups=np.array([participant for participant, _ in keys]),
        left_out=_left_out_table(left_out),
        missing=_count_missing(Y, keys, chosen, reasons),
        statement=targets.statement,
    )


def failed_sessions(study: Study | Path | str) -> frozenset[SessionKey]:
    """Return the sessions of which a recording failed in extraction.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    frozenset of (participant_id, session_id)

    Raises
    ------
    FormatError
        If the record of a failure cannot be read.
    """
    records = [read_failed(path).recording for path in Study.of(study).failed_paths()]
    return frozenset((one.participant_id, one.session_id) for one in records)


def _chosen(known: Sequence[str], which: Sequence[str] | None) -> list[str]:
    if which is None:
        return list(known)
    for name in which:
        if name not in known:
            raise RegressionError(
                "A target must be an item or a score of the scale",
                found=repr(name),
                hint=did_you_mean(name, known),
            )
    if not which or len(set(which)) < len(which):
        raise RegressionError("Each target must be asked for once, and one at least", found=", ".join(which))
    return list(which)


def _missing_reasons(targets: Targets) -> dict[tuple[SessionKey, str], str]:
    return {
        (key, str(target)): str(reason)
        for key, target, reason in zip(
            session_keys(targets.missing), targets.missing["target"], targets.missing["reason"], strict=True
        )
    }


def _count_missing(
    Y: NDArray[np.float64],
    keys: Sequence[SessionKey],
    chosen: Sequence[str],
    reasons: dict[tuple[SessionKey, str], str],
) -> pd.DataFrame:
    gaps = Counter(
        (chosen[column], reasons.get((keys[row], chosen[column]), "empty"))
        for column, row in np.argwhere(np.isnan(Y).T)
    )
    rows = [(target, reason, n) for (target, reason), n in gaps.items()]
    return pd.DataFrame(rows, columns=["target", "reason", "n"])


def _left_out_table(left_out: Sequence[tuple[SessionKey, str]]) -> pd.DataFrame:
    ordered = sorted(left_out, key=lambda entry: (entry[0][0], entry[0][1] or ""))
    rows = [(participant, session, reason) for (participant, session), reason in ordered]
    table = pd.DataFrame(rows, columns=["participant_id", "session_id", "reason"])
    return table.astype({"participant_id": "str", "session_id": "object", "reason": "str"})


def _nothing_joined(
    left_out: Sequence[tuple[SessionKey, str]],
    filmed: Collection[SessionKey],
    rated: Collection[SessionKey],
) -> RegressionError:
    counts = pd.Series([reason for _, reason in left_out], dtype="str").value_counts()
    hint = "Compare the identifiers of videos and ratings with `emoclip-clinic ratings check`."
    if any(session is None for _, session in rated) and any(session is not None for _, session in filmed):
        hint = "The ratings name no session and the videos do: import them again with --session."
    elif any(session is not None for _, session in rated) and any(session is None for _, session in filmed):
        hint = "The ratings name sessions and the videos do not: name them in recordings.tsv."
    return RegressionError(
        "At least one session must have both features and ratings",
        found="; ".join(f"{n} x {reason}" for reason, n in counts.items()),
        hint=hint,
    )
