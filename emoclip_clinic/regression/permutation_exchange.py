"""Who may exchange ratings with whom: classes of participants, and the exchanges that they allow."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import is_missing, participant_codes
from emoclip_clinic.regression.splits import Groups

__all__ = ["Exchange", "ExchangeClass", "plan_exchange"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ExchangeClass:
    """Participants of one stratum with the same number of rated sessions.

    Attributes
    ----------
    stratum : str
        Empty if there are no strata.
    participants : ndarray of shape (n_participants,)
        Their positions among the sorted labels.
    rows : ndarray of shape (n_participants, n_sessions)
        Their rated rows, in the order of the sessions.
    """

    stratum: str
    participants: Rows
    rows: Rows

    def parts(self, rated: Mask) -> Iterator[tuple[Rows, Mask]]:
        """Yield members that have a rating in the same sessions, as (members, sessions).

        ``members`` indexes `participants`; ``sessions`` is a mask over the columns of `rows`. Members without
        any rating are left out.
        """
        mine = rated[self.rows]
        for sessions in np.unique(mine, axis=0):
            if sessions.any():
                yield np.flatnonzero((mine == sessions).all(axis=1)), sessions


@dataclass(frozen=True, eq=False)
class Exchange:
    """All exchanges of whole rating blocks that the strata and the numbers of sessions allow.

    Make it with `plan_exchange`.

    Attributes
    ----------
    n_rows, n_participants : int
    classes : tuple of ExchangeClass
    """

    n_rows: int
    n_participants: int
    classes: tuple[ExchangeClass, ...]

    @property
    def n_permutations(self) -> int:
        """Number of ways to exchange the blocks, the present one included."""
        return math.prod(math.factorial(len(c.participants)) for c in self.classes)

    @property
    def strata(self) -> pd.DataFrame:
        """One row per class: ``stratum``, ``n_sessions`` of each participant, ``n_participants``."""
        return pd.DataFrame(
            [(c.stratum, c.rows.shape[1], len(c.participants)) for c in self.classes],
            columns=["stratum", "n_sessions", "n_participants"],
        )

    def n_distinct(self, y: Floats) -> int:
        """Count the different arrangements of one target's ratings, the present one included.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            NaN where missing.

        Returns
        -------
        int
            Participants with equal ratings are interchangeable, so it is below `n_permutations` with ties.
        """
        total = 1
        for group in self.classes:
            for members, sessions in group.parts(~np.isnan(y)):
                blocks = Counter(map(tuple, y[group.rows[members][:, sessions]].tolist()))
                total *= math.factorial(len(members)) // math.prod(map(math.factorial, blocks.values()))
        return total

    def random_draws(self, n_draws: int, *, seed: int, chunk: int) -> Iterator[Rows]:
        """Yield random exchanges in chunks; the size of a chunk does not change them.

        Parameters
        ----------
        n_draws : int
        seed : int
        chunk : int
            Draws per chunk.

        Yields
        ------
        ndarray of shape (n, n_participants)
            Whose block each participant receives, as a position in the `participants` of the class.
        """
        rng = np.random.default_rng(seed)
        for start in range(0, n_draws, chunk):
            ranks = rng.random((min(chunk, n_draws - start), self.n_participants))
            donors = np.zeros(ranks.shape, dtype=np.intp)
            for group in self.classes:
                donors[:, group.participants] = np.argsort(ranks[:, group.participants], axis=1)
            yield donors

    def all_draws(self, *, chunk: int) -> Iterator[Rows]:
        """Yield every exchange but the present one, as `random_draws` does."""
        every = itertools.product(*(itertools.permutations(range(len(c.participants))) for c in self.classes))
        next(every)  # each comes first in its own order
        while some := list(itertools.islice(every, chunk)):
            donors = np.zeros((len(some), self.n_participants), dtype=np.intp)
            for number, group in enumerate(self.classes):
                donors[:, group.participants] = [draw[number] for draw in some]
            yield donors

    def sources(self, donors: Rows, rated: Mask) -> Rows:
        """Return the row from which each row takes its rating.

        Parameters
        ----------
        donors : ndarray of shape (n_draws, n_participants)
            See `random_draws`.
        rated : ndarray of bool of shape (n_rows,)
            Rows in which the target is rated. They stay the rated ones.

        Returns
        -------
        ndarray of shape (n_draws, n_rows)

        Notes
        -----
        A participant who has the target in other sessions than the receiver, or not at all, has no block to
        give. The receiver then takes the block of that participant's own donor, and so on: the draw is
        followed until it comes to a participant with the same rated sessions. For each target this is a
        uniformly random permutation of those participants (a uniform permutation restricted to a subset by
        leaving elements out of its cycles is uniform), and targets that are complete move together.
        """
        source = np.tile(np.arange(self.n_rows), (len(donors), 1))
        for group in self.classes:
            draw = donors[:, group.participants]
            for members, sessions in group.parts(rated):
                has_block = np.zeros(len(group.participants), dtype=bool)
                has_block[members] = True
                donor = draw[:, members]
                while not (there := has_block[donor]).all():
                    donor = np.where(there, donor, np.take_along_axis(draw, donor, axis=1))
                source[:, group.rows[members][:, sessions]] = group.rows[donor][:, :, sessions]
        return source


def plan_exchange(
    Y: Floats,
    groups: Groups,
    *,
    within: ArrayLike | None = None,
    order: ArrayLike | None = None,
) -> Exchange:
    """Find the participants whose rating blocks may be exchanged.

    Parameters
    ----------
    Y : ndarray of shape (n_rows, n_targets)
        Ratings, one row per session; a session counts as rated if it has any target.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    within : array-like of shape (n_rows,) or (n_rows, n_variables), optional
        Stratum of each row's participant, such as site or diagnostic group.
    order : array-like of shape (n_rows,), optional
        Session labels, numbers or dates, by which a participant's sessions are ordered; "ses-2" comes before
        "ses-10". By default sessions are in the order of the rows.

    Returns
    -------
    Exchange

    Raises
    ------
    RegressionError
        If a stratum is missing, a participant has two strata, or two sessions of a participant have the same
        label.
    """
    n_rows = len(Y)
    labels, codes = participant_codes(groups, n_rows)
    stratum = [""] * len(labels) if within is None else _strata(within, labels, codes)
    position = np.arange(n_rows) if order is None else _positions(order, labels, codes)
    rated = ~np.isnan(Y).all(axis=1)
    members: dict[tuple[str, int], list[int]] = {}
    rows = []
    for code in range(len(labels)):
        mine = np.flatnonzero((codes == code) & rated)
        rows.append(mine[np.argsort(position[mine])])
        if len(mine):
            members.setdefault((stratum[code], len(mine)), []).append(code)
    classes = (
        ExchangeClass(name, np.array(some), np.stack([rows[code] for code in some]))
        for (name, _), some in sorted(members.items())
    )
    return Exchange(n_rows, len(labels), tuple(classes))


def _strata(within: ArrayLike, labels: NDArray[np.generic], codes: Rows) -> list[str]:
    """Return the stratum of each participant."""
    array = np.asarray(within)
    if array.ndim not in (1, 2) or len(array) != len(codes):
        raise RegressionError(
            f"There must be one stratum for each of the {len(codes)} rows", found=f"shape {array.shape}"
        )
    names: list[str | None] = [None] * len(labels)
    for row, values in enumerate(array.reshape(len(codes), -1).tolist()):
        if any(is_missing(value) for value in values):
            raise RegressionError(
                "The stratum must be known for every row",
                found=f"none in row {row} (counted from 0)",
                where=f"participant {labels[codes[row]]}",
                hint="Fill in the column of participants.tsv, or permute without it.",
            )
        name = "/".join(map(str, values))
        if names[codes[row]] not in (None, name):
            raise RegressionError(
                "A participant must have one stratum",
                found=f"{names[codes[row]]} and {name}",
                where=f"participant {labels[codes[row]]}",
            )
        names[codes[row]] = name
    return [name or "" for name in names]


def _positions(order: ArrayLike, labels: NDArray[np.generic], codes: Rows) -> Rows:
    """Return the rank of each row's session among all session labels."""
    values = np.asarray(order)
    if values.shape != codes.shape:
        raise RegressionError(
            f"There must be one session label for each of the {len(codes)} rows",
            found=f"shape {values.shape}",
        )
    if values.dtype.kind in "biufM":
        rank = np.unique(values, return_inverse=True)[1]
    else:
        names = ["" if is_missing(value) else str(value) for value in values.tolist()]
        place = {name: rank for rank, name in enumerate(sorted(set(names), key=_natural))}
        rank = np.array([place[name] for name in names], dtype=np.intp)
    pairs, counts = np.unique(np.column_stack([codes, rank]), axis=0, return_counts=True)
    if (counts > 1).any():
        twice = pairs[counts > 1][0]
        row = int(np.flatnonzero((codes == twice[0]) & (rank == twice[1]))[0])
        raise RegressionError(
            "A participant's sessions must have different labels, or their order is not known",
            found=str(values[row]),
            where=f"participant {labels[twice[0]]}",
        )
    return np.asarray(rank, dtype=np.intp)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort numbers inside names by value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
