"""A participant's signature gives skill where folds split participants, and none where they do not."""

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, split_participants
from tests.validity.chance import LEVEL
from tests.validity.identity import skill_by_unit_of_split
from tests.validity.monte_carlo import over_sets


@pytest.fixture(scope="module")
def simulated():
    return skill_by_unit_of_split(
        n_sets=16, n_targets=30, n_participants=20, n_features=40, n_folds=5, seed=301
    )


def test_random_ratings_seem_predictable_when_segments_or_sessions_are_split(simulated):
    skill, r, _ = simulated
    assert over_sets(skill["segment"]).above(0.5)
    assert over_sets(r["segment"]).above(0.7)
    assert over_sets(skill["session"]).above(0.2)
    assert over_sets(r["session"]).above(0.4)


def test_they_are_not_when_participants_are_split(simulated):
    skill, r, p = simulated
    assert over_sets(skill["participant"]).below(0)
    assert over_sets(r["participant"]).below(0)
    assert over_sets(p <= LEVEL).agrees(LEVEL)


def test_folds_that_split_participants_are_refused():
    X, y = np.random.default_rng(0).standard_normal((2, 24, 1))
    participants = np.repeat(np.arange(6), 4)
    by_segment = split_participants(np.arange(24), scheme="kfold", n_splits=4)
    with pytest.raises(RegressionError, match="both sides"):
        nested_predict(X, y, participants, outer=by_segment)
