"""How much time and disk a preparation will take: lengths by headers, speed by cutting a few clips."""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from emoclip_clinic.errors import EmoClipClinicError
from emoclip_clinic.pretraining.data.cutting import cut_clip
from emoclip_clinic.pretraining.data.frame_folder import picture_files
from emoclip_clinic.pretraining.data.manifest import ManifestClip
from emoclip_clinic.pretraining.data.preparation import Plan
from emoclip_clinic.video import probe

__all__ = ["PreparationEstimate", "estimate_preparation"]

_MOST_PROBED = 40
_MOST_CUT = 3
_MOST_SECONDS = 15.0
_PART_S = 4.0


@dataclass(frozen=True)
class PreparationEstimate:
    """What is still to be done.

    Attributes
    ----------
    n_clips : int
        Clips to be cut.
    video_s : float
        Their length together in seconds.
    n_bytes : int
        Disk space that their crops will take.
    seconds : float or None
        Seconds of computing with one worker; None if no clip could be tried.
    n_tried : int
        Clips that were tried for the estimate.
    """

    n_clips: int
    video_s: float
    n_bytes: int
    seconds: float | None
    n_tried: int


def estimate_preparation(plan: Plan, *, retry: bool = True) -> PreparationEstimate:
    """Estimate time and disk space; nothing is kept.

    Parameters
    ----------
    plan : Plan
        By `plan_preparation`.
    retry : bool
        Whether clips that failed before are tried again.

    Returns
    -------
    PreparationEstimate
        Lengths are asked of at most 40 clips, evenly spread; of at most three the first seconds
        are cut.
    """
    pending = plan.to_cut(retry=retry)
    sample_fps = float(plan.faces.settings.sample_fps or 0)
    step = max(1, len(pending) // _MOST_PROBED)
    probed = [one.clip for one in pending[::step]]
    lengths = [length for clip in probed if (length := _length_s(clip, sample_fps)) is not None]
    video_s = len(pending) * sum(lengths) / len(lengths) if lengths else 0.0
    started = time.perf_counter()
    cut_s = cut_video_s = 0.0
    n_tried = 0
    with tempfile.TemporaryDirectory(prefix="emoclip-clinic-") as folder:
        for clip in probed:
            length = _length_s(clip, sample_fps)
            if length is None:
                continue
            if n_tried == _MOST_CUT or time.perf_counter() - started > _MOST_SECONDS:
                break
            part_s = min(length, _PART_S)
            part = clip if part_s == length else replace(clip, end_s=(clip.start_s or 0.0) + part_s)
            before = time.perf_counter()
            with suppress(EmoClipClinicError):  # to look for a face in vain takes its time, too
                cut_clip(part, plan.faces, out=Path(folder) / f"{n_tried}.npy")
            n_tried += 1
            cut_s += time.perf_counter() - before
            cut_video_s += part_s
    return PreparationEstimate(
        n_clips=len(pending),
        video_s=video_s,
        n_bytes=round(video_s * sample_fps * plan.faces.size_px**2 * 3),
        seconds=video_s * cut_s / cut_video_s if cut_video_s else None,
        n_tried=n_tried,
    )


def _length_s(clip: ManifestClip, sample_fps: float) -> float | None:
    """Length of a clip by its manifest and its header."""
    if clip.end_s is not None:
        return clip.end_s - (clip.start_s or 0.0)
    if clip.path.is_dir():
        whole: float | None = len(picture_files(clip.path)) / sample_fps
    else:
        try:
            whole = probe(clip.path).duration_s
        except EmoClipClinicError:
            return None
    return None if whole is None else max(0.0, whole - (clip.start_s or 0.0))
