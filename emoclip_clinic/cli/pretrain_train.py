"""The verb `pretrain RECIPE.yaml`: train a model on captioned clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import clock_text, print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call

if TYPE_CHECKING:
    from emoclip_clinic.pretraining.training import StagePlan, TrainingResult

__all__ = ["run"]


def run(
    call: Call,
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE.yaml",
            help="A recipe's path, or the name of a shipped one: demo-model, emoclip-mafw-as-released, "
            "emoclip-recommended.",
        ),
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Clips that pretrain prepare has made. (default: what the recipe names)",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of this training; one that was interrupted goes on. "
            "(default: derivatives/emoclip-clinic/pretraining/NAME in the study)",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", help="Device: auto, cpu or cuda, where each process takes one. (default auto)"
        ),
    ] = "auto",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Try three steps and say what would be trained, and how long it takes. (default: train)",
        ),
    ] = False,
) -> int:
    """Train a model on captioned clips by a recipe.

    An interrupted training goes on from its last checkpoint with the same command. Several processes:
    torchrun --nproc-per-node 2 --no-python emoclip-clinic pretrain RECIPE.yaml
    """
    from emoclip_clinic.pretraining.training import (
        Training,
        find_recipe,
        join_processes,
        open_clips,
        plan_training,
        pretrain,
        read_recipe,
    )

    study = call.open_study()
    settings = read_recipe(find_recipe(recipe, study=study.root))
    home = study.derivatives / "pretraining"
    place = folder or home / settings.name
    with join_processes(device) as processes:
        tell = _say if processes.is_first else None
        if processes.is_first and not dry_run:
            call.log_into(study)
        # The first process draws clips that are not there yet; the others find them.
        if not processes.is_first:
            processes.wait()
        store, description = open_clips(settings, study=study.root, cache=home, data=data, tell=tell)
        if processes.is_first:
            processes.wait()
        if dry_run:
            plans = plan_training(Training(settings, store=store, processes=processes, study=study.root))
            if processes.is_first:
                _show_plans(plans)
            return ALL_WELL
        result = pretrain(
            settings,
            place,
            store=store,
            processes=processes,
            data=description,
            study=study.root,
            tell=tell,
        )
    if result is not None:
        _show_result(result)
    return ALL_WELL


def _say(line: str) -> None:
    err.print(line, soft_wrap=True)


def _show_plans(plans: "tuple[StagePlan, ...]") -> None:
    rows = [
        (
            plan.stage,
            group.part,
            f"{group.size:,}",
            f"{group.lr:g}",
            f"{group.weight_decay:g}",
        )
        for plan in plans
        for group in plan.groups
    ]
    print_table(("stage", "part", "parameters", "lr", "weight decay"), rows)
    for plan in plans:
        _say(
            f"{plan.stage}: {plan.n_steps:,} steps of {plan.batch_size} clips ({plan.steps_per_epoch:,} per "
            f"epoch); {plan.n_frozen:,} parameters frozen; {plan.precision}. About {plan.step_s:.2f} s per "
            f"step and {clock_text(plan.duration_s)} in all, without evaluations; {plan.memory_mb:,.0f} MB "
            f"in a process; {100 * plan.waiting_share:.0f} % of the time waiting for clips."
        )


def _show_result(result: "TrainingResult") -> None:
    facts = result.record.training
    assert facts is not None
    out.print(f"Weights: {result.weights}", soft_wrap=True)
    out.print(f"Record:  {result.weights.with_suffix('.yaml')}", soft_wrap=True)
    out.print(f"Chosen:  {facts.selection}", soft_wrap=True)
    err.print(
        f"Next: emoclip-clinic weights add {result.weights} --name {result.record.name}", soft_wrap=True
    )
