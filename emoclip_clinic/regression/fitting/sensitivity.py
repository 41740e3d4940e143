"""How the ridge comes out under other choices of features and folds; none of them is tested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.change import change_features
from emoclip_clinic.regression.features import SessionFeatures, aggregation_names, features_by_aggregation
from emoclip_clinic.regression.fitting.keys import model_key
from emoclip_clinic.regression.fitting.result import ModelOutcome, Progress
from emoclip_clinic.regression.fitting.side_tables import FEWEST_PARTICIPANTS, SideTable, kept_or_made
from emoclip_clinic.regression.fitting.significance import TESTED_MODEL
from emoclip_clinic.regression.fitting.variants import Measures, measures, ridge_measures, with_features
from emoclip_clinic.regression.splits import split_participants
from emoclip_clinic.study.fit_settings import FitSettings, listed

if TYPE_CHECKING:
    from pathlib import Path

    from emoclip_clinic.regression.features import SessionKey
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = [
    "Alternative",
    "alternatives",
    "read_other_features",
    "run_alternative",
    "sensitivity",
    "why_no_sensitivity",
]

JOINED = ("mean+std", "mean+dynamics")
"""Joined aggregations that are tried beside every registered one."""
N_SPLITS, N_REPEATS = 10, 5
LEAVE_ONE_OUT = "leave-one-participant-out"


@dataclass(frozen=True)
class Alternative:
    """One choice that is changed.

    Attributes
    ----------
    choice : {"aggregation", "folds"}
    value : str
        As it stands in the table.
    settings : FitSettings
        Settings of a fit that would have made this choice, for the ledger.
    """

    choice: str
    value: str
    settings: FitSettings


def why_no_sensitivity(plan: FitPlan) -> str | None:
    """Say why a fit has no table of other choices; None if it has one."""
    if not plan.settings.sensitivity:
        return "sensitivity = off"
    if TESTED_MODEL not in plan.chosen:
        return f"only {TESTED_MODEL} is fitted again, and it was not asked for"
    if plan.n_participants < FEWEST_PARTICIPANTS:
        return f"{plan.n_participants} participants, fewer than {FEWEST_PARTICIPANTS}"
    return None


def alternatives(plan: FitPlan) -> tuple[Alternative, ...]:
    """List the other choices of a fit.

    Parameters
    ----------
    plan : FitPlan
        The fit.

    Returns
    -------
    tuple of Alternative
        Every registered aggregation and some joined ones, then leave-one-participant-out and repeated grouped
        K-fold, without what the fit does itself. None if :func:`why_no_sensitivity` has a reason.
    """
    if why_no_sensitivity(plan) is not None:
        return ()
    settings = plan.settings
    own = settings.aggregation if settings.features == "session" else None
    others = [
        Alternative("aggregation", how, _changed(settings, features="session", aggregation=how))
        for how in (*aggregation_names(), *JOINED)
        if how != own
    ]
    if settings.outer != "participant":
        changes: dict[str, object] = {"outer": "participant", "n_repeats": 1, "stratify": None}
        others.append(Alternative("folds", LEAVE_ONE_OUT, _changed(settings, **changes)))
    if settings.outer != "kfold":
        changes = {"outer": "kfold", "n_splits": N_SPLITS, "n_repeats": N_REPEATS}
        others.append(Alternative("folds", _kfold(N_SPLITS, N_REPEATS), _changed(settings, **changes)))
    return tuple(others)


def sensitivity(
    plan: FitPlan,
    outcomes: Mapping[str, ModelOutcome],
    *,
    hashes: Mapping[str, str],
    work: Path,
    force: bool,
    progress: Progress,
) -> SideTable:
    """Fit the ridge under every other choice.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    outcomes : mapping of str to ModelOutcome
        Of the fit's own ridge and mean predictor.
    hashes : mapping of str to str
        Hashes of its data.
    work : Path
        Folder in which the table is kept.
    force : bool
        Whether to do it again in any case.
    progress : callable
        Called with (what, done, total).

    Returns
    -------
    SideTable
        The rows of sensitivity.tsv.
    """
    reason = why_no_sensitivity(plan)
    if reason is not None:
        return SideTable({"skipped": reason})
    others = alternatives(plan)

    def make() -> tuple[list[dict[str, Any]], dict[str, Any]]:
        name = "sensitivity, reading"
        progress(name, 0, 0)
        features = read_other_features(plan, others, progress=lambda done, total: progress(name, done, total))
        ridge, mean = outcomes[TESTED_MODEL], outcomes["mean"]
        main = measures(plan, ridge.predictions, mean.predictions, ridge.alphas)
        rows = _rows(plan, "main", _main(plan), main, n_features=len(plan.rated.feature_names))
        for done, other in enumerate(others):
            progress("sensitivity", done, len(others))
            rows += run_alternative(plan, other, features)
        progress("sensitivity", len(others), len(others))
        rows.sort(key=lambda row: plan.rated.targets.index(row["item"]))  # stable: choices keep their order
        return rows, {"n_choices": len(others), "model": TESTED_MODEL}

    key = _key(plan, hashes, others)
    return kept_or_made(make, name="sensitivity", key=key, work=work, force=force)


def read_other_features(
    plan: FitPlan,
    others: tuple[Alternative, ...],
    *,
    only: frozenset[SessionKey] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, SessionFeatures | RegressionError]:
    """Read the segments once and aggregate them in all other ways.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    others : tuple of Alternative
        The other choices.
    only : frozenset of (participant_id, session_id), optional
        Only these sessions; by default those of the fit, and their baselines for a change.
    progress : callable, optional
        Called with (done, total) sessions.

    Returns
    -------
    dict of str to SessionFeatures or RegressionError
        By aggregation.
    """
    people = set(plan.rated.groups.tolist())
    mine = frozenset(key for key in plan.features.keys if key[0] in people)
    return features_by_aggregation(
        plan.study,
        [other.value for other in others if other.choice == "aggregation"],
        min_usable_s=plan.settings.min_usable_s,
        tasks=listed(plan.settings.tasks) or None,
        only=mine if only is None else only,
        progress=progress,
    )


def run_alternative(
    plan: FitPlan, other: Alternative, features: Mapping[str, SessionFeatures | RegressionError]
) -> list[dict[str, Any]]:
    """Fit the ridge under one other choice.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    other : Alternative
        The choice.
    features : mapping of str to SessionFeatures or RegressionError
        By aggregation.

    Returns
    -------
    list of dict
        One row of sensitivity.tsv for each target.
    """
    try:
        variant = _variant(plan, other, features)
    except RegressionError as error:  # these features or folds are not possible here; the others are
        return _rows(plan, other.choice, other.value, None, note=str(error))
    lost = len(plan.rated.Y) - len(variant.rated.Y)
    return _rows(
        plan,
        other.choice,
        other.value,
        ridge_measures(variant),
        n_features=len(variant.rated.feature_names),
        note=f"{lost} sessions less, for which these features are not defined" if lost else "",
    )


def _variant(
    plan: FitPlan, other: Alternative, features: Mapping[str, SessionFeatures | RegressionError]
) -> FitPlan:
    if other.choice == "aggregation":
        found = features[other.value]
        if isinstance(found, RegressionError):
            raise found
        if plan.rated.kind != "level":
            baseline = str(plan.settings.baseline)
            found = change_features(found, baseline=baseline, video=plan.settings.change_video)
        variant = with_features(plan, found)
        if variant.n_participants < FEWEST_PARTICIPANTS:
            raise RegressionError(
                f"There must be {FEWEST_PARTICIPANTS} participants for whom these features are defined",
                found=variant.n_participants,
            )
        return variant
    settings = other.settings
    folds = split_participants(
        plan.rated.groups,
        scheme=settings.outer,
        n_splits=settings.n_splits,
        n_repeats=settings.n_repeats,
        seed=settings.seed,
    )
    return replace(plan, folds=folds)


def _rows(
    plan: FitPlan,
    choice: str,
    value: str,
    found: Measures | None,
    *,
    n_features: int | None = None,
    note: str = "",
) -> list[dict[str, Any]]:
    rows = []
    for k, (target, family) in enumerate(zip(plan.rated.targets, plan.families, strict=True)):
        numbers: dict[str, Any] = dict.fromkeys(("skill", "pearson_r", "mae"), np.nan)
        numbers |= {"n_participants": 0, "n_sessions": 0, "n_repeats": None}
        if found is not None:
            numbers = {
                "n_participants": found.n_participants[k],
                "n_sessions": found.n_sessions[k],
                "n_repeats": len(found.predictions),
                "skill": found.skill[k],
                "pearson_r": found.pearson_r[k],
                "mae": found.mae[k],
            }
        rows.append(
            {
                "item": target,
                "family": family,
                "role": "main" if choice == "main" else "sensitivity",
                "choice": choice,
                "value": value,
                "n_features": n_features,
                **numbers,
                "note": note,
            }
        )
    return rows


def _main(plan: FitPlan) -> str:
    """Describe what the fit does itself."""
    settings = plan.settings
    features = {
        "session": settings.aggregation,
        "segment": "trained on segments",
        "zeroshot": f"zero-shot readings of {settings.zeroshot_set}",
        "session+zeroshot": f"{settings.aggregation} and zero-shot readings of {settings.zeroshot_set}",
    }[settings.features]
    folds = {
        "participant": LEAVE_ONE_OUT,
        "site": "leave-one-site-out",
        "kfold": _kfold(settings.n_splits, settings.n_repeats),
    }
    return f"{features}, {folds[settings.outer]}"


def _kfold(n_splits: int, n_repeats: int) -> str:
    return f"grouped {n_splits}-fold" + (f", {n_repeats} repetitions" if n_repeats > 1 else "")


def _changed(settings: FitSettings, **changes: object) -> FitSettings:
    return settings.model_copy(update=changes)


def _key(plan: FitPlan, hashes: Mapping[str, str], others: tuple[Alternative, ...]) -> str:
    settings = plan.settings
    what = [
        model_key(plan, TESTED_MODEL, dict(hashes)),
        plan.features.segments_sha256,
        [settings.min_usable_s, settings.tasks, settings.baseline, settings.change_video],
        plan.families,
        [(other.choice, other.value) for other in others],
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()
