"""From videos to segment embeddings: find the face, encode it, cut into segments, and resume."""

from emoclip_clinic.extraction.estimate import Estimate, estimate_seconds
from emoclip_clinic.extraction.pending import pending_recordings
from emoclip_clinic.extraction.progress import ExtractionProgress
from emoclip_clinic.extraction.run import ExtractionSummary, extract_recording, extract_study

__all__ = [
    "Estimate",
    "ExtractionProgress",
    "ExtractionSummary",
    "estimate_seconds",
    "extract_recording",
    "extract_study",
    "pending_recordings",
]
