"""The temporal part against a transcription of its formulas, and what must not change its result."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from emoclip_clinic.encoder import Architecture, get_architecture
from emoclip_clinic.encoder.folded import FoldedTemporalTransformer, fold_heads
from emoclip_clinic.encoder.temporal import TemporalTransformer

Distance = Callable[[object, object], float]
TINY = get_architecture("tiny")
WIDE = replace(  # the released proportions: heads wider than tokens
    TINY, embed_dim=32, temporal=replace(TINY.temporal, heads=4, head_width=128, mlp_width=48, positions=40)
)
NARROW = replace(
    TINY, embed_dim=32, temporal=replace(TINY.temporal, layers=3, heads=2, head_width=8, positions=40)
)
Doubles = NDArray[np.float64]


def build(architecture: Architecture, *, seed: int = 0, gain: float = 1.0) -> TemporalTransformer:
    """A temporal part with nothing at its initial 0 or 1."""
    torch.manual_seed(seed)
    part = TemporalTransformer(architecture).eval().requires_grad_(False)
    for name, value in part.named_parameters():
        if value.ndim == 1:
            value.add_(0.3 * torch.randn_like(value))
        if name.endswith("to_qkv.weight"):
            value.mul_(gain)
    return part


def transcription(part: TemporalTransformer, architecture: Architecture, frames: Doubles) -> Doubles:
    """All tokens after the last layer, in float64, one head and one query at a time."""
    heads, head_width = architecture.temporal.heads, architecture.temporal.head_width
    weights = {name: value.double().numpy() for name, value in part.state_dict().items()}

    def norm(x: Doubles, name: str) -> Doubles:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(x: Doubles) -> Doubles:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    x = np.concatenate([weights["cls_token"][0], frames])
    x = x + weights["pos_embedding"][0, : len(x)]
    for layer in range(architecture.temporal.layers):
        attention = f"temporal_transformer.layers.{layer}.0.fn"
        y = norm(x, f"{attention}.norm")
        q, k, v = np.split(y @ weights[f"{attention}.fn.to_qkv.weight"].T, 3, axis=1)
        context = np.zeros_like(q)
        for head in range(heads):
            own = slice(head * head_width, (head + 1) * head_width)
            for i in range(len(x)):
                scores = np.array([q[i, own] @ k[j, own] for j in range(len(x))]) / math.sqrt(head_width)
                share = np.exp(scores - scores.max())
                context[i, own] = (share / share.sum()) @ v[:, own]
        x = x + context @ weights[f"{attention}.fn.to_out.0.weight"].T
        x = x + weights[f"{attention}.fn.to_out.0.bias"]
        feed_forward = f"temporal_transformer.layers.{layer}.1.fn"
        y = norm(x, f"{feed_forward}.norm")
        y = gelu(y @ weights[f"{feed_forward}.fn.net.0.weight"].T + weights[f"{feed_forward}.fn.net.0.bias"])
        x = x + y @ weights[f"{feed_forward}.fn.net.3.weight"].T + weights[f"{feed_forward}.fn.net.3.bias"]
    return x


def some_frames(architecture: Architecture, *, batch: int = 3, length: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randn(batch, length, architecture.embed_dim, generator=generator)


@pytest.mark.parametrize("architecture", [WIDE, NARROW], ids=["wide heads", "narrow heads"])
def test_equals_transcription(architecture: Architecture, distance: Distance) -> None:
    part = build(architecture)
    frames = some_frames(architecture)
    wanted = [transcription(part, architecture, x) for x in frames.double().numpy()]
    folded = FoldedTemporalTransformer(part)
    for form in (part, folded):
        assert distance(form.tokens(frames), wanted) < 2e-6
        assert distance(form(frames), [x[0] for x in wanted]) < 2e-6
    in_double = FoldedTemporalTransformer(build(architecture).double())
    assert distance(in_double(frames.double()), [x[0] for x in wanted]) < 1e-12


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_folding_keeps_precision(gain: float, distance: Distance) -> None:
    """At most twice the plain form's distance to float64, also where attention is sharp."""
    architecture = replace(WIDE, embed_dim=128, temporal=replace(WIDE.temporal, heads=8, head_width=512))
    part = build(architecture, gain=gain)
    frames = some_frames(architecture, batch=16, length=32)
    exact = build(architecture, gain=gain).double()(frames.double())
    plain, folded = distance(part(frames), exact), distance(FoldedTemporalTransformer(part)(frames), exact)
    assert folded <= 2 * plain


@pytest.mark.slow
@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_folding_keeps_precision_at_full_size(gain: float, distance: Distance) -> None:
    architecture = get_architecture("vit-b-32")
    part = build(architecture, gain=gain)
    frames = some_frames(architecture, batch=4, length=32)
    plain, folded = part(frames), FoldedTemporalTransformer(part)(frames)
    exact = part.double()(frames.double())
    assert distance(folded, exact) <= 2 * distance(plain, exact)


def test_folded_matrices_are_products_of_each_head() -> None:
    attention = build(WIDE).double().layers[0].attention
    scores, values = fold_heads(attention)
    w_q, w_k, w_v = attention.to_qkv.weight.view(3, 4, 128, 32)
    w_o = attention.output.weight.view(32, 4, 128)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(32, generator=generator, dtype=torch.float64) for _ in range(2))
    for head in range(4):
        own = slice(head * 32, (head + 1) * 32)
        wanted = (w_q[head] @ x) @ (w_k[head] @ y) / math.sqrt(128)
        torch.testing.assert_close(y @ (scores[own] @ x), wanted)
        torch.testing.assert_close(values[:, own] @ y, w_o[:, head] @ (w_v[head] @ y))


def test_folding_saves_weights() -> None:
    part = build(WIDE)
    folded = FoldedTemporalTransformer(part)

    def size(module: torch.nn.Module) -> int:
        return sum(x.numel() for name, x in module.state_dict().items() if "pos_embedding" not in name)

    assert size(folded) < 0.4 * size(part)
    kept = {x.untyped_storage().data_ptr() for x in folded.state_dict().values()}
    assert kept.isdisjoint(x.untyped_storage().data_ptr() for x in part.state_dict().values())


def test_segments_of_a_batch_do_not_touch_each_other() -> None:
    part = build(WIDE)
    frames = some_frames(WIDE, batch=5)
    for form in (part, FoldedTemporalTransformer(part)):
        together = form(frames)
        torch.testing.assert_close(form(frames.flip(0)).flip(0), together, rtol=1e-5, atol=1e-5)
        for number in range(5):
            alone = form(frames[number : number + 1])[0]
            torch.testing.assert_close(alone, together[number], rtol=1e-5, atol=1e-5)


def test_order_and_length_of_a_segment_matter() -> None:
    part = FoldedTemporalTransformer(build(WIDE))
    frames = some_frames(WIDE)
    plain = part(frames)
    for other in (frames.flip(1), frames[:, :-1], torch.cat([frames, torch.zeros_like(frames[:, :1])], 1)):
        assert (part(other) - plain).norm() > 0.01 * plain.norm()


def test_class_token_alone_trains_like_all_tokens() -> None:
    gradients = []
    for read in (lambda part, x: part(x), lambda part, x: part.tokens(x)[:, 0]):
        part = build(WIDE).requires_grad_(True)
        read(part, some_frames(WIDE)).square().sum().backward()
        gradients.append({name: value.grad for name, value in part.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient is not None
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-4, atol=1e-4)
