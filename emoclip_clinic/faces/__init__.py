"""Faces: detect, track, choose the participant, crop, and judge quality. Takes plain RGB arrays."""

from emoclip_clinic.faces.crop import CROP_MARGIN, crop_face, face_square
from emoclip_clinic.faces.detections import Detections, Detector
from emoclip_clinic.faces.quality import Quality, face_quality, head_pose
from emoclip_clinic.faces.registry import DETECTORS, get_detector
from emoclip_clinic.faces.scanner import FaceScanner
from emoclip_clinic.faces.sheet import contact_sheet, write_contact_sheet
from emoclip_clinic.faces.subject import (
    Candidate,
    SubjectDecision,
    SubjectRule,
    choose_subject,
    subject_track,
)
from emoclip_clinic.faces.surroundings import surroundings_rgb
from emoclip_clinic.faces.tracks import BOX_SOURCES, ScanSummary, Tracks

__all__ = [
    "BOX_SOURCES",
    "CROP_MARGIN",
    "DETECTORS",
    "Candidate",
    "Detections",
    "Detector",
    "FaceScanner",
    "Quality",
    "ScanSummary",
    "SubjectDecision",
    "SubjectRule",
    "Tracks",
    "choose_subject",
    "contact_sheet",
    "crop_face",
    "face_quality",
    "face_square",
    "get_detector",
    "head_pose",
    "subject_track",
    "surroundings_rgb",
    "write_contact_sheet",
]
