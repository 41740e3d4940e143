"""A numeric design from a table of mixed columns: numbers as they are, categories as one column per level."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnKind", "Design", "make_design_table"]

# Beyond as many levels, and half of the rows, a column is taken for identifiers.
MOST_LEVELS = 10

ColumnKind = Literal["number", "category"]


@dataclass(frozen=True, eq=False)
class Design:
    """A numeric design.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features)
        Neither filled nor standardised: the regressor does both inside each training set. NaN where a number
        is missing.
    names : tuple of str
        ``age``; ``age_missing`` (1 where age is missing); ``sex=F`` (1 for that level); ``sex=n/a``.
    columns : mapping of str to {"number", "category"}
        Columns of the table that are in the design.
    n_missing : mapping of str to int
        Rows without a value, for every column of the table.
    dropped : mapping of str to str
        Columns that are not in the design, with the reason.
    """

    X: NDArray[np.float64]
    names: tuple[str, ...]
    columns: Mapping[str, ColumnKind]
    n_missing: Mapping[str, int]
    dropped: Mapping[str, str]


def make_design_table(table: pd.DataFrame, *, categorical: Collection[str] = ()) -> Design:
    """Turn a table into numbers.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Columns of numbers, truth values or text. NaN and None are missing.
    categorical : collection of str
        Columns that are categories although they hold numbers, such as the number of a site.

    Returns
    -------
    Design
        A column with one value only is dropped, since it cannot help.

    Raises
    ------
    RegressionError
        If a number is infinite, or a category has more than 10 levels and more than half as many as
        there are rows: then it holds identifiers, or numbers that could not be read.

    Notes
    -----
    *Categories*: one 0/1 column for each level, also for the last (ridge regression needs no reference level)
    and for "missing".

    *Missing numbers* stay NaN, and a further column ``<name>_missing`` is 1 there, so that the model can tell
    them. ``nested_predict(..., fill_missing=True)`` fills them in each training set, the inner ones too, with
    the mean of the training rows that have a number.

    Which columns there are is decided from all rows, test participants included. It makes no difference: a
    column that is constant in a training set, such as a level or a gap that only test participants have, has
    no effect there.
    """
    arrays: list[NDArray[np.float64]] = []
    names: list[str] = []
    kinds: dict[str, ColumnKind] = {}
    n_missing: dict[str, int] = {}
    dropped: dict[str, str] = {}
    for column in map(str, table.columns):
        values = table[column]
        missing = values.isna().to_numpy(dtype=bool)
        n_missing[column] = int(missing.sum())
        if missing.all():
            dropped[column] = "no values"
            continue
        if not missing.any() and len(values.unique()) == 1:
            dropped[column] = "the same value everywhere"
            continue
        kinds[column] = "category" if column in categorical or not _is_number(values) else "number"
        parts = _levels(values, missing) if kinds[column] == "category" else _number(values, missing)
        for suffix, array in parts.items():
            names.append(column + suffix)
            arrays.append(array)
    X = np.column_stack(arrays) if arrays else np.empty((len(table), 0))
    return Design(X, tuple(names), kinds, n_missing, dropped)


def _is_number(values: pd.Series[float]) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values)  # truth values count


def _number(values: pd.Series[float], missing: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    array = np.array(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if np.isinf(array).any():
        raise RegressionError(
            "Numbers must be finite", found="an infinite value", where=f"column {values.name}"
        )
    return {"": array} | ({"_missing": missing.astype(np.float64)} if missing.any() else {})


def _levels(values: pd.Series[str], missing: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    labels = np.array(
        ["n/a" if gap else _label(value) for value, gap in zip(values, missing, strict=True)], dtype=object
    )
    levels = sorted(set(labels[~missing]))
    if len(levels) > max(MOST_LEVELS, len(labels) // 2):
        raise RegressionError(
            "A column of categories must have few levels",
            found=f"{len(levels)} levels in {len(labels)} rows, such as {', '.join(levels[:3])}",
            where=f"column {values.name}",
            hint="Leave it out, or make its cells numbers: a number such as '34 y' is read as text.",
        )
    levels += ["n/a"] if missing.any() else []
    return {f"={level}": (labels == level).astype(np.float64) for level in levels}


def _label(value: object) -> str:
    """1.0 and 1 are the same site."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
