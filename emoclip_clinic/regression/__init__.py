"""Leave-subject-out regression of clinical ratings, from segment embeddings to audited predictions."""

from emoclip_clinic.regression.audit import AuditedFeatures, AuditedSplit, AuditRecord, audit_leakage
from emoclip_clinic.regression.camera import camera_design, camera_table
from emoclip_clinic.regression.change import join_change
from emoclip_clinic.regression.checks import RegressionWarning
from emoclip_clinic.regression.covariates import participant_columns, read_covariates
from emoclip_clinic.regression.design import Design
from emoclip_clinic.regression.features import SessionFeatures, aggregation_names, session_features
from emoclip_clinic.regression.gain import gain_test
from emoclip_clinic.regression.group_ridge import GroupRidgeCV
from emoclip_clinic.regression.ledger import LedgerEntry, append_ledger, ledger_entries, read_ledger
from emoclip_clinic.regression.nested import NestedPrediction, nested_predict
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS
from emoclip_clinic.regression.nested_ridge import NestedArrays, NestedRidge, prepare_nested
from emoclip_clinic.regression.permutation import PermutationTest, permutation_test
from emoclip_clinic.regression.scoring import pooled_r, skill
from emoclip_clinic.regression.segment_level import SegmentRows, load_segment_rows, mean_over_segments
from emoclip_clinic.regression.splits import Fold, check_folds, split_participants
from emoclip_clinic.regression.targets import RatedSessions, failed_sessions, join_targets

__all__ = [
    "DEFAULT_ALPHAS",
    "AuditRecord",
    "AuditedFeatures",
    "AuditedSplit",
    "Design",
    "Fold",
    "GroupRidgeCV",
    "LedgerEntry",
    "NestedArrays",
    "NestedPrediction",
    "NestedRidge",
    "PermutationTest",
    "RatedSessions",
    "RegressionWarning",
    "SegmentRows",
    "SessionFeatures",
    "aggregation_names",
    "append_ledger",
    "audit_leakage",
    "camera_design",
    "camera_table",
    "check_folds",
    "failed_sessions",
    "gain_test",
    "join_change",
    "join_targets",
    "ledger_entries",
    "load_segment_rows",
    "mean_over_segments",
    "nested_predict",
    "participant_columns",
    "permutation_test",
    "pooled_r",
    "prepare_nested",
    "read_covariates",
    "read_ledger",
    "session_features",
    "skill",
    "split_participants",
]
