"""Bootstrap over participants by weights, against the plain loop over copied participants.

Promise: 10,000 resamples x 30 items x all statistics in seconds, at least 50 times the plain loop. The loop
is timed on a few resamples, its cost per resample being constant. Run: ``python benchmarks/bootstrap.py``.
"""

import argparse
import platform
import time
import warnings

import numpy as np
from scipy import stats

from emoclip_clinic.agreement import STATISTICS, AgreementWarning, cluster_bootstrap, to_categories

PROMISED_RATIO = 50
STEPS = np.arange(1, 8)


def study(n_participants: int, n_items: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings 1 to 7 and predictions of participants with 1 to 4 sessions."""
    generator = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_participants), generator.integers(1, 5, n_participants))
    level = generator.normal(3.5, 1.2, (n_participants, n_items))[codes]
    rating = np.clip(np.round(level + generator.normal(0, 0.8, level.shape)), 1, 7)
    return rating, 2 + 0.5 * rating + generator.normal(0, 0.7, level.shape), codes


def kappa(x: np.ndarray, y: np.ndarray, power: float) -> float:
    table = np.histogram2d(x, y, bins=np.arange(0.5, 8))[0] / x.size
    weight = np.abs(STEPS[:, None] - STEPS) ** power if power else (STEPS[:, None] != STEPS) * 1.0
    return 1 - (weight * table).sum() / (weight * np.outer(table.sum(1), table.sum(0))).sum()


def loop_statistics(x: np.ndarray, y: np.ndarray, base: np.ndarray, groups: list[slice]) -> list[float]:
    """The same statistics with numpy and scipy, one data set at a time, as one would write them first."""
    n, e = x.size, y - x
    rounded = to_categories(y, STEPS)
    r = stats.pearsonr(x, y)[0]
    concordance = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + e.mean() ** 2)
    pair = np.column_stack([x, y])
    rows, columns, grand = pair.mean(1), pair.mean(0), pair.mean()
    between = 2 * ((rows - grand) ** 2).sum() / (n - 1)
    column = n * ((columns - grand) ** 2).sum()
    residual = ((pair - rows[:, None] - columns + grand) ** 2).sum() / (n - 1)
    within = (column + residual * (n - 1)) / n
    means = np.array([(x[g].mean(), y[g].mean(), e[g].mean(), g.stop - g.start) for g in groups])
    size = means[:, 3]
    square_between = (size * (means[:, 2] - e.mean()) ** 2).sum() / (len(groups) - 1)
    square_within = sum(((e[g] - e[g].mean()) ** 2).sum() for g in groups) / (n - len(groups))
    m0 = (n**2 - (size**2).sum()) / ((len(groups) - 1) * n)
    sd = np.sqrt(max((square_between - square_within) / m0, 0) + square_within)
    dx = np.concatenate([x[g] - x[g].mean() for g in groups])
    dy = np.concatenate([y[g] - y[g].mean() for g in groups])
    line = np.polyfit(y, x, 1)
    middle = (x + y) / 2
    return [
        r,
        concordance,
        (between - within) / (between + within),
        (between - residual) / (between + residual + 2 * (column - residual) / n),
        (between - residual) / (between + residual),
        e.mean(),
        sd,
        e.mean() - 1.96 * sd,
        e.mean() + 1.96 * sd,
        np.polyfit(middle, e, 1)[0],
        stats.pearsonr(middle, e)[0],
        np.abs(e).mean(),
        np.sqrt((e**2).mean()),
        1 - (e**2).sum() / ((x - x.mean()) ** 2).sum(),
        (np.abs(e) <= 1).mean(),
        (np.abs(rounded - x) <= 1).mean(),
        1 - (e**2).sum() / ((base - x) ** 2).sum(),
        line[0],
        line[1],
        -e.mean(),
        kappa(x, rounded, 2),
        (dx * dy).sum() / np.sqrt((dx**2).sum() * (dy**2).sum()),
        np.corrcoef(means[:, 0], means[:, 1])[0, 1],
        stats.spearmanr(x, y)[0],
        stats.kendalltau(x, y)[0],
        np.median(np.abs(e)),
        kappa(x, rounded, 1),
        kappa(x, rounded, 0),
    ]


def plain_loop(
    rating: np.ndarray, prediction: np.ndarray, codes: np.ndarray, base: np.ndarray, n_resamples: int
) -> np.ndarray:
    generator = np.random.default_rng(0)
    members = [np.flatnonzero(codes == c) for c in range(codes.max() + 1)]
    draws = []
    for _ in range(n_resamples):
        chosen = [members[c] for c in generator.integers(0, len(members), len(members))]
        ends = np.cumsum([rows.size for rows in chosen])
        groups = [slice(end - rows.size, end) for end, rows in zip(ends, chosen, strict=True)]
        take = np.concatenate(chosen)
        draws.append(
            [
                loop_statistics(rating[take, item], prediction[take, item], base[take, item], groups)
                for item in range(rating.shape[1])
            ]
        )
    return np.asarray(draws)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=80)
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--loop-resamples", type=int, default=10)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", AgreementWarning)

    rating, prediction, codes = study(arguments.participants, arguments.items, seed=1)
    base = np.full_like(rating, 3.5)
    start = time.perf_counter()
    slow = plain_loop(rating, prediction, codes, base, arguments.loop_resamples)
    per_resample = (time.perf_counter() - start) / arguments.loop_resamples

    start = time.perf_counter()
    cluster_bootstrap(
        rating,
        prediction,
        cluster=codes,
        baseline=base,
        categories=STEPS,
        n_resamples=arguments.resamples,
    )
    fast = time.perf_counter() - start

    ratio = per_resample * arguments.resamples / fast
    print(f"machine           {platform.processor() or platform.machine()}, numpy {np.__version__}")
    sizes = f"{rating.shape[0]} sessions of {arguments.participants} participants, {arguments.items} items"
    print(f"data              {sizes}")
    print(f"statistics        {len(STATISTICS)} by weights, {slow.shape[2]} by the loop")
    print(f"plain loop        {per_resample * 1e3:.0f} ms per resample (timed on {arguments.loop_resamples})")
    print(f"plain loop, {arguments.resamples} {per_resample * arguments.resamples:.0f} s (extrapolated)")
    print(f"by weights, {arguments.resamples} {fast:.1f} s")
    print(f"ratio             {ratio:.0f} (promised {PROMISED_RATIO})")
    return 0 if ratio >= PROMISED_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
