"""Where weights come from at the start: drawn fresh, CLIP's towers, or an EmoCLIP that exists."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from emoclip_clinic.encoder import (
    Architecture,
    EmoClipNetwork,
    build_network,
    check_weights,
    get_architecture,
    load_network,
    read_tensors,
)
from emoclip_clinic.errors import PretrainingError, WeightsError
from emoclip_clinic.pretraining.training.networks import fresh_temporal_part
from emoclip_clinic.pretraining.training.recipe import Recipe

__all__ = ["starting_network"]

_log = logging.getLogger(__name__)
_OPENAI = "openai-clip"
_UNUSED_OF_OPENAI = ("input_resolution", "context_length", "vocab_size")


def starting_network(recipe: Recipe, *, study: Path | None = None) -> EmoClipNetwork:
    """Build the network that a training starts from.

    Parameters
    ----------
    recipe : Recipe
        Architecture, ``start`` and seed.
    study : Path, optional
        Root of a study, whose own weights records win and to which paths are relative.

    Returns
    -------
    EmoClipNetwork
        The network with its text tower, in float32 on the CPU, in memory of its own.

    Raises
    ------
    PretrainingError
        If CLIP's weights cannot be had, or do not fit.
    WeightsError
        If weights are not registered, or do not fit the architecture.
    """
    architecture = get_architecture(recipe.architecture)
    before = torch.get_rng_state()
    torch.manual_seed(recipe.seed)
    network = build_network(architecture, text=True, device="cpu")
    fresh_temporal_part(network, std=recipe.temporal_init_std)
    with torch.no_grad():
        network.logit_scale.fill_(-torch.tensor(recipe.contrast.temperature).log())
    torch.set_rng_state(before)
    if recipe.start == _OPENAI:
        _copy_towers(network, _openai_towers(architecture), where=_OPENAI)
    elif recipe.start != "random":
        _copy_from(network, recipe.start, architecture, study)
    return network


def _copy_from(network: EmoClipNetwork, start: str, architecture: Architecture, study: Path | None) -> None:
    """Copy a file's weights, or registered ones, into memory that is aligned alike wherever they are from."""
    path = Path(start) if study is None else study / start
    if not path.is_file():
        entry = check_weights(start, study=study)
        if entry.path is None:
            raise WeightsError(
                "Training must start from weights that mean something",
                found=f"'{start}', which stands for random numbers",
                where="start",
                hint="Write start: random, which draws them at the scale that training needs.",
            )
        path = entry.path
    tensors = read_tensors(path)
    if any(name.startswith("visual.") for name in tensors):
        _copy_towers(network, tensors, where=path)
        return
    loaded = load_network(path, architecture=architecture, text=True)
    network.load_state_dict(loaded.state_dict(), strict=True)


def _copy_towers(network: EmoClipNetwork, towers: Mapping[str, Tensor], *, where: Path | str) -> None:
    """Copy both towers of CLIP, and its temperature to the trained one, as the released code does."""
    known = network.backbone.state_dict()
    given = {name: value for name, value in towers.items() if name not in _UNUSED_OF_OPENAI}
    wrong = sorted(
        name
        for name in known.keys() | given.keys()
        if name not in known or name not in given or known[name].shape != given[name].shape
    )
    if wrong:
        more = len(wrong) - 6
        raise PretrainingError(
            f"CLIP's weights must fit the towers of '{network.architecture.name}' key for key",
            found=f"other names or shapes: {', '.join(wrong[:6])}"
            + (f" and {more} more" if more > 0 else ""),
            where=where,
            hint="Take the weights of the CLIP that the architecture names, or another architecture.",
        )
    network.backbone.load_state_dict({name: value.float() for name, value in given.items()}, strict=True)
    with torch.no_grad():
        network.logit_scale.copy_(given["logit_scale"].float())


def _openai_towers(architecture: Architecture) -> dict[str, Tensor]:
    """OpenAI's weights through open_clip, which downloads them or finds them in its cache."""
    import open_clip

    if architecture.clip_name is None:
        raise PretrainingError(
            "OpenAI's CLIP has no weights of this architecture",
            found=architecture.name,
            where="start",
            hint="Write start: random, or take the architecture vit-b-32.",
        )
    try:
        model = open_clip.create_model(architecture.clip_name, pretrained="openai")
    except Exception as error:  # the hub's client raises a dozen kinds where there is no network
        raise PretrainingError(
            "OpenAI's CLIP must be downloadable or in open_clip's cache",
            found=(str(error).partition("\n")[0] or type(error).__name__)[:200],
            where="start: openai-clip",
            hint=(
                'Fetch it where there is a network, with: python -c "import open_clip; '
                f"open_clip.create_model('{architecture.clip_name}', pretrained='openai')\", copy the cache, "
                "or write the path of CLIP weights saved by open_clip as start."
            ),
        ) from error
    _log.info("CLIP's towers are OpenAI's %s.", architecture.clip_name)
    state: dict[str, Tensor] = model.state_dict()
    return state
