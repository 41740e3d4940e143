"""The loop of a stage: steps, log, evaluations, checkpoints, early stopping; resumed at any step."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from emoclip_clinic.encoder import EmoClipNetwork
from emoclip_clinic.pretraining.data import Batch, ClipDataset, ClipLoader
from emoclip_clinic.pretraining.training.checkpoints import (
    Checkpoint,
    optimiser_tensors,
    restore_optimiser,
    write_checkpoint,
)
from emoclip_clinic.pretraining.training.failures import check_finite, explaining_memory
from emoclip_clinic.pretraining.training.logbook import Logbook, peak_memory_mb
from emoclip_clinic.pretraining.training.optimisers import (
    build_optimiser,
    learning_rate_factor,
    set_learning_rate,
)
from emoclip_clinic.pretraining.training.processes import Processes
from emoclip_clinic.pretraining.training.recipe import Recipe
from emoclip_clinic.pretraining.training.steps import StageSteps

__all__ = ["Progress", "StageLoop"]


@dataclass
class Progress:
    """How far a stage is.

    Attributes
    ----------
    step : int
        Steps that are done.
    best : dict or None
        ``{"stage", "step", "score"}`` of the best evaluation so far.
    without_gain : int
        Evaluations since then.
    elapsed_s : float
        Seconds of training so far, over all runs that it took.
    finished : bool
        Whether the stage is done.
    """

    step: int = 0
    best: dict[str, Any] | None = None
    without_gain: int = 0
    elapsed_s: float = 0.0
    finished: bool = False


@dataclass
class _Window:
    """What is averaged between two lines of the log."""

    losses: list[float] = field(default_factory=list)
    clips: int = 0
    seconds: float = 0.0
    waited_before: float = 0.0


class StageLoop:
    """Runs a stage.

    Parameters
    ----------
    steps : StageSteps
        What a step computes; also an attribute.
    network : EmoClipNetwork
        The network that checkpoints hold.
    loader : ClipLoader
        This process's batches.
    validation : ClipDataset or None
        Clips of other sources.
    recipe : Recipe
        The settings.
    processes : Processes
        The processes that train together.
    logbook : Logbook
        Where to write how it goes.
    precision : str
        ``"fp32"`` or ``"bf16"``.
    checkpoints : Path or None
        Folder of checkpoints; None to write none.
    facts : dict
        What every checkpoint states beside the progress.
    """

    def __init__(
        self,
        steps: StageSteps,
        *,
        network: EmoClipNetwork,
        loader: ClipLoader,
        validation: ClipDataset | None,
        recipe: Recipe,
        processes: Processes,
        logbook: Logbook,
        precision: str,
        checkpoints: Path | None,
        facts: dict[str, Any],
    ) -> None:
        self.steps = steps
        self.progress = Progress()
        self.optimiser: Optimizer = build_optimiser(steps.groups, steps.settings)
        self._network = network
        self._loader = loader
        self._validation = validation
        self._recipe = recipe
        self._processes = processes
        self._logbook = logbook
        self.precision = precision
        self._checkpoints = checkpoints
        self._facts = facts
        self._parameters = [p for group in steps.groups for p in group.parameters]
        self._saved_at: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return len(self._loader)

    @property
    def waiting_share(self) -> float:
        """Share of the time so far for which clips were waited for."""
        return self._loader.waited_share

    @property
    def n_steps(self) -> int:
        """Steps of the stage, if it is not stopped early."""
        settings = self.steps.settings
        return settings.steps or (settings.epochs or 0) * len(self._loader)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of this stage, whose weights the network has already.

        Parameters
        ----------
        checkpoint : Checkpoint
            The checkpoint.
        """
        tensors = checkpoint.training_tensors()
        restore_optimiser(self.optimiser, self.steps.groups, tensors)
        self.steps.restore(tensors)
        states = tensors["random/cpu"]
        torch.set_rng_state(states[self._processes.rank % len(states)].clone())
        if self._processes.device.type == "cuda" and "random/cuda" in tensors:
            states = tensors["random/cuda"]
            torch.cuda.set_rng_state(states[self._processes.rank % len(states)].clone())
        self.progress = Progress(step=checkpoint.step, **checkpoint.state["progress"])
        self._saved_at = checkpoint.step

    def run(self, *, until: int | None = None, on_step: Callable[[int], None] | None = None) -> Progress:
        """Train to the end of the stage.

        Parameters
        ----------
        until : int, optional
            Number of steps after which to leave off, without evaluation or checkpoint.
        on_step : callable, optional
            Called with the number of steps after each.

        Returns
        -------
        Progress
            How far the stage is.

        Raises
        ------
        PretrainingError
            If memory does not suffice, the loss is not finite, or a checkpoint cannot be written.
        """
        last = self.n_steps if until is None else min(until, self.n_steps)
        progress, loader = self.progress, self._loader
        window = _Window(waited_before=loader.waited_s)
        while progress.step < last and not progress.finished:
            epoch, within = divmod(progress.step, len(loader))
            loader.set_epoch(epoch)
            loader.start_at(within)
            started = time.perf_counter()
            for batch in loader:
                with explaining_memory(
                    self._recipe,
                    self.steps.settings,
                    precision=self.precision,
                    world_size=self._processes.world_size,
                ):
                    loss, norm, factor = self._one_step(batch)
                window.losses.append(loss)
                window.clips += len(batch) * self._processes.world_size
                window.seconds += time.perf_counter() - started
                progress.elapsed_s += time.perf_counter() - started
                progress.step += 1
                if progress.step % self._recipe.checkpoints.log_every_steps == 0:
                    self._log(window, norm=norm, factor=factor)
                    window = _Window(waited_before=loader.waited_s)
                if until is None:
                    self._evaluate_and_save()
                if on_step is not None:
                    on_step(progress.step)
                started = time.perf_counter()
                if progress.finished or progress.step >= last:
                    break
        return progress

    def gradients(self, batch: Batch, precision: str) -> torch.Tensor:
        """Compute the loss of a batch and its gradients, without a step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.steps.loss(batch, precision=precision)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def _one_step(self, batch: Batch) -> tuple[float, float, float]:
        factor = learning_rate_factor(
            self.steps.settings,
            step=self.progress.step,
            n_steps=self.n_steps,
            steps_per_epoch=len(self._loader),
        )
        set_learning_rate(self.optimiser, self.steps.groups, factor)
        loss = self._processes.mean(self.gradients(batch, self.precision).detach())
        norm = float(clip_grad_norm_(self._parameters, self.steps.settings.clip_norm or math.inf))
        # Weights change only by finite gradients, so that every checkpoint is sound.
        for value in (loss, norm):
            check_finite(value, step=self.progress.step, ids=batch.ids, scale=self.steps.scale())
        self.optimiser.step()
        self.steps.after_step()
        return loss, norm, factor

    def _log(self, window: _Window, *, norm: float, factor: float) -> None:
        passed = window.seconds
        values: dict[str, float | None] = {
            "epoch": self.progress.step // len(self._loader),
            "loss": sum(window.losses) / len(window.losses),
            "lr_factor": factor,
            "inverse_temperature": self.steps.scale(),
            "gradient_norm": norm,
            "clips_per_s": window.clips / passed,
            "waiting_share": min(1.0, (self._loader.waited_s - window.waited_before) / passed),
            "memory_mb": peak_memory_mb(self._processes.device),
            "elapsed_s": self.progress.elapsed_s,
        }
        self._logbook.steps(self.steps.name, values, step=self.progress.step, n_steps=self.n_steps)

    def _evaluate_and_save(self) -> None:
        progress, settings = self.progress, self._recipe.validation
        at_end = progress.step >= self.n_steps
        every = settings.every_steps or len(self._loader)
        evaluated = self._validation is not None and (at_end or progress.step % every == 0)
        if evaluated:
            self._evaluate()
        progress.finished = progress.finished or at_end
        if evaluated or progress.finished or progress.step % self._recipe.checkpoints.every_steps == 0:
            self._save()

    def _evaluate(self) -> None:
        progress, score = self.progress, math.nan
        if self._processes.is_first:
            assert self._validation is not None
            values = self.steps.evaluate(self._validation, precision=self.precision)
            score = values[self.steps.score_name]
            self._logbook.evaluation(
                self.steps.name, {"epoch": progress.step // len(self._loader), **values}, step=progress.step
            )
        (score,) = self._processes.from_first([score])
        if math.isfinite(score) and (progress.best is None or score > progress.best["score"]):
            progress.best = {"stage": self.steps.name, "step": progress.step, "score": score}
            progress.without_gain = 0
            return
        progress.without_gain += 1
        patience = self._recipe.validation.patience
        if patience is not None and progress.without_gain >= patience:
            progress.finished = True
            self._logbook.say(f"{self.steps.name} ends early: no gain in {patience} evaluations.")

    def _save(self) -> None:
        if self._checkpoints is None or self._saved_at == self.progress.step:
            return
        random_states = self._random_states()
        if self._processes.is_first:
            progress = self.progress
            write_checkpoint(
                self._checkpoints,
                stage=self.steps.name,
                step=progress.step,
                network=self._network,
                training={
                    **optimiser_tensors(self.optimiser, self.steps.groups),
                    **self.steps.tensors(),
                    **random_states,
                },
                state={
                    **self._facts,
                    "best": progress.best,
                    "progress": {
                        "best": progress.best,
                        "without_gain": progress.without_gain,
                        "elapsed_s": progress.elapsed_s,
                        "finished": progress.finished,
                    },
                    "sampler": {
                        "epoch": progress.step // len(self._loader),
                        "step_of_epoch": progress.step % len(self._loader),
                    },
                },
            )
        self._saved_at = self.progress.step
        self._processes.wait()

    def _random_states(self) -> dict[str, torch.Tensor]:
        states = {"random/cpu": self._processes.gather_bytes(torch.get_rng_state())}
        if self._processes.device.type == "cuda":
            states["random/cuda"] = self._processes.gather_bytes(torch.cuda.get_rng_state())
        return states
