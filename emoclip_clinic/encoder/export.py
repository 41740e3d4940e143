"""Writing weights in the layout of published checkpoints, so that our code and the original's load them."""

from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor

from emoclip_clinic.encoder.network import EmoClipNetwork
from emoclip_clinic.encoder.temporal import TemporalTransformer
from emoclip_clinic.errors import WeightsError
from emoclip_clinic.study.files import atomic_path

__all__ = ["Form", "published_state", "save_weights"]

Form = Literal["full", "downstream"]
_SUFFIXES = (".safetensors", ".pth", ".pt")


def published_state(
    network: EmoClipNetwork, *, form: Form = "full", dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """Copy the weights of a network under the names of published checkpoints.

    Parameters
    ----------
    network : EmoClipNetwork
        A network in its trained form.
    form : {"full", "downstream"}
        The full model, or the image tower and the temporal part alone.
    dtype : torch.dtype, optional
        Type of the numbers; by default each keeps its own.

    Returns
    -------
    dict of str to Tensor
        Names and values on the CPU, each with memory of its own.

    Raises
    ------
    WeightsError
        If the network is folded, or the full form is asked of one without a text tower.
    """
    if not isinstance(network.temporal, TemporalTransformer):
        raise WeightsError(
            "Weights must be exported from the trained form",
            found="a network whose temporal part is folded",
            hint="Load the checkpoint with load_network, which does not fold.",
        )
    if form == "full" and not network.has_text:
        raise WeightsError(
            "The full form needs a text tower",
            found="a network without one",
            hint="Export with form='downstream'.",
        )
    state = network.state_dict()
    if form == "downstream" and network.has_text:
        state = {
            name.replace("backbone.visual.", "backbone.", 1): value
            for name, value in state.items()
            if name.startswith(("backbone.visual.", "temporal."))
        }
    return {
        name: value.detach().to("cpu", dtype or value.dtype, copy=True).contiguous()
        for name, value in state.items()
    }


def save_weights(
    network: EmoClipNetwork,
    path: Path | str,
    *,
    form: Form = "full",
    dtype: torch.dtype | None = None,
) -> Path:
    """Write the weights of a network in the layout of published checkpoints.

    Parameters
    ----------
    network : EmoClipNetwork
        A network in its trained form.
    path : Path or str
        The file: ``.safetensors``, or ``.pth`` as the original code reads it.
    form : {"full", "downstream"}
        The full model, or the image tower and the temporal part alone.
    dtype : torch.dtype, optional
        Type of the numbers, such as ``torch.float16``; by default each keeps its own.

    Returns
    -------
    Path
        The file. The one that was there before stays until the new one is complete.

    Raises
    ------
    WeightsError
        As `published_state`, and if the name ends otherwise.
    StudyError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise WeightsError(
            "A weights file must end in " + ", ".join(_SUFFIXES),
            found=path.name,
            hint="Take .safetensors, or .pth for the original code.",
        )
    state = published_state(network, form=form, dtype=dtype)
    with atomic_path(path) as temporary:
        if path.suffix == ".safetensors":
            safetensors.torch.save_file(state, temporary)
        else:
            torch.save(state, temporary)
    return path
