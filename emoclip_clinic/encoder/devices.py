"""Which device computes, and in which arithmetic."""

from typing import Literal, cast, get_args

import torch

from emoclip_clinic.errors import SettingsError, did_you_mean

__all__ = ["Precision", "resolve_device", "resolve_precision"]

Precision = Literal["fp32", "bf16", "fp16"]


def resolve_device(name: str) -> torch.device:
    """Turn the setting ``device`` into a device that is there.

    Parameters
    ----------
    name : str
        ``"auto"`` (the first CUDA device if there is one, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:N"``
        or ``"mps"``.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    SettingsError
        If the name is not known, or this computer has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdecimal())):
        hint = did_you_mean(name, ("auto", "cpu", "cuda", "cuda:0", "mps"))
        raise SettingsError("The 'device' must be auto, cpu, cuda, cuda:N or mps", found=name, hint=hint)
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            raise SettingsError(
                "The 'device' must be present on this computer",
                found=f"{name}, with {count} CUDA devices",
                hint="Use --device cpu, or run where a GPU has been allocated.",
            )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(
            "The 'device' must be present on this computer", found=name, hint="Use --device cpu."
        )
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> Precision:
    """Turn the setting ``precision`` into the arithmetic of the image tower on a device.

    Parameters
    ----------
    name : str
        ``"auto"`` (float32 on a CPU or MPS; on CUDA bfloat16 where the hardware has it, else float16),
        ``"fp32"``, ``"bf16"`` or ``"fp16"``.
    device : torch.device
        Where the tower runs.

    Returns
    -------
    Precision
        ``"fp32"``, ``"bf16"`` or ``"fp16"``.

    Raises
    ------
    SettingsError
        If the name is not known, or the device does not compute in it.
    """
    if name == "auto":
        if device.type != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if name not in get_args(Precision):
        options = ("auto", *get_args(Precision))
        raise SettingsError(
            f"The 'precision' must be one of {', '.join(options)}",
            found=name,
            hint=did_you_mean(name, options),
        )
    if name != "fp32" and device.type != "cuda":
        raise SettingsError(
            "Half precision needs a CUDA device",
            found=f"precision {name} on {device.type}",
            hint="Use --precision auto or fp32.",
        )
    return cast(Precision, name)
