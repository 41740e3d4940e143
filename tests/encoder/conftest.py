"""Material for the tests of the encoder: reference outputs, small networks, and an empty store."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from emoclip_clinic.encoder import get_architecture, random_network


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """All networks here are small."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store of weights."""
    folder = tmp_path / "store"
    monkeypatch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(folder))
    return folder


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Path:
    """Folder of reference outputs made with the original code on random weights."""
    folder = shared / "oracle"
    if not folder.is_dir():
        pytest.skip(f"optional test material is absent: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def expected(oracle: Path) -> dict[str, np.ndarray]:
    with np.load(oracle / "tiny_expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def clip(oracle: Path) -> Tensor:
    """Preprocessed crops (2, 32, 3, 224, 224) of the reference outputs."""
    return torch.from_numpy(np.load(oracle / "input_clip.npy").astype(np.float32))


@pytest.fixture(scope="session")
def distance() -> Callable[[object, object], float]:
    """Relative L2 distance of an array from a reference."""

    def relative(values: object, reference: object) -> float:
        a, b = (np.asarray(x, dtype=np.float64) for x in (values, reference))
        assert a.shape == b.shape
        return float(np.linalg.norm(a - b) / np.linalg.norm(b))

    return relative


@pytest.fixture(scope="session")
def full_state() -> dict[str, Tensor]:
    """Random weights of a tiny full model, biases and normalisations included. Not to be changed."""
    state = random_network(get_architecture("tiny"), seed=1, text=True).state_dict()
    generator = torch.Generator().manual_seed(2)
    for name, value in state.items():
        if value.ndim <= 1:  # nothing stays at 0 or 1, so that no bias and no normalisation can be left out
            state[name] = value + 0.3 * torch.randn(value.shape, generator=generator)
    return state


@pytest.fixture(scope="session")
def downstream_state(full_state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights without text tower, in the layout of downstream files."""
    return {
        name.replace("backbone.visual.", "backbone."): value
        for name, value in full_state.items()
        if name.startswith(("backbone.visual.", "temporal."))
    }
