"""The one shape of every result: a frame with one row per quantity."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

__all__ = ["COLUMNS", "AgreementWarning", "Row", "item_frame", "join_flags", "rows_of", "to_frame"]

COLUMNS = ("statistic", "n", "n_clusters", "estimate", "ci_low", "ci_high", "ci_method", "p", "flag")

CONSTANT = "constant column"
DEPENDENT_P = "p not given: participants have several sessions"


class AgreementWarning(UserWarning):
    """A statistic is not defined for these data; its estimate is NaN and the row's flag says why."""


@dataclass(frozen=True)
class Row:
    """One quantity: its full name, numbers of observations and clusters, estimate, interval, p and flag."""

    statistic: str
    n: int
    n_clusters: int
    estimate: float
    ci_low: float = math.nan
    ci_high: float = math.nan
    ci_method: str = ""
    p: float = math.nan
    flag: str = ""


def join_flags(*flags: str) -> str:
    """Join the flags that are not empty, each once."""
    return "; ".join(dict.fromkeys(flag for flag in flags if flag))


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Turn rows into the frame and warn, once per reason, about estimates that are NaN."""
    records = list(rows)
    _warn_undefined(records)
    return _frame(records)


def item_frame(rows: Iterable[Row], items: Iterable[str]) -> pd.DataFrame:
    """Turn the rows of several items into one frame with a first column "item"; warn as `to_frame`."""
    records = list(rows)
    _warn_undefined(records)
    frame = _frame(records)
    frame.insert(0, "item", list(items))
    return frame


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Turn a frame back into rows."""
    return [
        Row(**{str(name): value for name, value in record.items()}) for record in frame.to_dict("records")
    ]


def _warn_undefined(records: list[Row]) -> None:
    undefined: dict[str, dict[str, None]] = {}
    for row in records:
        if math.isnan(row.estimate):
            undefined.setdefault(row.flag or "not defined for these data", {})[row.statistic] = None
    for reason, names in undefined.items():
        warnings.warn(f"{', '.join(names)}: NaN ({reason})", AgreementWarning, stacklevel=4)


def _frame(records: list[Row]) -> pd.DataFrame:
    columns = {name: [getattr(row, name) for row in records] for name in COLUMNS}
    kinds = {"n": "int64", "n_clusters": "int64", "statistic": "str", "ci_method": "str", "flag": "str"}
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=kinds.get(name, "float64")) for name in COLUMNS}
    )
