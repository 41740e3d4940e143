"""Optimisers and the learning rate at each step."""

import math
from collections.abc import Sequence
from typing import Any

from torch.optim import SGD, AdamW, Optimizer

from emoclip_clinic.pretraining.training.parameters import ParameterGroup
from emoclip_clinic.pretraining.training.recipe import Stage

__all__ = ["build_optimiser", "learning_rate_factor", "set_learning_rate"]


def build_optimiser(groups: Sequence[ParameterGroup], stage: Stage) -> Optimizer:
    """Make the optimiser of a stage.

    Parameters
    ----------
    groups : sequence of ParameterGroup
        What it trains.
    stage : Stage
        Which optimiser, and its settings.

    Returns
    -------
    Optimizer
        SGD with momentum, or AdamW.

    References
    ----------
    Loshchilov and Hutter (2019). Decoupled weight decay regularization.
    https://doi.org/10.48550/arXiv.1711.05101
    """
    tables: list[dict[str, Any]] = [
        {"params": list(group.parameters), "lr": group.lr, "weight_decay": group.weight_decay}
        for group in groups
    ]
    if stage.optimiser == "sgd":
        return SGD(tables, lr=stage.lr, momentum=stage.momentum)
    return AdamW(tables, lr=stage.lr, betas=stage.betas, eps=stage.eps)


def learning_rate_factor(stage: Stage, *, step: int, n_steps: int, steps_per_epoch: int) -> float:
    """Compute what the learning rate is multiplied by at a step.

    A function of the step alone, so that there is no state to lose.

    Parameters
    ----------
    stage : Stage
        Its schedule.
    step : int
        Number of the step, from 0.
    n_steps : int
        Steps of the stage.
    steps_per_epoch : int
        Steps of an epoch.

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    Loshchilov and Hutter (2017). SGDR: stochastic gradient descent with warm restarts (the cosine).
    https://doi.org/10.48550/arXiv.1608.03983
    """
    schedule = stage.schedule
    rise = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    if schedule.kind == "multistep":
        passed = sum(step >= epoch * steps_per_epoch for epoch in schedule.milestones_epochs)
        return rise * schedule.factor**passed
    if schedule.kind == "cosine" and step >= schedule.warmup_steps:
        length = max(1, n_steps - schedule.warmup_steps)
        done = min(1.0, (step - schedule.warmup_steps) / length)
        return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done)) / 2
    return rise


def set_learning_rate(optimiser: Optimizer, groups: Sequence[ParameterGroup], factor: float) -> None:
    """Set the learning rate of every group to `factor` times its own."""
    for table, group in zip(optimiser.param_groups, groups, strict=True):
        table["lr"] = group.lr * factor
