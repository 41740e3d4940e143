"""What is said about a result: facts kept with the frame table, and the sidecar."""

import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from emoclip_clinic.extraction.embed import Embedded
from emoclip_clinic.extraction.planning import Plan
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import SubjectDecision
from emoclip_clinic.study.formats import TableKind
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.sidecar import (
    DecodeRecord,
    RecordingRecord,
    SegmentsRecord,
    Sidecar,
    SubjectRecord,
    TableRecord,
    WeightsRecord,
)
from emoclip_clinic.study.tables import iter_table
from emoclip_clinic.study.versions import software_versions

__all__ = ["FrameFacts", "compose_sidecar", "decode_record"]


@dataclass(frozen=True)
class FrameFacts:
    """What must be known about a frame table when it is used again.

    Attributes
    ----------
    key : str
        What it depends on.
    precision, device : str
        Arithmetic and device of the image tower.
    n_ok : int
        Sampled frames with a frame embedding.
    decode : DecodeRecord
        How much of the video was decoded.
    """

    key: str
    precision: str
    device: str
    n_ok: int
    decode: DecodeRecord

    def to_notes(self) -> dict[str, str]:
        """Return the facts as notes of the table."""
        return {
            "key": self.key,
            "precision": self.precision,
            "device": self.device,
            "n_ok": str(self.n_ok),
            "decode": self.decode.model_dump_json(),
        }

    @classmethod
    def of_notes(cls, notes: Mapping[str, str]) -> Self | None:
        """Read the facts back; None if there are none."""
        if "key" not in notes:
            return None
        return cls(
            key=notes["key"],
            precision=notes["precision"],
            device=notes["device"],
            n_ok=int(notes["n_ok"]),
            decode=DecodeRecord.model_validate_json(notes["decode"]),
        )


def decode_record(embedded: Embedded, settings: ExtractSettings) -> DecodeRecord:
    """Say what was decoded, beside what the header promises."""
    assert settings.sample_fps is not None
    info, decode = embedded.info, embedded.decode
    return DecodeRecord(
        container=info.container,
        codec=info.codec,
        pix_fmt=info.pix_fmt,
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        avg_fps=info.avg_fps,
        has_audio=info.has_audio,
        sample_fps=settings.sample_fps,
        header_s=decode.header_s,
        decoded_s=decode.decoded_s,
        n_frames_decoded=decode.n_frames_decoded,
        n_grid=decode.n_grid,
        n_missing=decode.n_missing,
        damage=tuple(decode.damage),
        short=decode.short,
    )


def compose_sidecar(
    plan: Plan,
    *,
    decision: SubjectDecision,
    facts: FrameFacts,
    keys: dict[str, str],
    weights: WeightsRecord,
    tables: Mapping[TableKind, Path],
    watch: Stopwatch,
) -> Sidecar:
    """Put together everything about a result but its numbers, from tables that are written.

    Parameters
    ----------
    plan : Plan
        The recording and its settings.
    decision : SubjectDecision
        Whose face was followed.
    facts : FrameFacts
        About the frame table.
    keys : dict of str to str
        Key of each stage.
    weights : WeightsRecord
        The weights.
    tables : mapping of kind to Path
        The tables.
    watch : Stopwatch
        Seconds of this run.

    Returns
    -------
    Sidecar
        The record.
    """
    records = {kind: _describe(path, kind) for kind, path in tables.items()}
    segments = _segments_record(tables["segments"], facts)
    return Sidecar(
        status="ok" if facts.n_ok else "no-face",
        recording=RecordingRecord.of(plan.recording),
        input=plan.input,
        settings=plan.settings.model_dump(mode="json"),
        weights=weights,
        keys=keys,
        tables=records,
        decode=facts.decode,
        subject=_subject_record(decision),
        segments=segments,
        warnings=_warnings(facts, segments, plan.settings),
        flags=("second-person",) if decision.second_person else (),
        versions=software_versions(),
        seconds={stage: round(seconds, 3) for stage, seconds in watch.seconds().items()},
        hardware={
            "device": facts.device,
            "precision": facts.precision,
            "machine": platform.machine(),
            "system": platform.system(),
            "cpu_count": os.cpu_count(),
        },
    )


def _describe(path: Path, kind: TableKind) -> TableRecord:
    n_rows = sum(batch.num_rows for batch in iter_table(path, kind, embeddings=False))
    return TableRecord.of(path, n_rows=n_rows)


def _segments_record(path: Path, facts: FrameFacts) -> SegmentsRecord:
    reasons: Counter[str] = Counter()
    n_ok = 0
    for batch in iter_table(path, "segments", embeddings=False):
        named = [reason for reason in batch.column("reason").to_pylist() if reason is not None]
        reasons.update(named)
        n_ok += batch.num_rows - len(named)
    n_grid = facts.decode.n_grid
    return SegmentsRecord(
        n_ok=n_ok,
        n_rejected=reasons.total(),
        rejected_because=dict(sorted(reasons.items())),
        coverage=facts.n_ok / n_grid if n_grid else 0.0,
    )


def _subject_record(decision: SubjectDecision) -> SubjectRecord:
    return SubjectRecord(
        tracks=decision.tracks,
        rule=decision.rule,
        manual=decision.manual,
        score=decision.score,
        runner_up=decision.runner_up,
        runner_up_score=decision.runner_up_score,
        margin=decision.margin,
        second_person=decision.second_person,
        candidates=tuple(asdict(candidate) for candidate in decision.candidates),
    )


def _warnings(facts: FrameFacts, segments: SegmentsRecord, settings: ExtractSettings) -> tuple[str, ...]:
    decode = facts.decode
    told = list(decode.damage)
    if decode.short and decode.header_s is not None:
        told.append(
            f"decoded {decode.decoded_s:.1f} s of the {decode.header_s:.1f} s that the header promises"
        )
    if facts.n_ok and decode.n_grid < settings.segment_frames:
        told.append(
            f"{decode.n_grid} sampled frames are fewer than the {settings.segment_frames} of a segment"
        )
    elif facts.n_ok and not segments.n_ok:
        told.append("no segment shows the face often enough")
    return tuple(told)
