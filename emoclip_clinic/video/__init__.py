"""Video files: open, true timestamps, upright pictures, sampling on a time grid."""

from emoclip_clinic.video.grid import Samples, sample
from emoclip_clinic.video.records import DecodedFrame, DecodeSummary, SampledFrame, VideoInfo
from emoclip_clinic.video.source import VideoSource, open_video, probe, reader_names

__all__ = [
    "DecodeSummary",
    "DecodedFrame",
    "SampledFrame",
    "Samples",
    "VideoInfo",
    "VideoSource",
    "open_video",
    "probe",
    "reader_names",
    "sample",
]
