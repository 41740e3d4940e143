import inspect
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from emoclip_clinic.cli.setting_options import option_parameters, setting_facts
from emoclip_clinic.faces import DETECTORS
from emoclip_clinic.study.settings import ExtractSettings


class Example(BaseModel):
    size_px: Annotated[int, Field(ge=2, le=8, description="Size.", json_schema_extra={"unit": "px"})] = 4
    share: Annotated[float | None, Field(gt=0, le=1, description="Share.")] = None
    rule: Annotated[Literal["left", "right"], Field(description="Rule.")] = "left"
    loud: Annotated[bool, Field(description="Loud.")] = False


def test_help_text_holds_unit_range_choices_and_default() -> None:
    assert [fact.help for fact in setting_facts(Example)] == [
        "Size. (px; 2 to 8; default 4)",
        "Share. (above 0, at most 1; default automatic)",
        "Rule. (left, right; default left)",
        "Loud. (default off)",
    ]


def test_types_are_those_that_a_command_line_can_parse() -> None:
    assert [fact.value_type for fact in setting_facts(Example)] == [int, float, str, bool]


def test_named_panels_come_first_and_in_their_order() -> None:
    parameters = option_parameters(Example, panels={"rule": "Face", "share": "Face"}, other_panel="Advanced")
    assert [parameter.name for parameter in parameters] == ["rule", "share", "size_px", "loud"]
    assert all(p.default is None and p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters)


def test_help_names_every_detector() -> None:
    (fact,) = [fact for fact in setting_facts(ExtractSettings) if fact.name == "detector"]
    shipped = [name for name, make in DETECTORS.items() if make.__module__.startswith("emoclip_clinic")]
    assert len(shipped) >= 2
    assert [name for name in shipped if name not in fact.description] == []


@pytest.mark.parametrize("fact", setting_facts(ExtractSettings), ids=lambda fact: fact.name)
def test_every_extraction_setting_is_described_with_its_default(fact) -> None:
    assert fact.description.endswith(".")
    assert fact.default
    assert fact.option == "--" + fact.name.replace("_", "-")
