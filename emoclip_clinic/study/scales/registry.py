"""Finds scales by name: a study's own come before those that ship with the package."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from emoclip_clinic.errors import ScaleError, did_you_mean
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.protocols import protocols_folder
from emoclip_clinic.study.scales.model import Scale
from emoclip_clinic.study.scales.reading import read_scale

__all__ = ["ScaleEntry", "find_scale_file", "list_scales", "load_scale", "scale_template"]

_log = logging.getLogger(__name__)

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ScaleEntry:
    """A scale that can be asked for by name.

    Parameters
    ----------
    name : str
        Name of the scale, which is also the name of its file.
    path : Path
        Its file.
    origin : str
        ``study`` or ``shipped``.
    """

    name: str
    path: Path
    origin: Literal["study", "shipped"]


def list_scales(study: Study | Path | str | None = None) -> list[ScaleEntry]:
    """List the scales that can be asked for by name.

    Parameters
    ----------
    study : Study or path, optional
        A study; scales in its ``protocols`` folder come before shipped ones of the same name.

    Returns
    -------
    list of ScaleEntry
        In alphabetical order.
    """
    found: dict[str, ScaleEntry] = {}
    for path in _yaml_files(protocols_folder() / "scales"):
        found[path.stem] = ScaleEntry(path.stem, path, "shipped")
    if study is not None:
        folder = Study.of(study).protocols
        for path in (*_scales_among_protocols(folder), *_yaml_files(folder / "scales")):
            entry = found.get(path.stem)
            if entry is not None and entry.origin == "study":
                raise ScaleError(
                    "A study may define a scale once",
                    found=f"{entry.path} and {path}",
                    hint="Remove or rename one of them.",
                )
            found[path.stem] = ScaleEntry(path.stem, path, "study")
    return [found[name] for name in sorted(found)]


def find_scale_file(name: str, *, study: Study | Path | str | None = None) -> Path:
    """Find the file of a scale.

    Parameters
    ----------
    name : str
        Name of a scale, or a path to a YAML file (with a folder, or the ending ``.yaml`` or ``.yml``).
    study : Study or path, optional
        A study, whose own scales come first.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ScaleError
        If there is no such scale.
    """
    as_path = Path(name)
    if as_path.suffix.lower() in _SUFFIXES or len(as_path.parts) > 1:
        if not as_path.is_file():
            raise ScaleError("A scale given as a path must be a file", found="no such file", where=as_path)
        return as_path
    entries = {entry.name: entry for entry in list_scales(study)}
    if name not in entries:
        raise ScaleError(
            "A scale must be shipped, or lie in the study's protocols folder, or be given as a path",
            found=f"no scale '{name}'",
            hint=did_you_mean(name, entries),
        )
    return entries[name].path


def load_scale(name: str, *, study: Study | Path | str | None = None) -> Scale:
    """Load a scale by name or path.

    Parameters
    ----------
    name : str
        Name of a scale, or a path to a YAML file.
    study : Study or path, optional
        A study, whose own scales come first.

    Returns
    -------
    Scale
        The scale.

    Raises
    ------
    ScaleError
        If there is no such scale, or its file breaks a rule.
    """
    path = find_scale_file(name, study=study)
    scale = read_scale(path)
    if scale.name != name == path.stem:
        raise ScaleError(
            "A scale that is asked for by name must lie in a file of that name",
            found=f"the scale '{scale.name}'",
            where=path,
            hint=f"Rename it to {scale.name}{path.suffix}.",
        )
    return scale


def scale_template() -> str:
    """Give the text of a commented scale file to start from."""
    return (protocols_folder() / "scales" / "_template.yaml").read_text(encoding="utf-8")


def _yaml_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith("_")
    )


def _scales_among_protocols(folder: Path) -> list[Path]:
    """Files directly in a study's protocols folder may be other protocols: a scale has items."""
    scales = []
    for path in _yaml_files(folder):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError):
            _log.warning("%s is not readable as YAML; it is not offered as a scale.", path)
            continue
        if isinstance(data, dict) and "items" in data:
            scales.append(path)
    return scales
