"""Fixtures that every room's tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of optional test material: real videos, ratings, and reference outputs."""
    folder = Path(os.environ.get("EMOCLIP_CLINIC_TEST_MATERIAL", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"optional test material is absent: no folder {folder}")
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small networks gain nothing from threads, and lose much where threads wait for a busy core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
