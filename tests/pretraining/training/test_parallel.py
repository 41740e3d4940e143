"""Two processes with half the batch do what one process does."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emoclip_clinic.encoder import load_checkpoint
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training import Processes, Training
from emoclip_clinic.pretraining.training.checkpoints import last_checkpoint
from tests.pretraining.training.coloured import coloured_clips, small_recipe, train

LOGS = {"every_steps": 50, "log_every_steps": 1}
CONTRAST = {"steps": 20, "batch_size": 8}
SHORT = {"steps": 4, "batch_size": 8}
SGD = {"optimiser": "sgd", "lr": 0.05, "weight_decay": 1e-3, "schedule": {"kind": "constant"}}
FRAMES = {"steps": 4, "batch_size": 8, "frames_per_clip": 2, **SGD, "lr": 1e-3}
RECIPES = {
    "sgd": small_recipe(contrast={**CONTRAST, **SGD}, checkpoints=LOGS, validation={"every_steps": 20}),
    "adamw": small_recipe(contrast=CONTRAST, checkpoints=LOGS, validation={"every_steps": 20}),
    "two-stages": small_recipe(
        frame_stage=FRAMES, text={"train": False}, contrast={**SHORT, **SGD}, checkpoints=LOGS
    ),
    "groups": small_recipe(
        contrast={**SHORT, **SGD, "negatives_within": 4}, gradient_checkpointing=True, checkpoints=LOGS
    ),
}


def start_process(arguments: str, repository: Path, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pretraining.training.worker", arguments],
        cwd=repository,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, tuple[Path, Path]]:
    """Folders of each recipe, trained by one process and by two."""
    root = tmp_path_factory.mktemp("parallel")
    arguments = json.dumps({str(root / "two" / n): r.model_dump(mode="json") for n, r in RECIPES.items()})
    meeting = str(root / "meeting")
    ranks = [
        start_process(arguments, repository, MEETING=meeting, RANK=str(rank), WORLD_SIZE="2")
        for rank in range(2)
    ]
    for name, recipe in RECIPES.items():
        train(recipe, root / "one" / name)
    for rank in ranks:
        _, errors = rank.communicate(timeout=200)
        assert rank.returncode == 0, errors
    return {name: (root / "one" / name, root / "two" / name) for name in RECIPES}


def losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream) if row["loss"]]


def last_weights(folder: Path) -> Path:
    checkpoint = last_checkpoint(folder / "checkpoints")
    assert checkpoint is not None
    return checkpoint.model_path


@pytest.mark.parametrize("name", RECIPES)
def test_loss_and_embeddings_are_those_of_one_process(name: str, both: dict[str, tuple[Path, Path]]) -> None:
    one, two = (losses(folder) for folder in both[name])
    assert len(one) == len(two) == RECIPES[name].contrast.steps + (4 if name == "two-stages" else 0)
    np.testing.assert_allclose(two, one, atol=1e-4)
    assert abs(one[-1] - one[0]) > 1e-2  # something was learnt, so that equality means something
    store = coloured_clips(8)
    clips = np.stack([store.frames(i, np.array([0, 3])) for i in range(8)])
    paths = [last_weights(folder) for folder in both[name]]
    models = [load_checkpoint(path, architecture="emoclip-small", device="cpu") for path in paths]
    a, b = (torch.nn.functional.normalize(model.encode_video(clips), dim=-1) for model in models)
    assert float((a - b).abs().max()) < 1e-4
    texts = ["a red picture brightens", "grey, and it darkens"]
    a, b = (torch.nn.functional.normalize(model.encode_text(texts), dim=-1) for model in models)
    assert float((a - b).abs().max()) < 1e-4


def test_weights_are_those_of_one_process_with_sgd(both: dict[str, tuple[Path, Path]]) -> None:
    from safetensors.torch import load_file

    one, two = (load_file(last_weights(folder)) for folder in both["sgd"])
    for name, value in one.items():
        difference = (value - two[name]).abs()
        if name.endswith("in_proj_bias"):  # keys' biases cancel in the softmax: their gradient is rounding
            difference = difference.view(3, -1)[[0, 2]]
        assert float(difference.max()) < 1e-4, name


def test_a_batch_that_the_processes_cannot_share_is_refused() -> None:
    second = Processes(rank=1, world_size=2, device=torch.device("cpu"))
    with pytest.raises(PretrainingError, match="9 clips for 2 processes"):
        Training(small_recipe(contrast={"batch_size": 9}), store=coloured_clips(), processes=second)
