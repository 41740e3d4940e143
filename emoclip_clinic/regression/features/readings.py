"""Zero-shot readings as features of sessions, by names that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.features.sessions import SessionFeatures, session_features, session_keys
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.readings import load_session_readings

__all__ = ["READING_FEATURES", "fit_features", "reading_features"]

READING_FEATURES = ("similarity_mean", "share_of_time", "episodes_per_minute")
"""Columns of the table of readings that become features, for every class of the set."""


def fit_features(
    study: Study | Path | str,
    *,
    level: str,
    aggregation: str,
    min_usable_s: float,
    tasks: Sequence[str] | None,
    zeroshot_set: str,
) -> SessionFeatures:
    """Read the features of sessions that a fit asks for.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    level : {"session", "segment", "zeroshot", "session+zeroshot"}
        The setting ``features`` of the fit.
    aggregation, min_usable_s, tasks
        As for `session_features`.
    zeroshot_set : str
        Set of class descriptions, where readings are asked for.

    Returns
    -------
    SessionFeatures
        Of all sessions with enough usable video.

    Raises
    ------
    StudyError, FormatError, RegressionError
        As `session_features` and `reading_features`.
    """
    features = session_features(study, aggregation=aggregation, min_usable_s=min_usable_s, tasks=tasks)
    if not level.endswith("zeroshot"):
        return features
    return reading_features(features, study, zeroshot_set, beside=level.startswith("session"))


def reading_features(
    features: SessionFeatures, study: Study | Path | str, set_name: str, *, beside: bool
) -> SessionFeatures:
    """Take a study's zero-shot readings as the features of its sessions.

    Parameters
    ----------
    features : SessionFeatures
        Sessions with enough usable video, and their features.
    study : Study, Path or str
        The study.
    set_name : str
        Set of class descriptions whose readings were made by ``emoclip-clinic zeroshot score``.
    beside : bool
        Whether the readings stand beside the features that are there, or in their place.

    Returns
    -------
    SessionFeatures
        The same sessions. A reading is named such as ``zeroshot:anger:similarity_mean``.

    Raises
    ------
    StudyError
        If there are no readings of the set, or segments have changed since.
    RegressionError
        If a session has no reading.
    """
    table = load_session_readings(study, set_name)
    classes = tuple(dict.fromkeys(table["class"]))
    values: dict[tuple[tuple[str, str | None], str], tuple[float, ...]] = {
        (key, row[0]): tuple(row[1:])
        for key, row in zip(
            session_keys(table),
            table[["class", *READING_FEATURES]].itertuples(index=False, name=None),
            strict=True,
        )
    }
    names = tuple(f"zeroshot:{class_id}:{column}" for class_id in classes for column in READING_FEATURES)
    rows = np.full((len(features.keys), len(names)), np.nan)
    for number, key in enumerate(features.keys):
        missing = (np.nan,) * len(READING_FEATURES)
        rows[number] = np.concatenate([values.get((key, class_id), missing) for class_id in classes])
    gaps = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if gaps.size:
        participant, session = features.keys[gaps[0]]
        raise RegressionError(
            "Every session must have a zero-shot reading of every class",
            found=f"{participant} {session or ''}".strip()
            + (f" and {gaps.size - 1} more" if gaps.size > 1 else ""),
            hint=f"Make them with `emoclip-clinic zeroshot score --classes {set_name}`.",
        )
    return replace(
        features,
        X=np.hstack([features.X, rows]) if beside else rows,
        names=(*features.names, *names) if beside else names,
    )
