"""Tests of a fit against chance and against the room: done once for the ridge, and kept."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.fitting.array_files import read_arrays, write_arrays
from emoclip_clinic.regression.fitting.keys import model_key
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING, model_head
from emoclip_clinic.regression.fitting.plain import plain, records
from emoclip_clinic.regression.fitting.result import Progress
from emoclip_clinic.regression.gain import gain_test
from emoclip_clinic.regression.heads.ridge import RidgeHead
from emoclip_clinic.regression.permutation import PermutationTest, permutation_test

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = [
    "TESTED_MODEL",
    "Tested",
    "add_p_values",
    "beyond",
    "gain_p",
    "permutation_p",
    "run_gain_test",
    "run_test",
    "why_no_gain_test",
    "why_not_tested",
]

_log = logging.getLogger(__name__)

TESTED_MODEL = "ridge"
"""The only model that is fast enough to be fitted anew to thousands of permuted ratings."""

_COLUMNS = {"p": "p", "p_step_down": "p_step_down", "p_holm": "p_holm", "p_bh": "p_benjamini_hochberg"}


@dataclass(frozen=True, eq=False)
class Tested:
    """The permutation test, or why there is none.

    Attributes
    ----------
    facts : dict
        For fit.json: what was done, and ``table`` with one row for each target; or ``not_tested``.
    key : str or None
        Key under which the test is kept; None if it was not done.
    draws : ndarray of shape (n_permutations, n_targets) or None
        The statistic in each permutation.
    """

    facts: dict[str, Any]
    key: str | None = None
    draws: NDArray[np.float64] | None = None


def permutation_p(
    plan: FitPlan, *, hashes: dict[str, str], work: Path, force: bool, progress: Progress
) -> Tested:
    """Test the ridge of a fit against exchanged ratings.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    hashes : dict
        Hashes of its data.
    work : Path
        Folder in which the finished test is kept.
    force : bool
        Whether to do it again in any case.
    progress : callable
        Called with (what, done, total).

    Returns
    -------
    Tested
        If the data allow no test, the reason stands in its place, and a warning is logged.
    """
    reason = why_not_tested(plan)
    if reason is not None:
        return Tested({"not_tested": reason})
    key = _key(plan, hashes, ["permutation", plan.settings.statistic])
    return _kept_or_done("permutation test", run_test, plan, key, work=work, force=force, progress=progress)


def gain_p(plan: FitPlan, *, hashes: dict[str, str], work: Path, force: bool, progress: Progress) -> Tested:
    """Test whether the embedding adds to covariates and camera.

    Parameters
    ----------
    plan, hashes, work, force, progress
        As :func:`permutation_p`.

    Returns
    -------
    Tested
        As :func:`permutation_p`.
    """
    reason = why_no_gain_test(plan)
    if reason is not None:
        return Tested({"not_tested": reason})
    key = _key(plan, hashes, ["gain", {name: hashes[name] for name in beyond(plan)}])
    tested = _kept_or_done("gain test", run_gain_test, plan, key, work=work, force=force, progress=progress)
    return replace(tested, facts={**tested.facts, "beyond": beyond(plan)})


def why_not_tested(plan: FitPlan) -> str | None:
    """Say why a fit has no permutation test; None if it has one."""
    if plan.settings.permutations == 0:
        return "permutations = 0"
    if TESTED_MODEL not in plan.chosen:
        return f"only {TESTED_MODEL} is tested, and it was not asked for"
    if plan.segments is not None:
        return (
            "models that are trained on segments are not tested, because every permutation would train them "
            "anew on all segments"
        )
    return None


def why_no_gain_test(plan: FitPlan) -> str | None:
    """Say why a fit has no test of the gain over its baselines; None if it has one."""
    reason = why_not_tested(plan)
    if reason is None and not plan.settings.gain:
        reason = "gain = off"
    if reason is None and not beyond(plan):
        reason = "the study has neither covariates nor camera descriptors that vary"
    return reason


def beyond(plan: FitPlan) -> list[str]:
    """Name the blocks over which a gain is tested; for a change the baseline rating is one of them."""
    own = [] if plan.rated.baseline_ratings is None else [BASELINE_RATING]
    return sorted([*plan.designs, *own])


def run_test(
    plan: FitPlan, *, n_permutations: int, progress: Callable[[int, int], None] | None = None
) -> PermutationTest:
    """Make the permutation test with as many permutations as are asked for."""
    head, rated = _ridge(plan), plan.rated
    return permutation_test(
        rated.X,
        rated.Y,
        rated.groups,
        targets=rated.targets,
        families=plan.families,
        within=plan.strata,
        order=_session_labels(plan),
        statistic=plan.settings.statistic,
        n_permutations=n_permutations,
        seed=plan.settings.seed,
        alphas=head.alphas,
        outer=plan.folds,
        inner=head.inner,
        fold_seed=head.seed,
        progress=progress,
    )


def run_gain_test(
    plan: FitPlan, *, n_permutations: int, progress: Callable[[int, int], None] | None = None
) -> PermutationTest:
    """Make the test of the gain over covariates and camera."""
    head, rated = _ridge(plan), plan.rated
    return gain_test(
        rated.X,
        rated.Y,
        rated.groups,
        baseline=np.column_stack([design.X for design in plan.designs.values()]) if plan.designs else None,
        own_baseline=rated.baseline_ratings,
        targets=rated.targets,
        families=plan.families,
        within=plan.strata,
        order=_session_labels(plan),
        n_permutations=n_permutations,
        seed=plan.settings.seed,
        alphas=head.alphas,
        outer=plan.folds,
        inner=head.inner,
        fold_seed=head.seed,
        progress=progress,
    )


def _ridge(plan: FitPlan) -> RidgeHead:
    head = model_head(TESTED_MODEL, plan.settings)
    assert isinstance(head, RidgeHead)
    return head


def _session_labels(plan: FitPlan) -> NDArray[np.object_]:
    return np.array([session or "" for _, session in plan.rated.keys], dtype=object)


def _key(plan: FitPlan, hashes: dict[str, str], more: list[object]) -> str:
    settings = plan.settings
    what = [
        model_key(plan, TESTED_MODEL, hashes),
        settings.permutations,
        settings.seed,
        plan.families,
        None if plan.strata is None else plan.strata.tolist(),
        more,
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _kept_or_done(
    name: str,
    run: Callable[..., PermutationTest],
    plan: FitPlan,
    key: str,
    *,
    work: Path,
    force: bool,
    progress: Progress,
) -> Tested:
    path = work / f"{name.replace(' ', '_')}-{key[:16]}.safetensors"
    if path.exists() and not force:
        arrays, kept = read_arrays(path)
        return Tested(kept["test"], key, arrays["draws"])
    progress(name, 0, 0)
    try:
        test = run(
            plan,
            n_permutations=plan.settings.permutations,
            progress=lambda done, total: progress(name, done, total),
        )
    except RegressionError as error:  # the ratings allow no test; the predictions are there all the same
        _log.warning("No %s: %s", name, error)
        return Tested({"not_tested": str(error)})
    facts = plain({**test.record(), "within": plan.settings.permute_within, "table": records(test.table)})
    write_arrays(path, {"draws": test.null}, facts={"test": facts})
    return Tested(facts, key, test.null)


def add_p_values(metrics: pd.DataFrame, tested: Tested, *, chosen: Collection[str]) -> pd.DataFrame:
    """Enter p values, and notes where there are none, into the table of measures.

    Parameters
    ----------
    metrics : DataFrame
        What :func:`metrics_table` gives.
    tested : Tested
        The test against chance.
    chosen : collection of str
        The models that were asked for; the baselines among the others need no note.

    Returns
    -------
    DataFrame
        A new table.
    """
    result = metrics.copy()
    rows = {row["target"]: row for row in tested.facts.get("table", ())}
    for at, (target, model) in enumerate(zip(result["item"], result["model"], strict=True)):
        if model != TESTED_MODEL:
            note = f"not tested: only {TESTED_MODEL} is" if model in chosen else ""
        elif target not in rows:
            note = f"not tested: {tested.facts['not_tested']}"
        else:
            row = rows[target]
            note = f"not tested: {row['reason']}" if row["reason"] else ""
            for column, name in _COLUMNS.items():
                result.loc[result.index[at], column] = np.nan if row[name] is None else row[name]
        notes = [result["note"].iloc[at], note]
        result.loc[result.index[at], "note"] = "; ".join(part for part in notes if part)
    return result
