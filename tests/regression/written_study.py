"""Studies with results as extract writes them, with chosen embeddings instead of videos."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.sidecar import (
    DecodeRecord,
    InputRecord,
    RecordingRecord,
    SegmentsRecord,
    Sidecar,
    SubjectRecord,
    TableRecord,
    WeightsRecord,
    write_sidecar,
)
from emoclip_clinic.study.tables import open_table

WEIGHTS = WeightsRecord(name="toy", kind="user", sha256="a" * 64, architecture="tiny")
SETTINGS = ExtractSettings(sample_fps=4.0, segment_frames=16, stride_frames=8)
QUALITY = (
    *("score", "yaw_deg", "pitch_deg", "roll_deg", "face_px", "sharpness", "brightness", "truncation"),
    *("around_red", "around_green", "around_blue"),
)


@dataclass(frozen=True)
class WrittenStudy:
    """Writes results into a study: segments of 4 s that start every 2 s."""

    study: Study

    def write(
        self,
        participant: str,
        session: str | None,
        embeddings: np.ndarray,
        *,
        task: str | None = "interview",
        run: str | None = None,
        rejected: Sequence[int] = (),
        coverage: Sequence[float] | None = None,
        video: str | None = None,
        part_s: tuple[float | None, float | None] = (None, None),
        weights: WeightsRecord = WEIGHTS,
        frames: dict[str, Sequence[float]] | None = None,
        decode: dict[str, object] | None = None,
        size_bytes: int | None = 1_000_000,
    ) -> None:
        """Write one recording; `video` names its content, so that equal names are equal files."""
        parts = {"task": task, "run": run}
        recording = Recording(
            path=self.study.root / "interviews" / f"{participant}_{session}_{task}_{run}.mp4",
            participant_id=participant,
            session_id=session,
            start_s=part_s[0],
            end_s=part_s[1],
            rotation_deg=None,
            subject_rule=None,
            source="table",
            participant_original=participant.removeprefix("sub-"),
            session_original=None if session is None else session.removeprefix("ses-"),
            **parts,
        )
        content = hashlib.sha256((video or recording.key).encode()).hexdigest()
        facts = {
            "header_s": 100.0,
            "decoded_s": 100.0,
            "n_frames_decoded": 400,
            "n_grid": 400,
            "n_missing": 0,
        }
        facts |= {"sample_fps": 4.0, "width": 640, "height": 360, "codec": "h264", "container": "mp4"}
        facts |= {"avg_fps": 25.0} | (decode or {})
        n_ok = len(embeddings) - len(rejected)
        write_sidecar(
            self.study.sidecar_path(recording),
            Sidecar(
                status="ok",
                recording=RecordingRecord.of(recording),
                input=InputRecord(
                    path=self.study.shown(recording.path), size_bytes=size_bytes, mtime_ns=0, sha256=content
                ),
                settings=SETTINGS.model_dump(mode="json"),
                weights=weights,
                keys={},
                tables={
                    "segments": self._segments(recording, embeddings, rejected, coverage),
                    "frames": self._frames(recording, frames or {}),
                },
                decode=DecodeRecord(**facts),
                subject=SubjectRecord(rule="largest"),
                segments=SegmentsRecord(n_ok=n_ok, n_rejected=len(rejected), coverage=1.0),
                versions={},
                seconds={},
            ),
        )

    def _segments(
        self,
        recording: Recording,
        embeddings: np.ndarray,
        rejected: Sequence[int],
        coverage: Sequence[float] | None,
    ) -> TableRecord:
        path, n = self.study.segments_path(recording), len(embeddings)
        ok = ~np.isin(np.arange(n), list(rejected))
        with open_table(path, "segments", recording=recording, dim=embeddings.shape[1]) as table:
            table.write(
                {
                    "segment": np.arange(n),
                    "frame_start": np.arange(n) * 8,
                    "t_start_s": np.arange(n) * 2.0,
                    "t_end_s": np.arange(n) * 2.0 + 4.0,
                    "n_frames": np.full(n, 16),
                    "n_ok": np.where(ok, 16, 2),
                    "n_held": np.zeros(n),
                    "coverage": np.where(ok, 1.0 if coverage is None else coverage, 0.125),
                    "status": ["ok" if one else "rejected" for one in ok],
                    "reason": [None if one else "no-face" for one in ok],
                },
                embeddings=embeddings.astype(np.float32),
                valid=ok,
            )
        return TableRecord.of(path, n_rows=n)

    def _frames(self, recording: Recording, given: dict[str, Sequence[float]]) -> TableRecord:
        """Four frames; the last one without a face."""
        path, n = self.study.frames_path(recording), 4
        shown = np.arange(n) < 3
        columns = {name: np.full(n, 10.0) for name in QUALITY}
        columns |= {"box_x1": np.full(n, 100.0), "box_x2": np.full(n, 220.0)}
        columns |= {"box_y1": np.full(n, 60.0), "box_y2": np.full(n, 120.0)}
        columns |= {name: np.array([*values, 1e9]) for name, values in given.items()}
        with open_table(path, "frames", recording=recording, dim=2) as table:
            table.write(
                {
                    "frame": np.arange(n),
                    "t_grid_s": np.arange(n) / 4,
                    "t_s": np.arange(n) / 4,
                    "status": ["ok" if one else "no-face" for one in shown],
                    "reason": [None if one else "no-face" for one in shown],
                    "track": [0 if one else None for one in shown],
                    "box_source": ["detected" if one else None for one in shown],
                    **columns,
                },
                embeddings=np.zeros((n, 2), dtype=np.float32),
                valid=shown,
            )
        return TableRecord.of(path, n_rows=n)


def new_study(folder: Path) -> WrittenStudy:
    """Make an empty study."""
    folder.mkdir(parents=True, exist_ok=True)
    return WrittenStudy(Study(folder))
