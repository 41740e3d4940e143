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


@dataclass(frozen=True)
class VideoFile:
    """A file that may hold a video.

    Parameters
    ----------
    path : Path
        Absolute path, links not resolved.
    relative : Path
        The same from the study, or from the folder that holds the named path if it is outside the study.
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
        base = study.root if start.is_relative_to(study.root) else start.parent
        for path, problem in (
            _walk(start, study) if start.is_dir() else [(start, _file_problem(start, named=True))]
        ):
            found.setdefault(path, VideoFile(path, path.relative_to(base), problem))
    return tuple(found[path] for path in sorted(found))


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
                if name != "derivatives":
                    stack.append((path, above | {real}))
            elif path.suffix.lower() in VIDEO_SUFFIXES:
                yield path, _file_problem(path)


def _file_problem(path: Path, *, named: bool = False) -> str | None:
    if named and path.suffix.lower() not in VIDEO_SUFFIXES:
        return f"its suffix {path.suffix!r} is not one of a video; list it in recordings.tsv if it is one"
    if path.is_file():
        return None
    return "it is a link to nothing" if path.is_symlink() else "it is not an ordinary file"
