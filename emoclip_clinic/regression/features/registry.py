"""Aggregations by name: how the segments of a session become one row of features."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.features.segments import SessionSegments
from emoclip_clinic.study.formats import embedding_names

__all__ = ["Aggregation", "Features", "aggregate", "aggregation_names", "register_aggregation"]

Features = Mapping[str, float | NDArray[np.float64]]
"""Features by name: a number, or one number for each dimension of the embedding."""

Aggregation = Callable[[SessionSegments], Features]

_KNOWN: dict[str, Aggregation] = {}


def register_aggregation(name: str) -> Callable[[Aggregation], Aggregation]:
    """Make a function available as an aggregation, as a decorator.

    Parameters
    ----------
    name : str
        The name by which it is asked for. It must not hold ``+``, which joins names.

    Returns
    -------
    callable
        The decorator, which returns the function as it is.

    Raises
    ------
    RegressionError
        If the name is taken or holds ``+``.

    Examples
    --------
    >>> @register_aggregation("example-maximum")
    ... def maximum(session):
    ...     return {"max": session.embeddings.max(axis=0).astype(float)}
    >>> "example-maximum" in aggregation_names()
    True
    """
    if "+" in name or not name or name in _KNOWN:
        raise RegressionError(
            "The name of an aggregation must be new, and without '+'",
            found=name,
            hint=f"Known are: {', '.join(_KNOWN)}.",
        )

    def register(function: Aggregation) -> Aggregation:
        _KNOWN[name] = function
        return function

    return register


def aggregation_names() -> tuple[str, ...]:
    """Return the names of all aggregations, in order of registration."""
    return tuple(_KNOWN)


def chosen_aggregations(how: str) -> tuple[Aggregation, ...]:
    """Return the functions of an expression such as ``mean+std``.

    Parameters
    ----------
    how : str
        Names joined by ``+``.

    Returns
    -------
    tuple of callable

    Raises
    ------
    RegressionError
        If a name is unknown or stands twice.
    """
    names = [name.strip() for name in how.split("+")]
    for name in names:
        if name not in _KNOWN:
            raise RegressionError(
                f"An aggregation must be one of {', '.join(_KNOWN)}, or several joined by '+'",
                found=repr(name),
                hint=did_you_mean(name, _KNOWN),
            )
    if len(set(names)) < len(names):
        raise RegressionError("An aggregation may be named once", found=how)
    return tuple(_KNOWN[name] for name in names)


def aggregate(session: SessionSegments, how: str = "mean") -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Turn the segments of a session into one row of features.

    Parameters
    ----------
    session : SessionSegments
        At least one segment.
    how : str
        One aggregation, or several joined by ``+``, such as ``mean+std`` or ``mean+dynamics``.

    Returns
    -------
    names : tuple of str
        ``mean_e000`` for a feature of a dimension, the bare name for a number.
    row : ndarray of shape (n_features,)
        NaN where a feature is not defined for these segments, such as a standard deviation of one segment.

    Raises
    ------
    RegressionError
        If an aggregation is unknown, two give the same feature, or there is no segment.
    """
    functions = chosen_aggregations(how)
    if not len(session.embeddings):
        raise RegressionError(
            "A session must have a usable segment to be aggregated",
            found="none",
            where=" ".join(part for part in session.key if part),
        )
    dimensions = embedding_names(session.embeddings.shape[1])
    names: list[str] = []
    parts: list[NDArray[np.float64]] = []
    for function in functions:
        for name, value in function(session).items():
            array = np.asarray(value, dtype=np.float64)
            if array.shape not in ((), (len(dimensions),)):
                raise RegressionError(
                    f"A feature must be a number or have the shape ({len(dimensions)},)",
                    found=f"{name} of shape {array.shape}",
                )
            names += [name] if array.ndim == 0 else [f"{name}_{dimension}" for dimension in dimensions]
            parts.append(np.atleast_1d(array))
    if len(set(names)) < len(names):
        raise RegressionError("Two aggregations that are joined must not give the same feature", found=how)
    return tuple(names), np.concatenate(parts)
