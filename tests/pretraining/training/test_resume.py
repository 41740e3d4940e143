"""kill -9 in the middle of a training: going on gives bit for bit what an uninterrupted run gives."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training.checkpoints import last_checkpoint
from tests.pretraining.training.coloured import small_recipe, train

RECIPE = small_recipe(
    frame_stage={"steps": 4, "batch_size": 8, "frames_per_clip": 2},
    contrast={"steps": 11},  # more than two epochs of 4 steps: the sampler's position matters
    validation={"every_steps": 5},
    checkpoints={"every_steps": 3, "log_every_steps": 1},
)


def run_and_kill_at(line: str, folder: Path, repository: Path) -> None:
    """Start the training in a process of its own and kill it when it has told a line."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.pretraining.training.worker",
            json.dumps({str(folder): RECIPE.model_dump(mode="json")}),
        ],
        cwd=repository,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        for said in process.stdout:
            if said.strip() == line:
                break
        else:
            pytest.fail("the training ended before it could be killed")
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train(RECIPE, folder)
    return folder


def without_times(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    measured = ("clips_per_s", "waiting_share", "memory_mb", "elapsed_s")
    return [{key: value for key, value in row.items() if key not in measured} for row in rows]


@pytest.mark.parametrize("line", ["frames 4", "contrast 7"])
def test_going_on_after_a_kill_gives_the_same_bits(
    line: str, whole: Path, tmp_path: Path, repository: Path
) -> None:
    run_and_kill_at(line, tmp_path, repository)
    stopped = last_checkpoint(tmp_path / "checkpoints")
    assert stopped is not None
    assert not stopped.state["progress"]["finished"] or line.startswith("frames")
    lines: list[str] = []
    train(RECIPE, tmp_path, tell=lines.append)
    assert lines[0] == f"Going on from {stopped.folder.name}."
    ends = [last_checkpoint(folder / "checkpoints") for folder in (whole, tmp_path)]
    for read in ("model_tensors", "training_tensors"):  # weights; optimiser and random states
        one, two = (getattr(end, read)() for end in ends)
        assert one.keys() == two.keys()
        assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert ends[0].state["sampler"] == ends[1].state["sampler"] == {"epoch": 2, "step_of_epoch": 3}
    assert ends[0].state["best"] == ends[1].state["best"]
    assert without_times(tmp_path) == without_times(whole)
    assert (tmp_path / "test.safetensors").read_bytes() == (whole / "test.safetensors").read_bytes()


def test_a_finished_training_is_not_trained_on(whole: Path) -> None:
    before = (whole / "metrics.csv").read_text()
    steps: list[int] = []
    result = train(RECIPE, whole, on_step=lambda _stage, step: steps.append(step))
    assert steps == []
    assert (whole / "metrics.csv").read_text() == before
    assert result.record.training is not None
    assert "4 steps on single frames against 2 numeric attributes" in result.record.training.frame_stage


def test_going_on_with_another_recipe_is_refused(whole: Path) -> None:
    other = small_recipe(**{**RECIPE.model_dump(mode="json"), "seed": 1})
    with pytest.raises(PretrainingError, match="seed: was 0, is 1"):
        train(other, whole)
