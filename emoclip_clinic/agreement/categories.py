"""Move continuous predictions to the steps of a rating scale."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoclip_clinic.agreement.inputs import Floats
from emoclip_clinic.errors import AgreementError

__all__ = ["check_categories", "to_categories"]


def check_categories(categories: Sequence[float]) -> Floats:
    """Return the categories as floats; they must be at least two increasing finite numbers."""
    steps = np.asarray(list(categories), dtype=np.float64)
    if steps.size < 2 or not np.isfinite(steps).all() or (np.diff(steps) <= 0).any():
        raise AgreementError(
            "Categories must be at least two increasing numbers",
            found=list(categories),
            hint="Give every step of the scale, for example range(1, 8).",
        )
    return steps


def to_categories(values: npt.ArrayLike, categories: Sequence[float]) -> Floats:
    """Move values to the nearest category.

    Halfway values go up (2.5 becomes 3), as clinicians round; Python's and numpy's ``round`` go to the even
    neighbour. Values outside the scale go to its ends. NaN stays NaN.

    Parameters
    ----------
    values : array-like of any shape
        Continuous values in points of the scale.
    categories : sequence of float
        All steps of the scale, increasing.

    Returns
    -------
    ndarray
        Of the same shape.

    Raises
    ------
    AgreementError
        If the categories are not increasing numbers.
    """
    steps = check_categories(categories)
    array = np.asarray(values, dtype=np.float64)
    middles = (steps[1:] + steps[:-1]) / 2
    moved = steps[np.searchsorted(middles, array, side="right")]
    return np.where(np.isnan(array), np.nan, moved)
