"""Gain over baselines, sites, change scores and networks: what holds and what misleads."""

import pytest

from tests.validity.chance import LEVEL
from tests.validity.gains import changes, p_of_gain
from tests.validity.monte_carlo import over_sets
from tests.validity.networks import network_and_ridge
from tests.validity.sites import SCHEMES, p_and_skill_at_sites


@pytest.mark.parametrize("heavy", [False, True], ids=["normal", "heavy tails"])
def test_the_gain_test_keeps_its_level_and_finds_a_gain(heavy):
    options = {"n_targets": 15, "n_participants": 30, "n_covariates": 3, "n_folds": 5, "heavy": heavy}
    nothing = over_sets(p_of_gain(n_sets=30, gain_r2=0.0, seed=301, **options) <= LEVEL)
    assert nothing.agrees(LEVEL)
    assert nothing.se < 0.015
    something = over_sets(p_of_gain(n_sets=8, gain_r2=0.3, seed=302, **options) <= LEVEL)
    assert something.above(0.3)


def test_sites_that_differ_are_found_unless_ratings_stay_within_them():
    same = p_and_skill_at_sites(n_sets=20, n_targets=20, n_features=6, site_effect=0.0, seed=303)
    for p, _ in same.values():
        assert over_sets(p <= LEVEL).agrees(LEVEL)
    differ = p_and_skill_at_sites(n_sets=20, n_targets=20, n_features=6, site_effect=1.0, seed=304)
    rejected = {key: over_sets(p <= LEVEL) for key, (p, _) in differ.items()}
    skills = {scheme: over_sets(differ[scheme, "everybody"][1]) for scheme in SCHEMES}
    assert rejected[SCHEMES[0], "everybody"].above(0.3)  # a model of the room
    assert rejected[SCHEMES[0], "site"].agrees(LEVEL)
    assert rejected[SCHEMES[1], "site"].agrees(LEVEL)
    assert skills[SCHEMES[0]].above(0.05)
    assert skills[SCHEMES[1]].not_above(0)  # a room that was never seen tells nothing


def test_regression_to_the_mean_is_no_gain_over_the_baseline_rating():
    found = changes(n_sets=18, n_targets=4, n_participants=40, signal=0.0, n_folds=5, seed=305)
    rejected = {name: over_sets(p <= LEVEL) for name, p in found.items() if name.startswith("p")}
    assert rejected["p"].above(LEVEL)
    assert rejected["p gain, baseline rating"].agrees(LEVEL)
    assert over_sets(found["skill, baseline rating"] - found["skill"]).above(0)
    true = changes(n_sets=8, n_targets=4, n_participants=40, signal=0.8, n_folds=5, seed=306)
    assert over_sets(true["p gain, baseline rating"] <= LEVEL).above(0.5)


def test_a_network_finds_nothing_where_there_is_nothing_and_curves_that_a_ridge_misses():
    options = {"n_sets": 6, "n_targets": 3, "n_folds": 5}
    nothing = network_and_ridge(n_participants=30, r2=0.0, shape="linear", seed=307, **options)
    assert over_sets(nothing["skill, network"]).not_above(0)
    assert over_sets(nothing["r, network"]).not_above(0)
    linear = network_and_ridge(n_participants=50, r2=0.6, shape="linear", seed=308, **options)
    assert over_sets(linear["skill, network"]).above(0.2)
    curved = network_and_ridge(n_participants=90, r2=0.8, shape="curved", seed=309, **options)
    assert over_sets(curved["skill, network"] - curved["skill, ridge"]).above(0.05)
