"""A study folder, and results in it as the pipeline writes them, only smaller."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording, find_recordings
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

DIM = 4
WEIGHTS = WeightsRecord(name="toy", kind="random", sha256="a" * 64, architecture="tiny")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "étude 1"
    folder.mkdir()
    return Study(folder)


@pytest.fixture
def touch(study: Study) -> Callable[[str], Path]:
    """Make an empty file in the study."""

    def make(relative: str) -> Path:
        path = study.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    return make


@dataclass(frozen=True)
class ResultMaker:
    """Writes the result of a recording into a study."""

    study: Study

    def recording(self, name: str) -> Recording:
        path = self.study.root / "interviews" / f"{name}_beh.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"video")
        (one,) = find_recordings([path], study=self.study).recordings
        return one

    def __call__(
        self,
        name: str,
        *,
        n_frames: int = 12,
        dim: int = DIM,
        settings: ExtractSettings | None = None,
        weights: WeightsRecord = WEIGHTS,
        precision: str = "fp32",
        sidecar: bool = True,
    ) -> Recording:
        """Write tables and sidecar: 4 frames to a segment, no face at points 4 and 5, segment 1 rejected."""
        recording = self.recording(name)
        used = settings or ExtractSettings(sample_fps=5.0, segment_frames=4, stride_frames=4)
        tables = {
            "tracks": self._tracks(recording, n_frames),
            "frames": self._frames(recording, n_frames, dim, used),
            "segments": self._segments(recording, n_frames // 4, dim),
        }
        if sidecar:
            write_sidecar(
                self.study.sidecar_path(recording),
                Sidecar(
                    status="ok",
                    recording=RecordingRecord.of(recording),
                    input=InputRecord.of(recording.path, study=self.study, sha256="b" * 64),
                    settings=used.model_dump(mode="json"),
                    weights=weights,
                    keys={"scan": "s", "frames": "f", "segments": "g"},
                    tables=tables,
                    decode=DecodeRecord(
                        sample_fps=5.0,
                        header_s=2.5,
                        decoded_s=2.4,
                        n_frames_decoded=60,
                        n_grid=n_frames,
                        n_missing=0,
                    ),
                    subject=SubjectRecord(tracks=(0,), rule="largest", score=10.0, margin=1.0),
                    segments=SegmentsRecord(
                        n_ok=max(n_frames // 4 - 1, 0),
                        n_rejected=1,
                        rejected_because={"no-face": 1},
                        coverage=10 / 12,
                    ),
                    versions={"emoclip-clinic": "0.1.0"},
                    seconds={"decode": 1.25, "encode": 2.0, "total": 3.0},
                    hardware={"precision": precision},
                ),
            )
        return recording

    def _tracks(self, recording: Recording, n: int) -> TableRecord:
        path = self.study.tracks_path(recording)
        landmarks = {f"lm{k}_{axis}": np.full(n, 20.0 + k) for k in range(5) for axis in "xy"}
        with open_table(path, "tracks", recording=recording) as table:
            table.write(
                {
                    "track": np.zeros(n),
                    "frame": np.arange(n),
                    "t_s": np.arange(n) / 5,
                    "box_x1": np.full(n, 10.0),
                    "box_y1": np.full(n, 10.0),
                    "box_x2": np.full(n, 50.0),
                    "box_y2": np.full(n, 60.0),
                    "score": np.where(np.arange(n) % 4, np.nan, 0.99),
                    "box_source": ["interpolated" if k % 4 else "detected" for k in range(n)],
                    **landmarks,
                    "shot": np.zeros(n),
                }
            )
        return TableRecord.of(path, n_rows=n)

    def _frames(self, recording: Recording, n: int, dim: int, settings: ExtractSettings) -> TableRecord:
        path = self.study.frames_path(recording)
        valid = ~np.isin(np.arange(n), (4, 5))
        with open_table(path, "frames", recording=recording, dim=dim, dtype=settings.frame_dtype) as table:
            table.write(
                {
                    "frame": np.arange(n),
                    "t_grid_s": np.arange(n) / 5,
                    "t_s": np.arange(n) / 5 + 0.01,
                    "status": ["ok" if v else "no-face" for v in valid],
                    "reason": [None if v else "no-face" for v in valid],
                    "track": [0 if v else None for v in valid],
                    "box_source": ["detected" if v else None for v in valid],
                    **{
                        column: np.where(valid, 10.0, np.nan)
                        for column in (
                            *("box_x1", "box_y1", "box_x2", "box_y2", "score", "yaw_deg", "pitch_deg"),
                            *("roll_deg", "face_px", "sharpness", "brightness", "truncation"),
                            *("around_red", "around_green", "around_blue"),
                        )
                    },
                },
                embeddings=frame_embeddings(n, dim),
                valid=valid,
            )
        return TableRecord.of(path, n_rows=n)

    def _segments(self, recording: Recording, n: int, dim: int) -> TableRecord:
        path = self.study.segments_path(recording)
        ok = np.arange(n) != 1
        with open_table(path, "segments", recording=recording, dim=dim) as table:
            table.write(
                {
                    "segment": np.arange(n),
                    "frame_start": np.arange(n) * 4,
                    "t_start_s": np.arange(n) * 0.8,
                    "t_end_s": np.arange(n) * 0.8 + 0.8,
                    "n_frames": np.full(n, 4),
                    "n_ok": np.where(ok, 4, 2),
                    "n_held": np.zeros(n),
                    "coverage": np.where(ok, 1.0, 0.5),
                    "status": ["ok" if v else "rejected" for v in ok],
                    "reason": [None if v else "no-face" for v in ok],
                },
                embeddings=frame_embeddings(n, dim),
                valid=ok,
            )
        return TableRecord.of(path, n_rows=n)


def frame_embeddings(n: int, dim: int) -> np.ndarray:
    """Numbers that float16 holds exactly."""
    return (np.arange(n * dim).reshape(n, dim) / 8).astype(np.float32)


@pytest.fixture
def make_result(study: Study) -> ResultMaker:
    return ResultMaker(study)
