"""Ensembles of small neural networks: all folds, seeds and learning rates are trained at once.

PyTorch is imported when networks are trained, not before; a trained ensemble predicts with NumPy.
"""

from emoclip_clinic.regression.mlp.model import MlpModel
from emoclip_clinic.regression.mlp.predict import MlpFit, MlpPrediction, mlp_fit, mlp_predict
from emoclip_clinic.regression.mlp.settings import MlpSettings

__all__ = ["MlpFit", "MlpModel", "MlpPrediction", "MlpSettings", "mlp_fit", "mlp_predict"]
