"""Compare nested ridge with the plain scikit-learn loop, and measure the memory that segments take.

Runs both by turns on the same data and prints ratios only, since seconds depend on the machine and its other
users. The loop takes the same time for each outer fold, so by default it runs on one of them and is scaled
up; ``--folds 0`` runs all. Small matrices are often faster with a single-threaded BLAS, so the loop runs both
ways and its faster time counts.

    python benchmarks/ridge.py [--folds 1] [--rounds 3] [--skip-memory]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from sklearn.model_selection import LeaveOneGroupOut
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emoclip_clinic.regression import nested_predict
from tests.regression.naive_ridge import distance, nested_loop


@dataclass(frozen=True)
class Size:
    name: str
    participants: int
    sessions: int
    features: int
    targets: int
    alphas: int
    promised: float | None


SIZES = (
    Size("promise 1, one session each", 20, 1, 256, 12, 24, 100),
    Size("promise 1, two sessions each", 20, 2, 256, 12, 24, 100),
    Size("promise 1, three sessions each", 20, 3, 256, 12, 24, 100),
    Size("promise 2", 60, 2, 512, 30, 20, 40),
    Size("tall: more rows than features", 20, 50, 64, 5, 12, None),
)


def data(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(size.participants), size.sessions)
    X = rng.standard_normal((len(groups), size.features))
    X += rng.standard_normal((size.participants, size.features))[groups]
    Y = X[:, : size.targets] + 3 * rng.standard_normal((len(groups), size.targets))
    return X, Y, groups, np.logspace(-1, 6, size.alphas)


def elapsed(start: tuple[float, float]) -> tuple[float, float]:
    """Return the time on the wall and on the processors since the start."""
    return time.perf_counter() - start[0], time.process_time() - start[1]


def compare(size: Size, *, rounds: int, folds: int) -> None:
    X, Y, groups, alphas = data(size)
    outer = list(LeaveOneGroupOut().split(X, Y, groups))
    some = outer[:folds] if folds else outer
    scale = len(outer) / len(some)
    wall, processor, apart = [], [], 0.0
    nested_predict(X, Y, groups, alphas=alphas)
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        ours = nested_predict(X, Y, groups, alphas=alphas)
        mine = elapsed(start)
        loops = []
        for threads in (None, 1):
            with threadpool_limits(threads):
                start = time.perf_counter(), time.process_time()
                theirs, _ = nested_loop(X, Y, groups, alphas, outer=some)
                loops.append(elapsed(start))
        wall.append(scale * min(loop[0] for loop in loops) / mine[0])
        processor.append(scale * min(loop[1] for loop in loops) / mine[1])
        rows = np.concatenate([test for _, test in some])
        apart = max(apart, distance(ours.predictions[rows], theirs[rows]).max())
    promised = f", promised {size.promised:.0f}" if size.promised else ""
    print(
        f"{size.name}: {size.participants} participants x {size.sessions}, {size.features} features, "
        f"{size.targets} targets, {size.alphas} alphas: {np.median(wall):.0f} times faster "
        f"({min(wall):.0f} to {max(wall):.0f}{promised}), "
        f"{np.median(processor):.0f} times less processor time, distance {apart:.1e}",
        flush=True,
    )


def peak_memory(dtype: str, queue: multiprocessing.Queue[float]) -> None:
    """Put the peak memory for 100,000 segments x 512 on the queue, in multiples of the matrix."""
    nested_predict(np.eye(6), np.arange(6.0), np.arange(6), alphas=[1, 10])  # load the libraries
    process = psutil.Process()
    before = process.memory_info().rss
    rng = np.random.default_rng(0)
    X = np.empty((100_000, 512), dtype=dtype)
    for start in range(0, len(X), 1000):
        X[start : start + 1000] = rng.standard_normal((1000, 512))
    groups = np.sort(rng.integers(0, 60, len(X)))
    Y = X[:, :30] + rng.standard_normal((len(X), 30))
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    nested_predict(X, Y, groups, alphas=np.logspace(-1, 6, 20), outer=3, inner=3)
    done.set()
    watcher.join()
    queue.put((peak[0] - before) / X.nbytes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folds", type=int, default=1, help="outer folds on which the plain loop runs; 0 is all"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-memory", action="store_true")
    options = parser.parse_args()
    for size in SIZES:
        compare(size, rounds=options.rounds, folds=options.folds)
    for dtype in () if options.skip_memory else ("float32", "float64"):
        queue: multiprocessing.Queue[float] = multiprocessing.get_context("spawn").Queue()
        child = multiprocessing.get_context("spawn").Process(target=peak_memory, args=(dtype, queue))
        child.start()
        ratio = queue.get()
        child.join()
        print(
            f"100,000 segments x 512 {dtype}: peak {ratio:.2f} times the matrix, itself included (promised 3)"
        )


if __name__ == "__main__":
    main()
