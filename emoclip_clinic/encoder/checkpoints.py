"""Checkpoints of EmoCLIP: every form seen in the wild, loaded strictly into a network.

Known forms: the full model; "downstream" files with the image tower and the temporal part only, with or
without the layers of a regressor (``mlp.*``), which are not used; each with or without ``module.`` before
every name, with towers in half or full precision.
"""

import logging
import re
from pathlib import Path

import torch
from torch import Tensor

from emoclip_clinic.encoder.architectures import ARCHITECTURES, Architecture, get_architecture
from emoclip_clinic.encoder.diagnosis import describe_tensors, list_names
from emoclip_clinic.encoder.network import EmoClipNetwork, build_network, restore_buffers
from emoclip_clinic.encoder.tensor_files import read_tensors
from emoclip_clinic.errors import WeightsError

__all__ = ["load_network", "network_from_tensors"]

_log = logging.getLogger(__name__)
_REGRESSOR = re.compile(r"mlp\.\d+\.(weight|bias)")
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def load_network(
    path: Path | str, *, architecture: Architecture | str, text: bool | None = None
) -> EmoClipNetwork:
    """Load a checkpoint strictly into a network in its trained form, in float32 on the CPU.

    Parameters
    ----------
    path : Path or str
        The checkpoint, see `read_tensors`.
    architecture : Architecture or str
        What it must fit, key for key and shape for shape.
    text : bool, optional
        Whether to load the text tower; by default if the file has one.

    Returns
    -------
    EmoClipNetwork
        The network in evaluation mode. Its weights are mapped from the file: changing the file changes them.

    Raises
    ------
    WeightsError
        If the file cannot be read, does not fit, has values that are not finite, or lacks a text tower
        that is asked for.
    """
    # Folding the temporal part frees its weights; mapped together with the tower's they would stay.
    tensors = read_tensors(Path(path), apart="temporal.")
    record = get_architecture(architecture) if isinstance(architecture, str) else architecture
    return network_from_tensors(tensors, architecture=record, text=text, where=Path(path))


def network_from_tensors(
    tensors: dict[str, Tensor], *, architecture: Architecture, text: bool | None, where: Path | str
) -> EmoClipNetwork:
    """Build a network around tensors, without copying those in float32.

    Parameters
    ----------
    tensors : dict of str to Tensor
        A checkpoint in a known form.
    architecture : Architecture
        What it must fit.
    text : bool or None
        Whether to take over the text tower; None if there is one.
    where : Path or str
        Where the tensors come from, for messages.

    Returns
    -------
    EmoClipNetwork
        The network in evaluation mode.

    Raises
    ------
    WeightsError
        As `load_network`.
    """
    if tensors and all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    full = any(name.startswith("backbone.visual.") for name in tensors)
    if not full:
        tensors = _without_regressor(tensors)
    _check_fit(tensors, architecture, full=full, where=where)
    if text and not full:
        raise WeightsError(
            "Texts need weights with a text tower",
            found="a downstream EmoCLIP without one",
            where=where,
            hint="Give a full EmoCLIP checkpoint, or --text-weights NAME for the text tower of "
            "others; right only where both were trained together.",
        )
    if full and text is False:
        tensors = _without_text(tensors)
    network = build_network(architecture, text=full and text is not False)
    network.load_state_dict(_in_float32(tensors, where), strict=True, assign=True)
    restore_buffers(network)
    return network.eval()


def _without_regressor(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    unused = {name for name in tensors if _REGRESSOR.fullmatch(name)}
    if unused:
        _log.info("Not used: %s regressor parameters of the checkpoint.", list_names(unused))
    return {name: value for name, value in tensors.items() if name not in unused}


def _without_text(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The downstream form of a full checkpoint."""
    return {
        name.replace("backbone.visual.", "backbone.", 1): value
        for name, value in tensors.items()
        if name.startswith(("backbone.visual.", "temporal."))
    }


def _check_fit(
    tensors: dict[str, Tensor], architecture: Architecture, *, full: bool, where: Path | str
) -> None:
    if faults := _misfits(tensors, architecture, full=full):
        hint = "Take an EmoCLIP checkpoint of this architecture. Where to get it: emoclip-clinic weights list"
        for name, other in ARCHITECTURES.items():
            if not _misfits(tensors, other, full=full):
                hint = (
                    f"It fits '{name}'. Add it with --architecture {name} and a --name of its own "
                    f"(in Python: architecture='{name}')."
                )
        raise WeightsError(
            f"Weights must fit the architecture '{architecture.name}' key for key",
            found=f"what seems to be {describe_tensors(tensors)}; {'; '.join(faults)}",
            where=where,
            hint=hint,
        )


def _misfits(tensors: dict[str, Tensor], architecture: Architecture, *, full: bool) -> list[str]:
    """In what names and shapes the tensors differ from those of an architecture."""
    expected = build_network(architecture, text=full).state_dict()
    faults = []
    if missing := expected.keys() - tensors.keys():
        faults.append(f"missing: {list_names(missing)}")
    if surplus := tensors.keys() - expected.keys():
        faults.append(f"surplus: {list_names(surplus)}")
    other = [
        f"{name} {list(tensors[name].shape)} instead of {list(expected[name].shape)}"
        for name in expected.keys() & tensors.keys()
        if tensors[name].shape != expected[name].shape
    ]
    if other:
        faults.append(f"other shapes: {list_names(other)}")
    return faults


def _in_float32(tensors: dict[str, Tensor], where: Path | str) -> dict[str, Tensor]:
    unusable = {name for name, value in tensors.items() if value.dtype not in _FLOATS}
    if unusable:
        raise WeightsError(
            "Weights must be floating-point numbers",
            found=f"others in {list_names(unusable)}",
            where=where,
            hint="Quantised weights are not read; get the ones before quantisation.",
        )
    # A sum is finite only if all its terms are, and needs no memory.
    broken = {name for name, value in tensors.items() if not value.sum(dtype=torch.float32).isfinite()}
    if broken:
        raise WeightsError(
            "Weights must be finite",
            found=f"NaN or infinity in {list_names(broken)}",
            where=where,
            hint="The training that wrote this file has diverged, or the file is damaged.",
        )
    return {name: value.to(torch.float32) for name, value in tensors.items()}
