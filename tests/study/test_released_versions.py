"""Every released version of our files stays readable: one small study of each is kept here."""

from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.study import build_status, load_frames, load_segments, load_tracks
from emoclip_clinic.study.formats import RELEASED_VERSIONS

RELEASED = Path(__file__).parent / "released"


def test_a_study_of_every_version_is_kept() -> None:
    kept = {folder.name for folder in RELEASED.iterdir()}
    assert kept == {f"format-{version}" for version in RELEASED_VERSIONS}


@pytest.mark.parametrize("version", RELEASED_VERSIONS)
def test_results_of_every_version_are_read(version: int) -> None:
    study = RELEASED / f"format-{version}"
    segments = load_segments(study, status=None)
    assert segments["participant_id"].tolist() == ["sub-01"] * 3 + ["sub-P02"] * 3
    assert segments["session_id"].isna().tolist() == [False] * 3 + [True] * 3
    assert segments["status"].tolist() == ["ok", "rejected", "ok"] * 2
    np.testing.assert_array_equal(
        segments.filter(regex=r"^e\d+$").to_numpy()[[0, 2]],
        np.array([[0.0, 0.125, 0.25, 0.375], [1.0, 1.125, 1.25, 1.375]], np.float32),
    )
    frames = load_frames(study)
    assert len(frames) == 24
    assert frames.loc[11, "e003"] == 47 / 8
    assert len(load_tracks(study)) == 24
    assert [(row.recording, row.status) for row in build_status(study)] == [
        ("sub-01_ses-1_task-talk", "ok"),
        ("sub-03", "failed"),
        ("sub-P02", "ok"),
    ]
