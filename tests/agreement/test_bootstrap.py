"""The bootstrap by weights against the plain loop, and its intervals against definitions."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emoclip_clinic.agreement import (
    STATISTICS,
    agreement_table,
    bland_altman,
    calibration,
    ccc,
    cluster_bootstrap,
    error_metrics,
    icc,
    kendall,
    pearson,
    rm_corr,
    spearman,
    to_categories,
    weighted_kappa,
)
from emoclip_clinic.agreement.resampling import count_blocks, limits
from emoclip_clinic.agreement.weighted import WeightedStatistics
from emoclip_clinic.errors import AgreementError

pytestmark = pytest.mark.filterwarnings("ignore::emoclip_clinic.agreement.AgreementWarning")

STEPS = range(1, 8)


def all_estimates(
    x: np.ndarray, y: np.ndarray, cluster: np.ndarray, baseline: np.ndarray
) -> dict[str, float]:
    """Every named statistic from its own public function."""
    options = {"cluster": cluster, "n_resamples": 0}
    rounded = to_categories(y, STEPS)
    codes = pd.factorize(cluster)[0]
    size = np.bincount(codes)
    frames = [
        pearson(x, y, **options),
        spearman(x, y, **options),
        kendall(x, y, **options),
        ccc(x, y, **options),
        icc(np.column_stack([x, y])),
        bland_altman(x, y, **options),
        error_metrics(x, y, baseline=baseline, categories=STEPS, **options),
        calibration(x, y, **options),
        rm_corr(x, y, cluster=cluster),
        *(weighted_kappa(x, rounded, weights=w, **options) for w in ("none", "linear", "quadratic")),
    ]
    between = pearson(np.bincount(codes, x) / size, np.bincount(codes, y) / size)
    frames.append(between.assign(statistic="Pearson r of participant means"))
    joined = pd.concat(frames).set_index("statistic")["estimate"]
    return joined.rename(
        {"share within 1": "share within", "share within 1, rounded": "share within, rounded"}
    )


@pytest.mark.parametrize("clustered", [True, False])
@pytest.mark.parametrize("continuous", [True, False])
def test_weights_give_what_copied_participants_give(
    sessions: pd.DataFrame, clustered: bool, continuous: bool
) -> None:
    x = sessions["rating"].to_numpy()
    y = sessions["prediction"].to_numpy()
    y = y if continuous else to_categories(y, STEPS)
    codes = pd.factorize(sessions["participant_id"])[0] if clustered else np.arange(x.size)
    n_clusters = codes.max() + 1
    baseline = np.linspace(3, 5, x.size)
    fast = WeightedStatistics(
        x[:, None],
        y[:, None],
        names=STATISTICS,
        codes=codes,
        n_clusters=n_clusters,
        baseline=baseline[:, None],
        rounded=to_categories(y, STEPS)[:, None],
    )
    for weights in next(count_blocks(n_clusters, 4, width=1, seed=1)):
        drawn = np.repeat(np.arange(n_clusters), weights.astype(int))
        rows = [np.flatnonzero(codes == cluster) for cluster in drawn]
        copies = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
        take = np.concatenate(rows)
        slow = all_estimates(x[take], y[take], copies, baseline[take])
        found = fast.evaluate(weights[None])[0, :, 0]
        for name, value in zip(STATISTICS, found, strict=True):
            assert value == pytest.approx(slow[name], rel=1e-9, abs=1e-12, nan_ok=True), name


def test_estimates_equal_the_public_functions_for_every_statistic(sessions: pd.DataFrame) -> None:
    cluster = sessions["participant_id"]
    baseline = np.full(len(sessions), 4.0)
    frame = cluster_bootstrap(
        sessions["rating"],
        sessions["prediction"],
        cluster=cluster,
        baseline=baseline,
        categories=STEPS,
        n_resamples=10,
    )
    slow = all_estimates(
        sessions["rating"].to_numpy(), sessions["prediction"].to_numpy(), cluster.to_numpy(), baseline
    )
    found = frame.set_index("statistic")["estimate"].rename(
        {"share within 1": "share within", "share within 1, rounded": "share within, rounded"}
    )
    assert set(found.index) == set(STATISTICS)
    for name in STATISTICS:
        assert found[name] == pytest.approx(slow[name], rel=1e-10)


def test_intervals_equal_the_plain_loop(sessions: pd.DataFrame) -> None:
    x, y = sessions["rating"].to_numpy(), sessions["prediction"].to_numpy()
    codes = pd.factorize(sessions["participant_id"])[0]
    frame = cluster_bootstrap(
        x, y, cluster=codes, statistics=["Pearson r", "MAE"], n_resamples=200, seed=3, confidence=0.9
    )
    generator = np.random.default_rng(3)
    draws = []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(codes == c) for c in generator.integers(0, 40, 40)])
        draws.append((stats.pearsonr(x[rows], y[rows])[0], np.abs(x[rows] - y[rows]).mean()))
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    assert frame["ci_low"].to_numpy() == pytest.approx(low, rel=1e-10)
    assert frame["ci_high"].to_numpy() == pytest.approx(high, rel=1e-10)
    assert (frame["n_clusters"] == 40).all()


def test_bca_equals_scipy_for_independent_observations() -> None:
    generator = np.random.default_rng(8)
    x = generator.normal(0, 1, 30)
    y = x + generator.exponential(1, 30)
    frame = cluster_bootstrap(x, y, statistics=["MAE"], interval="bca", n_resamples=4000)
    theirs = stats.bootstrap(
        (np.abs(y - x),), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    # Two independent sets of 4,000 resamples differ by some 1 % of the width.
    width = theirs.high - theirs.low
    assert frame["ci_low"][0] == pytest.approx(theirs.low, abs=0.05 * width)
    assert frame["ci_high"][0] == pytest.approx(theirs.high, abs=0.05 * width)


def test_bca_follows_efrons_formula() -> None:
    generator = np.random.default_rng(4)
    draws = generator.gamma(3, 1, 5000)
    jackknife = generator.gamma(2, 1, 20)
    low, high, _ = limits(draws, 2.8, confidence=0.95, interval="bca", jackknife=jackknife)
    z0 = stats.norm.ppf(np.mean(draws < 2.8))
    d = jackknife.mean() - jackknife
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    tails = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in stats.norm.ppf([0.025, 0.975])]
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, tails)), rel=1e-12)


def test_paired_differences_use_the_same_participants(sessions: pd.DataFrame) -> None:
    x, y, cluster = sessions["rating"], sessions["prediction"], sessions["participant_id"]
    same = cluster_bootstrap(x, y, cluster=cluster, other=y, n_resamples=50)
    assert (same[["estimate", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert (same["p"] == 1).all()
    worse = y + np.random.default_rng(0).normal(0, 2, len(y))
    frame = cluster_bootstrap(x, y, cluster=cluster, other=worse, statistics=["MAE", "CCC"], n_resamples=500)
    assert frame["statistic"].tolist() == ["MAE, difference", "CCC, difference"]
    assert frame["ci_high"][0] < 0 < frame["ci_low"][1]
    assert (frame["p"] == 2 / 501).all()
    mirrored = cluster_bootstrap(x, worse, cluster=cluster, other=y, statistics=["MAE"], n_resamples=500)
    assert mirrored["ci_low"][0] == pytest.approx(-frame["ci_high"][0], rel=1e-10)


def test_two_models_are_compared_on_what_both_predict() -> None:
    x = np.arange(8.0)
    first, second = x + 1, x + 2
    first[0], second[7] = np.nan, np.nan
    frame = cluster_bootstrap(x, first, other=second, statistics=["MAE"], n_resamples=20)
    assert frame["n"][0] == 6
    assert frame["estimate"][0] == -1


def test_any_function_can_be_resampled(sessions: pd.DataFrame) -> None:
    frame = cluster_bootstrap(
        sessions["rating"],
        sessions["prediction"],
        cluster=sessions["participant_id"],
        statistics=["Pearson r"],
        custom={"own r": lambda a, b: float(np.corrcoef(a, b)[0, 1])},
        interval="bca",
        n_resamples=100,
    ).set_index("statistic")
    for name in ("estimate", "ci_low", "ci_high"):
        assert frame.loc["own r", name] == pytest.approx(frame.loc["Pearson r", name], rel=1e-9)


def test_blocks_do_not_change_the_draws() -> None:
    whole = np.concatenate(list(count_blocks(12, 50, width=1, seed=9)))
    pieces = list(count_blocks(12, 50, width=300_000, seed=9))
    assert len(pieces) > 1
    assert np.array_equal(np.concatenate(pieces), whole)
    assert (whole.sum(axis=1) == 12).all()


def test_items_share_resamples_and_miss_their_own_values() -> None:
    generator = np.random.default_rng(0)
    rating = pd.DataFrame(generator.integers(1, 8, (30, 2)), columns=["n1", "n2"]).astype(float)
    prediction = rating + generator.normal(0, 1, (30, 2))
    both = cluster_bootstrap(rating, prediction, statistics=["MAE", "Spearman rho"], n_resamples=100)
    alone = cluster_bootstrap(
        rating[["n2"]], prediction[["n2"]], statistics=["MAE", "Spearman rho"], n_resamples=100
    )
    pd.testing.assert_frame_equal(both[both["item"] == "n2"].reset_index(drop=True), alone)
    rating.loc[3, "n1"] = np.nan
    frame = cluster_bootstrap(rating, prediction, statistics=["MAE"], n_resamples=100)
    assert frame["n"].tolist() == [29, 30]


def test_each_item_has_its_own_scale() -> None:
    rating = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.0, 2, 2, 0]})
    prediction = pd.DataFrame({"a": [1.4, 2.6, 2.9, 9.0], "b": [0.9, 1.2, 3.0, -1.0]})
    scales = {"a": range(1, 5), "b": [0, 2]}
    table = agreement_table(rating, prediction, categories=scales, n_resamples=20)
    kappa = table.set_index(["statistic", "item"])["estimate"]["quadratic weighted kappa"]
    assert kappa["b"] == 1
    assert kappa["a"] == pytest.approx(ccc([1, 2, 3, 4], [1, 3, 3, 4])["estimate"][0])
    with pytest.raises(AgreementError, match="Every item needs its categories"):
        agreement_table(rating, prediction, categories={"a": range(1, 5)}, n_resamples=20)


def test_the_table_keeps_textbook_intervals_for_single_sessions(peak_flow: pd.DataFrame) -> None:
    x, y = peak_flow["wright"], peak_flow["mini"]
    table = agreement_table(x, y, n_resamples=100).set_index("statistic")
    assert table.loc["Pearson r", "ci_method"] == "Fisher z"
    assert table.loc["CCC", "ci_low"] == pytest.approx(ccc(x, y)["ci_low"][0])
    assert table.loc["MAE", "ci_method"] == "bootstrap, percentile, 100 resamples"
    assert "repeated-measures r" not in table.index


def test_the_table_resamples_participants_where_sessions_repeat(sessions: pd.DataFrame) -> None:
    x, y, cluster = sessions["rating"], sessions["prediction"], sessions["participant_id"]
    table = agreement_table(x, y, cluster=cluster, n_resamples=100, seed=2).set_index("statistic")
    alone = pearson(x, y, cluster=cluster, n_resamples=100, seed=2).iloc[0]
    assert table.loc["Pearson r", "ci_low"] == pytest.approx(alone["ci_low"], rel=1e-10)
    assert table.loc["CCC", "ci_method"] == "cluster bootstrap, percentile, 100 resamples"
    assert table.loc["upper limit of agreement", "ci_method"] == "MOVER (Zou 2013)"
    assert table.loc["Pearson r of participant means", "n"] == 40
    assert table["ci_low"].notna().all()


def test_intervals_cover_the_truth_with_repeated_sessions() -> None:
    # r = 0.6 between latent rating and prediction of participants, plus independent session noise.
    generator = np.random.default_rng(21)
    covered, total = 0, 120
    truth = 0.6 / 1.5
    for _ in range(total):
        level = generator.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 60)
        codes = np.repeat(np.arange(60), generator.integers(1, 5, 60))
        x = level[codes, 0] + generator.normal(0, math.sqrt(0.5), codes.size)
        y = level[codes, 1] + generator.normal(0, math.sqrt(0.5), codes.size)
        frame = cluster_bootstrap(x, y, cluster=codes, statistics=["Pearson r"], n_resamples=400)
        covered += frame["ci_low"][0] <= truth <= frame["ci_high"][0]
    assert 0.87 <= covered / total <= 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistics": ["Pearson"]}, "Did you mean 'Pearson r'"),
        ({"statistics": ["skill"]}, "needs baseline="),
        ({"statistics": ["Cohen's kappa"]}, "needs categories="),
        ({"n_resamples": 0}, "1 or more"),
        ({"interval": "basic"}, "percentile"),
        ({"categories": [3, 2, 1]}, "increasing"),
        ({"other": [1, 2]}, "same shape"),
    ],
)
def test_impossible_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(AgreementError, match=message):
        cluster_bootstrap([1, 2, 3, 4], [1, 2, 3, 5], **options)
