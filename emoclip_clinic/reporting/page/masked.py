"""Analyses with labels in place of identifiers, made before anything is drawn or written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from emoclip_clinic.reporting.writing.masking import Masks

if TYPE_CHECKING:
    from emoclip_clinic.reporting.analysis.records import FitAnalysis, PairAnalysis, RaterAnalysis

__all__ = ["mask_fit", "mask_pair", "mask_raters"]

_KINDS = {
    "participant_id": "participant",
    "session_id": "session",
    "rater_a": "rater",
    "rater_b": "rater",
    "rater": "rater",
}


def mask_fit(analysis: FitAnalysis, masks: Masks) -> FitAnalysis:
    """Return the analysis of a fit without identifiers.

    Parameters
    ----------
    analysis : FitAnalysis
        The analysis.
    masks : Masks
        Labels of the study; new ones are added.

    Returns
    -------
    FitAnalysis
        The same numbers; participants, sessions and raters have labels.
    """
    frames = [analysis.quality, analysis.error_by_participant, *analysis.pairs.values()]
    _collect(frames, masks)
    raters = mask_raters(analysis.raters, masks)
    fit = _in_json({name: value for name, value in analysis.fit.items() if name != "trained_on"}, masks)
    ledger = analysis.ledger
    entries = ledger.entries.assign(
        settings=[
            json.dumps(_in_json(json.loads(text), masks), sort_keys=True)
            for text in ledger.entries["settings"]
        ]
    )
    return replace(
        analysis,
        fit=fit,
        items=_frame(analysis.items, masks),
        by_model=_frame(analysis.by_model, masks),
        statistics=_frame(analysis.statistics, masks),
        comparisons=_frame(analysis.comparisons, masks),
        pairs={item: _frame(frame, masks) for item, frame in analysis.pairs.items()},
        bland_altman=_frame(analysis.bland_altman, masks),
        calibration=_frame(analysis.calibration, masks),
        error_by_participant=_frame(analysis.error_by_participant, masks),
        subgroups=_frame(analysis.subgroups, masks),
        change=_frame(analysis.change, masks),
        raters=raters,
        cohort=replace(
            analysis.cohort,
            flow=_frame(analysis.cohort.flow, masks),
            exclusions=_frame(analysis.cohort.exclusions, masks),
            missing_ratings=_frame(analysis.cohort.missing_ratings, masks),
            participants=_frame(analysis.cohort.participants, masks),
        ),
        quality=_frame(analysis.quality, masks),
        sensitivity=None if analysis.sensitivity is None else _frame(analysis.sensitivity, masks),
        stability=None if analysis.stability is None else _frame(analysis.stability, masks),
        ledger=replace(ledger, entries=_frame(entries, masks)),
        audit=_frame(analysis.audit, masks),
        group_table=None if analysis.group_table is None else _frame(analysis.group_table, masks),
        rules=_texts(analysis.rules, masks),
        missing=_texts(analysis.missing, masks),
    )


def mask_pair(analysis: PairAnalysis, masks: Masks) -> PairAnalysis:
    """Return the analysis of two measures without identifiers; rows of the file keep their numbers.

    Parameters
    ----------
    analysis : PairAnalysis
        The analysis.
    masks : Masks
        Labels; new ones are added.

    Returns
    -------
    PairAnalysis
        The same numbers; participants have labels.
    """
    rows = analysis.pairs["session_id"]
    _collect([analysis.pairs.drop(columns="session_id"), analysis.error_by_participant], masks)
    return replace(
        analysis,
        statistics=_frame(analysis.statistics, masks),
        pairs=_frame(analysis.pairs.drop(columns="session_id"), masks).assign(session_id=rows)[
            list(analysis.pairs.columns)
        ],
        bland_altman=_frame(analysis.bland_altman, masks),
        calibration=_frame(analysis.calibration, masks),
        error_by_participant=_frame(analysis.error_by_participant, masks),
        change=_frame(analysis.change, masks),
        rules=_texts(analysis.rules, masks),
        notes=tuple(map(masks.hide, analysis.notes)),
    )


def mask_raters(analysis: RaterAnalysis, masks: Masks) -> RaterAnalysis:
    """Return the analysis of raters without their names.

    Parameters
    ----------
    analysis : RaterAnalysis
        The analysis.
    masks : Masks
        Labels; new ones are added.

    Returns
    -------
    RaterAnalysis
        The same numbers; raters have labels.
    """
    labels = masks.of("rater", analysis.raters)
    return replace(
        analysis,
        raters=tuple(labels[rater] for rater in analysis.raters),
        human=_frame(analysis.human, masks),
        pairwise=_frame(analysis.pairwise, masks),
        model_human=_frame(analysis.model_human, masks),
        ceiling=_frame(analysis.ceiling, masks),
        verdicts=_frame(analysis.verdicts, masks),
        missing=tuple(map(masks.hide, analysis.missing)),
        notes=tuple(map(masks.hide, analysis.notes)),
    )


def _collect(frames: Iterable[pd.DataFrame], masks: Masks) -> None:
    """Give labels to everybody at once, so that sessions are numbered in their order."""
    found: dict[str, set[str]] = {}
    for frame in frames:
        for column, kind in _KINDS.items():
            if column in frame:
                found.setdefault(kind, set()).update(frame[column].dropna().astype(str))
    for kind, originals in found.items():
        masks.of(kind, originals)


def _frame(frame: pd.DataFrame, masks: Masks) -> pd.DataFrame:
    changed: dict[str, pd.Series[Any]] = {}
    for column in frame.columns:
        kind = _KINDS.get(str(column))
        if kind is not None:
            labels = masks.of(kind, frame[column].dropna().astype(str))
            changed[str(column)] = frame[column].map(labels, na_action="ignore")
        elif not pd.api.types.is_numeric_dtype(frame[column]):
            changed[str(column)] = frame[column].map(
                lambda value: masks.hide(value) if isinstance(value, str) else value
            )
    return frame.assign(**changed)


def _texts(texts: Mapping[str, str], masks: Masks) -> dict[str, str]:
    return {name: masks.hide(text) for name, text in texts.items()}


def _in_json(value: Any, masks: Masks) -> Any:
    if isinstance(value, str):
        return masks.hide(value)
    if isinstance(value, dict):
        return {
            name: masks.of("rater", [one])[one]
            if name == "rater" and isinstance(one, str)
            else _in_json(one, masks)
            for name, one in value.items()
        }
    return [_in_json(one, masks) for one in value] if isinstance(value, list) else value
