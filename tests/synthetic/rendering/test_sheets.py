"""Contact sheets: written where told, the same every time."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emoclip_clinic.synthetic.rendering.__main__ import main


def test_sheets_are_drawn_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "new" / "sheets")]) == 0
    named = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {path.name for path in named} == {
        "people.png",
        "movements.png",
        "emotions.png",
        "courses.png",
        "interview.png",
    }
    for path in named:
        with Image.open(path) as image:
            assert min(image.size) >= 360
            assert np.asarray(image.convert("L")).std() > 20
