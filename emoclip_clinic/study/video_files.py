"""Finding video files below the paths that a user names."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study

__all__ = ["VIDEO_SUFFIXES", "VideoFile", "find_video_files"]

VIDEO_SUFFIXES = (
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
)  # fmt: skip
"""Endings of file names that are taken for videos, in any letter case."""

_FOLDERS_OUTSIDE = 3  # sub-01/ses-1/beh; further up, a folder outside the study says nothing about a person


@dataclass(frozen=True)
class VideoFile:
    """A file that may hold a video.

    Parameters
    ----------
    path : Path
        Absolute path, links not resolved.
    relative : Path
        The same from the study; outside of it, the name with the three folders above, however it was reached.
    problem : str or None
        Why it cannot be one, as a clause.
    """

    path: Path
    relative: Path
    problem: str | None = None


def find_video_files(paths: Sequence[Path], *, study: Study) -> tuple[VideoFile, ...]:
    """List the video files at and below some paths.

    Hidden files and folders are left out, and so are folders called ``derivatives`` unless named
    themselves; our own derivatives always. Links are followed; a link to a folder above itself is not.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders; relative ones start at the working directory.
    study : Study
        The study.

    Returns
    -------
    tuple of VideoFile
        Each path once, sorted.

    Raises
    ------
    StudyError
        If a path does not exist.
    """
    named = [Path(os.path.abspath(path)) for path in paths]
    absent = [str(path) for path in named if not os.path.lexists(path)]
    if absent:
        raise StudyError(
            "Every path must exist",
            found=", ".join(absent),
            hint=f"Relative paths start at the working directory, {Path.cwd()}.",
        )
    found: dict[Path, VideoFile] = {}
    for start in named:
        for path, problem in (
            _walk(start, study) if start.is_dir() else [(start, _file_problem(start, named=True))]
        ):
            found.setdefault(path, VideoFile(path, _relative(path, study), problem))
    return tuple(found[path] for path in sorted(found))


def _relative(path: Path, study: Study) -> Path:
    for root in (
        study.root,
        os.path.realpath(study.root),
    ):  # as given, and as the working directory may spell it
        if path.is_relative_to(root):
            return path.relative_to(root)
    return Path(*path.relative_to(path.anchor).parts[-1 - _FOLDERS_OUTSIDE :])


def _walk(start: Path, study: Study) -> Iterator[tuple[Path, str | None]]:
    ours = os.path.realpath(study.derivatives)
    stack = [(start, frozenset[str]())]
    while stack:
        folder, above = stack.pop()
        real = os.path.realpath(folder)
        if real in above or real == ours:
            continue
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            yield folder, f"the folder cannot be read ({error.strerror})"
            continue
        for name in names:
            path = folder / name
            if name.startswith("."):
                continue
            if path.is_dir():
                if path.suffix.lower() in VIDEO_SUFFIXES:
                    yield path, "it is a folder, although it is named like a video"
                if name != "derivatives":
                    stack.append((path, above | {real}))
            elif path.suffix.lower() in VIDEO_SUFFIXES or _misplaced(path, study):
                yield path, _file_problem(path)


def _misplaced(path: Path, study: Study) -> bool:
    return path.name == "recordings.tsv" and os.path.realpath(path) != os.path.realpath(study.recordings_tsv)


def _file_problem(path: Path, *, named: bool = False) -> str | None:
    if path.name == "recordings.tsv":
        return "it is read only from the study's own folder (--study), and paths inside start there"
    if named and path.suffix.lower() not in VIDEO_SUFFIXES:
        return f"its suffix {path.suffix!r} is not one of a video; list it in recordings.tsv if it is one"
    if path.is_file():
        return None
    return "it is a link to nothing" if path.is_symlink() else "it is not an ordinary file"
