"""Mini-batches of many networks at once: every network has its own number of rows, batches and shuffles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.mlp.plan import Member

__all__ = ["Batches", "n_batches", "stop_rows"]


def n_batches(n_rows: int, batch_size: int) -> int:
    """Return the fewest batches of at most `batch_size` rows."""
    return -(-n_rows // batch_size)


class Batches:
    """Shuffled mini-batches of networks, padded to one shape.

    Parameters
    ----------
    members : sequence of Member
        One for each network; those with more batches first.
    batch_size : int

    Attributes
    ----------
    n_batches : ndarray of int of shape (n_networks,)
    share : ndarray of float32, shape (n_networks, max_batches, max_rows)
        1 / rows in the batch for each row of a batch, 0 for padding. Batches of a network differ by one row
        at most, as in ``numpy.array_split``.
    """

    def __init__(self, members: Sequence[Member], batch_size: int) -> None:
        self._rows = [member.train for member in members]
        self._generators = [np.random.default_rng(member.batch_seed) for member in members]
        self.n_batches = np.array([n_batches(len(rows), batch_size) for rows in self._rows])
        widest = max(-(-len(rows) // n) for rows, n in zip(self._rows, self.n_batches, strict=True))
        self.share = np.zeros((len(members), self.n_batches.max(), widest), dtype=np.float32)
        for share, rows, n in zip(self.share, self._rows, self.n_batches, strict=True):
            for batch, size in enumerate(map(len, np.array_split(rows, n))):
                share[batch, :size] = 1.0 / size
        self._places = [np.flatnonzero(share) for share in self.share]

    def draw(self) -> NDArray[np.int64]:
        """Return the rows of the next epoch's batches, (n_networks, max_batches, max_rows); 0 for padding."""
        drawn = np.zeros(self.share.shape, dtype=np.int64)
        flat = drawn.reshape(len(drawn), -1)
        for network, (rows, places) in enumerate(zip(self._rows, self._places, strict=True)):
            flat[network, places] = self._generators[network].permutation(rows)
        return drawn

    def keep(self, networks: NDArray[np.intp]) -> None:
        """Go on with some of the networks, in the same order."""
        self._rows = [self._rows[i] for i in networks]
        self._generators = [self._generators[i] for i in networks]
        self._places = [self._places[i] for i in networks]
        self.n_batches = self.n_batches[networks]
        self.share = self.share[networks]


def stop_rows(members: Sequence[Member]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows that stop each network, padded with 0, and 1 for a row or 0 for padding.

    Parameters
    ----------
    members : sequence of Member

    Returns
    -------
    rows, valid : ndarray of shape (n_networks, max_rows)
    """
    longest = max(len(member.stop) for member in members)
    rows = np.zeros((len(members), longest), dtype=np.int64)
    valid = np.zeros(rows.shape, dtype=np.float32)
    for number, member in enumerate(members):
        rows[number, : len(member.stop)] = member.stop
        valid[number, : len(member.stop)] = 1.0
    return rows, valid
