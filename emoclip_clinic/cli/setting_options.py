"""Command-line options made from the fields of a settings model, so that texts are written once."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["SettingFacts", "option_parameters", "setting_facts"]


@dataclass(frozen=True)
class SettingFacts:
    """What a person needs to know about one setting.

    Parameters
    ----------
    name : str
        Field of the model, key of the TOML table.
    option : str
        Option of the command line, with its dashes.
    value_type : type
        ``str``, ``int``, ``float`` or ``bool``.
    choices : tuple of str
        Allowed values; empty where the set is open.
    unit : str
        Unit of the value; empty where it has none.
    limits : str
        Allowed range in words; empty where it is not bounded.
    default : str
        Default as a person reads it.
    description : str
        What the setting does.
    """

    name: str
    option: str
    value_type: type
    choices: tuple[str, ...]
    unit: str
    limits: str
    default: str
    description: str

    @property
    def help(self) -> str:
        """The description with unit, choices or range, and default, as shown by ``--help``."""
        notes = [note for note in (self.unit, self.limits, ", ".join(self.choices)) if note]
        return f"{self.description} ({'; '.join([*notes, f'default {self.default}'])})"


def setting_facts(model: type[BaseModel]) -> list[SettingFacts]:
    """Read the facts about every setting from a model's fields, in their order."""
    return [_facts(name, field) for name, field in model.model_fields.items()]


def option_parameters(
    model: type[BaseModel], *, panels: Mapping[str, str], other_panel: str
) -> list[inspect.Parameter]:
    """Make one Typer option for each field of a settings model.

    An option that is not given is None, so that it does not override the study's settings file. Values are
    checked by the model, which gives the same message whether they come from an option or from a file.

    Parameters
    ----------
    model : type of BaseModel
        The settings model.
    panels : mapping of str to str
        Help panel of the fields that a user meets first, in the order in which help lists them.
    other_panel : str
        Help panel of all other fields.
    """
    facts = {fact.name: fact for fact in setting_facts(model)}
    order = [*panels, *(name for name in facts if name not in panels)]
    return [_parameter(facts[name], panels.get(name, other_panel)) for name in order]


def _parameter(fact: SettingFacts, panel: str) -> inspect.Parameter:
    is_flag = fact.value_type is bool
    option = typer.Option(
        f"{fact.option}/--no-{fact.option[2:]}" if is_flag else fact.option,
        help=fact.help,
        show_default=False,
        rich_help_panel=panel,
    )
    # Assembled at run time, so the annotation cannot be written as a type expression.
    annotation: Any = Annotated[fact.value_type | None, option]
    return inspect.Parameter(fact.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _facts(name: str, field: FieldInfo) -> SettingFacts:
    value_type, choices, optional = _value_type(field.annotation)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return SettingFacts(
        name=name,
        option="--" + name.replace("_", "-"),
        value_type=value_type,
        choices=choices,
        unit=str(extra.get("unit", "")),
        limits=_limits(field),
        default=str(extra.get("default", _default_text(field.default, optional))),
        description=field.description or "",
    )


def _value_type(annotation: Any) -> tuple[type, tuple[str, ...], bool]:
    if get_origin(annotation) is Annotated:
        return _value_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        value_type, choices, _ = _value_type(members[0])
        return value_type, choices, True
    if get_origin(annotation) is Literal:
        return str, tuple(str(choice) for choice in get_args(annotation)), False
    return annotation, (), False


def _default_text(default: object, optional: bool) -> str:
    if default is None and optional:
        return "automatic"
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _limits(field: FieldInfo) -> str:
    bounds = {
        name: getattr(constraint, name)
        for constraint in field.metadata
        for name in ("gt", "ge", "lt", "le")
        if getattr(constraint, name, None) is not None
    }
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']:g} to {bounds['le']:g}"
    return ", ".join(f"{words[name]} {bounds[name]:g}" for name in words if name in bounds)
