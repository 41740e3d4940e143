"""How clinicians rate latent symptoms: ordinal steps, floor effects, raters' bias and noise, and gaps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from emoclip_clinic.study.scales import Scale
from emoclip_clinic.synthetic.cohort.latents import FACIAL, Cohort

__all__ = ["RATERS", "ItemModel", "RatedItem", "Rater", "has_facial_cause", "item_models", "rate_cohort"]


@dataclass(frozen=True)
class Rater:
    """One clinician.

    Attributes
    ----------
    name : str
        As in the ratings table.
    bias : float
        Added to every latent rating, in standard deviations: a strict or mild rater.
    noise_sd : float
        Of the error of each single rating, in standard deviations.
    """

    name: str
    bias: float
    noise_sd: float


RATERS = (Rater("r1", 0.0, 0.30), Rater("r2", 0.15, 0.35), Rater("r3", -0.20, 0.40))
"""Clinicians of a synthetic study; the third one rates first sessions only."""


@dataclass(frozen=True)
class ItemModel:
    """How an item follows from latents.

    Attributes
    ----------
    item : str
        Id of the item.
    weights : mapping of str to float
        Loadings of latents; squares sum to the share of the item's variance that they explain.
    unique_sd : float
        Of what the item has of its own, shared by all raters: ``sqrt(1 - sum of squares)``.
    floor : float
        Share of ratings at the minimum for a rater without bias.
    cuts : ndarray of shape (n_steps,)
        Cut points between neighbouring ratings.
    minimum, step : float
        Of the scale.
    """

    item: str
    weights: Mapping[str, float]
    unique_sd: float
    floor: float
    cuts: NDArray[np.float64]
    minimum: float
    step: float

    def rate(self, latent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn latent ratings into steps of the scale.

        Parameters
        ----------
        latent : ndarray
            Latent ratings, standard normal in an unselected sample.

        Returns
        -------
        ndarray
            Ratings, of the same shape.
        """
        steps = np.searchsorted(self.cuts, latent).astype(np.float64)
        return self.minimum + self.step * steps


@dataclass(frozen=True)
class RatedItem:
    """One cell of the ratings table.

    Attributes
    ----------
    participant_id, session_id, rater, item : str
        Whose, when, by whom, of what.
    value : float or None
        The rating; None if it was left out.
    """

    participant_id: str
    session_id: str
    rater: str
    item: str
    value: float | None


# Facial items, by scale: loadings on what a camera can see.
_FACIAL_ITEMS: dict[str, dict[str, dict[str, float]]] = {
    "panss": {
        "n1": {"blunting": 0.97},
        "n3": {"gaze_avoidance": 0.75, "blunting": 0.60},
        "n6": {"slowing": 0.75, "blunting": 0.60},
        "g2": {"anxiety": 0.95},
        "g4": {"anxiety": 0.96},
        "g7": {"slowing": 0.96},
    },
    "cains": {
        "cains10": {"blunting": 0.97},
        "cains11": {"blunting": 0.80, "slowing": 0.50},
        "cains12": {"blunting": 0.85, "slowing": 0.40},
        "cains13": {"slowing": 0.85, "blunting": 0.40},
    },
}
_HIDDEN_FACTOR: dict[str, dict[str, str]] = {
    "panss": {
        **dict.fromkeys(("p1", "p3", "p5", "p6", "g1", "g9", "g12"), "reality_distortion"),
        **dict.fromkeys(("p2", "n5", "n7", "g5", "g10", "g11", "g13", "g15"), "disorganisation"),
        **dict.fromkeys(("n2", "n4", "g16"), "apathy"),
        **dict.fromkeys(("p4", "p7", "g3", "g6", "g8", "g14"), "distress"),
    },
    "cains": dict.fromkeys((f"cains{number}" for number in range(1, 10)), "apathy"),
}
_HIDDEN_LOADING = 0.75
_FLOORS = (0.15, 0.30, 0.45, 0.60)  # items take these in turn, so that some sit on the floor
_FACIAL_FLOOR = 0.12
_MISSING_SHARE = 0.01


def has_facial_cause(scale: Scale, item: str) -> bool:
    """Tell whether an item of a synthetic study depends on what a face shows.

    Parameters
    ----------
    scale : Scale
        ``panss`` or ``cains``.
    item : str
        Id of an item.

    Returns
    -------
    bool
    """
    return item in _FACIAL_ITEMS[scale.name]


def item_models(scale: Scale) -> tuple[ItemModel, ...]:
    """Give the model of every item of a scale.

    Parameters
    ----------
    scale : Scale
        ``panss`` or ``cains``.

    Returns
    -------
    tuple of ItemModel
        In the order of the scale.
    """
    models = []
    for number, item in enumerate(scale.items):
        facial = _FACIAL_ITEMS[scale.name].get(item.id)
        weights = facial or {_HIDDEN_FACTOR[scale.name][item.id]: _HIDDEN_LOADING}
        floor = _FACIAL_FLOOR if facial else _FLOORS[number % len(_FLOORS)]
        n_steps = round((item.max - item.min) / item.step)
        models.append(
            ItemModel(
                item=item.id,
                weights=weights,
                unique_sd=math.sqrt(1 - sum(weight**2 for weight in weights.values())),
                floor=floor,
                cuts=_cuts(floor, n_steps),
                minimum=item.min,
                step=item.step,
            )
        )
    return tuple(models)


def rate_cohort(cohort: Cohort, scale: Scale, *, raters: Sequence[Rater] = RATERS) -> tuple[RatedItem, ...]:
    """Let clinicians rate every session.

    Parameters
    ----------
    cohort : Cohort
        Participants and latents.
    scale : Scale
        ``panss`` or ``cains``.
    raters : sequence of Rater
        The third one and all after it rate first sessions only.

    Returns
    -------
    tuple of RatedItem
        By session, rater and item. One cell in a hundred is missing, at random.
    """
    kind = ("panss", "cains").index(scale.name)
    rng = np.random.default_rng([cohort.seed, 0x4A7E, kind])
    n = len(cohort.sessions)
    shared = {
        model.item: sum(w * cohort.latents[name] for name, w in model.weights.items())
        + model.unique_sd * _unrelated(rng.standard_normal(n), cohort)
        for model in item_models(scale)
    }
    cells = []
    for row, (number, session) in enumerate(cohort.sessions):
        for rater_number, rater in enumerate(raters):
            errors = rater.bias + rater.noise_sd * rng.standard_normal(len(shared))
            gaps = rng.random(len(shared)) < _MISSING_SHARE
            if rater_number >= 2 and session != "ses-1":
                continue
            for model, error, gap in zip(item_models(scale), errors, gaps, strict=True):
                value = float(model.rate(np.asarray(shared[model.item][row] + error)))
                cells.append(
                    RatedItem(
                        cohort.participants[number].participant_id,
                        session,
                        rater.name,
                        model.item,
                        None if gap else value,
                    )
                )
    return tuple(cells)


def _unrelated(values: NDArray[np.float64], cohort: Cohort) -> NDArray[np.float64]:
    """Take off what an item's own part happens to share with facial latents, and rescale it."""
    known = np.column_stack([np.ones(len(values)), *(cohort.latents[name] for name in FACIAL)])
    rest = values - known @ np.linalg.lstsq(known, values, rcond=None)[0]
    unrelated: NDArray[np.float64] = rest / rest.std()
    return unrelated


def _cuts(floor: float, n_steps: int) -> NDArray[np.float64]:
    """Cut points that leave `floor` at the minimum, and of the rest less and less to higher ratings."""
    shares = 0.72 ** np.arange(n_steps)
    below = floor + (1 - floor) * np.concatenate([[0.0], np.cumsum(shares / shares.sum())[:-1]])
    cuts: NDArray[np.float64] = ndtri(below)
    return cuts
