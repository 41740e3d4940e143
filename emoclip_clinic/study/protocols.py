"""Where the YAML files that ship with the package are, and a study's own that win over them."""

from importlib.resources import files
from pathlib import Path, PurePosixPath

from emoclip_clinic.errors import StudyError, did_you_mean

__all__ = ["list_protocols", "protocol_path", "protocols_folder"]


def protocols_folder() -> Path:
    """Return the folder of shipped protocols, in an installed wheel as in a checkout.

    Returns
    -------
    Path
        ``emoclip_clinic/protocols`` of the wheel, else ``protocols`` at the top of the repository.

    Raises
    ------
    StudyError
        If neither is there.
    """
    package = Path(str(files("emoclip_clinic")))
    installed = package / "protocols"
    if installed.is_dir():
        return installed
    repository = package.parent
    # A folder of that name beside an installed package would be somebody else's; ours has pyproject.toml.
    if (repository / "protocols").is_dir() and (repository / "pyproject.toml").is_file():
        return repository / "protocols"
    raise StudyError(
        "The package must come with its protocols",
        found="no such folder",
        where=installed,
        hint="Install emoclip-clinic again from its wheel, its source archive or a clone.",
    )


def protocol_path(*parts: str, study: Path | None = None) -> Path:
    """Return the path of a protocol: the study's own if it has one, else the shipped one.

    Parameters
    ----------
    *parts : str
        Path below ``protocols``, such as ``"scales", "panss.yaml"``.
    study : Path, optional
        Root of the study.

    Returns
    -------
    Path
        An existing file or folder.

    Raises
    ------
    StudyError
        If there is none, or the path leads out of ``protocols``.

    Examples
    --------
    >>> protocol_path().name
    'protocols'
    """
    inside = PurePosixPath(*parts)
    if inside.is_absolute() or ".." in inside.parts:
        raise StudyError("The path of a protocol must stay inside protocols", found=str(inside))
    for folder in _folders(study):
        if (folder / inside).exists():
            return folder / inside
    available = list_protocols(*inside.parts[:-1], study=study)
    raise StudyError(
        "The protocol must exist",
        found=str(inside),
        where=" or ".join(str(folder) for folder in _folders(study)),
        hint=did_you_mean(inside.name, available),
    )


def list_protocols(*parts: str, study: Path | None = None) -> dict[str, Path]:
    """List what a folder of protocols holds; a study's own files replace shipped ones of the same name.

    Parameters
    ----------
    *parts : str
        Folder below ``protocols``, such as ``"scales"``.
    study : Path, optional
        Root of the study.

    Returns
    -------
    dict of str to Path
        Name to path, sorted by name; empty if the folder does not exist. Hidden files are left out.
    """
    found: dict[str, Path] = {}
    for folder in reversed(_folders(study)):
        place = folder.joinpath(*parts)
        if place.is_dir():
            found.update({path.name: path for path in place.iterdir() if not path.name.startswith(".")})
    return dict(sorted(found.items()))


def _folders(study: Path | None) -> list[Path]:
    return [*([] if study is None else [Path(study) / "protocols"]), protocols_folder()]
