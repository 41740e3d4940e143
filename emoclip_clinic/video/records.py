"""Frozen records that the video room hands out: what a file is, one sampled frame, what decoding found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DecodeSummary", "DecodedFrame", "SampledFrame", "VideoInfo"]


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself, and how its pictures are shown.

    Attributes
    ----------
    path : Path
        The file.
    container : str
        FFmpeg's name of the container, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
    codec : str
        Name of the codec, such as ``h264``.
    pix_fmt : str
        Pixel format of the first decoded frame, such as ``yuv420p10le``.
    width, height : int
        Size of an upright picture in pixels: after rotation, and with square pixels.
    coded_width, coded_height : int
        Size of a picture as stored, in pixels.
    rotation_deg : int
        Clockwise rotation that is applied to the stored pictures: 0, 90, 180 or 270.
    mirrored : bool
        Whether the stored pictures are mirrored left to right before the rotation.
    duration_s : float or None
        Length of the video stream in seconds by the header; None if the header does not say.
    start_s : float
        First presentation timestamp of the stream in seconds, on the container's clock; may be negative.
    avg_fps : float or None
        Average frame rate in 1/s by the header.
    n_frames_header : int or None
        Number of frames by the header; often absent, sometimes wrong.
    has_audio : bool
        Whether there is an audio stream.
    size_bytes : int
        Size of the file.
    interlaced : bool
        Whether the first frame is interlaced. Both fields are then seen woven into one picture: nothing is
        deinterlaced.
    """

    path: Path
    container: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation_deg: int
    mirrored: bool
    duration_s: float | None
    start_s: float
    avg_fps: float | None
    n_frames_header: int | None
    has_audio: bool
    size_bytes: int
    interlaced: bool


class DecodedFrame(NamedTuple):
    """One decoded picture whose conversion to RGB is put off until somebody wants it.

    Attributes
    ----------
    t_s : float
        Presentation timestamp in seconds on the container's clock; rises from frame to frame.
    to_rgb : callable
        Returns the upright picture, uint8 of shape (height, width, 3), RGB. Valid until the source is closed.
    duration_s : float
        How long the frame is shown, in seconds, by the container; 0 if it does not say.
    damaged_before : bool
        Whether something between the frame before and this one could not be decoded.
    """

    t_s: float
    to_rgb: Callable[[], NDArray[np.uint8]]
    duration_s: float = 0.0
    damaged_before: bool = False


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """One point of the time grid and the frame chosen for it.

    Attributes
    ----------
    index : int
        Number of the grid point, from 0.
    t_grid_s : float
        Time of the grid point in seconds on the container's clock.
    t_s : float or None
        Timestamp of the frame in seconds; None if the grid point is missing.
    image : ndarray of shape (height, width, 3) or None
        Upright RGB picture, uint8. None if the grid point is missing or its pixels were not wanted.
    reason : str or None
        Why the grid point is missing; None if it is not.
    """

    index: int
    t_grid_s: float
    t_s: float | None
    image: NDArray[np.uint8] | None
    reason: str | None


@dataclass(frozen=True)
class DecodeSummary:
    """What was found in the part of the video that was asked for.

    Attributes
    ----------
    decoded_s : float
        Seconds covered by frames that could be used. A pause between two frames counts for 1 s at most, and a
        damaged stretch does not count.
    header_s : float or None
        Seconds that the header promises for the same part; None if the header does not say.
    n_frames_decoded : int
        Number of usable frames decoded, on the grid or between its points.
    n_grid : int
        Number of grid points.
    n_missing : int
        Number of grid points without a frame.
    damage : list of str
        What was wrong with the file, as sentences; empty if nothing was.
    short : bool
        Whether `decoded_s` is more than 2 % below `header_s`.
    """

    decoded_s: float
    header_s: float | None
    n_frames_decoded: int
    n_grid: int
    n_missing: int
    damage: list[str] = field(default_factory=list)
    short: bool = False
