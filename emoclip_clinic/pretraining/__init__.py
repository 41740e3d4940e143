"""Captioned clips and contrastive training of EmoCLIP on them.

``pretraining.data`` prepares and reads clips. ``pretraining.training`` trains; it imports torch and is
therefore not imported here.
"""

from emoclip_clinic.pretraining import data

__all__ = ["data"]
