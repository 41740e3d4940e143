"""Architectures: small frozen records that state every size and every number of heads.

Numbers of heads and activations cannot be read from the shapes of weights: a wrong one loads strictly and
computes wrongly. So they stand here, and nowhere else.
"""

from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.errors import WeightsError, did_you_mean

__all__ = ["ARCHITECTURES", "Architecture", "ImageTower", "TemporalPart", "TextTower", "get_architecture"]


@dataclass(frozen=True)
class ImageTower:
    """Vision Transformer of CLIP, applied to each face crop.

    Attributes
    ----------
    image_size_px, patch_px : int
        Side of the square crop and of a square patch, in pixels.
    width, layers, heads : int
        Size of a token, number of blocks, attention heads of a block.
    """

    image_size_px: int
    patch_px: int
    width: int
    layers: int
    heads: int


@dataclass(frozen=True)
class TextTower:
    """Text Transformer of CLIP.

    Attributes
    ----------
    context_length, vocab_size : int
        Tokens of a text, the end included, and tokens that exist. A vocabulary smaller than CLIP's 49,408 is
        CLIP's own with fewer byte-pair merges: the first ``vocab_size - 514`` of them, see `tokenize`.
    width, layers, heads : int
        Size of a token, number of blocks, attention heads of a block.
    """

    context_length: int
    vocab_size: int
    width: int
    layers: int
    heads: int


@dataclass(frozen=True)
class TemporalPart:
    """Temporal Transformer over the frame embeddings of a segment.

    Attributes
    ----------
    layers, heads, head_width : int
        Number of layers, attention heads, and size of a head. ``heads * head_width`` may exceed the
        embedding: the released model has 8 heads of 2048 on embeddings of 512.
    mlp_width : int
        Hidden size of the feed-forward part.
    positions : int
        Learned positions, the class token's included: a segment has at most ``positions - 1`` frames.
    dropout : float
        Share of activations dropped in training; 0 in the released model.
    """

    layers: int
    heads: int
    head_width: int
    mlp_width: int
    positions: int
    dropout: float = 0.0


@dataclass(frozen=True)
class Architecture:
    """All that is needed to build an EmoCLIP model and to compute with it, apart from the weights.

    Attributes
    ----------
    name : str
        Name in `ARCHITECTURES`, in weights records and on the command line.
    embed_dim : int
        Size of frame, segment and text embeddings.
    image, text, temporal : ImageTower, TextTower, TemporalPart
        The parts.
    quick_gelu : bool
        Whether the towers use ``x * sigmoid(1.702 x)``, as OpenAI's CLIP does. The temporal part always uses
        GELU's tanh form.
    clip_name : str or None
        Name of the towers in open_clip, if they have one there.
    """

    name: str
    embed_dim: int
    image: ImageTower
    text: TextTower
    temporal: TemporalPart
    quick_gelu: bool = True
    clip_name: str | None = None


ARCHITECTURES: dict[str, Architecture] = {
    record.name: record
    for record in (
        Architecture(
            name="vit-b-32",
            embed_dim=512,
            image=ImageTower(image_size_px=224, patch_px=32, width=768, layers=12, heads=12),
            text=TextTower(context_length=77, vocab_size=49408, width=512, layers=12, heads=8),
            temporal=TemporalPart(layers=2, heads=8, head_width=2048, mlp_width=512, positions=1024),
            clip_name="ViT-B-32-quickgelu",
        ),
        Architecture(
            name="tiny",
            embed_dim=64,
            image=ImageTower(image_size_px=224, patch_px=32, width=128, layers=2, heads=2),
            text=TextTower(context_length=77, vocab_size=49408, width=16, layers=2, heads=2),
            temporal=TemporalPart(layers=2, heads=2, head_width=128, mlp_width=64, positions=1024),
        ),
        Architecture(
            name="emoclip-small",
            embed_dim=128,
            image=ImageTower(image_size_px=64, patch_px=16, width=192, layers=4, heads=3),
            text=TextTower(context_length=77, vocab_size=4096 + 514, width=128, layers=2, heads=4),
            temporal=TemporalPart(layers=2, heads=4, head_width=32, mlp_width=256, positions=65),
        ),
    )
}


def get_architecture(name: str, *, where: str | Path | None = None) -> Architecture:
    """Look up an architecture.

    Parameters
    ----------
    name : str
        For example ``"vit-b-32"``.
    where : str or Path, optional
        The file that names it, for the message.

    Returns
    -------
    Architecture
        The record.

    Raises
    ------
    WeightsError
        If there is no architecture of that name.
    """
    if name not in ARCHITECTURES:
        raise WeightsError(
            "An architecture must be one that is registered",
            found=name,
            where=where,
            hint=did_you_mean(name, ARCHITECTURES),
        )
    return ARCHITECTURES[name]
