"""A study's files: whose recordings there are, where results lie, what they hold, and how to read them.

Importing this package is cheap: pandas and pyarrow are imported by the functions that need them.
"""

from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.participants import read_participants
from emoclip_clinic.study.protocols import protocol_path, protocols_folder
from emoclip_clinic.study.recordings import Recording, Recordings, Unassigned, find_recordings
from emoclip_clinic.study.results import (
    Result,
    iter_frames,
    iter_segments,
    list_results,
    load_frames,
    load_segments,
    load_tracks,
)
from emoclip_clinic.study.settings import ExtractSettings, load_settings
from emoclip_clinic.study.sidecar import Sidecar, read_sidecar
from emoclip_clinic.study.status import StatusRow, build_status

__all__ = [
    "ExtractSettings",
    "Recording",
    "Recordings",
    "Result",
    "Sidecar",
    "StatusRow",
    "Study",
    "Unassigned",
    "build_status",
    "clean_label",
    "find_recordings",
    "iter_frames",
    "iter_segments",
    "list_results",
    "load_frames",
    "load_segments",
    "load_settings",
    "load_tracks",
    "protocol_path",
    "protocols_folder",
    "read_participants",
    "read_sidecar",
]
