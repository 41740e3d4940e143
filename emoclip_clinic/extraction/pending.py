"""Which recordings a run would work on, and how much video that is; nothing is written or loaded."""

from emoclip_clinic.errors import VideoError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.planning import State, quick_state
from emoclip_clinic.faces import get_detector
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording, Recordings
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.tracks_table import TrackChoices, read_tracks
from emoclip_clinic.video import VideoInfo, probe

__all__ = ["duration_s", "pending_recordings", "probed_duration_s", "states_of"]


def pending_recordings(
    study: Study,
    recordings: Recordings,
    settings: ExtractSettings,
    *,
    force: bool = False,
    retry: bool = True,
) -> tuple[Recording, ...]:
    """List the recordings that have no current result.

    Judged by the records of earlier runs, and by size and time of change of the videos; their content is not
    read.

    Parameters
    ----------
    study : Study
        Where results are.
    recordings : Recordings
        What would be worked on.
    settings : ExtractSettings
        The user's settings.
    force : bool
        Whether everything would be computed again.
    retry : bool
        Whether recordings that failed with the same input and settings would be worked on again.

    Returns
    -------
    tuple of Recording
        In the order of `recordings`.

    Raises
    ------
    WeightsError
        If the weights are not registered or not on this computer.
    FaceError
        If there is no such detector.
    StudyError
        If ``tracks.tsv`` is not valid.
    """
    get_detector(settings.detector)
    encoders, choices = Encoders(settings, study=study), read_tracks(study)
    states = states_of(recordings, settings, study=study, encoders=encoders, choices=choices)
    wanted = {"to-do"} | ({"current"} if force else set()) | ({"failed-before"} if force or retry else set())
    return tuple(one for one in recordings.recordings if states[one.key] in wanted)


def states_of(
    recordings: Recordings,
    settings: ExtractSettings,
    *,
    study: Study,
    encoders: Encoders,
    choices: TrackChoices,
) -> dict[str, State]:
    """Tell by its key what each recording seems to need."""
    return {
        one.key: quick_state(one, settings, study=study, encoders=encoders, choice=choices.of(one))
        for one in recordings.recordings
    }


def duration_s(recording: Recording, info: VideoInfo) -> float | None:
    """Return the seconds of video of a recording's part, by the header; None if it does not tell."""
    if info.duration_s is None:
        return None
    end_s = info.start_s + info.duration_s
    first = info.start_s if recording.start_s is None else max(info.start_s, recording.start_s)
    last = end_s if recording.end_s is None else min(end_s, recording.end_s)
    return max(0.0, last - first)


def probed_duration_s(recording: Recording) -> float | None:
    """Read the header of a recording's file for `duration_s`; None also if it cannot be read."""
    try:
        return duration_s(recording, probe(recording.path))
    except VideoError:
        return None  # told when it is the recording's turn
