"""A folder of pictures, read as if it were a video: one picture per step of the time grid."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from emoclip_clinic.errors import VideoError
from emoclip_clinic.video import DecodedFrame, VideoInfo

__all__ = ["FrameFolder", "picture_files"]

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def picture_files(folder: Path) -> list[Path]:
    """List the pictures of a folder in the order of the numbers in their names.

    Parameters
    ----------
    folder : Path
        The folder; folders within it are not searched.

    Returns
    -------
    list of Path
        ``2.png`` comes before ``10.png``. Hidden files and other kinds of files are left out.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith(".")]
    return sorted(found, key=_natural)


def _natural(path: Path) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"([0-9]+)", path.name.casefold())
    return tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces)


class FrameFolder:
    """The pictures of a folder as a video source; see `emoclip_clinic.video.VideoSource`.

    A picture that cannot be read leaves its place empty. Pictures of another size than the first are brought
    to that size.

    Parameters
    ----------
    folder : Path
        The folder.
    fps : float
        Pictures per second, on which times rest.

    Raises
    ------
    VideoError
        If there is no picture, or the first one cannot be read.
    """

    def __init__(self, folder: Path, *, fps: float) -> None:
        self.damage: list[str] = []
        self._files = picture_files(folder)
        self._fps = fps
        if not self._files:
            raise VideoError(
                "A folder of frames must hold pictures",
                found=f"none that ends in {', '.join(_SUFFIXES)}",
                where=folder,
            )
        self._first = self._read(self._files[0])
        if self._first is None:
            raise VideoError("The first picture must be readable", found=self.damage[0], where=folder)
        height, width = self._first.shape[:2]
        self.info = VideoInfo(
            path=folder,
            container="folder",
            codec=self._files[0].suffix.lower().removeprefix("."),
            pix_fmt="rgb24",
            width=width,
            height=height,
            coded_width=width,
            coded_height=height,
            rotation_deg=0,
            mirrored=False,
            duration_s=len(self._files) / fps,
            start_s=0.0,
            avg_fps=fps,
            n_frames_header=len(self._files),
            has_audio=False,
            size_bytes=sum(path.stat().st_size for path in self._files),
            interlaced=False,
        )

    def frames(self, *, from_s: float | None = None) -> Iterator[DecodedFrame]:
        """Read the pictures in order.

        Parameters
        ----------
        from_s : float, optional
            Earlier pictures are left out, but for the last one before.
        """
        after_damage = False
        for k, path in enumerate(self._files):
            t_s = k / self._fps
            if from_s is not None and t_s + 1 / self._fps < from_s:
                continue
            image = self._first if k == 0 else self._read(path)
            if image is None:
                after_damage = True
                continue
            yield DecodedFrame(t_s, partial(np.asarray, image), 1 / self._fps, after_damage)
            after_damage = False

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, path: Path) -> NDArray[np.uint8] | None:
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
            self.damage.append(f"{path.name} cannot be read: {error}")
            return None
        first = getattr(self, "_first", None)
        if first is not None and picture.size != (first.shape[1], first.shape[0]):
            picture = picture.resize((first.shape[1], first.shape[0]), Image.Resampling.BICUBIC)
        return np.asarray(picture, np.uint8)
