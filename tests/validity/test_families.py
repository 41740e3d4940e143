"""In families of correlated items at the floor, the step-down declares a wrong item in at most 5 %."""

from tests.validity.chance import LEVEL, p_of_interviews
from tests.validity.families import families_at_floor
from tests.validity.monte_carlo import over_sets


def test_family_wise_error_without_any_signal():
    found = families_at_floor(
        n_sets=50,
        n_families=6,
        n_items=10,
        n_with_signal=0,
        n_participants=24,
        share_at_floor=0.7,
        n_folds=4,
        seed=401,
    )
    step_down, holm = over_sets(found.errors["p_step_down"]), over_sets(found.errors["p_holm"])
    assert step_down.not_above(LEVEL)
    assert step_down.below(0.15)
    assert (found.errors["p_step_down"] >= found.errors["p_holm"]).all()
    assert over_sets(found.errors["p"]).above(0.15)
    # Neither so strict that nothing is ever found.
    assert 0.01 < holm.mean <= step_down.mean


def test_family_wise_error_beside_items_with_signal():
    found = families_at_floor(
        n_sets=30,
        n_families=6,
        n_items=8,
        n_with_signal=3,
        n_participants=30,
        share_at_floor=0.6,
        n_folds=5,
        seed=402,
    )
    assert over_sets(found.errors["p_step_down"]).not_above(LEVEL)
    assert over_sets(found.errors["p"]).above(LEVEL)
    assert over_sets(found.found["p_step_down"]).above(0.1)
    assert (found.found["p_step_down"] >= found.found["p_holm"]).all()


def test_family_wise_error_with_missing_ratings():
    _, adjusted = p_of_interviews(
        n_sets=40,
        n_targets=6,
        n_participants=24,
        missing=0.1,
        n_folds=4,
        seed=403,
        n_permutations=299,
        common=0.5,
    )
    assert over_sets((adjusted <= LEVEL).any(axis=1)).not_above(LEVEL)
