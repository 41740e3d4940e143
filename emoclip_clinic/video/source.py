"""The seam between sampling and decoding: one small protocol, and readers by name."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from emoclip_clinic.errors import VideoError, did_you_mean
from emoclip_clinic.video.pyav_reader import PyAvSource
from emoclip_clinic.video.records import DecodedFrame, VideoInfo

__all__ = ["VideoSource", "open_video", "probe", "reader_names"]


class VideoSource(Protocol):
    """An open video that is read once, forward; a context manager."""

    @property
    def info(self) -> VideoInfo:
        """What the file says about itself."""
        ...

    @property
    def damage(self) -> list[str]:
        """What was wrong with the file, as sentences; complete when `frames` has ended."""
        ...

    def frames(self, *, from_s: float | None = None) -> Iterator[DecodedFrame]:
        """Decode forward, once.

        Parameters
        ----------
        from_s : float, optional
            Frames before this time in seconds may be left out, but the last one at or before it comes.
        """
        ...

    def close(self) -> None:
        """Close the file; pictures not yet converted are lost."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def _open_pyav(path: Path, rotation_deg: int | None, threads: int) -> VideoSource:
    return PyAvSource(path, rotation_deg=rotation_deg, threads=threads)


_READERS: dict[str, Callable[[Path, int | None, int], VideoSource]] = {"pyav": _open_pyav}


def reader_names() -> tuple[str, ...]:
    """Names that `open_video` takes as `reader`."""
    return tuple(_READERS)


def open_video(
    path: str | Path, *, reader: str = "pyav", rotation_deg: int | None = None, threads: int | None = None
) -> VideoSource:
    """Open a video for one pass of forward decoding.

    Parameters
    ----------
    path : str or Path
        A local file.
    reader : str
        Name of the reader, one of `reader_names`.
    rotation_deg : {0, 90, 180, 270}, optional
        Clockwise rotation to apply to the stored pictures instead of the one in the file.
    threads : int, optional
        Decoder threads; by default as many as processors, 4 at most. Each holds a few frames of memory.

    Returns
    -------
    VideoSource
        The open video, a context manager.

    Raises
    ------
    VideoError
        If the file cannot be opened, has no video stream, or not one picture decodes.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from emoclip_clinic.synthetic import draw_counter, write_clip
    >>> from emoclip_clinic.video import open_video, sample
    >>> clip = write_clip(Path(tempfile.mkdtemp()) / "clip.mp4", [draw_counter(i) for i in range(50)])
    >>> with open_video(clip) as video:
    ...     samples = sample(video, 6.25)
    ...     times = [frame.t_s for frame in samples]
    >>> times[:4], samples.summary.n_missing
    ([0.0, 0.16, 0.32, 0.48], 0)
    """
    if reader not in _READERS:
        raise VideoError(
            "The reader must be one that is installed", found=reader, hint=did_you_mean(reader, _READERS)
        )
    if rotation_deg not in (None, 0, 90, 180, 270):
        raise VideoError(
            "A rotation must be 0, 90, 180 or 270 degrees, clockwise",
            found=rotation_deg,
            where=Path(path),
            hint="Correct the column 'rotation' of recordings.tsv, or leave it empty to follow the file.",
        )
    return _READERS[reader](Path(path), rotation_deg, threads or min(4, os.cpu_count() or 1))


def probe(path: str | Path, *, rotation_deg: int | None = None) -> VideoInfo:
    """Tell what a video is; decodes its first frame and no more.

    Parameters
    ----------
    path : str or Path
        A local file.
    rotation_deg : {0, 90, 180, 270}, optional
        Clockwise rotation to apply instead of the one in the file.

    Returns
    -------
    VideoInfo
        What the file says about itself.

    Raises
    ------
    VideoError
        As `open_video`.
    """
    with open_video(path, rotation_deg=rotation_deg, threads=1) as source:
        return source.info
