"""Which parameters are trained, at which learning rate, and which of them decay."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from emoclip_clinic.encoder import EmoClipNetwork
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.training.recipe import Recipe, Stage

__all__ = ["ParameterGroup", "contrast_groups", "decays", "frame_groups"]

_NEVER_DECAY = ("positional_embedding", "pos_embedding", "class_embedding", "cls_token", "logit_scale")


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are optimised alike.

    Attributes
    ----------
    part : str
        ``"image"``, ``"text"``, ``"temporal"``, ``"temperature"`` or ``"heads"``.
    names : tuple of str
        Their names.
    parameters : tuple of nn.Parameter
        The parameters.
    lr : float
        Learning rate before the schedule.
    weight_decay : float
        Weight decay.
    """

    part: str
    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]
    lr: float
    weight_decay: float

    @property
    def size(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether weight decay makes sense for a parameter.

    Parameters
    ----------
    name : str
        Its name.
    parameter : nn.Parameter
        The parameter.

    Returns
    -------
    bool
        False for biases, normalisations, positions, class tokens and the temperature: none of them scales a
        product that could grow without bound.
    """
    return parameter.ndim >= 2 and name.rpartition(".")[2] not in _NEVER_DECAY


def contrast_groups(network: EmoClipNetwork, recipe: Recipe) -> tuple[ParameterGroup, ...]:
    """Group the parameters that the contrast trains, and freeze all others.

    Parameters
    ----------
    network : EmoClipNetwork
        The network; ``requires_grad`` of its parameters is set.
    recipe : Recipe
        Says which parts are trained.

    Returns
    -------
    tuple of ParameterGroup
        Two of each part at most: with and without weight decay.
    """
    stage = recipe.contrast
    factors = {
        part: settings.lr_factor
        for part, settings in (("image", recipe.image), ("text", recipe.text), ("temporal", recipe.temporal))
        if settings.train
    }
    if stage.learn_temperature:
        factors["temperature"] = 1.0
    network.requires_grad_(False)
    named = [(name, _part(name), parameter) for name, parameter in network.named_parameters()]
    return _groups(((n, part, p, factors[part]) for n, part, p in named if part in factors), stage)


def frame_groups(network: EmoClipNetwork, heads: nn.Module, stage: Stage) -> tuple[ParameterGroup, ...]:
    """Group the parameters that the frame stage trains: the image tower and its heads; freeze all others.

    Parameters
    ----------
    network : EmoClipNetwork
        The network; ``requires_grad`` of its parameters is set.
    heads : nn.Module
        The regression heads.
    stage : Stage
        Learning rate and weight decay.

    Returns
    -------
    tuple of ParameterGroup
        Two of each part at most: with and without weight decay.
    """
    network.requires_grad_(False)
    named = [(n, "image", p, 1.0) for n, p in network.named_parameters() if _part(n) == "image"]
    named += [(f"heads.{n}", "heads", p, 1.0) for n, p in heads.named_parameters()]
    return _groups(named, stage)


def _part(name: str) -> str:
    """The part of the network that a parameter belongs to."""
    if name.startswith("backbone.visual."):
        return "image"
    if name.startswith("temporal."):
        return "temporal"
    if name == "logit_scale":
        return "temperature"
    # CLIP's own temperature is carried along for the published layout and used by nothing.
    return "unused" if name == "backbone.logit_scale" else "text"


def _groups(
    named: Iterable[tuple[str, str, nn.Parameter, float]], stage: Stage
) -> tuple[ParameterGroup, ...]:
    sorted_out: dict[tuple[str, bool], list[tuple[str, nn.Parameter]]] = {}
    factor_of: dict[str, float] = {}
    for name, part, parameter, factor in named:
        parameter.requires_grad_(True)
        factor_of[part] = factor
        sorted_out.setdefault((part, stage.decay_all or decays(name, parameter)), []).append(
            (name, parameter)
        )
    if not sorted_out:
        raise PretrainingError("A stage must train something", found="only frozen parts")
    return tuple(
        ParameterGroup(
            part=part,
            names=tuple(name for name, _ in members),
            parameters=tuple(parameter for _, parameter in members),
            lr=stage.lr * factor_of[part],
            weight_decay=stage.weight_decay if decay else 0.0,
        )
        for (part, decay), members in sorted_out.items()
    )
