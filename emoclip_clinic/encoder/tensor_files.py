"""Reading a file of named tensors without ever running code from it.

PyTorch's files are memory-mapped, as safetensors files are, so that reading takes no more memory than the
file has. What would need unpickling, and what is no file of tensors at all, is refused with the reason.
"""

import os
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from emoclip_clinic.errors import WeightsError

__all__ = ["read_tensors"]

_RULE = "A weights file must hold named tensors, saved by PyTorch or as safetensors"
_SAVE = "From a training checkpoint, save the model's state_dict alone: torch.save(model.state_dict(), PATH)."
_AGAIN = "Fetch it again and compare its size with the source's."
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # first bytes of torch.save before version 1.6


def read_tensors(path: Path, *, apart: str | None = None) -> dict[str, Tensor]:
    """Read the named tensors of a file.

    Parameters
    ----------
    path : Path
        A file of ``torch.save`` that holds a dictionary of tensors (by itself, or as ``"state_dict"``), or a
        safetensors file.
    apart : str, optional
        Tensors with this in their names share no memory with the others, so that it is given back when they
        alone are no longer used: mapped files are mapped for them a second time.

    Returns
    -------
    dict of str to Tensor
        The tensors on the CPU, mapped from the file where its format allows; do not change it meanwhile.

    Raises
    ------
    WeightsError
        If the file is absent, empty, cut short, of another format, or would need unpickling of anything but
        tensors.
    """
    path = Path(path)
    head = _first_bytes(path)
    read: Callable[[Path], dict[str, Tensor]]
    if _is_safetensors(head):
        read = _read_safetensors
    elif head.startswith(_LEGACY_MAGIC):
        return _read_archive(path, mapped=False)  # each tensor has memory of its own
    else:
        _check_archive(path, head)
        read = _read_archive
    tensors = read(path)
    if apart is not None:
        again = read(path)
        tensors.update({name: value for name, value in again.items() if apart in name})
    return tensors


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors = dict(safetensors.torch.load_file(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            _RULE, found=f"a damaged safetensors file ({error})", where=path, hint=_AGAIN
        ) from error
    return _named_tensors(tensors, path)


def _read_archive(path: Path, *, mapped: bool = True) -> dict[str, Tensor]:
    """Read a file of ``torch.save``; only its index at first, if it is mapped."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise _refusal(path, str(error)) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged archive makes PyTorch's reader raise almost anything
        raise WeightsError(
            _RULE, found=f"a damaged file ({_first_sentence(error)})", where=path, hint=_AGAIN
        ) from error
    return _named_tensors(content, path)


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise WeightsError("Weights must be a file", found="a folder", where=path, hint="Name a file in it.")
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError as error:
        raise WeightsError(
            "The weights file must exist",
            found="no such file",
            where=path,
            hint="Check the path; where to get published weights is told by: emoclip-clinic weights list",
        ) from error
    except OSError as error:
        raise WeightsError(
            "The weights file must be readable",
            found=error.strerror or str(error),
            where=path,
            hint="Change its permissions, or copy it to where you may read it.",
        ) from error
    if not head:
        raise WeightsError(_RULE, found="an empty file (0 bytes)", where=path, hint=_AGAIN)
    return head


def _is_safetensors(head: bytes) -> bool:
    """A safetensors file starts with the length of its JSON header, and the header."""
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000


def _check_archive(path: Path, head: bytes) -> None:
    """Raise unless `path` is a ZIP archive as ``torch.save`` writes it."""
    if not head.startswith(b"PK\x03\x04"):
        raise WeightsError(_RULE, **_what_else(head), where=path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        size = os.stat(path).st_size
        raise WeightsError(
            _RULE,
            found=f"an archive that is damaged or cut short after {size} bytes",
            where=path,
            hint=_AGAIN,
        ) from error
    if "constants.pkl" in names:
        seems = "an OpenAI CLIP TorchScript archive" if _mentions_clip(names) else "a TorchScript archive"
        raise WeightsError(
            "A weights file must hold named tensors; a TorchScript archive holds a program",
            found=f"{seems}, not EmoCLIP weights",
            where=path,
            hint="EmoCLIP's own weights hold the image tower already; give that file instead.",
        )
    if "data.pkl" not in names:
        raise WeightsError(
            _RULE, found="a ZIP archive of something else", where=path, hint="Unpack it first."
        )


def _mentions_clip(names: set[str]) -> bool:
    return any("multimodal/model" in name or name.startswith("code/__torch__/clip") for name in names)


def _what_else(head: bytes) -> dict[str, str]:
    """Say what a file that starts with `head` seems to be."""
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return {
            "found": "a web page (HTML)",
            "hint": "A shared drive asks for confirmation before a large download: use a browser.",
        }
    if start.startswith(b"version https://git-lfs"):
        return {"found": "a pointer of Git LFS, not the file itself", "hint": "Run: git lfs pull"}
    if (
        head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!"))
        or head[257:262] == b"ustar"
    ):
        return {"found": "a compressed or bundled file", "hint": "Unpack it first."}
    if head.startswith(b"\x80") and head[1:2] in b"\x02\x03\x04\x05":
        return {
            "found": "a Python pickle, which can run any code when it is read",
            "hint": "Have it saved again by its owner: torch.save(model.state_dict(), PATH).",
        }
    return {"found": f"a file that starts with {head[:8]!r}", "hint": _AGAIN}


def _refusal(path: Path, message: str) -> WeightsError:
    """The error for an archive that is not only tensors."""
    classes = re.findall(r"Unsupported (?:global|class)[^.]*?(?:GLOBAL )?([\w.]+\.[\w]+)", message)
    needs = (
        f"an archive that needs unpickling of {classes[0]}" if classes else "an archive that needs unpickling"
    )
    return WeightsError(
        "A weights file must hold tensors only; anything else can run code when it is read",
        found=needs,
        where=path,
        hint="Have it saved again by its owner: torch.save(model.state_dict(), PATH).",
    )


def _first_sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].partition(". ")[0].strip() or type(error).__name__


def _named_tensors(content: object, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise WeightsError(_RULE, found=f"a single {type(content).__name__}", where=path, hint=_SAVE)
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        shown = ", ".join(others[:8])
        raise WeightsError(
            _RULE,
            found=f"entries that are no tensors: {shown}",
            where=path,
            hint=_SAVE,
        )
    if not content:
        raise WeightsError(_RULE, found="no tensor at all", where=path, hint=_SAVE)
    return {str(key): value for key, value in content.items()}
