"""Outputs of the original code on random weights, as our loader and both forms must give them."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from emoclip_clinic.encoder import (
    Architecture,
    EmoClip,
    build_network,
    get_architecture,
    load_checkpoint,
    tokenize,
)
from emoclip_clinic.encoder.network import EmoClipNetwork

pytestmark = pytest.mark.oracle

TINY = get_architecture("tiny")
BOUND = 1e-5
FULL = ("tiny_vclip_plain.pth", "tiny_vclip_ddp.pth")
DOWNSTREAM = ("tiny_downstream_nofc.pth", "tiny_downstream_full.pth")
HALF = "tiny_vclip_ddp_fp16backbone.pth"
LENGTHS = (1, 5, 16, 64, 100)
INPUTS = {"tokens", "texts", "class_names", "x_seed", "x_first8", "x_sum"}
Distance = Callable[[object, object], float]
Arrays = dict[str, np.ndarray]

every_file = pytest.mark.parametrize("name", [*FULL, *DOWNSTREAM, HALF])
both_forms = pytest.mark.parametrize("fold", [True, False], ids=["folded", "plain"])


@cache
def load(path: Path, *, fold: bool, architecture: Architecture = TINY) -> EmoClip:
    return load_checkpoint(path, architecture=architecture, device="cpu", fold=fold)


@pytest.fixture(scope="module")
def half_reference(oracle: Path, clip: Tensor, expected: Arrays) -> Arrays:
    """What the plain network computes from the plain file's weights, cast as those of the file are."""
    cast = torch.load(oracle / FULL[0], weights_only=True)
    for name, value in torch.load(oracle / HALF, weights_only=True).items():
        if value.dtype == torch.float16:
            cast[name.removeprefix("module.")] = value.float()
    network = EmoClipNetwork(TINY)
    network.load_state_dict(cast)
    network.eval()
    with torch.inference_mode():
        frames = network.encode_frames(clip.flatten(0, 1)).view(2, 32, 64)
        videos, texts = network.encode_segments(frames), network.encode_text(torch.tensor(expected["tokens"]))
        per_video, per_text = network.logits(videos, texts)
        values = {
            "frame_features": frames,
            "temporal_all": network.temporal.tokens(frames),
            "encode_video": videos,
            "encode_text": texts,
            "logits_per_image": per_video,
            "logits_per_text": per_text,
        }
        for length in LENGTHS:
            values[f"temporal_len{length}"] = network.encode_segments(repeated(frames, length))
    return {name: value.numpy() for name, value in values.items()}


@pytest.fixture
def wanted(name: str, expected: Arrays, request: pytest.FixtureRequest) -> Arrays:
    """The reference outputs of the file `name`, by what they are in our words or the original's."""
    if name == HALF:
        arrays: Arrays = request.getfixturevalue("half_reference")
        return arrays
    arrays = {key: value for key, value in expected.items() if key not in INPUTS}
    downstream = arrays.pop("downstream_encode_video")
    if name in DOWNSTREAM:
        arrays["encode_video"] = downstream
        for key in ("encode_text", "logits_per_image", "logits_per_text"):
            del arrays[key]
    return arrays


def repeated(frames: Tensor, length: int) -> Tensor:
    """Frame embeddings one after the other and from the start again, as the reference's lengths are made."""
    return frames.repeat(1, 4, 1)[:, :length]


def test_the_input_is_the_reference_input(clip: Tensor, expected: Arrays) -> None:
    assert np.array_equal(clip.flatten()[:8].numpy(), expected["x_first8"])
    assert float(clip.double().sum()) == pytest.approx(float(expected["x_sum"]), rel=1e-6)


@both_forms
@every_file
def test_every_array(
    name: str, fold: bool, oracle: Path, clip: Tensor, expected: Arrays, wanted: Arrays, distance: Distance
) -> None:
    model = load(oracle / name, fold=fold)
    assert {x.dtype for x in model.network.state_dict().values()} == {torch.float32}
    frames = model.encode_frames(clip.flatten(0, 1)).view(2, 32, 64)
    with torch.inference_mode():
        tokens = model.network.temporal.tokens(frames)
    videos = model.encode_video(clip)
    outputs = {"frame_features": frames, "temporal_all": tokens, "encode_video": videos}
    for length in LENGTHS:
        outputs[f"temporal_len{length}"] = model.encode_segments(repeated(frames, length))
    if model.has_text:
        texts = model.encode_text([str(text) for text in expected["texts"]])
        per_video, per_text = model.logits(videos, texts)
        outputs |= {"encode_text": texts, "logits_per_image": per_video, "logits_per_text": per_text}
    assert outputs.keys() == wanted.keys()
    bound = 1e-6 if name == HALF else BOUND
    distances = {key: distance(value, wanted[key]) for key, value in outputs.items()}
    assert {key: value for key, value in distances.items() if value > bound} == {}


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@both_forms
@every_file
def test_every_batch_size(
    name: str,
    fold: bool,
    batch_size: int,
    oracle: Path,
    clip: Tensor,
    expected: Arrays,
    wanted: Arrays,
    distance: Distance,
) -> None:
    """Ten crops: batches of 7 leave a smaller last one. All 64 at once are in the test above."""
    model = load(oracle / name, fold=fold)
    bound = 1e-6 if name == HALF else BOUND
    short, frames = clip[:, :5], torch.tensor(wanted["frame_features"])
    embedded = model.encode_frames(short.flatten(0, 1), batch_size=batch_size).view(2, 5, 64)
    assert distance(embedded, frames[:, :5]) <= bound
    assert distance(model.encode_video(short, batch_size=batch_size), wanted["temporal_len5"]) <= bound
    alone = model.encode_video(short[1:], batch_size=batch_size)
    assert distance(alone, wanted["temporal_len5"][1:]) <= bound
    assert distance(model.encode_segments(frames, batch_size=batch_size), wanted["encode_video"]) <= 1e-6
    if model.has_text:
        parts = [model.encode_text(part) for part in torch.tensor(expected["tokens"]).split(batch_size)]
        assert distance(torch.cat(parts), wanted["encode_text"]) <= bound


def test_tokens(expected: Arrays) -> None:
    texts = [str(text) for text in expected["texts"]]
    assert np.array_equal(tokenize(texts, TINY), expected["tokens"])


def with_temporal_heads(heads: int) -> Architecture:
    inner = TINY.temporal.heads * TINY.temporal.head_width
    return replace(TINY, temporal=replace(TINY.temporal, heads=heads, head_width=inner // heads))


@both_forms
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
    model = load(oracle / FULL[0], fold=fold, architecture=wrong)
    video = distance(model.encode_video(clip[:, :5]), expected["temporal_len5"])
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
