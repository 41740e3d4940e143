"""The stream of permuted ratings: its chunks change nothing, and an interrupt does not wait for the rest."""

import time

import joblib
import numpy as np

from emoclip_clinic.regression.permutation_exchange import plan_exchange
from emoclip_clinic.regression.permutation_stream import MOST_WORK, Draws, permuted_statistics
from emoclip_clinic.regression.ridge_core import in_parallel


def test_what_waits_is_not_begun_after_an_interrupt() -> None:
    queued = 2 * int(joblib.cpu_count()) + 1
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.2)
        return item

    results = in_parallel(work, range(10 * queued))
    assert next(results) == 0
    results.close()
    assert queued - 1 not in begun


def test_long_work_is_cut_into_short_chunks_with_the_same_result() -> None:
    rng = np.random.default_rng(5)
    Y = rng.standard_normal((9, 3))
    draws = Draws.plan(plan_exchange(Y, list("abcdefghi")), 50, seed=2)
    widths = []

    def evaluate(ratings: np.ndarray) -> np.ndarray:
        widths.append(ratings.shape[1])
        return ratings[0] - ratings[1]

    def run(column_work: int) -> np.ndarray:
        widths.clear()
        return permuted_statistics(
            evaluate,
            Y,
            draws,
            rated=np.ones(9, dtype=bool),
            column_bytes=8,
            column_work=column_work,
            max_bytes=2**20,
        )

    whole = run(1)
    assert widths == [150]
    np.testing.assert_array_equal(run(int(MOST_WORK / 6)), whole)
    assert set(widths) == {6}
    np.testing.assert_array_equal(run(int(10 * MOST_WORK)), whole)
    assert set(widths) == {3}
