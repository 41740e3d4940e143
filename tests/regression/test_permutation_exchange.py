"""Who exchanges ratings with whom."""

from collections import Counter

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.permutation_exchange import plan_exchange
from tests.regression.naive_permutation import all_exchanges, exchange, rated_blocks

# Seven participants: a to d with one session, e to g with two.
GROUPS = np.array(list("abcdeeffgg"))
SITES = dict(zip("abcdefg", "xxxyxxx", strict=True))
WITHIN = np.array([SITES[g] for g in GROUPS])


def all_sources(plan, rated):
    return np.concatenate([plan.sources(donors, rated) for donors in plan.all_draws(chunk=7)])


def with_gaps(seed=0):
    rng = np.random.default_rng(seed)
    Y = np.arange(30.0).reshape(10, 3)
    Y[rng.random((10, 3)) < 0.3] = np.nan
    Y[[1, 5], :] = [[1, np.nan, 2], [3, 4, np.nan]]
    return Y


def test_classes_are_strata_and_numbers_of_rated_sessions():
    Y = np.ones((10, 2))
    plan = plan_exchange(Y, GROUPS, within=WITHIN)
    assert plan.strata.to_numpy().tolist() == [["x", 1, 3], ["x", 2, 3], ["y", 1, 1]]
    assert plan.n_permutations == 6 * 6
    Y[4] = np.nan  # e keeps one rated session
    plan = plan_exchange(Y, GROUPS)
    assert plan.strata.to_numpy().tolist() == [["", 1, 5], ["", 2, 2]]
    assert plan.n_permutations == 120 * 2


def test_several_variables_make_one_stratum():
    group = np.where(np.isin(GROUPS, list("aef")), "patient", "control")
    plan = plan_exchange(np.ones((10, 1)), GROUPS, within=np.column_stack([WITHIN, group]))
    assert set(plan.strata["stratum"]) == {"x/patient", "x/control", "y/control"}


def test_blocks_move_whole_in_order_and_inside_their_class():
    plan = plan_exchange(np.ones((10, 2)), GROUPS, within=WITHIN)
    rated = np.ones(10, dtype=bool)
    for draws in (plan.random_draws(50, seed=0, chunk=20), plan.all_draws(chunk=20)):
        for source in np.concatenate([plan.sources(d, rated) for d in draws]):
            assert sorted(source) == list(range(10))
            for first in (4, 6, 8):
                assert source[first] in (4, 6, 8)
                assert source[first + 1] == source[first] + 1
            assert source[3] == 3


def test_every_exchange_but_the_present_one_is_listed_once():
    plan = plan_exchange(np.ones((10, 2)), GROUPS, within=WITHIN)
    sources = {tuple(s) for s in all_sources(plan, np.ones(10, dtype=bool))}
    assert len(sources) == plan.n_permutations - 1
    assert tuple(range(10)) not in sources


@pytest.mark.parametrize("seed", range(5))
def test_missing_ratings_equal_the_plain_transcription(seed):
    Y = with_gaps(seed)
    blocks = rated_blocks(Y, GROUPS)
    expected = [exchange(Y, blocks, d) for d in all_exchanges(blocks, SITES)][1:]
    plan = plan_exchange(Y, GROUPS, within=WITHIN)
    for target in range(3):
        sources = all_sources(plan, ~np.isnan(Y[:, target]))
        ours = Counter(map(str, Y[sources, target].tolist()))
        assert ours == Counter(str(moved[:, target].tolist()) for moved in expected)


def test_the_pattern_of_missing_ratings_stays_and_values_are_kept():
    Y = with_gaps()
    plan = plan_exchange(Y, GROUPS)
    for target in range(3):
        rated = ~np.isnan(Y[:, target])
        for donors in plan.random_draws(30, seed=1, chunk=30):
            moved = Y[plan.sources(donors, rated), target]
            assert (np.isnan(moved) == ~rated).all()
            np.testing.assert_array_equal(np.sort(moved, axis=1), np.tile(np.sort(Y[:, target]), (30, 1)))


def test_values_of_an_incomplete_item_are_permuted_uniformly():
    Y = np.column_stack([np.arange(5.0), [0, 1, 2, np.nan, np.nan]])
    plan = plan_exchange(Y, np.arange(5))
    moved = Y[all_sources(plan, ~np.isnan(Y[:, 1])), 1][:, :3]
    counts = Counter(map(tuple, moved.tolist()))
    counts[0.0, 1.0, 2.0] += 1  # the present arrangement
    assert len(counts) == 6
    assert set(counts.values()) == {120 // 6}


def test_items_that_lack_few_ratings_mostly_move_with_the_others():
    rng = np.random.default_rng(0)
    Y = np.tile(rng.standard_normal((60, 1)), (1, 2))
    Y[rng.choice(60, 6, replace=False), 1] = np.nan
    plan = plan_exchange(Y, np.arange(60))
    (donors,) = plan.random_draws(200, seed=0, chunk=200)
    both = ~np.isnan(Y[:, 1])
    complete = plan.sources(donors, np.ones(60, dtype=bool))[:, both]
    assert (plan.sources(donors, both)[:, both] == complete).mean() == pytest.approx(0.9, abs=0.02)


def test_distinct_arrangements_are_counted_with_ties():
    Y = np.column_stack([[1, 1, 2, 3, 0, 0, 1, 0, 0, 1], [1, 1, 1, 1, 0, 0, 0, 0, 1, np.nan]])
    plan = plan_exchange(Y, GROUPS, within=WITHIN)
    for target, expected in ((0, 3 * 6), (1, 1 * 1)):
        rated = ~np.isnan(Y[:, target])
        arrangements = {tuple(np.nan_to_num(Y[s, target])) for s in all_sources(plan, rated)}
        assert len(arrangements) == plan.n_distinct(Y[:, target]) == expected


def test_chunks_do_not_change_the_draws():
    plan = plan_exchange(np.ones((10, 1)), GROUPS)
    whole = np.concatenate(list(plan.random_draws(50, seed=3, chunk=50)))
    np.testing.assert_array_equal(np.concatenate(list(plan.random_draws(50, seed=3, chunk=7))), whole)
    assert (np.concatenate(list(plan.random_draws(50, seed=4, chunk=50))) != whole).any()


def test_sessions_are_ordered_by_their_labels():
    groups = np.repeat(["a", "b"], 3)
    labels = ["ses-10", "ses-2", None, "ses-2", None, "ses-10"]
    for order in (labels, [10, 2, 1, 2, 1, 10]):
        plan = plan_exchange(np.ones((6, 1)), groups, order=order)
        assert plan.classes[0].rows.tolist() == [[2, 1, 0], [4, 3, 5]]
    plan = plan_exchange(np.ones((6, 1)), groups)
    assert plan.classes[0].rows.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_strata_and_labels_that_cannot_be_meant_are_refused():
    Y = np.ones((10, 1))
    with pytest.raises(RegressionError, match=r"participant e: A participant must have one stratum.*x and z"):
        plan_exchange(Y, GROUPS, within=np.where(np.arange(10) == 5, "z", WITHIN))
    with pytest.raises(RegressionError, match="known for every row"):
        plan_exchange(Y, GROUPS, within=[None, *WITHIN[1:]])
    with pytest.raises(RegressionError, match="one stratum for each of the 10 rows"):
        plan_exchange(Y, GROUPS, within=WITHIN[:9])
    with pytest.raises(RegressionError, match="participant f: A participant's sessions must have different"):
        plan_exchange(Y, GROUPS, order=[1, 1, 1, 1, 1, 2, 2, 2, 1, 2])
    with pytest.raises(RegressionError, match="one session label for each"):
        plan_exchange(Y, GROUPS, order=[1, 2])
