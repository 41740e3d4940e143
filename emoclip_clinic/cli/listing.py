"""The list of recordings with what their files say, for `recordings` and `extract --dry-run`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.tables import clock_text, counted, print_table
from emoclip_clinic.errors import StudyError, VideoError

if TYPE_CHECKING:
    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.recordings import Recording, Recordings
    from emoclip_clinic.video import VideoInfo

__all__ = ["ProbedRecording", "only_participants", "print_recordings", "print_unassigned", "probe_recordings"]


@dataclass(frozen=True)
class ProbedRecording:
    """A recording with what the header of its file says, or why the header cannot be read."""

    recording: "Recording"
    info: "VideoInfo | None"
    problem: str | None

    @property
    def duration_s(self) -> float | None:
        """Seconds of the recording's part of the video; None if the header does not tell."""
        from emoclip_clinic.extraction.pending import duration_s

        return None if self.info is None else duration_s(self.recording, self.info)


def only_participants(recordings: "Recordings", only: Iterable[str]) -> "Recordings":
    """Keep the recordings of the participants named on the command line; all of them if none is named."""
    from dataclasses import replace

    from emoclip_clinic.study.identifiers import suggest_identifiers

    wanted = {_participant_id(name) for name in only}
    known = {recording.participant_id for recording in recordings.recordings}
    for name in sorted(wanted - known):
        raise StudyError(
            "--only must name a participant who has a recording",
            found=name,
            where="--only",
            hint=suggest_identifiers(name, known) or "emoclip-clinic recordings lists whom the videos show.",
        )
    if not wanted:
        return recordings
    kept = tuple(r for r in recordings.recordings if r.participant_id in wanted)
    return replace(recordings, recordings=kept)


def _participant_id(name: str) -> str:
    from emoclip_clinic.study.identifiers import clean_label

    try:
        return f"sub-{clean_label(name, kind='participant')}"
    except StudyError as error:
        hint = "Name the participant as in --only sub-01; emoclip-clinic recordings lists all."
        raise StudyError(error.rule, found=error.found, where="--only", hint=hint) from None


def probe_recordings(recordings: "Recordings") -> list[ProbedRecording]:
    """Read the header of each recording; a file that cannot be read is listed with its problem."""
    from emoclip_clinic.video import probe

    probed = []
    for recording in recordings.recordings:
        try:
            probed.append(ProbedRecording(recording, probe(recording.path), None))
        except VideoError as error:
            probed.append(ProbedRecording(recording, None, _problem(error)))
    return probed


def _problem(error: VideoError) -> str:
    return ": ".join([error.rule.rstrip("."), *error.found_lines])


def print_recordings(
    probed: list[ProbedRecording],
    recordings: "Recordings",
    study: "Study",
    *,
    pending: Collection["Recording"] | None = None,
) -> None:
    """Print one row per recording, then the videos that belong to nobody, with the reason.

    Parameters
    ----------
    probed : list of ProbedRecording
        What the files say.
    recordings : Recordings
        What was found, with the videos that belong to nobody.
    study : Study
        Where results are.
    pending : collection of Recording, optional
        Recordings without a result that answers the present settings, if settings are known.
    """
    columns = (
        "participant",
        "session",
        "task",
        "run",
        "duration",
        "pixels",
        "MB",
        "codec",
        "result",
        "file",
        "note",
    )
    print_table(columns, (_row(entry, study, pending) for entry in probed))
    n_unreadable = sum(entry.info is None for entry in probed)
    total_s = sum(entry.duration_s or 0.0 for entry in probed)
    n_participants = len({entry.recording.participant_id for entry in probed})
    err.print(
        f"\n{counted(len(probed), 'recording')} of {counted(n_participants, 'participant')}, "
        f"{clock_text(total_s)} of video" + (f"; {n_unreadable} cannot be read" if n_unreadable else "") + "."
    )
    print_unassigned(recordings, study)


def print_unassigned(recordings: "Recordings", study: "Study") -> None:
    """Print the videos that belong to nobody, each with the reason."""
    if recordings.unassigned:
        err.print(
            f"Left out, because nothing says whose they are: {counted(len(recordings.unassigned), 'video')}"
        )
        for unassigned in recordings.unassigned:
            err.print(f"  {study.shown(unassigned.path)}: {unassigned.reason}", soft_wrap=True)


def _row(
    entry: ProbedRecording, study: "Study", pending: Collection["Recording"] | None
) -> tuple[object, ...]:
    recording, info = entry.recording, entry.info
    return (
        recording.participant_id,
        recording.session_id,
        recording.task,
        recording.run,
        clock_text(entry.duration_s) if info else None,
        f"{info.width}x{info.height}" if info else None,
        f"{info.size_bytes / 1e6:.1f}" if info else None,
        info.codec if info else None,
        _existing_result(recording, study, pending),
        study.shown(recording.path),
        entry.problem or "",
    )


def _existing_result(recording: "Recording", study: "Study", pending: Collection["Recording"] | None) -> str:
    if study.sidecar_path(recording).exists():
        return "done" if pending is None or recording not in pending else "outdated"
    return "failed" if study.failed_path(recording).exists() else "none"
