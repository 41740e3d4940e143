"""The mean predictor: every participant gets the mean rating of the training participants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.regression.heads.registry import HeadData, HeadPrediction, HeadProgress, register_head

__all__ = ["MeanHead"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Means:
    """The mean rating of each target."""

    means: Floats

    def predict(self, X: ArrayLike) -> Floats:
        return np.tile(self.means, (len(np.asarray(X)), 1))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {"means": self.means}


@dataclass(frozen=True)
class MeanHead:
    """Predict the weighted mean rating of the training rows, NaN with fewer than two rated participants.

    Attributes
    ----------
    name, reads, baseline
        See `Head`.
    """

    name: str = "mean"
    reads: None = None
    baseline: bool = True

    def out_of_fold(self, data: HeadData, *, progress: HeadProgress | None = None) -> HeadPrediction:
        """Predict each fold's test rows by the mean of its training rows."""
        predictions = np.full((data.n_repeats, *data.Y.shape), np.nan)
        for fold in data.folds:
            predictions[fold.repeat, fold.test] = _means(data, fold.train)
        return HeadPrediction(self.name, predictions, np.full((len(data.folds), data.Y.shape[1]), np.nan))

    def fit(self, data: HeadData, *, progress: HeadProgress | None = None) -> _Means:
        """Take the mean of all rows."""
        return _Means(_means(data, np.arange(len(data.Y))))

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> _Means:
        """Make the fitted predictor again from its arrays."""
        return _Means(np.asarray(arrays["means"], dtype=np.float64))


def _means(data: HeadData, rows: NDArray[np.intp]) -> Floats:
    means = np.full(data.Y.shape[1], np.nan)
    for target, ratings in enumerate(data.Y[rows].T):
        used = rows[~np.isnan(ratings) & (data.weight[rows] > 0)]
        if len(np.unique(data.groups[used])) > 1:
            means[target] = np.average(data.Y[used, target], weights=data.weight[used])
    return means


register_head(MeanHead())
