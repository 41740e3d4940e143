"""Rendered clips as a store: drawn by seed, kept, mirrored as the renderer says; a recipe finds its clips."""

from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training import build_recipe, open_clips
from emoclip_clinic.pretraining.training.recipe import RenderedClips
from emoclip_clinic.pretraining.training.rendered import draw_store
from emoclip_clinic.synthetic.rendering import ATTRIBUTES, mirror_attributes

FEW = RenderedClips(n_clips=6, n_identities=3, n_frames=4, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn")
    draw_store(FEW, path, size_px=32)
    return path


def test_clips_have_all_that_training_asks_for(folder: Path) -> None:
    store = draw_store(FEW, folder, size_px=32)
    assert len(store.samples) == 6
    assert {sample.source for sample in store.samples} == {"train-00000", "train-00001", "train-00002"}
    assert all(len(sample.captions) == 4 and sample.labels for sample in store.samples)
    frames = store.frames(2, np.array([0, 3, 3]))
    assert frames.shape == (3, 32, 32, 3)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames[1], frames[2])
    assert store.attributes(2, np.arange(4)).shape == (4, len(ATTRIBUTES))


def test_the_mirror_is_the_renderers(folder: Path) -> None:
    store = draw_store(FEW, folder, size_px=32)
    values = np.random.default_rng(0).random((3, len(ATTRIBUTES)), np.float32)
    np.testing.assert_array_equal(store.attribute_mirror.apply(values), mirror_attributes(values))


def test_what_is_drawn_is_drawn_once_and_more_clips_begin_with_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(folder.iterdir())
    monkeypatch.setattr("emoclip_clinic.pretraining.training.rendered._draw_all", pytest.fail)
    few = draw_store(FEW, folder, size_px=32)
    monkeypatch.undo()
    assert sorted(folder.iterdir()) == before
    more = draw_store(FEW.model_copy(update={"n_clips": 8}), folder, size_px=32)
    assert more.samples[:6] == few.samples
    assert np.array_equal(more.frames(5, np.arange(4)), few.frames(5, np.arange(4)))
    other = draw_store(FEW.model_copy(update={"seed": 6}), folder, size_px=32)
    assert not np.array_equal(other.frames(5, np.arange(4)), few.frames(5, np.arange(4)))


def test_a_recipe_without_clips_says_how_to_get_some(tmp_path: Path) -> None:
    recipe = build_recipe({"name": "x", "architecture": "emoclip-small", "contrast": {"steps": 1}})
    with pytest.raises(PretrainingError, match="pretrain prepare MANIFEST"):
        open_clips(recipe, study=tmp_path, cache=tmp_path)
    with pytest.raises(PretrainingError):
        open_clips(recipe, study=tmp_path, cache=tmp_path, data=tmp_path / "absent")


def test_a_recipe_of_rendered_clips_says_that_nobody_was_recorded(tmp_path: Path) -> None:
    recipe = build_recipe(
        {
            "name": "x",
            "architecture": "emoclip-small",
            "data": {"rendered": {"n_clips": 2, "n_identities": 2, "n_frames": 2, "styles": ["class"]}},
            "contrast": {"steps": 1},
        }
    )
    store, description = open_clips(recipe, study=tmp_path, cache=tmp_path / "cache")
    assert store.size_px == 64
    assert description == (
        "2 rendered clips of 2 drawn persons of the pool 'train', seed 0; no recording of anybody"
    )


def test_what_a_killed_run_left_behind_goes(tmp_path: Path) -> None:
    done = draw_store(FEW, tmp_path, size_px=32)
    (folder,) = tmp_path.iterdir()
    folder.rename(tmp_path / f".{folder.name}-999999999")
    assert draw_store(FEW, tmp_path, size_px=32).samples == done.samples
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
