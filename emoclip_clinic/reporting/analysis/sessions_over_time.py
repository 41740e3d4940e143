"""Whether predictions follow a participant's ratings from session to session."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.agreement import AgreementWarning, rm_corr
from emoclip_clinic.agreement.resampling import limits
from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.measures import Measures, resample_weights, resampled_values
from emoclip_clinic.reporting.analysis.reading import FitTables
from emoclip_clinic.reporting.analysis.records import CHANGE_COLUMNS, ReportSettings
from emoclip_clinic.reporting.analysis.statistics import interval_name

__all__ = ["change_table", "session_order"]

Floats = NDArray[np.float64]

_SHOWN = ("Pearson r", "CCC", "MAE", "bias")


def session_order(session_id: str | None) -> tuple[tuple[int, int, str], ...]:
    """Sort key of session labels: numbers in them count as numbers, so that ses-10 comes after ses-2."""
    parts = re.split(r"(\d+)", session_id or "")
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part)


def change_table(fit: FitTables, *, settings: ReportSettings) -> pd.DataFrame:
    """Compute the repeated-measures correlation, and the agreement of changes since the first session.

    Parameters
    ----------
    fit : FitTables
        The fit.
    settings : ReportSettings
        Level, resamples and seed.

    Returns
    -------
    DataFrame
        `CHANGE_COLUMNS`; no rows if no participant has two sessions. Changes are shown for fits of ratings
        only: in a fit of change they are the target itself.
    """
    if fit.codes.size == fit.n_participants:
        return frame_of([], CHANGE_COLUMNS)
    predictions = fit.predictions[fit.main_model]
    weights = resample_weights(fit.n_participants, n_resamples=settings.resamples, seed=settings.seed)
    rows = [
        _repeated(fit, predictions, item, column, weights, settings)
        for column, item in enumerate(fit.targets)
    ]
    if fit.kind == "level":
        rows += _changes(fit, predictions, weights, settings)
    order = {item: place for place, item in enumerate(fit.targets)}
    rows.sort(key=lambda row: order[str(row["item"])])
    return frame_of(rows, CHANGE_COLUMNS)


def _repeated(
    fit: FitTables,
    predictions: Floats,
    item: str,
    column: int,
    weights: Floats,
    settings: ReportSettings,
) -> dict[str, object]:
    """Repeated-measures correlation: with its own interval, or resampled if folds were repeated."""
    if len(predictions) == 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AgreementWarning)
            frame = rm_corr(
                fit.Y[:, column],
                predictions[0][:, column],
                cluster=fit.codes,
                confidence=settings.confidence,
            )
        return {"item": item, **{str(k): v for k, v in frame.iloc[0].items()}}
    only = slice(column, column + 1)
    measures = Measures(
        fit.Y[:, only],
        predictions[:, :, only],
        codes=fit.codes,
        n_participants=fit.n_participants,
        names=("repeated-measures r",),
    )
    return _row(
        item,
        "repeated-measures r",
        measures,
        measures.estimate(),
        resampled_values(measures, weights),
        0,
        0,
        settings,
    )


def _changes(
    fit: FitTables, predictions: Floats, weights: Floats, settings: ReportSettings
) -> list[dict[str, object]]:
    """Agreement of prediction and rating in the change since the first session in which both are there."""
    order = sorted(
        range(len(fit.sessions)),
        key=lambda row: (fit.codes[row], session_order(fit.sessions["session_id"][row])),
    )
    Y = np.full_like(fit.Y, np.nan)
    own = np.full_like(predictions, np.nan)
    there = np.isfinite(fit.Y) & np.isfinite(predictions).all(axis=0)
    for column in range(fit.Y.shape[1]):
        first: dict[int, int] = {}
        for row in order:
            if there[row, column]:
                start = first.setdefault(int(fit.codes[row]), row)
                if start != row:
                    Y[row, column] = fit.Y[row, column] - fit.Y[start, column]
                    own[:, row, column] = predictions[:, row, column] - predictions[:, start, column]
    measures = Measures(Y, own, codes=fit.codes, n_participants=fit.n_participants, names=_SHOWN)
    estimate, draws = measures.estimate(), resampled_values(measures, weights)
    return [
        _row(item, f"change: {name}", measures, estimate, draws, place, column, settings)
        for column, item in enumerate(fit.targets)
        for place, name in enumerate(_SHOWN)
    ]


def _row(
    item: str,
    title: str,
    measures: Measures,
    estimate: Floats,
    draws: Floats,
    place: int,
    column: int,
    settings: ReportSettings,
) -> dict[str, object]:
    n_sessions, n_people = measures.counts()
    n, people = int(n_sessions[column]), int(n_people[column])
    value = float(estimate[place, column])
    low = high = np.nan
    flag = "no change to compare" if n == 0 else "too few or constant" if np.isnan(value) else ""
    if not flag and people < 2:
        flag = "fewer than 2 participants"
    elif not flag:
        low, high, flag = limits(draws[:, place, column], value, confidence=settings.confidence)
    return {
        "item": item,
        "statistic": title,
        "n": n,
        "n_clusters": people,
        "estimate": value,
        "ci_low": low,
        "ci_high": high,
        "ci_method": "" if np.isnan(low) else interval_name(settings.resamples, clustered=True),
        "p": np.nan,
        "flag": flag,
    }
