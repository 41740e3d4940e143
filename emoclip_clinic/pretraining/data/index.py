"""Write the index of prepared clips, the list of what was left out, and the record that makes both valid."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoclip_clinic.pretraining.data.manifest import ManifestClip
from emoclip_clinic.pretraining.data.shard_files import (
    CLIPS_FORMAT_VERSION,
    ClipFolder,
    ShardRecord,
    StoredClip,
)
from emoclip_clinic.pretraining.data.stores import AttributeMirror
from emoclip_clinic.study.files import sha256_file, write_json, write_table, write_tsv
from emoclip_clinic.study.versions import software_versions

__all__ = ["SkippedClip", "write_data_set"]


@dataclass(frozen=True)
class SkippedClip:
    """A clip, or a row of the manifest, that is not in the data set.

    Attributes
    ----------
    id : str
        Name of the clip.
    rows : tuple of int
        Rows of the manifest.
    path : str
        The file.
    reason : str
        Why.
    """

    id: str
    rows: tuple[int, ...]
    path: str
    reason: str


def write_data_set(
    folder: ClipFolder,
    clips: Sequence[tuple[ManifestClip, int, StoredClip]],
    skipped: Sequence[SkippedClip],
    *,
    size_px: int,
    settings: Mapping[str, Any],
    manifest: Path | None,
    report: Mapping[str, Any],
    attribute_names: Sequence[str] = (),
    attribute_mirror: AttributeMirror | None = None,
) -> None:
    """Make a folder of shards a data set.

    The record of an earlier data set is removed first and the new one is written last.

    Parameters
    ----------
    folder : ClipFolder
        With its shards.
    clips : sequence of (ManifestClip, int, StoredClip)
        Clips, each with the number of its shard and its place there.
    skipped : sequence of SkippedClip
        What was left out.
    size_px : int
        Side of a picture in pixels.
    settings : mapping
        How the clips were made.
    manifest : Path or None
        What they were made from.
    report : mapping
        What is to be known about them.
    attribute_names : sequence of str
        Names of the attributes of a frame.
    attribute_mirror : AttributeMirror, optional
        What a mirror does to them.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    import pyarrow as pa

    folder.record.unlink(missing_ok=True)
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("path", pa.string()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("captions", pa.list_(pa.string())),
            ("labels", pa.list_(pa.string())),
            ("source", pa.string()),
            ("split", pa.string()),
            ("names_side", pa.bool_()),
            ("shard", pa.int32()),
            ("first", pa.int64()),
            ("n_frames", pa.int32()),
            ("n_held", pa.int32()),
            ("sha256", pa.string()),
        ]
    )
    rows = [
        {
            "id": clip.id,
            "path": str(clip.path),
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            "captions": list(clip.captions),
            "labels": list(clip.labels),
            "source": clip.source,
            "split": clip.split,
            "names_side": clip.names_side,
            "shard": number,
            "first": stored.first,
            "n_frames": stored.n_frames,
            "n_held": stored.facts.get("n_held", 0),
            "sha256": stored.sha256,
        }
        for clip, number, stored in clips
    ]
    version = {"table": "clips", "format_version": str(CLIPS_FORMAT_VERSION)}
    write_table(folder.index, pa.Table.from_pylist(rows, schema=schema), metadata=version)
    write_tsv(
        folder.skipped,
        [
            {"id": one.id, "rows": " ".join(map(str, one.rows)), "path": one.path, "reason": one.reason}
            for one in skipped
        ],
        columns=("id", "rows", "path", "reason"),
    )
    used = sorted({number for _, number, _ in clips})
    records = [ShardRecord.read(folder.shard_record(number)) for number in used]
    write_json(
        folder.record,
        {
            "format_version": CLIPS_FORMAT_VERSION,
            "n_clips": len(rows),
            "n_frames": sum(stored.n_frames for _, _, stored in clips),
            "n_skipped": len(skipped),
            "size_px": size_px,
            "settings": dict(settings),
            "manifest": None
            if manifest is None
            else {"path": str(manifest), "sha256": sha256_file(manifest)},
            "index_sha256": sha256_file(folder.index),
            "shards": [
                {
                    "file": folder.shard(one.number).relative_to(folder.root).as_posix(),
                    "number": one.number,
                    "n_frames": one.n_frames,
                    "sha256": one.sha256,
                    "attributes_sha256": one.attributes_sha256,
                }
                for one in records
            ],
            "attribute_names": list(attribute_names),
            "attribute_mirror": None
            if attribute_mirror is None
            else {"order": list(attribute_mirror.order), "signs": list(attribute_mirror.signs)},
            "report": dict(report),
            "versions": software_versions(),
            "made_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    )
