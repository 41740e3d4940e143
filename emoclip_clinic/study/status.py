"""status.tsv: one row per recording, derived from the JSON records and never a source itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from emoclip_clinic.errors import FormatError
from emoclip_clinic.study.files import write_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.sidecar import (
    TIMED_STAGES,
    FailedRecord,
    Sidecar,
    TimedStage,
    read_failed,
    read_sidecar,
)

__all__ = ["STATUS_COLUMNS", "StatusRow", "build_status", "failed_row", "write_status"]


@dataclass(frozen=True)
class StatusRow:
    """What became of one recording; :data:`STATUS_COLUMNS` says what each value means."""

    participant_id: str | None
    session_id: str | None
    task: str | None
    run: str | None
    recording: str
    status: Literal["ok", "no-face", "failed"]
    reason: str | None = None
    hint: str | None = None
    path: str | None = None
    header_s: float | None = None
    decoded_s: float | None = None
    coverage: float | None = None
    segments_ok: int | None = None
    segments_rejected: int | None = None
    rejected_because: str | None = None
    subject_rule: str | None = None
    subject_margin: float | None = None
    weights: str | None = None
    flags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[TimedStage, float] = field(default_factory=dict)
    created_utc: str | None = None

    def cells(self) -> dict[str, object]:
        """Return the row as it stands in ``status.tsv``.

        Returns
        -------
        dict
            Column of :data:`STATUS_COLUMNS` to value; None where nothing is known.
        """
        values = asdict(self)
        seconds: Mapping[str, float] = values.pop("seconds")
        values |= {f"seconds_{stage}": _rounded(seconds.get(stage), 2) for stage in TIMED_STAGES}
        for name in ("header_s", "decoded_s", "coverage", "subject_margin"):
            values[name] = _rounded(values[name], 3)
        for name in ("flags", "warnings"):
            values[name] = "; ".join(values[name]) or None
        for name in ("reason", "hint"):
            if values[name] is not None:
                values[name] = " ".join(str(values[name]).split())  # one line per recording
        return {name: values[name] for name in STATUS_COLUMNS}


STATUS_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated.",
    "session_id": "The visit.",
    "task": "Label of the task.",
    "run": "Label of the repetition.",
    "recording": "Name of the recording in files.",
    "status": "ok; no-face (a result without any subject); failed (no result).",
    "reason": "Why it failed.",
    "hint": "What to do about a failure.",
    "path": "The video, relative to the study where it lies inside.",
    "header_s": "Seconds of video that the file's header promises.",
    "decoded_s": "Seconds of video that could be decoded.",
    "coverage": "Share of sampled frames that show the participant's face.",
    "segments_ok": "Segments with an embedding.",
    "segments_rejected": "Segments without.",
    "rejected_because": "Reasons of rejection with their number of segments.",
    "subject_rule": "Rule that chose the participant's face; manual for tracks.tsv.",
    "subject_margin": "1 - runner-up / winner; small where another person is nearly as plausible.",
    "weights": "Weights by name; random ones are marked.",
    "flags": "What a person should look at.",
    "warnings": "What went less well than it should.",
    **{f"seconds_{stage}": f"Seconds of computing: {stage}." for stage in TIMED_STAGES},
    "created_utc": "When the record was written.",
}
"""Columns of ``status.tsv`` and their meaning."""


def build_status(study: Study | Path | str) -> tuple[StatusRow, ...]:
    """Derive the status of all recordings from the JSON records.

    A recording with a result is shown by its result, also if a later run failed: the failure is then a
    warning. A record that cannot be read, or whose tables are absent or of another size, is shown as
    failed.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    tuple of StatusRow
        One row per recording, sorted by its name; none if nothing was extracted.

    Raises
    ------
    StudyError
        If the study is no folder.
    """
    place = Study.of(study)
    rows: dict[str, StatusRow] = {}
    failures: dict[str, StatusRow] = {}
    for path in place.failed_paths():
        key = path.name.removesuffix("_emoclip-failed.json")
        try:
            failures[key] = failed_row(key, read_failed(path))
        except FormatError as error:
            failures[key] = _unreadable(key, path, error)
    for path in place.sidecar_paths():
        key = path.name.removesuffix("_emoclip.json")
        later = failures.pop(key, None)
        try:
            rows[key] = _result(key, path, read_sidecar(path), later)
        except FormatError as error:
            rows[key] = _unreadable(key, path, error)
    return tuple(row for _, row in sorted((rows | failures).items()))


def write_status(study: Study | Path | str) -> tuple[StatusRow, ...]:
    """Write ``status.tsv`` anew.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    tuple of StatusRow
        Its rows.

    Raises
    ------
    StudyError
        If the study is no folder, or the operating system refuses.
    """
    place = Study.of(study)
    rows = build_status(place)
    write_tsv(place.status_tsv, [row.cells() for row in rows], columns=tuple(STATUS_COLUMNS))
    return rows


def _result(key: str, path: Path, sidecar: Sidecar, later: StatusRow | None) -> StatusRow:
    problem = sidecar.table_problem(path)
    warnings = list(sidecar.warnings)
    if later is not None:
        warnings.append(f"a later run failed: {later.reason}")
    subject, segments = sidecar.subject, sidecar.segments
    random = " (random: no meaning)" if sidecar.weights.kind == "random" else ""
    reasons = sorted(segments.rejected_because.items(), key=lambda pair: (-pair[1], pair[0]))
    return StatusRow(
        participant_id=sidecar.recording.participant_id,
        session_id=sidecar.recording.session_id,
        task=sidecar.recording.task,
        run=sidecar.recording.run,
        recording=key,
        status=sidecar.status if problem is None else "failed",
        reason=problem,
        path=sidecar.input.path,
        header_s=sidecar.decode.header_s,
        decoded_s=sidecar.decode.decoded_s,
        coverage=segments.coverage,
        segments_ok=segments.n_ok,
        segments_rejected=segments.n_rejected,
        rejected_because=", ".join(f"{reason} {number}" for reason, number in reasons) or None,
        subject_rule="manual" if subject.manual else subject.rule,
        subject_margin=subject.margin,
        weights=sidecar.weights.name + random,
        flags=sidecar.flags,
        warnings=tuple(warnings),
        seconds=sidecar.seconds,
        created_utc=sidecar.created_utc,
    )


def failed_row(key: str, record: FailedRecord) -> StatusRow:
    """Make the row of a failed recording."""
    return StatusRow(
        participant_id=record.recording.participant_id,
        session_id=record.recording.session_id,
        task=record.recording.task,
        run=record.recording.run,
        recording=key,
        status="failed",
        reason=record.reason,
        hint=record.hint,
        path=record.input.path,
        weights=None if record.weights is None else record.weights.name,
        seconds=record.seconds,
        created_utc=record.created_utc,
    )


def _unreadable(key: str, path: Path, error: FormatError) -> StatusRow:
    folders = path.parts[:-1]
    return StatusRow(
        participant_id=next((part for part in folders[::-1] if part.startswith("sub-")), None),
        session_id=next((part for part in folders[-2:] if part.startswith("ses-")), None),
        task=None,
        run=None,
        recording=key,
        status="failed",
        reason=error.statement,
        hint=error.hint,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
