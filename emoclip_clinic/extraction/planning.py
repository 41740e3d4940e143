"""What is to be done for a recording, decided before any work and without loading a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emoclip_clinic.encoder import WeightsEntry
from emoclip_clinic.errors import FormatError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.keys import result_key, scan_key
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.formats import TableKind
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

__all__ = [
    "Plan",
    "State",
    "effective_settings",
    "plan_recording",
    "quick_state",
    "readable_results",
    "resolved_settings",
    "result_of_another_file",
]


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
        The result that is there, current or not.
    damaged : frozenset of str
        Tables of it that are absent or have changed since they were written.
    failed : FailedRecord or None
        The failure that is there.
    sheet_missing : bool
        Whether a contact sheet is asked for and absent.
    """

    recording: Recording
    settings: ExtractSettings
    choice: TrackChoice | None
    input: InputRecord
    scan_key: str
    result_key: str
    earlier: Sidecar | None
    damaged: frozenset[TableKind]
    failed: FailedRecord | None
    sheet_missing: bool

    @property
    def current(self) -> bool:
        """Whether the result that is there is whole and answers what is asked."""
        return (
            self.earlier is not None
            and not self.damaged
            and not self.sheet_missing
            and self.earlier.keys.get("result") == self.result_key
        )

    @property
    def failed_alike(self) -> bool:
        """Whether the same work failed before."""
        return self.failed is not None and self.failed.keys.get("result") == self.result_key


def resolved_settings(settings: ExtractSettings, weights: WeightsEntry) -> ExtractSettings:
    """Fill in what the weights decide: sampling rate, frames of a segment, and with them its stride."""
    segment_frames = settings.segment_frames or weights.record.segment_frames
    stride = settings.stride_frames
    return settings.model_copy(
        update={
            "sample_fps": settings.sample_fps or weights.record.sample_fps,
            "segment_frames": segment_frames,
            "stride_frames": stride if stride is not None else max(1, segment_frames // 2),
        }
    )


def effective_settings(
    settings: ExtractSettings, recording: Recording, weights: WeightsEntry
) -> ExtractSettings:
    """Fill in what the weights decide, and the subject rule that the recording has of its own."""
    rule = recording.subject_rule or settings.subject_rule
    return resolved_settings(settings, weights).model_copy(update={"subject_rule": rule})


def plan_recording(
    recording: Recording,
    settings: ExtractSettings,
    *,
    study: Study,
    encoders: Encoders,
    choice: TrackChoice | None,
    watch: Stopwatch,
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
    watch : Stopwatch
        Counts the time of hashing.

    Returns
    -------
    Plan
        What is there and what is asked.

    Raises
    ------
    StudyError
        If the video cannot be read.
    """
    video = InputRecord.of(recording.path, study=study)
    with watch.running("hash"):
        earlier = _read_earlier(study, recording)
        damaged = (
            frozenset[TableKind]()
            if earlier is None
            else earlier.damaged_tables(study.sidecar_path(recording))
        )
        failed = _read_failed(study, recording)
        sha256 = _known_hash(video, earlier) or _known_hash(video, failed) or sha256_file(recording.path)
    video = video.model_copy(update={"sha256": sha256})
    effective = effective_settings(settings, recording, encoders.entry)
    scan, result = _keys(sha256, recording, effective, encoders, choice)
    return Plan(
        recording=recording,
        settings=effective,
        choice=choice,
        input=video,
        scan_key=scan,
        result_key=result,
        earlier=earlier,
        damaged=damaged,
        failed=failed,
        sheet_missing=_sheet_missing(effective, earlier, study, recording),
    )


State = Literal["current", "failed-before", "to-do"]


def quick_state(
    recording: Recording,
    settings: ExtractSettings,
    *,
    study: Study,
    encoders: Encoders,
    choice: TrackChoice | None,
) -> State:
    """Tell whether a recording seems to need work, without reading video or tables.

    Judged by the records of earlier runs, and by size and time of change of the video. Parameters are those
    of `plan_recording`.
    """
    effective = effective_settings(settings, recording, encoders.entry)
    now = InputRecord.of(recording.path, study=study)
    earlier = _read_earlier(study, recording)
    whole = (
        earlier is not None
        and earlier.table_problem(study.sidecar_path(recording)) is None
        and not _sheet_missing(effective, earlier, study, recording)
    )
    records: dict[State, Sidecar | FailedRecord | None] = {
        "current": earlier if whole else None,
        "failed-before": _read_failed(study, recording),
    }
    for state, record in records.items():
        sha256 = _known_hash(now, record)
        if record is not None and sha256 is not None:
            asked = _keys(sha256, recording, effective, encoders, choice)[1]
            if asked == record.keys.get("result"):
                return state
    return "to-do"


def result_of_another_file(recording: Recording, *, study: Study) -> str | None:
    """Name the video from which this recording's result was made, if it is another one that is still there.

    A file that was moved or copied has the same content and counts as the same.
    """
    earlier = _read_earlier(study, recording)
    if earlier is None or earlier.input.path == study.shown(recording.path):
        return None
    other = study.root / earlier.input.path
    if not other.is_file() or other.samefile(recording.path):
        return None
    now = InputRecord.of(recording.path, study=study)
    alike = now.size_bytes == earlier.input.size_bytes and sha256_file(recording.path) == earlier.input.sha256
    return None if alike else earlier.input.path


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


def _known_hash(now: InputRecord, record: Sidecar | FailedRecord | None) -> str | None:
    """The hash that an earlier run recorded, if the file has not changed since."""
    if record is None or now.size_bytes is None:
        return None
    then = record.input
    same = (then.path, then.size_bytes, then.mtime_ns) == (now.path, now.size_bytes, now.mtime_ns)
    return then.sha256 if same else None


def readable_results(study: Study) -> Iterator[tuple[Path, Sidecar]]:
    """Yield the sidecars of a study with their paths, leaving out those that cannot be read."""
    for path in study.sidecar_paths():
        try:
            yield path, read_sidecar(path)
        except FormatError:
            continue  # shown by `status`, and computed again when it is the recording's turn


def _sheet_missing(
    settings: ExtractSettings, earlier: Sidecar | None, study: Study, recording: Recording
) -> bool:
    """Whether a contact sheet is asked for, and the recording shows a face, but there is none."""
    faceless = earlier is not None and earlier.status == "no-face"
    return settings.thumbnails and not faceless and not study.thumbnails_path(recording).is_file()


def _read_earlier(study: Study, recording: Recording) -> Sidecar | None:
    """The sidecar that is there, if it can be read and is this recording's."""
    path = study.sidecar_path(recording)
    if not path.is_file():
        return None
    try:
        sidecar = read_sidecar(path)
    except FormatError:
        return None  # damaged or of an older version: computed again
    return sidecar if sidecar.recording.key == recording.key else None


def _read_failed(study: Study, recording: Recording) -> FailedRecord | None:
    path = study.failed_path(recording)
    if not path.is_file():
        return None
    try:
        return read_failed(path)
    except FormatError:
        return None
