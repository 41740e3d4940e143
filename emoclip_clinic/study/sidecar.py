"""The JSON records beside a recording's tables: of a result (the sidecar), or of a failure.

The sidecar is written last: a result exists if and only if its sidecar does. It says what went in, how it was
computed, what came out, and everything that a person should know before using it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from emoclip_clinic.errors import EmoClipClinicError, FormatError
from emoclip_clinic.study.files import read_json, sha256_file, write_json
from emoclip_clinic.study.formats import FORMAT_VERSION, REBUILD_COMMAND, TableKind, check_format_version
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording

__all__ = [
    "TIMED_STAGES",
    "DecodeRecord",
    "FailedRecord",
    "InputRecord",
    "RecordingRecord",
    "SegmentsRecord",
    "Sidecar",
    "SubjectRecord",
    "TableRecord",
    "TimedStage",
    "WeightsRecord",
    "read_failed",
    "read_sidecar",
    "write_failed",
    "write_sidecar",
]

TimedStage = Literal["hash", "decode", "detect", "crop", "encode", "segment", "write", "total"]
TIMED_STAGES: tuple[TimedStage, ...] = (
    "hash", "decode", "detect", "crop", "encode", "segment", "write", "total",
)  # fmt: skip
"""Stages whose seconds are recorded. They may overlap in time, so that ``total`` is less than their sum."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InputRecord(_Record):
    """The video file as it was read."""

    path: Annotated[str, Field(description="Relative to the study where it lies inside, else absolute.")]
    size_bytes: Count | None = None
    mtime_ns: int | None = None
    sha256: Sha256 | None = None

    @classmethod
    def of(cls, path: Path, *, study: Study, sha256: str | None = None) -> Self:
        """Describe a file; size and time are missing if it cannot be asked.

        Parameters
        ----------
        path : Path
            The video.
        study : Study
            The study.
        sha256 : str, optional
            Hash of its content.

        Returns
        -------
        InputRecord
            The description.
        """
        try:
            stat = path.stat()
        except OSError:
            return cls(path=study.shown(path), sha256=sha256)
        return cls(path=study.shown(path), size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=sha256)


class RecordingRecord(_Record):
    """Whose recording it is and which part of the video."""

    key: str
    participant_id: Annotated[str, Field(pattern="^sub-[0-9A-Za-z]+$")]
    session_id: Annotated[str, Field(pattern="^ses-[0-9A-Za-z]+$")] | None = None
    task: str | None = None
    run: str | None = None
    entities: tuple[tuple[str, str], ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    rotation_deg: int | None = None
    subject_rule: str | None = None
    source: Literal["table", "bids", "pattern"] = "bids"
    participant_original: str | None = None
    session_original: str | None = None

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Take over what a recording says of itself.

        Parameters
        ----------
        recording : Recording
            The recording.

        Returns
        -------
        RecordingRecord
            The record.
        """
        return cls(**{name: getattr(recording, name) for name in cls.model_fields})


class WeightsRecord(_Record):
    """The weights that made the embeddings."""

    name: str
    kind: Literal["published", "user", "random"]
    sha256: Sha256
    architecture: str


class TableRecord(_Record):
    """A table of the result."""

    file: Annotated[str, Field(description="Name of the file, in the sidecar's folder.")]
    sha256: Sha256
    size_bytes: Count
    n_rows: Count

    @classmethod
    def of(cls, path: Path, *, n_rows: int) -> Self:
        """Describe a table that has just been written.

        Parameters
        ----------
        path : Path
            The file.
        n_rows : int
            Its rows.

        Returns
        -------
        TableRecord
            The record.

        Raises
        ------
        StudyError
            If the file cannot be read.
        """
        return cls(file=path.name, sha256=sha256_file(path), size_bytes=path.stat().st_size, n_rows=n_rows)


class DecodeRecord(_Record):
    """What was decoded, beside what the container's header promises."""

    container: str | None = None
    codec: str | None = None
    pix_fmt: str | None = None
    width: Count | None = None
    height: Count | None = None
    rotation_deg: int = 0
    avg_fps: float | None = None
    has_audio: bool | None = None
    sample_fps: Annotated[float, Field(gt=0)]
    header_s: float | None = None
    decoded_s: Annotated[float, Field(ge=0)]
    n_frames_decoded: Count
    n_grid: Count
    n_missing: Count
    damage: tuple[str, ...] = ()
    short: Annotated[bool, Field(description="More than 2 % shorter than the header says.")] = False


class SubjectRecord(_Record):
    """Which face tracks are the participant's, and how close the decision was."""

    tracks: tuple[int, ...] = ()
    rule: str
    manual: bool = False
    score: float | None = None
    runner_up: int | None = None
    runner_up_score: float | None = None
    margin: float | None = None
    second_person: bool = False
    candidates: tuple[dict[str, JsonValue], ...] = ()


class SegmentsRecord(_Record):
    """What became of the segments."""

    n_ok: Count = 0
    n_rejected: Count = 0
    rejected_because: dict[str, Count] = Field(default_factory=dict)
    coverage: Annotated[Share, Field(description="Share of sampled frames that show the subject's face.")]


class Sidecar(_Record):
    """Everything about a result but its numbers."""

    format_version: int = FORMAT_VERSION
    status: Literal["ok", "no-face"]
    recording: RecordingRecord
    input: InputRecord
    settings: Annotated[dict[str, JsonValue], Field(description="All effective settings by name.")]
    weights: WeightsRecord
    keys: Annotated[dict[str, str], Field(description="Key of each stage: what its result depends on.")]
    tables: dict[TableKind, TableRecord]
    decode: DecodeRecord
    subject: SubjectRecord
    segments: SegmentsRecord
    warnings: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    versions: dict[str, str]
    seconds: Annotated[
        dict[TimedStage, float],
        Field(description="Stages whose table was taken over keep the seconds of the run that made it."),
    ]
    reused: Annotated[
        tuple[TableKind, ...], Field(description="Tables that the last run took over from one before.")
    ] = ()
    hardware: dict[str, JsonValue] = Field(default_factory=dict)
    created_utc: str = Field(default_factory=lambda: _now())

    @field_validator("tables")
    @classmethod
    def _local(cls, tables: dict[TableKind, TableRecord]) -> dict[TableKind, TableRecord]:
        """A sidecar never points out of its folder."""
        for table in tables.values():
            if Path(table.file).name != table.file:
                raise ValueError(f"the name of a file, not {table.file!r}")
        return tables

    def table_path(self, path: Path, kind: TableKind) -> Path:
        """Return the path of one of its tables.

        Parameters
        ----------
        path : Path
            Path of this sidecar.
        kind : {"frames", "segments", "tracks"}
            Which table.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FormatError
            If the result has no such table.
        """
        if kind not in self.tables:
            raise FormatError(
                f"The result must have a table of {kind}",
                found=", ".join(self.tables) or "no table",
                where=path,
                hint=f"Rebuild it with `{REBUILD_COMMAND}`.",
            )
        return path.parent / self.tables[kind].file

    def damaged_tables(self, path: Path) -> frozenset[TableKind]:
        """Tell which tables are absent or have another content than the sidecar says.

        Parameters
        ----------
        path : Path
            Path of this sidecar.

        Returns
        -------
        frozenset of str
            Kinds of tables.
        """
        files = {kind: (path.parent / table.file, table.sha256) for kind, table in self.tables.items()}
        return frozenset(
            kind
            for kind, (file, sha256) in files.items()
            if not file.is_file() or sha256_file(file) != sha256
        )

    def table_problem(self, path: Path, *, deep: bool = False) -> str | None:
        """Tell what is wrong with the tables, compared with what the sidecar says.

        Parameters
        ----------
        path : Path
            Path of this sidecar.
        deep : bool
            Compare contents by their hash, not only sizes.

        Returns
        -------
        str or None
            A sentence, or None if all is well.
        """
        for kind, table in self.tables.items():
            file = path.parent / table.file
            if not file.is_file():
                return f"The table of {kind} is absent ({table.file})."
            if file.stat().st_size != table.size_bytes:
                return f"The table of {kind} has {file.stat().st_size} bytes instead of {table.size_bytes}."
            if deep and sha256_file(file) != table.sha256:
                return f"The table of {kind} was changed after it was written ({table.file})."
        return None


class FailedRecord(_Record):
    """Why a recording has no result."""

    format_version: int = FORMAT_VERSION
    status: Literal["failed"] = "failed"
    recording: RecordingRecord
    input: InputRecord
    settings: dict[str, JsonValue]
    weights: WeightsRecord | None = None
    stage: str | None = None
    error: Annotated[str, Field(description="Kind of error, such as VideoError.")]
    reason: Annotated[str, Field(description="The message.")]
    hint: str | None = None
    keys: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    seconds: dict[TimedStage, float] = Field(default_factory=dict)
    created_utc: str = Field(default_factory=lambda: _now())

    @staticmethod
    def said_by(error: BaseException) -> dict[str, str | None]:
        """Return ``error``, ``reason`` and ``hint`` as a record of a failure keeps them.

        Parameters
        ----------
        error : BaseException
            What was raised.

        Returns
        -------
        dict
            Keyword arguments of :class:`FailedRecord`.
        """
        name = type(error).__name__
        if isinstance(error, EmoClipClinicError):
            return {"error": name, "reason": error.statement, "hint": error.hint}
        return {"error": name, "reason": str(error) or name, "hint": None}


_R = TypeVar("_R", Sidecar, FailedRecord)


def read_sidecar(path: Path) -> Sidecar:
    """Read the sidecar of a result.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Sidecar
        The record.

    Raises
    ------
    FormatError
        If it is damaged or of a version that this release does not read. The message names the command that
        rebuilds the result.
    """
    return _read(path, Sidecar)


def read_failed(path: Path) -> FailedRecord:
    """Read the record of a failure.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    FailedRecord
        The record.

    Raises
    ------
    FormatError
        As :func:`read_sidecar`.
    """
    return _read(path, FailedRecord)


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write the sidecar of a result, after all of its tables.

    Parameters
    ----------
    path : Path
        ``study.sidecar_path(recording)``.
    sidecar : Sidecar
        The record.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    write_json(path, sidecar.model_dump(mode="json"))


def write_failed(path: Path, failed: FailedRecord) -> None:
    """Write the record of a failure.

    Parameters
    ----------
    path : Path
        ``study.failed_path(recording)``.
    failed : FailedRecord
        The record.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    write_json(path, failed.model_dump(mode="json"))


def _read(path: Path, model: type[_R]) -> _R:
    hint = f"Rebuild the result with `{REBUILD_COMMAND}`."
    try:
        content = read_json(path)
    except FormatError as error:
        raise FormatError(error.rule, found=error.found, where=path, hint=hint) from error
    check_format_version(content.get("format_version"), where=path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FormatError(
            "The record must be as emoclip-clinic writes it",
            found=f"{place}: {first['msg'].lower()}",
            where=path,
            hint=hint,
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
