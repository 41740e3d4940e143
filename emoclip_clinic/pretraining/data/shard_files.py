"""Files of prepared clips: where they lie, what they hold, and how a shard is written.

A folder of prepared clips holds ``dataset.json`` (written last), ``index.parquet`` (one row per clip),
``skipped.tsv``, and in ``shards`` plain NumPy files ``shard-00000.npy`` of shape (frames, S, S, 3), uint8,
each with a record ``shard-00000.json`` of the clips in it. A shard never changes once its record is there.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.files import atomic_path, read_json, write_json

__all__ = [
    "CLIPS_FORMAT_VERSION",
    "ClipFolder",
    "ShardRecord",
    "StoredClip",
    "digest",
    "open_array",
    "write_shard",
]

CLIPS_FORMAT_VERSION = 1
_REBUILD = "Run `emoclip-clinic pretrain prepare` again; what is whole is kept."


@dataclass(frozen=True)
class ClipFolder:
    """Paths within a folder of prepared clips."""

    root: Path

    @property
    def record(self) -> Path:
        """What the folder holds, and from what; it is there if and only if the rest is whole."""
        return self.root / "dataset.json"

    @property
    def index(self) -> Path:
        """One row per clip."""
        return self.root / "index.parquet"

    @property
    def skipped(self) -> Path:
        """Clips that were left out, with reasons."""
        return self.root / "skipped.tsv"

    @property
    def shards(self) -> Path:
        """Pictures."""
        return self.root / "shards"

    @property
    def work(self) -> Path:
        """Clips that are cut and not in a shard yet."""
        return self.root / "work"

    @property
    def lock(self) -> Path:
        """Held by the process that prepares."""
        return self.root / ".prepare.lock"

    def shard(self, number: int) -> Path:
        """Pictures of one shard."""
        return self.shards / f"shard-{number:05d}.npy"

    def shard_attributes(self, number: int) -> Path:
        """Attributes of the frames of one shard, if it has any."""
        return self.shards / f"shard-{number:05d}-attributes.npy"

    def shard_record(self, number: int) -> Path:
        """Record of one shard."""
        return self.shards / f"shard-{number:05d}.json"

    def shard_numbers(self) -> list[int]:
        """Numbers of the shards that have a record."""
        return sorted(int(path.stem.removeprefix("shard-")) for path in self.shards.glob("shard-?????.json"))


@dataclass(frozen=True)
class StoredClip:
    """Where a clip is in a shard.

    Attributes
    ----------
    key : str
        What the clip was made from and how; see `emoclip_clinic.pretraining.data.preparation`.
    first : int
        Its first frame in the shard.
    n_frames : int
        Its frames.
    sha256 : str
        Of its pixels.
    facts : mapping
        What is to be known about how it was made.
    """

    key: str
    first: int
    n_frames: int
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardRecord:
    """What a shard holds.

    Attributes
    ----------
    number : int
        Number of the shard.
    n_frames, size_px : int
        Shape of the file: (n_frames, size_px, size_px, 3).
    sha256 : str
        Of the file.
    attributes_sha256 : str or None
        Of the file of attributes; None if there is none.
    clips : tuple of StoredClip
        In the order of the file.
    """

    number: int
    n_frames: int
    size_px: int
    sha256: str
    attributes_sha256: str | None
    clips: tuple[StoredClip, ...]

    @classmethod
    def read(cls, path: Path) -> "ShardRecord":
        """Read the record of a shard.

        Raises
        ------
        FormatError
            If it is damaged or of another version.
        """
        value = read_json(path)
        if value.pop("format_version", None) != CLIPS_FORMAT_VERSION:
            raise FormatError(
                "The shard must be of a version that this release reads", where=path, hint=_REBUILD
            )
        try:
            clips = tuple(StoredClip(**clip) for clip in value.pop("clips"))
            return cls(**value, clips=clips)
        except (TypeError, KeyError) as error:
            raise FormatError(
                "The record of a shard must be whole", found=str(error), where=path, hint=_REBUILD
            ) from error


def write_shard(
    folder: ClipFolder,
    number: int,
    clips: Iterable[tuple[str, Callable[[], NDArray[np.uint8]], int, Mapping[str, Any]]],
    *,
    size_px: int,
    attributes: NDArray[np.float32] | None = None,
) -> ShardRecord:
    """Write a shard, its record last.

    Parameters
    ----------
    folder : ClipFolder
        Where.
    number : int
        Number of the shard; what has it is replaced.
    clips : iterable of (key, read, n_frames, facts)
        `read` gives the pixels, uint8 of shape (n_frames, S, S, 3), one clip at a time.
    size_px : int
        S.
    attributes : ndarray of shape (frames, A), float32, optional
        Attributes of all frames of the shard, in order.

    Returns
    -------
    ShardRecord
        What was written.

    Raises
    ------
    StudyError
        If the operating system refuses, for example because the disk is full.
    """
    waiting = list(clips)
    n_frames = sum(n for _, _, n, _ in waiting)
    stored: list[StoredClip] = []
    whole = hashlib.sha256()
    with atomic_path(folder.shard(number)) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "|u1", "fortran_order": False, "shape": (n_frames, size_px, size_px, 3)}
        )
        stream.flush()
        whole.update(temporary.read_bytes())
        first = 0
        for key, read, n, facts in waiting:
            pixels = np.ascontiguousarray(read())
            if pixels.shape != (n, size_px, size_px, 3) or pixels.dtype != np.uint8:
                raise FormatError(
                    f"A clip must have the shape {(n, size_px, size_px, 3)}", found=pixels.shape, where=key
                )
            stream.write(pixels.data)
            whole.update(pixels.data)
            stored.append(StoredClip(key, first, n, hashlib.sha256(pixels.data).hexdigest(), facts))
            first += n
    attributes_sha256 = None
    if attributes is not None:
        with atomic_path(folder.shard_attributes(number)) as temporary, temporary.open("wb") as stream:
            np.save(stream, attributes.astype(np.float32, copy=False), allow_pickle=False)
            stream.flush()
            attributes_sha256 = hashlib.sha256(temporary.read_bytes()).hexdigest()
    record = ShardRecord(number, n_frames, size_px, whole.hexdigest(), attributes_sha256, tuple(stored))
    write_json(folder.shard_record(number), {"format_version": CLIPS_FORMAT_VERSION, **asdict(record)})
    return record


def open_array(path: Path, *, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map a file of a shard into memory.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        What its record says.

    Returns
    -------
    ndarray
        Read only; pages are read from the disk when they are used.

    Raises
    ------
    FormatError
        If the file is absent, cut off, or has another shape.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FormatError(
            "The shard must be a whole NumPy file", found=str(error), where=path, hint=_REBUILD
        ) from error
    if array.shape != shape:
        raise FormatError(
            f"The shard must have the shape {shape}", found=array.shape, where=path, hint=_REBUILD
        )
    return array


def digest(parts: Mapping[str, object]) -> str:
    """Hash what a result depends on.

    Parameters
    ----------
    parts : mapping
        What JSON can hold.

    Returns
    -------
    str
        64 hexadecimal digits; the order of the parts does not matter.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
