"""How long an extraction will take: by earlier results, else by extracting a few seconds of a video."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emoclip_clinic.errors import StudyError, VideoError
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.pending import probed_duration_s
from emoclip_clinic.extraction.planning import plan_recording, readable_results, resolved_settings
from emoclip_clinic.extraction.recording import extract_planned
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings, stage_settings
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
    recordings: Sequence[Recording], settings: ExtractSettings, *, study: Study
) -> Estimate | None:
    """Estimate the time that extraction will take on this computer.

    If at least three results of the study were computed with the same weights, detection settings and
    device, and whole, their median decides. Else the first seconds of one recording are extracted into a
    temporary folder that is removed at once.

    Parameters
    ----------
    recordings : sequence of Recording
        What is to be extracted.
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
        If the model or the device cannot be had.
    """
    if not recordings:
        return None
    encoders = Encoders(settings, study=study)
    video_s = sum(probed_duration_s(one) or 0.0 for one in recordings)
    ratios = _earlier_ratios(study, settings, encoders)
    if len(ratios) >= _ENOUGH:
        ratio = statistics.median(ratios)
        return Estimate(ratio * video_s, ratio, f"the median of {len(ratios)} results of this study")
    for recording in recordings:
        try:
            ratio = _measure(recording, settings, encoders)
        except (VideoError, StudyError):
            continue
        return Estimate(ratio * video_s, ratio, f"{_SAMPLE_S:g} s of {recording.key}, extracted now")
    return None


def _earlier_ratios(study: Study, settings: ExtractSettings, encoders: Encoders) -> list[float]:
    """Seconds of computing per second of video of results that were computed in the same way."""
    from emoclip_clinic.encoder import resolve_device

    device = str(resolve_device(settings.device))
    asked = stage_settings(resolved_settings(settings, encoders.entry), "scan")
    return [
        sidecar.seconds["total"] / sidecar.decode.decoded_s
        for _, sidecar in readable_results(study)
        if sidecar.weights.sha256 == encoders.weights_sha256
        and sidecar.hardware.get("device") == device
        and all(sidecar.settings.get(name) == value for name, value in asked.items())
        and not sidecar.reused
        and sidecar.decode.decoded_s > _SAMPLE_S
    ]


def _measure(recording: Recording, settings: ExtractSettings, encoders: Encoders) -> float:
    start_s = probe(recording.path).start_s if recording.start_s is None else recording.start_s
    end_s = start_s + _SAMPLE_S if recording.end_s is None else min(start_s + _SAMPLE_S, recording.end_s)
    part = replace(recording, start_s=start_s, end_s=end_s)
    _ = encoders.encoder  # loaded before the clock starts
    with tempfile.TemporaryDirectory(prefix="emoclip-clinic-") as folder:
        study, watch = Study(Path(folder)), Stopwatch()
        plan = plan_recording(part, settings, study=study, encoders=encoders, choice=None, watch=watch)
        sidecar = extract_planned(
            plan,
            study=study,
            encoders=encoders,
            force=True,
            watch=watch,
            progress=lambda _stage, _done_s: None,
        )
    seconds = watch.seconds()
    return (seconds["total"] - seconds["hash"]) / max(sidecar.decode.decoded_s, 1.0)
