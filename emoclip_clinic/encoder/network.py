"""The EmoCLIP network: open_clip's towers and our temporal part, as one module of tensors in and tensors out.

Its state dict has the layout of published checkpoints: with the text tower that of the full model, without it
that of the downstream files.
"""

from typing import cast

import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import linear, normalize
from torch.utils.checkpoint import checkpoint

from emoclip_clinic.encoder.architectures import Architecture
from emoclip_clinic.encoder.folded import FoldedTemporalTransformer
from emoclip_clinic.encoder.temporal import SegmentReadout, TemporalTransformer

__all__ = ["EmoClipNetwork", "build_network"]


def _build_clip(architecture: Architecture) -> CLIP:
    """Both towers, with the numbers of heads that the record states."""
    image, text = architecture.image, architecture.text
    return CLIP(
        embed_dim=architecture.embed_dim,
        vision_cfg=CLIPVisionCfg(
            image_size=image.image_size_px,
            patch_size=image.patch_px,
            width=image.width,
            layers=image.layers,
            head_width=image.width // image.heads,
        ),
        text_cfg=CLIPTextCfg(
            context_length=text.context_length,
            vocab_size=text.vocab_size,
            width=text.width,
            layers=text.layers,
            heads=text.heads,
        ),
        quick_gelu=architecture.quick_gelu,
    )


class EmoClipNetwork(nn.Module):
    """EmoCLIP as a PyTorch module, for training and as the core of `EmoClip`.

    Parameters
    ----------
    architecture : Architecture
        Sizes, numbers of heads, activation.
    text : bool
        Whether there is a text tower (and with it the temperature of similarities).

    Attributes
    ----------
    backbone : CLIP or VisionTransformer
        Both towers, or the image tower alone.
    temporal : SegmentReadout
        The temporal part, trained or folded.
    checkpointing : bool
        Whether gradients recompute the activations of the towers' blocks instead of keeping them; set by
        `save_memory`.
    logit_scale : nn.Parameter
        Logarithm of the trained inverse temperature; only with a text tower. CLIP's own stays in the
        backbone, where published files have it, and is not used.

    References
    ----------
    Foteinopoulou and Patras (2024). EmoCLIP: a vision-language method for zero-shot video facial expression
    recognition. https://doi.org/10.48550/arXiv.2310.16640
    """

    def __init__(self, architecture: Architecture, *, text: bool = True) -> None:
        super().__init__()
        self.architecture = architecture
        self.has_text = text
        self.checkpointing = False
        clip = _build_clip(architecture)
        self.backbone: CLIP | VisionTransformer = clip if text else clip.visual
        self.temporal: SegmentReadout = TemporalTransformer(architecture)
        if text:
            self.logit_scale = nn.Parameter(clip.logit_scale.detach().clone())

    @property
    def visual(self) -> VisionTransformer:
        """The image tower."""
        return self.backbone.visual if self.has_text else self.backbone

    def fold(self) -> None:
        """Exchange the temporal part for its folded form. Afterwards the network is for inference only."""
        if isinstance(self.temporal, TemporalTransformer):
            self.temporal = FoldedTemporalTransformer(self.temporal)

    def save_memory(self, enable: bool = True) -> None:
        """Recompute the activations of the towers' blocks when gradients need them, instead of keeping them.

        Parameters
        ----------
        enable : bool
            Whether to do so. It costs about a third more computing and changes no number.
        """
        self.checkpointing = enable
        if self.has_text:
            cast(CLIP, self.backbone).transformer.grad_checkpointing = enable

    def encode_frames(self, images: Tensor) -> Tensor:
        """Embed face crops.

        The last block is computed for the class token alone, since nothing else leaves it.

        Parameters
        ----------
        images : Tensor of shape (N, 3, S, S)
            Crops, normalised with CLIP's mean and standard deviation.

        Returns
        -------
        Tensor of shape (N, D)
            Frame embeddings, not L2-normalised.
        """
        tower = self.visual
        x = tower.ln_pre(self._patches(images))
        *blocks, last = tower.transformer.resblocks
        recompute = self.checkpointing and torch.is_grad_enabled()
        for block in blocks:
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
        tokens = last.ln_1(x)
        x = x[:, :1] + last.attn(tokens[:, :1], tokens, tokens, need_weights=False)[0]
        x = x + last.mlp(last.ln_2(x))
        out: Tensor = tower.ln_post(x[:, 0]) @ tower.proj
        return out

    def _patches(self, images: Tensor) -> Tensor:
        """Class token and patches (N, 1 + P, W) with their positions."""
        tower, patch = self.visual, self.architecture.image.patch_px
        n, channels, side, _ = images.shape
        grid = side // patch
        # A convolution whose stride is its kernel is one matrix product; as such it keeps full fp32 on GPUs,
        # whose convolutions round to TF32 by default.
        x = images.view(n, channels, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5)
        x = linear(x.reshape(n, grid * grid, -1), tower.conv1.weight.flatten(1))
        x = torch.cat([tower.class_embedding.to(x.dtype).expand(n, 1, -1), x], dim=1)
        out: Tensor = x + tower.positional_embedding.to(x.dtype)
        return out

    def encode_segments(self, frames: Tensor) -> Tensor:
        """Embed segments of frame embeddings.

        Parameters
        ----------
        frames : Tensor of shape (B, T, D)
            Frame embeddings, not L2-normalised.

        Returns
        -------
        Tensor of shape (B, D)
            Segment embeddings, not L2-normalised.
        """
        out: Tensor = self.temporal(frames)
        return out

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Embed texts, computing no further than the end of the longest.

        Parameters
        ----------
        tokens : Tensor of shape (C, L), integer
            Token numbers, the end-of-text token being the largest.

        Returns
        -------
        Tensor of shape (C, D)
            Text embeddings, not L2-normalised.
        """
        clip = cast(CLIP, self.backbone)
        ends = tokens.argmax(dim=-1)
        # Attention is causal: what stands after the end of the longest text changes nothing.
        tokens = tokens[:, : int(ends.max()) + 1]
        length = tokens.shape[1]
        x = clip.token_embedding(tokens) + clip.positional_embedding[:length]
        x = clip.ln_final(clip.transformer(x, attn_mask=clip.attn_mask[:length, :length]))
        out: Tensor = x[torch.arange(len(x), device=x.device), ends] @ clip.text_projection
        return out

    def logits(self, segments: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Scale the cosine similarities of segments and texts by the trained inverse temperature.

        Parameters
        ----------
        segments : Tensor of shape (B, D)
            Segment embeddings.
        texts : Tensor of shape (C, D)
            Text embeddings.

        Returns
        -------
        per_segment : Tensor of shape (B, C)
            Logits of the texts for each segment.
        per_text : Tensor of shape (C, B)
            The transpose.
        """
        per_segment = self.logit_scale.exp() * normalize(segments, dim=-1) @ normalize(texts, dim=-1).T
        return per_segment, per_segment.T


def build_network(architecture: Architecture, *, text: bool, device: str = "meta") -> EmoClipNetwork:
    """Build a network without weights, or with freshly drawn ones.

    Parameters
    ----------
    architecture : Architecture
        What to build.
    text : bool
        Whether to build the text tower.
    device : str
        ``"meta"`` takes no memory and waits for weights; ``"cpu"`` draws initial weights as open_clip does.

    Returns
    -------
    EmoClipNetwork
        The network, in training mode.
    """
    with torch.device(device):
        return EmoClipNetwork(architecture, text=text)


def restore_buffers(network: EmoClipNetwork) -> None:
    """Recompute what no checkpoint holds, after building on the meta device: the causal mask of texts."""
    if network.has_text:
        length = network.architecture.text.context_length
        clip = cast(CLIP, network.backbone)
        clip.attn_mask = torch.full((length, length), float("-inf")).triu_(1)
