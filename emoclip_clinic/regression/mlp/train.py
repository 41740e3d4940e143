"""Train many networks at once, each until its own inner participants say stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.mlp.batches import Batches, n_batches, stop_rows
from emoclip_clinic.regression.mlp.plan import Member, Table, initial_weights
from emoclip_clinic.regression.mlp.settings import MlpSettings
from emoclip_clinic.regression.mlp.stack import Stack, padded_size

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Network", "Progress", "choose_device", "networks_in_memory", "train_networks"]

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

MEBIBYTE = 2**20
# On a CPU, stacks beyond this fall out of the cache, and every step fetches all weights from main memory.
CPU_CACHE_MB = 12
# Rows that stop training are evaluated in blocks of so many; if one block holds them, it is kept ready.
STOP_BLOCK = 256
# Targets are standardised for about so many rows of a network at once: their operations are short.
TARGET_ROWS = 128
# The stack is made smaller once so large a part of it has stopped.
STOPPED_PART = 0.25


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network.

    Attributes
    ----------
    member : int
        Position in the list of members.
    rate : int
        Position of its learning rate.
    epochs : int
        Epochs after which it was best; 0 is the mean predictor it started as.
    error : float
        Mean squared error in its inner participants, in training SDs; NaN if they have no usable rating.
    layers : list of (weight of shape (n_in, n_out), bias of shape (n_out,))
        Weights of the best epoch.
    """

    member: int
    rate: int
    epochs: int
    error: float
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def choose_device(device: str) -> str:
    """Return "cuda" or "cpu" for "auto", and any other name as it is if it can be used.

    Raises
    ------
    RegressionError
        If PyTorch does not know the device or it is not there.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RegressionError(
            "The MLP's device must be there",
            found=f"{device} ({str(error).splitlines()[0]})",
            hint="Choose 'auto' or 'cpu'.",
        ) from error
    return device


def networks_in_memory(
    members: Sequence[Member], table: Table, settings: MlpSettings, *, max_memory_mb: float
) -> int:
    """Return how many networks may be trained at once.

    Parameters
    ----------
    members : sequence of Member
    table : Table
    settings : MlpSettings
    max_memory_mb : float
        Cap on tensors on the device, in MiB: the data, and for each network six copies of its weights
        (weights, gradients, two moments, best so far, one in passing) and what its batches take.

    Returns
    -------
    int

    Raises
    ------
    RegressionError
        If the data and one network exceed the cap.
    """
    (n_rows, n_features), n_targets = table.X.shape, table.Y.shape[1]
    longest = max(len(member.train) for member in members)
    stopping = max(len(member.stop) for member in members)
    rows_at_once = min(settings.batch_size, longest) + min(STOP_BLOCK, stopping)
    # Per row: inputs, hidden values with their slopes, and targets with weights and errors.
    values_per_row = n_features + 3 * sum(settings.hidden) + 4 * n_targets
    target_rows = max(min(settings.batch_size, longest), min(TARGET_ROWS, longest), min(STOP_BLOCK, stopping))
    shared = 4 * n_rows * (n_features + 4 * n_targets)
    # Row numbers take eight bytes, and their shares four.
    each = 4 * (6 * _n_weights(table, settings) + rows_at_once * values_per_row)
    each += 4 * 12 * target_rows * n_targets + 12 * (longest + stopping)
    fitting = int((max_memory_mb * MEBIBYTE - shared) // each)
    if fitting < 1:
        raise RegressionError(
            "max_memory_mb must hold the data and one network",
            found=f"{max_memory_mb:g} MiB, needed {(shared + each) / MEBIBYTE:.1f} MiB",
        )
    return fitting


def train_networks(
    table: Table,
    members: Sequence[Member],
    settings: MlpSettings,
    *,
    device: str = "cpu",
    max_memory_mb: float = 1024,
    progress: Progress | None = None,
) -> Iterator[Network]:
    """Train one network for each member and learning rate.

    Parameters
    ----------
    table : Table
    members : sequence of Member
    settings : MlpSettings
    device : str
    max_memory_mb : float
        See `networks_in_memory`.
    progress : callable, optional
        Called with (done, total) numbers of networks.

    Yields
    ------
    Network
        Chunk by chunk, in no promised order.

    Raises
    ------
    RegressionError
        If a loss is not finite, or memory does not suffice.
    """
    import torch

    fitting = networks_in_memory(members, table, settings, max_memory_mb=max_memory_mb)
    steps = [n_batches(len(member.train), settings.batch_size) for member in members]
    jobs = [(member, rate) for member in range(len(members)) for rate in range(len(settings.learning_rates))]
    # Networks of like size lie together, and those of one fold, so that a fold is soon complete.
    jobs.sort(key=lambda job: (-steps[job[0]], job))
    workers = min(torch.get_num_threads(), fitting) if device == "cpu" else 1
    size = fitting // workers
    if device == "cpu":
        n_weights = _n_weights(table, settings)
        size = max(1, min(size, CPU_CACHE_MB * MEBIBYTE // (4 * 5 * n_weights)))
    rounds = -(-len(jobs) // (size * workers))
    parts = [part for part in np.array_split(np.arange(len(jobs)), rounds * workers) if len(part)]
    chunks = [sorted((jobs[i] for i in part), key=lambda job: (-steps[job[0]], job[::-1])) for part in parts]
    logger.debug("%d networks in %d chunks on %s", len(jobs), len(chunks), device)
    values = torch.from_numpy(table.X).to(device)
    # Ratings stay float64 until they are standardised. A centre common to all folds would spare that, and
    # would let ratings that a fold must not see decide about its rounding.
    ratings = torch.from_numpy(np.hstack([table.Y, table.weight])).to(device)
    halt = threading.Event()

    def train(chunk: list[tuple[int, int]]) -> list[Network]:
        return _Chunk(values, ratings, members, chunk, settings, device, halt).train()

    done = 0
    for networks in _in_threads(train, chunks, workers, halt) if device == "cpu" else map(train, chunks):
        yield from networks
        done += len(networks)
        if progress is not None:
            progress(done, len(jobs))


def _in_threads(
    train: Callable[[list[tuple[int, int]]], list[Network]],
    chunks: list[list[tuple[int, int]]],
    workers: int,
    halt: threading.Event,
) -> Iterator[list[Network]]:
    """Train chunks side by side, each in one thread, and yield their networks in order.

    A step of one chunk is too short to be shared: threads that wait for each other at the end of every matrix
    product cost more than they bring, many times more on a busy machine.
    """
    import torch

    n_threads = torch.get_num_threads()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as executor:
        try:
            for future in [executor.submit(train, chunk) for chunk in chunks]:
                yield future.result()
        finally:
            # After an error or Ctrl-C the other threads end with their epoch.
            halt.set()
            executor.shutdown(cancel_futures=True)
            torch.set_num_threads(n_threads)


def _n_weights(table: Table, settings: MlpSettings) -> int:
    return padded_size([table.X.shape[1], *settings.hidden, table.Y.shape[1]])


class _Chunk:
    """Networks that are trained together."""

    def __init__(
        self,
        values: Tensor,
        ratings: Tensor,
        members: Sequence[Member],
        jobs: list[tuple[int, int]],
        settings: MlpSettings,
        device: str,
        halt: threading.Event,
    ) -> None:
        self._halt = halt
        self._values, self._ratings = values, ratings
        self._settings, self._device = settings, device
        self._members, self._jobs = members, jobs
        self._n_targets = ratings.shape[1] // 2
        sizes = [values.shape[1], *settings.hidden, self._n_targets]
        initial = {seed: initial_weights(seed, sizes) for seed in {members[m].seed for m, _ in jobs}}
        mine = [members[m] for m, _ in jobs]
        self._batches = Batches(mine, settings.batch_size)
        self._stack = Stack(
            [initial[member.seed] for member in mine],
            self._batches.n_batches,
            np.array([settings.learning_rates[rate] for _, rate in jobs]),
            weight_decay=settings.weight_decay,
            device=device,
        )
        self._best = self._stack.values.clone()
        self._error = np.full(len(jobs), np.inf)
        self._epoch = np.zeros(len(jobs), dtype=np.intp)
        self._going = np.ones(len(jobs), dtype=bool)
        self._prepare()

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        import torch

        return torch.from_numpy(array).to(self._device)

    def _column(self, name: str) -> Tensor:
        """Return a vector of each member as a float64 tensor of shape (n_networks, 1, n)."""
        return self._tensor(np.stack([getattr(self._members[m], name) for m, _ in self._jobs])[:, None, :])

    def _prepare(self) -> None:
        """Put what the present networks need onto the device."""
        factor = self._column("x_factor")
        self._x_factor, self._x_shift = factor.float(), (-self._column("x_mean") * factor).float()
        sd = self._column("y_sd")
        self._y_mean, self._y_factor = self._column("y_mean"), (1.0 / sd).nan_to_num(0.0, 0.0, 0.0)
        # The derivative of the square brings the 2.
        self._slope_weight = 2.0 * self._column("train_weight")
        self._stop_weight = self._column("stop_weight")
        rows, valid = stop_rows([self._members[m] for m, _ in self._jobs])
        self._stop_rows, self._stop_valid = self._tensor(rows), self._tensor(valid)
        self._share = self._tensor(self._batches.share)
        self._ready = self._stop_block(slice(None)) if rows.shape[1] <= STOP_BLOCK else None

    def _inputs(self, rows: Tensor) -> Tensor:
        """Return standardised inputs of (n, n_rows) row numbers."""
        import torch

        n = len(rows)
        x = self._values.index_select(0, rows.reshape(-1)).view(n, -1, self._values.shape[1])
        return torch.addcmul(self._x_shift[:n], x, self._x_factor[:n], out=x)

    def _targets(self, rows: Tensor, share: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return standardised targets and cell weights of (n, ...) row numbers, each (n, ..., n_targets)."""
        n, shape = len(rows), (*rows.shape, self._n_targets)
        cells = self._ratings.index_select(0, rows.reshape(-1)).view(n, -1, 2 * self._n_targets)
        y = (cells[..., : self._n_targets] - self._y_mean[:n]).mul_(self._y_factor[:n]).float()
        weights = (cells[..., self._n_targets :] * weight[:n]).float()
        return y.view(shape), weights.view(shape).mul_(share[..., None])

    def _train_epoch(self) -> None:
        drawn = self._tensor(self._batches.draw())
        counts = self._batches.n_batches
        at_once = max(1, TARGET_ROWS // drawn.shape[2])
        self._stack.start_epoch()
        for batch in range(int(counts.max())):
            n, within = int(np.count_nonzero(counts > batch)), batch % at_once
            if not within:
                some = (slice(n), slice(batch, batch + at_once))
                y, weight = self._targets(drawn[some], self._share[some], self._slope_weight)
            values = self._stack.forward(self._inputs(drawn[:n, batch]))
            slope = values[-1].sub_(y[:n, within]).mul_(weight[:n, within])
            self._stack.step(batch, values, slope)

    def _stop_block(self, block: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs, targets and cell weights of some rows of the inner participants."""
        rows = self._stop_rows[:, block]
        return self._inputs(rows), *self._targets(rows, self._stop_valid[:, block], self._stop_weight)

    def _stop_errors(self) -> NDArray[np.float64]:
        """Return the mean squared error of each network in its inner participants."""
        import torch

        n_networks, n_rows = self._stop_rows.shape
        total = torch.zeros(n_networks, device=self._device)
        for start in range(0, n_rows, STOP_BLOCK):
            x, y, weight = self._ready or self._stop_block(slice(start, start + STOP_BLOCK))
            total += self._stack.forward(x)[-1].sub_(y).square_().mul_(weight).sum(dim=(1, 2))
        return total.cpu().numpy().astype(np.float64)

    def _note(self, epoch: int) -> None:
        """Keep the weights of networks that are better than ever, unless they have stopped."""
        errors = self._stop_errors()
        wrong = np.flatnonzero(self._going & ~np.isfinite(errors))
        if wrong.size:
            member, rate = self._jobs[wrong[0]]
            raise RegressionError(
                "The loss of every network must stay finite",
                found=f"{errors[wrong[0]]} in epoch {epoch}, {wrong.size} of {len(errors)} networks",
                where=f"{self._members[member].name}, learning rate {self._settings.learning_rates[rate]:g}",
                hint="Choose smaller learning rates, and look for extreme values among the features.",
            )
        better = self._going & (errors < self._error)
        self._error[better], self._epoch[better] = errors[better], epoch
        self._going &= epoch - self._epoch < self._settings.patience
        edges = np.flatnonzero(np.diff(better, prepend=False, append=False))
        for start, end in edges.reshape(-1, 2):
            self._best[start:end].copy_(self._stack.values[start:end])

    def train(self) -> list[Network]:
        import torch

        finished: list[Network] = []
        with torch.no_grad():
            self._note(0)
            for epoch in range(1, self._settings.max_epochs + 1):
                self._train_epoch()
                self._note(epoch)
                if self._halt.is_set() or not self._going.any():
                    break
                if self._going.mean() <= 1 - STOPPED_PART:
                    finished += self._finished(np.flatnonzero(~self._going))
                    self._keep(np.flatnonzero(self._going))
            finished += self._finished(np.arange(len(self._jobs)))
        return finished

    def _keep(self, networks: NDArray[np.intp]) -> None:
        self._jobs = [self._jobs[i] for i in networks]
        self._best = self._best[self._tensor(networks)]
        self._error, self._epoch = self._error[networks], self._epoch[networks]
        self._going = self._going[networks]
        self._batches.keep(networks)
        self._stack.keep(networks)
        self._prepare()

    def _finished(self, networks: NDArray[np.intp]) -> list[Network]:
        best = self._best.cpu().numpy()
        finished = []
        for i in networks:
            member, rate = self._jobs[i]
            error = float(self._error[i]) if self._members[member].stop_weight.any() else float("nan")
            layers = self._stack.layers_of(best[i])
            finished.append(Network(member, rate, int(self._epoch[i]), error, layers))
        return finished
