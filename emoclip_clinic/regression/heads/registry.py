"""The registry of regressors, what they are given, and what they give back."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.checks import (
    check_features,
    check_targets,
    check_weights,
    participant_codes,
)
from emoclip_clinic.regression.splits import Fold, Groups, check_folds

__all__ = [
    "FittedHead",
    "Head",
    "HeadData",
    "HeadPrediction",
    "HeadProgress",
    "get_head",
    "head_names",
    "make_head_data",
    "register_head",
]

Floats = NDArray[np.float64]

HeadProgress = Callable[[int, int], None]
"""Called with (done, total) of a regressor's work, in units of its own."""


@dataclass(frozen=True, eq=False)
class HeadData:
    """What every regressor is given; make it with `make_head_data`.

    Attributes
    ----------
    features : mapping of str to ndarray of shape (n_rows, n)
        Named blocks, such as "embedding", "covariates" and "camera". Each regressor says which one it reads.
    Y : ndarray of shape (n_rows, n_targets)
        NaN where a rating is missing.
    groups : ndarray of shape (n_rows,)
        Participant of each row, as a number.
    folds : tuple of Fold
    weight : ndarray of shape (n_rows,)
    """

    features: Mapping[str, NDArray[np.floating]]
    Y: Floats
    groups: NDArray[np.intp]
    folds: tuple[Fold, ...]
    weight: Floats

    @property
    def n_repeats(self) -> int:
        """Repetitions of the folds."""
        return 1 + max(fold.repeat for fold in self.folds)

    def block(self, name: str) -> NDArray[np.floating]:
        """Return a block of features.

        Raises
        ------
        RegressionError
            If there is no such block.
        """
        if name not in self.features:
            raise RegressionError(
                f"The regressor reads the features '{name}'",
                found=f"only {', '.join(sorted(self.features)) or 'none'}",
            )
        return self.features[name]


@dataclass(frozen=True, eq=False)
class HeadPrediction:
    """Out-of-fold predictions of one regressor.

    Attributes
    ----------
    head : str
        Name of the regressor.
    predictions : ndarray of shape (n_repeats, n_rows, n_targets)
        Each row by a model that never saw its participant.
    alphas : ndarray of shape (n_folds, n_targets)
        The chosen penalty; NaN for a regressor without one.
    details : dict
        What else was chosen, as numbers, strings and lists for a JSON file.
    """

    head: str
    predictions: Floats
    alphas: Floats
    details: dict[str, object] = field(default_factory=dict)


class FittedHead(Protocol):
    """A regressor trained on all participants."""

    def predict(self, X: ArrayLike) -> Floats:
        """Return predictions of shape (n_rows, n_targets) from the block that the regressor reads."""
        ...

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the model as named arrays, for a file without pickle."""
        ...


class Head(Protocol):
    """A regressor."""

    @property
    def name(self) -> str:
        """Name in the registry, in tables and in files."""
        ...

    @property
    def reads(self) -> str | None:
        """Name of the block of features it reads; None for the mean predictor."""
        ...

    @property
    def baseline(self) -> bool:
        """Whether it is there for comparison only."""
        ...

    def out_of_fold(self, data: HeadData, *, progress: HeadProgress | None = None) -> HeadPrediction:
        """Fit on each fold's training participants and predict the others."""
        ...

    def fit(self, data: HeadData, *, progress: HeadProgress | None = None) -> FittedHead:
        """Fit all participants, for predictions in new ones."""
        ...

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> FittedHead:
        """Make a fitted regressor again from its arrays."""
        ...


_HEADS: dict[str, Head] = {}
AnyHead = TypeVar("AnyHead", bound=Head)


def make_head_data(
    features: Mapping[str, ArrayLike],
    Y: ArrayLike,
    *,
    groups: Groups,
    folds: Sequence[Fold],
    sample_weight: ArrayLike | None = None,
) -> HeadData:
    """Check what the regressors of one fit share.

    Parameters
    ----------
    features : mapping of str to array-like of shape (n_rows, n)
        Blocks by name, all with the same rows. NaN is a missing value; a regressor that fills none refuses
        it.
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        NaN where a rating is missing.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    folds : sequence of Fold
    sample_weight : array-like of shape (n_rows,), optional

    Returns
    -------
    HeadData

    Raises
    ------
    RegressionError
        If shapes disagree, or a participant is on both sides of a fold.
    """
    n_rows = len(groups)
    _, codes = participant_codes(groups, n_rows)
    blocks = {}
    for name, values in features.items():
        blocks[name] = check_features(values, nan=True)
        if len(blocks[name]) != n_rows:
            raise RegressionError(
                f"Every block of features must have {n_rows} rows, one for each label in groups",
                found=f"{len(blocks[name])} rows in '{name}'",
            )
    return HeadData(
        features=blocks,
        Y=check_targets(Y, n_rows),
        groups=codes,
        folds=check_folds(folds, codes),
        weight=check_weights(sample_weight, n_rows),
    )


def register_head(head: AnyHead) -> AnyHead:
    """Make a regressor known by its name.

    Parameters
    ----------
    head : Head

    Returns
    -------
    Head
        The same.

    Raises
    ------
    RegressionError
        If the name is taken.
    """
    if head.name in _HEADS:
        raise RegressionError("A regressor's name must be unique", found=head.name)
    _HEADS[head.name] = head
    return head


def head_names() -> tuple[str, ...]:
    """Return the names of all regressors, sorted."""
    _load()
    return tuple(sorted(_HEADS))


def get_head(name: str) -> Head:
    """Return a regressor with its default settings; ``dataclasses.replace`` changes them.

    Parameters
    ----------
    name : str
        Such as "ridge" or "mlp"; see `head_names`.

    Returns
    -------
    Head

    Raises
    ------
    RegressionError
        If there is none of that name.
    """
    _load()
    if name not in _HEADS:
        raise RegressionError("The model must be known", found=name, hint=did_you_mean(name, _HEADS))
    return _HEADS[name]


def _load() -> None:
    """Import every module beside this one; each registers its regressors once."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
