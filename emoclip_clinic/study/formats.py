"""What the tables of a result hold: every column with its type, unit and meaning, as data.

Documentation, writers, readers and tests all use these lists. The version counts changes of the files that
an older reader could misunderstand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from emoclip_clinic.errors import FormatError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "FORMAT_VERSION",
    "IDENTITY_COLUMNS",
    "REBUILD_COMMAND",
    "RELEASED_VERSIONS",
    "Column",
    "FrameDtype",
    "TableKind",
    "check_format_version",
    "embedding_columns",
    "embedding_names",
    "schema_for_frames",
    "schema_for_segments",
    "schema_for_tracks",
    "table_metadata",
]

FORMAT_VERSION = 1
"""Version of everything that this release writes."""

RELEASED_VERSIONS = (1,)
"""Versions that this release reads."""

REBUILD_COMMAND = "emoclip-clinic extract --force"

TableKind = Literal["frames", "segments", "tracks"]
FrameDtype = Literal["float32", "float16"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
        Name in the file.
    type : str
        Arrow type: ``int32``, ``float32``, ``float64`` or ``string``.
    unit : str
        Unit; empty for names and counts.
    meaning : str
        One sentence.
    nullable : bool
        Whether values may be missing.
    """

    name: str
    type: Literal["int32", "float32", "float64", "string"]
    unit: str
    meaning: str
    nullable: bool = False


IDENTITY_COLUMNS: tuple[Column, ...] = (
    Column("participant_id", "string", "", "The person rated, sub-<label>."),
    Column("session_id", "string", "", "The visit, ses-<label>.", nullable=True),
    Column("task", "string", "", "Label of the task.", nullable=True),
    Column("run", "string", "", "Label of the repetition.", nullable=True),
)
"""The first columns of every table: whose recording it is."""

_BOX = "edge of the face box in the upright image, from its top left corner."

_AROUND = "of the picture outside the face box, 0 to 255."

_BOX_SOURCE = "detected, interpolated between detections, or bridged where the detector saw no face."

COLUMNS: dict[TableKind, tuple[Column, ...]] = {
    "frames": (
        Column("frame", "int32", "", "Index of the grid point, from 0."),
        Column("t_grid_s", "float64", "s", "Time of the grid point."),
        Column("t_s", "float64", "s", "Container timestamp of the frame taken for it.", nullable=True),
        Column("status", "string", "", "ok, no-face, or missing (no frame could be decoded)."),
        Column("reason", "string", "", "Why the status is not ok.", nullable=True),
        Column("track", "int32", "", "Face track of the subject at this point.", nullable=True),
        Column("box_x1", "float32", "px", f"Left {_BOX}", nullable=True),
        Column("box_y1", "float32", "px", f"Upper {_BOX}", nullable=True),
        Column("box_x2", "float32", "px", f"Right {_BOX}", nullable=True),
        Column("box_y2", "float32", "px", f"Lower {_BOX}", nullable=True),
        Column("box_source", "string", "", _BOX_SOURCE, nullable=True),
        Column("score", "float32", "", "Detector score, 0 to 1.", nullable=True),
        Column("yaw_deg", "float32", "deg", "Head turn estimated from landmarks.", nullable=True),
        Column("pitch_deg", "float32", "deg", "Head nod estimated from landmarks.", nullable=True),
        Column("roll_deg", "float32", "deg", "Head tilt estimated from landmarks.", nullable=True),
        Column("face_px", "float32", "px", "Face size: shorter side of the box.", nullable=True),
        Column("sharpness", "float32", "", "Sharpness of the face image.", nullable=True),
        Column("brightness", "float32", "", "Mean brightness of the face image.", nullable=True),
        Column("truncation", "float32", "", "Share of the box outside the image, 0 to 1.", nullable=True),
        Column("around_red", "float32", "", f"Mean red {_AROUND}", nullable=True),
        Column("around_green", "float32", "", f"Mean green {_AROUND}", nullable=True),
        Column("around_blue", "float32", "", f"Mean blue {_AROUND}", nullable=True),
    ),
    "segments": (
        Column("segment", "int32", "", "Index of the segment, from 0."),
        Column("frame_start", "int32", "", "Grid index of its first sampled frame."),
        Column("t_start_s", "float64", "s", "Grid time of its first sampled frame."),
        Column("t_end_s", "float64", "s", "Grid time of its last sampled frame plus one sampling period."),
        Column("n_frames", "int32", "", "Sampled frames of the segment."),
        Column("n_ok", "int32", "", "Sampled frames that show the subject's face."),
        Column("n_held", "int32", "", "Sampled frames filled with the nearest valid embedding."),
        Column("coverage", "float32", "", "n_ok / n_frames."),
        Column("status", "string", "", "ok or rejected."),
        Column("reason", "string", "", "Why the segment is rejected.", nullable=True),
    ),
    "tracks": (
        Column("track", "int32", "", "Number of the face track."),
        Column("frame", "int32", "", "Index of the grid point."),
        Column("t_s", "float64", "s", "Container timestamp of the frame.", nullable=True),
        Column("box_x1", "float32", "px", f"Left {_BOX}"),
        Column("box_y1", "float32", "px", f"Upper {_BOX}"),
        Column("box_x2", "float32", "px", f"Right {_BOX}"),
        Column("box_y2", "float32", "px", f"Lower {_BOX}"),
        Column("score", "float32", "", "Detector score, 0 to 1; missing where interpolated.", nullable=True),
        Column("box_source", "string", "", _BOX_SOURCE),
        *(
            Column(
                f"lm{number}_{axis}", "float32", "px", f"{place} as seen in the image, {axis}.", nullable=True
            )
            for number, place in enumerate(
                ("Left eye", "Right eye", "Nose", "Left mouth corner", "Right mouth corner")
            )
            for axis in ("x", "y")
        ),
        Column("shot", "int32", "", "Number of the shot between two cuts."),
    ),
}
"""Columns of each table after the identity columns and before the embedding."""


def embedding_names(dim: int) -> list[str]:
    """Name the columns of an embedding.

    Parameters
    ----------
    dim : int
        Number of dimensions.

    Returns
    -------
    list of str
        ``e000`` onwards; wider numbers beyond 1000 dimensions, so that names sort.
    """
    width = max(3, len(str(dim - 1)))
    return [f"e{index:0{width}d}" for index in range(dim)]


def embedding_columns(names: Iterable[str]) -> list[str]:
    """Return the names that are columns of an embedding, in their order.

    Parameters
    ----------
    names : iterable of str
        For example ``frame.columns``.

    Returns
    -------
    list of str
        Those of the form ``e`` and digits.
    """
    return [name for name in names if name[:1] == "e" and name[1:].isdecimal()]


def schema_for_frames(dim: int, *, dtype: FrameDtype = "float32") -> "pa.Schema":
    """Return the Arrow schema of a frame table.

    Parameters
    ----------
    dim : int
        Dimensions of a frame embedding.
    dtype : {"float32", "float16"}
        Type in which they are stored.

    Returns
    -------
    pyarrow.Schema
        With the metadata that names table and version.
    """
    return _schema("frames", dim, dtype)


def schema_for_segments(dim: int) -> "pa.Schema":
    """Return the Arrow schema of a segment table.

    Parameters
    ----------
    dim : int
        Dimensions of a segment embedding.

    Returns
    -------
    pyarrow.Schema
        With the metadata that names table and version.
    """
    return _schema("segments", dim, "float32")


def schema_for_tracks() -> "pa.Schema":
    """Return the Arrow schema of a table of face tracks.

    Returns
    -------
    pyarrow.Schema
        With the metadata that names table and version.
    """
    return _schema("tracks", 0, "float32")


def table_metadata(kind: TableKind) -> dict[str, str]:
    """Return the schema metadata by which a reader knows a table of ours.

    Parameters
    ----------
    kind : {"frames", "segments", "tracks"}
        The table.

    Returns
    -------
    dict of str to str
        ``table`` and ``format_version``.
    """
    return {"table": kind, "format_version": str(FORMAT_VERSION)}


def check_format_version(version: object, *, where: Path) -> int:
    """Check that a version can be read, and return it.

    Parameters
    ----------
    version : object
        What the file says.
    where : Path
        The file.

    Returns
    -------
    int
        One of :data:`RELEASED_VERSIONS`.

    Raises
    ------
    FormatError
        If it is another, or none.
    """
    number = int(version) if isinstance(version, str) and version.isdecimal() else version
    if isinstance(number, int) and not isinstance(number, bool) and number in RELEASED_VERSIONS:
        return number
    newer = isinstance(number, int) and number > FORMAT_VERSION
    raise FormatError(
        f"This release reads format_version {', '.join(map(str, RELEASED_VERSIONS))}",
        found="none" if version is None else repr(version),
        where=where,
        hint=("A newer release wrote it: update emoclip-clinic, or rebuild" if newer else "Rebuild")
        + f" the result with `{REBUILD_COMMAND}`.",
    )


def _schema(kind: TableKind, dim: int, dtype: FrameDtype) -> "pa.Schema":
    import pyarrow as pa

    if dtype not in get_args(FrameDtype):
        raise FormatError(f"Embeddings are stored as {' or '.join(get_args(FrameDtype))}", found=dtype)
    types = {"int32": pa.int32(), "float32": pa.float32(), "float64": pa.float64(), "string": pa.string()}
    fields = [
        pa.field(column.name, types[column.type], nullable=column.nullable)
        for column in (*IDENTITY_COLUMNS, *COLUMNS[kind])
    ]
    stored = pa.float16() if dtype == "float16" else pa.float32()
    fields += [pa.field(name, stored) for name in embedding_names(dim)]
    return pa.schema(fields, metadata=table_metadata(kind))
