"""Intraclass correlation, Krippendorff's alpha, Kendall's W: literals, dense likelihoods, definitions."""

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import optimize

from emoclip_clinic.agreement import icc, kendall_w, krippendorff_alpha
from emoclip_clinic.agreement.mean_squares import FORMS, mean_squares
from emoclip_clinic.agreement.reml import cell_sums, fit_components


def estimates(frame: pd.DataFrame) -> pd.Series:
    return frame.set_index("statistic")["estimate"]


@pytest.mark.oracle
def test_icc_equals_r(shrout_fleiss: pd.DataFrame) -> None:
    # psych::ICC(sf, lmer = FALSE)
    frame = icc(shrout_fleiss).set_index("statistic")
    wanted = {
        "ICC(1)": (0.165741768405476, -0.132932324874751, 0.722560062328121),
        "ICC(A,1)": (0.289763779527559, 0.018786513374712, 0.761084369648953),
        "ICC(C,1)": (0.714840714840715, 0.342464765033925, 0.94585825995536),
        "ICC(k)": (0.442797133679269, -0.884442155238119, 0.912415420340776),
        "ICC(A,k)": (0.620050547598989, 0.0711368153025035, 0.927232040167722),
        "ICC(C,k)": (0.909315542377069, 0.675674713816305, 0.985891678169062),
    }
    for form, values in wanted.items():
        assert tuple(frame.loc[form, ["estimate", "ci_low", "ci_high"]]) == pytest.approx(values, rel=1e-10)


@pytest.mark.oracle
def test_pingouin_gives_the_same_on_its_ground(shrout_fleiss: pd.DataFrame) -> None:
    long = shrout_fleiss.reset_index().melt(id_vars="index")
    theirs = pingouin.intraclass_corr(long, targets="index", raters="variable", ratings="value")
    ours = estimates(icc(shrout_fleiss))
    names = {"ICC(1)": "ICC(1,1)", "ICC(k)": "ICC(1,k)"}
    for form in FORMS:
        assert ours[form] == pytest.approx(
            theirs.set_index("Type").loc[names.get(form, form), "ICC"], rel=1e-8
        )


def test_balanced_reml_equals_the_analysis_of_variance(shrout_fleiss: pd.DataFrame) -> None:
    ratings = shrout_fleiss.to_numpy()
    m = mean_squares(ratings)
    fitted = fit_components(cell_sums(ratings - ratings.mean()))
    n, k = ratings.shape
    assert fitted.subject[0] == pytest.approx(float(m.between - m.residual) / k, rel=1e-10)
    assert fitted.rater[0] == pytest.approx(float(m.rater - m.residual) / n, rel=1e-10)
    assert fitted.residual[0] == pytest.approx(float(m.residual), rel=1e-10)


def dense_deviance(components: np.ndarray, ratings: np.ndarray) -> float:
    """-2 log restricted likelihood of Patterson & Thompson with the whole covariance matrix."""
    there = ~np.isnan(ratings)
    subject, rater = np.nonzero(there)
    y = ratings[there]
    v = components[0] * (subject[:, None] == subject) + components[1] * (rater[:, None] == rater)
    v = v + components[2] * np.eye(y.size)
    inverse = np.linalg.inv(v)
    information = inverse.sum()
    mean = inverse.sum(axis=0) @ y / information
    residual = y - mean
    return float(np.linalg.slogdet(v)[1] + math.log(information) + residual @ inverse @ residual)


def incomplete(seed: int, n: int = 25, k: int = 4, rater_sd: float = 0.6) -> np.ndarray:
    generator = np.random.default_rng(seed)
    ratings = generator.normal(0, 1.5, (n, 1)) + generator.normal(0, rater_sd, (1, k))
    ratings = ratings + generator.normal(0, 0.8, (n, k))
    ratings[generator.random((n, k)) < 0.25] = np.nan
    return ratings


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_incomplete_reml_is_the_minimum_of_the_dense_likelihood(seed: int) -> None:
    ratings = incomplete(seed)
    ratings = ratings[(~np.isnan(ratings)).any(axis=1)]
    fitted = fit_components(cell_sums(ratings))
    found = np.array([fitted.subject[0], fitted.rater[0], fitted.residual[0]])
    # The gradient of the dense likelihood vanishes there, in units of log variance.
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-4
        up, down = (
            dense_deviance(found * np.exp(step), ratings),
            dense_deviance(found * np.exp(-step), ratings),
        )
        assert abs(up - down) / 2e-4 < 1e-6
    best = optimize.minimize(
        lambda logs: dense_deviance(np.exp(logs), ratings),
        np.log(found) + 0.3,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )
    assert np.exp(best.x) == pytest.approx(found, rel=1e-5)


def test_a_variance_of_zero_is_found_and_flagged() -> None:
    for seed in range(40):
        ratings = incomplete(seed, rater_sd=0.0)
        fitted = fit_components(cell_sums(ratings[(~np.isnan(ratings)).any(axis=1)]))
        if fitted.rater[0] == 0:
            break
    frame = icc(ratings, n_resamples=0).set_index("statistic")
    assert frame.loc["ICC(A,1)", "flag"] == "singular: rater variance 0"
    assert frame.loc["ICC(A,1)", "estimate"] == pytest.approx(frame.loc["ICC(C,1)", "estimate"], rel=1e-12)
    assert frame.loc["ICC(1)", "flag"] == ""


def test_incomplete_intervals_are_named_and_hold_the_estimate() -> None:
    frame = icc(incomplete(1), n_resamples=300, seed=4)
    assert (frame["ci_method"] == "parametric bootstrap, percentile, 300 resamples").all()
    assert (frame["ci_low"] < frame["estimate"]).all()
    assert (frame["estimate"] < frame["ci_high"]).all()
    pd.testing.assert_frame_equal(frame, icc(incomplete(1), n_resamples=300, seed=4))


def test_average_form_uses_the_harmonic_mean_of_ratings() -> None:
    ratings = incomplete(2)
    ratings = ratings[(~np.isnan(ratings)).any(axis=1)]
    frame = estimates(icc(ratings, n_resamples=0))
    k = 1 / np.mean(1 / (~np.isnan(ratings)).sum(axis=1))
    single = frame["ICC(C,1)"]
    assert frame["ICC(C,k)"] == pytest.approx(k * single / (1 + (k - 1) * single), rel=1e-10)


def test_clustered_subjects_are_resampled_together() -> None:
    ratings = incomplete(3)
    for table in (ratings, np.nan_to_num(ratings)):
        frame = icc(table, cluster=np.arange(25) // 2, n_resamples=100)
        assert frame["n_clusters"].iloc[0] == 13
        assert (frame["ci_method"] == "cluster bootstrap, percentile, 100 resamples").all()
        assert frame["p"].isna().all()


def test_weights_count_as_copies_of_subjects() -> None:
    ratings = incomplete(4)
    drawn = np.random.default_rng(0).integers(0, 25, 25)
    weights = np.bincount(drawn, minlength=25)[None].astype(float)
    by_weight, by_copy = (
        fit_components(cell_sums(ratings, weights)),
        fit_components(cell_sums(ratings[drawn])),
    )
    assert by_weight.subject[0] == pytest.approx(by_copy.subject[0], rel=1e-9)
    assert by_weight.rater[0] == pytest.approx(by_copy.rater[0], rel=1e-7, abs=1e-12)


def test_nested_raters_have_one_way_forms_only(shrout_fleiss: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="one-way forms only"):
        frame = icc(shrout_fleiss, nested=True).set_index("statistic")
    assert frame["estimate"].notna().to_dict() == {form: form in ("ICC(1)", "ICC(k)") for form in FORMS}
    assert frame.loc["ICC(1)", "estimate"] == pytest.approx(0.165741768405476)
    # Raters that are different persons for every subject are found without being told.
    own = np.full((4, 8), np.nan)
    for subject, values in enumerate([(1, 2), (3, 5), (6, 6), (2, 4)]):
        own[subject, 2 * subject : 2 * subject + 2] = values
    with pytest.warns(UserWarning, match="one-way forms only"):
        frame = icc(own, n_resamples=0).set_index("statistic")
    assert math.isnan(frame.loc["ICC(A,1)", "estimate"])
    assert 0 < frame.loc["ICC(1)", "estimate"] < 1


def test_perfect_agreement_is_one() -> None:
    column = np.array([1.0, 4, 2, 6, 3])
    complete = icc(np.column_stack([column, column, column]))
    assert (complete[["estimate", "ci_low", "ci_high"]] == 1).all(axis=None)
    missing = np.column_stack([column, column, column])
    missing[0, 1] = np.nan
    assert (icc(missing)["estimate"] == 1).all()


def test_a_constant_shift_lowers_agreement_and_not_consistency() -> None:
    column = np.array([1.0, 4, 2, 6, 3])
    found = estimates(icc(np.column_stack([column, column + 2.5])))
    assert found["ICC(C,1)"] == 1
    assert found["ICC(A,1)"] < 0.7


@pytest.mark.oracle
def test_alpha_equals_the_published_example(four_observers: pd.DataFrame) -> None:
    # Krippendorff 2011, pages 5 to 9; irr::kripp.alpha(t(x), method) gives the same.
    wanted = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}
    for level, alpha in wanted.items():
        found = krippendorff_alpha(four_observers, level=level, n_resamples=0)
        assert found["estimate"][0] == pytest.approx(alpha, abs=5e-4)
        # One unit has a single rating and pairs with nothing.
        assert found["n"][0] == 11


def naive_alpha(table: np.ndarray, level: str) -> float:
    """Krippendorff 2011 pair by pair."""
    units = [unit[~np.isnan(unit)] for unit in table]
    units = [unit for unit in units if unit.size > 1]
    values = np.concatenate(units)
    steps, counts = np.unique(values, return_counts=True)
    count = dict(zip(steps, counts, strict=True))

    def distance(c: float, k: float) -> float:
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return (c - k) ** 2
        if level == "ratio":
            return ((c - k) / (c + k)) ** 2
        between = sum(count[s] for s in steps if min(c, k) <= s <= max(c, k))
        return (between - (count[c] + count[k]) / 2) ** 2

    observed = sum(sum(distance(a, b) for a, b in permutations(unit, 2)) / (unit.size - 1) for unit in units)
    expected = sum(distance(a, b) for a, b in permutations(values, 2))
    return 1 - observed / values.size * values.size * (values.size - 1) / expected


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_equals_the_transcribed_definition(level: str) -> None:
    generator = np.random.default_rng(9)
    table = generator.integers(1, 6, (20, 3)).astype(float)
    table[generator.random(table.shape) < 0.2] = np.nan
    found = krippendorff_alpha(table, level=level, n_resamples=0)["estimate"][0]
    assert found == pytest.approx(naive_alpha(table, level), rel=1e-10)


def test_alpha_does_not_jump_when_a_rating_is_lost_but_irrs_does(shrout_fleiss: pd.DataFrame) -> None:
    # irr::kripp.alpha(t(sf), "nominal"): -0.095679012345679
    lost = shrout_fleiss.copy()
    lost.iloc[0, 0] = np.nan
    irr = [
        krippendorff_alpha(t, convention="irr", n_resamples=0)["estimate"][0] for t in (shrout_fleiss, lost)
    ]
    ours = [krippendorff_alpha(t, n_resamples=0)["estimate"][0] for t in (shrout_fleiss, lost)]
    nominal = krippendorff_alpha(shrout_fleiss, level="nominal", convention="irr", n_resamples=0)
    assert nominal["estimate"][0] == pytest.approx(-0.095679012345679, rel=1e-10)
    assert ours[1] == pytest.approx(irr[1], rel=1e-12)
    assert ours[0] != pytest.approx(irr[0], rel=1e-2)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_resamples_equal_alpha_of_the_copied_table(level: str) -> None:
    generator = np.random.default_rng(2)
    table = generator.integers(1, 6, (15, 3)).astype(float)
    table[generator.random(table.shape) < 0.15] = np.nan
    table = table[(~np.isnan(table)).sum(axis=1) >= 2]
    frame = krippendorff_alpha(table, level=level, n_resamples=40, seed=5)
    draws = np.random.default_rng(5).integers(0, len(table), size=(40, len(table)))
    slow = [krippendorff_alpha(table[rows], level=level, n_resamples=0)["estimate"][0] for rows in draws]
    assert frame["ci_low"][0] == pytest.approx(np.quantile(slow, 0.025), rel=1e-9)
    assert frame["ci_high"][0] == pytest.approx(np.quantile(slow, 0.975), rel=1e-9)


@pytest.mark.oracle
def test_kendall_w_equals_r(shrout_fleiss: pd.DataFrame) -> None:
    # irr::kendall(sf, correct = TRUE)
    found = kendall_w(shrout_fleiss).iloc[0]
    assert (found["estimate"], found["p"]) == pytest.approx(
        (0.887037037037037, 0.00328950924368028), rel=1e-10
    )
