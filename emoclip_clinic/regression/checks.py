"""Checks of the arrays that enter a regression: features, targets, participants, weights, penalties."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError

__all__ = [
    "RegressionWarning",
    "check_alphas",
    "check_features",
    "check_targets",
    "check_weights",
    "is_missing",
    "participant_codes",
    "without_mask",
]

Values = TypeVar("Values")

# Squares of larger values overflow float64.
LARGEST = 1e150
# Whole numbers beyond this are not all representable in float64.
LARGEST_WHOLE = 2**53
MIN_PARTICIPANTS = 3
# Rows are checked and converted in blocks of this many values, so that no second matrix is needed.
BLOCK_VALUES = 2**21


class RegressionWarning(UserWarning):
    """The regression was done, and part of its result is of little use; the message says which part."""


def without_mask(values: Values) -> Values | NDArray[np.generic]:
    """Turn the masked values of an array into NaN; numpy would give out what lies under the mask.

    Parameters
    ----------
    values : array-like
        Only a masked array is changed.

    Returns
    -------
    array-like
        An array without a mask, or the object itself.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    plain: NDArray[np.generic] = values.data
    return np.where(np.ma.getmaskarray(values), np.nan, plain) if np.any(values.mask) else plain


def _as_array(given: object, name: str) -> NDArray[np.generic]:
    """Return an array; masked values and gaps in pandas' nullable columns become NaN."""
    values: object = without_mask(given)
    if hasattr(values, "toarray"):
        raise RegressionError(f"{name} must be a dense array", found=type(values).__name__)
    try:
        if hasattr(values, "to_numpy"):
            plain = values.to_numpy()
            values = values.to_numpy(dtype=np.float64, na_value=np.nan) if plain.dtype == object else plain
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise RegressionError(f"{name} must be a rectangular array of numbers", found=str(error)) from error


def _as_float(array: NDArray[np.generic], name: str) -> NDArray[np.floating]:
    """Keep float32 and float64, turn every other number into float64."""
    if array.dtype in (np.float32, np.float64):
        return array  # type: ignore[return-value]
    if array.dtype.kind in "iu" and array.size:
        extreme = max(abs(int(array.min())), abs(int(array.max())))
    else:  # whole numbers of any size may be objects
        objects = array.ravel().tolist() if array.dtype == object else []
        extreme = max((abs(value) for value in objects if isinstance(value, int)), default=0)
    if extreme > LARGEST_WHOLE:
        raise RegressionError(
            f"Whole numbers in {name} must not exceed 2**53, or float64 rounds them", found=extreme
        )
    if array.dtype.kind not in "biufO":
        raise RegressionError(f"{name} must hold real numbers", found=f"dtype {array.dtype}")
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise RegressionError(f"{name} must hold real numbers", found=str(error)) from error


def _where(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> str:
    """Name the first place and the number of places."""
    return f"{len(rows)} values, the first in row {rows[0]}, column {columns[0]} (counted from 0)"


def _check_finite(values: NDArray[np.floating], name: str, *, nan: bool) -> None:
    """Raise on infinite and on too large values, and on NaN unless it is allowed."""
    step = max(1, BLOCK_VALUES // max(1, values.shape[1]))
    for start in range(0, len(values), step):
        block = values[start : start + step]
        missing = np.isnan(block)
        if missing.any() and not nan:
            rows, columns = np.nonzero(missing)
            raise RegressionError(
                f"{name} must not hold NaN",
                found=_where(rows + start, columns),
                hint="Leave those sessions out, or pass fill_missing=True where that is offered.",
            )
        large = np.isinf(block)
        if block.dtype == np.float64:  # no float32 is too large
            large |= np.abs(block) > LARGEST
        if large.any():
            rows, columns = np.nonzero(large)
            raise RegressionError(
                f"{name} must hold finite values of at most 1e150", found=_where(rows + start, columns)
            )


def check_features(X: ArrayLike, *, nan: bool = False) -> NDArray[np.floating]:
    """Return the features as a float array, without a copy where they are float already.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        float32 and float64 are kept; integers of any width and booleans become float64.
    nan : bool
        Whether NaN may stand for a missing value.

    Returns
    -------
    ndarray of shape (n_rows, n_features)

    Raises
    ------
    RegressionError
        If X is not a table of finite numbers with at least one row and one column.
    """
    array = _as_array(X, "X")
    if array.ndim != 2 or 0 in array.shape:
        raise RegressionError(
            "X must have the shape (rows, features), with at least one of each", found=f"shape {array.shape}"
        )
    values = _as_float(array, "X")
    _check_finite(values, "X", nan=nan)
    return values


def check_targets(Y: ArrayLike, n_rows: int) -> NDArray[np.float64]:
    """Return the targets as float64 of shape (n_rows, n_targets); NaN marks a missing rating.

    Parameters
    ----------
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
    n_rows : int
        Rows of the features.

    Returns
    -------
    ndarray of shape (n_rows, n_targets)

    Raises
    ------
    RegressionError
        If the number of rows differs or a value is infinite or not a number.
    """
    array = _as_array(Y, "Y")
    if array.ndim not in (1, 2) or len(array) != n_rows or 0 in array.shape:
        raise RegressionError(
            f"Y must have the shape ({n_rows},) or ({n_rows}, targets), one row for each row of X",
            found=f"shape {array.shape}",
        )
    values = _as_float(array, "Y").astype(np.float64)
    table = values[:, None] if values.ndim == 1 else values
    _check_finite(table, "Y", nan=True)
    return table


def check_weights(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64]:
    """Return one weight for each row; ones if there are none.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,), a number, or None
    n_rows : int
        Rows of the features.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    RegressionError
        If a weight is negative or not finite, or if all are zero.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    array = _as_float(_as_array(sample_weight, "sample_weight"), "sample_weight").astype(np.float64)
    if array.ndim == 0:
        array = np.full(n_rows, float(array))
    if array.shape != (n_rows,):
        raise RegressionError(
            f"sample_weight must have the shape ({n_rows},), one weight for each row of X",
            found=f"shape {array.shape}",
        )
    _check_finite(array[:, None], "sample_weight", nan=False)
    if (array < 0).any() or not (array > 0).any():
        raise RegressionError(
            "sample_weight must not be negative, and not all of it zero", found=f"minimum {array.min()}"
        )
    return array


def check_alphas(alphas: ArrayLike) -> NDArray[np.float64]:
    """Return the penalties in ascending order, each once.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,) or a number
        Any order; a repeated penalty is used once, with a warning.

    Returns
    -------
    ndarray of shape (n_alphas,)

    Raises
    ------
    RegressionError
        If there is none, or one is zero, negative or not finite.
    """
    array = np.atleast_1d(_as_float(_as_array(alphas, "alphas"), "alphas")).astype(np.float64)
    if array.ndim != 1 or not array.size:
        raise RegressionError("alphas must be a list of at least one penalty", found=f"shape {array.shape}")
    if not (np.isfinite(array).all() and (array > 0).all()):
        bad = [float(a) for a in array if not (np.isfinite(a) and a > 0)]
        raise RegressionError("alphas must be positive and finite", found=bad)
    unique = np.unique(array)
    if len(unique) < len(array):
        warnings.warn(
            f"alphas holds {len(array) - len(unique)} repeated penalties; each is used once.",
            RegressionWarning,
            stacklevel=4,
        )
    return unique


def is_missing(label: object) -> bool:
    """Tell whether a participant's label is None, NaN, NaT, NA or an empty string."""
    if label is None or (isinstance(label, str) and not label.strip()):
        return True
    try:
        return bool(label != label)
    except TypeError:  # the comparison of pandas' NA is NA, which has no truth value
        return True


def participant_codes(
    groups: Sequence[object] | NDArray[np.generic] | None, n_rows: int
) -> tuple[NDArray[np.generic], NDArray[np.intp]]:
    """Return the participants' labels in sorted order and each row's index among them.

    Parameters
    ----------
    groups : sequence of shape (n_rows,)
        One label for each row: strings, whole numbers, or objects of one kind.
    n_rows : int
        Rows of the features.

    Returns
    -------
    labels : ndarray of shape (n_participants,)
    codes : ndarray of shape (n_rows,)

    Raises
    ------
    RegressionError
        If groups are absent, a label is missing, or their number is not that of the rows.
    """
    if groups is None:
        raise RegressionError(
            "groups must name the participant of every row",
            found="None",
            hint="Pass groups=participant_id; without it sessions of one person could be on both sides.",
        )
    array = np.asarray(groups.to_numpy() if hasattr(groups, "to_numpy") else groups)
    if array.shape != (n_rows,):
        raise RegressionError(
            f"groups must have the shape ({n_rows},), one participant for each row of X",
            found=f"shape {array.shape}",
        )
    if array.dtype.kind == "b":
        raise RegressionError("groups must be labels of participants, not a mask", found="dtype bool")
    missing = [row for row, label in enumerate(array.tolist()) if is_missing(label)]
    if missing:
        raise RegressionError(
            "groups must name the participant of every row",
            found=f"{len(missing)} rows without a label, the first is row {missing[0]} (counted from 0)",
        )
    if array.dtype == object and len({str if isinstance(x, str) else type(x) for x in array.tolist()}) > 1:
        kinds = sorted({type(label).__name__ for label in array.tolist()})
        raise RegressionError(
            "groups must be labels of one kind, or 1 and '1' would be two participants",
            found=", ".join(kinds),
        )
    labels, codes = np.unique(array, return_inverse=True)
    _check_spelling(labels.tolist())
    return labels, codes.astype(np.intp)


def _check_spelling(labels: Sequence[object]) -> None:
    """Refuse labels that only blanks tell apart: one person would be on both sides of a fold."""
    seen: dict[str, str] = {}
    for label in labels:
        if isinstance(label, str):
            other = seen.setdefault(" ".join(label.split()), label)
            if other != label:
                raise RegressionError(
                    "Labels of participants must differ in more than blanks",
                    found=f"{other!r} and {label!r}",
                    hint="Write each participant the same way in every row.",
                )
