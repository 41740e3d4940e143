"""Files of named arrays with facts about them: safetensors, which holds numbers and text and no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.study.formats import FORMAT_VERSION, check_format_version

__all__ = ["read_arrays", "write_arrays"]

_FACTS = "emoclip-clinic"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], *, facts: Mapping[str, object]) -> None:
    """Write arrays and facts at once.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    arrays : mapping of str to ndarray
        Numbers and truth values.
    facts : mapping
        What JSON can hold.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    from safetensors.numpy import save

    text = json.dumps({"format_version": FORMAT_VERSION, **facts}, sort_keys=True, allow_nan=False)
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, save(whole, metadata={_FACTS: text}))


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what :func:`write_arrays` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    arrays : dict of str to ndarray
    facts : dict

    Raises
    ------
    FormatError
        If the file is absent, damaged, or of a version that this release does not read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(metadata[_FACTS])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FormatError(
            "A file of a fit must be whole",
            found=f"{type(error).__name__}: {error}",
            where=path,
            hint="Run the same `emoclip-clinic fit` with --force.",
        ) from error
    check_format_version(facts.get("format_version"), where=path)
    return arrays, facts
