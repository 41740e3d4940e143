"""The verb `fit`: from segment embeddings and ratings to out-of-fold predictions and how good they are."""

import inspect
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.fit_table import print_fit, strata_lines, untested_lines
from emoclip_clinic.cli.setting_options import option_parameters
from emoclip_clinic.cli.tables import clock_text, counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting import FitPlan, FitResult

__all__ = ["fit", "setting_options"]

_WHAT, _FROM, _BY, _ON, _CHANCE, _OTHER = (
    "What is predicted",
    "From which features",
    "By which models",
    "Tested on whom",
    "Against chance",
    "Under other choices",
)
_PANELS = {
    **dict.fromkeys(
        ("items", "target", "baseline", "change_video", "primary", "rater", "rater_policy"), _WHAT
    ),
    **dict.fromkeys(("features", "zeroshot_set", "aggregation", "min_usable_s", "tasks"), _FROM),
    **dict.fromkeys(("models", "hidden", "mlp_seeds", "covariates", "device"), _BY),
    **dict.fromkeys(("outer", "n_splits", "n_repeats", "stratify", "seed"), _ON),
    **dict.fromkeys(("permutations", "statistic", "permute_within", "gain", "resamples"), _CHANCE),
    **dict.fromkeys(("sensitivity", "subsamples"), _OTHER),
}


def setting_options() -> list[inspect.Parameter]:
    """Make the options that stand for settings of a fit."""
    from emoclip_clinic.study.fit_settings import FitSettings

    return option_parameters(FitSettings, panels=_PANELS, other_panel="Advanced")


def fit(
    call: Call,
    *,
    overrides: dict[str, object],
    scale: Annotated[
        str,
        typer.Option(
            "--scale", metavar="NAME|FILE", help="Name of the scale, or a YAML file.", show_default=False
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Folder of the results in fits/. (default: the scale, with -change for changes)",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show sessions, targets, folds and an estimate of time, audit for leaks, and stop. "
            "(default off)",
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compute everything again, also what is up to date. (default off)"),
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of a live bar. (default off)")
    ] = False,
) -> int:
    """Predict clinicians' ratings from segment embeddings, each participant by models that never saw them.

    Writes predictions, measures, folds, an audit for leaks and models into derivatives/emoclip-clinic/fits.
    What has not changed since the last run is not computed again. Interrupt with Ctrl-C at any time: finished
    models are kept.
    """
    study = call.open_study()
    if not dry_run:
        call.log_into(study)
    from emoclip_clinic.regression.fitting import plan_fit, run_fit
    from emoclip_clinic.study.fit_settings import load_fit_settings
    from emoclip_clinic.study.scales import load_scale

    settings = load_fit_settings(study.root, config=call.options.config, overrides=overrides)
    plan = plan_fit(study, load_scale(scale, study=study), settings, name=name)
    if dry_run:
        _print_plan(plan)
        return ALL_WELL

    from emoclip_clinic.cli.work_progress import WorkProgress

    with WorkProgress(err, plain=no_progress) as progress:
        result = run_fit(plan, force=force, progress=progress)
    _print_result(result)
    return ALL_WELL


def _print_plan(plan: "FitPlan") -> None:
    from emoclip_clinic.regression.features import session_keys
    from emoclip_clinic.regression.fitting import estimate_seconds

    rated = plan.rated
    rows: list[tuple[object, ...]] = [
        (participant, session, "yes", "", int(n_segments), clock_text(float(usable_s)))
        for (participant, session), n_segments, usable_s in zip(
            rated.keys, rated.sessions["n_segments"], rated.sessions["usable_s"], strict=True
        )
    ]
    rows += [
        (*key, "no", str(reason), None, None)
        for key, reason in zip(session_keys(rated.left_out), rated.left_out["reason"], strict=True)
    ]
    print_table(("participant", "session", "used", "reason", "segments", "usable"), rows)
    _print_data(plan)
    err.print(f"Targets: {', '.join(rated.targets)}.", soft_wrap=True)
    baselines = [model for model in plan.models if model not in plan.chosen]
    err.print(
        f"Models: {', '.join(plan.chosen)}. For comparison: {', '.join(baselines)}. "
        f"{len(rated.feature_names)} features.",
        soft_wrap=True,
    )
    seconds = estimate_seconds(plan)
    parts = ", ".join(f"{part} {clock_text(time_s)}" for part, time_s in seconds.items())
    err.print(
        f"At most about {clock_text(sum(seconds.values()))} on this machine ({parts}); "
        "a part was done and timed.",
        soft_wrap=True,
    )


def _print_data(plan: "FitPlan") -> None:
    rated = plan.rated
    err.print(
        f"{counted(len(rated.sessions), 'session')} of {counted(plan.n_participants, 'participant')}. "
        f"{rated.statement}",
        soft_wrap=True,
    )
    for reason, n in list(rated.counts.items())[1:]:
        err.print(f"  left out: {counted(n, 'session')}, {reason}", soft_wrap=True)
    for why_missing, some in rated.missing.groupby("reason", sort=False):
        cells = ", ".join(f"{target} {n}" for target, n in zip(some["target"], some["n"], strict=True))
        err.print(f"  missing ratings, {why_missing} (sessions): {cells}", soft_wrap=True)
    unrated = [target for target in dict.fromkeys(rated.missing["target"]) if target not in rated.targets]
    if unrated:
        err.print(f"  left out: {', '.join(unrated)}, because no session has a rating", soft_wrap=True)
    for model, why in plan.impossible.items():
        err.print(f"  left out: {model}, because {why}", soft_wrap=True)
    repeats = f" in {plan.n_repeats} repetitions" if plan.n_repeats > 1 else ""
    err.print(
        f"{counted(len(plan.folds), 'fold')}{repeats}, --outer {plan.settings.outer}. "
        "The audit found no leak.",
        soft_wrap=True,
    )


def _meaning_of_gain(facts: Mapping[str, Any]) -> str:
    if "beyond" not in facts or "not_tested" in facts:
        return ""
    *others, last = (str(name).removeprefix("ridge-").replace("-", " ") for name in facts["beyond"])
    blocks = f"{', '.join(others)} and {last}" if others else last
    return f" gain is the skill that the embedding adds to {blocks}."


def _print_result(result: "FitResult") -> None:
    plan = result.plan
    if result.up_to_date:
        err.print("Nothing has changed since the last run.")
    else:
        reused = [model for model, outcome in result.outcomes.items() if outcome.reused]
        if reused:
            err.print(f"Unchanged, not computed again: {', '.join(reused)}.", soft_wrap=True)
    _print_data(plan)
    print_fit(result)
    err.print(
        "skill is 1 - SSE / SSE of the mean predictor: above 0 is better."
        f"{_meaning_of_gain(result.gain_facts)}\n"
        "* Bootstrap over participants with predictions held fixed: does not cover refitting, and is no "
        "interval for new patients.",
        soft_wrap=True,
    )
    for title, facts in (
        ("Permutation test", result.test_facts),
        ("Gain over the baselines", result.gain_facts),
    ):
        if "not_tested" in facts:
            err.print(f"{title}: not tested, {facts['not_tested']}", soft_wrap=True)
        else:
            err.print(str(facts["statement"]), soft_wrap=True)
    if "strata" in result.test_facts:
        for line in strata_lines(result.test_facts):
            err.print(line, soft_wrap=True)
    for line in (
        *untested_lines("Permutation test", result.test_facts),
        *untested_lines("Gain test", result.gain_facts),
    ):
        err.print(line, soft_wrap=True)
    for title, facts in (("Other choices", result.sensitivity.facts), ("Stability", result.stability.facts)):
        if "skipped" in facts:
            err.print(f"{title}: left out, {facts['skipped']}", soft_wrap=True)
    err.print(f"Results: {plan.study.shown(plan.folder)}", soft_wrap=True)
    there = "" if plan.study.root == Path.cwd() else f" --study {shlex.quote(str(plan.study.root))}"
    fit_name = f"fits/{plan.folder.name}"
    err.print(
        f"For new participants: emoclip-clinic predict NEW_STUDY --fit {fit_name}{there}", soft_wrap=True
    )
