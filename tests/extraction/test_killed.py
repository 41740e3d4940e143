"""kill -9 in the middle of a run: the next run finishes the rest, and nothing differs."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from emoclip_clinic.extraction import extract_study
from emoclip_clinic.study import ExtractSettings, Study
from emoclip_clinic.synthetic import draw_counter, write_clip
from tests.extraction.squares import recordings_of, tables_of

SETTINGS = ExtractSettings(model="tiny-random", detector="none", device="cpu")
PROGRAM = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)  # as the run that it is compared with
from emoclip_clinic.extraction import extract_study
from emoclip_clinic.study import ExtractSettings, Study, find_recordings
study = Study(Path(sys.argv[1]))
settings = ExtractSettings(model="tiny-random", detector="none", device="cpu")
extract_study(study, find_recordings([study.root], study=study), settings)
"""


def write_study(folder: Path) -> Study:
    folder.mkdir()
    for number in range(1, 5):
        pictures = (draw_counter(100 * number + i) for i in range(175))
        write_clip(folder / f"sub-0{number}_beh.mp4", pictures, fps=25)
    return Study(folder)


def wait_for(condition, process: subprocess.Popen) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = write_study(tmp_path_factory.mktemp("whole") / "study")
    extract_study(study, recordings_of(study), SETTINGS)
    return study


def copy_of_videos(study: Study, folder: Path) -> Study:
    folder.mkdir()
    for video in study.root.glob("*.mp4"):
        shutil.copy2(video, folder)
    return Study(folder)


def test_a_killed_run_is_finished_by_the_next(whole, tmp_path):
    study = copy_of_videos(whole, tmp_path / "killed")
    rng = random.Random(5)
    for n_results in (1, 2):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(study.root)])
        wait_for(lambda n=n_results: len(study.sidecar_paths()) >= n, process)
        time.sleep(0.2 * rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        # whatever was cut off, what counts as a result is whole
        for path in study.sidecar_paths():
            assert path.stat().st_size > 0
    done = len(study.sidecar_paths())
    summary = extract_study(study, recordings_of(study), SETTINGS)
    assert (summary.n_ok, summary.n_skipped) == (4 - done, done)
    for left, right in zip(tables_of(study), tables_of(whole), strict=True):
        pd.testing.assert_frame_equal(left, right)
    assert not list(study.root.rglob("*.emoclip-tmp"))


@pytest.mark.parametrize("kind", ["tracks", "frames"])
def test_killed_between_two_tables(whole, tmp_path, kind):
    study = copy_of_videos(whole, tmp_path / "killed")
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(study.root)])
    wait_for(lambda: list(study.root.rglob(f"sub-02_desc-{kind}_emoclip.parquet")), process)
    process.kill()
    process.wait()
    extract_study(study, recordings_of(study), SETTINGS)
    for left, right in zip(tables_of(study), tables_of(whole), strict=True):
        pd.testing.assert_frame_equal(left, right)
