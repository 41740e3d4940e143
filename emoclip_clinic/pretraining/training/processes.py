"""The processes of a training: who this one is, and what they tell each other."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from emoclip_clinic.encoder import resolve_device
from emoclip_clinic.errors import PretrainingError

__all__ = ["Processes", "join_processes"]


class _Gather(torch.autograd.Function):
    """All processes' rows; backward, each row gets the gradients of all processes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        ctx.n_rows = len(rows)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        start = dist.get_rank() * ctx.n_rows
        return total[start : start + ctx.n_rows]


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Attributes
    ----------
    rank, world_size : int
        Number of this process, and how many there are.
    device : torch.device
        Where this process computes.
    """

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def gather(self, rows: Tensor) -> Tensor:
        """Join rows (b, ...) of all processes to (B, ...), in the order of ranks; gradients flow through."""
        if self.world_size == 1:
            return rows
        joined: Tensor = _Gather.apply(rows)
        return joined

    def mean(self, value: Tensor) -> float:
        """Average a scalar over the processes."""
        if self.world_size > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
            value /= self.world_size
        return float(value)

    def gather_bytes(self, row: Tensor) -> Tensor:
        """Join a row of bytes (n,) of every process to (world_size, n), on the CPU."""
        if self.world_size == 1:
            return row[None].cpu()
        parts = [torch.empty_like(row, device=self.device) for _ in range(self.world_size)]
        dist.all_gather(parts, row.to(self.device))
        return torch.stack(parts).cpu()

    def from_first(self, values: Sequence[float]) -> list[float]:
        """Give every process the numbers of the first one."""
        told = torch.tensor(list(values), dtype=torch.float64, device=self.device)
        if self.world_size > 1:
            dist.broadcast(told, 0)
        return [float(value) for value in told]

    def wait(self) -> None:
        """Wait for all processes."""
        if self.world_size > 1:
            dist.barrier()


@contextmanager
def join_processes(device: str = "auto", *, init_method: str | None = None) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` has started, or be the only one.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``; each process takes the GPU of its local rank.
    init_method : str, optional
        How processes find each other; by default as ``torchrun`` says, see
        `torch.distributed.init_process_group`.

    Yields
    ------
    Processes
        This process and how many there are.

    Raises
    ------
    PretrainingError
        If there are more processes on this computer than GPUs.
    SettingsError
        If there is no such device.
    """
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    place = resolve_device(device)
    if place.type == "cuda":
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        if local_rank >= torch.cuda.device_count():
            raise PretrainingError(
                "Every process needs a GPU of its own",
                found=f"process {local_rank + 1} with {torch.cuda.device_count()} GPUs",
                hint="Start as many processes as there are GPUs: torchrun --nproc-per-node N ...",
            )
        place = torch.device("cuda", local_rank if place.index is None else place.index)
        torch.cuda.set_device(place)
    if world_size == 1:
        yield Processes(0, 1, place)
        return
    backend = "nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=init_method, rank=rank, world_size=world_size)
    try:
        yield Processes(rank, world_size, place)
    finally:
        dist.destroy_process_group()
