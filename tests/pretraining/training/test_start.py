"""Where weights come from: drawn by seed, from a checkpoint, from CLIP's towers."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from emoclip_clinic.encoder import get_architecture, random_network, save_weights
from emoclip_clinic.errors import PretrainingError, WeightsError
from emoclip_clinic.pretraining.training.start import starting_network
from tests.pretraining.training.coloured import small_recipe

SMALL = get_architecture("emoclip-small")


def test_fresh_weights_follow_the_seed_alone() -> None:
    one = starting_network(small_recipe(seed=1)).state_dict()
    torch.rand(7)
    again = starting_network(small_recipe(seed=1)).state_dict()
    other = starting_network(small_recipe(seed=2)).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in one.items())
    assert not torch.equal(one["temporal.cls_token"], other["temporal.cls_token"])


def test_fresh_positions_and_temperature_are_the_recipes() -> None:
    state = starting_network(
        small_recipe(temporal_init_std=0.02, contrast={"temperature": 0.05})
    ).state_dict()
    assert float(state["temporal.pos_embedding"].std()) == pytest.approx(0.02, rel=0.05)
    assert float(state["logit_scale"].exp()) == pytest.approx(20.0, rel=1e-5)


def test_a_checkpoint_of_ours_is_taken_over_whole(tmp_path: Path) -> None:
    network = random_network(SMALL, seed=5, text=True)
    save_weights(network, tmp_path / "a.safetensors")
    for start, study in ((str(tmp_path / "a.safetensors"), None), ("a.safetensors", tmp_path)):
        state = starting_network(small_recipe(start=start), study=study).state_dict()
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_clips_towers_come_with_their_temperature_and_a_fresh_temporal_part(tmp_path: Path) -> None:
    clip = random_network(SMALL, seed=5, text=True).backbone.state_dict()
    clip["logit_scale"] = torch.tensor(4.6052)
    save_file({**clip, "context_length": torch.tensor(48)}, tmp_path / "clip.safetensors")
    state = starting_network(small_recipe(start=str(tmp_path / "clip.safetensors"))).state_dict()
    assert all(torch.equal(value, state[f"backbone.{name}"]) for name, value in clip.items())
    assert float(state["logit_scale"]) == pytest.approx(4.6052)
    fresh = starting_network(small_recipe()).state_dict()
    assert torch.equal(state["temporal.cls_token"], fresh["temporal.cls_token"])


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    tiny = random_network(get_architecture("tiny"), seed=5, text=True)
    save_weights(tiny, tmp_path / "tiny.safetensors")
    with pytest.raises(WeightsError, match="It fits 'tiny'"):
        starting_network(small_recipe(start=str(tmp_path / "tiny.safetensors")))
    save_file(tiny.backbone.state_dict(), tmp_path / "clip.safetensors")
    with pytest.raises(PretrainingError, match="key for key"):
        starting_network(small_recipe(start=str(tmp_path / "clip.safetensors")))
    save_weights(tiny, tmp_path / "down.safetensors", form="downstream")
    with pytest.raises(WeightsError):
        starting_network(small_recipe(architecture="tiny", start=str(tmp_path / "down.safetensors")))
