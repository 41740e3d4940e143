"""EmoCLIP: from face crops to frame embeddings to segment embeddings, and from texts to text embeddings.

Names are imported when they are first used, so that looking up weights does not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emoclip_clinic.encoder.architectures import ARCHITECTURES, Architecture, get_architecture
    from emoclip_clinic.encoder.checkpoints import load_network
    from emoclip_clinic.encoder.devices import Precision, resolve_device, resolve_precision
    from emoclip_clinic.encoder.export import published_state, save_weights
    from emoclip_clinic.encoder.model import EmoClip, load_checkpoint
    from emoclip_clinic.encoder.network import EmoClipNetwork, build_network
    from emoclip_clinic.encoder.random_weights import random_network
    from emoclip_clinic.encoder.records import Preprocessing, TrainingFacts, WeightsRecord
    from emoclip_clinic.encoder.registration import add_weights
    from emoclip_clinic.encoder.registry import (
        WeightsEntry,
        check_weights,
        find_weights,
        hash_weights,
        how_to_get,
        list_weights,
        verify_weights,
        warn_if_random,
        weights_store,
    )
    from emoclip_clinic.encoder.tensor_files import read_tensors
    from emoclip_clinic.encoder.texts import tokenize, tokens_needed

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "EmoClip",
    "EmoClipNetwork",
    "Precision",
    "Preprocessing",
    "TrainingFacts",
    "WeightsEntry",
    "WeightsRecord",
    "add_weights",
    "build_network",
    "check_weights",
    "find_weights",
    "get_architecture",
    "hash_weights",
    "how_to_get",
    "list_weights",
    "load_checkpoint",
    "load_network",
    "published_state",
    "random_network",
    "read_tensors",
    "resolve_device",
    "resolve_precision",
    "save_weights",
    "tokenize",
    "tokens_needed",
    "verify_weights",
    "warn_if_random",
    "weights_store",
]

_HOMES = {
    "architectures": ("ARCHITECTURES", "Architecture", "get_architecture"),
    "checkpoints": ("load_network",),
    "devices": ("Precision", "resolve_device", "resolve_precision"),
    "export": ("published_state", "save_weights"),
    "model": ("EmoClip", "load_checkpoint"),
    "network": ("EmoClipNetwork", "build_network"),
    "random_weights": ("random_network",),
    "records": ("Preprocessing", "TrainingFacts", "WeightsRecord"),
    "registration": ("add_weights",),
    "registry": (
        "WeightsEntry",
        "check_weights",
        "find_weights",
        "hash_weights",
        "how_to_get",
        "list_weights",
        "verify_weights",
        "warn_if_random",
        "weights_store",
    ),
    "tensor_files": ("read_tensors",),
    "texts": ("tokenize", "tokens_needed"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
