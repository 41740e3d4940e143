"""Reading settings files: TOML tables, checked value by value so that a mistake is told where it stands."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from emoclip_clinic.errors import SettingsError, did_you_mean, suggestions

__all__ = ["KNOWN_TABLES", "check_values", "combine_sources", "read_table_of"]

KNOWN_TABLES: Mapping[str, str] = {
    "extract": "Settings of extraction.",
    "fit": "Settings of fits.",
    "predict": "Settings of predictions for new participants.",
    "report": "Settings of reports.",
    "zeroshot": "Settings of zero-shot readings.",
    "pretrain": "Settings of pretraining.",
    "study": "What only the investigator knows: raters, blinding, medication, missing data.",
}
"""Tables that a settings file may have. Each verb checks its own and leaves the others alone."""


def read_table_of(path: Path, table: str) -> dict[str, object]:
    """Read one table of a settings file.

    Parameters
    ----------
    path : Path
        The TOML file.
    table : str
        One of :data:`KNOWN_TABLES`.

    Returns
    -------
    dict
        Key to value, unchecked; empty if the file has no such table.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no TOML, or has a top-level name that is no known table.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            "The settings file must be readable",
            found=error.strerror or str(error),
            where=path,
            hint="Check its path and its permissions; a relative path starts at the working directory.",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "The settings file must be UTF-8 text",
            found=str(error),
            where=path,
            hint="Save it as UTF-8 in your editor.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            "The settings file must be TOML",
            found=str(error),
            where=path,
            hint="Write settings as name = value below a table such as [extract], and text in quotes.",
        ) from error
    for name, value in content.items():
        if not isinstance(value, dict) and name in KNOWN_TABLES:
            raise SettingsError(
                f"[{name}] must be a table",
                found=f"{name} = {value!r}",
                where=path,
                hint=f"Write [{name}] on a line of its own, and its settings below it.",
            )
        if not isinstance(value, dict):
            raise SettingsError(
                "Every setting must stand in a table",
                found=f"{name} outside of any",
                where=path,
                hint=f"Write [{table}] on a line before it.",
            )
        if name not in KNOWN_TABLES:
            raise SettingsError(
                "A settings file may have only known tables",
                found=f"[{name}]",
                where=path,
                hint=did_you_mean(name, KNOWN_TABLES),
            )
    return dict(content.get(table, {}))


def check_values(model: type[BaseModel], values: Mapping[str, object], *, where: str) -> None:
    """Check some values of a settings model whose other values have defaults.

    Types are strict: a whole number serves as a decimal one, but ``true`` is no number and ``"3"`` neither.

    Parameters
    ----------
    model : type of BaseModel
        The model.
    values : mapping of str to object
        Name to value.
    where : str
        The file and table, or the command line: where the user finds them.

    Raises
    ------
    SettingsError
        If a name is unknown or a value is not allowed. All are told together.
    """
    unknown = [name for name in values if name not in model.model_fields]
    problems = [f"{name!r} is no setting" for name in unknown]
    hints = {suggestions(unknown, model.model_fields): None} if unknown else {}
    known = {name: value for name, value in values.items() if name in model.model_fields}
    try:
        model.model_validate(known, strict=True)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            name, value = str(one["loc"][0]) if one["loc"] else "", one["input"]
            problems.append(_told(name, one["msg"], value))
            options = _options(model, name)
            if options and isinstance(value, str):
                hints[did_you_mean(value, options)] = None
    if problems:
        raise SettingsError(
            "Every setting must have a known name and an allowed value",
            found=problems,
            where=where,
            hint=" ".join(hints) or "Give an allowed value; --help lists them, with unit and default.",
        )


def combine_sources(
    model: type[BaseModel],
    table: str,
    *,
    study_root: Path,
    config: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> tuple[dict[str, object], dict[str, str]]:
    """Combine the sources of settings: option, then ``--config FILE``, then the study's file, then default.

    Parameters
    ----------
    model : type of BaseModel
        The model of the settings.
    table : str
        The table of settings files that holds them, one of :data:`KNOWN_TABLES`.
    study_root : Path
        The study, whose ``emoclip-clinic.toml`` is read if it is there.
    config : Path, optional
        A further settings file, which must exist.
    overrides : mapping of str to object, optional
        Options by name of the setting. None means that the option was not given.

    Returns
    -------
    values : dict of str to object
        The settings that some source gives, checked one by one.
    sources : dict of str to str
        Name of each setting of the model to ``"default"``, the path of a settings file, or ``"option"``.

    Raises
    ------
    SettingsError
        If a file is not readable, or a name or a value in any source is not allowed.
    """
    values: dict[str, object] = {}
    sources = dict.fromkeys(model.model_fields, "default")
    study_file = Path(study_root) / "emoclip-clinic.toml"
    for file in [*([study_file] if study_file.exists() else []), *([] if config is None else [Path(config)])]:
        found = read_table_of(file, table)
        check_values(model, found, where=f"{file} [{table}]")
        values.update(found)
        sources.update(dict.fromkeys(found, str(file)))
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    check_values(model, given, where="command line")
    values.update(given)
    sources.update(dict.fromkeys(given, "option"))
    return values, sources


def _told(name: str, message: str, value: object) -> str:
    said = message.removeprefix("Value error, ")
    return f"{name} = {value!r}: {said[0].lower()}{said[1:]}" if name else said


def _options(model: type[BaseModel], name: str) -> list[str]:
    """Values that a setting may have, where they can be listed."""
    field = model.model_fields.get(name)
    if field is None:
        return []
    kinds = [field.annotation, *get_args(field.annotation)]
    literal = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())
    return [str(option) for option in literal or field.examples or ()]
