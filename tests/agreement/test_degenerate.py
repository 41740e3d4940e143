"""Data that leave a statistic undefined or trivial: NaN with a warning, or 0 with a flag, no exception."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.agreement import (
    AgreementWarning,
    agreement_table,
    bland_altman,
    calibration,
    ccc,
    cluster_bootstrap,
    error_metrics,
    icc,
    kendall,
    kendall_w,
    krippendorff_alpha,
    pearson,
    rm_corr,
    spearman,
    weighted_kappa,
    williams_test,
)

VARYING = np.array([1.0, 2, 3, 4, 5, 6])
CONSTANT = np.full(6, 3.0)


@pytest.mark.parametrize("statistic", [pearson, spearman, kendall])
def test_a_correlation_with_a_constant_column_is_zero_over_zero(statistic) -> None:
    for x, y in ((VARYING, CONSTANT), (CONSTANT, VARYING), (CONSTANT, CONSTANT)):
        with pytest.warns(AgreementWarning, match="constant column"):
            frame = statistic(x, y)
        assert math.isnan(frame["estimate"][0])
        assert frame["flag"][0] == "constant column"


@pytest.mark.parametrize("value", [3.0, 0.1, 1 / 3, 1e6 + 0.1])
def test_a_formula_that_gives_zero_is_zero_with_a_flag(value: float) -> None:
    # The variance of six times 0.1 is not exactly 0 in floating point; the result must be.
    flat = np.full(6, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x, y in ((VARYING, flat), (flat, VARYING)):
            forms = icc(np.column_stack([x, y])).set_index("statistic")
            for found in (
                ccc(x, y).iloc[0],
                weighted_kappa(x, y).iloc[0],
                weighted_kappa(x, y, weights="none").iloc[0],
                forms.loc["ICC(A,1)"],
                forms.loc["ICC(C,1)"],
            ):
                assert found["estimate"] == 0
                assert "constant column" in found["flag"]


def test_two_equal_constants_are_zero_over_zero_and_two_different_ones_are_not() -> None:
    for frame_of in (ccc, weighted_kappa):
        with pytest.warns(AgreementWarning):
            assert math.isnan(frame_of(CONSTANT, CONSTANT)["estimate"][0])
        assert frame_of(CONSTANT, CONSTANT + 1)["estimate"][0] == 0
    with pytest.warns(AgreementWarning):
        forms = icc(np.column_stack([CONSTANT, CONSTANT + 1])).set_index("statistic")["estimate"]
    assert forms["ICC(A,1)"] == 0
    assert forms["ICC(1)"] == -1
    assert math.isnan(forms["ICC(C,1)"])


def test_slope_on_a_constant_prediction_is_nan_and_of_a_constant_rating_zero() -> None:
    with pytest.warns(AgreementWarning, match="calibration slope"):
        frame = calibration(VARYING, CONSTANT).set_index("statistic")
    assert math.isnan(frame.loc["calibration slope", "estimate"])
    assert frame.loc["calibration-in-the-large", "estimate"] == 0.5
    flat = calibration(CONSTANT, VARYING).set_index("statistic")
    assert flat.loc["calibration slope", "estimate"] == 0
    assert flat.loc["calibration intercept", "estimate"] == 3


def test_constant_ratings_have_no_explained_variance() -> None:
    with pytest.warns(AgreementWarning, match="R2"):
        frame = error_metrics(CONSTANT, VARYING, n_resamples=0).set_index("statistic")
    assert frame.loc["R2", "flag"] == "constant rating"
    assert frame.loc["MAE", "estimate"] == 1.5


def test_a_perfect_baseline_has_no_skill_above_it() -> None:
    with pytest.warns(AgreementWarning, match="baseline has no error"):
        frame = error_metrics(VARYING, VARYING + 1, baseline=VARYING, n_resamples=0)
    assert math.isnan(frame.set_index("statistic").loc["skill", "estimate"])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_observations_are_nan_with_the_reason(n: int) -> None:
    x, y = VARYING[:n], VARYING[:n] ** 2
    reason = "all missing" if n == 0 else "fewer than 3 observations"
    for statistic in (pearson, spearman, kendall):
        with pytest.warns(AgreementWarning, match=reason):
            assert math.isnan(statistic(x, y)["estimate"][0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgreementWarning)
        table = agreement_table(x, y, categories=range(1, 8), n_resamples=20)
    assert len(table) > 15


def test_three_observations_have_a_correlation_without_an_interval() -> None:
    found = pearson([1, 2, 3], [1, 3, 2]).iloc[0]
    assert found["estimate"] == pytest.approx(0.5)
    assert math.isnan(found["ci_low"])
    assert found["flag"] == "too few observations for an interval"


def test_all_missing_is_a_row_of_nan_everywhere() -> None:
    nothing = np.full(5, np.nan)
    with pytest.warns(AgreementWarning, match="all missing"):
        table = agreement_table(nothing, nothing, n_resamples=10)
    assert table["estimate"].isna().all()
    assert (table["n"] == 0).all()
    for interval in ("percentile", "bca"):
        with pytest.warns(AgreementWarning, match="all missing"):
            table = cluster_bootstrap(nothing, nothing, interval=interval, other=nothing, n_resamples=10)
        assert table["estimate"].isna().all()
    for statistic in (icc, krippendorff_alpha, kendall_w):
        with pytest.warns(AgreementWarning, match="all missing"):
            assert statistic(np.full((5, 3), np.nan))["estimate"].isna().all()


@pytest.mark.parametrize("statistic", [icc, krippendorff_alpha, kendall_w])
def test_a_single_rater_agrees_with_nobody(statistic) -> None:
    with pytest.warns(AgreementWarning, match="single rater"):
        frame = statistic(VARYING[:, None])
    assert frame["estimate"].isna().all()
    if statistic is not kendall_w:
        with pytest.warns(AgreementWarning, match=r"single rater|no subject has two ratings"):
            frame = statistic(np.column_stack([VARYING, np.full(6, np.nan)]))
        assert frame["estimate"].isna().all()


def test_ratings_that_are_all_equal_leave_reliability_undefined() -> None:
    for statistic in (icc, krippendorff_alpha):
        with pytest.warns(AgreementWarning, match="all ratings equal"):
            assert statistic(np.full((6, 3), 2.0))["estimate"].isna().all()


def test_a_reversed_scale_is_the_worst_agreement() -> None:
    reversed_scale = 7 - VARYING
    assert pearson(VARYING, reversed_scale)["estimate"][0] == pytest.approx(-1)
    assert spearman(VARYING, reversed_scale)["estimate"][0] == pytest.approx(-1)
    assert kendall(VARYING, reversed_scale)["estimate"][0] == pytest.approx(-1)
    assert ccc(VARYING, reversed_scale)["estimate"][0] == pytest.approx(-1)
    assert weighted_kappa(VARYING, reversed_scale)["estimate"][0] == pytest.approx(-1)
    with pytest.warns(AgreementWarning, match="all means equal"):
        frame = bland_altman(VARYING, reversed_scale).set_index("statistic")
    assert frame.loc["bias", "estimate"] == 0


def test_differences_that_are_all_equal_have_limits_at_the_bias() -> None:
    with pytest.warns(AgreementWarning):
        frame = bland_altman(VARYING, VARYING + 2).set_index("statistic")
    assert frame.loc["upper limit of agreement", "estimate"] == 2
    assert frame.loc["SD of differences", "estimate"] == 0
    assert "all differences equal" in frame.loc["SD of differences", "flag"]


def test_within_participant_correlation_needs_repeats_and_change() -> None:
    with pytest.warns(AgreementWarning, match="one session per participant"):
        assert math.isnan(rm_corr(VARYING, VARYING**2, cluster=np.arange(6))["estimate"][0])
    cluster = np.repeat(np.arange(3), 2)
    with pytest.warns(AgreementWarning, match="constant within participants"):
        assert math.isnan(rm_corr(cluster * 1.0, VARYING, cluster=cluster)["estimate"][0])


def test_williams_with_repeated_sessions_gives_the_difference_and_the_reason() -> None:
    generator = np.random.default_rng(0)
    x, a, b = generator.normal(size=(3, 12))
    repeated = williams_test(x, a, other=b, cluster=np.arange(12) // 2).iloc[0]
    plain = williams_test(x, a, other=b).iloc[0]
    assert repeated["estimate"] == plain["estimate"]
    assert math.isnan(repeated["p"])
    assert "several sessions" in repeated["flag"]
    assert 0 < plain["p"] < 1
    with pytest.warns(AgreementWarning, match="constant column"):
        assert math.isnan(williams_test(x, a, other=np.ones(12))["estimate"][0])


def test_resamples_without_variance_are_counted() -> None:
    # One of six ratings differs: it is absent from (5/6)^6 = 33 % of the resamples.
    rating = np.array([1.0, 1, 1, 1, 1, 2])
    frame = cluster_bootstrap(rating, VARYING, statistics=["Pearson r", "CCC"], n_resamples=2000)
    undefined = int(frame["flag"][0].split()[2])
    assert undefined == pytest.approx(2000 * (5 / 6) ** 6, abs=100)
    assert frame["flag"][1] == ""


def test_one_participant_has_no_interval() -> None:
    frame = cluster_bootstrap(VARYING, VARYING**2, cluster=["a"] * 6, statistics=["MAE"], n_resamples=20)
    assert frame["flag"][0] == "fewer than 2 participants"
    assert frame["estimate"][0] == pytest.approx(np.mean(VARYING**2 - VARYING))


def test_infinite_predictions_are_left_out_and_said() -> None:
    prediction = VARYING.copy()
    prediction[2] = np.inf
    found = pearson(VARYING, prediction).iloc[0]
    assert found["n"] == 5
    assert found["flag"] == "1 infinite values left out"


def test_a_table_of_many_items_survives_any_column() -> None:
    generator = np.random.default_rng(1)
    rating = pd.DataFrame(
        {
            "good": generator.integers(1, 8, 40),
            "floor": np.ones(40),
            "missing": np.full(40, np.nan),
            "single": [4.0] + [np.nan] * 39,
            "perfect": generator.integers(1, 8, 40),
        }
    ).astype(float)
    prediction = rating + generator.normal(0, 1, rating.shape)
    prediction["perfect"] = rating["perfect"]
    for cluster in (None, np.arange(40) // 2):
        for interval in ("percentile", "bca"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AgreementWarning)
                table = agreement_table(
                    rating,
                    prediction,
                    cluster=cluster,
                    categories=range(1, 8),
                    baseline=rating * 0 + 4,
                    interval=interval,
                    n_resamples=60,
                )
            assert len(set(table.groupby("item").size())) == 1
            estimates = table.set_index(["item", "statistic"])["estimate"]
            assert estimates["floor", "CCC"] == 0
            assert math.isnan(estimates["floor", "Pearson r"])
            assert estimates["perfect", "CCC"] == pytest.approx(1)
            assert estimates["missing"].isna().all()
            assert (table.loc[table["estimate"].isna(), "flag"] != "").all()
