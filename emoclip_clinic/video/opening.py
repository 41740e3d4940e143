"""Open a media file through PyAV and choose its video stream, or say in plain words why that fails."""

import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from emoclip_clinic.errors import VideoError

__all__ = ["choose_stream", "open_container"]

_PICTURES_ONLY = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_container(path: Path) -> InputContainer:
    """Open a local file for reading.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    InputContainer
        PyAV's container; the caller closes it.

    Raises
    ------
    VideoError
        If the file is absent, a folder, empty, not readable, or nothing that FFmpeg knows.
    """
    head = _read_head(path)
    try:
        # The prefix keeps FFmpeg from reading "a:b.mp4" as an address; the list, from following links.
        # Tags in old encodings must not stop the pictures from being read.
        return av.open(
            f"file:{path.absolute()}",
            container_options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except av.FFmpegError as error:
        hint = "Check that the file plays; if not, copy it again from its source."
        if head[4:8] == b"ftyp":
            hint = (
                "An MP4 or MOV file mostly has its index at the end: a recording or copy that was cut short "
                "lacks it. Copy the file again; if the original is cut too, look for a repair tool."
            )
        raise VideoError(
            "A video must be a media file that FFmpeg can read",
            found=error.strerror or type(error).__name__,
            where=path,
            hint=hint,
        ) from error


def _read_head(path: Path) -> bytes:
    """Return the first bytes of a regular file that is not empty."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise VideoError(
                "A video must be a file",
                found="a folder",
                where=path,
                hint="Name the files inside it, or its parent.",
            )
        if not stat.S_ISREG(path.stat().st_mode):
            raise VideoError(
                "A video must be a regular file",
                found="a device or pipe",
                where=path,
                hint="Save the video as a file first.",
            )
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError as error:
        raise VideoError(
            "A video must exist",
            found="no such file",
            where=path,
            hint="Check the path; paths in recordings.tsv are relative to the study.",
        ) from error
    except PermissionError as error:
        raise VideoError(
            "A video must be readable",
            found="no permission",
            where=path,
            hint="Ask the owner of the file for the right to read it and its folders.",
        ) from error
    except OSError as error:
        raise VideoError(
            "A video must be readable",
            found=error.strerror or str(error),
            where=path,
            hint="Check that the disk or network share is connected.",
        ) from error
    if not head:
        raise VideoError(
            "A video must not be empty",
            found="0 bytes",
            where=path,
            hint="Copy the file again: an interrupted transfer leaves an empty file.",
        )
    return head


def choose_stream(container: InputContainer, path: Path) -> VideoStream:
    """Choose the first video stream that is more than an attached picture.

    Parameters
    ----------
    container : InputContainer
        An open container.
    path : Path
        Its file, for the error.

    Returns
    -------
    VideoStream
        The stream.

    Raises
    ------
    VideoError
        If there is none, or no decoder for it.
    """
    moving = [s for s in container.streams.video if not s.disposition & _PICTURES_ONLY]
    if not moving:
        kinds = ", ".join(sorted(s.type for s in container.streams)) or "none"
        cover = " (the video stream is an attached picture)" if container.streams.video else ""
        raise VideoError(
            "A video must have a video stream",
            found=f"streams: {kinds}{cover}",
            where=path,
            hint="This may be a sound recording; name the file that holds the pictures.",
        )
    stream = moving[0]
    if stream.codec_context is None:
        raise VideoError(
            "The codec of a video must be one that PyAV's FFmpeg decodes",
            found="a stream without a decoder",
            where=path,
            hint="Convert it with FFmpeg to H.264 in MP4.",
        )
    return stream
