"""Keys of results: what a table depends on, hashed, so that work is repeated exactly when something changed.

Each stage's key contains the key of the stage before it:

======== ==========================================================================================
scan     identity, input content, time range, rotation, reader, sampling grid, detector and tracking settings
frames   scan, the *chosen tracks* (not the rule that chose them), crop settings, weights, precision, and the
         columns of the table
segments frames, segment settings
result   everything above, and the rule with its manual choice: when it is equal, nothing is left to do
======== ==========================================================================================

A release that adds a column to the frame table makes that table again and detects no face again. Settings
are passed as they take effect: sampling rate, stride and precision filled in.
"""

import hashlib
import json
from collections.abc import Sequence

from emoclip_clinic.study.formats import COLUMNS, FORMAT_VERSION
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings, stage_settings

__all__ = ["frames_key", "result_key", "scan_key", "segments_key"]


def _digest(parts: dict[str, object]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def scan_key(input_sha256: str, recording: Recording, settings: ExtractSettings) -> str:
    """Key of the track table: input content and everything that detection and tracking depend on."""
    return _digest(
        {
            "format": FORMAT_VERSION,
            "recording": recording.key,
            "input": input_sha256,
            "start_s": recording.start_s,
            "end_s": recording.end_s,
            "rotation_deg": recording.rotation_deg,
            "scan": stage_settings(settings, "scan"),
        }
    )


def frames_key(scan: str, tracks: Sequence[int], settings: ExtractSettings, weights_sha256: str) -> str:
    """Key of the frame table: the tracks that were chosen, how they are cropped, and the image tower."""
    return _digest(
        {
            "scan": scan,
            "tracks": list(tracks),
            "crop_margin": settings.crop_margin,
            "resize": settings.resize,
            "weights": weights_sha256,
            "precision": settings.precision,
            "frame_dtype": settings.frame_dtype,
            "columns": _frame_columns(),
        }
    )


def segments_key(frames: str, settings: ExtractSettings) -> str:
    """Key of the segment table: frame embeddings as stored, and how they are cut into segments."""
    return _digest(
        {
            "frames": frames,
            "segment_frames": settings.segment_frames,
            "stride_frames": settings.stride_frames,
            "min_coverage": settings.min_coverage,
        }
    )


def result_key(
    scan: str, settings: ExtractSettings, weights_sha256: str, manual: Sequence[int] | None
) -> str:
    """Key of a whole result, computable before any work: when a sidecar carries it, the recording is done."""
    return _digest(
        {
            "scan": scan,
            "weights": weights_sha256,
            "manual": None if manual is None else list(manual),
            "settings": stage_settings(settings, "segment"),
            "columns": _frame_columns(),
        }
    )


def _frame_columns() -> list[str]:
    return [column.name for column in COLUMNS["frames"]]
