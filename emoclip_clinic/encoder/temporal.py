"""The temporal Transformer of EmoCLIP in the form that is trained and that published checkpoints have.

Modules nest as in the released code, so that its parameter names load without any mapping.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from emoclip_clinic.encoder.architectures import Architecture

__all__ = ["PreNorm", "SegmentReadout", "TemporalLayer", "TemporalTransformer", "WideAttention"]


class WideAttention(nn.Module):
    """Self-attention whose inner width ``heads * head_width`` is free of the token's width.

    Parameters
    ----------
    width : int
        Size of a token.
    heads, head_width : int
        Number of heads and size of each.
    dropout : float
        Share of outputs dropped in training.
    """

    def __init__(self, width: int, *, heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = head_width
        self.to_qkv = nn.Linear(width, 3 * heads * head_width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * head_width, width), nn.Dropout(dropout))

    @property
    def output(self) -> nn.Linear:
        """Projection of all heads to a token."""
        return cast(nn.Linear, self.to_out[0])

    def _project(self, x: Tensor, weight: Tensor) -> Tensor:
        return linear(x, weight).view(*x.shape[:2], self.heads, self.head_width).transpose(1, 2)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Attend from `queries` (B, M, D) to `tokens` (B, N, D)."""
        # Slices of the one weight: fewer queries than tokens then cost less.
        w_q, w_k, w_v = self.to_qkv.weight.chunk(3)
        q, k, v = self._project(queries, w_q), self._project(tokens, w_k), self._project(tokens, w_v)
        weights = ((q * self.head_width**-0.5) @ k.transpose(-1, -2)).softmax(dim=-1)
        out: Tensor = self.to_out((weights @ v).transpose(1, 2).flatten(2))
        return out


class _FeedForward(nn.Module):
    def __init__(self, width: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(approximate="tanh"),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class PreNorm(nn.Module):
    """A sub-layer with the normalisation before it.

    Parameters
    ----------
    width : int
        Size of a token.
    fn : nn.Module
        The sub-layer.
    """

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        """Apply both to `x` (B, N, D)."""
        out: Tensor = self.fn(self.norm(x))
        return out


class _Residual(nn.Module):
    """One more level of names, as in the released code."""

    def __init__(self, fn: PreNorm) -> None:
        super().__init__()
        self.fn = fn


class TemporalLayer(nn.ModuleList):
    """Attention (index 0) and feed-forward part (index 1), each pre-normalised with a residual.

    Parameters
    ----------
    architecture : Architecture
        Sizes and numbers of heads.
    """

    def __init__(self, architecture: Architecture) -> None:
        part, width = architecture.temporal, architecture.embed_dim
        attention = WideAttention(width, heads=part.heads, head_width=part.head_width, dropout=part.dropout)
        feed_forward = _FeedForward(width, hidden=part.mlp_width, dropout=part.dropout)
        super().__init__([_Residual(PreNorm(width, attention)), _Residual(PreNorm(width, feed_forward))])

    @property
    def attention_norm(self) -> nn.LayerNorm:
        """Normalisation before the attention."""
        return cast(_Residual, self[0]).fn.norm

    @property
    def attention(self) -> WideAttention:
        """Attention without its normalisation and residual."""
        return cast(WideAttention, cast(_Residual, self[0]).fn.fn)

    @property
    def feed_forward(self) -> PreNorm:
        """Feed-forward part with its normalisation."""
        return cast(_Residual, self[1]).fn

    def forward(self, x: Tensor, n_queries: int | None = None) -> Tensor:
        """Return the first `n_queries` tokens (B, M, D) after this layer; all of them by default."""
        tokens = self.attention_norm(x)
        x = x[:, :n_queries] + self.attention(tokens[:, :n_queries], tokens)
        out: Tensor = x + self.feed_forward(x)
        return out


class _Layers(nn.Module):
    """One more level of names, as in the released code."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)


class SegmentReadout(nn.Module):
    """Class token over frame embeddings: what the trained and the folded form have in common.

    Every token has a learned position, the class token the first. There is no mask, so a batch is never
    padded, and no normalisation after the last layer.

    Parameters
    ----------
    cls_token : nn.Parameter of shape (1, 1, D)
        Learned class token.
    pos_embedding : nn.Parameter of shape (1, P, D)
        Learned positions.
    layers : sequence of nn.Module
        Each maps tokens (B, N, D) to the first so many tokens after it.
    """

    def __init__(
        self, cls_token: nn.Parameter, pos_embedding: nn.Parameter, layers: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.pos_embedding = pos_embedding
        self.cls_token = cls_token
        self.temporal_transformer = _Layers(layers)

    def _with_class_token(self, frames: Tensor) -> Tensor:
        x = torch.cat([self.cls_token.expand(len(frames), -1, -1), frames], dim=1)
        return x + self.pos_embedding[:, : x.shape[1]]

    def tokens(self, frames: Tensor) -> Tensor:
        """Compute every token after the last layer.

        Parameters
        ----------
        frames : Tensor of shape (B, T, D)
            Frame embeddings, not normalised.

        Returns
        -------
        Tensor of shape (B, T + 1, D)
            The class token first, then one token for each frame.
        """
        x = self._with_class_token(frames)
        for layer in self.temporal_transformer.layers:
            x = layer(x)
        return x

    def forward(self, frames: Tensor) -> Tensor:
        """Compute the segment embeddings.

        Parameters
        ----------
        frames : Tensor of shape (B, T, D)
            Frame embeddings, not normalised.

        Returns
        -------
        Tensor of shape (B, D)
            The class token after the last layer, in which it alone needs a query.
        """
        x = self._with_class_token(frames)
        *before, last = self.temporal_transformer.layers
        for layer in before:
            x = layer(x)
        out: Tensor = last(x, 1)[:, 0]
        return out


class TemporalTransformer(SegmentReadout):
    """The trained form, with the parameter names of the released code.

    Parameters
    ----------
    architecture : Architecture
        Sizes and numbers of heads.
    """

    def __init__(self, architecture: Architecture) -> None:
        part, width = architecture.temporal, architecture.embed_dim
        super().__init__(
            nn.Parameter(torch.randn(1, 1, width)),
            nn.Parameter(torch.randn(1, part.positions, width)),
            [TemporalLayer(architecture) for _ in range(part.layers)],
        )

    @property
    def layers(self) -> tuple[TemporalLayer, ...]:
        """The layers, first to last."""
        return tuple(cast(TemporalLayer, layer) for layer in self.temporal_transformer.layers)
