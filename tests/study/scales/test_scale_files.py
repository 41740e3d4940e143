"""A scale file is validated like any input: every mistake is listed, with its line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from emoclip_clinic.errors import ScaleError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.protocols import protocols_folder
from emoclip_clinic.study.scales import (
    check_scale_file,
    find_scale_file,
    list_scales,
    load_scale,
    read_scale,
    scale_template,
)


def small() -> dict[str, Any]:
    return {
        "name": "toy",
        "title": "Toy scale",
        "citation": "me",
        "references": {"me": {"citation": "Me, 2020.", "doi": "10.1000/toy"}},
        "licence": "Free.",
        "rated_by": "clinician",
        "direction": "higher-worse",
        "items": [
            {"id": "a", "name": "First", "min": 0, "max": 4},
            {"id": "b", "name": "Second", "min": 0, "max": 4},
        ],
        "scores": [{"id": "total", "name": "Total", "formula": "sum", "items": ["a", "b"]}],
    }


def messages(tmp_path: Path, data: dict[str, Any]) -> list[str]:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return [str(problem) for problem in check_scale_file(path)]


def test_a_right_file_has_no_problem(tmp_path: Path) -> None:
    assert messages(tmp_path, small()) == []


def test_the_template_is_a_right_file(tmp_path: Path) -> None:
    path = tmp_path / "myscale.yaml"
    path.write_text(scale_template())
    scale = read_scale(path)
    assert scale.target_range("total") == (0, 11)


def test_unknown_key_is_named_with_its_line_and_what_was_meant(tmp_path: Path) -> None:
    data = small()
    data["items"][1]["kinds"] = "ordinal"
    data["licens"] = "Free."
    found = messages(tmp_path, data)
    assert any("items[2] (b).kinds: unknown key 'kinds'. Did you mean 'kind'?" in m for m in found)
    assert any("unknown key 'licens'. Did you mean 'licence'?" in m for m in found)
    assert any(m.startswith("line 20:") for m in found)


def test_every_problem_is_listed(tmp_path: Path) -> None:
    data = small()
    data["direction"] = "higher-worst"
    data["items"][0]["min"] = 9
    del data["title"]
    found = messages(tmp_path, data)
    assert len(found) == 3
    assert any("Did you mean 'higher-worse'?" in m for m in found)
    assert any("min must be below max; found min 9 and max 4" in m for m in found)
    assert any("the key 'title' is missing" in m for m in found)


def test_overlapping_item_ids(tmp_path: Path) -> None:
    data = small()
    data["items"][1]["id"] = "a"
    data["scores"][0]["items"] = ["a"]
    assert any("found twice: a" in m for m in messages(tmp_path, data))


def test_a_key_twice_in_the_yaml_is_not_lost_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(small()) + "title: Another title\n")
    (problem,) = check_scale_file(path)
    assert problem.message == "the key 'title' occurs twice"


def test_formula_that_names_an_absent_item(tmp_path: Path) -> None:
    data = small()
    data["scores"][0]["items"] = ["a", "bb"]
    (found,) = messages(tmp_path, data)
    assert "score 'total' names the item 'bb', which the scale does not have. Did you mean 'b'?" in found


def test_score_with_the_id_of_an_item(tmp_path: Path) -> None:
    data = small()
    data["scores"][0]["id"] = "a"
    assert any("score 'a' has the id of an item" in m for m in messages(tmp_path, data))


def test_an_item_twice_in_a_formula(tmp_path: Path) -> None:
    data = small()
    data["scores"][0]["items"] = ["a", "b", "b"]
    assert any("names each item once; found twice: b" in m for m in messages(tmp_path, data))


@pytest.mark.parametrize(("low", "high"), [(4, 4), (5, 4)])
def test_minimum_must_be_below_maximum(tmp_path: Path, low: float, high: float) -> None:
    data = small()
    data["items"][0] |= {"min": low, "max": high}
    assert any("min must be below max" in m for m in messages(tmp_path, data))


def test_step_must_divide_the_range(tmp_path: Path) -> None:
    data = small()
    data["items"][0]["step"] = 0.3
    assert any("step must divide the range" in m for m in messages(tmp_path, data))
    data["items"][0]["step"] = 0.1
    assert messages(tmp_path, data) == []


def test_column_names_that_stand_for_two_items(tmp_path: Path) -> None:
    data = small()
    data["items"][0]["columns"] = ["Sum 1"]
    data["items"][1]["columns"] = ["sum_1"]
    assert any("'sum_1' stands for 'a' and for 'b'" in m for m in messages(tmp_path, data))


def test_column_name_of_every_ratings_table(tmp_path: Path) -> None:
    data = small()
    data["items"][0]["columns"] = ["Rater"]
    assert any("which every ratings table has" in m for m in messages(tmp_path, data))
    data = small()
    data["items"][0]["id"] = "session_id"
    assert any("the name of a column that every ratings table has" in m for m in messages(tmp_path, data))


def test_reference_that_is_cited_must_be_there(tmp_path: Path) -> None:
    data = small()
    data["scores"][0]["reference"] = "mee"
    assert any("Did you mean 'me'?" in m for m in messages(tmp_path, data))


def test_proration_needs_a_cited_source(tmp_path: Path) -> None:
    data = small()
    data["scores"][0]["proration"] = {"least_items": 1}
    assert any("the key 'reference' is missing" in m for m in messages(tmp_path, data))
    data["scores"][0]["proration"] = {"least_items": 3, "reference": "me"}
    assert any("cannot ask for more items" in m for m in messages(tmp_path, data))


def test_a_doi_must_look_like_one(tmp_path: Path) -> None:
    data = small()
    data["references"]["me"]["doi"] = "https://doi.org/10.1000/toy"
    assert any("a DOI looks like" in m for m in messages(tmp_path, data))


def test_pattern_without_a_place_for_the_number(tmp_path: Path) -> None:
    data = small()
    data["columns"] = {"patterns": ["toy"]}
    assert any("must contain {id} or {number}" in m for m in messages(tmp_path, data))
    data["columns"] = {"patterns": ["toy_{nr}"]}
    assert any("may use {id} and {number}" in m for m in messages(tmp_path, data))


@pytest.mark.parametrize("text", ["- a\n- b\n", "name: [a\n", ""])
def test_what_is_no_scale_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(text)
    assert len(check_scale_file(path)) == 1
    with pytest.raises(ScaleError, match=r"toy\.yaml"):
        read_scale(path)


def test_absent_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(ScaleError, match="readable text"):
        check_scale_file(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ScaleError, match="readable text"):
        check_scale_file(tmp_path / "binary.yaml")


def test_unknown_scale_offers_the_closest() -> None:
    with pytest.raises(ScaleError, match="Did you mean 'panss'"):
        load_scale("pans")


def test_a_study_defines_its_own_scale_and_overrides_a_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "protocols"
    own.mkdir()
    (own / "toy.yaml").write_text(yaml.safe_dump(small()))
    (own / "classes.yaml").write_text("classes: [joy, anger]\n")
    changed = yaml.safe_load((protocols_folder() / "scales" / "phq9.yaml").read_text()) | {"title": "Ours"}
    (own / "scales").mkdir()
    (own / "scales" / "phq9.yaml").write_text(yaml.safe_dump(changed))
    entries = {entry.name: entry.origin for entry in list_scales(Study(tmp_path))}
    assert entries["toy"] == entries["phq9"] == "study"
    assert entries["panss"] == "shipped"
    assert "classes" not in entries
    assert load_scale("phq9", study=tmp_path).title == "Ours"
    assert load_scale("phq9").title != "Ours"
    assert load_scale(str(own / "toy.yaml")).name == "toy"
    (own / "scales" / "toy.yaml").write_text(yaml.safe_dump(small()))
    with pytest.raises(ScaleError, match="once"):
        list_scales(tmp_path)


def test_a_file_found_by_name_must_hold_that_scale(tmp_path: Path) -> None:
    (tmp_path / "protocols").mkdir()
    path = tmp_path / "protocols" / "other.yaml"
    path.write_text(yaml.safe_dump(small()))
    with pytest.raises(ScaleError, match="toy"):
        load_scale("other", study=tmp_path)
    assert find_scale_file(str(path)) == path
    with pytest.raises(ScaleError, match="no such file"):
        find_scale_file(str(tmp_path / "none.yaml"))
