"""The table of participants is read with clean identifiers and typed columns."""

import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.participants import read_participants


def test_numbers_are_numbers_codes_and_words_are_text(study: Study) -> None:
    study.participants_tsv.write_text(
        "participant_id\tage\tsex\tsite\tempty\tdose\n"
        "sub-01\t34\tF\t01\tn/a\t0.5\n"
        "P-02\tn/a\tn/a\t12\tn/a\t10\n"
        "Zoé\t51.5\tM\tn/a\t\t1e3\n",
        encoding="utf-8",
    )
    table = read_participants(study)
    assert table["participant_id"].tolist() == ["sub-01", "sub-P02", "sub-Zoe"]
    assert table["participant_original"].tolist() == ["sub-01", "P-02", "Zoé"]
    assert table["age"].isna().tolist() == [False, True, False]
    assert table["age"].dropna().tolist() == [34.0, 51.5]
    assert table["dose"].tolist() == [0.5, 10.0, 1000.0]
    assert table["site"].dropna().tolist() == ["01", "12"]
    assert table["sex"].dropna().tolist() == ["F", "M"]
    assert table["empty"].isna().all()


def test_a_table_without_rows_has_its_columns(study: Study) -> None:
    study.participants_tsv.write_text("participant_id\tage\n")
    table = read_participants(study.root)
    assert list(table.columns) == ["participant_id", "participant_original", "age"]
    assert table.empty


def test_all_bad_rows_are_told_together(study: Study) -> None:
    study.participants_tsv.write_text(
        "participant_id\tage\nP-1\t1\nn/a\t2\nP1\t3\n---\t4\nsub-P-1\t5\np1\t6\n"
    )
    with pytest.raises(StudyError) as caught:
        read_participants(study)
    message = str(caught.value)
    assert "line 3: participant_id is missing" in message
    assert "line 4: 'P1' is the same file name as 'P-1' in line 2" in message
    assert "line 5: The identifier of a participant must hold" in message
    assert "line 6: 'sub-P-1'" in message
    assert "line 7: 'p1'" in message


def test_an_absent_table_and_an_absent_column_are_errors(study: Study) -> None:
    with pytest.raises(StudyError, match="Write one with a column participant_id"):
        read_participants(study)
    study.participants_tsv.write_text("id\n1\n")
    with pytest.raises(StudyError, match="must have a column participant_id"):
        read_participants(study)
