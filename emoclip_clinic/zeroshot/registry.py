"""Where sets of class descriptions are: shipped, a study's own, in a file, or prompts as arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from emoclip_clinic.errors import ZeroShotError, did_you_mean
from emoclip_clinic.study.protocols import list_protocols, protocols_folder
from emoclip_clinic.study.yaml_files import YamlProblem, examine_yaml, read_yaml
from emoclip_clinic.zeroshot.descriptions import DescribedClass, Description, DescriptionSet

__all__ = [
    "DescriptionEntry",
    "check_description_file",
    "list_descriptions",
    "load_descriptions",
    "prompt_descriptions",
]

_FOLDER = "descriptions"
_HINT = "`emoclip-clinic zeroshot template` prints a file that follows the format."


@dataclass(frozen=True)
class DescriptionEntry:
    """A set of descriptions that can be asked for by name.

    Parameters
    ----------
    name : str
        Its name.
    path : Path
        Its file.
    origin : {"shipped", "study"}
        Whether it came with the package or is the study's own.
    """

    name: str
    path: Path
    origin: Literal["shipped", "study"]


def list_descriptions(*, study: Path | None = None) -> tuple[DescriptionEntry, ...]:
    """List the sets that can be asked for by name.

    Parameters
    ----------
    study : Path, optional
        Root of a study, whose own ``protocols/descriptions`` win.

    Returns
    -------
    tuple of DescriptionEntry
        Sorted by name.
    """
    shipped = protocols_folder()
    return tuple(
        DescriptionEntry(path.stem, path, "shipped" if path.is_relative_to(shipped) else "study")
        for path in list_protocols(_FOLDER, study=study).values()
        if path.suffix == ".yaml"
    )


def load_descriptions(name: str | Path, *, study: Path | None = None) -> DescriptionSet:
    """Load a set by name, or from a file.

    Parameters
    ----------
    name : str or Path
        Name of a set, or path of a YAML file.
    study : Path, optional
        Root of a study, whose own sets win.

    Returns
    -------
    DescriptionSet
        With the classes of the set that it extends, if any.

    Raises
    ------
    ZeroShotError
        If there is no such set, or its file breaks a rule; the message lists every problem.

    Examples
    --------
    >>> load_descriptions("basic-7").ids
    ('happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear')
    """
    return _extended(_find(name, study), study, ())


def check_description_file(path: Path, *, study: Path | None = None) -> list[str]:
    """List everything that is wrong with a file of descriptions.

    Parameters
    ----------
    path : Path
        YAML file.
    study : Path, optional
        Root of a study, whose own sets may be extended.

    Returns
    -------
    list of str
        Empty if the set can be used.

    Raises
    ------
    ZeroShotError
        If there is no such file, or it is not text.
    """
    value, problems = examine_yaml(path, DescriptionSet, what="description file", error=ZeroShotError)
    listed = [str(problem) for problem in problems]
    if value is not None and not problems:
        try:
            _extended(path, study, ())
        except ZeroShotError as error:
            listed += error.found_lines or [error.rule]
    return listed


def prompt_descriptions(prompts: Sequence[str]) -> DescriptionSet:
    """Make a set of prompts such as ``"smile: the corners of the mouth move up"``.

    Parameters
    ----------
    prompts : sequence of str
        Name and description, separated by a colon. A name given twice has two descriptions.

    Returns
    -------
    DescriptionSet
        Named ``prompts``.

    Raises
    ------
    ZeroShotError
        If a prompt has no name or no description.
    """
    texts: dict[str, list[str]] = {}
    for prompt in prompts:
        name, colon, text = prompt.partition(":")
        if not colon or not name.strip() or not text.strip():
            raise ZeroShotError(
                "A prompt must be a name, a colon and a description",
                found=prompt,
                hint='For example: --prompt "smile: the corners of the mouth move up"',
            )
        texts.setdefault(name.strip(), []).append(text.strip())
    if not texts:
        raise ZeroShotError("At least one prompt must be given", found="none")
    try:
        return DescriptionSet(
            name="prompts",
            title="Prompts of the command line",
            style="prompt",
            classes=tuple(
                DescribedClass(
                    id="-".join(name.lower().split()),
                    name=name,
                    descriptions=tuple(Description(style="prompt", text=text) for text in said),
                )
                for name, said in texts.items()
            ),
        )
    except ValidationError as error:
        raise ZeroShotError(
            "Prompts must make a set of classes",
            found=[fault["msg"].removeprefix("Value error, ") for fault in error.errors()],
            hint="Give each class a name of letters, digits and '-', and each description once.",
        ) from error


def _find(name: str | Path, study: Path | None) -> Path:
    if isinstance(name, Path) or name.endswith((".yaml", ".yml")):
        return Path(name)
    known = {entry.name: entry.path for entry in list_descriptions(study=study)}
    if name in known:
        return known[name]
    raise ZeroShotError(
        "The set of descriptions must exist",
        found=name,
        hint=f"{did_you_mean(name, known)} Or give the path of a YAML file.",
    )


def _extended(path: Path, study: Path | None, below: tuple[str, ...]) -> DescriptionSet:
    """Put the classes of the set that is extended before a set's own, and check the whole."""
    own = read_yaml(path, DescriptionSet, what="description file", error=ZeroShotError, hint=_HINT)
    if own.extends is None:
        return own
    if own.name in below:
        raise ZeroShotError(
            "A set of descriptions must not extend itself", found=" -> ".join((*below, own.name)), where=path
        )
    base = _extended(_find(own.extends, study), study, (*below, own.name))
    try:
        return DescriptionSet.model_validate(
            own.model_dump()
            | {"extends": None, "classes": [c.model_dump() for c in (*base.classes, *own.classes)]}
        )
    except ValidationError as error:
        listed = [
            str(YamlProblem(path, None, "classes", fault["msg"].removeprefix("Value error, ")))
            for fault in error.errors()
        ]
        raise ZeroShotError(
            f"'{own.name}' must go together with '{base.name}', which it extends",
            found=listed,
            where=path,
            hint=_HINT,
        ) from error
