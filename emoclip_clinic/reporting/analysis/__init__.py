"""All numbers of a report: read from fits and ratings, computed once, never rounded."""

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
]
