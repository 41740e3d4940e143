"""A text encoder without weights: each text has a fixed vector of its own."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.zeroshot import DescriptionSet
from tests.regression.written_study import WEIGHTS, WrittenStudy, new_study

DIM = 6


class WordlessModel:
    """Stands for `EmoClip` where only texts, names and the temperature matter."""

    name = WEIGHTS.name
    weights_sha256 = WEIGHTS.sha256
    has_text = True
    inverse_temperature = 20.0

    def __init__(self) -> None:
        self.n_texts = 0

    def vector(self, text: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return np.random.default_rng(seed).normal(size=DIM) * 3

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        self.n_texts += len(texts)
        return np.stack([self.vector(text) for text in texts]).astype(np.float32)


@pytest.fixture
def model() -> WordlessModel:
    return WordlessModel()


@pytest.fixture
def written(tmp_path: Path) -> WrittenStudy:
    return new_study(tmp_path / "study")


@pytest.fixture
def toy_set() -> DescriptionSet:
    return DescriptionSet.model_validate(
        {
            "name": "toy",
            "title": "Toy",
            "style": "movement",
            "combine": "labels",
            "classes": [
                {
                    "id": "smile",
                    "name": "a smile",
                    "aliases": ["Happy"],
                    "descriptions": [
                        {"style": "movement", "text": "Corners up."},
                        {"style": "movement", "text": "Cheeks rise."},
                        {"style": "feeling", "text": "Pleased."},
                    ],
                },
                {
                    "id": "frown",
                    "name": "a frown",
                    "descriptions": [
                        {"style": "movement", "text": "Brows down."},
                        {"style": "feeling", "text": "Cross."},
                    ],
                },
                {"id": "bitter", "name": "both", "parts": {"smile": 3, "frown": 1}},
            ],
        }
    )
