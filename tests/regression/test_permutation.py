"""The permutation test as a whole, against all exchanges of small data and against known truth."""

import json
import threading

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, permutation_test, skill, split_participants
from emoclip_clinic.regression.permutation import MEANING, count_text
from tests.regression.naive_permutation import exact_p, naive_step_down

ALPHAS = [0.5, 5, 50]
GROUPS = np.array(list("abcdeeffgg"))
SITES = dict(zip("abcdefg", "xxxyxxx", strict=True))
WITHIN = np.array([SITES[g] for g in GROUPS])


def sessions(seed: int = 0, *, groups=GROUPS, n_targets: int = 3, signal: float = 1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((len(groups), 4))
    Y = signal * X[:, :1] + rng.standard_normal((len(groups), n_targets))
    return X, Y


def test_p_over_all_exchanges_equals_the_plain_loop():
    X, Y = sessions()
    test = permutation_test(X, Y, GROUPS, within=WITHIN, alphas=ALPHAS)
    p, observed, values = exact_p(X, Y, GROUPS, SITES, ALPHAS)
    assert (test.exhaustive, test.n_permutations, test.n_possible) == (True, 35, 36)
    np.testing.assert_allclose(test.table["observed"], observed, rtol=1e-9)
    np.testing.assert_allclose(test.null, values[1:], rtol=1e-8)
    np.testing.assert_allclose(test.table["p"], p, rtol=1e-12)
    np.testing.assert_allclose(test.table["p_step_down"], naive_step_down(values), rtol=1e-12)


def test_missing_ratings_of_several_sessions_equal_the_plain_loop():
    X, Y = sessions(14)
    Y[1, 0] = Y[8, 1] = np.nan
    test = permutation_test(X, Y, GROUPS, alphas=ALPHAS)
    p, _, values = exact_p(X, Y, GROUPS, dict.fromkeys(SITES, ""), ALPHAS)
    np.testing.assert_allclose(test.null, values[1:], rtol=1e-8)
    np.testing.assert_allclose(test.table["p"], p, rtol=1e-12)
    assert test.table["n_distinct"].tolist() == ["36", "48", "144"]


def test_missing_ratings_over_all_exchanges_equal_the_plain_loop():
    groups = np.arange(5)
    X, Y = sessions(3, groups=groups)
    Y[2, 1] = np.nan
    test = permutation_test(X, Y, groups, alphas=ALPHAS)
    p, _, values = exact_p(X, Y, groups, dict.fromkeys(range(5), ""), ALPHAS)
    np.testing.assert_allclose(test.table["p"], p, rtol=1e-12)
    np.testing.assert_allclose(test.null, values[1:], rtol=1e-8)
    assert test.table["n"].tolist() == [5, 4, 5]
    assert test.table["n_distinct"].tolist() == ["120", "24", "120"]
    assert "approximate" in test.statement


def test_random_exchanges_approach_the_exact_p():
    groups = np.arange(6)
    X, Y = sessions(1, groups=groups)
    exact = permutation_test(X, Y, groups, alphas=ALPHAS)
    random = permutation_test(X, Y, groups, alphas=ALPHAS, n_permutations=600, seed=5)
    assert (exact.exhaustive, random.exhaustive) == (True, False)
    np.testing.assert_allclose(random.table["p"], exact.table["p"], atol=3 * 0.5 / np.sqrt(600))
    again = permutation_test(X, Y, groups, alphas=ALPHAS, n_permutations=600, seed=5)
    np.testing.assert_array_equal(again.table["p"], random.table["p"])


@pytest.mark.parametrize("statistic", ["skill", "r"])
def test_repeated_folds_and_weights_enter_every_permutation(statistic):
    X, Y = sessions(2, n_targets=2)
    weight = np.linspace(0.5, 2, len(X))
    folds = split_participants(GROUPS, scheme="kfold", n_splits=3, n_repeats=2)
    test = permutation_test(
        X, Y, GROUPS, outer=folds, inner=2, alphas=ALPHAS, sample_weight=weight, statistic=statistic
    )
    result = nested_predict(X, Y, GROUPS, outer=folds, inner=2, alphas=ALPHAS, sample_weight=weight)
    if statistic == "skill":
        expected = skill(Y, result.predictions, result.baseline)
    else:
        expected = np.mean(
            [
                [np.corrcoef(y, p)[0, 1] for y, p in zip(Y.T, one.T, strict=True)]
                for one in result.predictions
            ],
            axis=0,
        )
    np.testing.assert_allclose(test.table["observed"], expected, rtol=1e-9)
    assert len(np.unique(test.null.round(9))) > 100


def test_memory_and_chunks_do_not_change_the_result():
    groups = np.arange(12)
    X, Y = sessions(4, groups=groups)
    arguments = {"alphas": ALPHAS, "n_permutations": 150}
    test = permutation_test(X, Y, groups, **arguments)
    small = permutation_test(X, Y, groups, max_bytes=90_000, **arguments)
    np.testing.assert_allclose(small.null, test.null, rtol=1e-9)


def test_order_of_rows_and_unit_of_ratings_do_not_matter():
    X, Y = sessions(5)
    label = np.array([1, 1, 1, 1, 1, 2, 1, 2, 1, 2])
    test = permutation_test(X, Y, GROUPS, order=label, alphas=ALPHAS, n_permutations=50, seed=2)
    rows = np.random.default_rng(0).permutation(len(X))
    moved = permutation_test(
        X[rows], 10 - 3 * Y[rows], GROUPS[rows], order=label[rows], alphas=ALPHAS, n_permutations=50, seed=2
    )
    np.testing.assert_allclose(moved.null, test.null, rtol=1e-8)
    np.testing.assert_array_equal(moved.table["p"], test.table["p"])


def test_planted_signal_is_found_and_noise_beside_it_is_not():
    groups = np.repeat(np.arange(25), 2)
    X, Y = sessions(6, groups=groups, signal=0)
    Y[:, 0] += 2 * X[:, 0]
    test = permutation_test(X, Y, groups, targets=["n1", "n2", "n3"], n_permutations=199, inner=5)
    assert test.table["p"][0] == 1 / 200
    assert test.table["p_step_down"][0] <= 3 / 200
    assert (test.table["p"][1:] > 0.05).all()
    assert (test.table["null_mean"] < 0).all()


def test_p_is_uniform_without_signal():
    # 39 random exchanges: without ties p is uniform on 1/40 .. 40/40.
    groups, ps = np.array(list("aabbccddeefghijkl")), []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        person = np.unique(groups, return_inverse=True)[1]
        X = rng.standard_normal((len(groups), 4)) + 2 * rng.standard_normal((12, 4))[person]
        Y = rng.standard_normal((len(groups), 40)) + rng.standard_normal((12, 40))[person]
        test = permutation_test(X, Y, groups, outer=5, inner=2, alphas=ALPHAS, n_permutations=39, seed=seed)
        ps += test.table["p"].tolist()
    for level in (0.05, 0.25, 0.5, 0.75):
        error = np.sqrt(level * (1 - level) / len(ps))
        assert abs(np.mean(np.array(ps) <= level + 1e-12) - level) < 3.3 * error


def test_families_are_adjusted_by_themselves():
    groups = np.arange(10)
    X, Y = sessions(7, groups=groups, n_targets=4)
    families = ["items", "items", "items", "scores"]
    Y[:, 1] = 2
    test = permutation_test(X, Y, groups, families=families, alphas=ALPHAS, n_permutations=99)
    table = test.table
    assert table["family"].tolist() == families
    assert table["p_step_down"][3] == table["p_holm"][3] == table["p_benjamini_hochberg"][3] == table["p"][3]
    assert table["reason"].tolist() == ["", "fewer than 20 distinct permutations", "", ""]
    assert table.loc[1, ["p", "p_step_down", "p_holm", "p_benjamini_hochberg"]].isna().all()
    two = permutation_test(X, Y[:, [0, 2]], groups, alphas=ALPHAS, n_permutations=99).table
    columns = ["p", "p_step_down", "p_holm", "p_benjamini_hochberg"]
    np.testing.assert_allclose(
        table.loc[[0, 2], columns].to_numpy(float), two[columns].to_numpy(float), rtol=1e-12
    )


def test_the_record_says_what_was_done_and_what_a_rejection_means():
    X, Y = sessions(8)
    test = permutation_test(X, Y, GROUPS, within=WITHIN, alphas=ALPHAS)
    record = json.loads(json.dumps(test.record()))
    assert MEANING in record["statement"]
    assert "in the same stratum" in record["statement"]
    assert "1 participants have nobody" in record["statement"]
    assert "approximate" not in record["statement"]
    assert record["n_possible"] == "36"
    assert record["strata"][0] == {"stratum": "x", "n_sessions": 1, "n_participants": 3, "n_possible": "6"}
    assert count_text(999_999) == "999999"
    assert count_text(10**400 * 83) == "8.3e401"


def test_progress_counts_every_pattern_of_missing_ratings():
    groups = np.arange(10)
    X, Y = sessions(9, groups=groups)
    Y[0, 1] = np.nan
    seen = []
    permutation_test(X, Y, groups, alphas=ALPHAS, n_permutations=60, progress=lambda *now: seen.append(now))
    assert seen[-1] == (120, 120)
    assert seen == sorted(seen)


def test_an_interrupt_stops_the_work_and_leaves_no_thread():
    groups = np.arange(10)
    X, Y = sessions(10, groups=groups)
    before = threading.active_count()

    def interrupt(done: int, total: int) -> None:
        assert 0 < done < total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        permutation_test(
            X, Y, groups, alphas=ALPHAS, n_permutations=5000, max_bytes=200_000, progress=interrupt
        )
    assert threading.active_count() == before


def test_too_few_exchanges_are_refused():
    X, Y = sessions(11)
    site = np.where(np.isin(GROUPS, list("abe")), "x", "y")
    with pytest.raises(RegressionError, match=r"At least 20 distinct.*: 8 .*2 participants with 1 sessions"):
        permutation_test(X, Y, GROUPS, within=site)
    with pytest.raises(RegressionError, match="n_permutations must be at least 19"):
        permutation_test(X, Y, GROUPS, n_permutations=18)
    with pytest.raises(RegressionError, match="At least one target must have 20 distinct"):
        permutation_test(X, np.ones_like(Y), GROUPS)


def test_a_target_with_too_few_participants_is_not_tested():
    groups = np.arange(8)
    X, Y = sessions(12, groups=groups)
    Y[2:, 0] = np.nan
    table = permutation_test(X, Y, groups, alphas=ALPHAS, n_permutations=19).table
    assert table["reason"].tolist() == ["rated in fewer than 3 participants", "", ""]
    assert table["p"].isna().tolist() == [True, False, False]
    assert table["n_participants"].tolist() == [2, 8, 8]


def test_segments_are_refused_before_anything_is_computed():
    groups = np.repeat(np.arange(20), 400)
    X = np.ones((8000, 2), dtype=np.float32) * np.arange(8000)[:, None]
    with pytest.raises(RegressionError, match=r"must fit into 3.0 GiB.*8000 rows.*one row per session"):
        permutation_test(X, np.arange(8000.0), groups)


def test_options_that_cannot_be_meant_are_refused():
    X, Y = sessions(13)
    with pytest.raises(RegressionError, match=r"'skill' or 'r'.*Did you mean 'skill'"):
        permutation_test(X, Y, GROUPS, statistic="skil")
    with pytest.raises(RegressionError, match="targets must hold one name"):
        permutation_test(X, Y, GROUPS, targets=["n1"])
    with pytest.raises(RegressionError, match="families must hold one name"):
        permutation_test(X, Y, GROUPS, families="all")
