"""Extract the recordings of a study, one after the other; a recording that fails does not stop the others."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emoclip_clinic.errors import EmoClipClinicError, SettingsError, StudyError, VideoError, WeightsError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.planning import Plan, looks_current, plan_recording
from emoclip_clinic.extraction.progress import ExtractionProgress
from emoclip_clinic.extraction.recording import StageName, StageProgress, extract_planned
from emoclip_clinic.faces import get_detector
from emoclip_clinic.study.dataset_description import write_dataset_description
from emoclip_clinic.study.files import remove_leftovers
from emoclip_clinic.study.identifiers import write_identifiers
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording, Recordings, find_recordings
from emoclip_clinic.study.settings import ExtractSettings, load_settings, write_settings
from emoclip_clinic.study.sidecar import (
    FailedRecord,
    InputRecord,
    RecordingRecord,
    Sidecar,
    write_failed,
)
from emoclip_clinic.study.status import StatusRow, write_status
from emoclip_clinic.study.tracks_table import TrackChoices, read_tracks
from emoclip_clinic.study.versions import software_versions
from emoclip_clinic.video import probe

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip

__all__ = ["ExtractionSummary", "extract_recording", "extract_study"]

_log = logging.getLogger(__name__)
_SHARE_BEFORE: dict[StageName, float] = {"faces": 0.0, "encode": 0.4, "segments": 0.98}
_SHARE_OF: dict[StageName, float] = {"faces": 0.4, "encode": 0.58, "segments": 0.02}
"""How the work on a recording divides among the stages, for progress only."""


@dataclass(frozen=True)
class ExtractionSummary:
    """What became of a run.

    Attributes
    ----------
    n_ok, n_no_face, n_failed : int
        Recordings of this run by their status; failures of earlier runs that were left alone count as failed.
    n_skipped : int
        Recordings whose result was current already.
    n_unassigned : int
        Videos without a known participant.
    interrupted : bool
        Whether the user stopped the run.
    rows : tuple of StatusRow
        Status of all recordings of the study.
    """

    n_ok: int
    n_no_face: int
    n_failed: int
    n_skipped: int
    n_unassigned: int
    interrupted: bool
    rows: tuple[StatusRow, ...]


def extract_study(
    study: Study,
    recordings: Recordings,
    settings: ExtractSettings,
    *,
    force: bool = False,
    retry: bool = True,
    progress: ExtractionProgress | None = None,
) -> ExtractionSummary:
    """Extract recordings that have no current result.

    Parameters
    ----------
    study : Study
        Where results go.
    recordings : Recordings
        What to work on.
    settings : ExtractSettings
        The user's settings.
    force : bool
        Compute everything again, also what is current.
    retry : bool
        Whether to work again on recordings that failed with the same input and settings.
    progress : ExtractionProgress, optional
        Is told what happens.

    Returns
    -------
    ExtractionSummary
        Counts, and the status of all recordings.

    Raises
    ------
    WeightsError, SettingsError, FaceError
        If the model or the detector cannot be had, before any work.
    StudyError
        If the study cannot be written.
    """
    run = _Run(study, settings, force=force, retry=retry, progress=progress or ExtractionProgress())
    return run.over(recordings)


class _Run:
    """One run over recordings."""

    def __init__(
        self,
        study: Study,
        settings: ExtractSettings,
        *,
        force: bool,
        retry: bool,
        progress: ExtractionProgress,
    ) -> None:
        self._study = study
        self._settings = settings
        self._force = force
        self._retry = retry
        self._progress = progress
        self._encoders = Encoders(settings, study=study)
        self._choices: TrackChoices = read_tracks(study)
        self._counts = {"ok": 0, "no-face": 0, "failed": 0, "skipped": 0}
        self._position = 0

    def over(self, recordings: Recordings) -> ExtractionSummary:
        self._prepare(recordings)
        durations = {r.key: _duration_s(r) for r in recordings.recordings if not self._looks_current(r)}
        if durations:
            self._encoders.check_device()
            get_detector(self._settings.detector)  # an unknown name concerns every recording
        interrupted = False
        self._progress.start(len(durations), sum(d or 0.0 for d in durations.values()))
        try:
            for recording in recordings.recordings:
                self._one(recording, durations.get(recording.key))
        except KeyboardInterrupt:
            interrupted = True
            _log.warning("Interrupted.")
        finally:
            self._progress.finish()
            rows = write_status(self._study)
        return ExtractionSummary(
            n_ok=self._counts["ok"],
            n_no_face=self._counts["no-face"],
            n_failed=self._counts["failed"],
            n_skipped=self._counts["skipped"],
            n_unassigned=len(recordings.unassigned),
            interrupted=interrupted,
            rows=rows,
        )

    def _prepare(self, recordings: Recordings) -> None:
        for sentence in self._choices.unmatched(recordings.recordings):
            _log.warning("%s", sentence)
        for unassigned in recordings.unassigned:
            _log.info("Not assigned: %s: %s", unassigned.path, unassigned.reason)
        removed = remove_leftovers(self._study.derivatives)
        if removed:
            _log.info("Removed %d temporary files of a run that was killed.", len(removed))
        write_dataset_description(self._study)
        write_settings(self._study.settings_toml, self._settings)
        write_identifiers(self._study, recordings.recordings)

    def _looks_current(self, recording: Recording) -> bool:
        return not self._force and looks_current(
            recording,
            self._settings,
            study=self._study,
            encoders=self._encoders,
            choice=self._choices.of(recording),
        )

    def _one(self, recording: Recording, duration_s: float | None) -> None:
        started = time.perf_counter()
        status: Literal["ok", "no-face", "failed"]
        plan: Plan | None = None
        announced = False
        try:
            plan = plan_recording(
                recording,
                self._settings,
                study=self._study,
                encoders=self._encoders,
                choice=self._choices.of(recording),
            )
            if plan.current and not self._force:
                self._study.failed_path(recording).unlink(missing_ok=True)  # what failed since is undone
                self._counts["skipped"] += 1
                return
            if plan.failed_alike and not self._retry:
                self._counts["failed"] += 1
                _log.warning("%s failed before and is left alone (--no-retry).", recording.key)
                return
            self._position += 1
            announced = True
            self._progress.recording_started(recording.key, duration_s, self._position)
            sidecar = extract_planned(
                plan,
                study=self._study,
                encoders=self._encoders,
                force=self._force,
                progress=self._stage_progress(recording.key, duration_s),
            )
            status, reason = sidecar.status, "; ".join(sidecar.warnings) or None
            video_s = sidecar.decode.decoded_s
            _log.info("%s: %s in %.1f s", recording.key, status, sidecar.seconds["total"])
        except (SettingsError, WeightsError):
            raise  # concerns every recording
        except Exception as error:  # whatever one file does to a decoder must not cost the other files
            if not announced:
                self._position += 1
                self._progress.recording_started(recording.key, duration_s, self._position)
            status, reason, video_s = "failed", str(error), duration_s or 0.0
            self._record_failure(recording, plan, error, time.perf_counter() - started)
        self._counts[status] += 1
        self._progress.recording_finished(
            recording.key, status, reason, time.perf_counter() - started, video_s
        )

    def _record_failure(
        self, recording: Recording, plan: Plan | None, error: Exception, seconds: float
    ) -> None:
        expected = isinstance(error, EmoClipClinicError)
        _log.error("%s failed: %s", recording.key, error, exc_info=None if expected else error)
        said = FailedRecord.said_by(error)
        if "out of memory" in str(error).lower():
            said["hint"] = "Give a smaller --batch-size."
        write_failed(
            self._study.failed_path(recording),
            FailedRecord(
                recording=RecordingRecord.of(recording),
                input=InputRecord.of(recording.path, study=self._study) if plan is None else plan.input,
                settings=(self._settings if plan is None else plan.settings).model_dump(mode="json"),
                weights=self._encoders.record(),
                error=said["error"] or "",
                reason=said["reason"] or "",
                hint=said["hint"],
                keys={} if plan is None else {"scan": plan.scan_key, "result": plan.result_key},
                versions=software_versions(),
                seconds={"total": round(seconds, 3)},
            ),
        )

    def _stage_progress(self, key: str, duration_s: float | None) -> StageProgress:
        def tell(stage: StageName, done_s: float) -> None:
            share = min(1.0, done_s / duration_s) if duration_s else 0.0
            whole = _SHARE_BEFORE[stage] + _SHARE_OF[stage] * share
            self._progress.stage(key, stage, share, whole * (duration_s or 0.0))

        return tell


def extract_recording(
    recording: Recording | Path | str,
    *,
    study: Study | Path | str,
    settings: ExtractSettings | None = None,
    encoder: "EmoClip | None" = None,
    force: bool = False,
) -> Sidecar:
    """Extract one recording and return the sidecar of its result.

    Nothing is computed if the result is there already and current.

    Parameters
    ----------
    recording : Recording, Path or str
        The recording, or the path of a video whose participant is known by ``recordings.tsv`` or by its name.
    study : Study, Path or str
        Where results go.
    settings : ExtractSettings, optional
        By default those of the study's ``emoclip-clinic.toml``.
    encoder : EmoClip, optional
        The model named in `settings`, loaded already; saves the time to load it for every recording.
    force : bool
        Compute everything again.

    Returns
    -------
    Sidecar
        What was computed, from what, and what is to be known about it. The numbers are in its tables; see
        `emoclip_clinic.study.load_segments`.

    Raises
    ------
    StudyError
        If the path is not exactly one recording of the study.
    VideoError
        If the video cannot be decoded.
    WeightsError, SettingsError
        If the model cannot be had.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from emoclip_clinic.extraction import extract_recording
    >>> from emoclip_clinic.study import ExtractSettings, load_segments
    >>> from emoclip_clinic.synthetic import draw_counter, write_clip
    >>> folder = Path(tempfile.mkdtemp())
    >>> pictures = (draw_counter(i) for i in range(150))
    >>> video = write_clip(folder / "sub-01_ses-1_beh.mp4", pictures, fps=25)
    >>> settings = ExtractSettings(model="tiny-random", detector="none")
    >>> sidecar = extract_recording(video, study=folder, settings=settings)
    >>> sidecar.status, sidecar.segments.n_ok
    ('ok', 1)
    >>> load_segments(folder)[["participant_id", "t_start_s", "t_end_s"]].values.tolist()
    [['sub-01', 0.0, 5.12]]
    """
    place = Study.of(study)
    one = recording if isinstance(recording, Recording) else _only_recording(Path(recording), place)
    settings = load_settings(place.root) if settings is None else settings
    if encoder is not None and encoder.name != settings.model:
        raise SettingsError(
            "The loaded model must be the one of the settings", found=f"{encoder.name}, not {settings.model}"
        )
    encoders = Encoders(settings, study=place, encoder=encoder)
    plan = plan_recording(one, settings, study=place, encoders=encoders, choice=read_tracks(place).of(one))
    if plan.current and plan.earlier is not None and not force:
        return plan.earlier
    write_dataset_description(place)
    return extract_planned(
        plan, study=place, encoders=encoders, force=force, progress=lambda _stage, _done_s: None
    )


def _only_recording(path: Path, study: Study) -> Recording:
    found = find_recordings([path], study=study)
    if len(found.recordings) != 1:
        reasons = "; ".join(one.reason for one in found.unassigned)
        raise StudyError(
            "The path must be exactly one recording of the study",
            found=f"{len(found.recordings)} recordings" + (f" ({reasons})" if reasons else ""),
            where=path,
            hint="List the video in recordings.tsv, or name it like sub-01_ses-1_beh.mp4.",
        )
    return found.recordings[0]


def _duration_s(recording: Recording) -> float | None:
    """Seconds of video that the header promises for the recording's part; None if it does not tell."""
    try:
        info = probe(recording.path)
    except VideoError:
        return None  # told when it is the recording's turn
    if info.duration_s is None:
        return None
    start_s = info.start_s if recording.start_s is None else recording.start_s
    end_s = info.start_s + info.duration_s
    return max(0.0, (end_s if recording.end_s is None else min(end_s, recording.end_s)) - start_s)
