"""One row of features for each session of a study, and which sessions have too little video for one."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.features.registry import aggregate, chosen_aggregations
from emoclip_clinic.regression.features.segments import (
    EmbeddingSource,
    SessionKey,
    SessionSegments,
    VideoContent,
    iter_sessions,
)
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MIN_USABLE_S", "SessionFeatures", "features_by_aggregation", "session_features", "session_keys"]

_log = logging.getLogger(__name__)

MIN_USABLE_S = 10.0
"""Least usable video of a session, in seconds, unless the user says otherwise."""


@dataclass(frozen=True, eq=False)
class SessionFeatures:
    """Features of a study's sessions.

    Attributes
    ----------
    sessions : DataFrame
        One row for each session with features: ``participant_id``, ``session_id`` (None if there are no
        sessions), ``n_recordings``, ``n_segments``, ``n_rejected``, ``usable_s``, ``coverage`` (mean over
        the segments). The index counts from 0.
    X : ndarray of shape (n_sessions, n_features)
        Finite.
    names : tuple of str
        Names of the features.
    excluded : DataFrame
        Sessions without features, with the columns of `sessions` and ``reason``.
    aggregation : str
        How segments were aggregated.
    min_usable_s : float
        Least usable video, in seconds.
    contents : tuple of VideoContent
        The videos of all sessions, the excluded ones too.
    source : EmbeddingSource
        Weights and settings behind the embeddings.
    segments_sha256 : str
        Hash of all segment tables that were read, whatever the aggregation makes of them.
    """

    sessions: pd.DataFrame
    X: NDArray[np.float64]
    names: tuple[str, ...]
    excluded: pd.DataFrame
    aggregation: str
    min_usable_s: float
    contents: tuple[VideoContent, ...]
    source: EmbeddingSource
    segments_sha256: str

    @property
    def keys(self) -> tuple[SessionKey, ...]:
        """Participant and session of each row."""
        return session_keys(self.sessions)


def session_keys(table: pd.DataFrame) -> tuple[SessionKey, ...]:
    """Return participant and session of each row of a table.

    Parameters
    ----------
    table : DataFrame
        With the columns ``participant_id`` and ``session_id``.

    Returns
    -------
    tuple of (str, str or None)
        A missing session is None, however pandas stores it.
    """
    return tuple(
        (str(participant), session if isinstance(session, str) else None)
        for participant, session in zip(table["participant_id"], table["session_id"], strict=True)
    )


def session_features(
    study: Study | Path | str,
    *,
    aggregation: str = "mean",
    min_usable_s: float = MIN_USABLE_S,
    tasks: Sequence[str] | None = None,
    only: Collection[SessionKey] | None = None,
    allow_mixed: bool = False,
) -> SessionFeatures:
    """Aggregate the segment embeddings of each session; memory holds one session and the result.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    aggregation : str
        One of :func:`aggregation_names`, or several joined by ``+``: ``mean``, ``mean+std``, ``quantiles``,
        ``coverage-weighted``, ``dynamics``, ``mean+dynamics``, ...
    min_usable_s : float
        Sessions with less usable video are excluded. Usable is what lies in a segment that was not rejected;
        overlapping segments count once.
    tasks : sequence of str, optional
        Only recordings of these tasks.
    only : collection of (participant_id, session_id), optional
        Only these sessions.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    SessionFeatures
        Rows in order of participant and session. A session with several recordings has one row, from the
        segments of all.

    Raises
    ------
    StudyError
        If there is no result, or results differ in weights or settings.
    FormatError
        If a file is damaged.
    RegressionError
        If the aggregation is unknown, min_usable_s is negative, or no session is left; the message then
        counts the reasons.
    """
    found = features_by_aggregation(
        study,
        [aggregation],
        min_usable_s=min_usable_s,
        tasks=tasks,
        only=only,
        allow_mixed=allow_mixed,
    )[aggregation]
    if isinstance(found, RegressionError):
        raise found
    if found.source.weights_kind == "random":
        _log.warning("Embeddings of random weights mean nothing, and so do predictions from them.")
    return found


def features_by_aggregation(
    study: Study | Path | str,
    aggregations: Sequence[str],
    *,
    min_usable_s: float = MIN_USABLE_S,
    tasks: Sequence[str] | None = None,
    only: Collection[SessionKey] | None = None,
    allow_mixed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, SessionFeatures | RegressionError]:
    """Aggregate the segments of each session in several ways, reading every table once.

    Parameters
    ----------
    study, min_usable_s, tasks, only, allow_mixed
        As :func:`session_features`.
    aggregations : sequence of str
        Expressions such as ``mean`` and ``mean+std``.
    progress : callable, optional
        Called with (done, total) sessions; the total is known if `only` is given.

    Returns
    -------
    dict of str to SessionFeatures or RegressionError
        In place of an aggregation that no session has enough video for, the error that says so.

    Raises
    ------
    StudyError, FormatError, RegressionError
        As :func:`session_features`.
    """
    for how in aggregations:
        chosen_aggregations(how)  # before hours of reading
    if not (math.isfinite(min_usable_s) and min_usable_s >= 0):
        raise RegressionError("min_usable_s must be 0 or more seconds", found=min_usable_s)
    rows = {how: _Rows() for how in aggregations}
    contents: list[VideoContent] = []
    source: EmbeddingSource | None = None
    digest = hashlib.sha256()
    for done, (session, results) in enumerate(
        iter_sessions(study, tasks=tasks, only=only, allow_mixed=allow_mixed), start=1
    ):
        contents += [_content(one) for one in results]
        for one in results:
            digest.update(one.sidecar.tables["segments"].sha256.encode())
        source = source or EmbeddingSource.of(results[0])
        about = _about(session)
        too_little = _too_little(session, min_usable_s)
        for how, own in rows.items():
            own.add(session, how, about, too_little)
        if progress is not None and only is not None:
            progress(done, len(only))
    return {
        how: _nothing_usable(study, own)
        if source is None or not own.lines
        else SessionFeatures(
            sessions=_table(own.kept),
            X=np.vstack(own.lines),
            names=own.names,
            excluded=_table(own.excluded, "reason"),
            aggregation=how,
            min_usable_s=float(min_usable_s),
            contents=tuple(contents),
            source=source,
            segments_sha256=digest.hexdigest(),
        )
        for how, own in rows.items()
    }


@dataclass
class _Rows:
    """What one aggregation has made of the sessions that were read so far."""

    kept: list[dict[str, object]] = field(default_factory=list)
    excluded: list[dict[str, object]] = field(default_factory=list)
    lines: list[NDArray[np.float64]] = field(default_factory=list)
    names: tuple[str, ...] = ()

    def add(
        self, session: SessionSegments, how: str, about: dict[str, object], too_little: str | None
    ) -> None:
        """Aggregate a session, or note why it cannot be."""
        reason, row = too_little, None
        if reason is None:
            self.names, row = aggregate(session, how)
            reason = _undefined(self.names, row, len(session.embeddings))
        if row is None or reason is not None:
            self.excluded.append(about | {"reason": reason})
        else:
            self.kept.append(about)
            self.lines.append(row)


def _nothing_usable(study: Study | Path | str, rows: _Rows) -> RegressionError:
    counts = Counter(str(one["reason"]) for one in rows.excluded)
    return RegressionError(
        "At least one session must have enough usable video",
        found="; ".join(f"{n} x {reason}" for reason, n in counts.most_common()) or "no session",
        where=Study.of(study).root,
        hint="See coverage in status.tsv. Lower min_usable_s, or choose an aggregation that needs fewer"
        " segments.",
    )


def _too_little(session: SessionSegments, min_usable_s: float) -> str | None:
    if not len(session.embeddings):
        return "no usable segment"
    # Grid times are sums of binary fractions: 10 seconds may come out as 9.999999999.
    if session.usable_s < min_usable_s - 1e-6:
        return f"less than {min_usable_s:g} s of usable video"
    return None


def _undefined(names: tuple[str, ...], row: NDArray[np.float64], n_segments: int) -> str | None:
    """Say which feature has no value; only a table without gaps can be used by a regression."""
    gaps = np.flatnonzero(~np.isfinite(row))
    if not gaps.size:
        return None
    more = f" and {gaps.size - 1} more" if gaps.size > 1 else ""
    return f"{names[gaps[0]]}{more} not defined for {n_segments} segments"


def _content(result: Result) -> VideoContent:
    recording = result.sidecar.recording
    return VideoContent(
        recording.participant_id,
        recording.session_id,
        result.sidecar.input.path,
        result.sidecar.input.sha256,
        recording.start_s,
        recording.end_s,
    )


def _about(session: SessionSegments) -> dict[str, object]:
    return {
        "participant_id": session.participant_id,
        "session_id": session.session_id,
        "n_recordings": session.n_recordings,
        "n_segments": len(session.embeddings),
        "n_rejected": session.n_rejected,
        "usable_s": session.usable_s,
        "coverage": float(session.coverage.mean()) if len(session.coverage) else math.nan,
    }


def _table(rows: Sequence[dict[str, object]], *more: str) -> pd.DataFrame:
    import pandas as pd

    types = {
        "participant_id": "str",
        "session_id": "object",
        "n_recordings": "int64",
        "n_segments": "int64",
        "n_rejected": "int64",
        "usable_s": "float64",
        "coverage": "float64",
    } | dict.fromkeys(more, "str")
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)
