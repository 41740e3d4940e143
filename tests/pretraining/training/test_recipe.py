"""Recipes: what ships is valid and states what is ours; mistakes are told with what was probably meant."""

from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training import (
    Recipe,
    build_recipe,
    find_recipe,
    hash_recipe,
    list_recipes,
    read_recipe,
)
from tests.pretraining.training.coloured import small_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_shipped_recipes_are_valid_and_named_like_their_files(name: str) -> None:
    assert read_recipe(find_recipe(name)).name == name


def test_the_released_training_has_the_released_figures() -> None:
    recipe = read_recipe(find_recipe("emoclip-mafw-as-released"))
    stage = recipe.contrast
    assert (stage.optimiser, stage.lr, stage.momentum, stage.weight_decay) == ("sgd", 1e-3, 0.9, 5e-4)
    assert (stage.epochs, stage.batch_size, stage.negatives_within) == (30, 128, 64)
    assert (stage.schedule.milestones_epochs, stage.schedule.factor) == ((15, 35, 50), 0.1)
    assert (recipe.data.frames, recipe.data.stride, recipe.data.rotation_deg) == (32, 2, 6.0)
    assert not recipe.image.train
    assert not recipe.text.train
    assert recipe.start == "openai-clip"


@pytest.mark.parametrize("name", ["emoclip-mafw-as-released", "emoclip-recommended"])
def test_what_is_ours_is_marked_and_what_is_published_is_not(name: str) -> None:
    recipe = read_recipe(find_recipe(name))
    published = {
        "emoclip-mafw-as-released": {"contrast.lr", "contrast.epochs", "data.stride", "image", "data.frames"},
        "emoclip-recommended": {
            "data.frames",
            "data.stride",
            "data.rotation_deg",
            "data.flip",
            "architecture",
        },
    }[name]
    assert recipe.ours
    assert not published & set(recipe.ours)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"gradient_checkpoints": True}, "Did you mean 'gradient_checkpointing'?"),
        ({"contrast": {"steps": 5, "batchsize": 4}}, "Did you mean 'batch_size'?"),
        ({"frame_stage": {"steps": 5, "frame_per_clip": 4}}, "Did you mean 'frames_per_clip'?"),
        ({"data": {"rendered": {"n_clip": 4}}}, "Did you mean 'n_clips'?"),
        ({"contrast": {"steps": 5, "batch_size": 1}}, "contrast.batch_size = 1"),
        ({"contrast": {"steps": 5, "epochs": 5}}, "either epochs or steps"),
        ({"contrast": {}}, "either epochs or steps"),
        ({"contrast": {"steps": 5, "schedule": {"kind": "cosinus"}}}, "contrast.schedule.kind = 'cosinus'"),
        ({"ours": ["contrast.lrate"]}, "contrast.lrate, which is no setting"),
        (
            {"image": {"train": False}, "text": {"train": False}, "temporal": {"train": False}},
            "no part is trained",
        ),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_mistakes_are_told_by_name(fields: dict[str, object], told: str) -> None:
    whole = {"name": "x", "architecture": "emoclip-small", "contrast": {"steps": 5}, **fields}
    with pytest.raises(PretrainingError) as error:
        build_recipe(whole, where="x.yaml")
    assert told in str(error.value)
    assert "x.yaml" in str(error.value)


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(PretrainingError) as error:
        build_recipe({"name": "x y", "contrast": {"steps": 0}, "sed": 3})
    assert len(error.value.found_lines) == 4  # also the architecture that is missing


@pytest.mark.parametrize("content", ["- a\n- b\n", "just text", "", "a: [unclosed"])
def test_a_file_that_is_no_recipe_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(content)
    with pytest.raises(PretrainingError, match=r"r\.yaml"):
        read_recipe(path)


def test_a_recipe_is_found_by_path_by_name_and_in_the_study(tmp_path: Path) -> None:
    own = tmp_path / "protocols" / "training" / "ours.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump({"name": "ours", "architecture": "tiny", "contrast": {"steps": 1}}))
    assert find_recipe("ours", study=tmp_path) == own
    assert find_recipe(str(own)) == own
    assert find_recipe("demo-model.yaml").name == "demo-model.yaml"
    with pytest.raises(PretrainingError, match="Did you mean 'demo-model'"):
        find_recipe("demo-modell.yaml")


def test_the_hash_follows_what_decides_the_weights() -> None:
    recipe: Recipe = small_recipe()
    assert hash_recipe(recipe) == hash_recipe(small_recipe(checkpoints={"log_every_steps": 9}, name="other"))
    assert hash_recipe(recipe) != hash_recipe(small_recipe(contrast={"lr": 2e-3}))


def test_the_docs_list_every_setting(repository: Path) -> None:
    def names(model: type[BaseModel]) -> set[str]:
        found = set(model.model_fields)
        for field in model.model_fields.values():
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    found |= names(kind)
        return found

    text = (repository / "docs" / "pretraining.md").read_text()
    assert {name for name in names(Recipe) if f"`{name}`" not in text} == set()
