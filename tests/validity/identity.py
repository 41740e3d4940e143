"""Simulation of the identity confound: videos know the participant, ratings know nothing of the videos."""

import numpy as np

from emoclip_clinic.regression import mean_over_segments, nested_predict, permutation_test, pooled_r, skill
from tests.validity.chance import ALPHAS, N_PERMUTATIONS, streams
from tests.validity.interviews import draw_interviews

UNITS = ("segment", "session", "participant")


def skill_by_unit_of_split(
    *,
    n_sets: int,
    n_targets: int,
    n_participants: int,
    n_features: int,
    n_folds: int,
    seed: int,
    stable: float = 0.8,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Train on segments and predict sessions, with folds made of segments, of sessions and of participants.

    Returns
    -------
    skill, r : for each unit that folds are made of, (n_sets, n_targets), at session level
    p : (n_sets, n_targets), of the permutation test on session means under leave-one-participant-out
    """
    skills: dict[str, list[np.ndarray]] = {unit: [] for unit in UNITS}
    rs: dict[str, list[np.ndarray]] = {unit: [] for unit in UNITS}
    ps = []
    for some_seed, rng in streams(seed, n_sets):
        data = draw_interviews(
            rng, n_participants, n_features=n_features, sessions=(3, 3), lengths=(4, 4), signature=0.9
        )
        Y = data.unrelated_ratings(rng, n_targets, stable=stable)
        groups = {
            "segment": np.arange(len(data.session)),
            "session": data.session,
            "participant": data.groups[data.session],
        }
        for unit in UNITS:
            result = nested_predict(
                data.segments,
                Y[data.session],
                groups[unit],
                alphas=ALPHAS,
                outer=n_folds,
                inner=n_folds,
                seed=some_seed,
            )
            predicted, mean = (
                mean_over_segments(values, data.session, n_sessions=len(Y))
                for values in (result.predictions, result.baseline)
            )
            skills[unit].append(skill(Y, predicted, mean))
            rs[unit].append(pooled_r(Y, predicted))
        test = permutation_test(
            data.X, Y, data.groups, n_permutations=N_PERMUTATIONS, seed=some_seed, alphas=ALPHAS
        )
        ps.append(test.table["p"].to_numpy())
    return (
        {unit: np.array(values) for unit, values in skills.items()},
        {unit: np.array(values) for unit, values in rs.items()},
        np.array(ps),
    )
