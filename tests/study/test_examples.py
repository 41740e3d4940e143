"""The examples in the documentation of the code run as they stand."""

import doctest
from importlib import import_module

import pytest

from .conftest import ResultMaker


@pytest.mark.parametrize("module", ["layout", "protocols", "recordings", "results", "versions"])
def test_examples_run(module: str, make_result: ResultMaker) -> None:
    make_result("sub-01")
    make_result("sub-02")
    outcome = doctest.testmod(
        import_module(f"emoclip_clinic.study.{module}"), extraglobs={"study": make_result.study.root}
    )
    assert outcome.attempted > 0
    assert outcome.failed == 0
