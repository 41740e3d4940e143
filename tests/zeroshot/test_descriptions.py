"""Sets of class descriptions: what they may hold, how they extend each other, what is wrong with a file."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.zeroshot import (
    DescriptionSet,
    check_description_file,
    list_descriptions,
    load_descriptions,
    prompt_descriptions,
)

SHIPPED = ("basic-7", "clinical-face", "mafw-11", "mafw-compound")


def test_the_sets_that_users_expect_are_shipped() -> None:
    assert set(SHIPPED) <= {entry.name for entry in list_descriptions()}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_simple_class_of_a_shipped_set_has_several_descriptions_in_the_primary_style(name: str) -> None:
    one = load_descriptions(name)
    for described in one.classes:
        if not described.parts:
            assert len(one.texts(described.id)) >= 2, described.id
    assert len(one.styles) >= 2


def test_shipped_emotions_are_those_of_the_data_sets() -> None:
    assert set(load_descriptions("basic-7").ids) == {
        "happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear",
    }  # fmt: skip
    extra = set(load_descriptions("mafw-11").ids) - set(load_descriptions("basic-7").ids)
    assert extra == {"contempt", "anxiety", "helplessness", "disappointment"}


def test_no_shipped_sentence_of_an_emotion_names_its_class_in_the_movement_style() -> None:
    one = load_descriptions("mafw-11")
    for described in one.classes:
        for text in one.texts(described.id, style="movement"):
            words = text.lower()
            assert described.id not in words
            assert not any(alias.lower() in words.split() for alias in described.aliases), text


def test_the_style_that_only_names_the_class_needs_no_writing(toy_set: DescriptionSet) -> None:
    assert toy_set.texts("smile", style="name") == ("an expression of a smile",)
    assert toy_set.styles == ("movement", "feeling", "name")


def test_a_class_is_found_by_alias_whatever_the_case(toy_set: DescriptionSet) -> None:
    assert toy_set.get(" hAPPY ").id == "smile"


def test_an_unknown_class_and_style_are_errors_with_a_suggestion(toy_set: DescriptionSet) -> None:
    with pytest.raises(ZeroShotError, match="Did you mean 'smile'"):
        toy_set.get("smille")
    with pytest.raises(ZeroShotError, match="Did you mean 'feeling'"):
        toy_set.texts("frown", style="feelings")


def test_labels_that_join_classes_are_compounds(toy_set: DescriptionSet) -> None:
    chosen = toy_set.choose(["frown", "smile_frown"])
    assert chosen.ids == ("frown", "smile_frown")
    assert chosen.classes[1].parts == {"smile": 1.0, "frown": 1.0}
    assert toy_set.choose(["Happy+frown"]).ids == ("smile_frown",)


def test_the_order_of_the_parts_in_a_label_makes_no_other_class() -> None:
    known = load_descriptions("mafw-compound")
    assert known.choose(["disgust_anger"]) == known.choose(["anger_disgust"])
    assert known.choose(["surprise_fear"]).ids == ("fear_surprise",)
    assert known.choose(["anxiety_happy"]).ids == ("happiness_anxiety",)
    with pytest.raises(ZeroShotError, match="different parts"):
        known.choose(["anger_angry"])


def test_labels_are_no_compounds_where_the_set_does_not_say_so(toy_set: DescriptionSet) -> None:
    with pytest.raises(ZeroShotError, match="smile_frown"):
        toy_set.model_copy(update={"combine": "none"}).choose(["smile_frown"])


def test_a_class_is_chosen_once(toy_set: DescriptionSet) -> None:
    with pytest.raises(ZeroShotError, match="once"):
        toy_set.choose(["smile", "happy"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"classes": []}, "at least 1"),
        ({"style": "clinical"}, "needs a description in the primary style 'clinical'.*smile, frown"),
        ({"clases": []}, "Extra inputs"),
    ],
)
def test_a_set_must_be_whole(toy_set: DescriptionSet, change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DescriptionSet.model_validate(toy_set.model_dump() | change)


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ({"id": "x", "name": "x"}, "needs descriptions"),
        ({"id": "x", "name": "x", "parts": ["smile"]}, "at least two parts"),
        ({"id": "x", "name": "x", "parts": ["smile", "laugh"]}, "no described class"),
        ({"id": "x", "name": "x", "parts": {"smile": 1, "frown": 0}}, "above 0"),
        ({"id": "x", "name": "x", "parts": ["smile", "smile"]}, "named once"),
        ({"id": "smile", "name": "x", "parts": ["smile", "frown"]}, "found twice: smile"),
        ({"id": "a b", "name": "x", "parts": ["smile", "frown"]}, "lower-case letters"),
        (
            {
                "id": "x",
                "name": "x",
                "descriptions": [{"style": "movement", "text": "A."}, {"style": "movement", "text": "a."}],
            },
            "the same description twice",
        ),
        (
            {"id": "x", "name": "x", "descriptions": [{"style": "movement", "text": "  "}]},
            "must not be empty",
        ),
    ],
)
def test_a_class_must_be_described(
    toy_set: DescriptionSet, described: dict[str, object], complaint: str
) -> None:
    data = toy_set.model_dump()
    with pytest.raises(ValidationError, match=complaint):
        DescriptionSet.model_validate(data | {"classes": [*data["classes"], described]})


def test_a_file_is_told_everything_that_is_wrong_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "name: bad\ntitle: Bad\nstyle: movement\nclases: []\nclasses:\n"
        "  - id: smile\n    name: smile\n    descriptions: [{style: movement, txt: up}]\n",
        encoding="utf-8",
    )
    problems = check_description_file(file)
    assert any("line 4" in one and "Did you mean 'classes'" in one for one in problems)
    assert any("line 8" in one and "Did you mean 'text'" in one for one in problems)
    with pytest.raises(ZeroShotError, match="zeroshot template"):
        load_descriptions(file)


def test_a_studys_own_set_wins_and_may_extend_a_shipped_one(tmp_path: Path) -> None:
    folder = tmp_path / "protocols" / "descriptions"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "name: mine\ntitle: Mine\nstyle: feeling\nextends: basic-7\nclasses:\n"
        "  - {id: boredom, name: boredom, descriptions: [{style: feeling, text: Someone who yawns.}]}\n",
        encoding="utf-8",
    )
    mine = load_descriptions("mine", study=tmp_path)
    assert mine.ids == (*load_descriptions("basic-7").ids, "boredom")
    assert check_description_file(folder / "mine.yaml", study=tmp_path) == []


def test_a_set_that_does_not_go_together_with_what_it_extends_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\ntitle: Mine\nstyle: movement\nextends: basic-7\nclasses:\n"
        "  - {id: joy, name: joy, descriptions: [{style: movement, text: Corners up.}]}\n",
        encoding="utf-8",
    )
    assert any("found twice: joy" in one for one in check_description_file(file))


def test_sets_that_extend_each_other_are_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "protocols" / "descriptions"
    folder.mkdir(parents=True)
    for own, other in (("one", "two"), ("two", "one")):
        (folder / f"{own}.yaml").write_text(
            f"name: {own}\ntitle: T\nstyle: movement\nextends: {other}\nclasses:\n"
            f"  - {{id: {own}, name: x, descriptions: [{{style: movement, text: Up.}}]}}\n",
            encoding="utf-8",
        )
    with pytest.raises(ZeroShotError, match="one -> two -> one"):
        load_descriptions("one", study=tmp_path)


def test_an_unknown_set_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ZeroShotError, match="Did you mean 'basic-7'"):
        load_descriptions("basic7")


def test_prompts_make_a_set(toy_set: DescriptionSet) -> None:
    made = prompt_descriptions(["Big smile: corners up", "frown: brows down", "Big smile: cheeks rise"])
    assert made.ids == ("big-smile", "frown")
    assert made.texts("big-smile") == ("corners up", "cheeks rise")


@pytest.mark.parametrize(
    "prompts", [["smile"], [": up"], ["smile:"], [], ["smile: up", "smile: up"], ["ü!: x"]]
)
def test_prompts_without_name_or_description_are_errors(prompts: list[str]) -> None:
    with pytest.raises(ZeroShotError):
        prompt_descriptions(prompts)
