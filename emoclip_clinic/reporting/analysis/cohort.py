"""Who takes part in a fit, and where the others were lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.reading import FitTables
from emoclip_clinic.reporting.analysis.records import (
    CHARACTERISTIC_COLUMNS,
    EXCLUSION_COLUMNS,
    FLOW_COLUMNS,
    Cohort,
)
from emoclip_clinic.reporting.analysis.subgroups import column_of, plain_level
from emoclip_clinic.study.status import StatusRow

__all__ = ["make_cohort"]

_Session = tuple[str, str | None]

_STEPS = {
    "known": "Known sessions: with a video, or with a rating",
    "video": "With a video",
    "extracted": "Video read",
    "usable": "Enough video of the participant's face",
    "rated": "With a rating",
    "analysed": "Analysed",
}


def make_cohort(fit: FitTables, status: Sequence[StatusRow], *, participants: pd.DataFrame | None) -> Cohort:
    """Count sessions and participants from the first step to the analysis, with the reasons in between.

    Parameters
    ----------
    fit : FitTables
        The fit.
    status : sequence of StatusRow
        What became of each recording.
    participants : DataFrame or None
        participants.tsv.

    Returns
    -------
    Cohort
    """
    analysed = _keys(fit.sessions)
    lost = dict(zip(_keys(fit.left_out), fit.left_out["reason"], strict=True))
    lost = {session: str(reason) for session, reason in lost.items() if session not in set(analysed)}
    lost |= _never_seen(fit, status, known={*analysed, *lost})
    stopped = {session: _step(reason) for session, reason in lost.items()}
    names = list(_STEPS)
    flow = []
    for place, step in enumerate(names):
        left = [*analysed, *(one for one, stop in stopped.items() if names.index(stop) > place)]
        flow.append(
            {
                "step": step,
                "label": _STEPS[step],
                "n_participants": len({person for person, _ in left}),
                "n_sessions": len(left),
            }
        )
    return Cohort(
        flow=frame_of(flow, FLOW_COLUMNS),
        exclusions=_exclusions(lost, stopped),
        missing_ratings=pd.DataFrame(
            fit.record.get("missing_ratings") or [], columns=["target", "reason", "n"]
        ),
        participants=_characteristics(fit, participants),
        sessions_per_participant=_per_participant(fit),
    )


def _keys(table: pd.DataFrame) -> list[_Session]:
    return [
        (str(person), None if pd.isna(session) else str(session))
        for person, session in zip(table["participant_id"], table["session_id"], strict=True)
    ]


def _never_seen(fit: FitTables, status: Sequence[StatusRow], *, known: set[_Session]) -> dict[_Session, str]:
    """Sessions with a recording of which the fit says nothing: it was never read, or is of another task."""
    baseline = fit.record["settings"]["baseline"]
    first = None if baseline is None else f"ses-{str(baseline).removeprefix('ses-')}"
    found: dict[_Session, list[StatusRow]] = {}
    for row in status:
        if row.participant_id is not None and (first is None or row.session_id != first):
            found.setdefault((row.participant_id, row.session_id), []).append(row)
    reasons = {}
    for session, rows in found.items():
        if session not in known:
            failed = all(row.status == "failed" for row in rows)
            reasons[session] = "extraction failed, no rating" if failed else "no recording that the fit reads"
    return reasons


def _step(reason: str) -> str:
    """The first step that a session does not reach, by the reason that the fit gives."""
    if "extraction failed" in reason:
        return "extracted"
    if reason.startswith("rating without video"):
        return "video"
    if reason.startswith("video without rating"):
        return "rated"
    return "analysed" if reason.startswith("no value of any target") else "usable"


def _exclusions(lost: Mapping[_Session, str], stopped: Mapping[_Session, str]) -> pd.DataFrame:
    groups: dict[tuple[str, str], list[_Session]] = {}
    for session, reason in lost.items():
        groups.setdefault((stopped[session], reason), []).append(session)
    names = list(_STEPS)
    order = sorted(groups, key=lambda key: (names.index(key[0]), -len(groups[key]), key[1]))
    rows = [
        {
            "step": step,
            "reason": reason,
            "n_participants": len({person for person, _ in groups[step, reason]}),
            "n_sessions": len(groups[step, reason]),
        }
        for step, reason in order
    ]
    return frame_of(rows, EXCLUSION_COLUMNS)


def _per_participant(fit: FitTables) -> dict[int, int]:
    sizes = np.bincount(fit.codes) if fit.codes.size else np.zeros(0, dtype=np.intp)
    return {int(size): int((sizes == size).sum()) for size in np.unique(sizes)}


def _characteristics(fit: FitTables, participants: pd.DataFrame | None) -> pd.DataFrame:
    """Age, and counts by sex, group and site, of those who take part."""
    if participants is None:
        return frame_of([], CHARACTERISTIC_COLUMNS)
    known = participants.set_index("participant_id")
    known = known.reindex(list(dict.fromkeys(fit.sessions["participant_id"])))
    rows: list[dict[str, object]] = []
    for kind in ("age", "sex", "group", "site"):
        column = column_of(participants, kind)
        if column is None:
            continue
        if kind == "age":
            ages = pd.to_numeric(known[column], errors="coerce").dropna()
            row: dict[str, object] = {"characteristic": column, "n": len(ages)}
            if len(ages):
                spread = ages.std() if len(ages) > 1 else np.nan
                row |= {"mean": ages.mean(), "sd": spread, "low": ages.min(), "high": ages.max()}
            rows.append(row)
            continue
        levels = ["unknown" if pd.isna(one) else plain_level(one) for one in known[column]]
        rows += [
            {"characteristic": column, "level": level, "n": n} for level, n in sorted(Counter(levels).items())
        ]
    return frame_of(rows, CHARACTERISTIC_COLUMNS)
