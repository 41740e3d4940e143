"""Which column of a table holds which item or score, by the names that a scale lists."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emoclip_clinic.study.scales.model import RESERVED_COLUMNS, Scale

__all__ = ["ColumnMatch", "alias_clashes", "match_columns", "normal_column_name"]


def normal_column_name(name: str) -> str:
    """Bring a column name to the form in which names are compared.

    Lower case, and one '_' for each run of characters that are no letters or digits.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "_", folded).strip("_")


@dataclass(frozen=True)
class ColumnMatch:
    """Columns found for a scale.

    Parameters
    ----------
    columns : dict of str to tuple of str
        Columns of the table for each item or score id; more than one is an ambiguity.
    """

    columns: dict[str, tuple[str, ...]]


def match_columns(columns: Iterable[str], scale: Scale, *, original_numbers: bool = False) -> ColumnMatch:
    """Find the columns that hold the items and the scores of a scale.

    An exact id wins over all other names of the same target; names are compared without case and punctuation.

    Parameters
    ----------
    columns : iterable of str
        Column names of a table.
    scale : Scale
        The scale.
    original_numbers : bool
        Whether numbers in column names are those of the original form.

    Returns
    -------
    ColumnMatch
        Columns by target; targets without a column are absent.
    """
    known: dict[str, str] = {}
    for target, name in (*scale.item_columns(original_numbers=original_numbers), *scale.score_columns()):
        known.setdefault(normal_column_name(name), target)
    found: dict[str, list[str]] = {}
    for column in columns:
        target_id = known.get(normal_column_name(column))
        if target_id is not None:
            found.setdefault(target_id, []).append(column)
    exact_wins = not original_numbers
    return ColumnMatch({t: (t,) if exact_wins and t in names else tuple(names) for t, names in found.items()})


def alias_clashes(scale: Scale) -> Sequence[str]:
    """Say which column names of a scale stand for two targets, or for a column of every ratings table."""
    clashes: list[str] = []
    for original_numbers in (False, True):
        owner: dict[str, str] = {}
        for target, name in (*scale.item_columns(original_numbers=original_numbers), *scale.score_columns()):
            key = normal_column_name(name)
            other = owner.setdefault(key, target)
            if other != target:
                clashes.append(f"the column name '{name}' stands for '{other}' and for '{target}'")
            elif key in RESERVED_COLUMNS:
                clashes.append(f"'{target}' has the column name '{name}', which every ratings table has")
    return list(dict.fromkeys(clashes))
