"""Does a planned fit: each model is kept as soon as it is finished, and nothing is computed twice."""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from emoclip_clinic.regression.fitting.array_files import read_arrays, write_arrays
from emoclip_clinic.regression.fitting.keys import data_hashes, fit_key, model_key
from emoclip_clinic.regression.fitting.metrics import group_table, metrics_table
from emoclip_clinic.regression.fitting.model_heads import model_head
from emoclip_clinic.regression.fitting.models import fit_all, out_of_fold
from emoclip_clinic.regression.fitting.one_at_a_time import one_at_a_time
from emoclip_clinic.regression.fitting.outputs import current_fit, read_metrics, write_outputs
from emoclip_clinic.regression.fitting.plain import plain
from emoclip_clinic.regression.fitting.plan import FitPlan
from emoclip_clinic.regression.fitting.result import FitResult, ModelOutcome, Progress
from emoclip_clinic.regression.fitting.sensitivity import alternatives, sensitivity
from emoclip_clinic.regression.fitting.side_tables import SideTable
from emoclip_clinic.regression.fitting.significance import add_p_values, gain_p, permutation_p
from emoclip_clinic.regression.fitting.stability import stability
from emoclip_clinic.regression.ledger import append_ledger, ledger_entries
from emoclip_clinic.study.files import remove_leftovers

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_fit"]

_log = logging.getLogger(__name__)


def run_fit(plan: FitPlan, *, force: bool = False, progress: Progress | None = None) -> FitResult:
    """Do a planned fit and write its files.

    Parameters
    ----------
    plan : FitPlan
        What :func:`plan_fit` gives.
    force : bool
        Compute everything again.
    progress : callable, optional
        See :data:`Progress`.

    Returns
    -------
    FitResult

    Raises
    ------
    RegressionError
        If a model cannot be trained, or another process is making this fit.
    StudyError
        If the operating system refuses to write.

    Notes
    -----
    The key of a model covers its settings, the features that it reads, the targets, the folds and our
    version; the key of the fit covers all models, all settings but the device, and everything that is left
    out. A model or a fit whose key is that of a stored one is not computed again. Finished models lie in
    ``work/`` and survive an interruption.
    """
    with one_at_a_time(plan.folder):
        return _run(plan, force=force, say=progress or _silent)


def _run(plan: FitPlan, *, force: bool, say: Progress) -> FitResult:
    remove_leftovers(plan.folder)
    hashes = data_hashes(plan)
    key = fit_key(plan, hashes)
    done = None if force else current_fit(plan.folder, key)
    if done is not None:
        metrics, by_group = read_metrics(plan.folder)
        return FitResult(
            plan=plan,
            metrics=metrics,
            by_group=by_group,
            outcomes={},
            test_facts=done["permutation_test"],
            gain_facts=done["gain_test"],
            hashes=hashes,
            sensitivity=SideTable(done["sensitivity"]),
            stability=SideTable(done["stability"]),
            draws={},
            up_to_date=True,
        )
    work = plan.folder / "work"
    keys = {model: model_key(plan, model, hashes) for model in plan.models}
    outcomes = {}
    for model in plan.models:
        path = work / f"{model}-{keys[model][:16]}.safetensors"
        outcomes[model] = (None if force else _stored(path, keys[model])) or _computed(
            plan, model, path, keys[model], say
        )
    refits: dict[str, Mapping[str, NDArray[Any]]] = {}
    for model in plan.chosen:
        if model_head(model, plan.settings).reads != "embedding":
            continue  # a baseline is for comparison within the study
        refits[model] = _refitted(plan, model, say)
    tested = permutation_p(plan, hashes=hashes, work=work, force=force, progress=say)
    gained = gain_p(plan, hashes=hashes, work=work, force=force, progress=say)
    others = sensitivity(plan, outcomes, hashes=hashes, work=work, force=force, progress=say)
    drawn = stability(plan, outcomes, hashes=hashes, work=work, force=force, progress=say)
    say("measures", 0, 0)
    predictions = {model: outcome.predictions for model, outcome in outcomes.items()}
    result = FitResult(
        plan=plan,
        metrics=add_p_values(metrics_table(plan, predictions), tested, chosen=plan.chosen),
        by_group=group_table(plan, predictions),
        outcomes=outcomes,
        test_facts=tested.facts,
        gain_facts=gained.facts,
        hashes=hashes,
        sensitivity=others,
        stability=drawn,
        draws={
            name: one.draws for name, one in (("test", tested), ("gain", gained)) if one.draws is not None
        },
    )
    _enter_into_ledger(plan)  # before anyone sees a number
    write_outputs(result, refits, key=key)
    pieces = (tested, gained, others, drawn)
    _remove_old_work(work, keep=[*keys.values(), *(one.key for one in pieces if one.key)])
    return result


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


def _computed(plan: FitPlan, model: str, path: Path, key: str, say: Progress) -> ModelOutcome:
    say(model, 0, 0)
    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = out_of_fold(plan, model, progress=lambda done, total: say(model, done, total))
    notes = tuple(dict.fromkeys(_with_names(str(one.message), plan.rated.targets) for one in caught))
    for note in notes:
        _log.log(logging.WARNING if model in plan.chosen else logging.INFO, "%s: %s", model, note)
    seconds = round(time.monotonic() - started, 3)
    details = plain(result.details)
    facts = {"key": key, "details": details, "notes": list(notes), "seconds": seconds}
    write_arrays(path, {"predictions": result.predictions, "alphas": result.alphas}, facts=facts)
    _log.info("%s: out-of-fold predictions in %.1f s", model, seconds)
    return ModelOutcome(result.predictions, result.alphas, details, notes, seconds, reused=False)


def _with_names(note: str, targets: Sequence[str]) -> str:
    """Name the target where a warning about targets has the number of its column."""
    if " targets" not in note:
        return note
    return re.sub(r"column (\d+)", lambda match: targets[int(match[1])], note)


def _stored(path: Path, key: str) -> ModelOutcome | None:
    if not path.exists():
        return None
    arrays, facts = read_arrays(path)
    if facts["key"] != key:
        return None
    notes = tuple(facts["notes"])
    return ModelOutcome(
        arrays["predictions"], arrays["alphas"], facts["details"], notes, facts["seconds"], reused=True
    )


def _refitted(plan: FitPlan, model: str, say: Progress) -> Mapping[str, NDArray[Any]]:
    """Refit without the warnings that the out-of-fold predictions gave already."""
    what = f"{model} on all participants"
    say(what, 0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_all(plan, model, progress=lambda done, total: say(what, done, total))


def _enter_into_ledger(plan: FitPlan) -> None:
    append_ledger(
        plan.study,
        ledger_entries(
            plan.rated.targets,
            scale=plan.scale.name,
            settings=plan.settings.analysis(),
            ratings_sha256=plan.ratings_sha256,
            primary=plan.primary,
            sensitivity=[other.settings.analysis() for other in alternatives(plan)],
        ),
    )


def _remove_old_work(work: Path, *, keep: Iterable[str]) -> None:
    kept = {key[:16] for key in keep}
    for path in work.glob("*-*.*"):
        if path.stem.rpartition("-")[2] not in kept:
            path.unlink()
