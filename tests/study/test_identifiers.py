"""Labels are letters and digits; who wrote what is kept; nobody is merged silently."""

import re
import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.identifiers import (
    check_identifiers,
    clean_label,
    plain_original,
    suggest_identifiers,
    write_identifiers,
)
from emoclip_clinic.study.layout import Study


@dataclass(frozen=True)
class Someone:
    participant_original: str
    session_original: str | None = None

    @property
    def participant_id(self) -> str:
        return f"sub-{clean_label(self.participant_original, kind='participant')}"

    @property
    def session_id(self) -> str | None:
        return self.session_original and f"ses-{clean_label(self.session_original, kind='session')}"


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("01", "01"),
        ("sub-01", "01"),
        ("SUB-01", "01"),
        ("  sub-01 ", "01"),
        ("P-01", "P01"),
        ("Zoé Müller", "ZoeMuller"),
        (unicodedata.normalize("NFD", "Zoé"), "Zoe"),
        ("sub-sub-1", "sub1"),
        ("①", "1"),
        ("<b>7</b>", "b7b"),
        ("../../etc", "etc"),
        ('a:b*c?"d|e\\f', "abcdef"),
        ("=1+1", "11"),
    ],
)
def test_a_label_is_the_letters_and_digits_of_an_identifier(raw: str, label: str) -> None:
    assert clean_label(raw, kind="participant") == label


@pytest.mark.parametrize(
    ("kind", "raw"), [("session", "ses-2"), ("task", "task-2"), ("run", "run-2"), ("participant", "sub-2")]
)
def test_each_kind_has_its_prefix(kind: str, raw: str) -> None:
    assert clean_label(raw, kind=kind) == "2"


@pytest.mark.parametrize("raw", ["", "sub-", "---", " ", "患者", "sub-…"])
def test_an_identifier_without_letters_and_digits_is_an_error(raw: str) -> None:
    with pytest.raises(StudyError, match="letter a-z or a digit"):
        clean_label(raw, kind="participant")


def test_a_label_fits_into_a_file_name() -> None:
    assert len(clean_label("x" * 64, kind="task")) == 64
    with pytest.raises(StudyError, match="at most 64"):
        clean_label("x" * 65, kind="task")


@given(st.text(max_size=40))
def test_a_label_is_clean_stable_and_independent_of_unicode_form(raw: str) -> None:
    try:
        label = clean_label(raw, kind="participant")
    except StudyError:
        return
    assert re.fullmatch("[0-9A-Za-z]+", label)
    assert clean_label(label, kind="participant") == label
    assert clean_label(f"sub-{label}", kind="participant") == label
    assert clean_label(unicodedata.normalize("NFD", raw), kind="participant") == label
    assert clean_label(unicodedata.normalize("NFC", raw), kind="participant") == label


def test_prefix_and_unicode_form_do_not_make_another_person() -> None:
    assert plain_original("sub-Zoé", kind="participant") == plain_original(
        unicodedata.normalize("NFD", " Zoé"), kind="participant"
    )


def test_two_people_with_one_label_are_an_error_that_names_both(study: Study) -> None:
    with pytest.raises(StudyError, match=r"'P-01' and 'P01' both become sub-P01"):
        check_identifiers(study, [Someone("P-01"), Someone("P01")])


def test_labels_that_differ_only_in_letter_case_are_an_error(study: Study) -> None:
    with pytest.raises(StudyError, match=r"'p01' and 'P01'"):
        check_identifiers(study, [Someone("p01"), Someone("P01")])


def test_all_clashes_are_told_at_once(study: Study) -> None:
    people = [
        Someone("A-1"),
        Someone("A1"),
        Someone("B-1"),
        Someone("B.1"),
        Someone("C", "v-1"),
        Someone("C", "v1"),
    ]
    with pytest.raises(StudyError) as caught:
        check_identifiers(study, people)
    assert all(pair in str(caught.value) for pair in ("'A-1' and 'A1'", "'B-1' and 'B.1'", "'v-1' and 'v1'"))


def test_two_participants_may_have_sessions_of_the_same_label(study: Study) -> None:
    rows = check_identifiers(study, [Someone("1", "v-1"), Someone("2", "v1")])
    assert [(row.label, row.original) for row in rows] == [
        ("sub-1", "1"),
        ("ses-v1", "v-1"),
        ("sub-2", "2"),
        ("ses-v1", "v1"),
    ]


def test_the_table_keeps_originals_and_grows(study: Study) -> None:
    write_identifiers(study, [Someone("P-01", "Tag 1")])
    write_identifiers(study, [Someone("Zoé"), Someone("P-01", "Tag 1")])
    assert [tuple(row.values()) for row in read_tsv(study.identifiers_tsv).rows] == [
        ("participant", "sub-P01", "sub-P01", "P-01"),
        ("session", "sub-P01", "ses-Tag1", "Tag 1"),
        ("participant", "sub-Zoe", "sub-Zoe", "Zoé"),
    ]


def test_somebody_of_an_earlier_run_is_not_merged_with_somebody_of_this_one(study: Study) -> None:
    write_identifiers(study, [Someone("P-01")])
    with pytest.raises(StudyError, match=r"'P-01' and 'P 01'.*identifiers\.tsv"):
        write_identifiers(study, [Someone("P 01")])


def test_a_damaged_table_of_identifiers_is_an_error(study: Study) -> None:
    write_identifiers(study, [Someone("P-01")])
    study.identifiers_tsv.write_text("kind\tparticipant_id\tlabel\toriginal\nperson\tsub-1\tsub-1\t1\n")
    with pytest.raises(StudyError, match=r"line 2.*Remove it"):
        check_identifiers(study, [])


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("sub-9", ["sub-09", "sub-11"], "Did you mean 'sub-09'?"),
        ("sub-011", ["sub-01", "sub-02"], "Did you mean 'sub-01'?"),
        ("sub-0l", ["sub-01", "sub-12"], "Did you mean 'sub-01'?"),
        ("sub-9", ["sub-02", "sub-01"], "Known are sub-01, sub-02."),
        ("sub-03", ["sub-01", "sub-02"], "Known are sub-01, sub-02."),
        ("sub-10", ["sub-01"], "Known are sub-01."),
        ("sub-9", [], ""),
    ],
)
def test_an_unknown_identifier_gets_the_one_that_differs_in_one_character_or_all(
    name: str, known: list[str], said: str
) -> None:
    assert suggest_identifiers(name, known) == said


def test_a_long_list_of_identifiers_is_cut() -> None:
    said = suggest_identifiers("sub-A", [f"sub-{k:03d}" for k in range(50)])
    assert said.endswith("sub-018, sub-019 and 30 more.")
