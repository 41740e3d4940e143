"""The leakage audit of every fit: what it checked, what it found, and a stop if anything leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, ScaleError
from emoclip_clinic.regression.checks import participant_codes
from emoclip_clinic.regression.features import SessionKey, VideoContent
from emoclip_clinic.regression.splits import Fold
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import Scale, list_scales, match_columns, normal_column_name, read_scale

__all__ = ["AuditCheck", "AuditRecord", "AuditedFeatures", "AuditedSplit", "FeatureKind", "audit_leakage"]

FeatureKind = Literal["embedding", "covariates", "camera", "baseline-rating"]

# With fewer rated rows, a covariate such as age may be in line with a rating by chance.
LEAST_ROWS_TO_COMPARE = 8
# 1 - |r| of a column that is a rating in other units, with room for float32.
SAME_COLUMN = 1e-9
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class AuditedSplit:
    """Folds of a fit, and whose rows they split.

    Attributes
    ----------
    name : str
        Such as "outer", or "outer, segment level".
    folds : sequence of Fold
    groups : sequence of shape (n_rows,)
        Participant of each row that the folds number.
    """

    name: str
    folds: Sequence[Fold]
    groups: Sequence[object] | NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class AuditedFeatures:
    """Features of one model of a fit.

    Attributes
    ----------
    name : str
        The model, such as "ridge", "covariates" or "baseline rating".
    kind : {"embedding", "covariates", "camera", "baseline-rating"}
        Where the features come from. Only "baseline-rating" may hold ratings, and only for change scores.
    X : ndarray of shape (n_sessions, n_features)
    names : sequence of str
        Names of the features.
    """

    name: str
    kind: FeatureKind
    X: NDArray[np.floating]
    names: Sequence[str]


@dataclass(frozen=True)
class AuditCheck:
    """One check.

    Attributes
    ----------
    rule : str
        What must hold.
    checked : str
        What was looked at, in words and numbers.
    violations : tuple of str
        What breaks the rule; empty in every record of a fit that was made.
    notes : tuple of str
        What breaks no rule, and a person should know.
    """

    rule: str
    checked: str
    violations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditRecord:
    """All checks of a fit.

    Attributes
    ----------
    checks : mapping of str to AuditCheck
        Under the names ``sessions``, ``splits``, ``videos``, ``features``, ``ratings``.
    """

    checks: Mapping[str, AuditCheck]

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return not any(check.violations for check in self.checks.values())

    def to_json(self) -> dict[str, object]:
        """Return what ``fit.json`` holds."""
        return {
            "passed": self.passed,
            "checks": {
                name: {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(check).items()}
                for name, check in self.checks.items()
            },
        }


def audit_leakage(
    sessions: Sequence[SessionKey],
    *,
    splits: Sequence[AuditedSplit],
    features: Sequence[AuditedFeatures],
    Y: NDArray[np.float64],
    targets: Sequence[str],
    scale: Scale,
    contents: Sequence[VideoContent],
    change: bool = False,
    further_ratings: NDArray[np.float64] | None = None,
    study: Study | None = None,
) -> AuditRecord:
    """Check that nothing about a test participant can reach a model that predicts this participant.

    Parameters
    ----------
    sessions : sequence of (participant_id, session_id)
        The rows of the fit.
    splits : sequence of AuditedSplit
        Every split that the fit uses.
    features : sequence of AuditedFeatures
        Every model's features, those of the baselines too.
    Y : ndarray of shape (n_sessions, n_targets)
        Ratings, NaN where missing.
    targets : sequence of str
        Ids of the targets.
    scale : Scale
        The scale, whose items and scores must not be among the features.
    contents : sequence of VideoContent
        The videos of the study's sessions.
    change : bool
        Whether the targets are change scores; only then may a model of kind "baseline-rating" be there.
    further_ratings : ndarray of shape (n_sessions, n), optional
        Other ratings that must not be among the features, such as those at baseline.
    study : Study, optional
        Whose own scales are known too, beside the shipped ones.

    Returns
    -------
    AuditRecord
        For ``fit.json``.

    Raises
    ------
    RegressionError
        If a rule is broken; the message lists all violations.

    Notes
    -----
    The rules:

    * *sessions*: each session is one row. Two spellings of one participant that differ in letter case only
      count as two people elsewhere, so they are refused.
    * *splits*: no row and no participant is on both sides of a fold.
    * *videos*: no two participants have the same video content, by the SHA-256 of the file. Parts of one file
      that do not overlap in time are different content; they are noted, as are sessions of one participant
      that share a video and files without a hash. Two participants whose embeddings are equal number by
      number share a video too, whatever the files' hashes.
    * *features*: every value is finite, or missing in a baseline, and every feature has a name of its own.
    * *ratings*: no feature has the name of an item or a score of the scale, no covariate that of another
      shipped scale or scale of the study (a score's bare name, such as ``general``, aside), and none is a
      rating in the same or in other units (a correlation of 1 in absolute value over at least 8 sessions).
      A column that holds one value for each participant is compared with the mean, the first and the last
      rating of participants as well, over at least 8 of them.
    """
    checks = {
        "sessions": _check_sessions(sessions),
        "splits": _check_splits(splits),
        "videos": _check_videos(contents, sessions, features),
        "features": _check_features(features, len(sessions)),
        "ratings": _check_ratings(
            features,
            Y,
            targets,
            scale,
            participants=np.array([participant for participant, _ in sessions]),
            change=change,
            further=further_ratings,
            study=study,
        ),
    }
    record = AuditRecord(checks)
    if not record.passed:
        broken = [f"{check.rule} {text}" for check in checks.values() for text in _some(check.violations)]
        raise RegressionError(
            "A fit must not let anything about a test participant reach the model",
            found="\n  " + "\n  ".join(broken) + "\n",
            hint="Correct the study's tables, or leave the participants or features out.",
        )
    return record


def _check_sessions(sessions: Sequence[SessionKey]) -> AuditCheck:
    repeated = [key for key, n in Counter(sessions).items() if n > 1]
    spellings: dict[str, set[str]] = defaultdict(set)
    for participant, _ in sessions:
        spellings[participant.casefold()].add(participant)
    return AuditCheck(
        rule="Each session is one row, and each participant has one spelling.",
        checked=f"{len(sessions)} sessions of {len(spellings)} participants",
        violations=(
            *(f"{_shown(key)} is in several rows." for key in repeated),
            *(
                f"{' and '.join(sorted(names))} differ in letter case."
                for names in spellings.values()
                if len(names) > 1
            ),
        ),
    )


def _check_splits(splits: Sequence[AuditedSplit]) -> AuditCheck:
    violations = []
    for split in splits:
        labels, codes = participant_codes(split.groups, len(split.groups))
        if not split.folds:
            violations.append(f"{split.name}: no folds.")
        for fold in split.folds:
            place = f"{split.name}, fold {fold.name}"
            if np.intersect1d(fold.train, fold.test).size:
                violations.append(f"{place}: a row is on both sides.")
            both = np.intersect1d(codes[fold.train], codes[fold.test])
            if both.size:
                names = ", ".join(str(labels[code]) for code in both[:_SHOWN])
                violations.append(f"{place}: {names} on both sides.")
    if not splits:
        violations.append("No split was given.")
    folds = "; ".join(
        f"{len(split.folds)} folds of {len(split.groups)} rows ({split.name})" for split in splits
    )
    return AuditCheck("No participant is on both sides of a split.", folds or "none", tuple(violations))


def _check_videos(
    contents: Sequence[VideoContent], sessions: Sequence[SessionKey], features: Sequence[AuditedFeatures]
) -> AuditCheck:
    by_hash: dict[str, list[VideoContent]] = defaultdict(list)
    for one in contents:
        if one.sha256 is not None:
            by_hash[one.sha256].append(one)
    violations, notes = [], []
    for same in by_hash.values():
        for a, b in combinations(same, 2):
            who = f"{_shown((a.participant_id, a.session_id))} and {_shown((b.participant_id, b.session_id))}"
            if a.participant_id != b.participant_id:
                if _overlap(a, b):
                    violations.append(f"{who}: the same video ({a.path}; {b.path}).")
                else:
                    notes.append(f"{who}: different parts of the same video ({a.path}).")
            elif a.session_id != b.session_id:
                notes.append(f"{who}: the same video in two sessions ({a.path}; {b.path}).")
    unknown = sum(one.sha256 is None for one in contents)
    if unknown:
        notes.append(f"{unknown} recordings have no hash, so that only their embeddings were compared.")
    for block in features:
        if block.kind == "embedding":
            violations += _equal_embeddings(block, sessions)
    covered = {(one.participant_id, one.session_id) for one in contents}
    violations += [f"{_shown(key)}: no video is known." for key in sessions if key not in covered]
    return AuditCheck(
        rule="No two participants have the same video content.",
        checked=f"{len(contents)} recordings, {len(by_hash)} distinct files",
        violations=tuple(dict.fromkeys(violations)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _overlap(a: VideoContent, b: VideoContent) -> bool:
    starts = [one.start_s or 0.0 for one in (a, b)]
    ends = [np.inf if one.end_s is None else one.end_s for one in (a, b)]
    return max(starts) < min(ends)


def _equal_embeddings(block: AuditedFeatures, sessions: Sequence[SessionKey]) -> Iterable[str]:
    if len(block.X) != len(sessions):
        return
    first: dict[bytes, SessionKey] = {}
    for key, row in zip(sessions, np.ascontiguousarray(block.X), strict=True):
        other = first.setdefault(row.tobytes(), key)
        if other[0] != key[0]:
            yield f"{_shown(other)} and {_shown(key)}: equal embeddings ({block.name})."


def _check_features(features: Sequence[AuditedFeatures], n_sessions: int) -> AuditCheck:
    violations = []
    for block in features:
        if block.X.ndim != 2 or block.X.shape != (n_sessions, len(block.names)):
            violations.append(
                f"{block.name}: shape {block.X.shape} instead of ({n_sessions}, {len(block.names)})."
            )
            continue
        if len(set(block.names)) < len(block.names):
            violations.append(f"{block.name}: two features have the same name.")
        filled = block.kind != "embedding"  # inside each training set
        bad = np.argwhere(np.isinf(block.X) if filled else ~np.isfinite(block.X))
        if len(bad):
            row, column = bad[0]
            first = f"row {row}, {block.names[column]}"
            violations.append(f"{block.name}: {len(bad)} values are not finite, the first in {first}.")
    counts = "; ".join(f"{len(block.names)} ({block.name})" for block in features)
    rule = "Every feature has a name and is finite; only a baseline's may be missing."
    return AuditCheck(rule, counts or "none", tuple(violations))


def _check_ratings(
    features: Sequence[AuditedFeatures],
    Y: NDArray[np.float64],
    targets: Sequence[str],
    scale: Scale,
    *,
    participants: NDArray[np.str_],
    change: bool,
    further: NDArray[np.float64] | None,
    study: Study | None,
) -> AuditCheck:
    ratings = Y if further is None else np.column_stack([Y, further])
    labels = [*targets, *(f"further rating {k + 1}" for k in range(ratings.shape[1] - len(targets)))]
    others, unreadable = _other_scales(scale, study)
    violations: list[str] = []
    notes = [f"{name} cannot be read, so that its names are not known." for name in unreadable]
    for block in features:
        if block.kind == "baseline-rating":
            if change:
                notes.append(f"{block.name}: the baseline rating is admitted as the comparator of change.")
            else:
                violations.append(f"{block.name}: a rating is admitted for change scores only.")
            continue
        # Levels and fillings of a column come from the column: "n1=3", "n1_missing".
        columns = {name.partition("=")[0].removesuffix("_missing") for name in block.names}
        for target, found in match_columns(sorted(columns), scale).columns.items():
            violations.append(f"{block.name}: {', '.join(found)} is {target} of {scale.name}.")
        if block.kind == "covariates":
            violations += [f"{block.name}: {text}" for text in _ratings_of_other_scales(columns, others)]
        if len(block.X) == len(ratings):
            for column, rating in _columns_that_are_ratings(block.X, ratings):
                violations.append(f"{block.name}: {block.names[column]} is {labels[rating]} in other units.")
            for column, which, rating in _columns_that_sum_up(block.X, ratings, participants):
                violations.append(
                    f"{block.name}: {block.names[column]} is each participant's {which} {labels[rating]}."
                )
    n_features = sum(len(block.names) for block in features)
    return AuditCheck(
        rule="No rating is among the features.",
        checked=f"{n_features} features against {len(labels)} ratings and the names of {scale.name}",
        violations=tuple(violations),
        notes=tuple(notes),
    )


def _other_scales(scale: Scale, study: Study | None) -> tuple[list[Scale], list[str]]:
    """Read all other scales, shipped and of the study, and name the files that are broken."""
    others, unreadable = [], []
    for entry in list_scales(study):
        try:
            other = read_scale(entry.path)
        except ScaleError:  # a scale that nobody uses here is no reason to refuse the fit
            unreadable.append(entry.path.name)
            continue
        if other.name != scale.name:
            others.append(other)
    return others, unreadable


def _ratings_of_other_scales(columns: Iterable[str], others: Iterable[Scale]) -> Iterable[str]:
    """Columns that other scales call by a name of their own, such as ``bprs_total``.

    Bare names of scores, such as ``exp`` or ``general``, say nothing outside of their scale.
    """
    for other in others:
        named = [name for name in sorted(columns) if normal_column_name(name) not in other.score_ids]
        for target, found in match_columns(named, other).columns.items():
            yield f"{', '.join(found)} is {target} of {other.name}."


def _columns_that_are_ratings(
    X: NDArray[np.floating], ratings: NDArray[np.float64]
) -> Iterable[tuple[int, int]]:
    """Pairs of a feature and a rating that are one straight line where both are known."""
    for column in np.flatnonzero(np.isnan(X).any(axis=0)):
        known = ~np.isnan(X[:, column])
        for _, number in _columns_that_are_ratings(X[known][:, [column]], ratings[known]):
            yield int(column), number
    for number, rating in enumerate(ratings.T):
        rows = ~np.isnan(rating)
        y, x = rating[rows], X[rows].astype(np.float64)
        if len(y) < LEAST_ROWS_TO_COMPARE or len(np.unique(y)) < 3:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):  # a constant feature is no rating
            x, y = x - x.mean(axis=0), y - y.mean()
            r = y @ x / np.sqrt((y @ y) * np.einsum("ij,ij->j", x, x))
        for column in np.flatnonzero(np.abs(r) > 1.0 - SAME_COLUMN):
            yield int(column), number


def _columns_that_sum_up(
    X: NDArray[np.floating], ratings: NDArray[np.float64], participants: NDArray[np.str_]
) -> Iterable[tuple[int, str, int]]:
    """Features of participants that are the mean, first or last rating of their sessions, in any unit."""
    _, first, codes = np.unique(participants, return_index=True, return_inverse=True)
    if len(first) == len(participants):
        return  # one session each: compared already
    constant = np.flatnonzero(((X[first][codes] == X) | np.isnan(X)).all(axis=0))
    for number, rating in enumerate(ratings.T):
        rows = np.flatnonzero(~np.isnan(rating))
        who, starts, own = np.unique(codes[rows], return_index=True, return_inverse=True)
        ends = len(rows) - 1 - np.unique(codes[rows][::-1], return_index=True)[1]
        means = np.bincount(own, weights=rating[rows]) / np.bincount(own)
        known = X[first[who]][:, constant]
        for which, values in (("mean", means), ("first", rating[rows][starts]), ("last", rating[rows][ends])):
            for column, _ in _columns_that_are_ratings(known, values[:, None]):
                yield int(constant[column]), which, number


def _some(texts: Sequence[str]) -> list[str]:
    rest = len(texts) - _SHOWN
    return [*texts[:_SHOWN], *([f"{rest} more of this kind."] if rest > 0 else [])]


def _shown(key: SessionKey) -> str:
    return " ".join(part for part in key if part)
