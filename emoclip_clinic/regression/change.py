"""Change of ratings since a baseline session, and of the video's features along with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.features import SessionFeatures, SessionKey, session_keys
from emoclip_clinic.regression.targets import RatedSessions, join_targets
from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.ratings import Targets
from emoclip_clinic.study.scales import Scale

__all__ = [
    "ChangeKind",
    "ChangeTargets",
    "ChangeVideo",
    "change_features",
    "change_targets",
    "improvement",
    "join_change",
]

ChangeKind = Literal["absolute", "percent"]
ChangeVideo = Literal["difference", "baseline", "follow-up"]

_SESSION = ["participant_id", "session_id"]


@dataclass(frozen=True, eq=False)
class ChangeTargets:
    """Change of every item and score, one row for each follow-up session.

    Attributes
    ----------
    targets : Targets
        The changes, with reasons for those that are missing. ``n_raters`` is the smaller one of the two
        sessions.
    baseline : DataFrame
        The rows and columns of ``targets.table``, holding the baseline ratings.
    """

    targets: Targets
    baseline: pd.DataFrame


def improvement(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    *,
    low: float,
    high: float,
    higher_is_worse: bool = True,
    kind: ChangeKind = "absolute",
) -> NDArray[np.float64]:
    r"""Compute improvement between two ratings; positive is improvement, whatever the scale's direction.

    Parameters
    ----------
    before, after : ndarray of shape (n,)
        Ratings, NaN where missing.
    low, high : float
        Lowest and highest possible value.
    higher_is_worse : bool
        The scale's direction.
    kind : {"absolute", "percent"}
        Points of the scale, or percent of the distance between the baseline and the best possible value.

    Returns
    -------
    ndarray of shape (n,)
        NaN where a rating is missing, and for percent where the baseline is the best possible value: there
        is nothing to improve.

    Notes
    -----
    Percent is :math:`100\,(b - f) / (b - \min)` where higher is worse. The minimum is subtracted because many
    scales do not start at 0; without it, a PANSS total that falls to its minimum of 30 would count as less
    than full improvement [1]_.

    References
    ----------
    .. [1] Obermeier M, Mayr A, Schennach-Wolff R, et al. Should the PANSS be rescaled?
       Schizophrenia Bulletin 2010;36(3):455-460.
       https://doi.org/10.1093/schbul/sbp124
    """
    gain = before - after if higher_is_worse else after - before
    if kind == "absolute":
        return gain
    room = before - low if higher_is_worse else high - before
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(room > 0, 100.0 * gain / room, np.nan)


def change_targets(
    targets: Targets, scale: Scale, *, baseline: str, kind: ChangeKind = "absolute"
) -> ChangeTargets:
    """Turn ratings into changes since a baseline session.

    Parameters
    ----------
    targets : Targets
        Pooled ratings.
    scale : Scale
        Their scale, for direction and lowest values.
    baseline : str
        The baseline session, ``ses-1`` or ``1``.
    kind : {"absolute", "percent"}
        See :func:`improvement`.

    Returns
    -------
    ChangeTargets
        One row for each rated session that is not the baseline, in the order of the ratings.

    Raises
    ------
    RegressionError
        If the baseline session is in no rating, or no other session is.
    """
    label = f"ses-{clean_label(baseline, kind='session')}"
    keys = session_keys(targets.table)
    known = sorted({session for _, session in keys if session is not None})
    if label not in known:
        raise RegressionError(
            "The baseline must be a session that was rated",
            found=label,
            hint=did_you_mean(label, known) or "The ratings name no sessions.",
        )
    follow_ups = [row for row, (_, session) in enumerate(keys) if session != label]
    if not follow_ups:
        raise RegressionError("Change needs rated sessions beside the baseline", found=f"only {label}")
    row_of = {key: row for row, key in enumerate(keys)}
    before_row = np.array([row_of.get((keys[row][0], label), -1) for row in follow_ups])
    names = [str(name) for name in targets.table.columns if name not in _SESSION]
    all_values = targets.table[names].to_numpy(dtype=np.float64)
    all_raters = targets.n_raters[names].to_numpy(dtype=np.int64)
    has_baseline = before_row >= 0
    before = np.where(has_baseline[:, None], all_values[before_row], np.nan)
    after = all_values[follow_ups]
    change = np.empty_like(after)
    for column, name in enumerate(names):
        low, high = scale.target_range(name)
        change[:, column] = improvement(
            before[:, column],
            after[:, column],
            low=low,
            high=high,
            higher_is_worse=scale.direction == "higher-worse",
            kind=kind,
        )
    raters = np.where(has_baseline[:, None], np.minimum(all_raters[before_row], all_raters[follow_ups]), 0)
    identity = targets.table.iloc[follow_ups][_SESSION].reset_index(drop=True)
    result = Targets(
        table=pd.concat([identity, pd.DataFrame(change, columns=names)], axis=1),
        n_raters=pd.concat([identity, pd.DataFrame(raters, columns=names)], axis=1),
        missing=_missing([keys[row] for row in follow_ups], names, before, after, change, has_baseline),
        policy=targets.policy,
        rater=targets.rater,
        statement=f"{targets.statement} {_statement(scale, label, kind)}",
    )
    return ChangeTargets(result, pd.concat([identity, pd.DataFrame(before, columns=names)], axis=1))


def change_features(
    features: SessionFeatures, *, baseline: str, video: ChangeVideo = "difference"
) -> SessionFeatures:
    """Give each follow-up session the features from which its change is to be predicted.

    Parameters
    ----------
    features : SessionFeatures
        Features of single sessions.
    baseline : str
        The baseline session, ``ses-1`` or ``1``.
    video : {"difference", "baseline", "follow-up"}
        Follow-up minus baseline (does the face change with the rating?), the baseline's (prognosis), or the
        follow-up's.

    Returns
    -------
    SessionFeatures
        One row for each session that is not the baseline and has what is needed; a session whose baseline
        video is absent or excluded is in ``excluded``.

    Raises
    ------
    RegressionError
        If `video` is not known, or no session is left.
    """
    if video not in ("difference", "baseline", "follow-up"):
        raise RegressionError(
            "The video of a change must be 'difference', 'baseline' or 'follow-up'", found=repr(video)
        )
    label = f"ses-{clean_label(baseline, kind='session')}"
    row_of = {key: row for row, key in enumerate(features.keys)}
    follow_ups = [row for key, row in row_of.items() if key[1] != label]
    before = [row_of.get((features.keys[row][0], label), -1) for row in follow_ups]
    kept = [k for k, row in enumerate(before) if row >= 0 or video == "follow-up"]
    without = [k for k in range(len(follow_ups)) if k not in set(kept)]
    if not kept:
        raise RegressionError(
            f"Change needs participants with video of {label} and of another session",
            found=f"{len(follow_ups)} other sessions, none with a usable baseline",
        )
    after_rows, before_rows = [follow_ups[k] for k in kept], [before[k] for k in kept]
    if video == "difference":
        X = features.X[after_rows] - features.X[before_rows]
    else:
        X = features.X[after_rows if video == "follow-up" else before_rows]
    lost = features.sessions.iloc[[follow_ups[k] for k in without]].assign(
        reason=f"no usable video of {label}"
    )
    own = features.excluded
    others = own[[session != label for _, session in session_keys(own)]]
    return replace(
        features,
        sessions=features.sessions.iloc[after_rows].reset_index(drop=True),
        X=X,
        excluded=pd.concat([others, lost]).astype(own.dtypes.to_dict()).reset_index(drop=True),
    )


def join_change(
    features: SessionFeatures,
    targets: Targets,
    scale: Scale,
    *,
    baseline: str,
    kind: ChangeKind = "absolute",
    video: ChangeVideo = "difference",
    which: Sequence[str] | None = None,
    failed: Collection[SessionKey] = (),
) -> RatedSessions:
    """Join features and change of ratings; the baseline ratings come along for the mandatory comparator.

    Change is coupled to its baseline: who starts high can fall further, and regression to the mean alone
    makes the baseline predict the change. A model from the video must therefore be compared with one from the
    baseline rating alone.

    Parameters
    ----------
    features, targets, scale, baseline, kind, video
        As :func:`change_targets` and :func:`change_features`.
    which, failed
        As :func:`join_targets`.

    Returns
    -------
    RatedSessions
        One row for each follow-up session, with ``baseline_ratings``. Where the change is known, so is the
        baseline.

    Raises
    ------
    RegressionError
        As the functions named above.
    """
    change = change_targets(targets, scale, baseline=baseline, kind=kind)
    joined = join_targets(
        change_features(features, baseline=baseline, video=video),
        change.targets,
        which=which,
        failed=failed,
    )
    row_of = {key: row for row, key in enumerate(session_keys(change.baseline))}
    rows = [row_of[key] for key in joined.keys]
    return replace(
        joined,
        kind="change-absolute" if kind == "absolute" else "change-percent",
        baseline_ratings=change.baseline[list(joined.targets)].to_numpy(dtype=np.float64)[rows],
    )


def _statement(scale: Scale, label: str, kind: ChangeKind) -> str:
    worse = scale.direction == "higher-worse"
    gain = f"{label} - follow-up" if worse else f"follow-up - {label}"
    room = f"{label} - minimum of the score" if worse else f"maximum of the score - {label}"
    formula = gain if kind == "absolute" else f"100 ({gain}) / ({room})"
    return f"Change since {label}: {formula}; positive is improvement."


def _missing(
    keys: Sequence[SessionKey],
    names: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    change: NDArray[np.float64],
    has_baseline: NDArray[np.bool_],
) -> pd.DataFrame:
    rows = []
    for row, column in np.argwhere(np.isnan(change)):
        if not has_baseline[row]:
            reason = "no baseline rating"
        elif np.isnan(before[row, column]):
            reason = "missing at baseline"
        elif np.isnan(after[row, column]):
            reason = "missing at follow-up"
        else:
            reason = "baseline at the best possible value"
        rows.append((*keys[row], names[column], reason))
    return pd.DataFrame(rows, columns=[*_SESSION, "target", "reason"])
