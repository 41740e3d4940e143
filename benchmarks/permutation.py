"""Time the permutation test, and compare some of its permutations with nested_predict on exchanged ratings.

Prints the time of 1,000 permutations on this machine, what 10,000 take at that pace, how many times less
processor time that is than one nested_predict per permutation, and the largest difference in skill between
both. Other users of the machine slow the wall clock down; processor time divided by the cores is what an idle
machine needs.

    python benchmarks/permutation.py [--permutations 1000] [--loop 3]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import joblib
import numpy as np

from emoclip_clinic.regression import DEFAULT_ALPHAS, gain_test, nested_predict, permutation_test, skill
from emoclip_clinic.regression.permutation_exchange import plan_exchange

FEW = 19  # permutations that take next to no time beside what does not depend on the ratings


@dataclass(frozen=True)
class Size:
    name: str
    sessions: int
    missing: float = 0.0
    participants: int = 60
    features: int = 512
    items: int = 30


SIZES = (
    Size("one session each", 1),
    Size("two sessions each", 2),
    Size("one session each, 2 % of ratings missing", 1, missing=0.02),
)


def data(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(size.participants), size.sessions)
    X = rng.standard_normal((len(groups), size.features))
    X += rng.standard_normal((size.participants, size.features))[groups]
    Y = X[:, : size.items] + rng.standard_normal((len(groups), 1))
    Y += 2 * rng.standard_normal(Y.shape)
    Y[rng.random(Y.shape) < size.missing] = np.nan
    return X, Y, groups


def now() -> np.ndarray:
    """Seconds on the wall and on the processors."""
    return np.array([time.perf_counter(), time.process_time()])


def report(name: str, prepare: np.ndarray, total: np.ndarray, *, n_permutations: int) -> float:
    """Print the times, and return the processor time of one permutation."""
    cores = joblib.cpu_count()
    each = (total[1] - prepare[1]) / (n_permutations - FEW)
    print(
        f"{name}: {n_permutations} permutations in {total[0]:.1f} s; processor time {prepare[1]:.1f} s to "
        f"prepare and {1000 * each:.1f} s per 1,000, so {(prepare[1] + 10_000 * each) / cores / 60:.1f} min "
        f"for 10,000 on {cores} idle cores",
        flush=True,
    )
    return each


def compare(size: Size, *, n_permutations: int, n_loop: int) -> None:
    X, Y, groups = data(size)
    start = now()
    permutation_test(X, Y, groups, n_permutations=FEW)
    prepare, start = now() - start, now()
    test = permutation_test(X, Y, groups, n_permutations=n_permutations)
    total = now() - start
    patterns = np.unique(np.isnan(Y), axis=1).shape[1]
    name = (
        f"{size.name} ({size.participants} participants, {size.items} items, {size.features} features, "
        f"{len(DEFAULT_ALPHAS)} penalties, patterns of missing ratings: {patterns})"
    )
    each = report(name, prepare, total, n_permutations=n_permutations)

    plan = plan_exchange(Y, groups)
    (donors,) = plan.random_draws(n_loop, seed=test.seed, chunk=n_loop)
    apart, start = 0.0, now()
    for draw in range(n_loop):
        moved = np.empty_like(Y)
        for item, y in enumerate(Y.T):
            moved[:, item] = y[plan.sources(donors[draw : draw + 1], ~np.isnan(y))[0]]
        result = nested_predict(X, moved, groups)
        apart = max(apart, np.abs(skill(moved, result.predictions, result.baseline) - test.null[draw]).max())
    plain = (now() - start)[1] / n_loop
    print(
        f"    {plain / each:.0f} times less than nested_predict for each permutation; largest difference in "
        f"skill over {n_loop} permutations {apart:.1e}",
        flush=True,
    )


def gain(size: Size, *, n_permutations: int) -> None:
    X, Y, groups = data(size)
    baseline = np.random.default_rng(1).standard_normal((len(X), 8))
    start = now()
    gain_test(X, Y, groups, baseline=baseline, n_permutations=FEW)
    prepare, start = now() - start, now()
    gain_test(X, Y, groups, baseline=baseline, n_permutations=n_permutations)
    report(f"gain over 8 columns, {size.name}", prepare, now() - start, n_permutations=n_permutations)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=3, help="permutations that nested_predict repeats")
    options = parser.parse_args()
    if options.permutations < 300:
        parser.error("fewer than 300 permutations are lost beside the preparation")
    permutation_test(*data(SIZES[0]), n_permutations=FEW)  # load the libraries
    for size in SIZES:
        compare(size, n_permutations=options.permutations, n_loop=options.loop)
    gain(SIZES[0], n_permutations=options.permutations)


if __name__ == "__main__":
    main()
