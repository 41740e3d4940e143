"""The examples in the documentation of the code run as they stand."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

from .conftest import ResultMaker

FENCE = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)


@pytest.mark.parametrize(
    "module", ["fit_settings", "layout", "protocols", "recordings", "results", "versions"]
)
def test_examples_run(module: str, make_result: ResultMaker) -> None:
    make_result("sub-01")
    make_result("sub-02")
    outcome = doctest.testmod(
        import_module(f"emoclip_clinic.study.{module}"), extraglobs={"study": make_result.study.root}
    )
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_first_steps_take_coverage_over_all_segments_and_all_sessions(
    repository: Path, make_result: ResultMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_result("sub-01")
    make_result("sub-02_ses-1")
    monkeypatch.chdir(make_result.study.root)
    names: dict[str, object] = {}
    for block in FENCE.findall((repository / "docs" / "getting-started.md").read_text(encoding="utf-8")):
        exec(block, names)
    assert (names["segments"]["status"] == "ok").all()
    assert "rejected" in set(names["every"]["status"])
    assert names["coverage"].tolist() == names["every"].groupby("participant_id")["coverage"].mean().tolist()
