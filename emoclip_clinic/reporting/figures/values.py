"""Numbers that figures read from frames, and how alternative texts and captions write them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Floats
from emoclip_clinic.reporting.writing.rounding import number, p_value

__all__ = [
    "Estimate",
    "counted",
    "estimate_of",
    "finite_rows",
    "floats",
    "is_finite",
    "level_text",
    "p_text",
    "text_of",
]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; NaN for what is not there."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether both limits are there."""
        return is_finite(self.low) and is_finite(self.high)

    def text(self, *, decimals: int = 2, unit: str = "") -> str:
        """Write "0.42 (0.10 to 0.66)", or the number alone where there is no interval."""
        unit = f" {unit}" if unit else ""
        if not is_finite(self.value):
            return "not defined"
        text = f"{number(self.value, decimals=decimals)}{unit}"
        if not self.has_interval:
            return text
        return f"{text} ({number(self.low, decimals=decimals)} to {number(self.high, decimals=decimals)})"


def is_finite(value: object) -> bool:
    """Tell whether something is a finite number; None, NaN, pd.NA and text are not."""
    return isinstance(value, int | float | np.number) and math.isfinite(float(value))


def floats(values: object) -> Floats:
    """Turn a column or sequence into floats; what is missing or no number becomes NaN."""
    series = pd.Series(values, copy=False) if not isinstance(values, pd.Series) else values
    numeric = pd.to_numeric(series, errors="coerce")
    result: Floats = numeric.to_numpy(dtype=np.float64, na_value=np.nan)
    return result


def estimate_of(row: Mapping[str, Any] | pd.Series, name: str, *, low: str = "", high: str = "") -> Estimate:
    """Read a number and its limits, by default from ``NAME_low`` and ``NAME_high``, where they are there."""
    value, lower, upper = (
        _or_nan(row.get(key)) for key in (name, low or f"{name}_low", high or f"{name}_high")
    )
    return Estimate(value, lower, upper)


def _or_nan(value: Any) -> float:
    return float(value) if is_finite(value) else math.nan


def finite_rows(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Give the rows in which all these columns are finite, with the columns as floats and a new index."""
    numbers = {name: floats(frame[name]) for name in columns}
    kept = np.all([np.isfinite(values) for values in numbers.values()], axis=0)
    return frame.assign(**numbers)[kept].reset_index(drop=True)


def text_of(value: object, *, missing: str = "not known") -> str:
    """Turn a cell into text; what is missing gets words."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return missing
    return str(value)


def counted(n: int, singular: str, *, plural: str = "") -> str:
    """Write "1 session" or "12 sessions"."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def level_text(confidence: float | None) -> str:
    """Name intervals of a level: "95 % interval", or "interval" where the level is not told."""
    return "interval" if confidence is None else f"{100 * confidence:g} % interval"


def p_text(p: float) -> str:
    """Write "p = 0.031", "p < 0.001", or "p not defined"."""
    if not is_finite(p):
        return "p not defined"
    text = p_value(p)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"
