"""Reads the usable segments of a study one session at a time, so that memory holds one session."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, RegressionError, StudyError, did_you_mean
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.formats import REBUILD_COMMAND
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.results import Result, check_alike, list_results
from emoclip_clinic.study.settings import ExtractSettings, stage_of
from emoclip_clinic.study.tables import embedding_matrix, read_table

__all__ = [
    "EmbeddingSource",
    "SessionKey",
    "SessionSegments",
    "VideoContent",
    "iter_sessions",
    "results_of_sessions",
    "usable_seconds",
]

SessionKey = tuple[str, str | None]
"""``participant_id`` and ``session_id``; None for a study whose participants came once."""

# They choose the person or only flag; they may differ from recording to recording.
_PER_RECORDING = frozenset({"subject_rule", "min_margin"})


@dataclass(frozen=True)
class VideoContent:
    """Which part of which video file a recording is.

    Attributes
    ----------
    participant_id : str
    session_id : str or None
    path : str
        The file, relative to the study where it lies inside.
    sha256 : str or None
        Hash of the file's content.
    start_s, end_s : float or None
        The part of the file, in seconds; None for its beginning and its end.
    """

    participant_id: str
    session_id: str | None
    path: str
    sha256: str | None
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class EmbeddingSource:
    """What embeddings must have in common to be used by one model.

    Attributes
    ----------
    weights_name, weights_sha256, weights_kind, architecture : str
        The weights.
    settings : dict
        Every setting of extraction that changes an embedding, by name.
    """

    weights_name: str
    weights_sha256: str
    weights_kind: str
    architecture: str
    settings: dict[str, object]

    @classmethod
    def of(cls, result: Result) -> EmbeddingSource:
        """Take over what a result says of itself."""
        sidecar = result.sidecar
        matters = {name for name in ExtractSettings.model_fields if stage_of(name) != "run"} - _PER_RECORDING
        settings: dict[str, object] = {
            name: value for name, value in sidecar.settings.items() if name in matters
        }
        return cls(
            weights_name=sidecar.weights.name,
            weights_sha256=sidecar.weights.sha256,
            weights_kind=sidecar.weights.kind,
            architecture=sidecar.weights.architecture,
            settings=settings | {"sample_fps": sidecar.decode.sample_fps},
        )


@dataclass(frozen=True, eq=False)
class SessionSegments:
    """The usable segments of one session, over all of its recordings, in order of recording and time.

    Attributes
    ----------
    participant_id : str
    session_id : str or None
    recording : ndarray of shape (n_segments,)
        Number of the recording within the session, from 0.
    number : ndarray of shape (n_segments,)
        Number of the segment within its recording; rejected segments leave gaps.
    t_start_s, t_end_s : ndarray of shape (n_segments,)
        Times within the recording, in seconds.
    coverage : ndarray of shape (n_segments,)
        Share of the segment's sampled frames that show the participant's face, 0 to 1.
    embeddings : ndarray of shape (n_segments, dim), float32
    n_recordings : int
        Recordings of the session, those without a usable segment included.
    n_rejected : int
        Segments with too few frames that show the face.
    """

    participant_id: str
    session_id: str | None
    recording: NDArray[np.intp]
    number: NDArray[np.intp]
    t_start_s: NDArray[np.float64]
    t_end_s: NDArray[np.float64]
    coverage: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    n_recordings: int
    n_rejected: int

    @property
    def key(self) -> SessionKey:
        """Participant and session."""
        return self.participant_id, self.session_id

    @property
    def usable_s(self) -> float:
        """Seconds of video that the segments cover; what two of them share counts once."""
        return usable_seconds(self.recording, self.t_start_s, self.t_end_s)


def usable_seconds(
    recording: NDArray[np.intp], t_start_s: NDArray[np.float64], t_end_s: NDArray[np.float64]
) -> float:
    """Length of the union of segments, recordings apart.

    Parameters
    ----------
    recording : ndarray of shape (n,)
        Recording of each segment.
    t_start_s, t_end_s : ndarray of shape (n,)
        Begin and end of each segment, in seconds.

    Returns
    -------
    float
        Seconds; 0 without segments.
    """
    if not len(recording):
        return 0.0
    order = np.lexsort((t_start_s, recording))
    rec, start, end = recording[order], t_start_s[order], t_end_s[order]
    total = 0.0
    for own in np.split(np.arange(len(rec)), np.flatnonzero(np.diff(rec)) + 1):
        reached = np.concatenate([[-np.inf], np.maximum.accumulate(end[own])[:-1]])
        total += float(np.maximum(end[own] - np.maximum(start[own], reached), 0.0).sum())
    return total


def results_of_sessions(
    study: Study | Path | str,
    *,
    tasks: Sequence[str] | None = None,
    participants: Sequence[str] | None = None,
    allow_mixed: bool = False,
) -> list[tuple[SessionKey, list[Result]]]:
    """List a study's results by session, in order of participant and session.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    tasks : sequence of str, optional
        Only recordings of these tasks.
    participants : sequence of str, optional
        Only these, as ``sub-01`` or ``01``.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    list of (session key, list of Result)

    Raises
    ------
    StudyError
        If there is no result, or results differ in weights or settings; the message lists who differs.
    RegressionError
        If no recording is of the tasks.
    FormatError
        If a sidecar cannot be read.
    """
    results = list_results(study, participants=participants)
    if not results:
        raise StudyError(
            "The study must have results",
            found="no sidecar in derivatives/emoclip-clinic",
            where=Study.of(study).root,
            hint="Run `emoclip-clinic extract` first.",
        )
    if tasks is not None:
        known = {one.sidecar.recording.task for one in results}
        names = sorted(task for task in known if task is not None)
        for task in tasks:
            if task not in known:
                raise RegressionError(
                    "A task must be one of the study's recordings",
                    found=task,
                    where=Study.of(study).root,
                    hint=did_you_mean(task, names),
                )
        results = tuple(one for one in results if one.sidecar.recording.task in tasks)
    if not allow_mixed:
        check_alike(results)
    ordered = sorted(results, key=lambda one: (*_sort_key(_key(one)), one.sidecar.recording.key))
    return [(key, list(own)) for key, own in groupby(ordered, key=_key)]


def iter_sessions(
    study: Study | Path | str,
    *,
    tasks: Sequence[str] | None = None,
    only: Collection[SessionKey] | None = None,
    allow_mixed: bool = False,
) -> Iterator[tuple[SessionSegments, list[Result]]]:
    """Read the usable segments of a study one session at a time, in order of participant and session.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    tasks : sequence of str, optional
        Only recordings of these tasks.
    only : collection of (participant_id, session_id), optional
        Only these sessions; the others are not read.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Yields
    ------
    SessionSegments, list of Result
        The session, possibly without a usable segment, and the results it comes from.

    Raises
    ------
    StudyError, RegressionError, FormatError
        As :func:`results_of_sessions`; also if a table is damaged or embeddings differ in length.
    """
    dim: int | None = None
    for key, results in results_of_sessions(study, tasks=tasks, allow_mixed=allow_mixed):
        if only is not None and key not in only:
            continue
        session = _read_session(key, results)
        if dim not in (None, session.embeddings.shape[1]):
            raise RegressionError(
                "Embeddings that are used together must have the same number of dimensions",
                found=f"{session.embeddings.shape[1]} after {dim}",
                where=results[0].path,
                hint="Run `emoclip-clinic extract` again over all recordings.",
            )
        dim = session.embeddings.shape[1]
        yield session, results


def _key(result: Result) -> SessionKey:
    return result.sidecar.recording.participant_id, result.sidecar.recording.session_id


def _sort_key(key: SessionKey) -> tuple[str, str]:
    return key[0], key[1] or ""


def _read_session(key: SessionKey, results: Sequence[Result]) -> SessionSegments:
    import pyarrow.compute as pc

    columns: dict[str, list[NDArray[np.float64]]] = {}
    recordings, matrices, n_rejected = [], [], 0
    for index, one in enumerate(results):
        path = one.sidecar.table_path(one.path, "segments")
        table = read_table(path, "segments")
        if sha256_file(path) != one.sidecar.tables["segments"].sha256:  # damage that still can be read
            raise FormatError(
                "The table must be as it was written",
                found="another content than its sidecar says",
                where=path,
                hint=f"Rebuild the result with `{REBUILD_COMMAND}`.",
            )
        usable = table.filter(pc.equal(table.column("status"), "ok"))
        n_rejected += table.num_rows - usable.num_rows
        recordings.append(np.full(usable.num_rows, index, dtype=np.intp))
        matrices.append(embedding_matrix(usable))
        for name in ("segment", "t_start_s", "t_end_s", "coverage"):
            columns.setdefault(name, []).append(usable.column(name).to_numpy().astype(np.float64))
    if len({matrix.shape[1] for matrix in matrices}) > 1:
        raise RegressionError(
            "Embeddings of one session must have the same number of dimensions",
            found=", ".join(str(matrix.shape[1]) for matrix in matrices),
            where=results[0].path,
            hint="Run `emoclip-clinic extract` again over all recordings.",
        )
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return SessionSegments(
        participant_id=key[0],
        session_id=key[1],
        recording=np.concatenate(recordings),
        number=joined["segment"].astype(np.intp),
        t_start_s=joined["t_start_s"],
        t_end_s=joined["t_end_s"],
        coverage=joined["coverage"],
        embeddings=np.concatenate(matrices),
        n_recordings=len(results),
        n_rejected=n_rejected,
    )
