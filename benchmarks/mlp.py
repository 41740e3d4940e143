"""Compare networks of all folds trained at once with a loop that trains each alone, same optimiser in both.

Runs them by turns in one process, on the same data, draws and number of epochs, and prints ratios only, since
seconds depend on the machine and its other users. The loop takes the same time for each fold, so by default
it runs on a fifth of them and is scaled up. Small products are often faster in one thread, so the loop runs
both ways and its faster time counts; it is timed with PyTorch's default form of AdamW and with the fused one.
Where other programs use the cores, ours gains less from the second one: the line with processor time tells
what one core does.

    python benchmarks/mlp.py [--rounds 5] [--epochs 40] [--folds 12] [--device cpu]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emoclip_clinic.regression import split_participants
from emoclip_clinic.regression.mlp import MlpSettings, mlp_predict
from emoclip_clinic.regression.mlp.plan import make_table, plan_members
from tests.regression.naive_mlp import loop

PARTICIPANTS, SESSIONS, FEATURES, TARGETS = 60, 2, 512, 30


@dataclass(frozen=True)
class Size:
    name: str
    hidden: int
    seeds: int
    rates: int
    promised: float | None


SIZES = (
    Size("hidden 64, 1 seed, 1 learning rate", 64, 1, 1, 6),
    Size("hidden 64, 2 seeds, 3 learning rates", 64, 2, 3, 6),
    Size("hidden 256 (the paper's), 1 seed, 1 learning rate", 256, 1, 1, None),
)


def seconds(function: Callable[[], object], threads: int) -> tuple[float, float]:
    """Return elapsed time and processor time."""
    torch.set_num_threads(threads)
    start, start_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - start_cpu


def compare(size: Size, *, rounds: int, epochs: int, n_loop: int, threads: int, device: str) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(PARTICIPANTS), SESSIONS)
    X = rng.standard_normal((len(groups), FEATURES))
    Y = X[:, :TARGETS] + rng.standard_normal((len(groups), TARGETS))
    weight = np.ones(len(X))
    settings = MlpSettings(
        hidden=(size.hidden,),
        learning_rates=(1e-3, 3e-4, 3e-3)[: size.rates],
        max_epochs=epochs,
        patience=epochs,
        n_seeds=size.seeds,
    )
    folds = split_participants(groups)
    members = plan_members(make_table(X, Y, weight, groups), folds, settings)
    few = folds[:n_loop]

    def alone(*, fused: bool) -> tuple[np.ndarray, ...]:
        return loop(X, Y, weight, few, members, settings, fused=fused)

    result = mlp_predict(X, Y, groups, settings=settings, device=device)
    expected = alone(fused=True)[0][0]
    rows = np.concatenate([fold.test for fold in few])
    distance = np.abs(result.predictions[rows] - expected[rows]).max() / Y.std()
    ratios: dict[str, list[tuple[float, float]]] = {"AdamW, default form": [], "AdamW, fused": []}
    for _ in range(rounds):
        ours = seconds(lambda: mlp_predict(X, Y, groups, settings=settings, device=device), threads)
        for name, fused in zip(ratios, (False, True), strict=True):
            times = [seconds(lambda f=fused: alone(fused=f), n) for n in sorted({1, threads})]
            best = np.min(times, axis=0) * len(folds) / len(few)
            ratios[name].append((best[0] / ours[0], best[1] / ours[1]))
    print(f"\n{size.name}, {epochs} epochs; largest difference of predictions {distance:.1e} SD")
    for name, values in ratios.items():
        promise = f", promised {size.promised:g}" if size.promised and "default" in name else ""
        elapsed, processor = zip(*values, strict=True)
        print(
            f"  loop with {name:20s} / ours: {statistics.median(elapsed):5.1f} "
            f"[{min(elapsed):.1f}, {max(elapsed):.1f}]{promise}; "
            f"processor time {statistics.median(processor):.1f} [{min(processor):.1f}, {max(processor):.1f}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--epochs", type=int, default=40, help="epochs of every network (default 40)")
    parser.add_argument(
        "--folds", type=int, default=12, help="folds that the loop trains, of 60 (default 12)"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of PyTorch")
    parser.add_argument("--device", default="cpu", help="where our networks are trained (default cpu)")
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {options.threads} threads, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, device {options.device}"
    )
    print(
        f"{PARTICIPANTS} folds of {SESSIONS} sessions, {FEATURES} features, {TARGETS} targets, batch 32; "
        f"median of {options.rounds} [min, max]"
    )
    for size in SIZES:
        compare(
            size,
            rounds=options.rounds,
            epochs=options.epochs,
            n_loop=options.folds,
            threads=options.threads,
            device=options.device,
        )


if __name__ == "__main__":
    main()
