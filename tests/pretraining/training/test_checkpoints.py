"""A checkpoint is complete or not there; last and best stay; nothing is a pickle."""

import errno
import math
from pathlib import Path

import pytest
import safetensors.torch
import torch

from emoclip_clinic.encoder import EmoClipNetwork, get_architecture, load_checkpoint, random_network
from emoclip_clinic.errors import FormatError, PretrainingError
from emoclip_clinic.pretraining.training import checkpoints
from emoclip_clinic.pretraining.training.checkpoints import (
    last_checkpoint,
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    write_checkpoint,
)
from emoclip_clinic.pretraining.training.optimisers import build_optimiser
from emoclip_clinic.pretraining.training.parameters import contrast_groups
from emoclip_clinic.pretraining.training.recipe import Recipe
from tests.pretraining.training.coloured import small_recipe


@pytest.fixture(scope="module")
def network() -> EmoClipNetwork:
    return random_network(get_architecture("emoclip-small"), seed=0, text=True)


def write(root: Path, network: EmoClipNetwork, stage: str, step: int, best: int | None = None) -> None:
    told = None if best is None else {"stage": stage, "step": best, "score": 0.5}
    write_checkpoint(
        root, stage=stage, step=step, network=network, training={"x": torch.ones(3)}, state={"best": told}
    )


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_last_and_best_stay_and_leftovers_go(network: EmoClipNetwork, tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "none") is None
    (tmp_path / ".unfinished-77-contrast-00000001").mkdir()
    write(tmp_path, network, "frames", 9)
    write(tmp_path, network, "contrast", 2, best=2)
    write(tmp_path, network, "contrast", 4, best=2)
    write(tmp_path, network, "contrast", 6, best=2)
    assert names(tmp_path) == ["contrast-00000002", "contrast-00000006"]
    last = last_checkpoint(tmp_path)
    assert last is not None
    assert (last.stage, last.step) == ("contrast", 6)
    assert load_checkpoint(last.model_path, architecture="emoclip-small", device="cpu").has_text


def test_the_contrast_is_further_than_any_frame_stage(network: EmoClipNetwork, tmp_path: Path) -> None:
    write(tmp_path, network, "contrast", 1)
    (tmp_path / "frames-00000900").mkdir()
    last = last_checkpoint(tmp_path)
    assert last is not None
    assert last.stage == "contrast"


@pytest.mark.parametrize("writer", ["weights", "state"])
def test_a_full_disk_leaves_the_checkpoint_before(
    writer: str, network: EmoClipNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, network, "contrast", 3)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    where = (safetensors.torch, "save_file") if writer == "weights" else (checkpoints, "write_json")
    monkeypatch.setattr(*where, full)
    with pytest.raises(PretrainingError) as error:
        write(tmp_path, network, "contrast", 6)
    assert "No space left on device" in str(error.value)
    assert "it goes on from contrast-00000003" in str(error.value)
    assert names(tmp_path) == ["contrast-00000003"]
    assert read_checkpoint(tmp_path / "contrast-00000003").training_tensors()["x"].tolist() == [1, 1, 1]


def test_really_no_space_is_told(network: EmoClipNetwork, tmp_path: Path) -> None:
    import resource
    import signal

    # A limit on the size of files stands in for a full disk: the system itself refuses to write.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(PretrainingError, match="there is no earlier checkpoint"):
            write(tmp_path / "c", network, "contrast", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert names(tmp_path / "c") == []


def test_damage_is_told(network: EmoClipNetwork, tmp_path: Path) -> None:
    write(tmp_path, network, "contrast", 3)
    folder = tmp_path / "contrast-00000003"
    (folder / "training.safetensors").write_bytes(b"short")
    with pytest.raises(FormatError, match="Remove this folder"):
        read_checkpoint(folder).training_tensors()
    state = folder / "state.json"
    state.write_text(state.read_text().replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(FormatError, match="release that wrote it"):
        last_checkpoint(tmp_path)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_an_optimiser_goes_on_from_its_tensors(optimiser: str, network: EmoClipNetwork) -> None:
    recipe: Recipe = small_recipe(contrast={"optimiser": optimiser})
    groups = contrast_groups(network, recipe)
    first = build_optimiser(groups, recipe.contrast)
    for group in groups:
        for parameter in group.parameters:
            parameter.grad = torch.full_like(parameter, 0.1)
    first.step()
    tensors = optimiser_tensors(first, groups)
    second = build_optimiser(groups, recipe.contrast)
    restore_optimiser(second, groups, tensors)
    again = optimiser_tensors(second, groups)
    assert tensors.keys() == again.keys()
    assert len(tensors) == (3 if optimiser == "adamw" else 1) * sum(len(g.names) for g in groups)
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)
    assert not math.isnan(float(next(iter(tensors.values())).sum()))
    network.zero_grad()
    network.requires_grad_(False)
