"""Simulation of a fixed external predictor: do bootstrap intervals cover the value in the population?"""

import math

import numpy as np
from scipy.stats import foldnorm

from emoclip_clinic.agreement import cluster_bootstrap
from emoclip_clinic.agreement.resampling import BootstrapInterval
from tests.validity.chance import streams

STATISTICS = ("Pearson r", "MAE", "CCC")
# SDs of ratings and of prediction errors, between participants and between sessions of one.
RATING_SD, ERROR_SD = (0.9, 0.6), (0.5, 0.5)
SLOPE, OFFSET = 0.5, 0.2


def population_values() -> dict[str, float]:
    """Return r, MAE and CCC over all sessions of all participants, in closed form."""
    rating, noise = (sum(sd**2 for sd in pair) for pair in (RATING_SD, ERROR_SD))
    predicted = SLOPE**2 * rating + noise
    error_sd = math.sqrt((1 - SLOPE) ** 2 * rating + noise)
    return {
        "Pearson r": SLOPE * rating / math.sqrt(rating * predicted),
        "MAE": float(foldnorm.mean(OFFSET / error_sd, scale=error_sd)),
        "CCC": 2 * SLOPE * rating / (rating + predicted + OFFSET**2),
    }


def external_coverage(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    interval: BootstrapInterval,
    seed: int,
    n_resamples: int = 1_000,
) -> dict[str, np.ndarray]:
    """Tell for each data set (n_sets, n_targets) whether the 95 % interval covers; 1 to 4 sessions each.

    Ratings and predictions of each target are drawn anew. Targets of a set share numbers of sessions and
    resamples.
    """
    truth = population_values()
    covered: dict[str, list[np.ndarray]] = {name: [] for name in STATISTICS}
    for some_seed, rng in streams(seed, n_sets):
        groups = np.repeat(np.arange(n_participants), rng.integers(1, 5, n_participants))

        def deviations(sds: tuple[float, float], groups: np.ndarray = groups, rng=rng) -> np.ndarray:
            between = rng.standard_normal((n_participants, n_targets))[groups]
            return sds[0] * between + sds[1] * rng.standard_normal((len(groups), n_targets))

        rating = deviations(RATING_SD)
        table = cluster_bootstrap(
            rating,
            OFFSET + SLOPE * rating + deviations(ERROR_SD),
            cluster=groups,
            statistics=STATISTICS,
            interval=interval,
            n_resamples=n_resamples,
            seed=some_seed,
        )
        for name in STATISTICS:
            rows = table[table["statistic"] == name]
            covered[name].append((rows["ci_low"] <= truth[name]) & (truth[name] <= rows["ci_high"]))
    return {name: np.array(values) for name, values in covered.items()}
