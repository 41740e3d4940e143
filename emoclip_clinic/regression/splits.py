"""Folds for cross-validation in which no participant is ever on both sides.

Folds depend on who took part, how often, and where; never on ratings. Folds that are stratified on ratings
would have to be drawn anew for each permutation. If they are not, a permutation test of pooled r rejected
.096 to .105 (standard error .007) at a level of .05 in our simulations, and one of skill .043 to .049 (.004),
which is no excess: see docs/validity.md. Other statistics were not simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.checks import is_missing, participant_codes

__all__ = ["Fold", "check_folds", "restrict_folds", "split_participants"]

Groups = Sequence[object] | NDArray[np.generic]
Scheme = Literal["participant", "kfold", "site"]


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the rows into training and test rows.

    Attributes
    ----------
    repeat : int
        Number of the repetition, from 0. Within a repetition every row is tested once.
    name : str
        The participant or site left out, or ``fold-<number>``.
    train, test : ndarray of shape (n_train,) and (n_test,)
        Row indices in ascending order.
    """

    repeat: int
    name: str
    train: NDArray[np.intp]
    test: NDArray[np.intp]


def split_participants(
    groups: Groups,
    *,
    scheme: Scheme = "participant",
    n_splits: int = 10,
    n_repeats: int = 1,
    strata: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[Fold, ...]:
    """Split rows into folds such that all rows of a participant are on one side.

    Parameters
    ----------
    groups : sequence of shape (n_rows,)
        Participant of each row.
    scheme : {"participant", "kfold", "site"}
        Leave one participant out; grouped K-fold, balanced by the number of rows and by the strata; leave one
        site out.
    n_splits : int
        Number of folds of the scheme ``kfold``.
    n_repeats : int
        Repetitions of the scheme ``kfold``, each with a new random assignment.
    strata : array-like of shape (n_rows,) or (n_rows, n_variables), optional
        What the folds of ``kfold`` are balanced for, such as site or diagnostic group. Never ratings.
    sites : array-like of shape (n_rows,), optional
        Site of each row; needed by the scheme ``site``.
    seed : int
        Seed of the random assignment. Neither the order of rows nor the names of columns matter.

    Returns
    -------
    tuple of Fold
        Repetitions one after the other.

    Raises
    ------
    RegressionError
        If there are too few participants or sites, or one participant has several strata or sites.

    Notes
    -----
    ``kfold`` deals participants out one by one, those with many rows first and in random order among equals,
    each to the fold that so far has the fewest rows of the participant's stratum, then the fewest rows.
    """
    labels, codes = participant_codes(groups, 0 if groups is None else len(groups))
    if scheme == "participant":
        _need(len(labels), 2, "participants to leave one out")
        return tuple(_fold(0, str(label), codes == code) for code, label in enumerate(labels))
    if scheme == "site":
        if sites is None:
            raise RegressionError("The scheme 'site' needs the site of every row", found="sites=None")
        names, site = _one_per_participant(sites, labels, codes, "site")
        _need(len(names), 2, "sites to leave one out")
        return tuple(_fold(0, name, site[codes] == code) for code, name in enumerate(names))
    if scheme != "kfold":
        raise RegressionError(
            "scheme must be 'participant', 'kfold' or 'site'",
            found=scheme,
            hint=did_you_mean(str(scheme), ("participant", "kfold", "site")),
        )
    if n_repeats < 1 or n_splits < 2:
        raise RegressionError(
            "K-fold needs n_splits of at least 2 and n_repeats of at least 1",
            found=f"n_splits={n_splits}, n_repeats={n_repeats}",
        )
    if seed < 0:
        raise RegressionError("seed must not be negative", found=seed)
    _need(len(labels), n_splits, f"participants for {n_splits} folds")
    stratum = np.zeros(len(labels), dtype=np.intp)
    if strata is not None:
        _, stratum = _one_per_participant(strata, labels, codes, "stratum")
    rng = np.random.default_rng(seed)
    folds = []
    for repeat in range(n_repeats):
        assigned = _deal(np.bincount(codes), stratum, n_splits, rng)
        folds += [_fold(repeat, f"fold-{k + 1}", assigned[codes] == k) for k in range(n_splits)]
    return tuple(folds)


def check_folds(folds: Sequence[Fold], groups: Groups) -> tuple[Fold, ...]:
    """Check folds that somebody else made, and return them.

    Parameters
    ----------
    folds : sequence of Fold
    groups : sequence of shape (n_rows,)
        Participant of each row.

    Returns
    -------
    tuple of Fold

    Raises
    ------
    RegressionError
        If a participant is on both sides, an index is out of range or repeated, a side is empty, fewer than
        two participants are left for training, or a repetition does not test every row exactly once.
    """
    n_rows = len(groups)
    labels, codes = participant_codes(groups, n_rows)
    if not folds:
        raise RegressionError("There must be at least one fold", found="none")
    tested: dict[int, NDArray[np.intp]] = {}
    checked = []
    for fold in folds:
        train, test = _rows(fold.train, n_rows, fold.name), _rows(fold.test, n_rows, fold.name)
        both = np.intersect1d(codes[train], codes[test])
        if both.size:
            raise RegressionError(
                "No participant may be on both sides of a fold",
                found=", ".join(str(labels[code]) for code in both[:5]) + (" ..." if both.size > 5 else ""),
                where=f"fold {fold.name}",
                hint="Make folds with split_participants.",
            )
        _need(len(np.unique(codes[train])), 2, f"training participants in fold {fold.name}")
        counts = tested.setdefault(fold.repeat, np.zeros(n_rows, dtype=np.intp))
        counts[test] += 1
        checked.append(Fold(fold.repeat, fold.name, train, test))
    for repeat, counts in tested.items():
        wrong = np.flatnonzero(counts != 1)
        if wrong.size:
            raise RegressionError(
                "Each repetition must test every row exactly once",
                found=f"row {wrong[0]} is tested {counts[wrong[0]]} times, {wrong.size - 1} more rows differ",
                where=f"repetition {repeat}",
            )
    if sorted(tested) != list(range(len(tested))):
        raise RegressionError("Repetitions must be numbered from 0", found=sorted(tested))
    return tuple(checked)


def restrict_folds(folds: Sequence[Fold], rows: NDArray[np.intp], *, groups: Groups) -> tuple[Fold, ...]:
    """Keep some rows of folds, each on the side where it was.

    Parameters
    ----------
    folds : sequence of Fold
    rows : ndarray of shape (n_kept,)
        Rows to keep, ascending; they are numbered anew from 0.
    groups : sequence of shape (n_rows,)
        Participant of each row of the whole.

    Returns
    -------
    tuple of Fold
        Without the folds that have nobody left to test.

    Raises
    ------
    RegressionError
        If a fold keeps fewer than two training participants.
    """
    kept = [
        Fold(
            fold.repeat,
            fold.name,
            np.flatnonzero(np.isin(rows, fold.train)),
            np.flatnonzero(np.isin(rows, fold.test)),
        )
        for fold in folds
    ]
    labels, codes = participant_codes(groups, len(groups))
    return check_folds([fold for fold in kept if len(fold.test)], labels[codes[rows]])


def _deal(
    sizes: NDArray[np.intp], stratum: NDArray[np.intp], n_splits: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Assign participants to folds, greedily balancing rows within and over strata."""
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    rows_of_stratum = np.zeros((stratum.max() + 1, n_splits), dtype=np.intp)
    rows = np.zeros(n_splits, dtype=np.intp)
    assigned = np.empty(len(sizes), dtype=np.intp)
    for participant in order:
        mine = rows_of_stratum[stratum[participant]]
        assigned[participant] = fold = np.lexsort((rng.random(n_splits), rows, mine))[0]
        mine[fold] += sizes[participant]
        rows[fold] += sizes[participant]
    # An empty fold always has the smallest key, so with enough participants none stays empty. The order of
    # dealing leaves the largest folds first; numbers are shuffled so that they carry no meaning.
    return rng.permutation(n_splits)[assigned].astype(np.intp)


def _one_per_participant(
    values: ArrayLike, labels: NDArray[np.generic], codes: NDArray[np.intp], what: str
) -> tuple[list[str], NDArray[np.intp]]:
    """Return sorted names of strata or sites, and the code of each participant's."""
    array = np.asarray(values)
    if array.ndim not in (1, 2) or len(array) != len(codes):
        raise RegressionError(
            f"There must be one {what} for each of the {len(codes)} rows", found=f"shape {array.shape}"
        )
    for row, labels_of_row in enumerate(array.reshape(len(codes), -1).tolist()):
        if any(is_missing(label) for label in labels_of_row):
            raise RegressionError(f"The {what} must be known for every row", found=f"none in row {row}")
    rows = ["/".join(map(str, np.atleast_1d(row).tolist())) for row in array]
    names, code = np.unique(rows, return_inverse=True)
    first = np.full(len(labels), -1, dtype=np.intp)
    for participant, value in zip(codes, code, strict=True):
        if first[participant] not in (-1, value):
            raise RegressionError(
                f"A participant must have one {what}",
                found=f"{names[first[participant]]} and {names[value]}",
                where=f"participant {labels[participant]}",
            )
        first[participant] = value
    return [str(name) for name in names], first


def _fold(repeat: int, name: str, test: NDArray[np.bool_]) -> Fold:
    return Fold(repeat, name, np.flatnonzero(~test), np.flatnonzero(test))


def _rows(rows: ArrayLike, n_rows: int, name: str) -> NDArray[np.intp]:
    """Return ascending row indices, or say what is wrong with them."""
    array = np.asarray(rows)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise RegressionError(
            "A side of a fold must be a list of row indices, not empty",
            found=f"shape {array.shape}, dtype {array.dtype}",
            where=f"fold {name}",
        )
    ordered = np.unique(array)
    if len(ordered) < len(array) or ordered[0] < 0 or ordered[-1] >= n_rows:
        raise RegressionError(
            f"Row indices must lie between 0 and {n_rows - 1}, each at most once",
            found=f"{len(array)} indices from {ordered[0]} to {ordered[-1]}, {len(ordered)} distinct",
            where=f"fold {name}",
        )
    return ordered.astype(np.intp)


def _need(found: int, needed: int, what: str) -> None:
    if found < needed:
        raise RegressionError(f"There must be at least {needed} {what}", found=found)
