"""Every example in the documentation of the code runs as it stands, wherever it is."""

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "emoclip_clinic"
ELSEWHERE = {"study": "need a study: tests/study/test_examples.py", "encoder": "tests/encoder/test_model.py"}


def modules_with_examples() -> list[str]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if ">>> " in path.read_text(encoding="utf-8") and parts[1] not in ELSEWHERE:
            found.append(".".join(parts))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_run(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
