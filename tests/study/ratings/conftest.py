"""A small scale, and files of ratings as other programs write them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip_clinic.study.scales import Item, Reference, Scale, Score


@pytest.fixture
def toy() -> Scale:
    """Two ordinal items from 1 to 7, one continuous item from 0 to 10, and their sum."""
    return Scale(
        name="toy",
        title="Toy",
        citation="me",
        references={"me": Reference(citation="Me, 2020.")},
        licence="Free.",
        rated_by="clinician",
        direction="higher-worse",
        items=(
            Item(id="n1", name="Blunted affect", min=1, max=7),
            Item(id="n2", name="Emotional withdrawal", min=1, max=7),
            Item(id="vas", name="Visual analogue", min=0, max=10, kind="continuous"),
        ),
        scores=(
            Score(id="total", name="Total", formula="sum", items=("n1", "n2", "vas"), columns=("toy_total",)),
        ),
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file, with the separator '|' replaced."""

    def make(*lines: str, name: str = "ratings.csv", separator: str = ",", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(line.replace("|", separator) + "\n" for line in lines).encode(encoding))
        return path

    return make
