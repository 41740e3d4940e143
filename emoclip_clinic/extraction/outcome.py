"""What is said about a result: facts kept with the frame table, and the sidecar."""

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from emoclip_clinic.extraction.embed import Embedded
from emoclip_clinic.extraction.planning import Plan
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import Candidate, SubjectDecision
from emoclip_clinic.study.formats import TableKind
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.sidecar import (
    DecodeRecord,
    RecordingRecord,
    SegmentsRecord,
    Sidecar,
    SubjectRecord,
    TableRecord,
    TimedStage,
    WeightsRecord,
)
from emoclip_clinic.study.tables import iter_table
from emoclip_clinic.study.versions import software_versions

__all__ = ["FrameFacts", "compose_sidecar", "decode_record"]


_STAGES_OF: dict[TableKind, tuple[TimedStage, ...]] = {
    "tracks": ("decode", "detect"),
    "frames": ("decode", "crop", "encode"),
    "segments": ("segment",),
}
_WORTH_A_LOOK = 0.1  # a track shorter than this share of the subject's is not worth a flag


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
    reused: Sequence[TableKind],
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
    reused : sequence of kind
        Tables that were taken over from an earlier run.
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
        warnings=_warnings(plan, decision, facts, segments),
        flags=_flags(decision),
        versions=software_versions(),
        seconds=_seconds(plan, reused, watch),
        reused=tuple(reused),
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


def _seconds(plan: Plan, reused: Sequence[TableKind], watch: Stopwatch) -> dict[TimedStage, float]:
    """Seconds of this run, and for what was taken over those of the run that made it."""
    now = {stage: round(seconds, 3) for stage, seconds in watch.seconds().items()}
    kept: dict[TimedStage, float] = {}
    if plan.earlier is not None:
        made_by = {stage for kind in reused for stage in _STAGES_OF[kind]}
        kept = {stage: value for stage, value in plan.earlier.seconds.items() if stage in made_by}
    return {**kept, **now}


def _elsewhere(decision: SubjectDecision) -> list[Candidate]:
    """Tracks that are never there at the same time as the subject's, and are not short."""
    chosen = [c for c in decision.candidates if c.track in decision.tracks]
    if not chosen:
        return []
    shortest_s = _WORTH_A_LOOK * sum(c.seconds for c in chosen)
    return [
        other
        for other in decision.candidates
        if other.track not in decision.tracks
        and other.seconds >= shortest_s
        and all(other.t_start_s > c.t_end_s or other.t_end_s < c.t_start_s for c in chosen)
    ]


def _flags(decision: SubjectDecision) -> tuple[str, ...]:
    """What a person should look at.

    A track that is never there together with the subject's may be the same person after an absence or a
    cut. Where nothing but such tracks stands against the choice, it is not a second person who makes it
    doubtful.
    """
    elsewhere = {candidate.track for candidate in _elsewhere(decision)}
    flags = []
    if decision.second_person and decision.runner_up not in elsewhere:
        flags.append("second-person")
    if elsewhere:
        flags.append("subject-in-several-tracks")
    return tuple(flags)


def _warnings(
    plan: Plan, decision: SubjectDecision, facts: FrameFacts, segments: SegmentsRecord
) -> tuple[str, ...]:
    decode, settings = facts.decode, plan.settings
    told = list(decode.damage)
    elsewhere = _elsewhere(decision)
    if elsewhere:
        seconds = sum(candidate.seconds for candidate in elsewhere)
        names = ", ".join(str(candidate.track) for candidate in elsewhere)
        told.append(
            f"tracks {names} show a face for {seconds:.0f} s while the subject's track is absent; if it is"
            " the same person, list all of the person's tracks in tracks.tsv"
        )
    assert settings.segment_frames is not None
    if facts.n_ok and decode.n_grid < settings.segment_frames:
        told.append(
            f"{decode.n_grid} sampled frames are fewer than the {settings.segment_frames} of a segment"
        )
    elif facts.n_ok and not segments.n_ok:
        told.append("no segment shows the face often enough")
    rescanned = plan.earlier is not None and plan.earlier.keys.get("scan") != plan.scan_key
    if plan.choice is not None and plan.choice.scan_key is None and rescanned:
        told.append("tracks may have new numbers since tracks.tsv was written; it has no scan_key to tell")
    return tuple(told)
