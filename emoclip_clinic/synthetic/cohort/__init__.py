"""Participants, latent symptoms and clinicians' ratings of a synthetic study, with known truth."""

from emoclip_clinic.synthetic.cohort.known_agreement import known_agreement
from emoclip_clinic.synthetic.cohort.latents import FACIAL, HIDDEN, Cohort, Participant, draw_cohort
from emoclip_clinic.synthetic.cohort.rating_model import (
    RATERS,
    ItemModel,
    RatedItem,
    Rater,
    has_facial_cause,
    item_models,
    rate_cohort,
)

__all__ = [
    "FACIAL",
    "HIDDEN",
    "RATERS",
    "Cohort",
    "ItemModel",
    "Participant",
    "RatedItem",
    "Rater",
    "draw_cohort",
    "has_facial_cause",
    "item_models",
    "known_agreement",
    "rate_cohort",
]
