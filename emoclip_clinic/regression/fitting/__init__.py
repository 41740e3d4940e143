"""From a study's features and ratings to a folder of audited results, and from there to new participants."""

from emoclip_clinic.regression.fitting.estimate import estimate_seconds
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING
from emoclip_clinic.regression.fitting.outputs import model_path
from emoclip_clinic.regression.fitting.plan import FitPlan, fit_folder, plan_fit
from emoclip_clinic.regression.fitting.predict import (
    NewPredictions,
    find_fit,
    predict_study,
    write_predictions,
)
from emoclip_clinic.regression.fitting.result import FitResult, ModelOutcome
from emoclip_clinic.regression.fitting.run import run_fit
from emoclip_clinic.regression.fitting.significance import TESTED_MODEL

__all__ = [
    "BASELINE_RATING",
    "TESTED_MODEL",
    "FitPlan",
    "FitResult",
    "ModelOutcome",
    "NewPredictions",
    "estimate_seconds",
    "find_fit",
    "fit_folder",
    "model_path",
    "plan_fit",
    "predict_study",
    "run_fit",
    "write_predictions",
]
