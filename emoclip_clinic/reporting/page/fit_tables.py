"""The TSV files of a report: every number of an analysis, and a table that says what their columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from emoclip_clinic.reporting.analysis import records

if TYPE_CHECKING:
    from emoclip_clinic.reporting.analysis.records import FitAnalysis, PairAnalysis, RaterAnalysis

__all__ = ["column_table", "fit_frames", "pair_frames", "rater_frames"]

_MEANINGS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "items": ("Main table: one row per item and score.", records.ITEM_COLUMNS),
    "models": ("Every model and baseline.", records.MODEL_COLUMNS),
    "statistics": ("Every statistic in long form.", records.STATISTIC_COLUMNS),
    "comparisons": ("The main model against every other.", records.COMPARISON_COLUMNS),
    "pairs": ("Ratings and predictions.", {"item": "Item or score.", **records.PAIR_COLUMNS}),
    "bland-altman": ("Bias and limits of agreement.", records.BLAND_ALTMAN_COLUMNS),
    "calibration": ("Bins and line of calibration.", records.CALIBRATION_COLUMNS),
    "error-by-participant": ("Errors of every participant.", records.ERROR_COLUMNS),
    "subgroups": ("Agreement within groups of people.", records.SUBGROUP_COLUMNS),
    "change": ("Change over sessions.", records.CHANGE_COLUMNS),
    "flow": ("Participants and sessions by step.", records.FLOW_COLUMNS),
    "exclusions": ("Sessions left out, by reason.", records.EXCLUSION_COLUMNS),
    "missing-ratings": ("Single ratings that are missing.", {
        "target": "Item or score.", "reason": "Why.", "n": "How many.",
    }),
    "characteristics": ("Characteristics of the participants.", records.CHARACTERISTIC_COLUMNS),
    "quality": ("Quality of every session.", records.QUALITY_COLUMNS),
    "ledger": ("Every analysis of this scale.", records.LEDGER_COLUMNS),
    "audit": ("Checks against leaks.", records.AUDIT_COLUMNS),
    "raters": ("Agreement of raters.", records.HUMAN_COLUMNS),
    "pairs-of-raters": ("Agreement of every pair of raters.", records.PAIRWISE_COLUMNS),
    "model-human": ("One rater and the model beside each other.", records.MODEL_HUMAN_COLUMNS),
    "ceiling": ("Reliability of the ratings and ceiling of r.", records.CEILING_COLUMNS),
    "verdicts": ("Verdicts on non-inferiority.", records.VERDICT_COLUMNS),
    "sensitivity": ("The ridge under other choices; columns as in the fit's sensitivity.tsv.", {}),
    "stability": ("The ridge refitted on parts; columns as in the fit's stability.tsv.", {}),
    "groups": ("Measures inside diagnostic groups; columns as in the fit's metrics_by_group.tsv.", {}),
}  # fmt: skip


def fit_frames(analysis: FitAnalysis) -> dict[str, pd.DataFrame]:
    """Return the tables of a fit by name; those without rows are left out.

    Parameters
    ----------
    analysis : FitAnalysis
        The analysis, masked if that was asked for.

    Returns
    -------
    dict of str to DataFrame
        Unrounded.
    """
    frames = {
        "items": analysis.items,
        "models": analysis.by_model,
        "statistics": analysis.statistics,
        "comparisons": analysis.comparisons,
        "pairs": _stacked(analysis.pairs),
        "bland-altman": analysis.bland_altman,
        "calibration": analysis.calibration,
        "error-by-participant": analysis.error_by_participant,
        "subgroups": analysis.subgroups,
        "change": analysis.change,
        "flow": analysis.cohort.flow,
        "exclusions": analysis.cohort.exclusions,
        "missing-ratings": analysis.cohort.missing_ratings,
        "characteristics": analysis.cohort.participants,
        "quality": analysis.quality,
        "sensitivity": analysis.sensitivity,
        "stability": analysis.stability,
        "groups": analysis.group_table,
        "ledger": analysis.ledger.entries,
        "audit": analysis.audit,
        **rater_frames(analysis.raters),
    }
    return {name: frame for name, frame in frames.items() if frame is not None and len(frame)}


def rater_frames(analysis: RaterAnalysis) -> dict[str, pd.DataFrame]:
    """Return the tables of raters by name; those without rows are left out."""
    frames = {
        "raters": analysis.human,
        "pairs-of-raters": analysis.pairwise,
        "model-human": analysis.model_human,
        "ceiling": analysis.ceiling,
        "verdicts": analysis.verdicts,
    }
    return {name: frame for name, frame in frames.items() if len(frame)}


def pair_frames(analysis: PairAnalysis) -> dict[str, pd.DataFrame]:
    """Return the tables of two measures by name; those without rows are left out."""
    frames = {
        "statistics": analysis.statistics,
        "pairs": analysis.pairs,
        "bland-altman": analysis.bland_altman,
        "calibration": analysis.calibration,
        "error-by-participant": analysis.error_by_participant,
        "change": analysis.change,
    }
    return {name: frame for name, frame in frames.items() if len(frame)}


def column_table(frames: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Say what the files and their columns hold.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Tables by name.

    Returns
    -------
    columns : DataFrame
        ``file``, ``column``, ``meaning``.
    contents : dict of str to str
        File to its content in a sentence.
    """
    rows = [
        {"file": f"{name}.tsv", "column": str(column), "meaning": _MEANINGS[name][1].get(str(column), "")}
        for name, frame in frames.items()
        for column in frame.columns
    ]
    contents = {f"{name}.tsv": _MEANINGS[name][0] for name in frames}
    return pd.DataFrame(rows, columns=["file", "column", "meaning"]), contents


def _stacked(pairs: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    frames = [
        frame.assign(item=item)[["item", *frame.columns]] for item, frame in pairs.items() if len(frame)
    ]
    return pd.concat(frames, ignore_index=True) if frames else None
