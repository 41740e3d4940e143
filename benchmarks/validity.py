"""Simulate studies with known truth through the public functions, and print what is found as Markdown.

The simulations are those of ``tests/validity``, with more and larger data sets. A data set has its own
videos; several rating vectors share them, with folds and permutations, and standard errors, in brackets, are
over data sets. ``--scale`` multiplies the number of data sets; 1 takes about 10 minutes of one processor.

    python benchmarks/validity.py [--scale 1] [--seed 0] [--only NAME ...] > benchmarks/results/validity.md
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import emoclip_clinic
from tests.validity.chance import (
    LEVEL,
    p_of_interviews,
    p_with_stratified_folds,
    p_without_signal,
    pooled_r_without_signal,
)
from tests.validity.external import STATISTICS, external_coverage, population_values
from tests.validity.families import ADJUSTED, families_at_floor
from tests.validity.gains import changes, p_of_gain
from tests.validity.identity import UNITS, skill_by_unit_of_split
from tests.validity.monte_carlo import Estimate, over_sets
from tests.validity.networks import network_and_ridge
from tests.validity.performance import (
    MEASURES,
    least_squares_error,
    least_squares_out_of_fold,
    least_squares_r,
    planted_in_interviews,
    refit_coverage,
)
from tests.validity.sites import SITES, p_and_skill_at_sites

Sets = Callable[[int], int]


def size(estimate: Estimate) -> str:
    return f"{estimate.n_values:,} ({estimate.n_sets})"


def print_table(header: str, rows: list[list[object]]) -> None:
    columns = header.split(" | ")
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def level(sets: Sets, seed: int) -> None:
    print("\n## 1. No signal: rejections at 5 %\n")
    print("24 participants, one session, 12 features; 99 permutations. Expected: .05, and a mean p of .505.")
    rows: list[list[object]] = []
    for n_folds in (None, 6):
        for statistic in ("skill", "r"):
            p = p_without_signal(
                n_sets=sets(80),
                n_targets=40,
                n_participants=24,
                n_features=12,
                n_folds=n_folds,
                statistic=statistic,
                seed=seed,
            )
            rejected = over_sets(p <= LEVEL)
            folds = "leave one participant out" if n_folds is None else f"{n_folds} folds"
            rows.append([folds, statistic, rejected, over_sets(p), size(rejected)])
    print_table("folds | statistic | rejected | mean p | rating vectors (data sets)", rows)


def interviews(sets: Sets, seed: int) -> None:
    print("\n## 2. No signal: 1 to 3 sessions, 2 to 12 segments, 10 % of ratings missing\n")
    print("24 participants, 8 features, 4 folds; every item lacks its own ratings.")
    print("Items of a family have half of their variance in common; 299 permutations there, 99 otherwise.")
    p, _ = p_of_interviews(
        n_sets=sets(100), n_targets=10, n_participants=24, missing=0.1, n_folds=4, seed=seed
    )
    single = over_sets(p <= LEVEL)
    _, adjusted = p_of_interviews(
        n_sets=sets(150),
        n_targets=6,
        n_participants=24,
        missing=0.1,
        n_folds=4,
        seed=seed + 500_000,
        n_permutations=299,
        common=0.5,
    )
    family = over_sets((adjusted <= LEVEL).any(axis=1))
    print_table(
        "what | rejected | number (data sets)",
        [
            ["an item", single, size(single)],
            ["any of 6 items, step-down (approximate)", family, size(family)],
        ],
    )


def stratified(sets: Sets, seed: int) -> None:
    print("\n## 3. No signal: folds that depend on ratings\n")
    print(
        "6 features, one session, 99 permutations. Stratified: each fold has one of each run of neighbours."
    )
    rows: list[list[object]] = []
    for n, n_folds in ((20, 4), (40, 4), (40, 10)):
        for statistic in ("skill", "r"):
            ours, dealt = p_with_stratified_folds(
                n_sets=sets(50),
                n_targets=40,
                n_participants=n,
                n_features=6,
                n_folds=n_folds,
                statistic=statistic,
                seed=seed,
            )
            rejected = over_sets(ours <= LEVEL)
            rows.append([n, n_folds, statistic, rejected, over_sets(dealt <= LEVEL), size(rejected)])
    print_table(
        "participants | folds | statistic | ours reject | stratified reject | rating vectors (data sets)",
        rows,
    )


def pooled(sets: Sets, seed: int) -> None:
    print("\n## 4. No signal: pooled r\n")
    print("6 features, one session. Expected mean of r squared for the mean predictor: 1, and (K-1)/(n-1).")
    rows: list[list[object]] = []
    for n, n_folds in ((20, 5), (60, 10)):
        found = pooled_r_without_signal(
            n_sets=sets(40), n_targets=50, n_participants=n, n_features=6, n_folds=n_folds, seed=seed
        )
        for name, r in found.items():
            title = name.replace("K-fold", f"{n_folds} folds")
            squared = (n_folds - 1) / (n - 1) if "K-fold" in name else 1.0
            expected = f"{squared:.3f}" if name.startswith("mean") else ""
            rows.append([n, title, over_sets(r), over_sets(r**2), expected, size(over_sets(r))])
    print_table(
        "participants | predictor | mean r | mean r squared | expected | rating vectors (data sets)", rows
    )


def planted(sets: Sets, seed: int) -> None:
    print("\n## 5. Planted signal\n")
    print("Least squares (a penalty of 1e-9), 4 features, R squared .5, leave one participant out.")
    print("Theory is for a model trained on all but one participant.")
    rows: list[list[object]] = []
    for n in (24, 60, 100):
        found = least_squares_out_of_fold(
            n_sets=sets(60), n_targets=20, n_participants=n, n_features=4, r2=0.5, seed=seed
        )
        error, r = over_sets(found.error), over_sets(found.r)
        theory = least_squares_error(n - 1, 4, 0.5), least_squares_r(n - 1, 4, 0.5)
        rows.append([n, error, f"{theory[0]:.3f}", r, f"{theory[1]:.3f}", size(error)])
    print_table(
        "participants | out-of-fold MSE | theory (exact) | pooled r | theory (first order) | rating vectors"
        " (data sets)",
        rows,
    )
    print("\nInterviews as in 2, 40 participants, 5 folds; new: the refit model in 400 new participants.")
    rows = []
    for r2 in (0.0, 0.3, 0.6):
        values = planted_in_interviews(
            n_sets=sets(16), n_targets=10, n_participants=40, r2=r2, missing=0.1, n_folds=5, seed=seed
        )
        means = {name: over_sets(value) for name, value in values.items()}
        columns = [means[name] for name in ("r", "r new", "skill", "skill new", "rejected")]
        rows.append([r2, *columns, size(means["r"])])
    print_table("R2 | r | r, new | skill | skill, new | rejected | rating vectors (data sets)", rows)


def identity(sets: Sets, seed: int) -> None:
    print("\n## 6. Participants have signatures, ratings are random\n")
    print("20 participants, 3 sessions of 4 segments, 40 features; 5 folds, trained on segments.")
    print("80 % of the ratings' variance is the participant's. Skill and r at session level.")
    skill, r, p = skill_by_unit_of_split(
        n_sets=sets(30), n_targets=30, n_participants=20, n_features=40, n_folds=5, seed=seed
    )
    print_table(
        "folds are made of | skill | pooled r | rating vectors (data sets)",
        [[f"{unit}s", over_sets(skill[unit]), over_sets(r[unit]), size(over_sets(p))] for unit in UNITS],
    )
    print(f"\nPermutation test, leave one participant out: rejected {over_sets(p <= LEVEL)}, expected .05.")


def families(sets: Sets, seed: int) -> None:
    print("\n## 7. Families of correlated items at the floor\n")
    print(
        "Ten items from 1 to 7, latent correlation .7; 30 participants, 6 features, 5 folds, "
        "499 permutations."
    )
    print(
        "Error: any item without signal is declared at .05. Found: share of the items with signal (R2 = .6)."
    )
    rows: list[list[object]] = []
    for n_with_signal, at_floor in ((0, 0.7), (0, 0.85), (3, 0.6)):
        result = families_at_floor(
            n_sets=sets(80),
            n_families=6,
            n_items=10,
            n_with_signal=n_with_signal,
            n_participants=30,
            share_at_floor=at_floor,
            n_folds=5,
            seed=seed,
        )
        for name in ADJUSTED:
            error = over_sets(result.errors[name])
            found = over_sets(result.found[name]) if n_with_signal else ""
            rows.append([n_with_signal, at_floor, name, error, found, size(error)])
    print_table("items with signal | share at floor | p | error | found | families (data sets)", rows)


def external(sets: Sets, seed: int) -> None:
    truth = ", ".join(f"{name} {value:.3f}" for name, value in population_values().items())
    print("\n## 8. Intervals for a fixed external predictor\n")
    print(
        "60 participants, 1 to 4 sessions, 2,000 resamples of participants. In the population: " + truth + "."
    )
    rows: list[list[object]] = []
    for interval in ("percentile", "bca"):
        covered = external_coverage(
            n_sets=sets(40),
            n_targets=50,
            n_participants=60,
            interval=interval,
            seed=seed,
            n_resamples=2_000,
        )
        shares = [over_sets(covered[name]) for name in STATISTICS]
        rows.append([interval, *shares, f"{shares[0].n_values:,}"])
    print_table(f"interval | {' | '.join(STATISTICS)} | data sets", rows)


def refit(sets: Sets, seed: int) -> None:
    r2 = (0.0, 0.3, 0.6)
    print("\n## 9. The same intervals around nested out-of-fold estimates\n")
    print("24 correlated features, one session, leave one participant out at both levels, default penalties,")
    print(
        "1,000 resamples. Covered: does the 95 % interval hold the refit model's value in new participants?"
    )
    rows: list[list[object]] = []
    for n in (40, 60, 120):
        found = refit_coverage(n_sets=sets(30), n_targets=25, n_participants=n, r2=r2, seed=seed)
        for place, share in enumerate(r2):
            for name in MEASURES:
                four = [
                    over_sets(values[name][:, place])
                    for values in (found.covered, found.estimate, found.truth, found.width)
                ]
                rows.append([n, share, name, *four, size(four[0])])
    print_table(
        "participants | R2 | measure | covered | mean estimate | mean truth | mean width | rating vectors"
        " (data sets)",
        rows,
    )


def gain(sets: Sets, seed: int) -> None:
    print("\n## 10. The gain over covariates\n")
    print("Covariates explain 40 % of the ratings and show in the embedding; 8 features, 5 folds.")
    print("Heavy tails: what is left follows a t distribution with 3 degrees of freedom. 99 permutations.")
    rows: list[list[object]] = []
    for n, n_covariates in ((24, 1), (24, 6), (60, 6)):
        for heavy in (False, True):
            for gain_r2 in (0.0, 0.2):
                p = p_of_gain(
                    n_sets=sets(60 if gain_r2 == 0 else 20),
                    n_targets=20,
                    n_participants=n,
                    n_covariates=n_covariates,
                    gain_r2=gain_r2,
                    n_folds=5,
                    seed=seed,
                    heavy=heavy,
                )
                rejected = over_sets(p <= LEVEL)
                tails = "heavy" if heavy else "normal"
                rows.append([n, n_covariates, tails, gain_r2, rejected, size(rejected)])
    print_table(
        "participants | covariates | tails | R2 of the gain | rejected | rating vectors (data sets)", rows
    )


def sites(sets: Sets, seed: int) -> None:
    numbers = ", ".join(map(str, SITES))
    print("\n## 11. Sites\n")
    print(f"Four sites of {numbers} participants; 6 features, the room's part 3 times the participant's.")
    print("No signal inside of sites; site effect: SD of a site's mean rating, in SD within sites.")
    rows: list[list[object]] = []
    for effect in (0.0, 1.0):
        found = p_and_skill_at_sites(
            n_sets=sets(60), n_targets=20, n_features=6, site_effect=effect, seed=seed
        )
        for (scheme, within), (p, own_skill) in found.items():
            rejected = over_sets(p <= LEVEL)
            rows.append([effect, scheme, within, over_sets(own_skill), rejected, size(rejected)])
    print_table(
        "site effect | folds | exchanged within | skill | rejected | rating vectors (data sets)", rows
    )


def change(sets: Sets, seed: int) -> None:
    print("\n## 12. Change scores\n")
    print(
        "40 participants, sessions correlated at .5, 5 folds, 99 permutations. The video shows the baseline's"
    )
    print("rating, and the share given of what the change has beside it.")
    rows: list[list[object]] = []
    for signal in (0.0, 0.5):
        found = changes(n_sets=sets(50), n_targets=4, n_participants=40, signal=signal, n_folds=5, seed=seed)
        means = [over_sets(found[name]) for name in ("skill", "skill, baseline rating")]
        tests = ("p", "p gain, covariates", "p gain, baseline rating")
        means += [over_sets(found[name] <= LEVEL) for name in tests]
        rows.append([signal, *means, size(means[0])])
    print_table(
        "share | skill | skill of the baseline rating | rejected: chance | rejected: gain over covariates |"
        " rejected: gain over the baseline rating | rating vectors (data sets)",
        rows,
    )


def network(sets: Sets, seed: int) -> None:
    print("\n## 13. Small networks beside the ridge\n")
    print("2 sessions each, 6 features, 5 folds; one hidden layer of 16, 2 seeds, at most 80 epochs.")
    rows: list[list[object]] = []
    for n in (30, 90):
        for shape, r2 in (("linear", 0.0), ("linear", 0.6), ("curved", 0.6)):
            found = network_and_ridge(
                n_sets=sets(16), n_targets=5, n_participants=n, r2=r2, shape=shape, n_folds=5, seed=seed
            )
            names = ("skill, ridge", "skill, network", "r, ridge", "r, network")
            means = [over_sets(found[name]) for name in names]
            rows.append([n, shape, r2, *means, size(means[0])])
    print_table(
        "participants | signal | R2 | skill, ridge | skill, network | r, ridge | r, network | rating vectors"
        " (data sets)",
        rows,
    )


SECTIONS = {
    "level": level,
    "interviews": interviews,
    "stratified": stratified,
    "pooled": pooled,
    "planted": planted,
    "identity": identity,
    "families": families,
    "external": external,
    "refit": refit,
    "gain": gain,
    "sites": sites,
    "change": change,
    "network": network,
}


def processor() -> str:
    """Name the processor, as Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of data sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    arguments = parser.parse_args()

    def sets(usual: int) -> int:
        return max(4, round(usual * float(arguments.scale)))

    print("# Validity by simulation: what was found\n")
    print(f"`python benchmarks/validity.py --scale {arguments.scale:g} --seed {arguments.seed}`\n")
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pandas", "statsmodels"))
    print(f"- machine: {processor()}, {os.cpu_count()} cores, one BLAS thread; others used it too")
    print(f"- emoclip-clinic {emoclip_clinic.__version__}, Python {platform.python_version()}, {packages}")
    print("- in brackets: the standard error over data sets; then the number of data sets")
    # statsmodels collects garbage at each call, which is slow with so many modules loaded.
    gc.collect()
    gc.freeze()
    processor_s, wall_s = time.process_time(), time.perf_counter()
    with threadpool_limits(1):
        for name in arguments.only:
            start = time.perf_counter()
            SECTIONS[name](sets, 1_000_000 * list(SECTIONS).index(name) + arguments.seed)
            sys.stdout.flush()
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    spent = time.process_time() - processor_s, time.perf_counter() - wall_s
    print(f"\nProcessor time {spent[0]:.0f} s, wall time {spent[1]:.0f} s.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
