"""Extract the recordings of a study, one after the other; a recording that fails does not stop the others."""

import errno
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from emoclip_clinic.errors import EmoClipClinicError, SettingsError, StudyError, WeightsError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.pending import probed_duration_s, states_of
from emoclip_clinic.extraction.planning import (
    Plan,
    plan_recording,
    readable_results,
    resolved_settings,
    result_of_another_file,
)
from emoclip_clinic.extraction.progress import ExtractionProgress
from emoclip_clinic.extraction.recording import StageName, StageProgress, extract_planned
from emoclip_clinic.extraction.stopwatch import Stopwatch
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
    write_sidecar,
)
from emoclip_clinic.study.status import StatusRow, failed_row, write_status
from emoclip_clinic.study.tracks_table import TrackChoices, read_tracks
from emoclip_clinic.study.versions import software_versions

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
        Recordings that were worked on, by their status.
    n_skipped : int
        Recordings whose result was current already.
    n_left_alone : int
        Recordings that failed before and were not tried again.
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
    n_left_alone: int
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


_Status = Literal["ok", "no-face", "failed", "skipped", "left-alone"]


@dataclass(frozen=True)
class _Outcome:
    """What became of one recording in this run."""

    status: _Status
    reason: str | None
    video_s: float


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
        self._counts = dict.fromkeys(get_args(_Status), 0)
        self._durations: dict[str, float | None] = {}
        self._announced: set[str] = set()
        self._unrecorded: list[StatusRow] = []

    def over(self, recordings: Recordings) -> ExtractionSummary:
        get_detector(self._settings.detector)  # an unknown name concerns every recording
        self._check_files(recordings)
        self._prepare(recordings)
        states = states_of(
            recordings,
            self._settings,
            study=self._study,
            encoders=self._encoders,
            choices=self._choices,
        )
        self._durations = {
            one.key: probed_duration_s(one)
            for one in recordings.recordings
            if self._force or states[one.key] == "to-do" or (self._retry and states[one.key] != "current")
        }
        if self._durations:
            _ = self._encoders.encoder  # damaged weights and an absent device are told before any work
        interrupted = False
        self._progress.start(len(self._durations), sum(d or 0.0 for d in self._durations.values()))
        try:
            for recording in recordings.recordings:
                self._one(recording)
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
            n_left_alone=self._counts["left-alone"],
            n_unassigned=len(recordings.unassigned),
            interrupted=interrupted,
            rows=(*rows, *self._unrecorded),
        )

    def _check_files(self, recordings: Recordings) -> None:
        """Refuse to replace a result by that of another file which claims the same identity."""
        if self._force:
            return
        self._warn_of_orphans(recordings)
        clashes = [
            f"{one.key}: {self._study.shown(one.path)}, but the result is of {other}"
            for one in recordings.recordings
            if (other := result_of_another_file(one, study=self._study)) is not None
        ]
        if clashes:
            raise StudyError(
                "Two recordings must not have the same identity",
                found="\n  " + "\n  ".join(clashes) + "\n",
                where=self._study.root,
                hint="Tell them apart by session, task or run. If the new file replaces the old one, move the"
                " old one away or give --force. Nothing has been done yet.",
            )

    def _warn_of_orphans(self, recordings: Recordings) -> None:
        """Tell of results of a video that belongs to somebody else now: it would count twice."""
        ours = {(self._study.shown(r.path), r.start_s, r.end_s): r.key for r in recordings.recordings}
        for path, sidecar in readable_results(self._study):
            said = sidecar.recording
            now = ours.get((sidecar.input.path, said.start_s, said.end_s))
            if now is not None and now != said.key:
                _log.warning(
                    "%s is now %s, but its result as %s is still there. Remove %s if that was a mistake.",
                    sidecar.input.path,
                    now,
                    said.key,
                    path.parent,
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
        write_settings(self._study.settings_toml, resolved_settings(self._settings, self._encoders.entry))
        write_identifiers(self._study, recordings.recordings)

    def _one(self, recording: Recording) -> None:
        watch = Stopwatch()
        plan: Plan | None = None
        outcome = _Outcome("failed", None, 0.0)
        if recording.key in self._durations:
            self._announce(recording)
        try:
            plan = plan_recording(
                recording,
                self._settings,
                study=self._study,
                encoders=self._encoders,
                choice=self._choices.of(recording),
                watch=watch,
            )
            if plan.current and not self._force:
                outcome = _Outcome("skipped", "up to date", self._durations.get(recording.key) or 0.0)
                self._keep(plan)
            elif plan.failed_alike and not self._retry and not self._force:
                outcome = _Outcome("left-alone", "failed before", 0.0)
            else:
                self._announce(recording)
                sidecar = extract_planned(
                    plan,
                    study=self._study,
                    encoders=self._encoders,
                    force=self._force,
                    watch=watch,
                    progress=self._stage_progress(recording.key),
                )
                warnings = "; ".join(sidecar.warnings) or None
                outcome = _Outcome(sidecar.status, warnings, sidecar.decode.decoded_s)
                _log.info("%s: %s in %.1f s", recording.key, sidecar.status, watch.seconds()["total"])
        except (SettingsError, WeightsError):
            raise  # concerns every recording
        except Exception as error:  # whatever one file does to a decoder must not cost the other files
            self._announce(recording)
            outcome = _Outcome("failed", str(error), self._durations[recording.key] or 0.0)
            self._record_failure(recording, plan, error, watch)
        self._counts[outcome.status] += 1
        if recording.key in self._announced:
            status = "ok" if outcome.status in ("skipped", "left-alone") else outcome.status
            seconds = watch.seconds()["total"]
            self._progress.recording_finished(recording.key, status, outcome.reason, seconds, outcome.video_s)

    def _announce(self, recording: Recording) -> None:
        """Say that work on a recording begins, once."""
        if recording.key in self._announced:
            return
        if recording.key not in self._durations:  # its result looked current and turned out to be damaged
            self._durations[recording.key] = probed_duration_s(recording)
            self._progress.added(1, self._durations[recording.key] or 0.0)
        self._announced.add(recording.key)
        duration_s = self._durations[recording.key]
        self._progress.recording_started(recording.key, duration_s, len(self._announced))

    def _keep(self, plan: Plan) -> None:
        """Keep a current result: forget a failure since, and note where the same video was seen last."""
        self._study.failed_path(plan.recording).unlink(missing_ok=True)
        if plan.earlier is not None and plan.earlier.input != plan.input:
            sidecar = plan.earlier.model_copy(update={"input": plan.input})
            write_sidecar(self._study.sidecar_path(plan.recording), sidecar)

    def _record_failure(
        self, recording: Recording, plan: Plan | None, error: Exception, watch: Stopwatch
    ) -> None:
        expected = isinstance(error, EmoClipClinicError)
        _log.error("%s failed: %s", recording.key, error, exc_info=None if expected else error)
        said = FailedRecord.said_by(error)
        if "out of memory" in str(error).lower():
            said["hint"] = "Give a smaller --batch-size."
        failed = FailedRecord(
            recording=RecordingRecord.of(recording),
            input=InputRecord.of(recording.path, study=self._study) if plan is None else plan.input,
            settings=(self._settings if plan is None else plan.settings).model_dump(mode="json"),
            weights=self._encoders.record(),
            error=said["error"] or "",
            reason=said["reason"] or "",
            hint=said["hint"],
            keys={} if plan is None else {"scan": plan.scan_key, "result": plan.result_key},
            versions=software_versions(),
            seconds={stage: round(value, 3) for stage, value in watch.seconds().items()},
        )
        try:
            write_failed(self._study.failed_path(recording), failed)
        except StudyError as refused:
            if isinstance(refused.__cause__, OSError) and refused.__cause__.errno == errno.ENOSPC:
                raise  # the disk is full for every other recording, too
            _log.error("%s: the record of the failure could not be written: %s", recording.key, refused)
            self._unrecorded.append(failed_row(recording.key, failed))

    def _stage_progress(self, key: str) -> StageProgress:
        duration_s = self._durations[key]
        furthest = 0.0

        def tell(stage: StageName, done_s: float) -> None:
            nonlocal furthest
            share = min(1.0, done_s / duration_s) if duration_s else 0.0
            furthest = max(furthest, _SHARE_BEFORE[stage] + _SHARE_OF[stage] * share)
            self._progress.stage(key, stage, share, furthest * (duration_s or 0.0))

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
    encoders = Encoders(settings, study=place, encoder=encoder)
    watch = Stopwatch()
    choice = read_tracks(place).of(one)
    plan = plan_recording(one, settings, study=place, encoders=encoders, choice=choice, watch=watch)
    if plan.current and plan.earlier is not None and not force:
        return plan.earlier
    write_dataset_description(place)
    return extract_planned(
        plan,
        study=place,
        encoders=encoders,
        force=force,
        watch=watch,
        progress=lambda _stage, _done_s: None,
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
