"""Training of EmoCLIP by a recipe: an optional frame stage, then the contrast of clips and captions.

Names are imported when they are first used, so that reading a recipe does not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emoclip_clinic.pretraining.training.loss import contrastive_loss
    from emoclip_clinic.pretraining.training.plan import StagePlan, plan_training
    from emoclip_clinic.pretraining.training.processes import Processes, join_processes
    from emoclip_clinic.pretraining.training.recipe import (
        Recipe,
        build_recipe,
        find_recipe,
        hash_recipe,
        list_recipes,
        read_recipe,
    )
    from emoclip_clinic.pretraining.training.retrieval import retrieval_scores
    from emoclip_clinic.pretraining.training.run import Training, TrainingResult, pretrain
    from emoclip_clinic.pretraining.training.sources import open_clips

__all__ = [
    "Processes",
    "Recipe",
    "StagePlan",
    "Training",
    "TrainingResult",
    "build_recipe",
    "contrastive_loss",
    "find_recipe",
    "hash_recipe",
    "join_processes",
    "list_recipes",
    "open_clips",
    "plan_training",
    "pretrain",
    "read_recipe",
    "retrieval_scores",
]

_HOMES = {
    "loss": ("contrastive_loss",),
    "plan": ("StagePlan", "plan_training"),
    "processes": ("Processes", "join_processes"),
    "recipe": ("Recipe", "build_recipe", "find_recipe", "hash_recipe", "list_recipes", "read_recipe"),
    "retrieval": ("retrieval_scores",),
    "sources": ("open_clips",),
    "run": ("Training", "TrainingResult", "pretrain"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
