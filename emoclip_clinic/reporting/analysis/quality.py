"""How good the videos of each session are, from sidecars and frame tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emoclip_clinic.regression.camera import camera_table
from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.records import QUALITY_COLUMNS
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.status import StatusRow

__all__ = ["quality_table"]

_Session = tuple[str, str | None]
_OF_FRAMES = ("brightness", "sharpness", "face_px")


def quality_table(
    study: Study | Path | str,
    status: Sequence[StatusRow],
    *,
    analysed: Collection[_Session],
    tasks: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Describe the videos of every session that has one.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    status : sequence of StatusRow
        What became of each recording.
    analysed : collection of (participant_id, session_id)
        Sessions of the fit.
    tasks : sequence of str, optional
        Only recordings of these tasks.

    Returns
    -------
    DataFrame
        `QUALITY_COLUMNS`.

    Raises
    ------
    FormatError
        If a frame table is damaged.
    """
    by_session: dict[_Session, list[StatusRow]] = {}
    for row in status:
        if row.participant_id is not None and (tasks is None or row.task in tasks):
            by_session.setdefault((row.participant_id, row.session_id), []).append(row)
    rows = [_row(session, recordings, session in analysed) for session, recordings in by_session.items()]
    table = frame_of(rows, QUALITY_COLUMNS)
    readable = [one for one, found in by_session.items() if all(row.status == "ok" for row in found)]
    if readable:
        frames = camera_table(study, readable, tasks=tasks)
        places = {session: place for place, session in enumerate(by_session)}
        at = [places[session] for session in readable]
        for name in _OF_FRAMES:
            table.loc[at, name] = frames[name].to_numpy(dtype=np.float64)
    return table


def _row(session: _Session, recordings: Sequence[StatusRow], analysed: bool) -> dict[str, object]:
    there = [row for row in recordings if row.status != "failed"]
    seconds = np.array([row.decoded_s or 0.0 for row in there])
    coverage = np.array([row.coverage if row.coverage is not None else np.nan for row in there])
    known = np.isfinite(coverage) & (seconds > 0)
    margins = [row.subject_margin for row in there if row.subject_margin is not None]
    return {
        "participant_id": session[0],
        "session_id": session[1],
        "analysed": analysed,
        "n_recordings": len(there),
        "n_failed": len(recordings) - len(there),
        "decoded_s": seconds.sum() if there else np.nan,
        "coverage": np.average(coverage[known], weights=seconds[known]) if known.any() else np.nan,
        "segments_ok": sum(row.segments_ok or 0 for row in there),
        "segments_rejected": sum(row.segments_rejected or 0 for row in there),
        "subject_margin": min(margins) if margins else np.nan,
        "flags": _joined(row.flags for row in there),
        "warnings": _joined(
            row.warnings if row.status != "failed" else (row.reason or "failed",) for row in recordings
        ),
    }


def _joined(texts: Iterable[Sequence[str]]) -> str:
    return "; ".join(dict.fromkeys(one for several in texts for one in several))
