"""The verb `pretrain RECIPE.yaml`: trains, goes on, plans, and says what is wrong with a recipe."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.encoder import add_weights

RECIPE = {
    "name": "few",
    "architecture": "emoclip-small",
    "data": {"rendered": {"n_clips": 12, "n_identities": 6, "n_frames": 2}, "frames": 2, "stride": 1},
    "image": {"train": True, "lr_factor": 0.5},
    "frame_stage": {"steps": 2, "batch_size": 4, "frames_per_clip": 2},
    "contrast": {"steps": 3, "batch_size": 4},
    "validation": {"share": 0.3, "windows": 1},
    "checkpoints": {"log_every_steps": 1},
    "precision": "fp32",
}


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """The network here is small."""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["pretrain", *arguments])


def test_a_recipe_becomes_weights_that_the_registry_takes(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ("--study", str(tmp_path))
    planned = invoke(str(recipe), "--dry-run", *study)
    assert planned.exit_code == 0, planned.output
    rows = [line.split("\t") for line in planned.stdout.splitlines()]
    assert rows[0] == ["stage", "part", "parameters", "lr", "weight decay"]
    assert {(row[0], row[1]) for row in rows[1:]} == {
        ("frames", "image"),
        ("frames", "heads"),
        ("contrast", "image"),
        ("contrast", "text"),
        ("contrast", "temporal"),
        ("contrast", "temperature"),
    }
    assert ["contrast", "temperature", "1", "0.0005", "0"] in rows
    assert "contrast: 3 steps of 4 clips" in planned.stderr
    home = tmp_path / "derivatives" / "emoclip-clinic" / "pretraining"
    assert not (home / "few").exists()

    trained = invoke(str(recipe), *study)
    assert trained.exit_code == 0, trained.output
    assert "contrast 3/3: loss" in trained.stderr
    assert f"weights add {home}/few/few.safetensors --name few" in trained.stderr.replace("\n", "")
    monkeypatch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(tmp_path / "store"))
    added = add_weights(home / "few" / "few.safetensors", "few").record
    assert added.training is not None
    assert "no recording of anybody" in added.training.data
    assert "2 steps on single frames" in added.training.frame_stage

    again = invoke(str(recipe), *study)
    assert again.exit_code == 0
    assert "Going on from contrast-00000003." in again.stderr


def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    unknown = invoke("demo-modell.yaml", "--study", str(tmp_path))
    assert unknown.exit_code == 2
    assert "Did you mean 'demo-model'?" in unknown.stderr
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "contrats": {}}))
    wrong = invoke(str(path), "--study", str(tmp_path))
    assert wrong.exit_code == 2
    assert "Did you mean 'contrast'?" in wrong.stderr
    path.write_text(yaml.safe_dump({**RECIPE, "data": {}}))
    nothing = invoke(str(path), "--study", str(tmp_path))
    assert nothing.exit_code == 2
    assert "pretrain prepare MANIFEST" in nothing.stderr


def test_a_device_that_is_not_there_is_told(recipe: Path, tmp_path: Path) -> None:
    result = invoke(str(recipe), "--device", "gpu", "--study", str(tmp_path))
    assert result.exit_code == 2
    assert "auto, cpu, cuda" in result.stderr
