"""Which parameters are trained and decay, and the learning rate at every step."""

import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from emoclip_clinic.encoder import build_network, get_architecture
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training.optimisers import build_optimiser, learning_rate_factor
from emoclip_clinic.pretraining.training.parameters import contrast_groups, frame_groups
from emoclip_clinic.pretraining.training.recipe import Stage
from tests.pretraining.training.coloured import small_recipe

SMALL = build_network(get_architecture("emoclip-small"), text=True)


def stage(**fields: object) -> Stage:
    return Stage.model_validate({"steps": 100, **fields})


def test_every_parameter_but_clips_own_temperature_is_in_exactly_one_group() -> None:
    groups = contrast_groups(SMALL, small_recipe())
    names = [name for group in groups for name in group.names]
    assert sorted(names) == sorted(n for n, _ in SMALL.named_parameters() if n != "backbone.logit_scale")
    assert {n for n, p in SMALL.named_parameters() if not p.requires_grad} == {"backbone.logit_scale"}


def test_only_products_decay() -> None:
    groups = contrast_groups(SMALL, small_recipe())
    exempt = {name for group in groups if group.weight_decay == 0 for name in group.names}
    decaying = {name for group in groups if group.weight_decay > 0 for name in group.names}
    assert {
        "logit_scale",
        "backbone.positional_embedding",
        "backbone.visual.class_embedding",
        "backbone.visual.positional_embedding",
        "backbone.visual.ln_post.weight",
        "temporal.cls_token",
        "temporal.pos_embedding",
    } <= exempt
    assert all(not name.endswith("bias") for name in decaying)
    assert {"backbone.visual.conv1.weight", "backbone.visual.proj", "backbone.text_projection"} <= decaying
    everything = contrast_groups(SMALL, small_recipe(contrast={"decay_all": True}))
    assert all(group.weight_decay > 0 for group in everything)


def test_frozen_towers_leave_the_temporal_part_and_the_temperature() -> None:
    groups = contrast_groups(SMALL, small_recipe(image={"train": False}, text={"train": False}))
    assert {group.part for group in groups} == {"temporal", "temperature"}
    trained = {name for name, p in SMALL.named_parameters() if p.requires_grad}
    assert trained == {n for n, _ in SMALL.named_parameters() if n.startswith("temporal.")} | {"logit_scale"}


def test_towers_learn_at_a_multiple() -> None:
    recipe = small_recipe(image={"lr_factor": 0.01}, text={"lr_factor": 0.1}, contrast={"lr": 2e-3})
    rates = {group.part: group.lr for group in contrast_groups(SMALL, recipe)}
    assert rates == pytest.approx({"image": 2e-5, "text": 2e-4, "temporal": 2e-3, "temperature": 2e-3})
    tables = build_optimiser(contrast_groups(SMALL, recipe), recipe.contrast).param_groups
    assert {table["lr"] for table in tables} == {2e-5, 2e-4, 2e-3}


def test_the_frame_stage_trains_the_image_tower_and_its_heads() -> None:
    groups = frame_groups(SMALL, nn.Linear(3, 2), stage())
    assert {group.part for group in groups} == {"image", "heads"}
    assert not SMALL.logit_scale.requires_grad
    assert not any(p.requires_grad for n, p in SMALL.named_parameters() if "visual" not in n)


def test_the_released_networks_trained_weights_are_counted_as_the_paper_notes() -> None:
    network = build_network(get_architecture("vit-b-32"), text=True)
    recipe = small_recipe(
        architecture="vit-b-32", image={"train": False}, text={"train": False}, data={"frames": 32}
    )
    trained = sum(group.size for group in contrast_groups(network, recipe))
    assert trained / 1e6 == pytest.approx(68.7, abs=0.05)


def test_a_multistep_schedule_is_pytorchs() -> None:
    settings = stage(
        epochs=6, steps=None, schedule={"kind": "multistep", "milestones_epochs": [2, 3, 5], "factor": 0.1}
    )
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = MultiStepLR(optimiser, [2, 3, 5], gamma=0.1)
    for epoch in range(6):
        for step in range(4):
            ours = learning_rate_factor(settings, step=4 * epoch + step, n_steps=24, steps_per_epoch=4)
            assert ours == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()


def test_a_cosine_schedule_rises_and_falls_as_pytorchs() -> None:
    settings = stage(schedule={"kind": "cosine", "warmup_steps": 10, "final": 0.1})
    ours = [learning_rate_factor(settings, step=s, n_steps=110, steps_per_epoch=7) for s in range(110)]
    assert ours[:10] == pytest.approx([(s + 1) / 10 for s in range(10)])
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = CosineAnnealingLR(optimiser, 100, eta_min=0.1)
    for factor in ours[10:]:
        assert factor == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()
    constant = stage(schedule={"kind": "constant"})
    assert learning_rate_factor(constant, step=99, n_steps=100, steps_per_epoch=9) == 1.0
    assert not math.isnan(learning_rate_factor(settings, step=9, n_steps=10, steps_per_epoch=9))


def test_a_stage_that_trains_nothing_is_refused() -> None:
    recipe = small_recipe(contrast={"learn_temperature": False})
    frozen = recipe.model_copy(
        update={p: recipe.image.model_copy(update={"train": False}) for p in ("image", "text", "temporal")}
    )
    with pytest.raises(PretrainingError, match="only frozen parts"):
        contrast_groups(SMALL, frozen)
