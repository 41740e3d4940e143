"""Captioned clips for training: one manifest, prepared once into shards, and one loader for all of them."""

from emoclip_clinic.pretraining.data.augmentation import Augmentation, Change
from emoclip_clinic.pretraining.data.cutting import ClipFaces
from emoclip_clinic.pretraining.data.dataset import Clip, ClipDataset, count_over_long, split_by_source
from emoclip_clinic.pretraining.data.index import SkippedClip
from emoclip_clinic.pretraining.data.loader import Batch, ClipLoader, evaluation_batches, local_batch_size
from emoclip_clinic.pretraining.data.manifest import Manifest, ManifestClip, ManifestProblem, read_manifest
from emoclip_clinic.pretraining.data.preparation import (
    Plan,
    PlannedClip,
    Prepared,
    PrepareProgress,
    plan_preparation,
    prepare_clips,
)
from emoclip_clinic.pretraining.data.preparation_estimate import PreparationEstimate, estimate_preparation
from emoclip_clinic.pretraining.data.preparation_report import PreparationReport
from emoclip_clinic.pretraining.data.sampling import Sampling
from emoclip_clinic.pretraining.data.saving import save_store
from emoclip_clinic.pretraining.data.shard_store import ShardStore, open_shards, verify_shards
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
    "ClipFaces",
    "ClipLoader",
    "ClipStore",
    "Manifest",
    "ManifestClip",
    "ManifestProblem",
    "Plan",
    "PlannedClip",
    "PreparationEstimate",
    "PreparationReport",
    "PrepareProgress",
    "Prepared",
    "Sample",
    "Sampling",
    "ShardStore",
    "SkippedClip",
    "count_over_long",
    "estimate_preparation",
    "evaluation_batches",
    "local_batch_size",
    "names_a_side",
    "open_shards",
    "plan_preparation",
    "prepare_clips",
    "read_manifest",
    "save_store",
    "split_by_source",
    "verify_shards",
]
