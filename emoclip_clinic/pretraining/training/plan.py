"""A dry run: what would be trained, and what it takes, after three steps that change no file."""

import time
from dataclasses import dataclass
from itertools import pairwise

from emoclip_clinic.pretraining.training.logbook import Logbook, peak_memory_mb
from emoclip_clinic.pretraining.training.parameters import ParameterGroup
from emoclip_clinic.pretraining.training.run import Training

__all__ = ["StagePlan", "plan_training"]

_TRIED = 3


@dataclass(frozen=True)
class StagePlan:
    """What a stage would do.

    Attributes
    ----------
    stage : str
        ``"frames"`` or ``"contrast"``.
    groups : tuple of ParameterGroup
        What it trains, at which learning rate.
    n_frozen : int
        Numbers of the network that it does not train.
    n_steps, steps_per_epoch : int
        Steps of the stage, if it does not end early, and of an epoch.
    batch_size : int
        Clips of a step over all processes.
    precision : str
        Arithmetic.
    step_s : float
        Seconds of a step, the least of those tried.
    waiting_share : float
        Share of them for which clips were waited for.
    memory_mb : float
        Most memory of a process so far.
    """

    stage: str
    groups: tuple[ParameterGroup, ...]
    n_frozen: int
    n_steps: int
    steps_per_epoch: int
    batch_size: int
    precision: str
    step_s: float
    waiting_share: float
    memory_mb: float

    @property
    def duration_s(self) -> float:
        """Estimated seconds of the stage, without evaluations."""
        return self.n_steps * self.step_s


def plan_training(training: Training) -> tuple[StagePlan, ...]:
    """Try three steps of each stage and tell what it would take. No file is written.

    Parameters
    ----------
    training : Training
        The training; its network is changed by the steps.

    Returns
    -------
    tuple of StagePlan
        One of each stage.

    Raises
    ------
    PretrainingError
        As training itself.
    """
    plans = []
    for stage in training.stages:
        loop = training.loop(stage, logbook=Logbook(None))
        marks = [time.perf_counter()]

        def mark(_step: int, marks: list[float] = marks) -> None:
            marks.append(time.perf_counter())

        loop.run(until=_TRIED, on_step=mark)
        steps = [after - before for before, after in pairwise(marks)]
        trained = sum(group.size for group in loop.steps.groups if group.part != "heads")
        plans.append(
            StagePlan(
                stage=stage,
                groups=loop.steps.groups,
                n_frozen=sum(p.numel() for p in training.network.parameters()) - trained,
                n_steps=loop.n_steps,
                steps_per_epoch=loop.steps_per_epoch,
                batch_size=loop.steps.settings.batch_size,
                precision=loop.precision,
                step_s=min(steps),
                waiting_share=loop.waiting_share,
                memory_mb=peak_memory_mb(training.processes.device),
            )
        )
    return tuple(plans)
