"""How long a fit would take: a small part of it is done and timed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.fitting.models import fit_all
from emoclip_clinic.regression.fitting.significance import run_gain_test, run_test, why_not_tested

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["estimate_seconds"]

FEW, MORE = 19, 219
"""Permutations that are made for the estimate; the difference tells what one of them costs."""


def estimate_seconds(plan: FitPlan) -> dict[str, float]:
    """Estimate how long the parts of a fit would take on this machine.

    Parameters
    ----------
    plan : FitPlan
        The fit.

    Returns
    -------
    dict of str to float
        Seconds for each model that was asked for, then for ``permutation test`` and ``gain test``.

    Notes
    -----
    Each model is trained once on all participants, and the time is multiplied by the number of folds and
    one: this is an upper bound, because folds share work. The tests are made twice with few permutations, and
    the time is extrapolated along a line.
    """
    seconds = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit itself gives them
        for model in plan.chosen:
            fit_all(plan, model)  # not timed: it imports libraries and starts threads
            started = time.monotonic()
            fit_all(plan, model)
            seconds[model] = (time.monotonic() - started) * (len(plan.folds) + 1)
        if why_not_tested(plan) is None:
            runs: dict[str, Callable[..., object]] = {"permutation test": run_test}
            if plan.settings.gain and plan.designs:
                runs["gain test"] = run_gain_test
            for name, run in runs.items():
                try:
                    seconds[name] = _extrapolated(plan, run)
                except RegressionError:  # the data allow no test, and the fit says why
                    continue
    return seconds


def _extrapolated(plan: FitPlan, run: Callable[..., object]) -> float:
    times = []
    for n_permutations in (FEW, MORE):
        started = time.monotonic()
        run(plan, n_permutations=n_permutations)
        times.append(time.monotonic() - started)
    each = max(times[1] - times[0], 0.0) / (MORE - FEW)
    return times[0] + each * plan.settings.permutations
