"""A training from its recipe to its weights: stages one after the other, each resumed where it stopped."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml

from emoclip_clinic.encoder import EmoClipNetwork, WeightsRecord
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import ClipDataset, ClipLoader, ClipStore, local_batch_size
from emoclip_clinic.pretraining.training.checkpoints import Checkpoint, last_checkpoint, read_checkpoint
from emoclip_clinic.pretraining.training.clips import contrast_clips, frame_clips, split_clips
from emoclip_clinic.pretraining.training.curves import draw_curves
from emoclip_clinic.pretraining.training.failures import explaining_memory
from emoclip_clinic.pretraining.training.finish import write_result
from emoclip_clinic.pretraining.training.logbook import Logbook
from emoclip_clinic.pretraining.training.loop import Progress, StageLoop
from emoclip_clinic.pretraining.training.precision import faster_precision
from emoclip_clinic.pretraining.training.processes import Processes
from emoclip_clinic.pretraining.training.recipe import Recipe, hash_recipe
from emoclip_clinic.pretraining.training.start import starting_network
from emoclip_clinic.pretraining.training.steps import ContrastSteps, FrameSteps, StageSteps
from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.study.versions import software_versions

__all__ = ["Training", "TrainingResult", "pretrain"]

_log = logging.getLogger(__name__)
_STREAMS = {"frames": 1, "contrast": 2}


@dataclass(frozen=True)
class TrainingResult:
    """What a training has made.

    Attributes
    ----------
    weights : Path
        Weights in the published layout.
    record : WeightsRecord
        Their record, which stands beside them.
    best : dict or None
        Step and score of the evaluation by which they were chosen.
    folder : Path
        The run's folder.
    """

    weights: Path
    record: WeightsRecord
    best: dict[str, Any] | None
    folder: Path


class Training:
    """A recipe with its clips and its network, ready to run stage by stage.

    Parameters
    ----------
    recipe : Recipe
        The settings.
    store : ClipStore
        Prepared or rendered clips.
    processes : Processes
        The processes that train together.
    study : Path, optional
        Root of the study, for the weights to start from.

    Attributes
    ----------
    network : EmoClipNetwork
        The network, on the device of the process.
    training : ClipDataset
        Clips that are trained on.
    validation : ClipDataset or None
        Clips of other sources.

    Raises
    ------
    PretrainingError
        If the clips do not suit the recipe.
    WeightsError
        If the weights to start from do not.
    """

    def __init__(
        self, recipe: Recipe, *, store: ClipStore, processes: Processes, study: Path | None = None
    ) -> None:
        self.recipe = recipe
        self.processes = processes
        for settings in (recipe.frame_stage, recipe.contrast):
            if settings is not None:
                local_batch_size(settings.batch_size, processes.world_size)
        self.training, self.validation = split_clips(contrast_clips(store, recipe), recipe)
        self.network: EmoClipNetwork = starting_network(recipe, study=study).to(processes.device)
        self.network.save_memory(recipe.gradient_checkpointing)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return ("contrast",) if self.recipe.frame_stage is None else ("frames", "contrast")

    def loop(
        self,
        stage: str,
        *,
        logbook: Logbook,
        checkpoints: Path | None = None,
        checkpoint: Checkpoint | None = None,
        facts: dict[str, Any] | None = None,
    ) -> StageLoop:
        """Make the loop of a stage.

        Parameters
        ----------
        stage : {"frames", "contrast"}
            The stage.
        logbook : Logbook
            Where to write how it goes.
        checkpoints : Path, optional
            Folder of checkpoints; none are written by default.
        checkpoint : Checkpoint, optional
            A checkpoint of this stage to go on from.
        facts : dict, optional
            What every checkpoint states beside the progress.

        Returns
        -------
        StageLoop
            The loop, restored.
        """
        recipe, processes = self.recipe, self.processes
        # A stage draws from a stream of its own, so that it does not depend on what ran before it.
        torch.manual_seed(recipe.seed * 4 + _STREAMS[stage])
        steps, dataset = self._steps(stage)
        loader = ClipLoader(
            dataset,
            batch_size=local_batch_size(steps.settings.batch_size, processes.world_size),
            seed=recipe.seed * 4 + _STREAMS[stage],
            rank=processes.rank,
            world_size=processes.world_size,
            workers=recipe.data.workers,
        )
        facts = dict(facts or {})
        known = checkpoint.state["precision"] if checkpoint is not None else None
        facts["precision"] = known or self._precision(steps, loader)
        loop = StageLoop(
            steps,
            network=self.network,
            loader=loader,
            validation=self.validation,
            recipe=recipe,
            processes=processes,
            logbook=logbook,
            precision=facts["precision"]["chosen"],
            checkpoints=checkpoints,
            facts=facts,
        )
        if checkpoint is not None:
            loop.restore(checkpoint)
        return loop

    def _steps(self, stage: str) -> tuple[StageSteps, ClipDataset]:
        if stage == "contrast":
            steps = ContrastSteps(self.network, recipe=self.recipe, processes=self.processes)
            return steps, self.training
        dataset = frame_clips(self.training, self.recipe)
        return (
            FrameSteps(self.network, recipe=self.recipe, processes=self.processes, dataset=dataset),
            dataset,
        )

    def _precision(self, steps: StageSteps, loader: ClipLoader) -> dict[str, Any]:
        """The arithmetic of the recipe, or the faster one by a measurement on the first batch."""
        if self.recipe.precision != "auto":
            return {"chosen": self.recipe.precision}
        batch = next(iter(loader))

        def gradients(precision: str) -> None:
            steps.module.zero_grad(set_to_none=True)
            steps.loss(batch, precision=precision).backward()  # type: ignore[no-untyped-call]

        with explaining_memory(
            self.recipe, steps.settings, precision="fp32", world_size=self.processes.world_size
        ):
            chosen, seconds = faster_precision(gradients, steps.module, device=self.processes.device)
        (is_bf16,) = self.processes.from_first([float(chosen == "bf16")])
        return {"chosen": "bf16" if is_bf16 else "fp32", "seconds_per_step": seconds}


def pretrain(
    recipe: Recipe,
    folder: Path,
    *,
    store: ClipStore,
    processes: Processes,
    data: str,
    study: Path | None = None,
    tell: Callable[[str], None] | None = None,
    on_step: Callable[[str, int], None] | None = None,
) -> TrainingResult | None:
    """Train a network by a recipe, or go on with a training that was interrupted.

    Parameters
    ----------
    recipe : Recipe
        The settings.
    folder : Path
        The run's folder: checkpoints, ``metrics.csv``, ``curves.svg``, the effective recipe, and at the end
        the weights with their record. If it holds checkpoints, the training goes on from the last one.
    store : ClipStore
        Prepared or rendered clips.
    processes : Processes
        The processes that train together, see `join_processes`.
    data : str
        What is trained on, in words for the record.
    study : Path, optional
        Root of the study, for the weights to start from.
    tell : callable, optional
        Shows a line to the user.
    on_step : callable, optional
        Called with stage and number of steps after each step.

    Returns
    -------
    TrainingResult or None
        The result; None in all processes but the first.

    Raises
    ------
    PretrainingError
        If clips do not suit the recipe, the folder holds another recipe's training, memory does not suffice,
        the loss is not finite, or a checkpoint cannot be written.
    WeightsError
        If the weights to start from do not suit.
    """
    checkpoints = folder / "checkpoints"
    found = last_checkpoint(checkpoints)
    if found is not None:
        _check_same_recipe(found, recipe)
    training = Training(recipe, store=store, processes=processes, study=study)
    logbook = Logbook(
        folder if processes.is_first else None, tell=tell, tensorboard=recipe.checkpoints.tensorboard
    )
    if found is None:
        logbook.start()
    else:
        training.network.load_state_dict(found.model_tensors(), strict=True)
        logbook.go_on_after(found.stage, found.step)
        logbook.say(f"Going on from {found.folder.name}.")
    if processes.is_first:
        _write_recipe(folder, recipe)
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": hash_recipe(recipe),
        "world_size": processes.world_size,
        "versions": software_versions(),
    }
    done: dict[str, Progress] = {}
    attributes: tuple[str, ...] = ()
    for stage in training.stages:
        own = found if found is not None and found.stage == stage else None
        if stage == "frames" and found is not None and found.stage == "contrast":
            attributes = tuple(found.state["attributes"])
            done[stage] = Progress(step=int(found.state["frame_steps"]), finished=True)
            continue
        told = {**facts, "attributes": list(attributes), "frame_steps": _steps_of(done.get("frames"))}
        loop = training.loop(stage, logbook=logbook, checkpoints=checkpoints, checkpoint=own, facts=told)
        if isinstance(loop.steps, FrameSteps):
            attributes = loop.steps.attributes
        done[stage] = loop.run(on_step=None if on_step is None else partial(on_step, stage))
        del loop  # what averages gradients of this stage must not listen to those of the next
        if processes.is_first:
            draw_curves(logbook.rows, folder / "curves.svg")
    logbook.close()
    if not processes.is_first:
        return None
    return _finish(training, folder, done, attributes=attributes, data=data)


def _finish(
    training: Training, folder: Path, done: dict[str, Progress], *, attributes: tuple[str, ...], data: str
) -> TrainingResult:
    """Export the best weights of the contrast, or the last where nothing was validated."""
    progress = done["contrast"]
    best, step, selection = progress.best, progress.step, "the last step; nothing was validated"
    if best is not None:
        step = int(best["step"])
        chosen = read_checkpoint(folder / "checkpoints" / f"contrast-{step:08d}")
        training.network.load_state_dict(chosen.model_tensors(), strict=True)
        selection = (
            f"step {step} of {progress.step}, by mean reciprocal rank {best['score']:.4f} of retrieval on "
            "validation clips, which are a part of the training folds by source"
        )
    record = write_result(
        training.network,
        training.recipe,
        folder=folder,
        data=data,
        attributes=attributes,
        frame_steps=_steps_of(done.get("frames")),
        steps=step,
        selection=selection,
    )
    assert record.file is not None
    return TrainingResult(folder / record.file, record, best, folder)


def _steps_of(progress: Progress | None) -> int:
    return 0 if progress is None else progress.step


def _check_same_recipe(found: Checkpoint, recipe: Recipe) -> None:
    if found.state["recipe_sha256"] == hash_recipe(recipe):
        return
    before, now = found.state["recipe"], recipe.model_dump(mode="json")
    told = ("name", "description", "ours", "checkpoints")
    other = [key for key in now if key not in told and before.get(key) != now[key]]
    raise PretrainingError(
        "A training must go on with the recipe that it began with",
        found=[f"{key}: was {before.get(key)}, is {now[key]}" for key in other],
        where=found.folder,
        hint="Restore the recipe, or train into another folder with --out.",
    )


def _write_recipe(folder: Path, recipe: Recipe) -> None:
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_bytes(folder / "recipe.yaml", text.encode())
