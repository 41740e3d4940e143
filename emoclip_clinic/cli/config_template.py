"""A settings file to start from: every setting with its meaning, as a comment, at its default."""

from collections.abc import Iterator
from typing import Any

import tomli_w
from pydantic import BaseModel

from emoclip_clinic.cli.setting_options import SettingFacts, setting_facts

__all__ = ["config_template", "settings_models"]

_EXAMPLES: dict[type, object] = {str: "...", int: 1, float: 1.0, bool: True}


def settings_models() -> dict[str, type[BaseModel]]:
    """Return the model of each table of ``emoclip-clinic.toml``, in the order of the work."""
    from emoclip_clinic.study.fit_settings import FitSettings
    from emoclip_clinic.study.investigator import InvestigatorFacts
    from emoclip_clinic.study.report_settings import ReportSettings
    from emoclip_clinic.study.settings import ExtractSettings

    return {
        "study": InvestigatorFacts,
        "extract": ExtractSettings,
        "fit": FitSettings,
        "report": ReportSettings,
    }


_TITLES = {
    "study": "What only you know. A report shows what is not given as missing.",
    "extract": "From videos to embeddings.",
    "fit": "From embeddings and ratings to predictions.",
    "report": "From predictions to a page.",
}


def config_template() -> str:
    """Compose a settings file in which nothing is set yet.

    Returns
    -------
    str
        TOML. Every setting stands in a comment: with its default, or with an example of its type if its
        default is that nothing is set.
    """
    lines = [
        "# Settings of this study. Remove the # before a name to set it; the others are at their defaults.",
        "# Options of the command line win over this file.",
    ]
    for table, model in settings_models().items():
        lines += ["", f"# {_TITLES[table]}", f"[{table}]"]
        for fact in setting_facts(model):
            lines += [*_comment(fact), f"# {_assignment(fact, model.model_fields[fact.name].default)}"]
    return "\n".join(lines) + "\n"


def _comment(fact: SettingFacts) -> Iterator[str]:
    """The meaning, cut into lines that do not look like settings."""
    words = f"{fact.description} ({'; '.join(_notes(fact))})" if _notes(fact) else fact.description
    line = "#:"
    for word in words.split():
        if len(line) + len(word) > 105:
            yield line
            line = "#:"
        line += f" {word}"
    yield line


def _notes(fact: SettingFacts) -> list[str]:
    return [note for note in (fact.unit, fact.limits, ", ".join(fact.choices)) if note]


def _assignment(fact: SettingFacts, default: Any) -> str:
    value = default
    if value is None:
        value = fact.choices[0] if fact.choices else _EXAMPLES[fact.value_type]
    written = tomli_w.dumps({fact.name: value}).strip()
    return written if default is not None else f"{written}   # an example: not set"
