"""Captioned clips for training: one manifest, prepared once into shards, and one loader for all of them."""

from emoclip_clinic.pretraining.data.augmentation import Augmentation, Change
from emoclip_clinic.pretraining.data.dataset import Clip, ClipDataset, count_over_long, split_by_source
from emoclip_clinic.pretraining.data.loader import Batch, ClipLoader, evaluation_batches, local_batch_size
from emoclip_clinic.pretraining.data.manifest import Manifest, ManifestClip, ManifestProblem, read_manifest
from emoclip_clinic.pretraining.data.sampling import Sampling
from emoclip_clinic.pretraining.data.stores import (
    ArrayStore,
    AttributeMirror,
    ClipStore,
    Sample,
    names_a_side,
)

__all__ = [
    "ArrayStore",
    "AttributeMirror",
    "Augmentation",
    "Batch",
    "Change",
    "Clip",
    "ClipDataset",
    "ClipLoader",
    "ClipStore",
    "Manifest",
    "ManifestClip",
    "ManifestProblem",
    "Sample",
    "Sampling",
    "count_over_long",
    "evaluation_batches",
    "local_batch_size",
    "names_a_side",
    "read_manifest",
    "split_by_source",
]
