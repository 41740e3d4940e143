"""Reading YAML that people write: every rule that a file breaks is told, each with its line."""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from emoclip_clinic.errors import EmoClipClinicError, did_you_mean

__all__ = ["YamlProblem", "examine_yaml", "read_yaml"]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where PyYAML came with libyaml

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class YamlProblem:
    """One thing that is wrong with a file.

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


def examine_yaml(
    path: Path, model: type[Model], *, what: str, error: type[EmoClipClinicError]
) -> tuple[Model | None, list[YamlProblem]]:
    """Read a file as far as it can be read, and list what is wrong with it.

    Parameters
    ----------
    path : Path
        YAML file.
    model : type of BaseModel
        What it must hold. Models that forbid unknown keys get a suggestion for each.
    what : str
        What to call the file, such as ``"scale file"``.
    error : type of EmoClipClinicError
        Raised if the file is no text.

    Returns
    -------
    value : BaseModel or None
        The content; None if it breaks a rule of the model.
    problems : list of YamlProblem
        Empty if the file can be used.

    Raises
    ------
    EmoClipClinicError
        Of the type `error`, if there is no such file, or it is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise error(
            f"A {what} must be readable text in UTF-8",
            found=f"{type(fault).__name__}: {fault}",
            where=path,
        ) from fault
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        message = getattr(fault, "problem", None) or str(fault)
        return None, [YamlProblem(path, line, "", f"the file must be YAML: {message}")]
    problems = [YamlProblem(path, line, "", message) for line, message in _repeated_keys(node)]
    if not isinstance(data, dict):
        return None, [
            *problems,
            YamlProblem(path, 1, "", f"a {what} must hold keys and values; found {type(data).__name__}"),
        ]
    try:
        return model.model_validate(data), problems
    except ValidationError as faults:
        return None, problems + [_translate(e, path, node, data, model) for e in faults.errors()]


def read_yaml(
    path: Path, model: type[Model], *, what: str, error: type[EmoClipClinicError], hint: str | None = None
) -> Model:
    """Read a file that must be right.

    Parameters
    ----------
    path, model, what, error
        See `examine_yaml`.
    hint : str, optional
        What to do about a file that is wrong.

    Returns
    -------
    BaseModel
        The content.

    Raises
    ------
    EmoClipClinicError
        Of the type `error`, if the file cannot be read or breaks a rule; the message lists every problem.
    """
    value, problems = examine_yaml(path, model, what=what, error=error)
    if value is None or problems:
        raise error(
            f"A {what} must have known keys and allowed values",
            found=[str(problem) for problem in problems],
            where=path,
            hint=hint,
        )
    return value


def _repeated_keys(node: yaml.Node | None) -> list[tuple[int, str]]:
    """PyYAML keeps the last of two equal keys without a word; a file must not lose a value that way."""
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


def _translate(
    error: Any, path: Path, node: yaml.Node | None, data: Mapping[str, Any], model: type[BaseModel]
) -> YamlProblem:
    loc: tuple[str | int, ...] = error["loc"]
    kind = error["type"]
    if kind == "extra_forbidden":
        message = f"unknown key '{loc[-1]}'. {did_you_mean(str(loc[-1]), _known_keys(model, loc[:-1]))}"
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
    return YamlProblem(path, _line(node, loc), _place(loc, data), message)


def _known_keys(model: type[BaseModel], loc: Sequence[str | int]) -> Mapping[str, object]:
    """Give the fields of the model at a place in the file; none where it is no model."""
    at: list[object] = [model]
    for part in loc:
        at = [below for kind in at for below in _inside(kind, part)]
    return {
        name: field
        for kind in at
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    }


def _inside(kind: object, part: str | int) -> list[object]:
    """Give the types that may stand at a key, or a number, of a value of some type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return [] if field is None else _alternatives(field.annotation)
    arguments = get_args(kind)
    if not arguments:
        return []
    below = arguments[-1] if isinstance(part, str) else arguments[0]
    return _alternatives(below)


def _alternatives(kind: object) -> list[object]:
    origin = get_origin(kind)
    if origin is Annotated:
        return _alternatives(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return [one for alternative in get_args(kind) for one in _alternatives(alternative)]
    return [] if origin is Literal else [kind]


def _place(loc: Sequence[str | int], data: Any) -> str:
    """Write the way to a value, with the id of an entry beside its number."""
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
