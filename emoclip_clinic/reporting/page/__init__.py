"""Pages of reports: one self-contained HTML file each, with its tables and figures as files beside it."""

from emoclip_clinic.reporting.page.agreement_page import (
    AgreementReport,
    AgreementRequest,
    report_agreement,
)
from emoclip_clinic.reporting.page.reports import KnownFit, Reports, WrittenPage, known_fits, report_fits

__all__ = [
    "AgreementReport",
    "AgreementRequest",
    "KnownFit",
    "Reports",
    "WrittenPage",
    "known_fits",
    "report_agreement",
    "report_fits",
]
