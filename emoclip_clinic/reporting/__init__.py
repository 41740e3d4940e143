"""Tables, figures, methods text and pages from fits and ratings; never imports torch."""

from emoclip_clinic.reporting.analysis import analyse_fit, analyse_pair, analyse_raters, list_fits
from emoclip_clinic.reporting.page import AgreementRequest, report_agreement, report_fits

__all__ = [
    "AgreementRequest",
    "analyse_fit",
    "analyse_pair",
    "analyse_raters",
    "list_fits",
    "report_agreement",
    "report_fits",
]
