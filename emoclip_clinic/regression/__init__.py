"""Leave-subject-out regression of clinical ratings: splits, ridge regression, nested cross-validation."""

from emoclip_clinic.regression.checks import RegressionWarning
from emoclip_clinic.regression.group_ridge import GroupRidgeCV
from emoclip_clinic.regression.nested import NestedPrediction, nested_predict
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS
from emoclip_clinic.regression.nested_ridge import NestedArrays, NestedRidge, prepare_nested
from emoclip_clinic.regression.splits import Fold, check_folds, split_participants

__all__ = [
    "DEFAULT_ALPHAS",
    "Fold",
    "GroupRidgeCV",
    "NestedArrays",
    "NestedPrediction",
    "NestedRidge",
    "RegressionWarning",
    "check_folds",
    "nested_predict",
    "prepare_nested",
    "split_participants",
]
