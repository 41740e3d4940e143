"""Check-lists: every item has an answer, a place, or is left to the authors."""

from pathlib import Path

import pytest

from emoclip_clinic.errors import ReportError
from emoclip_clinic.reporting.writing.checklists import check_items, load_checklists
from emoclip_clinic.reporting.writing.references import citation
from emoclip_clinic.study.investigator import InvestigatorFacts

LISTS = {one.name: one for one in load_checklists()}


def test_all_three_are_there_with_the_items_of_their_statements() -> None:
    assert set(LISTS) == {"TRIPOD+AI", "PROBAST+AI", "GRRAS"}
    assert len(LISTS["TRIPOD+AI"].items) == 52
    assert [one.id for one in LISTS["GRRAS"].items] == [str(number) for number in range(1, 16)]


@pytest.mark.parametrize("name", sorted(LISTS))
def test_items_are_numbered_once_and_cite_a_publication(name: str) -> None:
    ids = [one.id for one in LISTS[name].items]
    assert len(set(ids)) == len(ids)
    assert citation(LISTS[name].reference).fields["year"] >= "2011"


def test_what_software_cannot_answer_is_left_to_the_authors() -> None:
    (item,) = [
        one
        for one in check_items(LISTS["GRRAS"], sections={}, facts=InvestigatorFacts())
        if one.item.id == "14"
    ]
    assert (item.state, item.section) == ("authors", None)


def test_an_item_is_answered_by_a_section_that_shows_something() -> None:
    sections = {"methods": "13, Methods", "raters": "6, Human beside model"}
    states = {
        one.item.id: one
        for one in check_items(
            LISTS["GRRAS"],
            sections=sections,
            facts=InvestigatorFacts(raters_blind_to_each_other=True),
            empty={"raters"},
        )
    }
    assert states["10"].state == "answered"
    assert "13, Methods" in states["10"].answer
    assert states["13"].state == "missing"
    assert states["9"].state == "answered"
    assert "raters_blind_to_model" in states["8"].answer
    assert states["2"].state == "missing"


def test_a_list_of_the_study_wins_and_a_broken_one_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "protocols" / "checklists"
    folder.mkdir(parents=True)
    (folder / "grras.yaml").write_text("name: Ours\ntitle: t\nreference: kottner2011\nitems: []\n")
    assert "Ours" in {one.name for one in load_checklists(study=tmp_path)}
    (folder / "grras.yaml").write_text("name: Ours\nitems: [{id: 1, asks: x, by: page}]\n")
    with pytest.raises(ReportError, match=r"grras\.yaml"):
        load_checklists(study=tmp_path)
