"""A small study with known truth, before and after extraction."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoclip_clinic.extraction import extract_study
from emoclip_clinic.faces import DETECTORS
from emoclip_clinic.study import ExtractSettings, Study
from emoclip_clinic.synthetic import write_clip
from tests.extraction.squares import SquareDetector, draw_squares, recordings_of, still


@pytest.fixture(scope="session", autouse=True)
def squares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DETECTORS, "squares", lambda *_: SquareDetector())
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """All models here are small."""


@pytest.fixture(scope="session")
def settings() -> ExtractSettings:
    return ExtractSettings(model="tiny-random", detector="squares", device="cpu")


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of 8 s: one person alone, and one beside a smaller one."""
    folder = tmp_path_factory.mktemp("videos")
    write_clip(folder / "sub-01_ses-1_beh.mp4", draw_squares(8, red=still(20, 30, 60)))
    write_clip(
        folder / "sub-02_ses-1_beh.mp4",
        draw_squares(8, red=still(20, 30, 60), blue=still(120, 30, 48), seed=1),
    )
    return folder


@pytest.fixture(scope="session")
def whole(videos: Path, settings: ExtractSettings, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study after an uninterrupted run; not to be changed."""
    study = Study(shutil.copytree(videos, tmp_path_factory.mktemp("whole") / "study"))
    assert extract_study(study, recordings_of(study), settings).n_ok == 2
    return study


@pytest.fixture
def study(videos: Path, tmp_path: Path) -> Study:
    """The study before extraction."""
    return Study(shutil.copytree(videos, tmp_path / "study"))


@pytest.fixture
def extracted(whole: Study, tmp_path: Path) -> Study:
    """A copy of the extracted study, to be changed at will."""
    return Study(shutil.copytree(whole.root, tmp_path / "extracted"))
