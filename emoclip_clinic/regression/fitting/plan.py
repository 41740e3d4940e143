"""What a fit will do, before it does it: sessions, targets, folds, features, and the audit for leakage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, SettingsError, did_you_mean
from emoclip_clinic.regression.audit import (
    AuditedFeatures,
    AuditedSplit,
    AuditRecord,
    FeatureKind,
    audit_leakage,
)
from emoclip_clinic.regression.camera import camera_change_table, camera_design, camera_table
from emoclip_clinic.regression.change import join_change
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS
from emoclip_clinic.regression.covariates import CATEGORIES, participant_columns, read_covariates
from emoclip_clinic.regression.design import Design
from emoclip_clinic.regression.features import SessionFeatures, fit_features
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING, model_head, why_impossible
from emoclip_clinic.regression.ledger import ratings_sha256
from emoclip_clinic.regression.segment_level import SegmentRows, load_segment_rows, segment_folds
from emoclip_clinic.regression.splits import Fold, split_participants
from emoclip_clinic.regression.targets import RatedSessions, failed_sessions, join_targets
from emoclip_clinic.study.fit_settings import FitSettings, listed
from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.participants import read_participants
from emoclip_clinic.study.ratings import load_ratings, session_targets

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.scales import Scale

__all__ = ["FitPlan", "fit_folder", "plan_fit"]

GROUP_COLUMNS = ("group", "diagnosis")
"""Columns of participants.tsv that hold the diagnostic group; the first that is there."""


@dataclass(frozen=True, eq=False)
class FitPlan:
    """A fit that is ready to be done.

    Attributes
    ----------
    study : Study
    scale : Scale
    settings : FitSettings
    folder : Path
        Where the results go.
    ratings_sha256 : str
        Hash of the ratings of the scale.
    features : SessionFeatures
        Features of all sessions with enough video.
    rated : RatedSessions
        The sessions that take part, and those that are left out with their reasons.
    segments : SegmentRows or None
        Their segments, if models are trained on segments.
    folds : tuple of Fold
        Outer folds of sessions.
    designs : mapping of str to Design
        The baselines' features that the study has: ``covariates``, ``camera``.
    models : tuple of str
        The chosen models, then the baselines.
    chosen : tuple of str
        Those asked for that these participants suffice for.
    impossible : mapping of str to str
        The others that were asked for, with the reason.
    strata : ndarray of shape (n_sessions,) or None
        Stratum of each session within which ratings are exchanged in the permutation test.
    diagnostic_group : ndarray of shape (n_sessions,) or None
        Diagnostic group of each session, None where unknown.
    audit : AuditRecord
    """

    study: Study
    scale: Scale
    settings: FitSettings
    folder: Path
    ratings_sha256: str
    features: SessionFeatures
    rated: RatedSessions
    segments: SegmentRows | None
    folds: tuple[Fold, ...]
    designs: Mapping[str, Design]
    models: tuple[str, ...]
    chosen: tuple[str, ...]
    impossible: Mapping[str, str]
    strata: NDArray[np.str_] | None
    diagnostic_group: NDArray[np.object_] | None
    audit: AuditRecord

    @property
    def n_participants(self) -> int:
        """Participants who take part."""
        return len(np.unique(self.rated.groups))

    @property
    def n_repeats(self) -> int:
        """Repetitions of the outer folds."""
        return 1 + max(fold.repeat for fold in self.folds)

    @property
    def families(self) -> tuple[str, ...]:
        """For each target, ``item`` or ``score``: families of tests."""
        items = set(self.scale.item_ids)
        return tuple("item" if target in items else "score" for target in self.rated.targets)

    @property
    def primary(self) -> tuple[str, ...]:
        """Targets planned as primary."""
        return listed(self.settings.primary)


def fit_folder(study: Study, scale: Scale, settings: FitSettings, *, name: str | None = None) -> Path:
    """Return the folder of a fit: named by the scale, ``-change`` and the like added for changes.

    Parameters
    ----------
    study : Study
    scale : Scale
    settings : FitSettings
    name : str, optional
        Another name for the folder, of letters, digits, ``-``, ``_`` and ``.``.

    Returns
    -------
    Path

    Raises
    ------
    SettingsError
        If the name cannot be a folder's.
    """
    if name is None:
        return study.fits / (scale.name if settings.target == "rating" else f"{scale.name}-{settings.target}")
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum() and name[0].isalnum()):
        raise SettingsError(
            "The name of a fit must begin with a letter or digit and go on with those, '-', '_' and '.'",
            found=repr(name),
            where="--name",
        )
    return study.fits / name


def plan_fit(study: Study, scale: Scale, settings: FitSettings, *, name: str | None = None) -> FitPlan:
    """Read features and ratings, make folds and audit them; nothing is trained and nothing written.

    Parameters
    ----------
    study : Study
        The study.
    scale : Scale
        The scale.
    settings : FitSettings
        Settings.
    name : str, optional
        Name of the folder of results.

    Returns
    -------
    FitPlan

    Raises
    ------
    SettingsError
        If settings contradict each other.
    RatingsError
        If there are no ratings of the scale, or some are not usable.
    StudyError, FormatError
        If there are no results of extraction, or they are damaged or differ in weights or settings.
    RegressionError
        If a model, item or column is unknown, too few participants remain, or the audit finds a leak.
    """
    _check_settings(settings)
    folder = fit_folder(study, scale, settings, name=name)
    chosen = tuple(dict.fromkeys(listed(settings.models)))
    for model in chosen:
        model_head(model, settings)  # says what is wrong before anything is read
    which = _which(scale, settings)
    ratings = load_ratings(study, scale)
    targets = session_targets(ratings, policy=settings.rater_policy, rater=settings.rater)
    features = fit_features(
        study,
        level=settings.features,
        aggregation=settings.aggregation,
        min_usable_s=settings.min_usable_s,
        tasks=listed(settings.tasks) or None,
        zeroshot_set=settings.zeroshot_set,
    )
    failed = failed_sessions(study)
    if settings.target == "rating":
        rated = join_targets(features, targets, which=which, failed=failed)
    else:
        rated = join_change(
            features,
            targets,
            scale,
            baseline=str(settings.baseline),
            kind="absolute" if settings.target == "change" else "percent",
            video=settings.change_video,
            which=which,
            failed=failed,
        )
    _check_size(rated)
    segments = None
    if settings.features == "segment":
        segments = load_segment_rows(study, rated.sessions, tasks=listed(settings.tasks) or None)
    folds = _folds(study, settings, rated.groups)
    chosen, impossible = _possible(chosen, settings, rated, folds)
    designs = _designs(study, settings, rated)
    models = [*chosen, "mean", *(f"ridge-{block}" for block in designs)]
    if rated.baseline_ratings is not None:
        models.append(BASELINE_RATING)
    plan = FitPlan(
        study=study,
        scale=scale,
        settings=settings,
        folder=folder,
        ratings_sha256=ratings_sha256(ratings),
        features=features,
        rated=rated,
        segments=segments,
        folds=folds,
        designs=designs,
        models=tuple(dict.fromkeys(models)),
        chosen=chosen,
        impossible=impossible,
        strata=_columns(study, rated.groups, settings.permute_within, "--permute-within", named=True),
        diagnostic_group=_diagnostic_group(study, rated.groups),
        audit=_audit(study, scale, features, rated, folds, designs, segments),
    )
    for target in plan.primary:
        if target not in rated.targets:
            raise RegressionError(
                "A primary target must be among those that are predicted",
                found=target,
                where="--primary",
                hint=did_you_mean(target, rated.targets),
            )
    return plan


def _check_settings(settings: FitSettings) -> None:
    """Refuse combinations that cannot be meant; single values were checked when they were read."""
    change = settings.target != "rating"
    problems = {
        "A change needs a baseline session": change and settings.baseline is None,
        "A baseline session is for changes only; set --target change": not change
        and settings.baseline is not None,
        "Segments cannot be trained on a change; leave --features at session": change
        and settings.features == "segment",
        "Segments are not aggregated before training; leave --aggregation at mean": settings.features
        == "segment"
        and settings.aggregation != "mean",
        "Readings alone are not aggregated; leave --aggregation at mean": settings.features == "zeroshot"
        and settings.aggregation != "mean",
        "Readings are of all recordings of a session; leave --tasks out": settings.tasks is not None
        and settings.features.endswith("zeroshot"),
        "Repetitions are for --outer kfold only": settings.outer != "kfold" and settings.n_repeats > 1,
        "Strata of folds are for --outer kfold only": settings.outer != "kfold"
        and settings.stratify is not None,
    }
    for rule, broken in problems.items():
        if broken:
            raise SettingsError(rule, where="settings of fit")


def _which(scale: Scale, settings: FitSettings) -> tuple[str, ...] | None:
    names = listed(settings.items)
    families = {"all": scale.target_ids, "items": scale.item_ids, "scores": scale.score_ids}
    if len(names) == 1 and names[0] in families:
        return families[names[0]]
    for name in names:
        if name not in scale.target_ids:
            raise RegressionError(
                f"--items must be all, items, scores, or ids of {scale.name}",
                found=name,
                hint=did_you_mean(name, scale.target_ids),
            )
    return tuple(dict.fromkeys(names))


def _check_size(rated: RatedSessions) -> None:
    n = len(np.unique(rated.groups))
    if n < MIN_PARTICIPANTS:
        reasons = "; ".join(
            f"{count} x {reason}" for reason, count in rated.counts.items() if reason != "used"
        )
        raise RegressionError(
            f"A fit needs at least {MIN_PARTICIPANTS} participants with video and ratings",
            found=f"{n}" + (f" (sessions left out: {reasons})" if reasons else ""),
        )


def _possible(
    asked: Sequence[str], settings: FitSettings, rated: RatedSessions, folds: Sequence[Fold]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Part the models that were asked for into those that can be trained, and the others with the reason."""
    reasons = {
        model: why_impossible(model_head(model, settings), rated.Y, rated.groups, folds) for model in asked
    }
    impossible = {model: reason for model, reason in reasons.items() if reason is not None}
    chosen = tuple(model for model in asked if model not in impossible)
    if not chosen:
        raise RegressionError(
            "A fit needs a model for which there are enough participants",
            found="; ".join(f"{model}: {reason}" for model, reason in impossible.items()),
            where="--models",
            hint="Use ridge, or rate more participants.",
        )
    return chosen, impossible


def _folds(study: Study, settings: FitSettings, groups: NDArray[np.str_]) -> tuple[Fold, ...]:
    for column in listed(settings.stratify):
        if column.casefold() not in CATEGORIES:
            # Folds that are balanced for ratings, or for what goes with them, make the test reject too often.
            raise SettingsError(
                f"Folds may be balanced for {', '.join(sorted(CATEGORIES))} only, never for ratings; the "
                "number of sessions is always balanced",
                found=column,
                where="--stratify",
                hint=did_you_mean(column, sorted(CATEGORIES)),
            )
    sites = _columns(study, groups, "site", "--outer site") if settings.outer == "site" else None
    return split_participants(
        groups,
        scheme=settings.outer,
        n_splits=settings.n_splits,
        n_repeats=settings.n_repeats,
        strata=_columns(study, groups, settings.stratify, "--stratify"),
        sites=sites,
        seed=settings.seed,
    )


def _columns(
    study: Study,
    groups: Sequence[str] | NDArray[np.str_],
    names: str | None,
    option: str,
    *,
    named: bool = False,
) -> NDArray[np.str_] | None:
    """Join columns of participants.tsv to one label for each session; all must be known.

    With ``named``, a label tells the columns too: "site 2 / group control" instead of "2 / control".
    """
    if not listed(names):
        return None
    table = participant_columns(study, list(groups), columns=listed(names), what=f"What {option} names")
    unknown = table.isna().any(axis=1).to_numpy()
    if unknown.any():
        people = sorted(set(np.asarray(groups)[unknown].tolist()))
        raise RegressionError(
            f"{option} needs {names} of every participant",
            found=f"none for {', '.join(people[:5])}"
            + (f" and {len(people) - 5} more" if len(people) > 5 else ""),
            where=study.participants_tsv,
        )
    before = [f"{column} " if named else "" for column in table.columns]
    return np.array(
        [
            " / ".join(name + _label(value) for name, value in zip(before, row, strict=True))
            for row in table.itertuples(index=False)
        ]
    )


def _label(value: object) -> str:
    """Write codes alike whether or not a missing one has turned their column into decimal numbers."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _diagnostic_group(study: Study, groups: NDArray[np.str_]) -> NDArray[np.object_] | None:
    if not study.participants_tsv.exists():
        return None
    there = {str(name).casefold(): str(name) for name in read_participants(study).columns}
    column = next((there[name] for name in GROUP_COLUMNS if name in there), None)
    if column is None:
        return None
    values: pd.Series[str] = participant_columns(study, list(groups), columns=[column])[column]
    known = values.dropna()
    if known.nunique() < 2:
        return None
    return np.array(
        [None if missing else _label(v) for v, missing in zip(values, values.isna(), strict=True)],
        dtype=object,
    )


def _designs(study: Study, settings: FitSettings, rated: RatedSessions) -> dict[str, Design]:
    designs = {
        "covariates": read_covariates(study, list(rated.groups), columns=listed(settings.covariates) or None),
        "camera": camera_design(_camera(study, settings, rated)),
    }
    return {name: design for name, design in designs.items() if design.names}


def _camera(study: Study, settings: FitSettings, rated: RatedSessions) -> pd.DataFrame:
    """Describe the camera of the videos from which each session is predicted."""
    tasks = listed(settings.tasks) or None
    if rated.kind == "level" or settings.change_video == "follow-up":
        return camera_table(study, rated.keys, tasks=tasks)
    label = f"ses-{clean_label(str(settings.baseline), kind='session')}"
    before = camera_table(study, [(participant, label) for participant, _ in rated.keys], tasks=tasks)
    if settings.change_video == "baseline":
        return before
    return camera_change_table(before, camera_table(study, rated.keys, tasks=tasks))


def _audit(
    study: Study,
    scale: Scale,
    features: SessionFeatures,
    rated: RatedSessions,
    folds: Sequence[Fold],
    designs: Mapping[str, Design],
    segments: SegmentRows | None,
) -> AuditRecord:
    kinds: dict[str, FeatureKind] = {"covariates": "covariates", "camera": "camera"}
    blocks = [AuditedFeatures("embedding", "embedding", rated.X, rated.feature_names)]
    blocks += [AuditedFeatures(name, kinds[name], design.X, design.names) for name, design in designs.items()]
    if rated.baseline_ratings is not None:
        known = np.nan_to_num(rated.baseline_ratings)
        names = [f"{target} at baseline" for target in rated.targets]
        blocks.append(AuditedFeatures(BASELINE_RATING, "baseline-rating", known, names))
    splits = [AuditedSplit("outer folds of sessions", folds, rated.groups)]
    if segments is not None:
        splits.append(
            AuditedSplit("outer folds of segments", segment_folds(folds, segments), segments.groups)
        )
    return audit_leakage(
        rated.keys,
        splits=splits,
        features=blocks,
        Y=rated.Y,
        targets=rated.targets,
        scale=scale,
        contents=features.contents,
        change=rated.kind != "level",
        further_ratings=rated.baseline_ratings,
        study=study,
    )
