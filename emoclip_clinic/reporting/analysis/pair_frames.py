"""Single items as figures need them: points, differences, calibration and errors by participant."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.agreement import AgreementWarning, bland_altman
from emoclip_clinic.agreement.resampling import group_sums, limits
from emoclip_clinic.reporting.analysis.measures import resample_weights

__all__ = ["bland_altman_rows", "calibration_rows", "error_rows", "line_row"]

Floats = NDArray[np.float64]
Row = dict[str, object]

_LEAST_PER_BIN = 8
_MOST_BINS = 5


def bland_altman_rows(
    item: str, rating: Floats, prediction: Floats, *, codes: NDArray[np.intp], confidence: float
) -> list[Row]:
    """Bias and limits of agreement of one item, as one row of `BLAND_ALTMAN_COLUMNS`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgreementWarning)
        table = bland_altman(rating, prediction, cluster=codes, confidence=confidence, n_resamples=0)
    found = table.set_index("statistic")
    bias, lower = found.loc["bias"], found.loc["lower limit of agreement"]
    upper = found.loc["upper limit of agreement"]
    row: Row = {
        "item": item,
        "n": bias["n"],
        "n_clusters": bias["n_clusters"],
        "sd": found.loc["SD of differences", "estimate"],
        "slope": found.loc["proportional bias: slope of difference on mean", "estimate"],
        "method": lower["ci_method"],
        "flag": "; ".join(dict.fromkeys(flag for flag in (bias["flag"], lower["flag"]) if flag)),
    }
    for name, one in (("bias", bias), ("lower", lower), ("upper", upper)):
        row |= {name: one["estimate"], f"{name}_low": one["ci_low"], f"{name}_high": one["ci_high"]}
    return [row]


def calibration_rows(
    item: str,
    rating: Floats,
    prediction: Floats,
    *,
    codes: NDArray[np.intp],
    confidence: float,
    n_resamples: int,
    seed: int,
) -> list[Row]:
    """Mean ratings by bins of the prediction, as rows of `CALIBRATION_COLUMNS`.

    Bins hold about equally many sessions, at least 8; they stay where they are in the resamples.
    """
    there = np.isfinite(rating) & np.isfinite(prediction)
    x, y = prediction[there], rating[there]
    n_bins = min(_MOST_BINS, x.size // _LEAST_PER_BIN)
    if n_bins < 2 or np.ptp(x) == 0:
        return []
    edges = np.unique(np.quantile(x, np.linspace(0, 1, n_bins + 1)[1:-1]))
    bins = np.searchsorted(edges, x, side="right")
    people, who = np.unique(codes[there], return_inverse=True)
    member = (bins[:, None] == np.unique(bins)).astype(np.float64)
    n = group_sums(member, who, people.size)
    total = group_sums(member * y[:, None], who, people.size)
    draws = np.full((0, member.shape[1]), np.nan)
    if people.size >= 2:
        weights = resample_weights(people.size, n_resamples=n_resamples, seed=seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = (weights @ total) / (weights @ n)
    rows = []
    for place in range(member.shape[1]):
        mine = member[:, place] > 0
        mean = float(y[mine].mean())
        low, high, flag = limits(draws[:, place], mean, confidence=confidence)
        rows.append(
            {
                "item": item,
                "bin": place,
                "n": int(mine.sum()),
                "mean_prediction": float(x[mine].mean()),
                "mean_rating": mean,
                "mean_rating_low": low,
                "mean_rating_high": high,
                "flag": flag,
            }
        )
    return rows


def line_row(item: str, statistics: pd.DataFrame) -> Row:
    """The calibration line of an item from its statistics, as a row of `CALIBRATION_COLUMNS`."""
    found = statistics.set_index("statistic")
    row: Row = {"item": item, "bin": -1}
    for short, name in _LINE.items():
        one = found.loc[name]
        row |= {short: one["estimate"], f"{short}_low": one["ci_low"], f"{short}_high": one["ci_high"]}
        row |= {"n": one["n"], "flag": row.get("flag") or one["flag"]}
    return row


_LINE = {
    "slope": "calibration slope",
    "intercept": "calibration intercept",
    "in_the_large": "calibration-in-the-large",
}


def error_rows(
    item: str,
    rating: Floats,
    predictions: Floats,
    *,
    participants: Sequence[str],
    group: NDArray[np.object_] | None,
) -> list[Row]:
    """Errors of each participant in one item, as rows of `ERROR_COLUMNS`.

    Parameters
    ----------
    item : str
        The item.
    rating : ndarray of shape (n_sessions,)
        NaN where missing.
    predictions : ndarray of shape (n_repeats, n_sessions)
        Absolute errors are averaged over repetitions, not computed from averaged predictions.
    participants : sequence of str
        Of each session.
    group : ndarray of shape (n_sessions,) or None
        Diagnostic group.
    """
    there = np.isfinite(rating) & np.isfinite(predictions).all(axis=0)
    error = predictions - rating
    table = pd.DataFrame(
        {
            "participant_id": list(participants),
            "group": [None] * len(rating) if group is None else group,
            "mean_rating": rating,
            "mean_prediction": predictions.mean(axis=0),
            "bias": error.mean(axis=0),
            "mae": np.abs(error).mean(axis=0),
        }
    )[there]
    people = table.groupby("participant_id", sort=False)
    means = people[["mean_rating", "mean_prediction", "bias", "mae"]].mean()
    means["n_sessions"] = people.size()
    means["group"] = people["group"].first()
    return [
        {"item": item, **{str(k): v for k, v in row.items()}}
        for row in means.reset_index().to_dict("records")
    ]
