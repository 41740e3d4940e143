"""Raters of one item: agreement with each other, the model in a rater's place, the ceiling, the verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.agreement import AgreementWarning, human_and_model, icc, non_inferiority
from emoclip_clinic.agreement.ceiling import CEILING_FORMS, TargetUse, ceiling_rows
from emoclip_clinic.agreement.human_and_model import HUMAN_STATISTICS, HumanStatistic
from emoclip_clinic.agreement.moments import MOMENT_STATISTICS, MomentSums
from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.records import (
    CEILING_COLUMNS,
    HUMAN_COLUMNS,
    MODEL_HUMAN_COLUMNS,
    PAIRWISE_COLUMNS,
    VERDICT_COLUMNS,
    RaterAnalysis,
    ReportSettings,
)

__all__ = [
    "ITERATIVE_RESAMPLES",
    "RATERS_NOTES",
    "RATER_FRAMES",
    "Margin",
    "RaterTable",
    "each_item",
    "rater_analysis",
    "rater_rows",
    "raters_design",
]

Floats = NDArray[np.float64]
Row = dict[str, object]

ITERATIVE_RESAMPLES = 2_000
"""Most resamples of intraclass correlations, which are refitted in each of them where ratings are missing."""

RATER_FRAMES: Mapping[str, Mapping[str, str]] = {
    "human": HUMAN_COLUMNS,
    "pairwise": PAIRWISE_COLUMNS,
    "model_human": MODEL_HUMAN_COLUMNS,
    "ceiling": CEILING_COLUMNS,
    "verdicts": VERDICT_COLUMNS,
}
"""Frames of a :class:`RaterAnalysis` with their columns."""

RATERS_NOTES = (
    "Raters are held fixed: intervals are about these raters, not about others.",
    "Each rater, and the model in this rater's place, is compared with the mean of the other raters.",
    "Two raters of equal quality agree at the ICC itself. The ceiling of r is its root, so that a model "
    "above the agreement of two raters is not better than a human.",
    "The ceiling assumes that errors of raters and model are independent. Where raters and model saw the "
    "same interview, r can exceed it.",
    f"Intraclass correlations have intervals from at most {ITERATIVE_RESAMPLES} resamples.",
)
"""What a reader of the raters' numbers must know."""

_PAIRWISE = {"pearson_r": "Pearson r", "ccc": "CCC", "icc_a1": "ICC(A,1)", "mae": "MAE"}


@dataclass(frozen=True)
class Margin:
    """The margin of non-inferiority, the statistic in which it is meant, and whether it is preregistered."""

    value: float | None
    statistic: HumanStatistic
    prespecified: bool


@dataclass(frozen=True, eq=False)
class RaterTable:
    """Ratings of one item by session and rater, with what the model predicted.

    Attributes
    ----------
    item : str
    ratings : DataFrame of shape (n_sessions, n_raters)
        NaN where a rater did not rate; columns are raters.
    codes : ndarray of int, shape (n_sessions,)
        Participant of each session.
    predictions : ndarray of shape (n_sessions, n_repeats) or None
    used : {"one rater", "fixed panel", "varying rater", "varying panel"} or None
        How raters became the target; None where that is unknown or a consensus.
    """

    item: str
    ratings: pd.DataFrame
    codes: NDArray[np.intp]
    predictions: Floats | None
    used: TargetUse | None


def raters_design(ratings: pd.DataFrame) -> str:
    """Tell one rater, a fixed panel (the same raters in every session), or raters who vary by session."""
    rated = ratings.dropna(how="all").dropna(how="all", axis=1)
    if rated.shape[1] == 0:
        return "none"
    if rated.shape[1] == 1:
        return "one rater"
    return "fixed panel" if bool(rated.notna().to_numpy().all()) else "raters vary by session"


def rater_rows(table: RaterTable, *, settings: ReportSettings, margin: Margin) -> dict[str, list[Row]]:
    """Compute everything about the raters of one item.

    Parameters
    ----------
    table : RaterTable
        The item.
    settings : ReportSettings
        Level, resamples and seed.
    margin : Margin
        For the verdict.

    Returns
    -------
    dict of str to list of dict
        Rows of ``human``, ``pairwise``, ``model_human``, ``ceiling`` and ``verdicts``.
    """
    ratings = table.ratings.dropna(how="all", axis=1)
    with warnings.catch_warnings():
        # Every row that is not defined carries its reason.
        warnings.simplefilter("ignore", AgreementWarning)
        beside = human_and_model(
            ratings,
            table.predictions,
            cluster=table.codes,
            confidence=settings.confidence,
            n_resamples=settings.resamples,
            seed=settings.seed,
        )
        forms = icc(
            ratings,
            cluster=table.codes,
            confidence=settings.confidence,
            n_resamples=min(settings.resamples, ITERATIVE_RESAMPLES),
            seed=settings.seed,
        )
        verdict = None
        if table.predictions is not None:
            verdict = non_inferiority(
                ratings,
                table.predictions,
                margin=margin.value,
                prespecified=margin.prespecified,
                statistic=margin.statistic,
                cluster=table.codes,
                n_resamples=settings.resamples,
                seed=settings.seed,
            )
        ceiling = _ceiling(table, ratings, forms)
    pairwise = beside[beside["statistic"].str.startswith("mean pairwise")]
    human = pd.concat([pairwise, forms])
    return {
        "human": [
            {"item": table.item, **{str(k): v for k, v in row.items()}} for row in human.to_dict("records")
        ],
        "pairwise": _pairwise(table, ratings),
        "model_human": [] if table.predictions is None else _model_human(table, ratings, beside),
        "ceiling": [ceiling],
        "verdicts": [] if verdict is None else [{"item": table.item, **vars(verdict)}],
    }


def _pairwise(table: RaterTable, ratings: pd.DataFrame) -> list[Row]:
    """Every pair of raters on the sessions that both rated; estimates only."""
    pairs = list(combinations(ratings.columns, 2))
    if not pairs:
        return []
    first, second = (ratings[[pair[side] for pair in pairs]].to_numpy(dtype=np.float64) for side in (0, 1))
    there = np.isfinite(first) & np.isfinite(second)
    sums = MomentSums(
        np.where(there, first, np.nan),
        np.where(there, second, np.nan),
        codes=np.arange(len(ratings)),
        n_clusters=len(ratings),
        rounded=None,
        baseline=None,
        within=1.0,
    )
    totals = sums.totals(np.ones((1, len(ratings))))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {short: MOMENT_STATISTICS[name](totals)[0] for short, name in _PAIRWISE.items()}
    return [
        {
            "item": table.item,
            "rater_a": a,
            "rater_b": b,
            "n": int(there[:, place].sum()),
            **{short: values[place] for short, values in found.items()},
        }
        for place, (a, b) in enumerate(pairs)
    ]


def _model_human(table: RaterTable, ratings: pd.DataFrame, beside: pd.DataFrame) -> list[Row]:
    """Human, model and their difference in one row for each statistic."""
    found = {str(row["statistic"]): row for row in beside.to_dict("records")}
    rows = []
    for name in HUMAN_STATISTICS:
        row: Row = {"item": table.item, "statistic": name, "n_raters": ratings.shape[1]}
        for short, title in (("human", "human"), ("model", "model"), ("difference", "model - human")):
            one = found[f"{title}, {name}"]
            row |= {short: one["estimate"], f"{short}_low": one["ci_low"], f"{short}_high": one["ci_high"]}
            row |= {"n": one["n"], "n_clusters": one["n_clusters"], "flag": one["flag"]}
        rows.append(row)
    return rows


def _ceiling(table: RaterTable, ratings: pd.DataFrame, forms: pd.DataFrame) -> Row:
    """Reliability of the target as it was used, and the ceiling that follows."""
    counts = ratings.notna().sum(axis=1)
    counts = counts[counts > 0]
    row: Row = {
        "item": table.item,
        "design": raters_design(ratings),
        "n": int(counts.size),
        "n_clusters": int(np.unique(table.codes[ratings.notna().any(axis=1)]).size),
        "k": float(1 / (1 / counts).mean()) if counts.size else np.nan,
    }
    if table.used is None:
        return row | {"flag": "how reliable the target is cannot be told from these ratings"}
    reliability, ceiling = ceiling_rows(forms, used=table.used).to_dict("records")
    row["form"] = CEILING_FORMS[table.used]
    for short, one in (("reliability", reliability), ("ceiling", ceiling)):
        row |= {short: one["estimate"], f"{short}_low": one["ci_low"], f"{short}_high": one["ci_high"]}
    return row | {"flag": ceiling["flag"]}


def each_item(
    tables: Sequence[RaterTable],
    *,
    settings: ReportSettings,
    margin: Margin,
    progress: Callable[[int, int], None],
) -> dict[str, list[Row]]:
    """Rows of all items, one after the other."""
    rows: dict[str, list[Row]] = {}
    for done, table in enumerate(tables):
        progress(done, len(tables))
        for name, found in rater_rows(table, settings=settings, margin=margin).items():
            rows.setdefault(name, []).extend(found)
    progress(len(tables), len(tables))
    return rows


def rater_analysis(
    raters: tuple[str, ...],
    design: str,
    n_double: int,
    frames: Mapping[str, list[Row] | pd.DataFrame],
    *,
    missing: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> RaterAnalysis:
    """Put a record together from rows or frames by name; what is not given has no rows."""
    made = {}
    for name, columns in RATER_FRAMES.items():
        rows = frames.get(name, [])
        made[name] = rows if isinstance(rows, pd.DataFrame) else frame_of(rows, columns)
    return RaterAnalysis(
        raters,
        design,
        n_double,
        made["human"],
        made["pairwise"],
        made["model_human"],
        made["ceiling"],
        made["verdicts"],
        missing,
        notes,
    )
