"""What is to be done for a recording, decided before any work and without loading a model."""

from dataclasses import dataclass

from emoclip_clinic.encoder import WeightsEntry
from emoclip_clinic.errors import FormatError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.keys import result_key, scan_key
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.sidecar import (
    FailedRecord,
    InputRecord,
    Sidecar,
    read_failed,
    read_sidecar,
)
from emoclip_clinic.study.tracks_table import TrackChoice

__all__ = ["Plan", "effective_settings", "looks_current", "plan_recording"]


@dataclass(frozen=True)
class Plan:
    """A recording with everything that its result depends on.

    Attributes
    ----------
    recording : Recording
        Which video, and which part of it.
    settings : ExtractSettings
        As they take effect for this recording, except that ``precision`` stays as asked.
    choice : TrackChoice or None
        Subject tracks chosen by hand.
    input : InputRecord
        The file, with its hash.
    scan_key, result_key : str
        See `emoclip_clinic.extraction.keys`.
    earlier : Sidecar or None
        The result that is there with all of its tables whole, current or not.
    failed : FailedRecord or None
        The failure that is there.
    """

    recording: Recording
    settings: ExtractSettings
    choice: TrackChoice | None
    input: InputRecord
    scan_key: str
    result_key: str
    earlier: Sidecar | None
    failed: FailedRecord | None

    @property
    def current(self) -> bool:
        """Whether the result that is there answers what is asked."""
        return self.earlier is not None and self.earlier.keys.get("result") == self.result_key

    @property
    def failed_alike(self) -> bool:
        """Whether the same work failed before."""
        return self.failed is not None and self.failed.keys.get("result") == self.result_key


def effective_settings(
    settings: ExtractSettings, recording: Recording, weights: WeightsEntry
) -> ExtractSettings:
    """Fill in what the weights and the recording decide: sampling rate, stride and subject rule."""
    stride = settings.stride_frames
    return settings.model_copy(
        update={
            "sample_fps": settings.sample_fps or weights.record.sample_fps,
            "stride_frames": stride if stride is not None else max(1, settings.segment_frames // 2),
            "subject_rule": recording.subject_rule or settings.subject_rule,
        }
    )


def plan_recording(
    recording: Recording,
    settings: ExtractSettings,
    *,
    study: Study,
    encoders: Encoders,
    choice: TrackChoice | None,
) -> Plan:
    """Decide what is to be done for one recording.

    The content of the video is hashed, unless the record of an earlier run has its hash and the file still
    has the same size and time of change. The tables of an earlier result are compared with their hashes.

    Parameters
    ----------
    recording : Recording
        Which video, and which part of it.
    settings : ExtractSettings
        The user's settings.
    study : Study
        Where results are.
    encoders : Encoders
        The weights.
    choice : TrackChoice or None
        Subject tracks chosen by hand.

    Returns
    -------
    Plan
        What is there and what is asked.

    Raises
    ------
    StudyError
        If the video cannot be read.
    """
    earlier = _read_earlier(study, recording, deep=True)
    failed = _read_failed(study, recording)
    video = InputRecord.of(recording.path, study=study)
    sha256 = _known_hash(video, earlier, failed) or sha256_file(recording.path)
    video = video.model_copy(update={"sha256": sha256})
    effective = effective_settings(settings, recording, encoders.entry)
    scan, result = _keys(sha256, recording, effective, encoders, choice)
    return Plan(recording, effective, choice, video, scan, result, earlier, failed)


def looks_current(
    recording: Recording,
    settings: ExtractSettings,
    *,
    study: Study,
    encoders: Encoders,
    choice: TrackChoice | None,
) -> bool:
    """Whether a recording seems to need no work, judged without reading video or tables."""
    earlier = _read_earlier(study, recording, deep=False)
    if earlier is None:
        return False
    sha256 = _known_hash(InputRecord.of(recording.path, study=study), earlier)
    effective = effective_settings(settings, recording, encoders.entry)
    return sha256 is not None and _keys(sha256, recording, effective, encoders, choice)[
        1
    ] == earlier.keys.get("result")


def _keys(
    sha256: str,
    recording: Recording,
    settings: ExtractSettings,
    encoders: Encoders,
    choice: TrackChoice | None,
) -> tuple[str, str]:
    scan = scan_key(sha256, recording, settings)
    manual = None if choice is None else choice.tracks
    return scan, result_key(scan, settings, encoders.weights_sha256, manual)


def _known_hash(now: InputRecord, *records: Sidecar | FailedRecord | None) -> str | None:
    """The hash that an earlier run recorded, if the file has not changed since."""
    for record in records:
        if record is not None and now.size_bytes is not None:
            then = record.input
            if (then.path, then.size_bytes, then.mtime_ns) == (now.path, now.size_bytes, now.mtime_ns):
                return then.sha256
    return None


def _read_earlier(study: Study, recording: Recording, *, deep: bool) -> Sidecar | None:
    """The sidecar that is there, if it and its tables are whole."""
    path = study.sidecar_path(recording)
    if not path.is_file():
        return None
    try:
        sidecar = read_sidecar(path)
    except FormatError:
        return None  # damaged or of an older version: computed again
    return sidecar if sidecar.table_problem(path, deep=deep) is None else None


def _read_failed(study: Study, recording: Recording) -> FailedRecord | None:
    path = study.failed_path(recording)
    if not path.is_file():
        return None
    try:
        return read_failed(path)
    except FormatError:
        return None
