"""First stage: decode a recording once, find its faces and follow them; the result is the track table."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.extraction.prefetch import prefetch
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import FaceScanner, Tracks, get_detector
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.tables import open_table, read_notes, read_table
from emoclip_clinic.video import VideoSource, open_video, sample

__all__ = ["FRAMES_AHEAD", "Scan", "read_scan", "scan_faces", "scan_source", "write_scan"]

FRAMES_AHEAD = 4
"""Sampled frames that decoding may be ahead of their use; a 4K frame takes 25 MB."""

_LONGEST_UNSEEN_S = 2.0


@dataclass(frozen=True)
class Scan:
    """All face tracks of a recording.

    Attributes
    ----------
    tracks : Tracks
        One row per track and sampled frame that it covers.
    image_size : (int, int)
        Width and height of the upright image in pixels.
    whole_frame : bool
        Whether the frames already are face crops, so that no context is added around a box.
    """

    tracks: Tracks
    image_size: tuple[int, int]
    whole_frame: bool


def scan_faces(
    recording: Recording,
    settings: ExtractSettings,
    *,
    watch: Stopwatch,
    progress: Callable[[float], None],
) -> Scan:
    """Find and follow all faces of a recording.

    Parameters
    ----------
    recording : Recording
        Which video, and which part of it.
    settings : ExtractSettings
        With ``sample_fps`` filled in.
    watch : Stopwatch
        Counts the time of decoding and detection.
    progress : callable
        Told the seconds of video that are done.

    Returns
    -------
    Scan
        The tracks.

    Raises
    ------
    VideoError
        If the video cannot be decoded.
    """
    with open_video(recording.path, reader=settings.reader, rotation_deg=recording.rotation_deg) as source:
        return scan_source(
            source,
            settings,
            start_s=recording.start_s,
            end_s=recording.end_s,
            watch=watch,
            progress=progress,
        )


def scan_source(
    source: VideoSource,
    settings: ExtractSettings,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    watch: Stopwatch,
    progress: Callable[[float], None],
) -> Scan:
    """Find and follow all faces of an open video; `scan_faces` for anything that yields frames.

    Parameters
    ----------
    source : VideoSource
        An open video; it is read once.
    settings : ExtractSettings
        With ``sample_fps`` filled in.
    start_s, end_s : float, optional
        Part of the video, in seconds on the container's clock.
    watch : Stopwatch
        Counts the time of decoding and detection.
    progress : callable
        Told the seconds of video that are done.

    Returns
    -------
    Scan
        The tracks.

    Raises
    ------
    VideoError
        If the video cannot be decoded.
    """
    assert settings.sample_fps is not None
    detector = get_detector(
        settings.detector,
        long_side_px=settings.detect_long_side_px,
        min_score=settings.min_score,
        min_face_px=settings.min_face_px,
    )
    # At a low rate, one step of the grid is longer than what may be bridged or passed over between looks.
    most = max(1, int(_LONGEST_UNSEEN_S * settings.sample_fps))
    detect_every = min(settings.detect_every, most)
    scanner = FaceScanner(
        detector,
        detect_every=detect_every,
        detect_every_stable=max(detect_every, min(settings.detect_every_stable, most)),
        max_gap_s=max(settings.max_gap_s, 1.5 / settings.sample_fps),
    )
    sampled = sample(source, settings.sample_fps, start_s=start_s, end_s=end_s)
    with prefetch(watch.timed("decode", sampled), depth=FRAMES_AHEAD) as frames:
        for frame in frames:
            with watch.running("detect"):
                scanner.add(frame.index, frame.t_s, frame.image)
            progress(frame.index / settings.sample_fps)
    with watch.running("detect"):
        tracks = scanner.finish()
    return Scan(tracks, (source.info.width, source.info.height), detector.whole_frame)


def write_scan(scan: Scan, path: Path, *, recording: Recording, key: str) -> None:
    """Write the track table with the key of its stage."""
    with open_table(path, "tracks", recording=recording) as table:
        table.write(scan.tracks.to_columns())
        table.notes["key"] = key
        table.notes["scan"] = json.dumps(
            {
                "image_size": scan.image_size,
                "whole_frame": scan.whole_frame,
                "period_s": _finite(scan.tracks.period_s),
            }
        )


def read_scan(path: Path) -> Scan:
    """Read a track table back.

    Raises
    ------
    FormatError
        If the table is absent, damaged or of another version.
    """
    table = read_table(path, "tracks", embeddings=False)
    notes = json.loads(read_notes(path, "tracks")["scan"])
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.schema.names}
    period_s = float("nan") if notes["period_s"] is None else notes["period_s"]
    width, height = notes["image_size"]
    return Scan(Tracks.from_columns(columns, period_s=period_s), (width, height), notes["whole_frame"])


def _finite(value: float) -> float | None:
    return value if value == value else None
