"""Correlation, CCC, Bland-Altman, kappa, errors, calibration: R literals and transcriptions."""

import math

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from emoclip_clinic.agreement import (
    COLUMNS,
    agreement_table,
    bland_altman,
    calibration,
    ccc,
    error_metrics,
    kendall,
    pearson,
    rm_corr,
    spearman,
    to_categories,
    weighted_kappa,
)
from emoclip_clinic.agreement.difference_components import components, limit_intervals
from emoclip_clinic.agreement.kappas import kappa_errors
from emoclip_clinic.errors import AgreementError


def row(frame: pd.DataFrame, statistic: str) -> pd.Series:
    return frame.set_index("statistic").loc[statistic]


@pytest.mark.oracle
def test_correlations_equal_r(peak_flow: pd.DataFrame) -> None:
    x, y = peak_flow["wright"], peak_flow["mini"]
    # cor.test(wright, mini)
    r = row(pearson(x, y), "Pearson r")
    assert r["estimate"] == pytest.approx(0.943279446890946, rel=1e-12)
    assert r["p"] == pytest.approx(1.39950133988701e-08, rel=1e-10)
    assert (r["ci_low"], r["ci_high"]) == pytest.approx((0.846358808792465, 0.979731337351924), rel=1e-10)
    # cor.test(wright, mini, method = "spearman", exact = FALSE)
    rho = row(spearman(x, y), "Spearman rho")
    assert (rho["estimate"], rho["p"]) == pytest.approx((0.899509803921569, 8.96481837550701e-07), rel=1e-10)
    # cor.test(wright, mini, method = "kendall", exact = FALSE)
    tau = row(kendall(x, y), "Kendall tau-b")
    assert (tau["estimate"], tau["p"]) == pytest.approx((0.764705882352941, 1.83535438231108e-05), rel=1e-10)


@pytest.mark.oracle
def test_ccc_equals_r(peak_flow: pd.DataFrame) -> None:
    # epiR::epi.ccc(wright, mini, ci = "z-transform")
    found = row(ccc(peak_flow["wright"], peak_flow["mini"]), "CCC")
    wanted = (0.942742431427484, 0.85049187316856, 0.978726279170122)
    assert (found["estimate"], found["ci_low"], found["ci_high"]) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.oracle
def test_bland_altman_equals_r(peak_flow: pd.DataFrame) -> None:
    # BlandAltmanLeh::bland.altman.stats(mini, wright): difference = mini - wright, 1.96
    frame = bland_altman(
        peak_flow["wright"], peak_flow["mini"], multiplier=1.96, limits_interval="bland-altman-1986"
    )
    bias, lower = row(frame, "bias"), row(frame, "lower limit of agreement")
    assert bias["estimate"] == pytest.approx(2.11764705882353, rel=1e-12)
    assert (bias["ci_low"], bias["ci_high"]) == pytest.approx(
        (-17.8135435789981, 22.0488376966452), rel=1e-10
    )
    assert lower["estimate"] == pytest.approx(-73.8620074934469, rel=1e-12)
    assert (lower["ci_low"], lower["ci_high"]) == pytest.approx(
        (-108.383842333495, -39.3401726533987), rel=1e-10
    )


def test_exact_limits_have_their_coverage_by_the_noncentral_t() -> None:
    # Carkeet 2015: at the exact lower confidence limit, the observed upper limit has probability 2.5 %.
    x = np.arange(12.0) ** 1.5
    d = np.array([1.2, -0.4, 0.3, 2.2, -1.0, 0.9, 0.1, 1.5, -0.7, 0.6, 2.0, -0.2])
    upper = row(bland_altman(x, x + d), "upper limit of agreement")
    n, mean, sd, z = 12, d.mean(), d.std(ddof=1), stats.norm.isf(0.025)
    for limit, probability in ((upper["ci_low"], 0.025), (upper["ci_high"], 0.975)):
        assert stats.nct.cdf(math.sqrt(n) * (limit - mean) / sd, n - 1, z * math.sqrt(n)) == pytest.approx(
            probability, abs=1e-9
        )


@pytest.mark.oracle
def test_weighted_kappa_equals_r() -> None:
    # a <- c(1,2,3,4,5,5,4,3,2,1,1,2); b <- c(1,2,3,4,5,4,4,2,2,1,2,3)
    # The closed forms of Fleiss, Cohen & Everitt 1969, by hand from the 5 x 5 table.
    a = np.array([1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 1, 2], dtype=float)
    b = np.array([1, 2, 3, 4, 5, 4, 4, 2, 2, 1, 2, 3], dtype=float)
    for weights, power in (("linear", 1), ("quadratic", 2)):
        distance = np.abs(a[:, None] - b) ** power
        expected = distance.mean()
        observed = np.diag(distance).mean()
        assert weighted_kappa(a, b, weights=weights)["estimate"][0] == pytest.approx(
            1 - observed / expected, rel=1e-12
        )


def naive_kappa_error(a: np.ndarray, b: np.ndarray, power: int) -> float:
    """Fleiss, Cohen & Everitt 1969, equation 12, cell by cell."""
    steps = np.arange(1, 6)
    n = a.size
    p = np.array([[np.mean((a == i) & (b == j)) for j in steps] for i in steps])
    w = 1 - np.abs(steps[:, None] - steps) ** power / 4**power
    rows, columns = p.sum(1), p.sum(0)
    po, pe = (w * p).sum(), (w * np.outer(rows, columns)).sum()
    kappa = (po - pe) / (1 - pe)
    total = 0.0
    for i in range(5):
        for j in range(5):
            row_mean = sum(columns[m] * w[i, m] for m in range(5))
            column_mean = sum(rows[m] * w[m, j] for m in range(5))
            total += p[i, j] * (w[i, j] - (row_mean + column_mean) * (1 - kappa)) ** 2
    return math.sqrt((total - (kappa - pe * (1 - kappa)) ** 2) / n) / (1 - pe)


@pytest.mark.parametrize(("weights", "power"), [("linear", 1), ("quadratic", 2)])
def test_kappa_interval_equals_the_transcribed_formula(weights: str, power: int) -> None:
    generator = np.random.default_rng(3)
    a = generator.integers(1, 6, 60)
    b = np.clip(a + generator.integers(-1, 2, 60), 1, 5)
    found = weighted_kappa(a, b, weights=weights).iloc[0]
    half = (found["ci_high"] - found["ci_low"]) / 2
    assert half / stats.norm.isf(0.025) == pytest.approx(naive_kappa_error(a, b, power), rel=1e-10)


@pytest.mark.oracle
@pytest.mark.parametrize(("weights", "power"), [("none", 0), ("linear", 1), ("quadratic", 2)])
def test_statsmodels_gives_the_same_errors_of_kappa(weights: str, power: int) -> None:
    generator = np.random.default_rng(6)
    a = generator.integers(1, 6, 80)
    b = np.clip(a + generator.integers(-1, 2, 80), 1, 5)
    table = pd.crosstab(a, b).to_numpy()
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    theirs = cohens_kappa(table, weights=distance**power / 4**power if power else (distance > 0) * 1.0)
    kappa, error, null_error = kappa_errors(a.astype(float), b.astype(float), weights)
    assert (kappa, error, null_error) == pytest.approx(
        (theirs.kappa, theirs.std_kappa, theirs.std_kappa0), rel=1e-9
    )


def test_an_unused_step_keeps_its_distance() -> None:
    # Nobody used 2; vcd and irr would number 1, 3, 4 as 1, 2, 3.
    a, b = np.array([1.0, 3, 4, 3, 1, 4]), np.array([1.0, 3, 4, 4, 3, 4])
    steps = weighted_kappa(a, b, weights="linear", categories=range(1, 5))
    disagreement = (1 + 2) / 6
    expected = np.abs(a[:, None] - b).mean()
    assert steps["estimate"][0] == pytest.approx(1 - disagreement / expected)


def test_values_off_the_scale_make_kappa_nan_with_the_reason() -> None:
    with pytest.warns(UserWarning, match="not on the scale"):
        frame = weighted_kappa([1, 2, 3], [1, 2.5, 3], categories=[1, 2, 3])
    assert math.isnan(frame["estimate"][0])
    assert "1 values are not on the scale" in frame["flag"][0]


def test_rounding_goes_half_up_and_stays_on_the_scale() -> None:
    moved = to_categories([0.2, 1.5, 2.5, 2.49, 9.0, np.nan], range(1, 8))
    assert moved.tolist()[:5] == [1, 2, 3, 2, 7]
    assert math.isnan(moved[5])


@pytest.mark.oracle
def test_pingouin_gives_the_same_on_its_ground(sessions: pd.DataFrame) -> None:
    one = sessions.groupby("participant_id").first()
    theirs = pingouin.corr(one["rating"], one["prediction"])
    assert pearson(one["rating"], one["prediction"])["estimate"][0] == pytest.approx(theirs["r"].iloc[0])
    theirs = pingouin.rm_corr(data=sessions, x="rating", y="prediction", subject="participant_id")
    ours = rm_corr(sessions["rating"], sessions["prediction"], cluster=sessions["participant_id"]).iloc[0]
    assert ours["estimate"] == pytest.approx(theirs["r"].iloc[0], rel=1e-8)
    assert ours["p"] == pytest.approx(theirs["pval"].iloc[0], rel=1e-6)


def naive_repeated_limits(difference: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """Bland & Altman 2007, section 3, participant by participant."""
    groups = [difference[codes == code] for code in np.unique(codes)]
    total, n = difference.size, len(groups)
    grand = difference.mean()
    between = sum(len(g) * (g.mean() - grand) ** 2 for g in groups) / (n - 1)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (total - n)
    size = (total**2 - sum(len(g) ** 2 for g in groups)) / ((n - 1) * total)
    variance = max((between - within) / size, 0) + within
    return grand - 1.959963984540054 * math.sqrt(variance), grand + 1.959963984540054 * math.sqrt(variance)


def test_repeated_limits_equal_the_transcribed_formula(sessions: pd.DataFrame) -> None:
    codes = pd.factorize(sessions["participant_id"])[0]
    frame = bland_altman(
        sessions["rating"], sessions["prediction"], cluster=sessions["participant_id"], n_resamples=0
    )
    wanted = naive_repeated_limits((sessions["prediction"] - sessions["rating"]).to_numpy(), codes)
    found = (
        row(frame, "lower limit of agreement")["estimate"],
        row(frame, "upper limit of agreement")["estimate"],
    )
    assert found == pytest.approx(wanted, rel=1e-12)
    assert row(frame, "lower limit of agreement")["ci_method"] == "MOVER (Zou 2013)"


def test_repeated_form_with_one_session_each_is_the_plain_form(peak_flow: pd.DataFrame) -> None:
    x, y = peak_flow["wright"], peak_flow["mini"]
    plain = bland_altman(x, y)
    pd.testing.assert_frame_equal(plain, bland_altman(x, y, cluster=np.arange(len(x))))
    difference = (y - x).to_numpy()
    parts = components(difference, np.arange(difference.size))
    assert parts.sd == pytest.approx(difference.std(ddof=1), rel=1e-12)
    assert parts.bias_error == pytest.approx(difference.std(ddof=1) / math.sqrt(difference.size), rel=1e-12)
    assert parts.bias == components(difference, np.arange(difference.size), mean_over="participants").bias


def test_mover_limits_cover_in_balanced_repeated_data() -> None:
    # True upper limit: 1.96 * sqrt(1 + 0.5); 400 data sets of 30 participants x 3 sessions.
    generator = np.random.default_rng(11)
    truth = stats.norm.isf(0.025) * math.sqrt(1.5)
    codes = np.repeat(np.arange(30), 3)
    covered = 0
    for _ in range(400):
        d = generator.normal(0, 1, 30)[codes] + generator.normal(0, math.sqrt(0.5), 90)
        low, high = limit_intervals(components(d, codes), stats.norm.isf(0.025), 0.95, "mover")[1]
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_negative_between_variance_is_floored_and_flagged() -> None:
    # Each participant's differences are +1 and -1: the means do not differ at all.
    cluster = np.repeat(np.arange(5), 2)
    y = np.tile([1.0, -1.0], 5) + np.repeat(np.arange(5.0), 2)
    frame = bland_altman(np.repeat(np.arange(5.0), 2), y, cluster=cluster, n_resamples=0)
    assert row(frame, "SD between participants")["estimate"] == 0
    assert "negative, set to 0" in row(frame, "SD of differences")["flag"]
    assert row(frame, "SD of differences")["estimate"] == pytest.approx(math.sqrt(2))


def test_only_mover_is_offered_for_repeated_sessions(sessions: pd.DataFrame) -> None:
    with pytest.raises(AgreementError, match="mover"):
        bland_altman(
            sessions["rating"],
            sessions["prediction"],
            cluster=sessions["participant_id"],
            limits_interval="exact",
        )


def test_log_limits_are_ratios() -> None:
    x = np.array([1.0, 2, 3, 5, 8, 13])
    y = x * np.array([1.1, 0.9, 1.2, 1.0, 0.8, 1.3])
    frame = bland_altman(x, y, log=True)
    plain = bland_altman(np.log(x), np.log(y))
    assert row(frame, "bias, ratio")["estimate"] == pytest.approx(math.exp(row(plain, "bias")["estimate"]))
    assert row(frame, "upper limit of agreement, ratio")["ci_high"] == pytest.approx(
        math.exp(row(plain, "upper limit of agreement")["ci_high"])
    )
    with pytest.warns(UserWarning, match="positive"):
        bland_altman([0, 1, 2], [1, 2, 3], log=True)


def test_a_calibrated_model_slopes_on_the_mean_and_is_still_calibrated() -> None:
    generator = np.random.default_rng(5)
    rating = generator.normal(0, 1, 4000)
    prediction = 0.36 * rating + generator.normal(0, 0.48, 4000)
    differences = bland_altman(rating, prediction)
    assert row(differences, "proportional bias: slope of difference on mean")["ci_high"] < 0
    slope = row(calibration(rating, prediction), "calibration slope")
    assert slope["ci_low"] < 1 < slope["ci_high"]


def test_calibration_equals_least_squares(peak_flow: pd.DataFrame) -> None:
    # lm(mini ~ wright): intercept 39.3402786685306, slope 0.9173478660704
    frame = calibration(peak_flow["mini"], peak_flow["wright"], slope_null=0)
    theirs = stats.linregress(peak_flow["wright"], peak_flow["mini"])
    slope, intercept = row(frame, "calibration slope"), row(frame, "calibration intercept")
    assert (slope["estimate"], intercept["estimate"]) == pytest.approx(
        (0.9173478660704, 39.3402786685306), rel=1e-10
    )
    assert slope["p"] == pytest.approx(theirs.pvalue, rel=1e-8)
    t = stats.t.isf(0.025, 15)
    assert intercept["ci_high"] - intercept["estimate"] == pytest.approx(
        t * theirs.intercept_stderr, rel=1e-9
    )


def test_in_the_large_is_minus_the_bias(peak_flow: pd.DataFrame) -> None:
    x, y = peak_flow["wright"], peak_flow["mini"]
    large = row(calibration(x, y), "calibration-in-the-large")
    bias = row(bland_altman(x, y), "bias")
    assert large["estimate"] == -bias["estimate"]
    assert large["p"] == pytest.approx(bias["p"])


def test_random_intercept_of_independent_sessions_is_singular_or_asks_for_repeats(
    peak_flow: pd.DataFrame,
) -> None:
    x, y = peak_flow["wright"], peak_flow["mini"]
    with pytest.warns(UserWarning, match="one session per participant"):
        frame = calibration(x, y, cluster=np.arange(17), method="random-intercept")
    assert frame["estimate"].isna().all()


def test_errors_equal_their_definitions() -> None:
    rating = np.array([1.0, 2, 3, 4, 5])
    prediction = np.array([1.5, 2, 1, 6, 5.5])
    frame = error_metrics(rating, prediction, baseline=np.full(5, 3.5), categories=range(1, 8), n_resamples=0)
    found = frame.set_index("statistic")["estimate"]
    assert found["MAE"] == pytest.approx(1.0)
    assert found["RMSE"] == pytest.approx(math.sqrt(8.5 / 5))
    assert found["median absolute error"] == 0.5
    assert found["R2"] == pytest.approx(1 - 8.5 / 10)
    assert found["share within 1"] == pytest.approx(3 / 5)
    # 1.5 -> 2 and 5.5 -> 6 are 1 off, 6 stays 2 off.
    assert found["share within 1, rounded"] == pytest.approx(3 / 5)
    assert found["skill"] == pytest.approx(1 - 8.5 / 11.25)


def test_share_has_wilsons_interval() -> None:
    # prop.test(8, 10, correct = FALSE)$conf.int: 0.4901625 0.9433178
    prediction = np.array([0.0] * 8 + [5.0] * 2)
    rating = np.tile([0.0, 1.0], 5)
    share = row(error_metrics(rating, rating + prediction, n_resamples=0), "share within 1")
    assert (share["ci_low"], share["ci_high"]) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def test_repeated_sessions_hold_back_the_textbook_p(sessions: pd.DataFrame) -> None:
    frame = pearson(
        sessions["rating"], sessions["prediction"], cluster=sessions["participant_id"], n_resamples=200
    )
    assert math.isnan(frame["p"][0])
    assert "several sessions" in frame["flag"][0]
    assert frame["ci_method"][0] == "cluster bootstrap, percentile, 200 resamples"
    assert frame["n_clusters"][0] == 40


def test_frames_have_the_common_columns(sessions: pd.DataFrame) -> None:
    frame = agreement_table(
        sessions["rating"],
        sessions["prediction"],
        cluster=sessions["participant_id"],
        categories=range(1, 8),
        n_resamples=50,
    )
    assert tuple(frame.columns) == COLUMNS
    assert frame["statistic"].is_unique


def test_misaligned_series_are_refused() -> None:
    with pytest.raises(AgreementError, match="same index"):
        pearson(pd.Series([1, 2, 3]), pd.Series([1, 2, 3], index=[2, 1, 0]))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2, 3], [1, 2]), {}, "same length"),
        ((["a", "b"], [1, 2]), {}, "numbers"),
        (([1, 2, 3], [1, 2, 3]), {"confidence": 95}, "between 0 and 1"),
        (([1, 2, 3], [1, 2, 3]), {"cluster": ["a", None, "b"]}, "cluster label"),
        (([1, 2, 3], [1, 2, 3]), {"cluster": ["a", "b"]}, "one cluster label per observation"),
        (([1, 2, 3], [1, 2, 3]), {"interval": "fisherz"}, "Did you mean 'fisher-z'"),
    ],
)
def test_impossible_input_is_refused_with_the_rule(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(AgreementError, match=message):
        pearson(*arguments, **options)
