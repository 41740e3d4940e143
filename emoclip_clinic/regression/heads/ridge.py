"""Ridge regression on the embedding, and the same on covariates and on camera descriptors as baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS, check_features
from emoclip_clinic.regression.group_ridge import GroupRidgeCV
from emoclip_clinic.regression.heads.registry import HeadData, HeadPrediction, HeadProgress, register_head
from emoclip_clinic.regression.nested import nested_predict
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS, Inner
from emoclip_clinic.regression.ridge_core import linear_predictions

__all__ = ["RidgeHead"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Linear:
    """Coefficients and intercepts in the units of the features, and what stands for a missing value."""

    coef: Floats
    intercept: Floats
    alpha: Floats
    fill: Floats | None

    def predict(self, X: ArrayLike) -> Floats:
        features = check_features(X, nan=self.fill is not None)
        if features.shape[1] != self.coef.shape[1]:
            raise RegressionError(
                f"The ridge was trained on {self.coef.shape[1]} features", found=features.shape[1]
            )
        return linear_predictions(features, self.coef, self.intercept, fill=self.fill)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        named: dict[str, NDArray[np.generic]] = {
            "coef": self.coef,
            "intercept": self.intercept,
            "alpha": self.alpha,
        }
        return named if self.fill is None else named | {"fill": self.fill}


@dataclass(frozen=True)
class RidgeHead:
    """Ridge regression with the penalty of each target chosen inside the training participants.

    Attributes
    ----------
    name, reads, baseline
        See `Head`.
    alphas : tuple of float
    inner : "auto", "participant", or int
        See `nested_predict`.
    seed : int
        Seed of grouped inner folds.
    fill_missing : bool
        Whether the features may have gaps, as covariates do; see `nested_predict`.
    """

    name: str = "ridge"
    reads: str = "embedding"
    baseline: bool = False
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    inner: Inner = "auto"
    seed: int = 0
    fill_missing: bool = False

    def out_of_fold(self, data: HeadData, *, progress: HeadProgress | None = None) -> HeadPrediction:
        """Predict by nested cross-validation.

        Only the ratios of the weights count, in each training set: how long the videos of those are who are
        left out must not move the penalty.
        """
        result = nested_predict(
            data.block(self.reads),
            data.Y,
            data.groups,
            alphas=self.alphas,
            sample_weight=data.weight,
            outer=data.folds,
            inner=self.inner,
            seed=self.seed,
            fill_missing=self.fill_missing,
            relative_weight=True,
            progress=progress,
        )
        return HeadPrediction(
            self.name,
            result.predictions.reshape(data.n_repeats, *data.Y.shape),
            result.chosen_alphas,
            {"inner": result.inner, "alphas": result.alphas.tolist()},
        )

    def fit(self, data: HeadData, *, progress: HeadProgress | None = None) -> _Linear:
        """Fit all participants; a target rated in fewer than three is predicted as NaN."""
        features, n_targets = data.block(self.reads), data.Y.shape[1]
        model = _Linear(
            np.full((n_targets, features.shape[1]), np.nan),
            np.full(n_targets, np.nan),
            np.full(n_targets, np.nan),
            np.zeros((n_targets, features.shape[1])) if self.fill_missing else None,
        )
        rated = ~np.isnan(data.Y) & (data.weight > 0)[:, None]
        usable = [k for k in range(n_targets) if _enough(data.groups[rated[:, k]])]
        if usable:
            ridge = GroupRidgeCV(
                self.alphas,
                inner=self.inner,
                seed=self.seed,
                fill_missing=self.fill_missing,
                relative_weight=True,
            ).fit(features, data.Y[:, usable], groups=data.groups, sample_weight=data.weight)
            model.coef[usable], model.intercept[usable] = ridge.coef_, ridge.intercept_
            model.alpha[usable] = ridge.alpha_
            if model.fill is not None:
                model.fill[usable] = ridge.fill_
        return model

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> _Linear:
        """Make the fitted regressor again from its arrays."""
        named = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
        return _Linear(named["coef"], named["intercept"], named["alpha"], named.get("fill"))


def _enough(participants: NDArray[np.intp]) -> bool:
    return len(np.unique(participants)) >= MIN_PARTICIPANTS


register_head(RidgeHead())
register_head(RidgeHead(name="ridge-covariates", reads="covariates", baseline=True, fill_missing=True))
register_head(RidgeHead(name="ridge-camera", reads="camera", baseline=True, fill_missing=True))
