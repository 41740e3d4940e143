"""Cut one clip: find the face as `extract` does, and write its crops to a file of their own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import VideoError
from emoclip_clinic.extraction.scan import scan_source
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import choose_subject, crop_face, subject_track
from emoclip_clinic.pretraining.data.frame_folder import FrameFolder
from emoclip_clinic.pretraining.data.manifest import ManifestClip
from emoclip_clinic.study.files import atomic_path
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.video import VideoSource, open_video, sample
from emoclip_clinic.video.grid import NO_FRAME_NEAR

__all__ = ["ClipFaces", "CutClip", "cut_clip", "held_frames"]


@dataclass(frozen=True)
class ClipFaces:
    """How clips are cut.

    Attributes
    ----------
    settings : ExtractSettings
        Settings of the face pipeline, with ``sample_fps`` filled in; ``min_coverage`` holds for a whole clip.
    size_px : int
        Side of a crop in pixels.
    """

    settings: ExtractSettings
    size_px: int

    def of(self, clip: ManifestClip) -> ExtractSettings:
        """Return the settings for one clip: no detector for pictures that are crops already."""
        return self.settings.model_copy(update={"detector": "none"}) if clip.cropped else self.settings


@dataclass(frozen=True)
class CutClip:
    """What cutting a clip found.

    Attributes
    ----------
    n_rows : int
        Crops in the file.
    frames : list of int
        Position of each crop on the time grid.
    n_grid : int
        Points of the time grid.
    n_between : int
        Points that lie between two frames, as the video has fewer frames per second than the grid. They hold
        the nearest crop and do not count against the share of frames that show the face.
    second_person : bool
        Whether somebody else could be meant.
    damage : list of str
        What was wrong with the file.
    video_s, seconds : float
        Length of the clip, and seconds of computing.
    """

    n_rows: int
    frames: list[int]
    n_grid: int
    n_between: int
    second_person: bool
    damage: list[str]
    video_s: float
    seconds: float


def cut_clip(
    clip: ManifestClip,
    faces: ClipFaces,
    *,
    out: Path,
    threads: int | None = None,
    tick: Callable[[], None] = lambda: None,
) -> CutClip:
    """Find the subject of a clip and write the crops of its face.

    Parameters
    ----------
    clip : ManifestClip
        Which file, and which part of it.
    faces : ClipFaces
        How.
    out : Path
        A ``.npy`` file to write, uint8 of shape (n_rows, S, S, 3): a crop for each point of the time grid on
        which the face is seen.
    threads : int, optional
        Decoder threads.
    tick : callable
        Called for each frame; may raise to stop.

    Returns
    -------
    CutClip
        What was found.

    Raises
    ------
    VideoError
        If the file cannot be decoded, no face is found, or the face is seen in too small a share of the clip.
    StudyError
        If the crops cannot be written.
    """
    started = time.perf_counter()
    settings = faces.of(clip)
    assert settings.sample_fps is not None
    with _opened(clip, settings, threads) as source:
        scan = scan_source(
            source,
            settings,
            start_s=clip.start_s,
            end_s=clip.end_s,
            watch=Stopwatch(),
            progress=lambda _done_s: tick(),
        )
    decision = choose_subject(
        scan.tracks,
        rule=settings.subject_rule,
        image_size=scan.image_size,
        min_margin=settings.min_margin,
    )
    subject = subject_track(scan.tracks, decision)
    visible = np.flatnonzero(subject.box_source != "bridged")
    box_of = {int(subject.frame[row]): subject.boxes[row] for row in visible}
    if not box_of:
        raise VideoError(
            "A clip must show a face",
            found="none",
            where=clip.path,
            hint="If the pictures are face crops already, say so: --detector none, or the column 'cropped'.",
        )
    margin = 0.0 if scan.whole_frame else settings.crop_margin
    with (
        _opened(clip, settings, threads) as source,
        _writing_crops(out, faces.size_px) as add,
    ):
        sampled = sample(
            source,
            settings.sample_fps,
            start_s=clip.start_s,
            end_s=clip.end_s,
            wanted=box_of.__contains__,
        )
        frames: list[int] = []
        n_between = 0
        for frame in sampled:
            tick()
            if frame.image is None:
                n_between += frame.reason == NO_FRAME_NEAR
                continue
            crop = crop_face(
                frame.image,
                box_of[frame.index],
                margin=margin,
                size=faces.size_px,
                resize=settings.resize,
            )
            if settings.resize == "upstream":  # grey levels that bicubic interpolation overshoots
                crop = np.clip(np.rint(crop), 0, 255)
            add(crop.astype(np.uint8, copy=False))
            frames.append(frame.index)
        n_grid, damage = sampled.summary.n_grid, sampled.summary.damage
        coverage = len(frames) / (n_grid - n_between)
        if coverage < settings.min_coverage:
            raise VideoError(
                f"The face must be seen in {settings.min_coverage:.0%} of a clip",
                found=f"{coverage:.0%} ({len(frames)} of {n_grid - n_between} frames)",
                where=clip.path,
                hint="Cut the clip with start_s and end_s, or lower --min-coverage.",
            )
    return CutClip(
        n_rows=len(frames),
        frames=frames,
        n_grid=n_grid,
        n_between=n_between,
        second_person=decision.second_person,
        damage=damage,
        video_s=n_grid / settings.sample_fps,
        seconds=time.perf_counter() - started,
    )


def held_frames(frames: list[int]) -> NDArray[np.intp]:
    """Fill gaps on the time grid: what stands at each point from the first to the last crop.

    Parameters
    ----------
    frames : list of int
        Positions on the time grid that have a crop, rising; at least one.

    Returns
    -------
    ndarray of shape (n,)
        For every point of the grid the nearest crop, as a place in `frames`; the earlier one of two equally
        near. Points before the first crop and after the last are left out.
    """
    known = np.asarray(frames)
    points = np.arange(known[0], known[-1] + 1)
    after = np.searchsorted(known, points)
    before = np.maximum(after - 1, 0)
    nearer_before = points - known[before] <= known[after] - points
    return np.where((known[after] != points) & nearer_before, before, after)


@contextmanager
def _opened(clip: ManifestClip, settings: ExtractSettings, threads: int | None) -> Iterator[VideoSource]:
    assert settings.sample_fps is not None
    if clip.path.is_dir():
        with FrameFolder(clip.path, fps=settings.sample_fps) as folder:
            yield folder
    else:
        with open_video(clip.path, reader=settings.reader, threads=threads) as video:
            yield video


@contextmanager
def _writing_crops(path: Path, size_px: int) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """Write crops one after another; the number of them is put into the header at the end."""
    n_rows = 0

    def header(stream: IO[bytes]) -> None:
        # NumPy leaves room in a header for the first dimension to grow.
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "|u1", "fortran_order": False, "shape": (n_rows, size_px, size_px, 3)}
        )

    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        header(stream)

        def add(crop: NDArray[np.uint8]) -> None:
            nonlocal n_rows
            stream.write(np.ascontiguousarray(crop).data)
            n_rows += 1

        yield add
        stream.seek(0)
        header(stream)
