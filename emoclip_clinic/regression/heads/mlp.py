"""Ensembles of small neural networks on the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.heads.registry import HeadData, HeadPrediction, HeadProgress, register_head
from emoclip_clinic.regression.mlp import MlpModel, MlpSettings, mlp_fit, mlp_predict

__all__ = ["MlpHead"]


@dataclass(frozen=True)
class MlpHead:
    """Small networks with all targets as outputs; see `mlp_predict`.

    Attributes
    ----------
    name, reads, baseline
        See `Head`.
    settings : MlpSettings
    device : str
    max_memory_mb : float
    """

    name: str = "mlp"
    reads: str = "embedding"
    baseline: bool = False
    settings: MlpSettings = field(default_factory=MlpSettings)
    device: str = "auto"
    max_memory_mb: float = 1024

    def out_of_fold(self, data: HeadData, *, progress: HeadProgress | None = None) -> HeadPrediction:
        """Predict by networks trained on each fold's training participants."""
        result = mlp_predict(
            data.block(self.reads),
            data.Y,
            data.groups,
            settings=self.settings,
            folds=data.folds,
            sample_weight=data.weight,
            device=self.device,
            max_memory_mb=self.max_memory_mb,
            progress=progress,
        )
        return HeadPrediction(
            self.name,
            result.predictions.reshape(data.n_repeats, *data.Y.shape),
            np.full((len(data.folds), data.Y.shape[1]), np.nan),
            {
                "inner": result.inner,
                "learning_rates": [None if np.isnan(rate) else float(rate) for rate in result.learning_rates],
                "epochs": result.epochs.tolist(),
                "seeds": list(result.seeds),
                "device": result.device,
                "settings": asdict(result.settings),
            },
        )

    def fit(self, data: HeadData, *, progress: HeadProgress | None = None) -> MlpModel:
        """Train an ensemble on all participants."""
        return mlp_fit(
            data.block(self.reads),
            data.Y,
            data.groups,
            settings=self.settings,
            sample_weight=data.weight,
            device=self.device,
            max_memory_mb=self.max_memory_mb,
            progress=progress,
        ).model

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> MlpModel:
        """Make the ensemble again from its arrays."""
        return MlpModel.from_arrays(arrays)


register_head(MlpHead())
