"""Weights leave in the layout of published checkpoints, and come back as the same numbers."""

import json
from pathlib import Path

import pytest
import torch

from emoclip_clinic.encoder import (
    EmoClipNetwork,
    add_weights,
    build_network,
    get_architecture,
    load_checkpoint,
    load_network,
    published_state,
    random_network,
    save_weights,
)
from emoclip_clinic.errors import WeightsError


@pytest.fixture(scope="module")
def network() -> EmoClipNetwork:
    return random_network(get_architecture("emoclip-small"), seed=3, text=True)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("architecture", "form", "listing"),
    [
        ("tiny", "full", "tiny_vclip_keys.json"),
        ("tiny", "downstream", "tiny_downstream_keys.json"),
        ("vit-b-32", "full", "full_vclip_keys.json"),
        ("vit-b-32", "downstream", "full_downstream_keys.json"),
    ],
)
def test_names_and_shapes_are_the_published_ones(
    architecture: str, form: str, listing: str, oracle: Path
) -> None:
    wanted = json.loads((oracle / listing).read_text())
    wanted = {name: shape for name, (shape, _) in wanted.items() if not name.startswith("mlp.")}
    # The real sizes have 880 MB of weights, of which nothing but names and shapes is needed here.
    device = "cpu" if architecture == "tiny" else "meta"
    network = build_network(get_architecture(architecture), text=form == "full", device=device)
    names = network.state_dict() if device == "meta" else published_state(network, form=form)
    assert {name: list(value.shape) for name, value in names.items()} == wanted


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_is_saved_loads_strictly_to_the_same_numbers(
    suffix: str, network: EmoClipNetwork, tmp_path: Path
) -> None:
    again = load_network(save_weights(network, tmp_path / f"a{suffix}"), architecture="emoclip-small")
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    path = save_weights(network, tmp_path / f"b{suffix}", form="downstream")
    clip = torch.randn(1, 5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    small = load_checkpoint(path, architecture="emoclip-small", device="cpu", fold=False)
    full = load_checkpoint(
        tmp_path / f"a{suffix}", architecture="emoclip-small", device="cpu", text=True, fold=False
    )
    assert not small.has_text
    torch.testing.assert_close(small.encode_video(clip), full.encode_video(clip))


def test_half_precision_halves_the_file(network: EmoClipNetwork, tmp_path: Path) -> None:
    whole = save_weights(network, tmp_path / "a.safetensors").stat().st_size
    half = save_weights(network, tmp_path / "b.safetensors", dtype=torch.float16).stat().st_size
    assert half < 0.51 * whole
    load_network(tmp_path / "b.safetensors", architecture="emoclip-small")


def test_a_folded_network_is_not_exported(tmp_path: Path) -> None:
    network = random_network(get_architecture("emoclip-small"), seed=3)
    with pytest.raises(WeightsError, match="text tower"):
        save_weights(network, tmp_path / "a.pth")
    network.fold()
    with pytest.raises(WeightsError, match="folded"):
        save_weights(network, tmp_path / "a.pth", form="downstream")
    with pytest.raises(WeightsError, match="safetensors"):
        save_weights(network, tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


def test_a_record_beside_the_file_describes_it_if_it_is_about_this_file(
    network: EmoClipNetwork, tmp_path: Path, store: Path
) -> None:
    from emoclip_clinic.study.files import sha256_file

    path = save_weights(network, tmp_path / "ours.safetensors")
    record = """name: ours
kind: user
architecture: emoclip-small
preprocessing: {image_size_px: 64}
segment_frames: 16
sha256: HASH
training: {recipe: r, recipe_sha256: HASH, start: random, data: drawn, frame_stage: none, selection: last,
  steps: 3, seed: 0, finished: '2026-01-01'}
"""
    path.with_suffix(".yaml").write_text(record.replace("HASH", sha256_file(path)))
    entry = add_weights(path, "mine")
    assert entry.record.architecture == "emoclip-small"
    assert entry.record.segment_frames == 16
    assert entry.record.training is not None
    path.with_suffix(".yaml").write_text(record.replace("HASH", "ab" * 32))
    with pytest.raises(WeightsError, match="Add it with --architecture emoclip-small"):
        add_weights(path, "other")
