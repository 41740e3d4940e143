"""What must hold for any data: bounds, symmetry, and invariance where it should hold and where not."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoclip_clinic.agreement import (
    bland_altman,
    calibration,
    ccc,
    error_metrics,
    icc,
    kendall,
    krippendorff_alpha,
    pearson,
    rm_corr,
    spearman,
    weighted_kappa,
)

pytestmark = pytest.mark.filterwarnings("ignore::emoclip_clinic.agreement.AgreementWarning")
few = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

ITEMS = st.integers(1, 7).map(float)
PAIRS = st.integers(4, 25).flatmap(
    lambda n: st.tuples(arrays(float, n, elements=ITEMS), arrays(float, n, elements=ITEMS))
)
TABLES = st.tuples(st.integers(3, 12), st.integers(2, 4)).flatmap(lambda s: arrays(float, s, elements=ITEMS))
SCALES = st.tuples(st.floats(0.2, 5), st.floats(-20, 20))


def first(frame) -> float:
    return float(frame["estimate"].iloc[0])


def varying(*columns: np.ndarray) -> None:
    assume(all(np.ptp(column) > 0 for column in columns))


@few
@given(PAIRS)
def test_quadratic_kappa_is_ccc_with_n_denominators(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    kappa = first(weighted_kappa(x, y, categories=range(1, 8)))
    assert kappa == pytest.approx(first(ccc(x, y)), abs=1e-12, nan_ok=True)


@few
@given(PAIRS)
def test_bounds_and_their_order(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    varying(x, y)
    for statistic in (pearson, spearman, kendall, ccc, weighted_kappa):
        row = statistic(x, y).iloc[0]
        assert -1 - 1e-12 <= row["estimate"] <= 1 + 1e-12
        assert row["ci_low"] <= row["estimate"] + 1e-12
        assert row["ci_high"] >= row["estimate"] - 1e-12
    assert abs(first(ccc(x, y))) <= abs(first(pearson(x, y))) + 1e-12
    errors = error_metrics(x, y, n_resamples=0).set_index("statistic")["estimate"]
    assert errors["MAE"] <= errors["RMSE"] + 1e-12
    assert 0 <= errors["share within 1"] <= 1
    assert errors["R2"] <= first(pearson(x, y)) ** 2 + 1e-12


@few
@given(PAIRS)
def test_agreement_is_symmetric_and_bias_changes_its_sign(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    for statistic in (pearson, spearman, kendall, ccc, weighted_kappa):
        assert first(statistic(x, y)) == pytest.approx(first(statistic(y, x)), abs=1e-12, nan_ok=True)
    one = bland_altman(x, y).set_index("statistic")
    other = bland_altman(y, x).set_index("statistic")
    assert one.loc["bias", "estimate"] == pytest.approx(-other.loc["bias", "estimate"], abs=1e-12)
    assert one.loc["upper limit of agreement", "ci_high"] == pytest.approx(
        -other.loc["lower limit of agreement", "ci_low"], abs=1e-9
    )


@few
@given(PAIRS, SCALES)
def test_correlation_survives_a_change_of_units_in_one_column_and_agreement_does_not(
    pair: tuple[np.ndarray, np.ndarray], scale: tuple[float, float]
) -> None:
    x, y = pair
    varying(x, y)
    factor, shift = scale
    for statistic in (pearson, spearman, kendall):
        assert first(statistic(x, factor * y + shift)) == pytest.approx(first(statistic(x, y)), abs=1e-9)
    assume(abs(first(ccc(x, y))) > 0.01)
    assert abs(first(ccc(x, y + 30))) < abs(first(ccc(x, y)))


@few
@given(PAIRS, SCALES)
def test_agreement_survives_a_common_change_of_units(
    pair: tuple[np.ndarray, np.ndarray], scale: tuple[float, float]
) -> None:
    x, y = pair
    varying(x, y)
    factor, shift = scale
    u, v = factor * x + shift, factor * y + shift
    assert first(ccc(u, v)) == pytest.approx(first(ccc(x, y)), abs=1e-9)
    plain, scaled = (icc(np.column_stack(c)).set_index("statistic")["estimate"] for c in ((x, y), (u, v)))
    assert scaled["ICC(A,1)"] == pytest.approx(plain["ICC(A,1)"], abs=1e-8)
    assert first(calibration(u, v)) == pytest.approx(first(calibration(x, y)), abs=1e-9)
    one, other = (bland_altman(*c).set_index("statistic")["estimate"] for c in ((x, y), (u, v)))
    assert other["SD of differences"] == pytest.approx(factor * one["SD of differences"], abs=1e-9)


@few
@given(PAIRS)
def test_ranks_survive_any_rising_map_and_pearson_does_not_have_to(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = pair
    varying(x, y)
    assert first(spearman(x, np.exp(y))) == pytest.approx(first(spearman(x, y)), abs=1e-12)
    assert first(kendall(x, y**3)) == pytest.approx(first(kendall(x, y)), abs=1e-12)


@few
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_matter(pair: tuple[np.ndarray, np.ndarray], random) -> None:
    x, y = pair
    order = np.array(random.sample(range(x.size), x.size))
    for statistic in (pearson, spearman, kendall, ccc, weighted_kappa):
        assert first(statistic(x[order], y[order])) == pytest.approx(
            first(statistic(x, y)), abs=1e-12, nan_ok=True
        )


@few
@given(PAIRS)
def test_one_session_each_is_the_plain_form(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    cluster = [f"sub-{place:02d}" for place in range(x.size)]
    for statistic in (pearson, spearman, ccc, bland_altman, calibration, weighted_kappa):
        plain, clustered = statistic(x, y), statistic(x, y, cluster=cluster)
        assert plain.equals(clustered)


@few
@given(PAIRS)
def test_missing_pairs_are_left_out(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    longer = np.append(x, [np.nan, 3.0]), np.append(y, [2.0, np.nan])
    assert pearson(*longer).equals(pearson(x, y))
    assert ccc(*longer).equals(ccc(x, y))


@few
@given(TABLES, SCALES)
def test_reliability_survives_order_and_units(table: np.ndarray, scale: tuple[float, float]) -> None:
    varying(table.ravel())
    forms = icc(table)["estimate"].to_numpy()
    for changed in (table[::-1], table[:, ::-1], scale[0] * table + scale[1]):
        again = icc(changed)["estimate"].to_numpy()
        close = np.isclose(forms, again, rtol=1e-6, atol=1e-8, equal_nan=True)
        # A denominator near 0 (negative mean squares) has no stable value.
        assert (close | (np.abs(forms) > 50)).all()
    alpha = first(krippendorff_alpha(table, n_resamples=0))
    assert alpha <= 1
    assert first(krippendorff_alpha(scale[0] * table, n_resamples=0)) == pytest.approx(alpha, abs=1e-9)


@few
@given(TABLES)
def test_agreement_never_exceeds_consistency_when_raters_differ(table: np.ndarray) -> None:
    varying(table.ravel())
    forms = icc(table).set_index("statistic")["estimate"]
    assume(forms.notna().all() and forms["ICC(C,1)"] > 0)
    shifted = table + 50 * np.arange(table.shape[1])
    again = icc(shifted).set_index("statistic")["estimate"]
    assert again["ICC(C,1)"] == pytest.approx(forms["ICC(C,1)"], abs=1e-8)
    assert again["ICC(A,1)"] < forms["ICC(C,1)"]


@few
@given(PAIRS, st.floats(-5, 5))
def test_within_participant_correlation_ignores_the_participants_level(
    pair: tuple[np.ndarray, np.ndarray], shift: float
) -> None:
    x, y = pair
    cluster = np.arange(x.size) // 3
    plain = first(rm_corr(x, y, cluster=cluster))
    moved = first(rm_corr(x, y + shift * cluster, cluster=cluster))
    assert moved == pytest.approx(plain, abs=1e-7, nan_ok=True)
    assert math.isnan(plain) or -1 <= plain <= 1
