"""Reads a scale from YAML and says everything that is wrong with it, each with its line."""

from pathlib import Path

from emoclip_clinic.errors import ScaleError
from emoclip_clinic.study.scales.column_names import alias_clashes
from emoclip_clinic.study.scales.model import Scale
from emoclip_clinic.study.yaml_files import YamlProblem, examine_yaml

__all__ = ["check_scale_file", "read_scale"]


def read_scale(path: Path) -> Scale:
    """Read a scale file.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    Scale
        The scale.

    Raises
    ------
    ScaleError
        If the file cannot be read or breaks a rule; the message lists every problem.
    """
    scale, problems = _examine(path)
    if scale is None or problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise ScaleError(
            "A scale file must follow the scale format",
            found=f"{len(problems)} problem{'s' if len(problems) != 1 else ''}{listed}\n",
            where=path,
            hint="`emoclip-clinic scales template` prints a file that follows it.",
        )
    return scale


def check_scale_file(path: Path) -> list[YamlProblem]:
    """List everything that is wrong with a scale file.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    list of YamlProblem
        Empty if the scale can be used.

    Raises
    ------
    ScaleError
        If there is no such file, or it is not text.
    """
    return _examine(path)[1]


def _examine(path: Path) -> tuple[Scale | None, list[YamlProblem]]:
    scale, problems = examine_yaml(path, Scale, what="scale file", error=ScaleError)
    if scale is not None:
        problems += [YamlProblem(path, None, "columns", text) for text in alias_clashes(scale)]
    return scale, problems
