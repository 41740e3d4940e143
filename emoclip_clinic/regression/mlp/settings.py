"""What a user can choose about the small neural network."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emoclip_clinic.errors import RegressionError

__all__ = ["MlpSettings"]


@dataclass(frozen=True)
class MlpSettings:
    """Shape and training of the networks.

    Attributes
    ----------
    hidden : tuple of int
        Width of each hidden layer; ``(256,)`` is the head that the EmoCLIP paper trains (512-256-ReLU-n).
    learning_rates : tuple of float
        Learning rates of AdamW to choose from, for each outer fold, by the error in inner participants.
    weight_decay : float
        Decoupled weight decay of AdamW.
    batch_size : int
        Most rows in a mini-batch. Each epoch is cut into the fewest batches, of nearly equal size.
    max_epochs : int
        Epochs after which training ends at the latest.
    patience : int
        Epochs without a smaller error in the inner participants after which a network stops.
    inner_splits : int
        One in so many training participants is kept aside to stop training and to choose the learning rate.
    n_seeds : int
        Networks in the ensemble of each fold.
    seed : int
        Seed of the first network; the others count on from it.
    """

    hidden: tuple[int, ...] = (64,)
    learning_rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    weight_decay: float = 0.01
    batch_size: int = 32
    max_epochs: int = 200
    patience: int = 20
    inner_splits: int = 5
    n_seeds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        # Lists come from TOML and JSON.
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(self, "learning_rates", tuple(sorted(set(self.learning_rates))))
        whole = {"batch_size": 1, "max_epochs": 1, "patience": 1, "inner_splits": 2, "n_seeds": 1, "seed": 0}
        for name, smallest in whole.items():
            _check_whole(name, getattr(self, name), smallest)
        if not self.hidden:
            raise RegressionError("The MLP must have at least one hidden layer", found=self.hidden)
        for width in self.hidden:
            _check_whole("hidden", width, 1)
        if not self.learning_rates or not all(0 < rate < math.inf for rate in self.learning_rates):
            raise RegressionError(
                "learning_rates must be positive and finite, and at least one", found=self.learning_rates
            )
        if not 0 <= self.weight_decay < math.inf:
            raise RegressionError("weight_decay must be finite and not negative", found=self.weight_decay)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seed of each network of an ensemble."""
        return tuple(range(self.seed, self.seed + self.n_seeds))


def _check_whole(name: str, value: object, smallest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
        raise RegressionError(f"{name} must be a whole number of at least {smallest}", found=value)
