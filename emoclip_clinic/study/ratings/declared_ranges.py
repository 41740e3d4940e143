"""Compares the range that a file declares for an item with that of the scale, as versions differ in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emoclip_clinic.study.files import read_json
from emoclip_clinic.study.ratings.cells import parse_number
from emoclip_clinic.study.ratings.problems import Problem
from emoclip_clinic.study.ratings.redcap import DataDictionary, means_missing
from emoclip_clinic.study.scales import Scale

__all__ = ["declared_range_problems"]


def declared_range_problems(
    path: Path, columns: Mapping[str, str], scale: Scale, dictionary: DataDictionary | None
) -> list[Problem]:
    """List items whose declared range is another than the scale's.

    Parameters
    ----------
    path : Path
        The ratings; a JSON of the same name beside it (BIDS) may declare levels, or a minimum and a maximum.
    columns : mapping of str to str
        Column of the file by item.
    scale : Scale
        The scale.
    dictionary : DataDictionary or None
        REDCap's data dictionary, whose choices declare a range too.

    Returns
    -------
    list of Problem
        For a person to judge: ratings that fit both ranges may still mean different things.
    """
    sidecar = path.with_suffix(".json")
    described: Mapping[str, Any] = read_json(sidecar) if sidecar.is_file() else {}
    problems = []
    for item in scale.items:
        column = columns.get(item.id)
        if column is None:
            continue
        declared = {sidecar: _numbers(_declared_in_json(described.get(column)))}
        known = None if dictionary is None else dictionary.field_of_header(column)
        if dictionary is not None and known is not None:
            ratings = [code for code, label in known.choices.items() if not means_missing(code, label)]
            declared[dictionary.path] = _numbers(ratings)
        for file, numbers in declared.items():
            if numbers and (min(numbers), max(numbers)) != (item.min, item.max):
                problems.append(
                    Problem(
                        "declared-range",
                        f"{item.id} runs from {item.min:g} to {item.max:g} in {scale.name}.",
                        file,
                        column=column,
                        value=f"{min(numbers):g} to {max(numbers):g}",
                        hint="Perhaps another version of the scale.",
                    )
                )
    return problems


def _declared_in_json(entry: object) -> Sequence[str]:
    if not isinstance(entry, dict):
        return ()
    if isinstance(entry.get("Levels"), dict):
        return [
            str(level)
            for level, label in entry["Levels"].items()
            if not means_missing(str(level), str(label))
        ]
    bounds = [entry.get("MinValue"), entry.get("MaxValue")]
    return [str(bound) for bound in bounds if bound is not None] if None not in bounds else ()


def _numbers(texts: Sequence[str]) -> list[float]:
    return [number for number in map(parse_number, texts) if number is not None]
