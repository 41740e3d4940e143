"""The main table of a report: one row per item, put together from ratings, statistics and the fit's tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.analysis.frames import frame_of
from emoclip_clinic.reporting.analysis.measures import WITHIN
from emoclip_clinic.reporting.analysis.reading import BASELINES, FitTables
from emoclip_clinic.reporting.analysis.records import ITEM_COLUMNS, MODEL_COLUMNS, STATISTIC_FIELDS

__all__ = ["FEW_PARTICIPANTS", "MOSTLY_ONE", "item_table", "model_table"]

MOSTLY_ONE = 0.8
"""Share of sessions with one rating from which a row carries a warning."""

FEW_PARTICIPANTS = 30
"""Below so many participants a row carries a warning."""

_BESIDE = {
    "ridge-covariates": "covariates",
    "ridge-camera": "camera",
    "ridge-baseline-rating": "baseline_rating",
}
_P_VALUES = ("p", "p_step_down", "p_holm", "p_bh")


def item_table(fit: FitTables, statistics: pd.DataFrame) -> pd.DataFrame:
    """Put the main table together.

    Parameters
    ----------
    fit : FitTables
        The fit.
    statistics : DataFrame
        Statistics of all its models.

    Returns
    -------
    DataFrame
        `ITEM_COLUMNS`.
    """
    found = _by_key(statistics)
    metrics = _metrics(fit)
    gains = None if fit.gain is None else fit.gain.set_index("target")
    rows = []
    for column, item in enumerate(fit.targets):
        main = fit.main_model
        measured = metrics[item, main]
        ratings = fit.Y[np.isfinite(fit.Y[:, column]), column]
        row: dict[str, object] = {
            "item": item,
            "name": fit.scale.target_name(item),
            "family": measured["family"],
            "role": measured["role"],
            "model": main,
            "within": WITHIN,
            **_spread(fit, item, ratings),
            **_statistics_of(found, item, main, STATISTIC_FIELDS),
            **{name: measured[name] for name in _P_VALUES},
        }
        for name in ("Pearson r", "MAE", "RMSE"):
            short = "r" if name == "Pearson r" else name.lower()
            row[f"mean_{short}"] = found.get((item, "mean", name), _NOTHING)["estimate"]
        for model, prefix in _BESIDE.items():
            row[f"{prefix}_skill"] = found.get((item, model, "skill"), _NOTHING)["estimate"]
            row[f"{prefix}_r"] = found.get((item, model, "Pearson r"), _NOTHING)["estimate"]
        if gains is not None and item in gains.index:
            row |= {"gain": gains.loc[item, "observed"], "gain_p": gains.loc[item, "p"]}
        row["warning"] = _warning(row)
        row["note"] = "; ".join(part for part in (_text(measured["note"]), _flags(found, item, main)) if part)
        rows.append(row)
    return frame_of(rows, ITEM_COLUMNS)


def model_table(fit: FitTables, statistics: pd.DataFrame) -> pd.DataFrame:
    """Put every model of every item beside each other.

    Parameters
    ----------
    fit : FitTables
        The fit.
    statistics : DataFrame
        Statistics of all its models.

    Returns
    -------
    DataFrame
        `MODEL_COLUMNS`.
    """
    found = _by_key(statistics)
    metrics = _metrics(fit)
    fields = {short: name for short, name in STATISTIC_FIELDS.items() if short in MODEL_COLUMNS}
    rows = [
        {
            "item": item,
            "model": model,
            "kind": "baseline" if model in BASELINES else "model",
            **_statistics_of(found, item, model, fields),
            "p": metrics[item, model]["p"],
            "note": _text(metrics[item, model]["note"]),
        }
        for item in fit.targets
        for model in fit.models
    ]
    return frame_of(rows, MODEL_COLUMNS)


_NOTHING: dict[str, object] = dict.fromkeys(("estimate", "ci_low", "ci_high"), np.nan)


def _metrics(fit: FitTables) -> dict[tuple[str, str], dict[str, object]]:
    """Rows of metrics.tsv by item and model."""
    return {
        (str(row["item"]), str(row["model"])): {str(name): value for name, value in row.items()}
        for row in fit.metrics.to_dict("records")
    }


def _by_key(statistics: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, object]]:
    return {
        (str(row["item"]), str(row["model"]), str(row["statistic"])): {str(k): v for k, v in row.items()}
        for row in statistics.to_dict("records")
    }


def _statistics_of(
    found: dict[tuple[str, str, str], dict[str, object]], item: str, model: str, fields: Mapping[str, str]
) -> dict[str, object]:
    """Columns of estimates with their limits, and the numbers of participants and sessions."""
    row: dict[str, object] = {}
    for short, name in fields.items():
        one = found.get((item, model, name), _NOTHING)
        row |= {short: one["estimate"], f"{short}_low": one["ci_low"], f"{short}_high": one["ci_high"]}
    counts = found[item, model, "MAE"]
    return row | {"n_participants": counts["n_clusters"], "n_sessions": counts["n"]}


def _spread(fit: FitTables, item: str, ratings: np.ndarray) -> dict[str, object]:
    """Where the ratings lie on their scale."""
    low, high = fit.range_of(item)
    row: dict[str, object] = {"range_low": low, "range_high": high}
    if not ratings.size:
        return row
    counts = np.unique(ratings, return_counts=True)[1]
    level = fit.kind == "level"
    return row | {
        "rating_mean": ratings.mean(),
        "rating_sd": ratings.std(ddof=1) if ratings.size > 1 else np.nan,
        "floor": np.mean(ratings <= low) if level else np.nan,
        "top": np.mean(ratings >= high) if level else np.nan,
        "most_common": counts.max() / ratings.size,
        "n_distinct": counts.size,
    }


def _warning(row: dict[str, object]) -> str:
    """What keeps a reader from trusting the row."""

    def share(name: str) -> float:
        value = row.get(name, np.nan)
        return float(value) if isinstance(value, float | np.floating) else np.nan

    warnings = []
    if row.get("n_distinct", 0) == 1:
        warnings.append("all ratings are equal")
    elif share("floor") >= MOSTLY_ONE:
        warnings.append("nearly all ratings are at the minimum")
    elif share("top") >= MOSTLY_ONE:
        warnings.append("nearly all ratings are at the maximum")
    elif share("most_common") >= MOSTLY_ONE:
        warnings.append("nearly all ratings are the same")
    people = row["n_participants"]
    if isinstance(people, int) and people < FEW_PARTICIPANTS:
        warnings.append(f"fewer than {FEW_PARTICIPANTS} participants")
    return "; ".join(warnings)


def _flags(found: dict[tuple[str, str, str], dict[str, object]], item: str, model: str) -> str:
    """Flags of the row's statistics, each once with the statistics that it is about."""
    by_flag: dict[str, list[str]] = {}
    for name in STATISTIC_FIELDS.values():
        flag = str(found.get((item, model, name), {}).get("flag", ""))
        if flag and flag not in _EXPECTED:
            by_flag.setdefault(flag, []).append(name)
    return "; ".join(f"{', '.join(names)}: {flag}" for flag, names in by_flag.items())


# Absences that concern all rows alike are told once, by the rules of the analysis.
_EXPECTED = ("no two diagnostic groups", "one session per participant", "no steps to round to")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
