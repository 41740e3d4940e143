"""Raters and model on one target: naive loops, closed forms in large samples, verdicts and their limits."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.agreement import (
    AgreementWarning,
    ccc,
    human_and_model,
    icc,
    non_inferiority,
    reliability_ceiling,
)
from emoclip_clinic.agreement.human_and_model import HUMAN_STATISTICS
from emoclip_clinic.agreement.resampling import count_blocks
from emoclip_clinic.errors import AgreementError


def drawn(
    n: int = 60, raters: int = 3, *, seed: int = 1, error: float = 0.6, model_error: float = 0.8
) -> tuple[pd.DataFrame, np.ndarray]:
    """Raters who see the truth with errors, and a model that does."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 1, size=n)
    table = truth[:, None] + rng.normal(0, error, size=(n, raters)) + 0.2 * np.arange(raters)
    return pd.DataFrame(table, columns=list("ABCDEFGH")[:raters]), truth + rng.normal(0, model_error, size=n)


def naive_statistic(name: str, x: np.ndarray, y: np.ndarray) -> float:
    if name == "MAE":
        return float(np.mean(np.abs(x - y)))
    if name == "Pearson r":
        return float(np.corrcoef(x, y)[0, 1])
    if name == "CCC":
        return float(ccc(x, y)["estimate"][0])
    forms = icc(np.column_stack([x, y])).set_index("statistic")
    return float(forms.loc[name, "estimate"])


def naive_comparison(
    name: str, table: np.ndarray, prediction: np.ndarray, rows: np.ndarray
) -> tuple[float, float, float]:
    """Mean pairwise, human and model, each by plain loops over raters and rows."""
    table, prediction = table[rows], prediction[rows]
    pairwise = []
    for a, b in combinations(range(table.shape[1]), 2):
        both = [i for i in range(len(table)) if not np.isnan(table[i, a]) and not np.isnan(table[i, b])]
        pairwise.append(naive_statistic(name, table[both, a], table[both, b]))
    human, model = [], []
    for j in range(table.shape[1]):
        own, others, predicted = [], [], []
        for i in range(len(table)):
            rest = [table[i, k] for k in range(table.shape[1]) if k != j and not np.isnan(table[i, k])]
            if not np.isnan(table[i, j]) and rest and not np.isnan(prediction[i]):
                own.append(table[i, j])
                others.append(sum(rest) / len(rest))
                predicted.append(prediction[i])
        human.append(naive_statistic(name, np.array(others), np.array(own)))
        model.append(naive_statistic(name, np.array(others), np.array(predicted)))
    return float(np.mean(pairwise)), float(np.mean(human)), float(np.mean(model))


@pytest.fixture
def incomplete() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three raters with gaps, a missing prediction, and participants with one to three sessions."""
    table, prediction = drawn(50)
    rng = np.random.default_rng(2)
    ratings = np.where(rng.random(table.shape) < 0.25, np.nan, table.to_numpy())
    prediction[7] = np.nan
    return ratings, prediction, np.sort(rng.integers(0, 22, size=50))


@pytest.mark.oracle
def test_estimates_equal_plain_loops(incomplete: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    table, prediction, cluster = incomplete
    found = human_and_model(table, prediction, cluster=cluster, n_resamples=0).set_index("statistic")
    for name in HUMAN_STATISTICS:
        pairwise, human, model = naive_comparison(name, table, prediction, np.arange(len(table)))
        assert found.loc[f"mean pairwise {name}", "estimate"] == pytest.approx(pairwise, rel=1e-10)
        assert found.loc[f"human, {name}", "estimate"] == pytest.approx(human, rel=1e-10)
        assert found.loc[f"model, {name}", "estimate"] == pytest.approx(model, rel=1e-10)
        difference = found.loc[f"model - human, {name}", "estimate"]
        assert difference == pytest.approx(model - human, rel=1e-8)
    double = (~np.isnan(table)).sum(axis=1) >= 2
    assert found.loc["human, CCC", "n"] == (double & ~np.isnan(prediction)).sum()
    assert found.loc["mean pairwise CCC", "n"] == double.sum()
    assert found.loc["mean pairwise CCC", "n_clusters"] == len(set(cluster[double]))


@pytest.mark.oracle
def test_intervals_equal_plain_loops_over_the_same_participants(
    incomplete: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    table, prediction, cluster = incomplete
    found = human_and_model(table, prediction, cluster=cluster, n_resamples=40, seed=6)
    found = found.set_index("statistic")
    double = (~np.isnan(table)).sum(axis=1) >= 2
    people = list(dict.fromkeys(cluster[double]))  # participants in order of appearance
    (weights,) = count_blocks(len(people), 40, width=10, seed=6)
    draws = []
    for counts in weights:
        rows = [i for who, times in zip(people, counts, strict=True) for _ in range(int(times))
                for i in np.flatnonzero((cluster == who) & double)]  # fmt: skip
        draws.append(naive_comparison("Pearson r", table, prediction, np.array(rows)))
    draws = np.array(draws)
    low, high = np.quantile(draws[:, 2] - draws[:, 1], [0.025, 0.975])
    row = found.loc["model - human, Pearson r"]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), rel=1e-8)
    assert row["ci_method"] == "raters fixed, cluster bootstrap, percentile, 40 resamples"
    low, high = np.quantile(draws[:, 0], [0.025, 0.975])
    row = found.loc["mean pairwise Pearson r"]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), rel=1e-8)


def test_large_samples_reach_the_closed_forms() -> None:
    rng = np.random.default_rng(3)
    n, k, rater_variance, model_variance = 400_000, 3, 0.5, 0.3
    truth = rng.normal(size=n)
    table = truth[:, None] + rng.normal(0, math.sqrt(rater_variance), size=(n, k))
    prediction = truth + rng.normal(0, math.sqrt(model_variance), size=n)
    found = human_and_model(table, prediction, statistics=("Pearson r", "MAE"), n_resamples=0)
    estimate = found.set_index("statistic")["estimate"]
    others = 1 + rater_variance / (k - 1)
    assert estimate["mean pairwise Pearson r"] == pytest.approx(1 / (1 + rater_variance), abs=5e-3)
    wanted = 1 / math.sqrt((1 + rater_variance) * others)
    assert estimate["human, Pearson r"] == pytest.approx(wanted, abs=5e-3)
    wanted = 1 / math.sqrt((1 + model_variance) * others)
    assert estimate["model, Pearson r"] == pytest.approx(wanted, abs=5e-3)
    wanted = math.sqrt(2 / math.pi * (rater_variance + rater_variance / (k - 1)))
    assert estimate["human, MAE"] == pytest.approx(wanted, abs=5e-3)


@pytest.mark.parametrize(("used", "target"), [("one rater", 0), ("fixed panel", None)])
def test_the_truth_itself_reaches_the_ceiling(used: str, target: int | None) -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(size=100_000)
    table = truth[:, None] + rng.normal(0, 0.7, size=(truth.size, 3)) + np.array([0.0, 1.0, -2.0])
    wanted = table[:, target] if target is not None else table.mean(axis=1)
    row = reliability_ceiling(table, used=used, n_resamples=0).iloc[1]
    assert row["estimate"] == pytest.approx(np.corrcoef(truth, wanted)[0, 1], abs=5e-3)


def test_raters_who_vary_have_the_one_way_ceiling() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=20_000)
    bias = np.array([-1.0, 0.0, 1.0])
    place = rng.integers(0, 3, size=(truth.size, 2))
    table = truth[:, None] + bias[place] + rng.normal(0, 0.5, size=place.shape)
    row = reliability_ceiling(table, used="varying panel", n_resamples=0).iloc[1]
    assert row["estimate"] == pytest.approx(np.corrcoef(truth, table.mean(axis=1))[0, 1], abs=1e-2)


def test_ceiling_is_the_root_of_the_icc_with_its_limits() -> None:
    table, _ = drawn()
    reliability, ceiling = reliability_ceiling(table, used="fixed panel").to_dict("records")
    form = icc(table).set_index("statistic").loc["ICC(C,k)"]
    assert reliability["estimate"] == form["estimate"]
    for column in ("estimate", "ci_low", "ci_high"):
        assert ceiling[column] == pytest.approx(math.sqrt(form[column]), rel=1e-12)
    assert math.isnan(ceiling["p"])


def test_reliability_below_zero_has_a_ceiling_of_zero() -> None:
    table = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [1.5, 2.0], [2.0, 2.5]])
    ceiling = reliability_ceiling(table, used="one rater").iloc[1]
    assert ceiling["estimate"] == 0
    assert "reliability not above 0" in ceiling["flag"]


def test_a_rater_as_model_is_as_good_as_the_raters() -> None:
    """A model drawn as the raters are: the difference is about zero."""
    table, _ = drawn(50_000, 4)
    rater = table.pop("D") - 0.6
    found = human_and_model(table - 0.2 * np.arange(3), rater, n_resamples=0).set_index("statistic")
    for name in HUMAN_STATISTICS:
        assert found.loc[f"model - human, {name}", "estimate"] == pytest.approx(0, abs=0.01)


def test_repeats_are_averaged_after_the_statistic() -> None:
    table, first = drawn()
    _, second = drawn(seed=9)
    kwargs = {"n_resamples": 0, "statistics": ("Pearson r",)}
    both = human_and_model(table, np.column_stack([first, second]), **kwargs)
    single = [human_and_model(table, one, **kwargs).iloc[2]["estimate"] for one in (first, second)]
    assert both.iloc[2]["estimate"] == pytest.approx(np.mean(single), rel=1e-12)


def test_human_rows_do_not_depend_on_the_model() -> None:
    table, prediction = drawn()
    alone = human_and_model(table, n_resamples=50).set_index("statistic")
    beside = human_and_model(table, prediction, n_resamples=50).set_index("statistic")
    pd.testing.assert_frame_equal(alone, beside.loc[alone.index])


def test_rater_without_a_defined_statistic_leaves_both_averages() -> None:
    table, prediction = drawn()
    table["D"] = 3.0
    table.loc[table.index[4:], "D"] = np.nan
    found = human_and_model(table, prediction, statistics=("Pearson r",), n_resamples=0)
    row = found.set_index("statistic").loc["model, Pearson r"]
    assert row["flag"] == "not defined and left out: D"
    assert np.isfinite(row["estimate"])


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (np.arange(6.0)[:, None], "single rater"),
        (np.array([[1.0, np.nan], [np.nan, 2.0]]), "no subject has two ratings"),
        (np.full((5, 2), np.nan), "no subject has two ratings"),
    ],
)
def test_nothing_to_compare_is_told(table: np.ndarray, reason: str) -> None:
    with pytest.warns(AgreementWarning):
        found = human_and_model(table, np.arange(float(len(table))))
    assert found["estimate"].isna().all()
    assert set(found["flag"]) == {reason}
    assert len(found) == 16


def test_constant_ratings_give_no_r_and_a_true_mae() -> None:
    with pytest.warns(AgreementWarning):
        found = human_and_model(np.full((10, 2), 2.0), np.arange(10.0)).set_index("statistic")
    assert math.isnan(found.loc["model - human, Pearson r", "estimate"])
    assert found.loc["human, MAE", "estimate"] == 0


class TestVerdict:
    def test_non_inferior_if_the_lower_limit_exceeds_the_margin(self) -> None:
        table, prediction = drawn(300, model_error=0.3)
        found = non_inferiority(table, prediction, margin=0.1, prespecified=True, n_resamples=500)
        rows = human_and_model(table, prediction, n_resamples=500).set_index("statistic")
        assert found.lower_limit == rows.loc["model - human, CCC", "ci_low"] > -0.1
        assert found.verdict == "non-inferior"
        assert found.margin_origin == "pre-specified"
        assert "no proof that model and rater are equal" in found.wording

    def test_of_mae_less_is_better(self) -> None:
        table, prediction = drawn(300, model_error=0.3)
        found = non_inferiority(table, prediction, margin=0.1, statistic="MAE", n_resamples=500)
        rows = human_and_model(table, prediction, n_resamples=500).set_index("statistic")
        assert found.difference == -rows.loc["model - human, MAE", "estimate"] > 0
        assert found.lower_limit == -rows.loc["model - human, MAE", "ci_high"]
        assert found.verdict == "non-inferior"

    def test_a_poor_model_is_not_called_inferior(self) -> None:
        table, _ = drawn(100)
        found = non_inferiority(table, np.random.default_rng(0).normal(size=100), margin=0.1)
        assert found.verdict == "not shown"
        assert "no evidence that it is worse" in found.wording
        assert found.margin_origin == "margin chosen at analysis"

    def test_39_participants_are_too_few_and_40_are_not(self) -> None:
        for n, verdict in ((39, "none"), (40, "non-inferior")):
            table, prediction = drawn(n, model_error=0.2)
            found = non_inferiority(table, prediction, margin=0.2, n_resamples=300)
            assert found.verdict == verdict
        assert non_inferiority(*drawn(39), margin=0.2).reason.startswith("fewer than 40 participants")

    def test_sessions_do_not_count_as_participants(self) -> None:
        table, prediction = drawn(80)
        found = non_inferiority(table, prediction, margin=0.2, cluster=np.arange(80) // 4)
        assert (found.verdict, found.n_clusters) == ("none", 20)

    def test_one_rater_or_no_margin_give_no_verdict(self) -> None:
        table, prediction = drawn(60)
        with pytest.warns(AgreementWarning):
            found = non_inferiority(table[["A"]], prediction, margin=0.2)
        assert (found.verdict, found.reason) == ("none", "fewer than 2 raters")
        found = non_inferiority(table, prediction, margin=None)
        assert (found.verdict, found.reason) == ("none", "no margin is given")
        assert found.margin_origin == "no margin"

    @pytest.mark.parametrize("margin", [0.0, -0.1, math.nan, math.inf])
    def test_margin_must_be_positive(self, margin: float) -> None:
        with pytest.raises(AgreementError, match="above 0"):
            non_inferiority(*drawn(50), margin=margin)


def test_bad_input_is_refused() -> None:
    table, prediction = drawn()
    with pytest.raises(AgreementError, match="one prediction per subject"):
        human_and_model(table, prediction[:5])
    with pytest.raises(AgreementError, match="Unknown statistic"):
        human_and_model(table, statistics=("kappa",))
    with pytest.raises(AgreementError, match="same index"):
        human_and_model(table, pd.Series(prediction, index=range(5, 65)))
    with pytest.raises(AgreementError, match="Unknown use"):
        reliability_ceiling(table, used="panel")
