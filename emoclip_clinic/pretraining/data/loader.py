"""Batches of clips: the same ones for the same seed, whatever the number of processes, made ahead in threads.

Everything random depends on the seed, the epoch and the sample alone: the order of an epoch on the first two,
a sample's caption, window and augmentation on all three. The batch of step `s` is a stretch of that order,
and rank `r` takes the `r`-th part of it, so that the parts of all ranks, in their order, are the batch of a
single process.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data.dataset import Clip, ClipDataset

__all__ = ["Batch", "ClipLoader", "evaluation_batches", "local_batch_size"]

_HANDED_OVER: NDArray[np.uint8] = np.empty((0, 0, 0, 3), np.uint8)


@dataclass(frozen=True)
class Batch:
    """Clips with their texts.

    Attributes
    ----------
    clips : ndarray of shape (B * W, T, S, S, 3), uint8
        RGB pictures. In training W is 1; in evaluation the W windows of a sample follow each other, and
        ``embeddings.reshape(B, W, -1).mean(axis=1)`` averages them.
    captions : list of str
        One text per sample, length B. Equal texts are duplicates: positives of each other.
    ids : list of str
        Unique names of the samples.
    labels : list of tuple of str
        Classes of the samples.
    sources : list of str
        Participant or film of the samples.
    attributes : ndarray of shape (B * W, T, A), float32, or None
        Attributes of the frames, if the store has any.
    n_windows : int
        W.
    epoch, step : int
        Where in training the batch belongs; in evaluation the epoch is 0 and the step counts batches.
    """

    clips: NDArray[np.uint8]
    captions: list[str]
    ids: list[str]
    labels: list[tuple[str, ...]]
    sources: list[str]
    attributes: NDArray[np.float32] | None
    n_windows: int
    epoch: int
    step: int

    def __len__(self) -> int:
        return len(self.ids)


def local_batch_size(global_batch: int, world_size: int) -> int:
    """Return each process's part of a batch.

    Parameters
    ----------
    global_batch : int
        Clips of a batch over all processes.
    world_size : int
        Number of processes.

    Returns
    -------
    int
        Clips per process.

    Raises
    ------
    PretrainingError
        If the processes cannot have equal parts of at least one clip.
    """
    if world_size < 1 or global_batch < world_size or global_batch % world_size:
        near = max(1, round(global_batch / max(world_size, 1))) * max(world_size, 1)
        raise PretrainingError(
            "The number of processes must divide the batch size",
            found=f"{global_batch} clips for {world_size} processes",
            hint=f"A batch of {near} would do, or another number of processes.",
        )
    return global_batch // world_size


class ClipLoader:
    """Training batches of one process, epoch by epoch.

    Parameters
    ----------
    dataset : ClipDataset
        The clips.
    batch_size : int
        Clips of a batch on this process; `world_size` times as many make the global batch.
    seed : int
        Of the run; the same on all processes.
    rank, world_size : int
        This process and how many there are.
    shuffle : bool
        A new order in each epoch; else that of the data set.
    drop_last : bool
        Leave out the last clips of an epoch that do not fill a batch. If False they make a smaller batch, of
        which at most ``world_size - 1`` clips, or a single one, are left out.
    workers : int
        Threads that read and change clips; 0 to do so in the caller's thread.
    ahead : int
        Batches made ahead; each takes ``batch_size * T * S * S * 3`` bytes.

    Attributes
    ----------
    epoch : int
        The epoch that the next iteration goes through.
    waited_s, running_s : float
        Seconds for which batches were waited for, and seconds of iteration in all, since the loader was made.

    Raises
    ------
    PretrainingError
        If the global batch has fewer than two clips or more than the data set, or rank and world size do not
        fit.

    Examples
    --------
    >>> import numpy as np
    >>> from emoclip_clinic.pretraining.data import ArrayStore, ClipDataset, ClipLoader, Sample, Sampling
    >>> samples = [Sample(f"c{i}", (f"face {i}",), (), f"s{i}", None, 8, False) for i in range(6)]
    >>> store = ArrayStore(samples, [np.full((8, 16, 16, 3), i, np.uint8) for i in range(6)])
    >>> dataset = ClipDataset(store, sampling=Sampling(n_frames=4, stride=1))
    >>> loader = ClipLoader(dataset, batch_size=2, seed=1)
    >>> [batch.clips.shape for batch in loader]
    [(2, 4, 16, 16, 3), (2, 4, 16, 16, 3), (2, 4, 16, 16, 3)]
    """

    def __init__(
        self,
        dataset: ClipDataset,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        drop_last: bool = True,
        workers: int = 2,
        ahead: int = 2,
    ) -> None:
        if not 0 <= rank < world_size:
            raise PretrainingError(
                "The rank must be from 0 to below the number of processes", found=(rank, world_size)
            )
        if batch_size < 1 or batch_size * world_size < 2:
            raise PretrainingError(
                "A batch must have at least two clips, as each is compared with the others",
                found=f"{batch_size} clips on each of {world_size} processes",
                hint="Raise batch_size; where memory is short, take fewer frames.",
            )
        if drop_last and batch_size * world_size > len(dataset):
            raise PretrainingError(
                "A batch must not have more clips than the data set",
                found=f"{batch_size * world_size} of {len(dataset)}",
                hint="Lower batch_size.",
            )
        self._dataset = dataset
        self._batch_size = batch_size
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._shuffle = shuffle
        self._drop_last = drop_last
        self._workers = workers
        self._ahead = ahead
        self._start = 0
        self.epoch = 0
        self.waited_s = 0.0
        self.running_s = 0.0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._parts())

    @property
    def waited_share(self) -> float:
        """Share of the time of iteration for which batches were waited for; 0 before the first."""
        return self.waited_s / self.running_s if self.running_s else 0.0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration goes through, from its beginning.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        """
        self.epoch = epoch
        self._start = 0

    def start_at(self, step: int) -> None:
        """Let the next iteration begin within its epoch, exactly as if the batches before had been read.

        Parameters
        ----------
        step : int
            Number of the first batch, from 0 to the length of the loader.

        Raises
        ------
        PretrainingError
            If the epoch has no such batch.
        """
        if not 0 <= step <= len(self):
            raise PretrainingError(
                f"The step must be from 0 to {len(self)}, the steps of an epoch", found=step
            )
        self._start = step

    def order(self) -> NDArray[np.intp]:
        """Return the numbers of the clips in the order of the present epoch, on all processes alike."""
        if not self._shuffle:
            return np.arange(len(self._dataset), dtype=np.intp)
        return np.random.default_rng([self._seed, 0x0E0C, self.epoch]).permutation(len(self._dataset))

    def __iter__(self) -> Iterator[Batch]:
        order, epoch = self.order(), self.epoch
        parts = list(enumerate(self._parts()))[self._start :]
        self._start = 0

        def drawn(index: int) -> Clip:
            return self._dataset.clip(index, np.random.default_rng([self._seed, 0xC119, epoch, index]))

        work = ((step, [int(i) for i in order[part]]) for step, part in parts)
        batches = _made_ahead(
            work, self._dataset, drawn, n_windows=None, epoch=epoch, workers=self._workers, ahead=self._ahead
        )
        try:
            while True:
                before = time.perf_counter()
                batch = next(batches, None)
                self.waited_s += time.perf_counter() - before
                if batch is not None:
                    yield batch
                self.running_s += time.perf_counter() - before
                if batch is None:
                    return
        finally:
            batches.close()

    def _parts(self) -> list[slice]:
        """Stretches of the epoch's order that this process takes, step by step."""
        size, n_clips = self._batch_size * self._world_size, len(self._dataset)
        parts = [
            slice(start + self._rank * self._batch_size, start + (self._rank + 1) * self._batch_size)
            for start in range(0, n_clips - size + 1, size)
        ]
        rest = n_clips % size // self._world_size
        if not self._drop_last and rest * self._world_size >= 2:
            start = n_clips - n_clips % size
            parts.append(slice(start + self._rank * rest, start + (self._rank + 1) * rest))
        return parts


def evaluation_batches(
    dataset: ClipDataset,
    *,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    workers: int = 2,
    ahead: int = 2,
) -> Iterator[Batch]:
    """Go through all clips once, in order, unchanged, with all evaluation windows.

    Parameters
    ----------
    dataset : ClipDataset
        The clips.
    batch_size : int
        Samples of a batch; the last batch may have fewer.
    rank, world_size : int
        Process `rank` takes every `world_size`-th sample, beginning with the `rank`-th. The parts may differ
        by one sample.
    workers, ahead : int
        As in `ClipLoader`.

    Yields
    ------
    Batch
        With ``n_windows`` rows of clips per sample.

    Raises
    ------
    PretrainingError
        If the batch size is below 1, or rank and world size do not fit.
    """
    if batch_size < 1 or not 0 <= rank < world_size:
        raise PretrainingError(
            "A batch must have at least one clip, and the rank be below the number of processes",
            found=f"batch {batch_size}, rank {rank} of {world_size}",
        )
    own = list(range(rank, len(dataset), world_size))
    parts = (own[start : start + batch_size] for start in range(0, len(own), batch_size))
    yield from _made_ahead(
        enumerate(parts),
        dataset,
        dataset.windows,
        n_windows=dataset.sampling.n_windows,
        epoch=0,
        workers=workers,
        ahead=ahead,
    )


def _made_ahead(
    work: Iterable[tuple[int, list[int]]],
    dataset: ClipDataset,
    read: Callable[[int], Clip],
    *,
    n_windows: int | None,
    epoch: int,
    workers: int,
    ahead: int,
) -> Generator[Batch, None, None]:
    """Read the clips of the next few batches in threads, and hand the batches out in order."""
    if workers < 1:
        for step, indices in work:
            growing = _Growing(step, indices, dataset, n_windows)
            yield growing.finished([growing.fill(row, read) for row in range(len(indices))], epoch)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="clips")
    waiting: deque[tuple[_Growing, list[Future[Clip]]]] = deque()

    def oldest() -> Batch:
        growing, futures = waiting.popleft()
        return growing.finished([future.result() for future in futures], epoch)

    try:
        for step, indices in work:
            growing = _Growing(step, indices, dataset, n_windows)
            waiting.append((growing, [pool.submit(growing.fill, row, read) for row in range(len(indices))]))
            if len(waiting) > ahead:
                yield oldest()
        while waiting:
            yield oldest()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Growing:
    """A batch whose rows are filled by several threads."""

    def __init__(self, step: int, indices: list[int], dataset: ClipDataset, n_windows: int | None) -> None:
        self._step = step
        self._indices = indices
        self._n_windows = n_windows
        windows = () if n_windows is None else (n_windows,)
        frames = (*windows, dataset.sampling.n_frames)
        size = dataset.size_px
        self._clips = np.empty((len(indices), *frames, size, size, 3), np.uint8)
        n_attributes = len(dataset.attribute_names)
        self._attributes = (
            np.empty((len(indices), *frames, n_attributes), np.float32) if n_attributes else None
        )

    def fill(self, row: int, read: Callable[[int], Clip]) -> Clip:
        """Read one clip into its row, and return what else is known of it."""
        clip = read(self._indices[row])
        self._clips[row] = clip.frames
        if self._attributes is not None:
            self._attributes[row] = clip.attributes
        return replace(clip, frames=_HANDED_OVER, attributes=None)  # the pictures are in the batch now

    def finished(self, filled: list[Clip], epoch: int) -> Batch:
        """Return the batch when all rows are filled."""
        flat = self._n_windows is not None
        attributes = self._attributes
        if flat and attributes is not None:
            attributes = attributes.reshape(-1, *attributes.shape[2:])
        return Batch(
            clips=self._clips.reshape(-1, *self._clips.shape[2:]) if flat else self._clips,
            captions=[clip.caption for clip in filled],
            ids=[clip.sample.id for clip in filled],
            labels=[clip.sample.labels for clip in filled],
            sources=[clip.sample.source for clip in filled],
            attributes=attributes,
            n_windows=self._n_windows or 1,
            epoch=epoch,
            step=self._step,
        )
