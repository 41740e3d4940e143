"""A study to write into, a small scale, and its ratings."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from emoclip_clinic.study.ratings import Targets, load_ratings, session_targets
from emoclip_clinic.study.scales import Item, Reference, Scale, Score
from tests.regression.written_study import WrittenStudy, new_study


@pytest.fixture
def written(tmp_path: Path) -> WrittenStudy:
    return new_study(tmp_path / "étude 1")


@pytest.fixture
def toy() -> Scale:
    """Two items from 1 to 7 and their sum, from 2 to 14."""
    return Scale(
        name="toy",
        title="Toy",
        citation="me",
        references={"me": Reference(citation="Me, 2020.")},
        licence="Free.",
        rated_by="clinician",
        direction="higher-worse",
        items=(
            Item(id="n1", name="Blunted affect", min=1, max=7, columns=("toy_blunted",)),
            Item(id="n2", name="Emotional withdrawal", min=1, max=7),
        ),
        scores=(Score(id="total", name="Total", formula="sum", items=("n1", "n2")),),
    )


@pytest.fixture
def rate(written: WrittenStudy, toy: Scale) -> Callable[..., Targets]:
    """Write ratings, as rows of participant, session, rater, n1 and n2, and pool them."""

    def make(*rows: Sequence[object], scale: Scale = toy) -> Targets:
        lines = [("participant_id", "session_id", "rater", "n1", "n2"), *rows]
        path = written.study.phenotype / "toy.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
        return session_targets(load_ratings(written.study, scale))

    return make
