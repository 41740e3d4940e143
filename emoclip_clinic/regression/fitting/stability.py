"""How much the ridge depends on who is in the sample: fits to random subsamples of the participants."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.fitting.keys import model_key
from emoclip_clinic.regression.fitting.result import ModelOutcome, Progress
from emoclip_clinic.regression.fitting.side_tables import FEWEST_PARTICIPANTS, SideTable, kept_or_made
from emoclip_clinic.regression.fitting.significance import TESTED_MODEL
from emoclip_clinic.regression.fitting.variants import Measures, measures, ridge_measures, with_sessions

if TYPE_CHECKING:
    from pathlib import Path

    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["SHARE", "draw_subsamples", "n_subsamples", "run_subsample", "stability", "why_no_stability"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SHARE = 0.8
"""Part of the participants in a subsample."""
QUANTILES = (0.05, 0.95)
# Every pattern of missing ratings is a fit of its own. With many, fewer subsamples bound the time.
MOST_FITS, FEWEST_SUBSAMPLES = 250, 20


def why_no_stability(plan: FitPlan) -> str | None:
    """Say why a fit has no table of stability; None if it has one."""
    if plan.settings.subsamples == 0:
        return "subsamples = 0"
    if TESTED_MODEL not in plan.chosen:
        return f"only {TESTED_MODEL} is fitted again, and it was not asked for"
    if plan.segments is not None:
        return "models that are trained on segments take too long to be fitted again so often"
    if plan.n_participants < FEWEST_PARTICIPANTS:
        return f"{plan.n_participants} participants, fewer than {FEWEST_PARTICIPANTS}"
    return None


def n_subsamples(plan: FitPlan) -> int:
    """Return how many subsamples are drawn: fewer than asked for if ratings are missing in many patterns."""
    n_patterns = int(np.unique(np.isfinite(plan.rated.Y), axis=1).shape[1])
    return min(plan.settings.subsamples, max(FEWEST_SUBSAMPLES, MOST_FITS // n_patterns))


def draw_subsamples(groups: NDArray[np.str_], *, n: int, seed: int) -> list[Rows]:
    """Draw participants without replacement, each subsample anew.

    Parameters
    ----------
    groups : ndarray of shape (n_sessions,)
        Participant of each session.
    n : int
        Number of subsamples. The first ones do not depend on it.
    seed : int

    Returns
    -------
    list of ndarray
        Ascending rows of all sessions of the participants drawn.
    """
    labels, codes = np.unique(groups, return_inverse=True)
    size = round(SHARE * len(labels))
    rng = np.random.default_rng(seed)
    return [np.flatnonzero(np.isin(codes, rng.permutation(len(labels))[:size])) for _ in range(n)]


def run_subsample(plan: FitPlan, rows: Rows) -> Measures | None:
    """Fit the ridge to some sessions, on the fit's folds; None if one keeps too few participants."""
    try:
        variant = with_sessions(plan, rows)
    except RegressionError:
        return None
    return ridge_measures(variant)


@dataclass(frozen=True, eq=False)
class _Draws:
    """What the subsamples gave; NaN where a subsample could not be fitted."""

    skill: Floats  # (n_subsamples, n_targets)
    pearson_r: Floats  # (n_subsamples, n_targets)
    predictions: Floats  # (n_subsamples, n_sessions, n_targets), mean over repetitions
    alphas: list[Floats]  # (n_folds, n_targets) of each subsample


def stability(
    plan: FitPlan,
    outcomes: Mapping[str, ModelOutcome],
    *,
    hashes: Mapping[str, str],
    work: Path,
    force: bool,
    progress: Progress,
) -> SideTable:
    """Fit the ridge to random subsamples of the participants.

    Parameters
    ----------
    plan, outcomes, hashes, work, force, progress
        As :func:`emoclip_clinic.regression.fitting.sensitivity.sensitivity`.

    Returns
    -------
    SideTable
        The rows of stability.tsv.

    Notes
    -----
    A subsample keeps the folds of the fit, less the participants who are not in it. It holds 80 % of the
    participants, so that models are trained on fewer than in the fit itself and are somewhat worse. The
    subsamples overlap: their spread tells how much the result hangs on single participants, and is no
    standard error.
    """
    reason = why_no_stability(plan)
    if reason is not None:
        return SideTable({"skipped": reason})
    n = n_subsamples(plan)

    def make() -> tuple[list[dict[str, Any]], dict[str, Any]]:
        draws = _draw(plan, n, progress)
        ridge, mean = outcomes[TESTED_MODEL], outcomes["mean"]
        full = measures(plan, ridge.predictions, mean.predictions, ridge.alphas)
        facts = {
            "n_subsamples": n,
            "asked": plan.settings.subsamples,
            "share": SHARE,
            "seed": plan.settings.seed,
            "model": TESTED_MODEL,
            "quantiles": list(QUANTILES),
        }
        return _rows(plan, full, draws), facts

    what = [model_key(plan, TESTED_MODEL, dict(hashes)), n, SHARE, plan.settings.seed, plan.families]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return kept_or_made(make, name="stability", key=key, work=work, force=force)


def _draw(plan: FitPlan, n: int, progress: Progress) -> _Draws:
    n_sessions, n_targets = plan.rated.Y.shape
    nothing = np.full((n, n_targets), np.nan)
    draws = _Draws(nothing, nothing.copy(), np.full((n, n_sessions, n_targets), np.nan), [])
    for number, rows in enumerate(draw_subsamples(plan.rated.groups, n=n, seed=plan.settings.seed)):
        progress("stability", number, n)
        found = run_subsample(plan, rows)
        if found is not None:
            draws.skill[number], draws.pearson_r[number] = found.skill, found.pearson_r
            draws.predictions[number, rows] = found.predictions.mean(axis=0)
            draws.alphas.append(found.alphas)
    progress("stability", n, n)
    return draws


def _rows(plan: FitPlan, full: Measures, draws: _Draws) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN of a target that is never predicted is meant
        prediction_sd = np.nanmean(np.nanstd(draws.predictions, axis=0, ddof=1), axis=0)
        rating_sd = np.nanstd(plan.rated.Y, axis=0, ddof=1)
    rows = []
    for k, (target, family) in enumerate(zip(plan.rated.targets, plan.families, strict=True)):
        chosen = np.concatenate([alphas[:, k] for alphas in draws.alphas] or [np.empty(0)])
        values, counts = np.unique(chosen[np.isfinite(chosen)], return_counts=True)
        rows.append(
            {
                "item": target,
                "family": family,
                "n_subsamples": int(np.isfinite(draws.skill[:, k]).sum()),
                "n_participants": round(SHARE * plan.n_participants),
                **_spread("skill", full.skill[k], draws.skill[:, k]),
                **_spread("pearson_r", full.pearson_r[k], draws.pearson_r[:, k]),
                "prediction_sd": prediction_sd[k],
                "rating_sd": rating_sd[k],
                "alpha_median": np.median(np.repeat(values, counts)) if len(values) else np.nan,
                "alpha_low": values[0] if len(values) else np.nan,
                "alpha_high": values[-1] if len(values) else np.nan,
                "alphas": "; ".join(f"{value:.3g}: {n}" for value, n in zip(values, counts, strict=True)),
            }
        )
    return rows


def _spread(name: str, full: float, drawn: Floats) -> dict[str, float]:
    defined = drawn[np.isfinite(drawn)]
    low, high = np.quantile(defined, QUANTILES) if len(defined) else (np.nan, np.nan)
    return {
        f"{name}_full": full,
        f"{name}_mean": defined.mean() if len(defined) else np.nan,
        f"{name}_sd": defined.std(ddof=1) if len(defined) > 1 else np.nan,
        f"{name}_low": low,
        f"{name}_high": high,
    }
