"""No participant is on both sides; folds are balanced, and depend on a seed and never on ratings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import Fold, check_folds, split_participants


def signature(folds, groups):
    """Who is tested together, without the order of rows and the numbers of folds."""
    return {(fold.repeat, frozenset(np.asarray(groups)[fold.test].tolist())) for fold in folds}


@given(st.lists(st.integers(0, 12), min_size=4, max_size=40), st.integers(2, 5), st.integers(0, 99))
def test_every_row_is_tested_once_by_others(groups, n_splits, seed):
    n_participants = len(set(groups))
    schemes = []
    if n_participants >= 2:
        schemes.append(split_participants(groups))
    if n_participants >= n_splits:
        schemes.append(split_participants(groups, scheme="kfold", n_splits=n_splits, n_repeats=2, seed=seed))
    labels = np.array(groups)
    for folds in schemes:
        for repeat in {fold.repeat for fold in folds}:
            tested = np.concatenate([fold.test for fold in folds if fold.repeat == repeat])
            np.testing.assert_array_equal(np.sort(tested), np.arange(len(groups)))
        for fold in folds:
            assert not set(labels[fold.train]) & set(labels[fold.test])
            assert len(fold.train) + len(fold.test) == len(groups)
            assert len(fold.test) > 0


def test_leave_one_participant_out_names_the_participant():
    folds = split_participants(["b", "a", "b"])
    assert [(fold.name, fold.test.tolist()) for fold in folds] == [("a", [1]), ("b", [0, 2])]


def test_leave_one_site_out():
    groups, sites = ["p1", "p1", "p2", "p3"], ["X", "X", "Y", "X"]
    folds = split_participants(groups, scheme="site", sites=sites)
    assert [(fold.name, fold.test.tolist()) for fold in folds] == [("X", [0, 1, 3]), ("Y", [2])]


def test_folds_are_balanced_by_number_of_sessions():
    groups = np.repeat(np.arange(40), np.resize([1, 2, 3, 10], 40))
    folds = split_participants(groups, scheme="kfold", n_splits=5)
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_folds_are_balanced_by_strata():
    groups = np.arange(60)
    site, diagnosis = np.where(groups < 15, "A", "B"), np.where(groups % 2, "patient", "control")
    strata = np.column_stack([site, diagnosis])
    for fold in split_participants(groups, scheme="kfold", n_splits=5, strata=site, n_repeats=3):
        assert ((site[fold.test] == "A").sum(), len(fold.test)) == (3, 12)
    for fold in split_participants(groups, scheme="kfold", n_splits=5, strata=strata, n_repeats=3):
        counts = [((strata[fold.test] == pair).all(axis=1)).sum() for pair in np.unique(strata, axis=0)]
        assert counts == pytest.approx([1.5, 1.5, 4.5, 4.5], abs=0.51)


def test_seed_decides_and_order_of_rows_does_not():
    groups = np.repeat([f"s{i}" for i in range(12)], np.resize([1, 2], 12))
    order = np.random.default_rng(0).permutation(len(groups))
    one = split_participants(groups, scheme="kfold", n_splits=4, seed=1)
    again = split_participants(groups[order], scheme="kfold", n_splits=4, seed=1)
    other = split_participants(groups, scheme="kfold", n_splits=4, seed=2)
    assert signature(one, groups) == signature(again, groups[order])
    assert signature(one, groups) != signature(other, groups)


def test_repetitions_differ():
    groups = np.arange(12)
    folds = split_participants(groups, scheme="kfold", n_splits=4, n_repeats=2)
    first, second = ({s for r, s in signature(folds, groups) if r == repeat} for repeat in (0, 1))
    assert first != second


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["a", "a"]}, "at least 2 participants"),
        ({"groups": ["a", "b", "c"], "scheme": "kfold", "n_splits": 4}, "at least 4 participants"),
        ({"groups": ["a", "b"], "scheme": "kfold", "n_splits": 1}, "n_splits of at least 2"),
        ({"groups": ["a", "b"], "scheme": "kfold", "n_splits": 2, "n_repeats": 0}, "n_repeats of at least 1"),
        ({"groups": ["a", "b"], "scheme": "site"}, "needs the site"),
        ({"groups": ["a", "b"], "scheme": "site", "sites": ["X", "X"]}, "at least 2 sites"),
        ({"groups": ["a", "b"], "scheme": "site", "sites": ["X", None]}, "must be known for every row"),
        ({"groups": ["a", "b"], "scheme": "site", "sites": ["X"]}, "one site for each of the 2 rows"),
        (
            {"groups": ["a", "a", "b"], "scheme": "site", "sites": ["X", "Y", "X"]},
            "must have one site.*X and Y",
        ),
        ({"groups": ["a", "b"], "scheme": "kfolds"}, "Did you mean 'kfold'"),
    ],
)
def test_splits_that_cannot_be_made_are_refused(options, message):
    with pytest.raises(RegressionError, match=message):
        split_participants(options.pop("groups"), **options)


def fold(train, test, *, repeat=0, name="f"):
    return Fold(repeat, name, np.array(train), np.array(test))


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([], "at least one fold"),
        ([fold([1, 2, 3], [0])], "both sides of a fold. Found: a"),
        ([fold([2, 3], [0, 1])], "test every row exactly once. Found: row 2 is tested 0 times"),
        ([fold([2], [0, 1])], "at least 2 training participants in fold f"),
        ([fold([2, 3], [])], "list of row indices, not empty"),
        ([fold([True, False], [0, 1])], "list of row indices"),
        ([fold([2, 9], [0, 1])], "between 0 and 3"),
        ([fold([2, 2, 3], [0, 1])], "at most once"),
        (
            [fold([2, 3], [0, 1], repeat=1), fold([0, 1, 3], [2], repeat=1), fold([0, 1, 2], [3], repeat=1)],
            "from 0",
        ),
    ],
)
def test_folds_of_others_are_checked(folds, message):
    with pytest.raises(RegressionError, match=message):
        check_folds(folds, ["a", "a", "b", "c"])


def test_good_folds_of_others_are_kept():
    folds = check_folds(
        [fold([3, 2], [1, 0]), fold([0, 1, 3], [2]), fold([0, 1, 2], [3])], ["a", "a", "b", "c"]
    )
    assert [f.test.tolist() for f in folds] == [[0, 1], [2], [3]]


def test_participants_must_be_named():
    with pytest.raises(RegressionError, match="groups must name the participant"):
        split_participants(None)
