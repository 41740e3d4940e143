"""Numbers of NumPy and pandas as JSON can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plain", "records"]


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's, and NaN and pandas' missing value into None, at any depth.

    Parameters
    ----------
    value : object
        Mappings, lists, tuples, numbers, text.

    Returns
    -------
    object
        What JSON can hold.
    """
    import pandas as pd

    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table, each by name of column.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    list of dict
        With None where a value is missing.
    """
    return [plain(row) for row in frame.to_dict("records")]
