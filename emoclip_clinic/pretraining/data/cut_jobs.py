"""One clip as a job that can be sent to another process, and the record of how it ended."""

import errno
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from emoclip_clinic.errors import EmoClipClinicError, FormatError, StudyError
from emoclip_clinic.pretraining.data.cutting import ClipFaces, cut_clip
from emoclip_clinic.pretraining.data.frame_folder import picture_files
from emoclip_clinic.pretraining.data.manifest import ManifestClip
from emoclip_clinic.pretraining.data.processes import stop_if_asked
from emoclip_clinic.pretraining.data.shard_files import CLIPS_FORMAT_VERSION, digest
from emoclip_clinic.study.files import read_json, sha256_file, write_json
from emoclip_clinic.study.settings import stage_settings

__all__ = ["CutJob", "CutOutcome", "InputFacts", "clip_key", "content_sha256", "cut_job", "read_outcome"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InputFacts:
    """A file or a folder of pictures as it was when it was hashed."""

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class CutJob:
    """One clip to be cut.

    Attributes
    ----------
    key : str
        What the result depends on.
    clip : ManifestClip
        Which clip.
    faces : ClipFaces
        How it is cut.
    input : InputFacts
        The file.
    folder : Path
        Where the crops and the record go.
    threads : int
        Decoder threads.
    """

    key: str
    clip: ManifestClip
    faces: ClipFaces
    input: InputFacts
    folder: Path
    threads: int

    @property
    def crops(self) -> Path:
        """File of the crops."""
        return self.folder / f"{self.key}.npy"

    @property
    def record(self) -> Path:
        """File of the record, written last."""
        return self.folder / f"{self.key}.json"


@dataclass(frozen=True)
class CutOutcome:
    """How a job ended.

    Attributes
    ----------
    key : str
        Of the job.
    status : {"ok", "failed"}
        Whether there are crops.
    reason : str or None
        Why not.
    input : mapping
        The file; see `InputFacts`.
    facts : mapping
        What cutting found; see `CutClip`. Empty if it failed.
    """

    key: str
    status: Literal["ok", "failed"]
    reason: str | None
    input: Mapping[str, Any]
    facts: Mapping[str, Any]


def cut_job(job: CutJob, *, tick: Callable[[], None] = stop_if_asked) -> CutOutcome:
    """Cut one clip; whatever the file does to a decoder becomes a record.

    Parameters
    ----------
    job : CutJob
        The clip.
    tick : callable
        Called for each frame.

    Returns
    -------
    CutOutcome
        Also written beside the crops.

    Raises
    ------
    StudyError
        If the disk is full or the folder not writable, which concerns every other clip as well.
    """
    import cv2

    if job.threads == 1:  # other clips are cut beside this one
        cv2.setNumThreads(1)
    try:
        cut = cut_clip(job.clip, job.faces, out=job.crops, threads=job.threads, tick=tick)
    except StudyError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in (
            errno.ENOSPC,
            errno.EACCES,
            errno.EROFS,
        ):
            raise
        outcome = _failed(job, str(error))
    except EmoClipClinicError as error:
        outcome = _failed(job, " ".join(error.statement.removeprefix(f"{job.clip.path}: ").split()))
    except Exception as error:  # one file must not cost the others
        _log.exception("%s: unexpected error", job.clip.id)
        outcome = _failed(job, f"{type(error).__name__}: {error}")
    else:
        outcome = CutOutcome(job.key, "ok", None, asdict(job.input), asdict(cut))
    write_outcome(job, outcome)
    return outcome


def crashed(job: CutJob) -> CutOutcome:
    """Record that the process died in which a clip was cut."""
    outcome = _failed(job, "the process that read it was ended by the operating system, twice")
    write_outcome(job, outcome)
    return outcome


def _failed(job: CutJob, reason: str) -> CutOutcome:
    return CutOutcome(job.key, "failed", reason, asdict(job.input), {})


def write_outcome(job: CutJob, outcome: CutOutcome) -> None:
    """Write the record of a job."""
    write_json(job.record, {"format_version": CLIPS_FORMAT_VERSION, **asdict(outcome)})


def read_outcome(path: Path) -> CutOutcome | None:
    """Read the record of a job; None if there is none that is whole."""
    if not path.is_file():
        return None
    try:
        value = read_json(path)
        if value.pop("format_version", None) != CLIPS_FORMAT_VERSION:
            return None
        outcome = CutOutcome(**value)
    except (FormatError, TypeError):
        return None
    return outcome if outcome.status == "failed" or path.with_suffix(".npy").is_file() else None


def clip_key(clip: ManifestClip, faces: ClipFaces, content: str) -> str:
    """Hash all that the crops of a clip depend on: the file's content, the part of it, and how it is cut.

    Captions, labels and names are not among them: they may change without any clip being cut anew.
    """
    settings = faces.of(clip)
    return digest(
        {
            "format": CLIPS_FORMAT_VERSION,
            "content": content,
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            "size_px": faces.size_px,
            "faces": stage_settings(settings, "crop"),
            "min_coverage": settings.min_coverage,
        }
    )


def content_sha256(path: Path) -> str:
    """Hash a video file, or the names and contents of a folder's pictures."""
    if not path.is_dir():
        return sha256_file(path)
    parts = [(picture.name, sha256_file(picture)) for picture in picture_files(path)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def input_state(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns of a file, or of all pictures of a folder together."""
    try:
        stats = [one.stat() for one in (picture_files(path) if path.is_dir() else [path])]
    except OSError as error:
        raise StudyError("The file must be readable", found=error.strerror, where=path) from error
    return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)
