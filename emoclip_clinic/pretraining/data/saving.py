"""Write the clips of any store, such as rendered ones, into shards."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data.index import write_data_set
from emoclip_clinic.pretraining.data.manifest import ManifestClip
from emoclip_clinic.pretraining.data.shard_files import ClipFolder, StoredClip, digest, write_shard
from emoclip_clinic.pretraining.data.shard_store import ShardStore, open_shards
from emoclip_clinic.pretraining.data.stores import ClipStore

__all__ = ["save_store"]

_SHARD_BYTES = 512 * 2**20


def save_store(store: ClipStore, folder: Path | str) -> ShardStore:
    """Write all clips of a store into a new folder of shards, with their attributes.

    Parameters
    ----------
    store : ClipStore
        For example rendered clips, so that they need to be drawn once.
    folder : Path or str
        A folder that is absent or empty.

    Returns
    -------
    ShardStore
        The same clips, memory-mapped.

    Raises
    ------
    PretrainingError
        If the folder is in use, or there is no clip.
    StudyError
        If the disk is full or the folder not writable.
    """
    place = ClipFolder(Path(folder))
    if place.root.exists() and (not place.root.is_dir() or any(place.root.iterdir())):
        raise PretrainingError("Clips are saved into an empty folder", found="one in use", where=place.root)
    if not store.samples:
        raise PretrainingError("There must be at least one clip to save", found="none")
    clips: list[tuple[ManifestClip, int, StoredClip]] = []
    for number, indices in enumerate(_groups(store)):
        values = [store.attributes(index, np.arange(store.samples[index].n_frames)) for index in indices]
        record = write_shard(
            place,
            number,
            (_described(store, index) for index in indices),
            size_px=store.size_px,
            attributes=np.concatenate([one for one in values if one is not None])
            if store.attribute_names
            else None,
        )
        clips += [
            (_as_listed(store, index), number, one) for index, one in zip(indices, record.clips, strict=True)
        ]
    write_data_set(
        place,
        clips,
        [],
        size_px=store.size_px,
        settings={},
        manifest=None,
        report={},
        attribute_names=store.attribute_names,
        attribute_mirror=store.attribute_mirror,
    )
    return open_shards(place.root)


def _groups(store: ClipStore) -> list[list[int]]:
    """Numbers of the clips of each shard."""
    groups: list[list[int]] = [[]]
    n_bytes = 0
    for index, sample in enumerate(store.samples):
        if n_bytes >= _SHARD_BYTES:
            groups.append([])
            n_bytes = 0
        groups[-1].append(index)
        n_bytes += sample.n_frames * store.size_px**2 * 3
    return groups


def _described(
    store: ClipStore, index: int
) -> tuple[str, Callable[[], NDArray[np.uint8]], int, dict[str, object]]:
    sample = store.samples[index]
    read = partial(store.frames, index, np.arange(sample.n_frames))
    return digest({"store": sample.id}), read, sample.n_frames, {}


def _as_listed(store: ClipStore, index: int) -> ManifestClip:
    sample = store.samples[index]
    return ManifestClip(
        id=sample.id,
        path=Path(sample.id),
        captions=sample.captions,
        labels=sample.labels,
        source=sample.source,
        split=sample.split,
        start_s=None,
        end_s=None,
        names_side=sample.names_side,
        cropped=True,
        rows=(),
    )
