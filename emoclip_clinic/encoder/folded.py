"""The temporal Transformer in the form for inference: each head folded into two square matrices.

The heads of EmoCLIP are wider than its tokens, so the product of two projections of a head is smaller than
either: the score of a token x with a token y is ``y' (W_k' W_q) x``, and the output is a sum over heads of
``(W_o W_v) c``, c being the head's weighted mean of tokens. Folding is exact in exact arithmetic and saves
seven eighths of the weights and operations of the released model's attention.
"""

from copy import deepcopy

from torch import Tensor, nn
from torch.nn.functional import linear

from emoclip_clinic.encoder.temporal import SegmentReadout, TemporalLayer, TemporalTransformer, WideAttention

__all__ = ["FoldedTemporalTransformer", "fold_heads"]


def fold_heads(attention: WideAttention) -> tuple[Tensor, Tensor]:
    """Fold the projections of attention heads into one pair of square matrices for each head.

    The products are computed in float64 and rounded once.

    Parameters
    ----------
    attention : WideAttention
        Attention with H heads on tokens of size D.

    Returns
    -------
    scores : Tensor of shape (H * D, D)
        ``W_k' W_q / sqrt(head_width)`` of each head, as the weight of a linear layer from a token to H
        queries that are compared with tokens themselves.
    values : Tensor of shape (D, H * D)
        ``W_o W_v`` of each head, as the weight of a linear layer from H averaged tokens to the output.
    """
    heads, head_width = attention.heads, attention.head_width
    qkv = attention.to_qkv.weight.detach()
    out = attention.output.weight.detach()
    width = qkv.shape[1]
    w_q, w_k, w_v = qkv.view(3, heads, head_width, width)
    w_o = out.view(width, heads, head_width)
    scores = qkv.new_empty(heads, width, width)
    values = qkv.new_empty(width, heads, width)
    for head in range(heads):
        scores[head] = w_k[head].double().T @ w_q[head].double() * head_width**-0.5
        values[:, head] = w_o[:, head].double() @ w_v[head].double()
    return scores.flatten(0, 1), values.flatten(1)


class _FoldedLayer(nn.Module):
    scores: Tensor
    values: Tensor

    def __init__(self, layer: TemporalLayer) -> None:
        super().__init__()
        scores, values = fold_heads(layer.attention)
        self.register_buffer("scores", scores)
        self.register_buffer("values", values)
        self.bias = deepcopy(layer.attention.output.bias)
        self.norm = deepcopy(layer.attention_norm)
        self.feed_forward = deepcopy(layer.feed_forward)

    def forward(self, x: Tensor, n_queries: int | None = None) -> Tensor:
        tokens = self.norm(x)
        queries = linear(tokens[:, :n_queries], self.scores)
        # Every head compares with the same tokens, so heads and queries are one axis of a single product.
        weights = (queries.view(len(x), -1, x.shape[2]) @ tokens.transpose(1, 2)).softmax(dim=-1)
        context = (weights @ tokens).view(queries.shape)
        x = x[:, :n_queries] + linear(context, self.values, self.bias)
        out: Tensor = x + self.feed_forward(x)
        return out


class FoldedTemporalTransformer(SegmentReadout):
    """Segment embeddings as `TemporalTransformer` computes them, with folded heads; for inference only.

    Parameters
    ----------
    plain : TemporalTransformer
        The trained form. Nothing of it is kept, so that its memory can be given back.
    """

    def __init__(self, plain: TemporalTransformer) -> None:
        super().__init__(
            deepcopy(plain.cls_token),
            deepcopy(plain.pos_embedding),
            [_FoldedLayer(layer) for layer in plain.layers],
        )
        self.requires_grad_(False).eval()
