"""All numbers of a report: read from fits and ratings, computed once, never rounded."""

from emoclip_clinic.reporting.analysis.fit_analysis import analyse_fit
from emoclip_clinic.reporting.analysis.measured_pairs import analyse_pair, analyse_raters
from emoclip_clinic.reporting.analysis.reading import list_fits
from emoclip_clinic.reporting.analysis.records import (
    Cohort,
    FitAnalysis,
    Ledger,
    NullDistribution,
    PairAnalysis,
    Preregistration,
    Progress,
    RaterAnalysis,
    ReportSettings,
)

__all__ = [
    "Cohort",
    "FitAnalysis",
    "Ledger",
    "NullDistribution",
    "PairAnalysis",
    "Preregistration",
    "Progress",
    "RaterAnalysis",
    "ReportSettings",
    "analyse_fit",
    "analyse_pair",
    "analyse_raters",
    "list_fits",
]
