"""How long an extraction will take: by earlier results, else by extracting a few seconds of a video."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emoclip_clinic.errors import VideoError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.planning import plan_recording
from emoclip_clinic.extraction.recording import extract_planned
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.results import list_results
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.video import probe

__all__ = ["Estimate", "estimate_seconds"]

_SAMPLE_S = 6.0
_ENOUGH = 3


@dataclass(frozen=True)
class Estimate:
    """An estimate and what it rests on.

    Attributes
    ----------
    seconds : float
        Seconds of computing for the video that is to be extracted.
    per_video_second : float
        Seconds of computing per second of video.
    basis : str
        Where this ratio comes from, as a phrase.
    """

    seconds: float
    per_video_second: float
    basis: str


def estimate_seconds(
    recordings: Sequence[Recording], video_s: float, settings: ExtractSettings, *, study: Study
) -> Estimate | None:
    """Estimate the time that extraction will take on this computer.

    If at least three results of the study were computed with the same weights and whole, their median
    decides. Else the first seconds of one recording are extracted into a temporary folder that is removed
    at once.

    Parameters
    ----------
    recordings : sequence of Recording
        What is to be extracted.
    video_s : float
        Their length in seconds of video.
    settings : ExtractSettings
        The user's settings.
    study : Study
        The study; nothing is written to it.

    Returns
    -------
    Estimate or None
        None if nothing is to be extracted or no recording can be decoded.

    Raises
    ------
    WeightsError, SettingsError
        If the model cannot be had.
    """
    encoders = Encoders(settings, study=study)
    ratios = [
        one.sidecar.seconds["total"] / one.sidecar.decode.decoded_s
        for one in list_results(study)
        if one.sidecar.weights.sha256 == encoders.weights_sha256
        and one.sidecar.decode.decoded_s > _SAMPLE_S
        and {"detect", "encode", "segment"} <= one.sidecar.seconds.keys()
    ]
    if len(ratios) >= _ENOUGH:
        ratio = statistics.median(ratios)
        return Estimate(ratio * video_s, ratio, f"the median of {len(ratios)} results of this study")
    for recording in recordings:
        try:
            ratio = _measure(recording, settings, encoders)
        except VideoError:
            continue
        return Estimate(ratio * video_s, ratio, f"{_SAMPLE_S:g} s of {recording.key}, extracted now")
    return None


def _measure(recording: Recording, settings: ExtractSettings, encoders: Encoders) -> float:
    start_s = probe(recording.path).start_s if recording.start_s is None else recording.start_s
    end_s = start_s + _SAMPLE_S
    part = replace(
        recording, end_s=end_s if recording.end_s is None else min(end_s, recording.end_s), start_s=start_s
    )
    assert encoders.encoder is not None  # loaded before the clock starts
    with tempfile.TemporaryDirectory(prefix="emoclip-clinic-") as folder:
        study = Study(Path(folder))
        plan = plan_recording(part, settings, study=study, encoders=encoders, choice=None)
        started = time.perf_counter()
        sidecar = extract_planned(
            plan, study=study, encoders=encoders, force=True, progress=lambda _stage, _done_s: None
        )
        seconds = time.perf_counter() - started
    return seconds / max(sidecar.decode.decoded_s, 1.0)
