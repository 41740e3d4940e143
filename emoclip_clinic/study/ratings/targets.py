"""One number per session from several raters: scores are computed per rater first, then pooled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from emoclip_clinic.errors import RatingsError, did_you_mean
from emoclip_clinic.study.ratings.records import Ratings
from emoclip_clinic.study.scales import scale_scores

__all__ = ["CONSENSUS", "RaterPolicy", "Targets", "missing_counts", "rater_values", "session_targets"]

RaterPolicy = Literal["mean", "median", "consensus", "first"]
CONSENSUS = "consensus"

_SESSION = ["participant_id", "session_id"]


@dataclass(frozen=True)
class Targets:
    """What a model is to predict: one row per session.

    Parameters
    ----------
    table : DataFrame
        ``participant_id``, ``session_id``, then one float column for each item and score, NaN where missing.
    n_raters : DataFrame
        The same rows and columns: how many raters' values each number rests on.
    missing : DataFrame
        One row for each missing number: ``participant_id``, ``session_id``, ``target``, ``reason``.
    policy : str
        How raters were pooled.
    rater : str or None
        The only rater used, if one was chosen.
    statement : str
        The policy as a sentence for outputs.
    """

    table: pd.DataFrame
    n_raters: pd.DataFrame
    missing: pd.DataFrame
    policy: RaterPolicy
    rater: str | None
    statement: str


def rater_values(ratings: Ratings) -> pd.DataFrame:
    """Give every item and score as each rater gave it.

    Parameters
    ----------
    ratings : Ratings
        The ratings.

    Returns
    -------
    DataFrame
        ``participant_id``, ``session_id``, ``rater``, then one float column for each item and score; one row
        for each row of ``ratings.frame`` that holds a rating, in the order of the file.
    """
    rated = ratings.rated
    keys = rated[[*_SESSION, "rater"]]
    return pd.concat([keys, rated[list(ratings.scale.item_ids)], scale_scores(rated, ratings.scale)], axis=1)


def session_targets(ratings: Ratings, *, policy: RaterPolicy = "mean", rater: str | None = None) -> Targets:
    """Pool the raters of each session.

    A consensus rating is a row whose rater is called 'consensus'. It rests on the ratings of the others, so
    that mean, median and first leave it out where a session has other raters.

    Parameters
    ----------
    ratings : Ratings
        The ratings.
    policy : {'mean', 'median', 'consensus', 'first'}
        `mean` and `median` run over the raters who gave the item (for a score: whose score is complete);
        `consensus` uses the consensus rating only; `first` uses the rater who comes first in the file.
    rater : str, optional
        Use this rater only.

    Returns
    -------
    Targets
        One row for each session with a rating, in the order of the file.

    Raises
    ------
    RatingsError
        If there is no such rater, or no consensus rating at all.
    """
    values = rater_values(ratings)
    is_consensus = values["rater"].str.casefold() == CONSENSUS
    sessions = values[_SESSION].drop_duplicates()
    if rater is not None:
        known = list(dict.fromkeys(values["rater"]))
        if rater not in known:
            raise RatingsError(
                "The rater must have given ratings",
                found=f"no rater '{rater}'",
                where=ratings.source.path,
                hint=did_you_mean(rater, known),
            )
        used, why_not = values[values["rater"] == rater], f"not rated by {rater}"
    elif policy == "consensus":
        if not is_consensus.any():
            raise RatingsError(
                "The policy 'consensus' needs rows whose rater is 'consensus'",
                found=f"raters {', '.join(dict.fromkeys(values['rater']))}" if len(values) else "no ratings",
                where=ratings.source.path,
                hint="Choose another --rater-policy, or name one with --rater.",
            )
        used, why_not = values[is_consensus], "no consensus rating"
    else:
        has_others = (~is_consensus).groupby([values[k] for k in _SESSION], dropna=False).transform("any")
        used, why_not = values[~(is_consensus & has_others)], "not rated"
    if policy == "first":
        used = used.drop_duplicates(_SESSION)
    targets = list(ratings.scale.target_ids)
    groups = used.groupby(_SESSION, dropna=False, sort=False)[targets]
    pooled = groups.median() if policy == "median" else groups.mean()
    counts = groups.count()
    table = sessions.merge(pooled.reset_index(), on=_SESSION, how="left")
    n_raters = sessions.merge(counts.reset_index(), on=_SESSION, how="left")
    n_raters[targets] = n_raters[targets].fillna(0).astype("int64")
    return Targets(
        table=table.reset_index(drop=True),
        n_raters=n_raters.reset_index(drop=True),
        missing=_missing(ratings, table, used, targets, why_not),
        policy=policy,
        rater=rater,
        statement=_statement(policy, rater),
    )


def missing_counts(targets: Targets) -> pd.DataFrame:
    """Count missing numbers by target and reason.

    Parameters
    ----------
    targets : Targets
        Pooled ratings.

    Returns
    -------
    DataFrame
        ``target``, ``reason``, ``n``; the order of targets, most frequent reason first.
    """
    order = {target: i for i, target in enumerate(targets.table.columns)}
    counts = targets.missing.groupby(["target", "reason"], sort=False).size().reset_index(name="n")
    counts["order"] = counts["target"].map(order)
    counts = counts.sort_values(["order", "n", "reason"], ascending=[True, False, True])
    return counts.drop(columns="order").reset_index(drop=True)


def _statement(policy: RaterPolicy, rater: str | None) -> str:
    if rater is not None:
        return f"Ratings of the rater {rater}."
    return {
        "mean": "Mean over the raters of a session; scores are computed per rater, then averaged.",
        "median": "Median over the raters of a session; scores are computed per rater first.",
        "consensus": "The consensus rating of a session.",
        "first": "The rater of a session who comes first in the ratings table.",
    }[policy]


def _missing(
    ratings: Ratings, table: pd.DataFrame, used: pd.DataFrame, targets: Sequence[str], why_not: str
) -> pd.DataFrame:
    """Say for each missing number why: what the raters in use have as reason, or that none is in use."""
    raters: dict[tuple[str, str | None], list[str]] = {}
    for participant, session, rater in _keys(used, "rater"):
        raters.setdefault((participant, session), []).append(rater)
    reasons = {
        (participant, session, rater, item): reason
        for (participant, session, rater), item, reason in zip(
            _keys(ratings.missing, "rater"), ratings.missing["item"], ratings.missing["reason"], strict=True
        )
    }
    rows = []
    for key, (_, row) in zip(_keys(table), table.iterrows(), strict=True):
        for target in targets:
            if not pd.isna(row[target]):
                continue
            if key not in raters:
                reason = why_not
            elif target in ratings.scale.item_ids:
                reason = _joined(reasons.get((*key, r, target)) for r in raters[key])
            else:
                reason = "missing items"
            rows.append((key[0], key[1], target, reason))
    return pd.DataFrame(rows, columns=[*_SESSION, "target", "reason"])


def _keys(frame: pd.DataFrame, *more: str) -> Iterable[Any]:
    """Rows as tuples of participant, session (None where missing) and further columns."""
    columns = [frame[column] for column in (*_SESSION, *more)]
    return (tuple(None if pd.isna(v) else str(v) for v in key) for key in zip(*columns, strict=True))


def _joined(reasons: Iterable[str | None]) -> str:
    return " / ".join(dict.fromkeys(reason for reason in reasons if reason)) or "empty"
