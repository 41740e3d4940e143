"""Read prepared clips: memory-mapped shards under their index."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, PretrainingError, did_you_mean
from emoclip_clinic.pretraining.data.shard_files import CLIPS_FORMAT_VERSION, ClipFolder, open_array
from emoclip_clinic.pretraining.data.stores import AttributeMirror, Sample
from emoclip_clinic.study.files import read_json, sha256_file

__all__ = ["ShardStore", "open_shards", "verify_shards"]

_REBUILD = "Run `emoclip-clinic pretrain prepare` again; what is whole is kept."


class ShardStore:
    """Prepared clips on disk; a `ClipStore`. Made by `open_shards`.

    Nothing is read before it is asked for, and the operating system keeps in memory what there is room for.

    Attributes
    ----------
    samples : tuple of Sample
        What is known of each clip.
    record : dict
        What ``dataset.json`` says.
    """

    def __init__(
        self,
        folder: ClipFolder,
        record: dict[str, Any],
        samples: Sequence[Sample],
        places: Sequence[tuple[int, int]],
    ) -> None:
        self.samples = tuple(samples)
        self.record = record
        self.size_px = int(record["size_px"])
        self.attribute_names: tuple[str, ...] = tuple(record["attribute_names"])
        mirror = record["attribute_mirror"]
        self.attribute_mirror = (
            None if mirror is None else AttributeMirror(tuple(mirror["order"]), tuple(mirror["signs"]))
        )
        self._folder = folder
        self._places = tuple(places)
        self._lengths = {int(one["number"]): int(one["n_frames"]) for one in record["shards"]}
        self._pixels = lru_cache(maxsize=None)(self._open_pixels)
        self._values = lru_cache(maxsize=None)(self._open_values)

    def frames(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Read frames of a clip; see `ClipStore`."""
        shard, first = self._places[index]
        return self._pixels(shard)[first + positions]

    def attributes(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Read the attributes of frames; see `ClipStore`."""
        if not self.attribute_names:
            return None
        shard, first = self._places[index]
        return self._values(shard)[first + positions]

    def in_splits(self, splits: Sequence[str]) -> list[int]:
        """Return the numbers of the clips of some parts.

        Parameters
        ----------
        splits : sequence of str
            Names of parts, as the manifest writes them.

        Returns
        -------
        list of int
            For the parameter ``indices`` of `ClipDataset`.

        Raises
        ------
        PretrainingError
            If there is no such part.
        """
        known = {sample.split for sample in self.samples if sample.split is not None}
        for split in splits:
            if split not in known:
                raise PretrainingError(
                    "A part must be one that the manifest names",
                    found=split,
                    where=self._folder.root,
                    hint=did_you_mean(split, known) or "The manifest has no column 'split'.",
                )
        return [index for index, sample in enumerate(self.samples) if sample.split in splits]

    def _open_pixels(self, shard: int) -> NDArray[np.uint8]:
        shape = (self._lengths[shard], self.size_px, self.size_px, 3)
        return open_array(self._folder.shard(shard), shape=shape)

    def _open_values(self, shard: int) -> NDArray[np.float32]:
        shape = (self._lengths[shard], len(self.attribute_names))
        return open_array(self._folder.shard_attributes(shard), shape=shape)


def open_shards(folder: Path | str) -> ShardStore:
    """Open clips that `pretrain prepare` has made.

    Parameters
    ----------
    folder : Path or str
        The folder given to it as ``--out``.

    Returns
    -------
    ShardStore
        The clips.

    Raises
    ------
    PretrainingError
        If the folder holds no prepared clips, or the preparation has not ended.
    FormatError
        If a file is damaged or of another version.
    """
    place = ClipFolder(Path(folder))
    record = _read_record(place)
    if not place.index.is_file() or sha256_file(place.index) != record["index_sha256"]:
        raise FormatError(
            "The index must be as it was written", found="another or none", where=place.index, hint=_REBUILD
        )
    import pyarrow.parquet as pq

    samples, places = [], []
    for row in pq.read_table(place.index).to_pylist():
        samples.append(
            Sample(
                id=row["id"],
                captions=tuple(row["captions"]),
                labels=tuple(row["labels"]),
                source=row["source"],
                split=row["split"],
                n_frames=row["n_frames"],
                names_side=row["names_side"],
            )
        )
        places.append((row["shard"], row["first"]))
    store = ShardStore(place, record, samples, places)
    for shard in sorted({shard for shard, _ in places}):  # a file that is absent is told now, not in an epoch
        store._pixels(shard)
        if store.attribute_names:
            store._values(shard)
    return store


def verify_shards(folder: Path | str) -> int:
    """Compare every file of prepared clips with its checksum.

    Parameters
    ----------
    folder : Path or str
        The folder.

    Returns
    -------
    int
        Files that were compared.

    Raises
    ------
    PretrainingError
        If the folder holds no prepared clips.
    FormatError
        If files have changed since they were written; lists them.
    """
    place = ClipFolder(Path(folder))
    record = _read_record(place)
    expected = {place.index: record["index_sha256"]}
    for shard in record["shards"]:
        expected[place.root / shard["file"]] = shard["sha256"]
        if shard["attributes_sha256"] is not None:
            expected[place.shard_attributes(shard["number"])] = shard["attributes_sha256"]
    changed = [
        str(path) for path, sha256 in expected.items() if not path.is_file() or sha256_file(path) != sha256
    ]
    if changed:
        raise FormatError(
            "Prepared clips must be as they were written",
            found=changed,
            where=place.root,
            hint="Remove these files and run `emoclip-clinic pretrain prepare` again.",
        )
    return len(expected)


def _read_record(place: ClipFolder) -> dict[str, Any]:
    if not place.record.is_file():
        begun = place.work.exists() or place.shards.exists()
        raise PretrainingError(
            "Training reads clips that have been prepared",
            found="a preparation that has not ended" if begun else "no dataset.json",
            where=place.root,
            hint="Run `emoclip-clinic pretrain prepare MANIFEST --out FOLDER`.",
        )
    record = read_json(place.record)
    if record.get("format_version") != CLIPS_FORMAT_VERSION:
        raise FormatError(
            f"Prepared clips must have format version {CLIPS_FORMAT_VERSION}",
            found=record.get("format_version"),
            where=place.record,
            hint="Prepare them again with this release.",
        )
    return record
