"""Measures within subgroups of participants: diagnostic group, sex, site, and bands of age."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.agreement.resampling import limits
from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.measures import Measures, resample_weights, resampled_values
from emoclip_clinic.reporting.analysis.reading import FitTables
from emoclip_clinic.reporting.analysis.records import SUBGROUP_COLUMNS, ReportSettings

__all__ = ["AGE_BANDS", "LEAST_PARTICIPANTS", "age_band", "column_of", "plain_level", "subgroup_table"]

LEAST_PARTICIPANTS = 20
"""With fewer participants a subgroup gets no numbers."""

AGE_BANDS = (30.0, 45.0, 60.0)
"""Ages in years at which a new band begins: fixed beforehand, whatever the sample."""

_MOST_LEVELS = 12
_COLUMNS = {"group": ("group", "diagnosis"), "sex": ("sex", "gender"), "site": ("site",), "age": ("age",)}
_SHOWN = {"skill": "skill", "pearson_r": "Pearson r", "ccc": "CCC", "mae": "MAE", "bias": "bias"}


def column_of(participants: pd.DataFrame, kind: str) -> str | None:
    """Find the column of participants.tsv that holds group, sex, site or age; None if there is none."""
    there = {str(name).casefold(): str(name) for name in participants.columns}
    return next((there[name] for name in _COLUMNS[kind] if name in there), None)


def age_band(age: float) -> str | None:
    """Name the band of an age; None where it is unknown."""
    if not np.isfinite(age):
        return None
    place = int(np.searchsorted(AGE_BANDS, age, side="right"))
    if place == 0:
        return f"under {AGE_BANDS[0]:g}"
    if place == len(AGE_BANDS):
        return f"{AGE_BANDS[-1]:g} and over"
    return f"{AGE_BANDS[place - 1]:g} to under {AGE_BANDS[place]:g}"


def subgroup_table(fit: FitTables, participants: pd.DataFrame, *, settings: ReportSettings) -> pd.DataFrame:
    """Compute the main model's measures in each subgroup.

    Parameters
    ----------
    fit : FitTables
        The fit.
    participants : DataFrame
        participants.tsv.
    settings : ReportSettings
        Level, resamples and seed.

    Returns
    -------
    DataFrame
        `SUBGROUP_COLUMNS`. Participants of the subgroup are resampled.
    """
    rows = []
    for column, level, inside in _subgroups(fit, participants):
        rows += _rows(fit, column, level, inside, settings)
    return frame_of(rows, SUBGROUP_COLUMNS)


def _subgroups(fit: FitTables, participants: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Column, level, and who of the sessions is inside."""
    known = participants.set_index("participant_id")
    for kind in _COLUMNS:
        column = column_of(participants, kind)
        if column is None:
            continue
        values = known[column].reindex(fit.sessions["participant_id"]).reset_index(drop=True)
        if kind == "age":
            ages = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
            labels = [age_band(age) for age in ages]
            order: list[str | None] = [age_band(age) for age in (0.0, *AGE_BANDS)]
        else:
            labels = [None if pd.isna(one) else plain_level(one) for one in values]
            order = [*sorted({one for one in labels if one is not None})]
        levels = [one for one in order if one is not None and one in labels]
        if 2 <= len(levels) <= _MOST_LEVELS:
            for level in levels:
                yield column, level, np.array([one == level for one in labels])


def _rows(
    fit: FitTables, column: str, level: str, inside: NDArray[np.bool_], settings: ReportSettings
) -> list[dict[str, object]]:
    people, codes = np.unique(fit.codes[inside], return_inverse=True)
    predictions = fit.predictions[fit.main_model][:, inside]
    mean = fit.predictions.get("mean")
    measures = Measures(
        fit.Y[inside],
        predictions,
        codes=codes,
        n_participants=people.size,
        names=tuple(_SHOWN.values()),
        baseline=np.full_like(predictions, np.nan) if mean is None else mean[:, inside],
    )
    n_sessions, n_people = measures.counts()
    draws = estimate = None
    if n_people.max() >= LEAST_PARTICIPANTS:
        weights = resample_weights(people.size, n_resamples=settings.resamples, seed=settings.seed)
        draws, estimate = resampled_values(measures, weights), measures.estimate()
    rows = []
    for place, item in enumerate(fit.targets):
        row: dict[str, object] = {
            "item": item,
            "column": column,
            "level": level,
            "n_participants": n_people[place],
            "n_sessions": n_sessions[place],
            "flag": "too few",
        }
        if draws is not None and estimate is not None and n_people[place] >= LEAST_PARTICIPANTS:
            flags = []
            for number, short in enumerate(_SHOWN):
                value = float(estimate[number, place])
                low, high, flag = limits(draws[:, number, place], value, confidence=settings.confidence)
                row |= {short: value, f"{short}_low": low, f"{short}_high": high}
                flags.append(flag if np.isfinite(value) else "constant ratings or predictions")
            row["flag"] = "; ".join(dict.fromkeys(flag for flag in flags if flag))
        rows.append(row)
    return rows


def plain_level(value: object) -> str:
    """Numbers of codes as people write them: 1, not 1.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)
