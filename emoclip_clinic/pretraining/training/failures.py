"""What ends a training, in words that say what to do: memory, numbers that are not finite, a full disk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training.recipe import Recipe, Stage

__all__ = ["check_finite", "explaining_memory"]

_SHOWN = 32


@contextmanager
def explaining_memory(recipe: Recipe, stage: Stage, *, precision: str, world_size: int) -> Iterator[None]:
    """Turn an allocation that fails into an error that names the knobs to turn.

    Parameters
    ----------
    recipe, stage : Recipe, Stage
        Settings that decide how much memory is needed.
    precision : str
        Arithmetic in use.
    world_size : int
        Number of processes.

    Raises
    ------
    PretrainingError
        Where memory runs out within the block.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        knobs = [] if recipe.gradient_checkpointing else ["set gradient_checkpointing: true"]
        if precision == "fp32" and torch.cuda.is_available():
            knobs.append("set precision: bf16")
        knobs.append(f"lower batch_size (now {stage.batch_size}, on {world_size} process(es))")
        knobs.append("start more processes, on more GPUs")
        knobs.append(f"lower data.frames (now {recipe.data.frames})")
        raise PretrainingError(
            "A step of training must fit into memory",
            found=str(error).partition("\n")[0] or type(error).__name__,
            hint=f"In this order: {'; '.join(knobs)}. The last checkpoint is complete.",
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def check_finite(loss: float, *, step: int, ids: Sequence[str], scale: float | None) -> None:
    """Stop where the loss is no number any more.

    Parameters
    ----------
    loss : float
        Loss of a step, the mean over all processes.
    step : int
        Number of the step, from 0.
    ids : sequence of str
        Identifiers of the clips of the batch, as far as this process has them.
    scale : float or None
        Inverse temperature.

    Raises
    ------
    PretrainingError
        If the loss is NaN or infinite.
    """
    if loss - loss == 0:
        return
    more = len(ids) - _SHOWN
    raise PretrainingError(
        "The loss must stay finite",
        found=[
            f"loss {loss} at step {step + 1}"
            + ("" if scale is None else f", inverse temperature {scale:.4g}"),
            f"clips of the batch: {', '.join(ids[:_SHOWN])}" + (f" and {more} more" if more > 0 else ""),
        ],
        hint=(
            "Look at these clips; if they are sound, lower lr, set clip_norm, or set precision: fp32. "
            "Nothing was saved since: the last checkpoint holds finite weights."
        ),
    )
