"""How long a fit would take: a small part of it is done and timed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING
from emoclip_clinic.regression.fitting.models import fit_all
from emoclip_clinic.regression.fitting.sensitivity import (
    alternatives,
    read_other_features,
    why_no_sensitivity,
)
from emoclip_clinic.regression.fitting.significance import (
    TESTED_MODEL,
    run_gain_test,
    run_test,
    why_no_gain_test,
    why_not_tested,
)
from emoclip_clinic.regression.fitting.stability import draw_subsamples, n_subsamples, why_no_stability
from emoclip_clinic.regression.fitting.variants import with_sessions
from emoclip_clinic.regression.heads import get_head, make_head_data
from emoclip_clinic.regression.nested_design import MAX_INNER_LEAVE_ONE_OUT

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["estimate_seconds"]

FEW, MORE = 19, 219
"""Permutations that are made for the estimate; the difference tells what one of them costs."""
FEW_SESSIONS = 5
"""Sessions that are read for the estimate of other features."""

Floats = NDArray[np.float64]


def estimate_seconds(plan: FitPlan) -> dict[str, float]:
    """Estimate how long the parts of a fit would take on this machine.

    Parameters
    ----------
    plan : FitPlan
        The fit.

    Returns
    -------
    dict of str to float
        Seconds for each model that was asked for, then for ``baselines``, ``permutation test``,
        ``gain test``, ``sensitivity`` and ``stability``, as far as the fit has them.

    Notes
    -----
    Each model is trained once on all participants, and the time is multiplied by the number of folds and
    one; for ridge that leaves participants out at both levels by half of it, because each inner training set
    serves two folds. This is an upper bound, because one fit alone does not use all cores. The tests are made
    twice with few permutations, and the time is extrapolated along a line. For other choices of features a
    few sessions are read, and ridges are trained on random numbers of the same size. For stability one
    subsample is trained on.
    """
    seconds = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit itself gives them
        for model in plan.chosen:
            fit_all(plan, model)  # not timed: it imports libraries and starts threads
            n_fits = len(plan.folds) + 1 if model != TESTED_MODEL else _n_ridges(plan, len(plan.folds))
            seconds[model] = _timed(partial(fit_all, plan, model)) * n_fits
        seconds["baselines"] = sum(
            _timed(partial(_baseline, plan, model)) * _n_ridges(plan, len(plan.folds))
            for model in plan.models
            if model not in plan.chosen
        )
        if why_not_tested(plan) is None:
            runs: dict[str, Callable[..., object]] = {"permutation test": run_test}
            if why_no_gain_test(plan) is None:
                runs["gain test"] = run_gain_test
            for name, run in runs.items():
                try:
                    seconds[name] = _extrapolated(plan, run)
                except RegressionError:  # the data allow no test, and the fit says why
                    continue
        if why_no_sensitivity(plan) is None:
            seconds["sensitivity"] = _sensitivity(plan)
        if why_no_stability(plan) is None:
            seconds["stability"] = _stability(plan)
    return seconds


def _n_ridges(plan: FitPlan, n_folds: int) -> float:
    """Return how many fits to all participants a nested cross-validation is worth, at most."""
    pairs = n_folds == plan.n_participants <= MAX_INNER_LEAVE_ONE_OUT
    return n_folds / 2 + 1 if pairs else n_folds + 1


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _baseline(plan: FitPlan, model: str) -> None:
    """Train a baseline once, that of the baseline rating once for each target."""
    if model != BASELINE_RATING:
        fit_all(plan, model)
        return
    ratings, Y = plan.rated.baseline_ratings, plan.rated.Y
    assert ratings is not None
    for known, y in zip(np.nan_to_num(ratings).T, Y.T, strict=True):
        if _n_rated(plan, y) >= MIN_PARTICIPANTS:
            _fit_ridge(plan, known[:, None], y[:, None])


def _n_rated(plan: FitPlan, y: Floats) -> int:
    return len(np.unique(plan.rated.groups[np.isfinite(y)]))


def _fit_ridge(plan: FitPlan, X: Floats, Y: Floats) -> None:
    head = get_head(TESTED_MODEL)
    data = make_head_data({"embedding": X}, Y, groups=plan.rated.groups, folds=plan.folds)
    head.fit(data)


def _sensitivity(plan: FitPlan) -> float:
    others = alternatives(plan)
    few = frozenset(plan.features.keys[:FEW_SESSIONS])
    started = time.monotonic()
    found = read_other_features(plan, others, only=few)
    seconds = (time.monotonic() - started) / len(few) * len(plan.features.keys)
    rng = np.random.default_rng(0)
    for other in others:
        if other.choice == "folds":
            n_folds = plan.n_participants
            if other.settings.outer == "kfold":
                n_folds = other.settings.n_splits * other.settings.n_repeats
            seconds += _timed(partial(fit_all, plan, TESTED_MODEL)) * _n_ridges(plan, n_folds)
            continue
        features = found[other.value]
        if not isinstance(features, RegressionError):
            X = rng.standard_normal((len(plan.rated.Y), len(features.names)))
            seconds += _timed(partial(_fit_ridge, plan, X, plan.rated.Y)) * _n_ridges(plan, len(plan.folds))
    return seconds


def _stability(plan: FitPlan) -> float:
    (rows,) = draw_subsamples(plan.rated.groups, n=1, seed=plan.settings.seed)
    try:
        variant = with_sessions(plan, rows)
    except RegressionError:  # a fold is too small in this subsample, and quickly passed over
        return 0.0
    n_ridges = _n_ridges(variant, len(variant.folds))
    return _timed(partial(fit_all, variant, TESTED_MODEL)) * n_ridges * n_subsamples(plan)


def _extrapolated(plan: FitPlan, run: Callable[..., object]) -> float:
    times = []
    for n_permutations in (FEW, MORE):
        started = time.monotonic()
        run(plan, n_permutations=n_permutations)
        times.append(time.monotonic() - started)
    each = max(times[1] - times[0], 0.0) / (MORE - FEW)
    return times[0] + each * plan.settings.permutations
