"""The network as training calls it: one module per stage, from grey levels to what the loss compares."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from emoclip_clinic.encoder import EmoClipNetwork, Preprocessing
from emoclip_clinic.errors import PretrainingError

__all__ = ["ContrastNetwork", "FrameNetwork", "as_images", "attribute_losses", "fresh_temporal_part"]


def as_images(clips: NDArray[np.uint8], *, side: int, device: torch.device) -> Tensor:
    """Normalise clips with CLIP's mean and standard deviation.

    Parameters
    ----------
    clips : ndarray of shape (B, T, S, S, 3), uint8
        Crops in grey levels.
    side : int
        The side S that the network takes, in pixels.
    device : torch.device
        Where the network is.

    Returns
    -------
    Tensor of shape (B, T, 3, S, S), float32
        Normalised crops on the device.

    Raises
    ------
    PretrainingError
        If the crops have another size.
    """
    if clips.shape[2:] != (side, side, 3):
        raise PretrainingError(
            f"Crops must have the size that the architecture takes, {side} x {side} pixels in three colours",
            found=f"clips of shape {clips.shape}",
            hint=f"Prepare the clips again with crops of {side} pixels, or take another architecture.",
        )
    values = Preprocessing(image_size_px=side)
    mean = torch.tensor(values.mean, device=device).view(3, 1, 1) * 255.0
    std = torch.tensor(values.std, device=device).view(3, 1, 1) * 255.0
    pixels = torch.from_numpy(np.ascontiguousarray(clips)).to(device, non_blocking=True)
    return ((pixels.permute(0, 1, 4, 2, 3).to(torch.float32) - mean) / std).contiguous()


class ContrastNetwork(nn.Module):
    """Clips and captions to their normalised embeddings.

    Parameters
    ----------
    network : EmoClipNetwork
        The network with its text tower.
    train_image, train_text, train_temporal : bool
        Which parts get gradients; the others are computed without.
    """

    def __init__(
        self, network: EmoClipNetwork, *, train_image: bool, train_text: bool, train_temporal: bool
    ) -> None:
        super().__init__()
        self.network = network
        self._trained = {"image": train_image, "text": train_text, "temporal": train_temporal}

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embed a batch.

        Parameters
        ----------
        images : Tensor of shape (B, T, 3, S, S)
            Normalised crops.
        tokens : Tensor of shape (C, L), int64
            Token numbers of captions.

        Returns
        -------
        videos : Tensor of shape (B, D), float32
            L2-normalised segment embeddings.
        texts : Tensor of shape (C, D), float32
            L2-normalised text embeddings.
        scale : Tensor, scalar
            Inverse temperature.
        """
        with self._gradients("text"):
            texts = self.network.encode_text(tokens).float()
        return self.embed_videos(images), normalize(texts, dim=-1), self.network.logit_scale.exp()

    def embed_videos(self, images: Tensor) -> Tensor:
        """Embed clips (B, T, 3, S, S) to normalised segment embeddings (B, D)."""
        with self._gradients("image"):
            frames = self.network.encode_frames(images.flatten(0, 1))
        # The temporal part also stands between the loss and a trained image tower.
        with self._gradients("temporal", "image"):
            segments = self.network.encode_segments(frames.view(*images.shape[:2], -1))
        return normalize(segments.float(), dim=-1)

    def _gradients(self, *parts: str) -> torch.set_grad_enabled:
        wanted = torch.is_grad_enabled() and any(self._trained[part] for part in parts)
        return torch.set_grad_enabled(wanted)


class FrameNetwork(nn.Module):
    """Single frames to numeric attributes: the image tower with a linear head for each.

    Parameters
    ----------
    network : EmoClipNetwork
        The network, of which the image tower is used.
    n_attributes : int
        Number A of attributes.

    Attributes
    ----------
    heads : nn.Linear
        The heads, which are dropped after the stage.
    mean, std : Tensor of shape (A,)
        Mean and standard deviation of the attributes, on whose scale they are predicted.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: EmoClipNetwork, *, n_attributes: int) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.Linear(network.architecture.embed_dim, n_attributes)
        self.register_buffer("mean", torch.zeros(n_attributes))
        self.register_buffer("std", torch.ones(n_attributes))

    def forward(self, images: Tensor) -> Tensor:
        """Predict standardised attributes (N, A) of frames (N, 3, S, S)."""
        predicted: Tensor = self.heads(self.network.encode_frames(images)).float()
        return predicted


def attribute_losses(predicted: Tensor, attributes: Tensor, network: FrameNetwork) -> Tensor:
    """Compute the squared error of each standardised attribute.

    Parameters
    ----------
    predicted : Tensor of shape (N, A)
        Output of the network.
    attributes : Tensor of shape (N, A)
        True values in their own units.
    network : FrameNetwork
        Holds the scale of the attributes.

    Returns
    -------
    Tensor of shape (A,)
        Mean squared error over frames; about 1 for a network that has learnt nothing.
    """
    return (predicted - (attributes - network.mean) / network.std).square().mean(dim=0)


def fresh_temporal_part(network: EmoClipNetwork, *, std: float) -> None:
    """Scale positions and class token of a freshly drawn temporal part.

    Parameters
    ----------
    network : EmoClipNetwork
        The network, changed in place.
    std : float
        Standard deviation that they get; they are drawn with 1, as in the released code.
    """
    part: Any = network.temporal
    with torch.no_grad():
        part.pos_embedding.mul_(std)
        part.cls_token.mul_(std)
