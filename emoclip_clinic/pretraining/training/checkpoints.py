"""Checkpoints of a training: a folder that exists if and only if it is complete.

Each holds ``model.safetensors`` in the published layout, ``training.safetensors`` (optimiser, heads of the
frame stage, random states) and ``state.json``. It is written under another name and renamed last, so that
neither a kill nor a full disk leaves half of one; the one before stays until then.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.optim import Optimizer

from emoclip_clinic.encoder import EmoClipNetwork, published_state
from emoclip_clinic.errors import EmoClipClinicError, FormatError, PretrainingError
from emoclip_clinic.pretraining.training.parameters import ParameterGroup
from emoclip_clinic.study.files import read_json, write_json

__all__ = [
    "Checkpoint",
    "last_checkpoint",
    "optimiser_tensors",
    "read_checkpoint",
    "restore_optimiser",
    "write_checkpoint",
]

FORMAT_VERSION = 1
_NAME = re.compile(r"(frames|contrast)-(\d{8})")
_TEMPORARY = ".unfinished-"
_ORDER = {"frames": 0, "contrast": 1}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after a step.

    Attributes
    ----------
    folder : Path
        Where it stands.
    stage : {"frames", "contrast"}
        The stage that it is of.
    step : int
        Steps of that stage that are done.
    state : dict
        Content of ``state.json``.
    """

    folder: Path
    stage: str
    step: int
    state: dict[str, Any]

    @property
    def model_path(self) -> Path:
        """The weights, loadable as any checkpoint of EmoCLIP."""
        return self.folder / "model.safetensors"

    def training_tensors(self) -> dict[str, Tensor]:
        """Read optimiser, heads and random states."""
        return _read(self.folder / "training.safetensors")

    def model_tensors(self) -> dict[str, Tensor]:
        """Read the weights."""
        return _read(self.model_path)


def write_checkpoint(
    root: Path,
    *,
    stage: str,
    step: int,
    network: EmoClipNetwork,
    training: Mapping[str, Tensor],
    state: Mapping[str, Any],
) -> Checkpoint:
    """Write a checkpoint, then remove those that are neither the last nor the best.

    Parameters
    ----------
    root : Path
        Folder of the run's checkpoints.
    stage : {"frames", "contrast"}
        The stage.
    step : int
        Steps of the stage that are done.
    network : EmoClipNetwork
        The weights.
    training : mapping of str to Tensor
        What else has to be restored.
    state : mapping
        What JSON can hold. ``best``: ``{"stage", "step", "score"}`` of the best one so far, or None.

    Returns
    -------
    Checkpoint
        The new one.

    Raises
    ------
    PretrainingError
        If it cannot be written, as on a full disk. The one before is still there.
    """
    target = root / f"{stage}-{step:08d}"
    temporary = root / f"{_TEMPORARY}{os.getpid()}-{target.name}"
    full_state = {"format_version": FORMAT_VERSION, "stage": stage, "step": step, **state}
    try:
        root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        safetensors.torch.save_file(published_state(network), temporary / "model.safetensors")
        safetensors.torch.save_file(
            {name: value.detach().cpu().contiguous() for name, value in training.items()},
            temporary / "training.safetensors",
        )
        write_json(temporary / "state.json", full_state)
        for path in (*temporary.iterdir(), temporary):
            _flush(path)
        os.replace(temporary, target)
        _flush(root)
    except (OSError, EmoClipClinicError, safetensors.SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        kept = last_checkpoint(root)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PretrainingError(
            "A checkpoint must be writable",
            found=reason,
            where=target,
            hint=(
                "Free disk space or choose another folder, then start the same command again: "
                + (f"it goes on from {kept.folder.name}." if kept else "there is no earlier checkpoint.")
            ),
        ) from error
    checkpoint = Checkpoint(target, stage, step, full_state)
    _remove_others(root, checkpoint)
    return checkpoint


def last_checkpoint(root: Path) -> Checkpoint | None:
    """Find the checkpoint that a run goes on from.

    Parameters
    ----------
    root : Path
        Folder of the run's checkpoints; it need not exist.

    Returns
    -------
    Checkpoint or None
        The furthest one, or None if there is none.

    Raises
    ------
    FormatError
        If its ``state.json`` is damaged or of another version.
    """
    found = _names(root)
    return read_checkpoint(root / found[-1]) if found else None


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what a checkpoint says of itself.

    Parameters
    ----------
    folder : Path
        The checkpoint.

    Returns
    -------
    Checkpoint
        The checkpoint; tensors are read when they are asked for.

    Raises
    ------
    FormatError
        If it is damaged or of another version.
    """
    state = read_json(folder / "state.json")
    if state.get("format_version") != FORMAT_VERSION:
        raise FormatError(
            f"A checkpoint must have the format version {FORMAT_VERSION}",
            found=state.get("format_version"),
            where=folder,
            hint="Use the release that wrote it, or start the training anew in another folder.",
        )
    return Checkpoint(folder, str(state["stage"]), int(state["step"]), state)


def optimiser_tensors(optimiser: Optimizer, groups: tuple[ParameterGroup, ...]) -> dict[str, Tensor]:
    """Name the state of an optimiser by parameter, so that it can be stored without a pickle.

    Parameters
    ----------
    optimiser : Optimizer
        The optimiser.
    groups : tuple of ParameterGroup
        What it trains, in its order.

    Returns
    -------
    dict of str to Tensor
        ``"optimiser/<parameter>/<quantity>"`` to value.
    """
    named = {}
    for group in groups:
        for name, parameter in zip(group.names, group.parameters, strict=True):
            for quantity, value in optimiser.state.get(parameter, {}).items():
                if value is not None:  # the momentum of SGD before its first step
                    named[f"optimiser/{name}/{quantity}"] = value.clone()
    return named


def restore_optimiser(
    optimiser: Optimizer, groups: tuple[ParameterGroup, ...], tensors: Mapping[str, Tensor]
) -> None:
    """Give an optimiser the state that `optimiser_tensors` has named.

    Parameters
    ----------
    optimiser : Optimizer
        A fresh optimiser; changed in place.
    groups : tuple of ParameterGroup
        What it trains, in its order.
    tensors : mapping of str to Tensor
        The state; other names are left alone.
    """
    for group in groups:
        for name, parameter in zip(group.names, group.parameters, strict=True):
            prefix = f"optimiser/{name}/"
            own = {
                key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
            }
            if own:
                # AdamW counts its steps on the CPU wherever the parameters are.
                optimiser.state[parameter] = {
                    quantity: value.clone()
                    if quantity == "step"
                    else torch.empty_like(parameter, dtype=value.dtype).copy_(value)
                    for quantity, value in own.items()
                }


def _remove_others(root: Path, last: Checkpoint) -> None:
    best = last.state.get("best")
    kept = {last.folder.name, f"{best['stage']}-{best['step']:08d}" if best else ""}
    for path in root.iterdir():
        if path.name not in kept and (_NAME.fullmatch(path.name) or path.name.startswith(_TEMPORARY)):
            shutil.rmtree(path, ignore_errors=True)


def _names(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    matches = [match for path in root.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [m[0] for m in sorted(matches, key=lambda m: (_ORDER[m[1]], int(m[2])))]


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return dict(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise FormatError(
            "A checkpoint must be complete",
            found=str(error),
            where=path,
            hint="Remove this folder: the training goes on from an earlier checkpoint, or anew.",
        ) from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
