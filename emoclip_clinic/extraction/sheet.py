"""A contact sheet of the subject's crops, made only when it is asked for."""

import numpy as np

from emoclip_clinic.extraction.prefetch import prefetch
from emoclip_clinic.extraction.scan import FRAMES_AHEAD
from emoclip_clinic.faces import Tracks, crop_face
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.video import open_video, sample

__all__ = ["MOST_CROPS", "sheet_crops"]

MOST_CROPS = 48
"""Crops on a sheet, evenly spaced over the frames that show the subject."""


def sheet_crops(
    recording: Recording,
    settings: ExtractSettings,
    *,
    subject: Tracks,
    crop_margin: float,
    size: int,
) -> list[np.ndarray]:
    """Cut a few of the crops that were encoded.

    Parameters
    ----------
    recording : Recording
        Which video, and which part of it.
    settings : ExtractSettings
        With ``sample_fps`` filled in.
    subject : Tracks
        The subject's rows, at most one per sampled frame.
    crop_margin : float
        Context around a box, as a share of its longer side.
    size : int
        Side of a crop in pixels.

    Returns
    -------
    list of ndarray of shape (size, size, 3)
        In order of time; empty if no frame shows the subject.

    Raises
    ------
    VideoError
        If the video cannot be decoded.
    """
    assert settings.sample_fps is not None
    visible = np.flatnonzero(subject.box_source != "bridged")
    chosen = visible[np.linspace(0, len(visible) - 1, min(MOST_CROPS, len(visible))).round().astype(int)]
    row_of = {int(subject.frame[row]): int(row) for row in chosen}
    with open_video(recording.path, reader=settings.reader, rotation_deg=recording.rotation_deg) as source:
        sampled = sample(
            source,
            settings.sample_fps,
            start_s=recording.start_s,
            end_s=recording.end_s,
            wanted=row_of.__contains__,
        )
        with prefetch(sampled, depth=FRAMES_AHEAD) as frames:
            return [
                crop_face(
                    frame.image,
                    subject.boxes[row_of[frame.index]],
                    margin=crop_margin,
                    size=size,
                    resize=settings.resize,
                )
                for frame in frames
                if frame.image is not None
            ]
