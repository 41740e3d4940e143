"""A training as a whole: it learns, says how, ends early where that is asked, and stops with advice."""

import csv
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from emoclip_clinic.encoder import add_weights, load_checkpoint, tokenize
from emoclip_clinic.errors import EmoClipClinicError, PretrainingError, SettingsError
from emoclip_clinic.pretraining.data import ArrayStore
from emoclip_clinic.pretraining.training import Training, join_processes, plan_training
from emoclip_clinic.pretraining.training.checkpoints import last_checkpoint
from emoclip_clinic.pretraining.training.steps import ContrastSteps
from tests.pretraining.training.coloured import coloured_clips, small_recipe, train

LEARNING = small_recipe(
    frame_stage={"steps": 30, "batch_size": 16, "frames_per_clip": 2, "lr": 1e-3},
    contrast={"steps": 60, "batch_size": 16, "lr": 1e-3, "schedule": {"warmup_steps": 5}},
    validation={"every_steps": 30},
    checkpoints={"every_steps": 30, "log_every_steps": 10},
)


def with_captions(store: ArrayStore, *captions: tuple[str, ...]) -> ArrayStore:
    """The same clips with other captions, in turn."""
    store.samples = tuple(
        replace(sample, captions=captions[number % len(captions)])
        for number, sample in enumerate(store.samples)
    )
    return store


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learnt")
    lines: list[str] = []
    train(LEARNING, folder, tell=lines.append)
    (folder / "lines.txt").write_text("\n".join(lines))
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_it_learns_the_clips_of_persons_it_has_not_seen(learnt: Path) -> None:
    scores = [float(row["mean_reciprocal_rank"]) for row in rows_of(learnt) if row["mean_reciprocal_rank"]]
    assert max(scores) > 0.6  # eight kinds of clip: about .34 where nothing is known
    r2 = [float(row["r2"]) for row in rows_of(learnt) if row["r2"]]
    assert r2[-1] > 0.7
    model = load_checkpoint(learnt / "test.safetensors", architecture="emoclip-small", device="cpu")
    clips = coloured_clips(8, seed=9)
    videos = model.encode_video(np.stack([clips.frames(i, np.array([0, 3])) for i in range(8)]))
    texts = model.encode_text([f"a {colour} picture" for colour in ("red", "green", "blue", "grey")])
    found = model.logits(videos, texts)[0].argmax(dim=1)
    assert float((found == torch.arange(8) % 4).float().mean()) >= 0.75


def test_the_run_says_how_it_went(learnt: Path) -> None:
    rows = rows_of(learnt)
    assert [row["step"] for row in rows if row["stage"] == "frames" and row["loss"]] == ["10", "20", "30"]
    assert {row["stage"] for row in rows} == {"frames", "contrast"}
    lines = (learnt / "lines.txt").read_text()
    assert re.search(
        r"contrast 60/60: loss [\d.]+, lr x [\d.e-]+, 1/temperature [\d.]+, [\d.]+ clips/s, "
        r"waiting \d+ %, memory \d+ MB",
        lines,
    )
    assert "contrast 60: recall at 1" in lines
    drawn = ElementTree.parse(learnt / "curves.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    recipe = yaml.safe_load((learnt / "recipe.yaml").read_text())
    assert recipe["contrast"]["steps"] == 60
    assert not [path for path in learnt.rglob("*") if path.suffix in (".pkl", ".pt", ".pth")]


def test_the_record_is_known_to_the_registry_and_says_what_was_used(
    learnt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(tmp_path / "store"))
    record = add_weights(learnt / "test.safetensors", "colours").record
    assert record.architecture == "emoclip-small"
    assert record.segment_frames == 2
    assert record.training is not None
    assert "brightness, redness" in record.training.frame_stage
    assert "labels" in record.training.frame_stage
    assert "training folds by source" in record.training.selection


def test_without_validation_and_frame_stage_the_last_step_is_the_result(tmp_path: Path) -> None:
    recipe = small_recipe(contrast={"steps": 2}, validation={"share": 0})
    result = train(recipe, tmp_path)
    assert result.best is None
    assert result.record.training is not None
    assert result.record.training.frame_stage == "none: no label but captions was used"
    assert result.record.training.steps == 2
    last = last_checkpoint(tmp_path / "checkpoints")
    assert last is not None
    assert result.weights.read_bytes() == last.model_path.read_bytes()


def test_frozen_towers_stay_as_they_were(tmp_path: Path) -> None:
    frozen = small_recipe(image={"train": False}, text={"train": False}, contrast={"steps": 3})
    with join_processes("cpu") as processes:
        before = Training(frozen, store=coloured_clips(), processes=processes).network.state_dict()
    train(frozen, tmp_path)
    last = last_checkpoint(tmp_path / "checkpoints")
    assert last is not None
    changed = {name for name, value in last.model_tensors().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("temporal.") or name == "logit_scale" for name in changed)


def test_it_ends_early_and_keeps_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5, 0.4, math.nan, 0.9])
    monkeypatch.setattr(ContrastSteps, "evaluate", lambda *_a, **_k: {"mean_reciprocal_rank": next(scores)})
    recipe = small_recipe(contrast={"steps": 9}, validation={"every_steps": 2, "patience": 2})
    result = train(recipe, tmp_path)
    assert result.best == {"stage": "contrast", "step": 2, "score": 0.5}
    last = last_checkpoint(tmp_path / "checkpoints")
    assert last is not None
    assert last.step == 6
    assert (tmp_path / "checkpoints" / "contrast-00000002").is_dir()


def test_the_temperature_stays_above_a_hundredth(tmp_path: Path) -> None:
    recipe = small_recipe(contrast={"temperature": 0.0101, "lr": 0.5, "steps": 3, "clip_norm": None})
    train(recipe, tmp_path)
    scales = [float(row["inverse_temperature"]) for row in rows_of(tmp_path) if row["inverse_temperature"]]
    assert max(scales) <= 100.001


def test_a_loss_that_is_no_number_stops_with_the_clips_and_saves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ContrastSteps.loss
    calls = iter(range(100))

    def broken(self: ContrastSteps, batch: object, *, precision: str) -> torch.Tensor:
        loss = real(self, batch, precision=precision)  # type: ignore[arg-type]
        return loss * math.nan if next(calls) == 3 else loss

    monkeypatch.setattr(ContrastSteps, "loss", broken)
    with pytest.raises(PretrainingError) as error:
        train(small_recipe(), tmp_path)
    assert "loss nan at step 4" in str(error.value)
    assert len(re.findall(r"clip-\d+", str(error.value))) == 8
    last = last_checkpoint(tmp_path / "checkpoints")
    assert last is not None
    assert last.step == 3
    assert all(bool(value.isfinite().all()) for value in last.model_tensors().values())


def test_a_log_that_cannot_be_written_says_where_the_training_goes_on(tmp_path: Path) -> None:
    def spoil(_stage: str, step: int) -> None:
        if step == 3:
            (tmp_path / "metrics.csv").unlink()
            (tmp_path / "metrics.csv").mkdir()

    with pytest.raises(PretrainingError, match="goes on from the last checkpoint"):
        train(small_recipe(), tmp_path, on_step=spoil)


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_says_which_knob_to_turn(
    failure: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise failure

    monkeypatch.setattr(ContrastSteps, "loss", fails)
    for precision in ("fp32", "auto"):  # the second fails where precisions are timed
        with pytest.raises(PretrainingError, match=r"gradient_checkpointing: true; lower batch_size \(now 8"):
            train(small_recipe(precision=precision), tmp_path / precision)


def test_another_failure_is_not_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(ContrastSteps, "loss", fails)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(small_recipe(), tmp_path)


@pytest.mark.parametrize(
    ("store", "changes", "told"),
    [
        (coloured_clips(48, size_px=32), {}, "Prepare the clips again with crops of 64 pixels"),
        (with_captions(coloured_clips(), ("same",)), {}, "at least two different captions"),
        (with_captions(coloured_clips(), ("a",), ()), {}, "must have a caption"),
        (coloured_clips(6), {}, "must not have more clips than the data set"),
        (coloured_clips(), {"contrast": {"batch_size": 6, "negatives_within": 4}}, "6 clips per process"),
        (coloured_clips(), {"data": {"frames": 65}}, "64 at most"),
        (
            coloured_clips(),
            {"frame_stage": {"steps": 1, "batch_size": 8, "attributes": ["rednes"]}},
            "Did you mean 'redness'?",
        ),
        (coloured_clips(), {"start": "nowhere"}, "nowhere"),
        (coloured_clips(), {"start": "tiny-random"}, "random numbers"),
        (coloured_clips(), {"start": "openai-clip"}, "no weights of this architecture"),
        (coloured_clips(), {"architecture": "emoclip-smal"}, "Did you mean 'emoclip-small'?"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    store: ArrayStore, changes: dict[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(EmoClipClinicError) as error:
        train(small_recipe(**changes), tmp_path, store=store)
    assert told in str(error.value)


def test_a_frame_stage_needs_attributes(tmp_path: Path) -> None:
    store = coloured_clips()
    store.attribute_names = ()
    recipe = small_recipe(frame_stage={"steps": 1, "batch_size": 8})
    with pytest.raises(PretrainingError, match="numeric attributes"):
        train(recipe, tmp_path, store=store)


def test_tensorboard_is_asked_for_by_name(tmp_path: Path) -> None:
    recipe = small_recipe(contrast={"steps": 2}, checkpoints={"tensorboard": True})
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(SettingsError, match="uv pip install tensorboard"):
            train(recipe, tmp_path)
    else:
        train(recipe, tmp_path)
        assert list((tmp_path / "tensorboard").iterdir())


def test_a_plan_tells_what_it_would_take_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = small_recipe(
        frame_stage={"steps": 50, "batch_size": 8},
        image={"lr_factor": 0.1},
        contrast={"epochs": 3, "steps": None},
        precision="auto",
    )
    with join_processes("cpu") as processes:
        frames, contrast = plan_training(Training(recipe, store=coloured_clips(), processes=processes))
    assert (frames.stage, frames.n_steps) == ("frames", 50)
    assert (contrast.n_steps, contrast.steps_per_epoch) == (12, 4)
    assert contrast.duration_s == pytest.approx(12 * contrast.step_s)
    assert contrast.step_s > 0
    assert contrast.precision in ("fp32", "bf16")
    assert {group.part: group.lr for group in contrast.groups}["image"] == pytest.approx(1e-4)
    assert contrast.n_frozen == 1  # CLIP's own temperature
    assert not list(tmp_path.iterdir())


def test_gradient_checkpointing_changes_nothing_but_memory(tmp_path: Path) -> None:
    for name, on in (("without", False), ("with", True)):
        train(small_recipe(gradient_checkpointing=on, contrast={"steps": 3}), tmp_path / name)
    a, b = (load_checkpoint(tmp_path / n / "test.safetensors", architecture="emoclip-small", device="cpu")
            for n in ("without", "with"))  # fmt: skip
    tokens = tokenize(["a red picture"], a.architecture)
    torch.testing.assert_close(a.encode_text(tokens), b.encode_text(tokens), atol=1e-4, rtol=1e-4)
