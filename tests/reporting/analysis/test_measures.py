"""Statistics as functions of weights: properties that hold for any data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.reporting.analysis.measures import Measures, resample_weights, resampled_values
from emoclip_clinic.reporting.analysis.sessions_over_time import session_order
from emoclip_clinic.reporting.analysis.subgroups import age_band

STEPS = np.arange(1.0, 8.0)
INTEGERS = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=3, max_size=40)


def measures(x: np.ndarray, y: np.ndarray, *names: str, **options: object) -> Measures:
    n = len(x)
    settings = {"codes": np.arange(n), "n_participants": n, "steps": [STEPS]} | options
    return Measures(x[:, None], y[None, :, None], names=names, **settings)


@given(INTEGERS)
@settings(max_examples=200, deadline=None)
def test_kappa_equals_ccc_with_n_denominators_on_integers(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    kappa, ccc = measures(x, y, "quadratic weighted kappa", "CCC").estimate()[:, 0]
    if np.ptp(x) == 0 and np.ptp(y) == 0 and x[0] == y[0]:
        assert np.isnan(kappa)
    else:
        assert kappa == pytest.approx(ccc, abs=1e-12)


@given(INTEGERS, st.floats(0.01, 0.49))
@settings(max_examples=100, deadline=None)
def test_kappa_sees_only_the_nearest_step(pairs: list[tuple[int, int]], off: float) -> None:
    x, y = np.array(pairs, dtype=float).T
    plain, moved = (
        measures(x, one, "quadratic weighted kappa", "share within, rounded").estimate()
        for one in (y, y + off * np.where(np.arange(y.size) % 2, 1, -1))
    )
    np.testing.assert_allclose(plain, moved, atol=1e-12)


def test_halves_go_up_and_the_scale_has_ends() -> None:
    x = np.array([1.0, 2.0, 3.0, 7.0, 1.0, 4.0])
    y = np.array([0.5, 1.5, 2.5, 9.0, -3.0, 4.49])
    assert measures(x, y, "quadratic weighted kappa").estimate()[0, 0] == pytest.approx(1.0)


def test_categories_are_not_numbered_anew() -> None:
    """Steps that nobody used keep their distance: 1 against 7 is worse than 1 against 2."""
    x, near, far = np.array([1.0, 1, 2, 2]), np.array([1.0, 2, 2, 2]), np.array([1.0, 7, 2, 2])
    kappa = [measures(x, y, "quadratic weighted kappa").estimate()[0, 0] for y in (near, far)]
    assert kappa[0] > kappa[1]


def test_an_item_without_steps_has_no_rounded_statistics_and_keeps_the_others() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30, 2))
    found = Measures(
        x,
        y[None],
        codes=np.arange(30),
        n_participants=30,
        names=("quadratic weighted kappa", "share within, rounded", "MAE"),
        steps=[None, np.arange(-3.0, 4.0)],
    ).estimate()
    assert np.isnan(found[:2, 0]).all()
    assert np.isfinite(found[2]).all()
    assert np.isfinite(found[:, 1]).all()


def test_repetitions_are_averaged_after_the_statistic() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 1)), rng.normal(size=(3, 20, 1))
    options = {
        "codes": np.arange(20) // 2,
        "n_participants": 10,
        "names": ("Pearson r", "Spearman rho", "CCC"),
    }
    together = Measures(x, y, **options)
    weights = resample_weights(10, n_resamples=50, seed=3)
    alone = [resampled_values(Measures(x, y[[k]], **options), weights) for k in range(3)]
    np.testing.assert_allclose(resampled_values(together, weights), np.mean(alone, axis=0), rtol=1e-12)


def test_a_session_that_one_repetition_did_not_predict_counts_in_none() -> None:
    x, y = np.arange(10.0)[:, None], np.tile(np.arange(10.0)[:, None], (2, 1, 1))
    y[1, 3] = np.nan
    found = Measures(x, y, codes=np.arange(10), n_participants=10, names=("MAE",))
    assert found.counts()[0] == [9]


def test_one_drawing_serves_all_models() -> None:
    first = resample_weights(17, n_resamples=300, seed=5)
    np.testing.assert_array_equal(first, resample_weights(17, n_resamples=300, seed=5))
    assert first.shape == (300, 17)
    assert (first.sum(axis=1) == 17).all()
    assert resample_weights(0, n_resamples=4, seed=0).shape == (4, 0)


def test_sessions_are_ordered_by_their_numbers() -> None:
    labels = ["ses-10", "ses-2", "ses-1", None, "ses-baseline"]
    assert sorted(labels, key=session_order) == [None, "ses-1", "ses-2", "ses-10", "ses-baseline"]


@pytest.mark.parametrize(
    ("age", "band"),
    [(18, "under 30"), (30, "30 to under 45"), (44.9, "30 to under 45"), (60, "60 and over"), (np.nan, None)],
)
def test_bands_of_age_begin_at_their_lower_end(age: float, band: str | None) -> None:
    assert age_band(age) == band
