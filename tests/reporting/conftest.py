"""Finished fits of several kinds, each made once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reporting.studies import RECIPES, ReportStudy, make_study


@pytest.fixture(scope="session")
def study_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ReportStudy]:
    """Give the study of a recipe, such as "good"; treat it as read-only, or copy it with `copy_of`."""
    made: dict[str, ReportStudy] = {}
    root = tmp_path_factory.mktemp("reports")

    def give(name: str) -> ReportStudy:
        if name not in made:
            made[name] = make_study(root / name, RECIPES[name])
        return made[name]

    return give


@pytest.fixture
def copy_of(study_of: Callable[[str], ReportStudy], tmp_path: Path) -> Callable[[str], ReportStudy]:
    """Give a copy of the study of a recipe that a test may change."""

    def give(name: str) -> ReportStudy:
        original = study_of(name)
        folder = tmp_path / name
        shutil.copytree(original.study.root, folder)
        return ReportStudy(type(original.study)(folder), original.scale, original.fit)

    return give
