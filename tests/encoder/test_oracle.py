"""Outputs of the original code on random weights, as our loader and both forms must give them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from emoclip_clinic.encoder import Architecture, EmoClip, build_network, get_architecture, load_checkpoint
from emoclip_clinic.encoder.network import EmoClipNetwork

pytestmark = pytest.mark.oracle

TINY = get_architecture("tiny")
BOUND = 1e-5
FULL = ("tiny_vclip_plain.pth", "tiny_vclip_ddp.pth")
DOWNSTREAM = ("tiny_downstream_nofc.pth", "tiny_downstream_full.pth")
HALF = "tiny_vclip_ddp_fp16backbone.pth"
Distance = Callable[[object, object], float]
Arrays = dict[str, np.ndarray]


def load(oracle: Path, name: str, *, fold: bool, architecture: Architecture = TINY) -> EmoClip:
    return load_checkpoint(oracle / name, architecture=architecture, device="cpu", fold=fold)


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])
@pytest.mark.parametrize("name", FULL + DOWNSTREAM)
def test_video_side(
    name: str, fold: bool, oracle: Path, clip: Tensor, expected: Arrays, distance: Distance
) -> None:
    model = load(oracle, name, fold=fold)
    frames = model.encode_frames(clip.flatten(0, 1)).view(2, 32, 64)
    assert distance(frames, expected["frame_features"]) <= BOUND
    with torch.inference_mode():
        assert distance(model.network.temporal.tokens(frames), expected["temporal_all"]) <= BOUND
    wanted = expected["downstream_encode_video" if name in DOWNSTREAM else "encode_video"]
    assert distance(model.encode_video(clip), wanted) <= BOUND
    assert distance(model.encode_segments(frames), wanted) <= 1e-6


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])
@pytest.mark.parametrize("length", [1, 5, 16, 64, 100])
def test_other_lengths(length: int, fold: bool, oracle: Path, expected: Arrays, distance: Distance) -> None:
    model = load(oracle, FULL[0], fold=fold)
    features = np.tile(expected["frame_features"], (1, 4, 1))[:, :length]
    assert distance(model.encode_segments(features), expected[f"temporal_len{length}"]) <= 1e-6


@pytest.mark.parametrize("name", FULL)
def test_text_side(name: str, oracle: Path, expected: Arrays, distance: Distance) -> None:
    model = load(oracle, name, fold=True)
    texts = [str(text) for text in expected["texts"]]
    assert distance(model.encode_text(texts), expected["encode_text"]) <= BOUND
    assert distance(model.encode_text(expected["tokens"]), expected["encode_text"]) <= BOUND


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])
@pytest.mark.parametrize("name", FULL)
def test_logits_both_ways(
    name: str, fold: bool, oracle: Path, clip: Tensor, expected: Arrays, distance: Distance
) -> None:
    model = load(oracle, name, fold=fold)
    per_segment, per_text = model.logits(model.encode_video(clip), model.encode_text(expected["tokens"]))
    assert distance(per_segment, expected["logits_per_image"]) <= BOUND
    assert distance(per_text, expected["logits_per_text"]) <= BOUND


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_every_batch_size(
    batch_size: int, oracle: Path, clip: Tensor, expected: Arrays, distance: Distance
) -> None:
    model = load(oracle, FULL[0], fold=True)
    frames = model.encode_frames(clip.flatten(0, 1), batch_size=batch_size).view(2, 32, 64)
    assert distance(frames, expected["frame_features"]) <= BOUND
    assert distance(model.encode_segments(frames, batch_size=batch_size), expected["encode_video"]) <= BOUND
    alone = model.encode_video(clip[1:], batch_size=batch_size)
    assert distance(alone, expected["encode_video"][1:]) <= BOUND


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])
def test_half_precision_towers(fold: bool, oracle: Path, clip: Tensor, distance: Distance) -> None:
    """The file equals the plain one with the towers' matrices cast to half precision."""
    cast = torch.load(oracle / FULL[0], weights_only=True)
    half = torch.load(oracle / HALF, weights_only=True)
    for name, value in half.items():
        if value.dtype == torch.float16:
            cast[name.removeprefix("module.")] = value.float()
    reference = EmoClipNetwork(TINY)
    reference.load_state_dict(cast)
    reference.eval()
    model = load(oracle, HALF, fold=fold)
    assert {x.dtype for x in model.network.state_dict().values()} == {torch.float32}
    tokens = torch.randint(1, 40_000, (3, 77), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        frames = reference.encode_frames(clip.flatten(0, 1)).view(2, 32, 64)
        assert distance(model.encode_frames(clip.flatten(0, 1)).view(2, 32, 64), frames) <= 1e-6
        assert distance(model.encode_video(clip), reference.encode_segments(frames)) <= 1e-6
        assert distance(model.encode_text(tokens), reference.encode_text(tokens)) <= 1e-6


def with_temporal_heads(heads: int) -> Architecture:
    inner = TINY.temporal.heads * TINY.temporal.head_width
    return replace(TINY, temporal=replace(TINY.temporal, heads=heads, head_width=inner // heads))


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(replace(TINY, quick_gelu=False), id="activation"),
        pytest.param(replace(TINY, image=replace(TINY.image, heads=4)), id="vision heads of 32"),
        pytest.param(replace(TINY, text=replace(TINY.text, heads=1)), id="1 text head"),
        pytest.param(replace(TINY, text=replace(TINY.text, heads=4)), id="4 text heads"),
        pytest.param(with_temporal_heads(1), id="1 temporal head"),
        pytest.param(with_temporal_heads(4), id="4 temporal heads"),
    ],
)
def test_what_no_shape_shows_exceeds_the_bound(
    wrong: Architecture, fold: bool, oracle: Path, clip: Tensor, expected: Arrays, distance: Distance
) -> None:
    """Each of these loads strictly. If it passed the bound, the bound would show nothing."""
    model = load(oracle, FULL[0], fold=fold, architecture=wrong)
    video = distance(model.encode_video(clip), expected["encode_video"])
    text = distance(model.encode_text(expected["tokens"]), expected["encode_text"])
    assert max(video, text) > 10 * BOUND


@pytest.mark.parametrize(
    ("file", "architecture", "text"),
    [
        ("full_vclip_keys.json", "vit-b-32", True),
        ("full_downstream_keys.json", "vit-b-32", False),
        ("tiny_vclip_keys.json", "tiny", True),
        ("tiny_downstream_keys.json", "tiny", False),
    ],
)
def test_names_and_shapes_of_published_files(file: str, architecture: str, text: bool, oracle: Path) -> None:
    published = json.loads((oracle / file).read_text())
    network = build_network(get_architecture(architecture), text=text)
    ours = {name: [list(x.shape), str(x.dtype)] for name, x in network.state_dict().items()}
    assert ours == published
