"""The [study] table: what is asked, what is refused, and when a margin counts as registered."""

import hashlib
from pathlib import Path

import pytest

from emoclip_clinic.errors import SettingsError
from emoclip_clinic.study.investigator import (
    InvestigatorFacts,
    fact_questions,
    load_investigator_facts,
    read_preregistration,
)


def write(root: Path, *lines: str) -> None:
    (root / "emoclip-clinic.toml").write_text("[study]\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_a_study_without_settings_has_given_nothing(tmp_path: Path) -> None:
    assert set(load_investigator_facts(tmp_path).model_dump().values()) == {None}


def test_what_is_given_is_read(tmp_path: Path) -> None:
    write(tmp_path, "raters = 3", "raters_blind_to_model = true", "rated_from = 'video-of-interview'")
    facts = load_investigator_facts(tmp_path)
    assert (facts.raters, facts.raters_blind_to_model, facts.rated_from) == (3, True, "video-of-interview")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rater_trianing = 'yes'", "Did you mean 'rater_training'?"),
        ("raters = 0", "raters = 0"),
        ("raters_blind_to_model = 'yes'", "raters_blind_to_model"),
        ("rated_from = 'video'", "rated_from"),
        ("medication = ' '", "must not be empty"),
        ("preregistration_sha256 = 'abc'", "64 hexadecimal digits"),
    ],
)
def test_a_mistake_names_its_table_and_what_was_meant(tmp_path: Path, line: str, said: str) -> None:
    write(tmp_path, line)
    with pytest.raises(SettingsError) as caught:
        load_investigator_facts(tmp_path)
    assert said in str(caught.value)
    assert "[study]" in str(caught.value)


def test_every_fact_has_a_question_that_is_a_sentence() -> None:
    assert all(question.endswith(".") for question in fact_questions().values())
    assert set(fact_questions()) == set(InvestigatorFacts.model_fields)


def registered(root: Path, text: str, *, altered: str = "") -> InvestigatorFacts:
    (root / "plan.toml").write_text(text + altered, encoding="utf-8")
    return InvestigatorFacts(
        preregistration="plan.toml", preregistration_sha256=hashlib.sha256(text.encode()).hexdigest()
    )


def test_a_margin_counts_as_registered_only_if_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    text = '[report]\nmargin = 0.1\n[fit]\nprimary = "total, exp"\n'
    found = read_preregistration(tmp_path, registered(tmp_path, text))
    assert (found.verified, found.margin, found.primary) == (True, 0.1, ("total", "exp"))
    changed = read_preregistration(tmp_path, registered(tmp_path, text, altered="# later\n"))
    assert (changed.verified, changed.margin) == (False, None)


def test_without_a_hash_or_a_file_nothing_is_verified(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("[report]\nmargin = 0.1\n", encoding="utf-8")
    for facts in (
        InvestigatorFacts(),
        InvestigatorFacts(preregistration="plan.toml"),
        InvestigatorFacts(preregistration="https://osf.io/abcde", preregistration_sha256="0" * 64),
    ):
        found = read_preregistration(tmp_path, facts)
        assert (found.verified, found.margin) == (False, None)


def test_a_registered_text_without_tables_is_verified_and_holds_no_margin(tmp_path: Path) -> None:
    found = read_preregistration(tmp_path, registered(tmp_path, "We plan to look at the total score."))
    assert (found.verified, found.margin) == (True, None)


def test_a_registered_margin_must_be_a_number(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be a number"):
        read_preregistration(tmp_path, registered(tmp_path, "[report]\nmargin = 'small'\n"))
