"""Which recordings a run would work on; nothing is written and no model is loaded."""

from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.planning import looks_current
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording, Recordings
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.tracks_table import read_tracks

__all__ = ["pending_recordings"]


def pending_recordings(
    study: Study, recordings: Recordings, settings: ExtractSettings, *, force: bool = False
) -> tuple[Recording, ...]:
    """List the recordings that have no current result.

    Judged by sidecars, and by size and time of change of the videos; their content is not read.

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

    Returns
    -------
    tuple of Recording
        In the order of `recordings`.

    Raises
    ------
    WeightsError
        If the weights are not registered or not on this computer.
    StudyError
        If ``tracks.tsv`` is not valid.
    """
    encoders, choices = Encoders(settings, study=study), read_tracks(study)
    return tuple(
        recording
        for recording in recordings.recordings
        if force
        or not looks_current(
            recording, settings, study=study, encoders=encoders, choice=choices.of(recording)
        )
    )
