"""Agreement of ratings and predictions, and of raters with each other: arrays and data frames in, data frames
out.
"""

from emoclip_clinic.agreement.bootstrap import cluster_bootstrap
from emoclip_clinic.agreement.calibration_line import calibration
from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.ceiling import reliability_ceiling
from emoclip_clinic.agreement.concordance import ccc
from emoclip_clinic.agreement.correlations import kendall, pearson, spearman
from emoclip_clinic.agreement.dependent import fisher_z_test, williams_from_correlations, williams_test
from emoclip_clinic.agreement.differences import bland_altman
from emoclip_clinic.agreement.human_and_model import human_and_model
from emoclip_clinic.agreement.intraclass import icc
from emoclip_clinic.agreement.kappas import weighted_kappa
from emoclip_clinic.agreement.multiplicity import adjust_p
from emoclip_clinic.agreement.non_inferiority import NonInferiority, non_inferiority
from emoclip_clinic.agreement.prediction_errors import error_metrics
from emoclip_clinic.agreement.rank_concordance import kendall_w
from emoclip_clinic.agreement.rater_alpha import krippendorff_alpha
from emoclip_clinic.agreement.repeated_correlation import rm_corr
from emoclip_clinic.agreement.results import COLUMNS, AgreementWarning
from emoclip_clinic.agreement.table import agreement_table
from emoclip_clinic.agreement.weighted import STATISTICS

__all__ = [
    "COLUMNS",
    "STATISTICS",
    "AgreementWarning",
    "NonInferiority",
    "adjust_p",
    "agreement_table",
    "bland_altman",
    "calibration",
    "ccc",
    "cluster_bootstrap",
    "error_metrics",
    "fisher_z_test",
    "human_and_model",
    "icc",
    "kendall",
    "kendall_w",
    "krippendorff_alpha",
    "non_inferiority",
    "pearson",
    "reliability_ceiling",
    "rm_corr",
    "spearman",
    "to_categories",
    "weighted_kappa",
    "williams_from_correlations",
    "williams_test",
]
