"""How well the raters of a synthetic study agree, known by drawing very many sessions from its model."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from emoclip_clinic.study.scales import Scale
from emoclip_clinic.synthetic.cohort.rating_model import RATERS, Rater, item_models

__all__ = ["DRAWS", "known_agreement"]

DRAWS = 200_000
"""Sessions that are drawn; the standard error of a correlation is then below 0.0023."""


def known_agreement(
    scale: Scale, *, raters: Sequence[Rater] = RATERS[:2], draws: int = DRAWS, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Compute the agreement of observed ordinal ratings, between raters and with the symptom behind them.

    Parameters
    ----------
    scale : Scale
        ``panss`` or ``cains``.
    raters : sequence of Rater
        At least two.
    draws : int
        Sessions of an unselected sample.
    seed : int
        Of the draws.

    Returns
    -------
    dict of str to dict
        For each item: ``human_human_r`` (mean Pearson r over pairs of raters), ``human_human_icc_a1``
        (ICC(A,1), McGraw and Wong 1996, from mean squares), ``latent_r`` (Pearson r of the raters' mean with
        the part of the item that latents explain: the ceiling of any reading of these latents), ``at_floor``
        (share of ratings at the minimum).
    """
    rng = np.random.default_rng([seed, 0xA6E])
    known = {}
    for model in item_models(scale):
        explained = rng.standard_normal(draws) * np.sqrt(1 - model.unique_sd**2)
        shared = explained + model.unique_sd * rng.standard_normal(draws)
        ratings = np.column_stack(
            [
                model.rate(shared + rater.bias + rater.noise_sd * rng.standard_normal(draws))
                for rater in raters
            ]
        )
        pairs = [
            float(np.corrcoef(ratings[:, a], ratings[:, b])[0, 1])
            for a, b in combinations(range(len(raters)), 2)
        ]
        known[model.item] = {
            "human_human_r": float(np.mean(pairs)),
            "human_human_icc_a1": _icc_a1(ratings),
            "latent_r": float(np.corrcoef(ratings.mean(axis=1), explained)[0, 1]),
            "at_floor": float((ratings == model.minimum).mean()),
        }
    return known


def _icc_a1(ratings: np.ndarray) -> float:
    n, k = ratings.shape
    mean = ratings.mean()
    rows = k * ((ratings.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    columns = n * ((ratings.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    total = ((ratings - mean) ** 2).sum()
    error = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    return float((rows - error) / (rows + (k - 1) * error + k / n * (columns - error)))
