"""Does the embedding add to covariates and camera?"""

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import gain_test, nested_predict, skill
from emoclip_clinic.regression.gain import GAIN_MEANING
from tests.regression.naive_permutation import all_exchanges, exchange, naive_skill, rated_blocks

ALPHAS = [0.5, 5, 50]


def study(seed: int, *, n: int = 24, gain: float = 0.0):
    """Ratings follow age; the embedding shows age, and what ratings may follow besides."""
    rng = np.random.default_rng(seed)
    age, other = rng.standard_normal((n, 1)), rng.standard_normal((n, 1))
    X = rng.standard_normal((n, 6)) + 2 * age @ rng.standard_normal((1, 6)) + 2 * other
    Y = 1.5 * age + gain * other + rng.standard_normal((n, 2))
    return X, Y, age, np.arange(n)


@pytest.mark.parametrize("missing", [False, True])
def test_all_exchanges_of_residuals_equal_the_plain_loop(missing):
    X, Y, age, groups = study(0, n=5)
    if missing:
        Y[1, 0] = np.nan
    fitted = np.full_like(Y, np.nan)
    for target in range(2):
        rated = ~np.isnan(Y[:, target])
        slope, start = np.polyfit(age[rated, 0], Y[rated, target], 1)
        fitted[:, target] = start + slope * age[:, 0]
    blocks = rated_blocks(Y, groups)
    gains = []
    n = (~np.isnan(Y)).sum(axis=0)
    scaled = (Y - fitted) * np.sqrt(n / (n - 2))  # least squares has taken an intercept and a slope
    for number, donor_of in enumerate(all_exchanges(blocks, dict.fromkeys(groups, ""))):
        moved = fitted + exchange(scaled, blocks, donor_of) if number else Y  # the first is what was observed
        full = nested_predict(np.hstack([age, X]), moved, groups, alphas=ALPHAS)
        alone = nested_predict(age, moved, groups, alphas=ALPHAS)
        gains.append(
            naive_skill(moved, full.predictions, full.baseline)
            - naive_skill(moved, alone.predictions, alone.baseline)
        )
    values = np.array(gains)
    test = gain_test(X, Y, groups, baseline=age, alphas=ALPHAS)
    np.testing.assert_allclose(test.null, values[1:], rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(test.table["p"], (values >= values[0] - 1e-10).mean(0), rtol=1e-12)


def test_the_gain_is_the_difference_of_two_skills():
    X, Y, age, groups = study(1, gain=1)
    table = gain_test(X, Y, groups, baseline=age, alphas=ALPHAS, n_permutations=19).table
    for column, features in (("skill", np.hstack([age, X])), ("skill_baseline", age)):
        result = nested_predict(features, Y, groups, alphas=ALPHAS)
        np.testing.assert_allclose(table[column], skill(Y, result.predictions, result.baseline), rtol=1e-9)
    np.testing.assert_allclose(table["observed"], table["skill"] - table["skill_baseline"], rtol=1e-12)


def test_a_column_of_each_target_alone_is_as_if_the_target_were_alone():
    X, Y, age, groups = study(6, gain=1)
    own = np.random.default_rng(6).standard_normal(Y.shape)
    Y = Y + own
    Y[2, 0] = np.nan
    options = {"alphas": ALPHAS, "n_permutations": 39, "seed": 5, "order": np.zeros(len(Y))}
    both = gain_test(X, Y, groups, baseline=age, own_baseline=own, **options)
    rated = ~np.isnan(Y[:, 0])
    for target in range(2):
        columns = np.column_stack([age, own[:, target]])
        alone = gain_test(X, Y[:, [target]], groups, baseline=columns, **options)
        np.testing.assert_allclose(both.table["skill"][target], alone.table["skill"][0], rtol=1e-9)
        assert both.table["skill_baseline"][target] == pytest.approx(alone.table["skill_baseline"][0])
        if target == 1:  # in the first, the order of random draws depends on who is rated
            np.testing.assert_allclose(both.null[:, target], alone.null[:, 0], atol=1e-9)
    assert rated.sum() == both.table["n"][0]


def test_regression_to_the_mean_is_no_gain_over_the_baseline_rating():
    ps = {"known": [], "unknown": []}
    for seed in range(12):
        rng = np.random.default_rng([seed, 7])
        before = rng.standard_normal((24, 10))
        change = before - rng.standard_normal((24, 10))  # the follow-up has nothing to do with it
        X = rng.standard_normal((24, 10)) + 3 * before  # the video shows the state at baseline
        arguments = {"outer": 4, "inner": 3, "alphas": ALPHAS, "n_permutations": 39, "seed": seed}
        age = rng.standard_normal((24, 1))
        for name, own in (("known", before), ("unknown", None)):
            test = gain_test(X, change, np.arange(24), baseline=age, own_baseline=own, **arguments)
            ps[name] += test.table["p"].tolist()
    share = {name: np.mean(np.array(values) <= 0.05) for name, values in ps.items()}
    assert share["unknown"] > 0.2
    assert share["known"] < 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / len(ps["known"]))


def test_there_must_be_a_baseline_of_the_right_shape():
    X, Y, age, groups = study(5, n=10)
    with pytest.raises(RegressionError, match="gain must be one over a baseline"):
        gain_test(X, Y, groups)
    with pytest.raises(RegressionError, match=r"own_baseline must have the shape \(10, 2\)"):
        gain_test(X, Y, groups, own_baseline=age)


def test_what_the_baseline_explains_is_no_gain():
    ps = []
    for seed in range(15):
        X, _, age, groups = study(seed)
        Y = 1.5 * age + np.random.default_rng([seed, 1]).standard_normal((24, 20))
        arguments = {"outer": 4, "inner": 3, "alphas": ALPHAS, "n_permutations": 39, "seed": seed}
        ps += gain_test(X, Y, groups, baseline=age, **arguments).table["p"].tolist()
    for level in (0.05, 0.25, 0.5):
        error = np.sqrt(level * (1 - level) / len(ps))
        assert abs(np.mean(np.array(ps) <= level + 1e-12) - level) < 3.3 * error


def test_what_the_baseline_cannot_know_is_found():
    X, Y, age, groups = study(3, n=40, gain=2)
    test = gain_test(X, Y, groups, baseline=age, outer=8, inner=5, n_permutations=99)
    assert (test.table["p"] == 1 / 100).all()
    assert test.statistic == "gain"
    assert GAIN_MEANING in test.statement


def test_a_baseline_that_leaves_nothing_to_exchange_is_not_tested():
    X, Y, age, groups = study(4, n=10)
    Y[:, 0] = 3 - 2 * age[:, 0]
    table = gain_test(X, Y, groups, baseline=age, alphas=ALPHAS, n_permutations=19).table
    assert table["reason"].tolist() == ["the baseline explains it exactly", ""]
    assert table["p"].isna().tolist() == [True, False]
    wide = np.random.default_rng(0).standard_normal((10, 5))
    table = gain_test(X, Y, groups, baseline=wide, alphas=ALPHAS, n_permutations=19).table
    assert set(table["reason"]) == {"baseline has 6 columns for 10 participants, more than half"}


def test_rows_must_agree():
    X, Y, age, groups = study(5, n=10)
    with pytest.raises(RegressionError, match="baseline must have 10 rows"):
        gain_test(X, Y, groups, baseline=age[:9])
