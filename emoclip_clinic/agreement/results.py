"""The one shape of every result: a frame with one row per quantity."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

__all__ = ["COLUMNS", "AgreementWarning", "Row", "join_flags", "to_frame"]

COLUMNS = ("statistic", "n", "n_clusters", "estimate", "ci_low", "ci_high", "ci_method", "p", "flag")

CONSTANT = "constant column"
DEPENDENT_P = "p not given: participants have several sessions"


class AgreementWarning(UserWarning):
    """A statistic is not defined for these data; its estimate is NaN and the row's flag says why."""


@dataclass(frozen=True)
class Row:
    """One quantity: its full name, the number of observations and clusters, estimate, interval, p and flag."""

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
    undefined: dict[str, list[str]] = {}
    for row in records:
        if math.isnan(row.estimate):
            undefined.setdefault(row.flag or "not defined for these data", []).append(row.statistic)
    for reason, names in undefined.items():
        warnings.warn(f"{', '.join(names)}: NaN ({reason})", AgreementWarning, stacklevel=3)
    frame = pd.DataFrame([vars(row) for row in records], columns=list(COLUMNS))
    return frame.astype({"n": "int64", "n_clusters": "int64", "estimate": "float64", "ci_low": "float64"}).astype(
        {"ci_high": "float64", "p": "float64", "statistic": "str", "ci_method": "str", "flag": "str"}
    )
