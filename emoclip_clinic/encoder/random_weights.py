"""Seeded random weights: the same numbers on every run, platform and version, for plumbing and benchmarks.

Each parameter has a random stream of its own, named by the seed and the parameter, so that order does not
matter and a text tower can be left out. Values are uniform: made by integer arithmetic and one
multiplication, they do not depend on a mathematics library.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

from emoclip_clinic.encoder.architectures import Architecture
from emoclip_clinic.encoder.network import EmoClipNetwork, build_network, restore_buffers

__all__ = ["hash_network", "random_network"]


def random_network(architecture: Architecture, *, seed: int, text: bool = False) -> EmoClipNetwork:
    """Build a network with seeded random weights.

    Parameters
    ----------
    architecture : Architecture
        What to build.
    seed : int
        Seed.
    text : bool
        Whether to build the text tower. The other weights do not depend on it.

    Returns
    -------
    EmoClipNetwork
        The network in its trained form and in evaluation mode, in float32 on the CPU.
    """
    network = build_network(architecture, text=text)
    weights = {
        name: _draw(_full_name(name, text=text), tuple(value.shape), seed=seed)
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(weights, strict=True, assign=True)
    restore_buffers(network)
    return network.eval()


def hash_network(network: EmoClipNetwork) -> str:
    """Hash the image tower and the temporal part of a network in its trained form.

    Parameters
    ----------
    network : EmoClipNetwork
        The network. Its text tower is left out, so that the hash does not depend on having one.

    Returns
    -------
    str
        SHA-256 of names and values, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    named = {_full_name(name, text=network.has_text): x for name, x in network.state_dict().items()}
    for name in sorted(named):
        if name.startswith(("backbone.visual.", "temporal.")):
            digest.update(name.encode())
            digest.update(named[name].numpy().astype("<f4", copy=False).data)
    return digest.hexdigest()


def _full_name(name: str, *, text: bool) -> str:
    """The name in the layout of the full model."""
    return name if text else name.replace("backbone.", "backbone.visual.", 1)


def _draw(name: str, shape: tuple[int, ...], *, seed: int) -> Tensor:
    """Draw a parameter at the scale of a fresh Transformer, where activations neither vanish nor explode."""
    if name.endswith("logit_scale"):
        return torch.tensor(math.log(1 / 0.07), dtype=torch.float32)
    if name.endswith("bias"):
        return torch.zeros(shape)
    if name.endswith("weight") and len(shape) == 1:  # of a normalisation
        return torch.ones(shape)
    stream = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(stream, "little")))
    values = generator.random(shape, dtype=np.float32)
    values -= np.float32(0.5)
    values *= np.float32(math.sqrt(12.0 * _variance(name, shape)))
    return torch.from_numpy(values)


def _variance(name: str, shape: tuple[int, ...]) -> float:
    if "embedding" in name or name.endswith("cls_token"):
        return 0.25
    if name.endswith((".proj", ".text_projection")):  # multiplied from the right
        return 1.0 / shape[0]
    return 1.0 / math.prod(shape[1:])
