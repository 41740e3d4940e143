"""Reads a scale from YAML and says everything that is wrong with it, each with its line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from emoclip_clinic.errors import ScaleError, did_you_mean
from emoclip_clinic.study.scales.column_names import alias_clashes
from emoclip_clinic.study.scales.model import (
    Columns,
    Item,
    ItemDefaults,
    Proration,
    Reference,
    Scale,
    Score,
)

__all__ = ["ScaleProblem", "check_scale_file", "read_scale"]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where PyYAML came with libyaml

_MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Scale,
    ("references", "*"): Reference,
    ("columns",): Columns,
    ("defaults",): ItemDefaults,
    ("items", "*"): Item,
    ("scores", "*"): Score,
    ("scores", "*", "proration"): Proration,
}


@dataclass(frozen=True)
class ScaleProblem:
    """One thing that is wrong with a scale file.

    Parameters
    ----------
    file : Path
        The file.
    line : int or None
        Line in the file, from 1; None if it has no place in it.
    place : str
        Keys that lead to it, such as ``items[3] (n4).max``.
    message : str
        The rule, and what was found.
    """

    file: Path
    line: int | None
    place: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.place + ': ' if self.place else ''}{self.message}"


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


def check_scale_file(path: Path) -> list[ScaleProblem]:
    """List everything that is wrong with a scale file.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    list of ScaleProblem
        Empty if the scale can be used.

    Raises
    ------
    ScaleError
        If there is no such file, or it is not text.
    """
    return _examine(path)[1]


def _examine(path: Path) -> tuple[Scale | None, list[ScaleProblem]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScaleError(
            "A scale file must be readable text in UTF-8",
            found=f"{type(error).__name__}: {error}",
            where=path,
        ) from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        message = getattr(error, "problem", None) or str(error)
        return None, [ScaleProblem(path, line, "", f"the file must be YAML: {message}")]
    problems = [ScaleProblem(path, line, "", message) for line, message in _repeated_keys(node)]
    if not isinstance(data, dict):
        return None, [
            *problems,
            ScaleProblem(path, 1, "", f"a scale file must hold keys and values; found {type(data).__name__}"),
        ]
    try:
        scale = Scale.model_validate(data)
    except ValidationError as error:
        return None, problems + [_translate(e, path, node, data) for e in error.errors()]
    return scale, problems + [ScaleProblem(path, None, "columns", text) for text in alias_clashes(scale)]


def _repeated_keys(node: yaml.Node | None) -> list[tuple[int, str]]:
    """PyYAML keeps the last of two equal keys without a word; a scale must not lose a value that way."""
    found: list[tuple[int, str]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                found.append((key.start_mark.line + 1, f"the key '{key.value}' occurs twice"))
            seen.add(key.value)
            found += _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            found += _repeated_keys(entry)
    return found


def _translate(error: Any, path: Path, node: yaml.Node | None, data: Mapping[str, Any]) -> ScaleProblem:
    loc: tuple[str | int, ...] = error["loc"]
    kind = error["type"]
    if kind == "extra_forbidden":
        model = _MODELS.get(tuple("*" if _is_entry(loc, i) else str(part) for i, part in enumerate(loc[:-1])))
        known = model.model_fields if model is not None else {}
        message = f"unknown key '{loc[-1]}'. {did_you_mean(str(loc[-1]), known)}"
    elif kind == "missing":
        message = f"the key '{loc[-1]}' is missing"
        loc = loc[:-1]
    elif kind == "literal_error":
        options = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        message = f"must be one of {', '.join(options)}; found '{error['input']}'"
        if isinstance(error["input"], str):
            message += f". {did_you_mean(error['input'], options)}"
    else:
        message = re.sub(r"^Value error, ", "", error["msg"])
        if kind != "value_error":
            message = f"{message[0].lower()}{message[1:]}; found {error['input']!r}"
    return ScaleProblem(path, _line(node, loc), _place(loc, data), message)


def _is_entry(loc: Sequence[str | int], index: int) -> bool:
    return isinstance(loc[index], int) or (index > 0 and loc[index - 1] == "references")


def _place(loc: Sequence[str | int], data: Any) -> str:
    """Write the way to a value, with the id of an item or score beside its number."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
            name = data.get("id") if isinstance(data, dict) else None
            text += f"[{part + 1}]" + (f" ({name})" if name else "")
        else:
            data = data.get(part) if isinstance(data, dict) else None
            text += f".{part}" if text else part
    return text


def _line(node: yaml.Node | None, loc: Sequence[str | int]) -> int | None:
    """Find the line of the deepest node on the way that the file holds."""
    if node is None:
        return None
    line: int = node.start_mark.line + 1
    for part in loc:
        below: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    below, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            below = node.value[part]
            line = below.start_mark.line + 1
        if below is None:
            return line
        node = below
    return line
