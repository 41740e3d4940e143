"""Class descriptions, compound emotions, and scores of segments against them."""

from emoclip_clinic.zeroshot.class_embeddings import ClassEmbeddings, embed_classes
from emoclip_clinic.zeroshot.descriptions import DescribedClass, Description, DescriptionSet
from emoclip_clinic.zeroshot.readings import class_probabilities, class_similarities, summarise_session
from emoclip_clinic.zeroshot.recall import Recall, class_recall, top_class
from emoclip_clinic.zeroshot.registry import (
    DescriptionEntry,
    check_description_file,
    list_descriptions,
    load_descriptions,
    prompt_descriptions,
)
from emoclip_clinic.zeroshot.scoring import ScoredStudy, score_study, weights_of_study

__all__ = [
    "ClassEmbeddings",
    "DescribedClass",
    "Description",
    "DescriptionEntry",
    "DescriptionSet",
    "Recall",
    "ScoredStudy",
    "check_description_file",
    "class_probabilities",
    "class_recall",
    "class_similarities",
    "embed_classes",
    "list_descriptions",
    "load_descriptions",
    "prompt_descriptions",
    "score_study",
    "summarise_session",
    "top_class",
    "weights_of_study",
]
