"""Figures of reports, drawn as small SVG files of one style from plain frames and arrays."""

from emoclip_clinic.reporting.figures.bland_altman import bland_altman_plot
from emoclip_clinic.reporting.figures.calibration import calibration_plot
from emoclip_clinic.reporting.figures.cohort import cohort_flow
from emoclip_clinic.reporting.figures.confusion import confusion_matrix
from emoclip_clinic.reporting.figures.figure import Figure, Measure
from emoclip_clinic.reporting.figures.forest import forest
from emoclip_clinic.reporting.figures.human_model import human_beside_model
from emoclip_clinic.reporting.figures.null_distribution import null_distribution
from emoclip_clinic.reporting.figures.participants import error_by_participant
from emoclip_clinic.reporting.figures.quality import data_quality
from emoclip_clinic.reporting.figures.ratings import rating_distribution
from emoclip_clinic.reporting.figures.robustness import sensitivity, stability
from emoclip_clinic.reporting.figures.scatter import scatter
from emoclip_clinic.reporting.figures.style import STYLE_SHEET, variables
from emoclip_clinic.reporting.figures.values import Estimate

__all__ = [
    "STYLE_SHEET",
    "Estimate",
    "Figure",
    "Measure",
    "bland_altman_plot",
    "calibration_plot",
    "cohort_flow",
    "confusion_matrix",
    "data_quality",
    "error_by_participant",
    "forest",
    "human_beside_model",
    "null_distribution",
    "rating_distribution",
    "scatter",
    "sensitivity",
    "stability",
    "variables",
]
