"""Extract one recording: each stage is skipped when its table is there already and answers what is asked.

The result is the sidecar and the tables it names. The sidecar of an earlier result is removed before the
first of its tables is replaced, and the new one is written last, so that a sidecar never stands beside
tables of another run.
"""

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, StudyError, VideoError
from emoclip_clinic.extraction.allocator import return_large_blocks
from emoclip_clinic.extraction.embed import embed_subject
from emoclip_clinic.extraction.encoders import Encoders
from emoclip_clinic.extraction.keys import frames_key, segments_key
from emoclip_clinic.extraction.outcome import FrameFacts, compose_sidecar, decode_record
from emoclip_clinic.extraction.planning import Plan
from emoclip_clinic.extraction.scan import Scan, read_scan, scan_faces, write_scan
from emoclip_clinic.extraction.segments import Segment, cut_segments
from emoclip_clinic.extraction.sheet import sheet_crops
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import (
    SubjectDecision,
    Tracks,
    choose_subject,
    subject_track,
    write_contact_sheet,
)
from emoclip_clinic.study.formats import TableKind
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.sidecar import InputRecord, Sidecar, write_sidecar
from emoclip_clinic.study.tables import embedding_matrix, iter_table, open_table, read_notes

__all__ = ["StageName", "StageProgress", "extract_planned"]

StageName = Literal["faces", "encode", "segments"]
StageProgress = Callable[[StageName, float], None]
"""Told the name of a stage and the seconds of video that it has done."""

_SEGMENTS_AT_ONCE = 128
_KEY_OF: dict[TableKind, str] = {"tracks": "scan", "frames": "frames", "segments": "segments"}
_log = logging.getLogger(__name__)


def extract_planned(
    plan: Plan,
    *,
    study: Study,
    encoders: Encoders,
    force: bool,
    watch: Stopwatch,
    progress: StageProgress,
) -> Sidecar:
    """Do what a plan asks for, from the first stage whose inputs changed.

    Parameters
    ----------
    plan : Plan
        The recording and its settings.
    study : Study
        Where results go.
    encoders : Encoders
        The model.
    force : bool
        Compute everything again.
    watch : Stopwatch
        Counts the time of each stage.
    progress : callable
        Told each stage's progress.

    Returns
    -------
    Sidecar
        What was written.

    Raises
    ------
    VideoError
        If the video cannot be decoded.
    StudyError
        If a manual choice does not fit, or files cannot be written.
    """
    return_large_blocks()
    return _Extraction(plan, study, encoders, force=force, watch=watch, progress=progress).run()


class _Extraction:
    """One recording on its way through the stages."""

    def __init__(
        self,
        plan: Plan,
        study: Study,
        encoders: Encoders,
        *,
        force: bool,
        watch: Stopwatch,
        progress: StageProgress,
    ) -> None:
        self._plan = plan
        self._recording = plan.recording
        self._settings = plan.settings
        self._study = study
        self._encoders = encoders
        self._force = force
        self._progress = progress
        self._watch = watch
        self._paths: dict[TableKind, Path] = {
            "tracks": study.tracks_path(plan.recording),
            "frames": study.frames_path(plan.recording),
            "segments": study.segments_path(plan.recording),
        }
        self._sheet = study.thumbnails_path(plan.recording)
        self._reused: list[TableKind] = []

    def run(self) -> Sidecar:
        scan = self._scan()
        decision = self._choose(scan)
        subject = subject_track(scan.tracks, decision)
        try:
            facts = self._frames(scan, decision, subject, reuse=not self._force)
            key = self._segments(facts)
        except FormatError as error:  # the stored frame table is damaged within
            _log.warning("%s: %s Its frames are encoded again.", self._recording.key, error)
            facts = self._frames(scan, decision, subject, reuse=False)
            key = self._segments(facts)
        if self._settings.thumbnails and facts.n_ok and not self._sheet.is_file():
            size = self._encoders.entry.record.preprocessing.image_size_px
            crops = sheet_crops(
                self._recording,
                self._settings,
                subject=subject,
                crop_margin=self._crop_margin(scan),
                size=size,
            )
            write_contact_sheet(crops, self._sheet)
        sidecar = compose_sidecar(
            self._plan,
            decision=decision,
            facts=facts,
            keys={
                "scan": self._plan.scan_key,
                "frames": facts.key,
                "segments": key,
                "result": self._plan.result_key,
            },
            weights=self._encoders.record(),
            tables=self._paths,
            reused=self._reused,
            watch=self._watch,
        )
        self._check_still_ours(sidecar)
        write_sidecar(self._study.sidecar_path(self._recording), sidecar)
        self._study.failed_path(self._recording).unlink(missing_ok=True)
        return sidecar

    def _scan(self) -> Scan:
        path = self._paths["tracks"]
        if not self._force and self._stored_notes("tracks").get("key") == self._plan.scan_key:
            try:
                scan = read_scan(path)
            except FormatError as error:
                _log.warning("%s: %s Faces are detected again.", self._recording.key, error)
            else:
                self._reused.append("tracks")
                return scan
        scan = scan_faces(
            self._recording,
            self._settings,
            watch=self._watch,
            progress=lambda done_s: self._progress("faces", done_s),
        )
        self._check_unchanged()
        self._invalidate()
        with self._watch.running("write"):
            write_scan(scan, path, recording=self._recording, key=self._plan.scan_key)
        return scan

    def _choose(self, scan: Scan) -> SubjectDecision:
        choice = self._plan.choice
        if choice is not None:
            choice.check(self._plan.scan_key, scan.tracks.ids)
        return choose_subject(
            scan.tracks,
            rule=self._settings.subject_rule,
            image_size=scan.image_size,
            manual=None if choice is None else choice.tracks,
            min_margin=self._settings.min_margin,
        )

    def _frames(self, scan: Scan, decision: SubjectDecision, subject: Tracks, *, reuse: bool) -> FrameFacts:
        """Make the frame table, unless it is there."""
        stored = FrameFacts.of_notes(self._stored_notes("frames")) if reuse else None
        if (
            stored is not None
            and stored.key == self._frames_key(decision, stored.precision)
            # what an earlier run computed in serves for auto
            and self._settings.precision in ("auto", stored.precision)
        ):
            self._reused.append("frames")
            return stored
        encoder = self._encoders.encoder
        with open_table(
            self._paths["frames"],
            "frames",
            recording=self._recording,
            dim=encoder.frame_dim,
            dtype=self._settings.frame_dtype,
        ) as table:
            embedded = embed_subject(
                self._recording,
                self._settings,
                subject=subject,
                crop_margin=self._crop_margin(scan),
                encoder=encoder,
                table=table,
                watch=self._watch,
                progress=lambda done_s: self._progress("encode", done_s),
            )
            self._check_unchanged()
            facts = FrameFacts(
                key=self._frames_key(decision, encoder.precision),
                precision=encoder.precision,
                device=str(encoder.device),
                n_ok=embedded.n_ok,
                decode=decode_record(embedded, self._settings),
            )
            table.notes |= facts.to_notes()
            self._invalidate()
            self._sheet.unlink(missing_ok=True)
        self._reused = [kind for kind in self._reused if kind != "frames"]
        return facts

    def _segments(self, facts: FrameFacts) -> str:
        """Make the segment table, unless it is there; returns its key."""
        key = segments_key(facts.key, self._settings)
        checked = self._plan.earlier is not None and not self._force  # by the hash in the earlier sidecar
        if checked and self._stored_notes("segments").get("key") == key:
            self._reused.append("segments")
            return key
        encoder = self._encoders.encoder
        assert self._settings.sample_fps is not None
        assert self._settings.segment_frames is not None
        assert self._settings.stride_frames is not None
        grid = _FrameBlocks(self._paths["frames"])
        segments = cut_segments(
            iter(grid),
            n_frames=facts.decode.n_grid,
            segment_frames=self._settings.segment_frames,
            stride_frames=self._settings.stride_frames,
            min_coverage=self._settings.min_coverage,
        )
        with open_table(
            self._paths["segments"], "segments", recording=self._recording, dim=encoder.segment_dim
        ) as table:
            while part := tuple(islice(segments, _SEGMENTS_AT_ONCE)):
                embeddings = np.full((len(part), encoder.segment_dim), np.nan, np.float32)
                windows = [s.embeddings for s in part if s.embeddings is not None]
                valid = np.array([s.embeddings is not None for s in part])
                if windows:
                    with self._watch.running("segment"):
                        embeddings[valid] = encoder.encode_segments(np.stack(windows))
                table.write(
                    _segment_columns(part, grid.t_grid_s, 1 / self._settings.sample_fps),
                    embeddings=embeddings,
                    valid=valid,
                )
                self._progress("segments", (part[-1].start + part[-1].n_frames) / self._settings.sample_fps)
            for _ in grid:  # what lies behind the last segment is checked as well
                pass
            table.notes["key"] = key
            self._invalidate()
        return key

    def _frames_key(self, decision: SubjectDecision, precision: str) -> str:
        settings = self._settings.model_copy(update={"precision": precision})
        return frames_key(self._plan.scan_key, decision.tracks, settings, self._encoders.weights_sha256)

    def _stored_notes(self, kind: TableKind) -> dict[str, str]:
        """Notes of the table that is there; none if it is absent, damaged or of an older version."""
        if kind in self._plan.damaged or not self._paths[kind].is_file():
            return {}
        try:
            return read_notes(self._paths[kind], kind)
        except FormatError:
            return {}

    def _crop_margin(self, scan: Scan) -> float:
        return 0.0 if scan.whole_frame else self._settings.crop_margin

    def _check_unchanged(self) -> None:
        """Refuse what was read from a file that is no longer the one that was hashed."""
        now, then = InputRecord.of(self._recording.path, study=self._study), self._plan.input
        if (now.size_bytes, now.mtime_ns) != (then.size_bytes, then.mtime_ns):
            raise VideoError(
                "A video must not change while it is read",
                found="another size or time of change than at the beginning",
                where=self._recording.path,
                hint="Wait until it is copied completely, then run the same command again.",
            )

    def _check_still_ours(self, sidecar: Sidecar) -> None:
        """Refuse to vouch for tables that another run has replaced meanwhile."""
        for kind, path in self._paths.items():
            if read_notes(path, kind).get("key") != sidecar.keys[_KEY_OF[kind]]:
                raise StudyError(
                    "Only one run at a time may work on a recording",
                    found=f"a table of {kind} that another run wrote meanwhile",
                    where=path,
                    hint="Wait for the other run, then run the same command again.",
                )

    def _invalidate(self) -> None:
        """From here on, the earlier result is no longer whole."""
        self._study.sidecar_path(self._recording).unlink(missing_ok=True)


class _FrameBlocks:
    """Reads a frame table block by block for `cut_segments`, and keeps the grid times that went by."""

    def __init__(self, path: Path) -> None:
        self.t_grid_s: list[float] = []
        self._batches = iter_table(path, "frames")

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]]:
        for batch in self._batches:
            status = batch.column("status").to_numpy(zero_copy_only=False)
            self.t_grid_s.extend(batch.column("t_grid_s").to_pylist())
            yield embedding_matrix(batch), status == "ok", status == "missing"


def _segment_columns(
    segments: tuple[Segment, ...], t_grid_s: list[float], period_s: float
) -> dict[str, list[object]]:
    return {
        "segment": [s.index for s in segments],
        "frame_start": [s.start for s in segments],
        "t_start_s": [t_grid_s[s.start] for s in segments],
        "t_end_s": [t_grid_s[s.start + s.n_frames - 1] + period_s for s in segments],
        "n_frames": [s.n_frames for s in segments],
        "n_ok": [s.n_ok for s in segments],
        "n_held": [s.n_held for s in segments],
        "coverage": [s.coverage for s in segments],
        "status": ["ok" if s.reason is None else "rejected" for s in segments],
        "reason": [s.reason for s in segments],
    }
