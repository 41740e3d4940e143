"""The towers against open_clip's own forward pass, and the published names."""

from collections.abc import Callable
from dataclasses import replace

import open_clip
import pytest
import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from emoclip_clinic.encoder import (
    ARCHITECTURES,
    EmoClipNetwork,
    build_network,
    get_architecture,
    random_network,
)

Distance = Callable[[object, object], float]
TINY = get_architecture("tiny")


@pytest.fixture(scope="module")
def network(full_state: dict[str, Tensor]) -> EmoClipNetwork:
    built = EmoClipNetwork(TINY)
    built.load_state_dict(full_state)
    return built.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(5, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def test_frames_equal_open_clip(network: EmoClipNetwork, images: Tensor, distance: Distance) -> None:
    assert distance(network.encode_frames(images), network.backbone.encode_image(images)) < 2e-6
    exact = EmoClipNetwork(TINY).eval().requires_grad_(False)
    exact.load_state_dict(network.state_dict())
    exact.double()
    in_double = exact.encode_frames(images.double())
    assert distance(in_double, exact.backbone.encode_image(images.double())) < 1e-13


def test_frames_train_like_open_clip(network: EmoClipNetwork, images: Tensor) -> None:
    gradients = []
    for encode in (network.encode_frames, network.visual):
        network.zero_grad()
        network.requires_grad_(True)
        encode(images[:2]).square().sum().backward()
        gradients.append({name: x.grad.clone() for name, x in network.visual.named_parameters()})
        network.requires_grad_(False)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-3, atol=1e-3, msg=name)


def test_image_tower_alone_equals_that_of_the_full_model(
    network: EmoClipNetwork, downstream_state: dict[str, Tensor], images: Tensor
) -> None:
    alone = EmoClipNetwork(TINY, text=False)
    alone.load_state_dict(downstream_state)
    alone.requires_grad_(False)
    assert torch.equal(alone.eval().encode_frames(images), network.encode_frames(images))


def test_logits_are_scaled_cosines_of_the_outer_temperature(network: EmoClipNetwork) -> None:
    generator = torch.Generator().manual_seed(1)
    segments, texts = torch.randn(3, 64, generator=generator), torch.randn(4, 64, generator=generator)
    assert network.logit_scale != network.backbone.logit_scale
    per_segment, per_text = network.logits(segments, texts)
    for i, segment in enumerate(segments):
        for j, text in enumerate(texts):
            cosine = segment @ text / (segment.norm() * text.norm())
            wanted = network.logit_scale.exp() * cosine
            torch.testing.assert_close(per_segment[i, j], wanted)
            torch.testing.assert_close(per_text[j, i], wanted)


def test_vit_b_32_is_the_one_of_open_clip() -> None:
    """Sizes, numbers of heads and the activation are open_clip's own for the OpenAI weights."""
    architecture = get_architecture("vit-b-32")
    config = open_clip.get_model_config(architecture.clip_name)
    assert config["quick_gelu"] is True
    with torch.device("meta"):
        theirs = open_clip.CLIP(**config)
    ours = build_network(architecture, text=True).backbone
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }

    def heads(model: nn.Module) -> list[int]:
        return [x.num_heads for x in model.modules() if isinstance(x, nn.MultiheadAttention)]

    def activations(model: nn.Module) -> int:
        return sum(isinstance(x, QuickGELU) for x in model.modules())

    assert heads(ours) == heads(theirs) == 12 * [12] + 12 * [8]
    assert activations(ours) == activations(theirs) == 24
    assert (architecture.temporal.heads, architecture.temporal.head_width) == (8, 2048)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_heads_divide_the_width(name: str) -> None:
    architecture = get_architecture(name)
    for tower in (architecture.image, architecture.text):
        assert tower.width % tower.heads == 0


def test_building_on_meta_takes_no_memory() -> None:
    network = build_network(get_architecture("vit-b-32"), text=True)
    assert {x.device.type for x in network.parameters()} == {"meta"}


def test_small_images_and_vocabularies() -> None:
    """An architecture of one's own runs through the same code."""
    own = replace(
        TINY,
        name="own",
        embed_dim=32,
        image=replace(TINY.image, image_size_px=64, patch_px=16, width=48, heads=3),
        text=replace(TINY.text, context_length=20, vocab_size=100),
    )
    network = random_network(own, seed=0, text=True)
    with torch.inference_mode():
        images = torch.randn(2, 3, 64, 64)
        torch.testing.assert_close(network.encode_frames(images), network.backbone.encode_image(images))
        assert network.encode_text(torch.randint(1, 100, (2, 20))).shape == (2, 32)


def test_random_weights_are_the_same_with_and_without_text() -> None:
    with_text = random_network(TINY, seed=3, text=True).state_dict()
    without = random_network(TINY, seed=3).state_dict()
    for name, value in without.items():
        assert torch.equal(value, with_text[name.replace("backbone.", "backbone.visual.")])
    other = random_network(TINY, seed=4).state_dict()
    assert not torch.equal(other["backbone.proj"], without["backbone.proj"])


def test_random_embeddings_are_neither_flat_nor_huge() -> None:
    network = random_network(TINY, seed=0)
    images = torch.randn(8, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        frames = network.encode_frames(images)
        segments = network.encode_segments(frames.view(4, 2, -1))
    for embeddings in (frames, segments):
        assert 0.3 < float(embeddings.std()) < 3
        assert float(embeddings.std(dim=0).mean()) > 0.02
