"""The analyses of any pair of measures and any set of raters in a table, without a fit."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from emoclip_clinic.agreement import AgreementWarning, agreement_table, rm_corr
from emoclip_clinic.agreement.ceiling import TargetUse
from emoclip_clinic.errors import ReportError, did_you_mean
from emoclip_clinic.reporting.analysis.frames import frame_of, typed
from emoclip_clinic.reporting.analysis.pair_frames import (
    bland_altman_rows,
    calibration_rows,
    error_rows,
    line_row,
)
from emoclip_clinic.reporting.analysis.rater_steps import step_rows
from emoclip_clinic.reporting.analysis.raters import (
    RATERS_NOTES,
    Margin,
    RaterTable,
    rater_analysis,
    rater_rows,
    raters_design,
)
from emoclip_clinic.reporting.analysis.records import (
    BLAND_ALTMAN_COLUMNS,
    CALIBRATION_COLUMNS,
    CHANGE_COLUMNS,
    ERROR_COLUMNS,
    PAIR_COLUMNS,
    STATISTIC_COLUMNS,
    PairAnalysis,
    RaterAnalysis,
    ReportSettings,
)
from emoclip_clinic.reporting.analysis.rules import pair_rules, raters_missing

__all__ = ["analyse_pair", "analyse_raters"]


def analyse_pair(
    frame: pd.DataFrame,
    *,
    truth: str,
    prediction: str,
    cluster: str | None = None,
    steps: Sequence[float] | None = None,
    settings: ReportSettings | None = None,
) -> PairAnalysis:
    """Analyse two measures of the same thing.

    Parameters
    ----------
    frame : DataFrame
        One row for each observation.
    truth, prediction : str
        The columns to compare; the difference is prediction - truth.
    cluster : str, optional
        The column of participants, where they have several rows.
    steps : sequence of float, optional
        All steps of the scale, for the kappa and the rounded share.
    settings : ReportSettings, optional
        Level, resamples and seed.

    Returns
    -------
    PairAnalysis
        Rows that cannot be used are counted with their reason; degenerate columns give NaN with a flag.

    Raises
    ------
    ReportError
        If a column is not there.
    AgreementError
        If steps are not increasing numbers.
    """
    settings = settings or ReportSettings()
    _check_columns(frame, [truth, prediction, *([] if cluster is None else [cluster])])
    rating, predicted = _numbers(frame[truth]), _numbers(frame[prediction])
    who = (
        pd.Series(range(1, len(frame) + 1), index=frame.index).astype(str)
        if cluster is None
        else frame[cluster]
    )
    reasons = pd.Series("", index=frame.index, dtype=object)
    for name, values in ((truth, rating), (prediction, predicted)):
        missing = frame[name].isna() | (frame[name].astype(str).str.strip() == "")
        reasons[values.isna() & ~missing & (reasons == "")] = f"{name} is no number"
        reasons[missing & (reasons == "")] = f"{name} is missing"
    reasons[who.isna() & (reasons == "")] = f"{cluster} is missing"
    kept = reasons == ""
    x, y = rating[kept].to_numpy(dtype=np.float64), predicted[kept].to_numpy(dtype=np.float64)
    people = who[kept].astype(str).tolist()
    codes, names = pd.factorize(np.array(people, dtype=object))
    repeated = len(names) < len(people)
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", AgreementWarning)  # each row carries its reason
        table = agreement_table(
            x,
            y,
            cluster=codes,
            categories=None if steps is None else list(steps),
            confidence=settings.confidence,
            n_resamples=settings.resamples,
            seed=settings.seed,
        )
        bins = calibration_rows(
            "",
            x,
            y,
            codes=codes,
            confidence=settings.confidence,
            n_resamples=settings.resamples,
            seed=settings.seed,
        )
        within = rm_corr(x, y, cluster=codes, confidence=settings.confidence)
    statistics = typed(table, STATISTIC_COLUMNS)
    counts = reasons[~kept].value_counts()
    return PairAnalysis(
        truth=truth,
        prediction=prediction,
        cluster=cluster,
        n_rows=len(frame),
        n_left_out={str(reason): int(n) for reason, n in counts.items()},
        statistics=statistics,
        pairs=typed(
            pd.DataFrame(
                {
                    "participant_id": people,
                    "session_id": [str(row + 1) for row in np.flatnonzero(kept)],
                    "rating": x,
                    "prediction": y,
                    "n_raters": 1,
                }
            ),
            PAIR_COLUMNS,
        ),
        bland_altman=frame_of(
            bland_altman_rows("", x, y, codes=codes, confidence=settings.confidence), BLAND_ALTMAN_COLUMNS
        ),
        calibration=frame_of([line_row("", statistics), *bins], CALIBRATION_COLUMNS),
        error_by_participant=frame_of(
            error_rows("", x, y[None], participants=people, group=None), ERROR_COLUMNS
        ),
        change=typed(within, CHANGE_COLUMNS) if repeated else frame_of([], CHANGE_COLUMNS),
        settings=settings,
        rules=pair_rules(settings, repeated=repeated),
        notes=_pair_notes(cluster, repeated=repeated),
    )


def analyse_raters(
    frame: pd.DataFrame,
    *,
    raters: Sequence[str],
    cluster: str | None = None,
    prediction: str | None = None,
    steps: Sequence[float] | None = None,
    settings: ReportSettings | None = None,
) -> RaterAnalysis:
    """Analyse how well raters agree, and a model beside them if there is one.

    Parameters
    ----------
    frame : DataFrame
        One row for each subject that was rated.
    raters : sequence of str
        Columns of the raters; missing where a rater did not rate.
    cluster : str, optional
        The column of participants, where they have several rows.
    prediction : str, optional
        The column of a model.
    steps : sequence of float, optional
        All steps of the scale, for the ordinal alpha and the kappa of every pair of raters.
    settings : ReportSettings, optional
        Level, resamples, seed and margin. A margin is "chosen at analysis" here: no study vouches for it.

    Returns
    -------
    RaterAnalysis
        Frames have '' for the item. Cells that are no numbers count as missing, and a note says so.

    Raises
    ------
    ReportError
        If a column is not there, or is named twice.
    """
    settings = settings or ReportSettings()
    given = [one for one in (cluster, prediction) if one is not None]
    _check_columns(frame, [*raters, *given])
    if len(set(raters)) < len(raters) or not raters:
        raise ReportError("Each rater must be one column, named once", found=", ".join(raters) or "no rater")
    notes = list(RATERS_NOTES)
    columns = {
        name: _numbers(frame[name]) for name in (*raters, *([] if prediction is None else [prediction]))
    }
    for name, values in columns.items():
        odd = int((values.isna() & frame[name].notna()).sum())
        if odd:
            notes.append(f"{odd} cells of {name} are no numbers and count as missing.")
    kept = pd.Series(True, index=frame.index)
    codes = np.arange(len(frame))
    if cluster is not None:
        kept = frame[cluster].notna()
        codes = pd.factorize(frame.loc[kept, cluster].astype(str))[0]
        if not kept.all():
            notes.append(f"{int((~kept).sum())} rows without {cluster} are left out.")
    ratings = pd.DataFrame({name: columns[name][kept] for name in raters}).reset_index(drop=True)
    design = raters_design(ratings)
    uses: dict[str, TargetUse] = {"one rater": "one rater", "fixed panel": "fixed panel"}
    predictions = None
    if prediction is not None:
        predictions = columns[prediction][kept].to_numpy(dtype=np.float64)[:, None]
    table = RaterTable("", ratings, codes, predictions, uses.get(design, "varying panel"))
    margin = Margin(settings.margin, settings.margin_statistic, prespecified=False)
    with threadpool_limits(limits=1):
        rows = rater_rows(table, settings=settings, margin=margin)
    n_double = int((ratings.notna().sum(axis=1) >= 2).sum())
    there = tuple(name for name in raters if ratings[name].notna().any())
    analysis = rater_analysis(there, design, n_double, rows, notes=tuple(notes))
    further = step_rows(ratings, codes=codes, steps=steps, settings=settings)
    return replace(
        analysis,
        human=pd.concat([analysis.human, further], ignore_index=True) if len(further) else analysis.human,
        missing=raters_missing(there, n_double, analysis.verdicts, margin),
    )


def _check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    known = [str(name) for name in frame.columns]
    for name in names:
        if name not in known:
            raise ReportError(
                "Every column that is named must be in the table", found=name, hint=did_you_mean(name, known)
            )


def _numbers(values: pd.Series) -> pd.Series:
    """Numbers; what is none, or infinite, is missing."""
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _pair_notes(cluster: str | None, *, repeated: bool) -> tuple[str, ...]:
    if cluster is None:
        return (
            "No column of participants is named: every row counts as a person of its own. If a person has "
            "several rows, all intervals are too narrow.",
        )
    if repeated:
        return ("Participants have several rows: they are resampled with all of them.",)
    return ()
