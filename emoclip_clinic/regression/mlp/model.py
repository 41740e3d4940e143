"""An ensemble of trained networks that predicts with NumPy alone, and its form as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import check_features
from emoclip_clinic.regression.mlp.plan import Member, Table
from emoclip_clinic.regression.mlp.train import Network

__all__ = ["MlpModel", "make_model"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MlpModel:
    """Networks whose predictions are averaged.

    Attributes
    ----------
    x_mean, x_factor : ndarray of shape (n_networks, n_features)
        What is subtracted from the features, and what they are then multiplied with; 0 for a feature that was
        constant in training.
    y_mean, y_sd : ndarray of shape (n_networks, n_targets)
    known : ndarray of bool of shape (n_networks, n_targets)
        Targets on which a network has a say.
    weights : tuple of ndarray of shape (n_networks, n_in, n_out)
        One for each layer.
    biases : tuple of ndarray of shape (n_networks, n_out)
    """

    x_mean: Floats
    x_factor: Floats
    y_mean: Floats
    y_sd: Floats
    known: NDArray[np.bool_]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def predict(self, X: ArrayLike) -> Floats:
        """Predict ratings as the mean over the networks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_targets)
            NaN for a target that no network knows.

        Raises
        ------
        RegressionError
            If X holds NaN or has another number of features.
        """
        features = check_features(X).astype(np.float64)
        if features.shape[1] != self.x_mean.shape[1]:
            raise RegressionError(
                f"The MLP was trained on {self.x_mean.shape[1]} features", found=features.shape[1]
            )
        total = np.zeros((len(features), self.y_mean.shape[1]))
        for network, known in enumerate(self.known):
            values = (features - self.x_mean[network]) * self.x_factor[network]
            for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                if layer:
                    values = np.maximum(values, 0.0)
                values = values @ weight[network].astype(np.float64) + bias[network]
            total += np.where(known, self.y_mean[network] + self.y_sd[network] * values, 0.0)
        votes = self.known.sum(axis=0)
        return np.where(votes > 0, total / np.maximum(votes, 1), np.nan)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the model as named arrays, for a file without pickle."""
        named: dict[str, NDArray[np.generic]] = {
            name: getattr(self, name) for name in ("x_mean", "x_factor", "y_mean", "y_sd", "known")
        }
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            named[f"weight_{layer}"], named[f"bias_{layer}"] = weight, bias
        return named

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> MlpModel:
        """Make the model again from what `arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray

        Returns
        -------
        MlpModel

        Raises
        ------
        RegressionError
            If an array is absent.
        """
        n_layers = sum(name.startswith("weight_") for name in arrays)
        try:
            return cls(
                x_mean=np.asarray(arrays["x_mean"], dtype=np.float64),
                x_factor=np.asarray(arrays["x_factor"], dtype=np.float64),
                y_mean=np.asarray(arrays["y_mean"], dtype=np.float64),
                y_sd=np.asarray(arrays["y_sd"], dtype=np.float64),
                known=np.asarray(arrays["known"], dtype=bool),
                weights=tuple(np.asarray(arrays[f"weight_{k}"], dtype=np.float32) for k in range(n_layers)),
                biases=tuple(np.asarray(arrays[f"bias_{k}"], dtype=np.float32) for k in range(n_layers)),
            )
        except KeyError as error:
            raise RegressionError("The arrays of an MLP must be complete", found=f"no {error}") from error


def make_model(table: Table, members: list[Member], networks: list[Network]) -> MlpModel:
    """Join trained networks, and express their standardisation in the units of the data.

    Parameters
    ----------
    table : Table
    members : list of Member
        The one of each network.
    networks : list of Network

    Returns
    -------
    MlpModel
    """
    layers = [network.layers for network in networks]
    return MlpModel(
        x_mean=np.stack([table.centre + table.unit * member.x_mean for member in members]),
        x_factor=np.stack([member.x_factor / table.unit for member in members]),
        y_mean=np.stack([member.y_mean for member in members]),
        y_sd=np.stack([member.y_sd for member in members]),
        known=np.stack([member.known for member in members]),
        weights=tuple(np.stack([own[k][0] for own in layers]) for k in range(len(layers[0]))),
        biases=tuple(np.stack([own[k][1] for own in layers]) for k in range(len(layers[0]))),
    )
