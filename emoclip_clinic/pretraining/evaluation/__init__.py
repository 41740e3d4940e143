"""Zero-shot evaluation of weights on labelled clips."""

from emoclip_clinic.pretraining.evaluation.clip_embeddings import ClipEmbeddings, embed_clips
from emoclip_clinic.pretraining.evaluation.writing import confusion_svg, write_evaluation
from emoclip_clinic.pretraining.evaluation.zero_shot import (
    ZeroShotEvaluation,
    classes_of,
    evaluate_zero_shot,
)

__all__ = [
    "ClipEmbeddings",
    "ZeroShotEvaluation",
    "classes_of",
    "confusion_svg",
    "embed_clips",
    "evaluate_zero_shot",
    "write_evaluation",
]
