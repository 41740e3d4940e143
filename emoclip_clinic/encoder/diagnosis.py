"""What a checkpoint seems to be when it does not fit, in the words of error messages."""

from collections.abc import Collection, Mapping

from torch import Tensor

from emoclip_clinic.encoder.architectures import ARCHITECTURES

__all__ = ["describe_tensors", "list_names"]

_SHOWN = 20


def list_names(names: Collection[str]) -> str:
    """Enumerate parameter names, the first twenty in full.

    Parameters
    ----------
    names : collection of str
        Names.

    Returns
    -------
    str
        For example ``"2 (temporal.cls_token, temporal.pos_embedding)"``.
    """
    ordered = sorted(names)
    rest = f", and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return f"{len(ordered)} ({', '.join(ordered[:_SHOWN])}{rest})"


def describe_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Say what a checkpoint seems to be, from its names and shapes.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The checkpoint, names without ``module.``.

    Returns
    -------
    str
        For example ``"OpenAI or open_clip weights of a ViT-B-16, without EmoCLIP's temporal part"``.
    """
    has_temporal = any(name.startswith("temporal.") for name in tensors)
    if "backbone.visual.conv1.weight" in tensors:
        tower = _vit_name(tensors, "backbone.visual.")
        return _emoclip(f"a full EmoCLIP with a {tower}", has_temporal)
    if "backbone.conv1.weight" in tensors:
        tower = _vit_name(tensors, "backbone.")
        return _emoclip(f"a downstream EmoCLIP without text tower, with a {tower}", has_temporal)
    if "visual.conv1.weight" in tensors and "visual.class_embedding" in tensors:
        tower = _vit_name(tensors, "visual.")
        return f"OpenAI or open_clip weights of a {tower}, without EmoCLIP's temporal part"
    if "visual.layer1.0.conv1.weight" in tensors:
        return "OpenAI or open_clip weights of a CLIP ResNet"
    if any(name.startswith("visual.trunk.") for name in tensors):
        return "open_clip weights with an image tower of timm"
    if any(name.startswith("vision_model.") for name in tensors):
        return "CLIP weights in the layout of Hugging Face transformers"
    if has_temporal and all(name.startswith("temporal.") for name in tensors):
        return "EmoCLIP's temporal part alone, without an image tower"
    return "weights of some other model"


def _emoclip(what: str, has_temporal: bool) -> str:
    return what if has_temporal else f"{what}, without its temporal part"


def _vit_name(tensors: Mapping[str, Tensor], prefix: str) -> str:
    """Name the image tower at `prefix` by its width, blocks and patch size."""
    shape = tensors[f"{prefix}conv1.weight"].shape
    if len(shape) != 4:
        return "damaged image tower"
    width, patch = shape[0], shape[-1]
    blocks = f"{prefix}transformer.resblocks."
    layers = len({name[len(blocks) :].partition(".")[0] for name in tensors if name.startswith(blocks)})
    sizes = {(384, 12): "S", (768, 12): "B", (1024, 24): "L", (1280, 32): "H"}
    if (width, layers) in sizes:
        return f"ViT-{sizes[width, layers]}-{patch}"
    for architecture in ARCHITECTURES.values():
        image = architecture.image
        if (image.width, image.layers, image.patch_px) == (width, layers, patch):
            return f"ViT as in the architecture '{architecture.name}'"
    return f"ViT of width {width}, {layers} blocks and patches of {patch} px"
