"""Simulated studies at several sites, whose rooms show in the embedding and whose patients may differ."""

import numpy as np

from emoclip_clinic.regression import nested_predict, permutation_test, skill, split_participants
from tests.validity.chance import ALPHAS, N_PERMUTATIONS, streams

SCHEMES = ("leave one participant out", "leave one site out")
SITES = (9, 7, 5, 3)
"""Participants of each site."""


def p_and_skill_at_sites(
    *, n_sets: int, n_targets: int, n_features: int, site_effect: float, seed: int
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Return p and skill (n_sets, n_targets) by (folds, permuted within), without signal inside of sites.

    ``site_effect`` is the SD between sites of the mean rating, in SD of the ratings within a site; the room's
    part of the embedding is three times as large as the participant's.
    """
    site = np.repeat(np.arange(len(SITES)), SITES)
    groups = np.arange(len(site))
    found: dict[tuple[str, str], tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for permutation_seed, rng in streams(seed, n_sets):
        X = rng.standard_normal((len(site), n_features))
        X += 3 * rng.standard_normal((len(SITES), n_features))[site]
        Y = rng.standard_normal((len(site), n_targets))
        Y += site_effect * rng.standard_normal((len(SITES), n_targets))[site]
        for scheme in SCHEMES:
            name = "site" if scheme == SCHEMES[1] else "participant"
            folds = split_participants(groups, scheme=name, sites=site)
            result = nested_predict(X, Y, groups, alphas=ALPHAS, outer=folds, inner=4)
            own_skill = skill(Y, result.predictions, result.baseline)
            for within in ("everybody", "site"):
                test = permutation_test(
                    X,
                    Y,
                    groups,
                    within=site if within == "site" else None,
                    n_permutations=N_PERMUTATIONS,
                    seed=permutation_seed,
                    alphas=ALPHAS,
                    outer=folds,
                    inner=4,
                )
                ps, skills = found.setdefault((scheme, within), ([], []))
                ps.append(test.table["p"].to_numpy())
                skills.append(own_skill)
    return {key: (np.array(ps), np.array(skills)) for key, (ps, skills) in found.items()}
