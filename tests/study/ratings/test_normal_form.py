"""The normal form is a BIDS phenotype table that reads back as what was imported."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from emoclip_clinic.errors import FormatError, RatingsError
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import (
    ReadOptions,
    check_ratings,
    import_ratings,
    load_ratings,
    ratings_path,
)
from emoclip_clinic.study.scales import Scale

Write = Callable[..., Path]
ROWS = (
    "participant|visit|Rater|date|N1|n2|vas|total|note",
    "01|1|A|2024-05-31|3|-99|5.5|8.5|x",
    "02|1|B||3||5||",
)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "study"
    folder.mkdir()
    return Study(folder)


def test_import_and_load(study: Study, write: Write, toy: Scale) -> None:
    done = import_ratings(write(*ROWS), toy, study=study)
    assert done.table == study.phenotype / "toy.tsv"
    table = read_tsv(done.table)
    assert table.columns == (
        "participant_id", "session_id", "rater", "rating_date", "n1", "n2", "vas", "total", "missing_reasons",
    )  # fmt: skip
    assert table.rows[0] == {
        "participant_id": "sub-01",
        "session_id": "ses-1",
        "rater": "A",
        "rating_date": "2024-05-31",
        "n1": "3",
        "n2": None,
        "vas": "5.5",
        "total": "8.5",
        "missing_reasons": "n2=code -99",
    }
    back = load_ratings(study, toy)
    pd.testing.assert_frame_equal(back.frame, done.ratings.frame)
    pd.testing.assert_frame_equal(back.missing, done.ratings.missing)
    pd.testing.assert_frame_equal(back.stated, done.ratings.stated)
    assert [p.kind for p in check_ratings(back)] == [p.kind for p in done.problems] == ["sum-over-missing"]


def test_sidecar_says_what_the_columns_mean_and_where_they_come_from(
    study: Study, write: Write, toy: Scale
) -> None:
    done = import_ratings(write(*ROWS), toy, study=study)
    sidecar = json.loads(done.sidecar.read_text())
    assert sidecar["MeasurementToolMetadata"]["Description"].startswith("Toy.")
    assert sidecar["n1"] == {"Description": "Blunted affect", "MinValue": 1, "MaxValue": 7}
    assert sidecar["total"] == {"Description": "Total", "MinValue": 2, "MaxValue": 24, "Derivative": True}
    (source,) = sidecar["EmoClipClinic"]["Sources"]
    assert source["File"] == "ratings.csv"
    assert source["Columns"]["session_id"] == "visit"
    assert source["ColumnsLeftOut"] == ["note"]


def test_nothing_is_written_while_a_value_is_in_doubt(study: Study, write: Write, toy: Scale) -> None:
    with pytest.raises(RatingsError, match="2 problems"):
        import_ratings(write("participant|n1|n2|vas", "1|O|4|5", "1|3|4|5"), toy, study=study)
    assert not study.phenotype.exists()


def test_an_existing_table_is_not_overwritten_in_silence(study: Study, write: Write, toy: Scale) -> None:
    import_ratings(write("participant|n1|n2|vas", "1|3|4|5"), toy, study=study)
    other = write("participant|n1|n2|vas", "2|3|4|5", name="other.csv")
    with pytest.raises(RatingsError, match="--replace"):
        import_ratings(other, toy, study=study)
    assert import_ratings(other, toy, study=study, existing="replace").n_rows == 1
    assert load_ratings(study, toy).frame["participant_id"].tolist() == ["sub-2"]


def test_a_second_rater_is_appended(study: Study, write: Write, toy: Scale) -> None:
    lines = ("participant|session|n1|n2|vas", "1|1|3|4|5")
    import_ratings(write(*lines), toy, study=study, options=ReadOptions(rater="A"))
    again = write(*lines, name="b.csv")
    with pytest.raises(RatingsError, match="rater A"):
        import_ratings(again, toy, study=study, options=ReadOptions(rater="A"), existing="append")
    done = import_ratings(again, toy, study=study, options=ReadOptions(rater="B"), existing="append")
    assert done.n_rows == 2
    assert load_ratings(study, toy).frame["rater"].tolist() == ["A", "B"]
    assert len(json.loads(done.sidecar.read_text())["EmoClipClinic"]["Sources"]) == 2
    no_session = write("participant|n1|n2|vas", "1|3|4|5", name="c.csv")
    with pytest.raises(RatingsError, match="names its session"):
        import_ratings(no_session, toy, study=study, options=ReadOptions(rater="C"), existing="append")


def test_items_that_were_not_in_the_file_stay_absent(study: Study, write: Write, toy: Scale) -> None:
    done = import_ratings(write("participant|n1", "1|3"), toy, study=study)
    assert read_tsv(done.table).columns == ("participant_id", "session_id", "rater", "n1")
    assert set(load_ratings(study, toy).missing["reason"]) == {"no column in the file"}


def test_no_ratings_and_edited_ratings(study: Study, write: Write, toy: Scale) -> None:
    with pytest.raises(RatingsError, match="ratings import FILE --scale toy"):
        load_ratings(study, toy)
    path = import_ratings(write("participant|n1|n2|vas", "1|3|4|5"), toy, study=study).table
    path.write_text(path.read_text().replace("\t3\t", "\t33\t"))
    with pytest.raises(RatingsError, match="row 2, column n1"):
        load_ratings(study, toy)


def test_ratings_of_another_scale_or_of_a_later_release(study: Study, write: Write, toy: Scale) -> None:
    done = import_ratings(write("participant|n1|n2|vas", "1|3|4|5"), toy, study=study)
    sidecar = json.loads(done.sidecar.read_text())
    sidecar["EmoClipClinic"]["FormatVersion"] = 99
    done.sidecar.write_text(json.dumps(sidecar))
    with pytest.raises(FormatError, match="99"):
        load_ratings(study, toy)
    sidecar["EmoClipClinic"] |= {"FormatVersion": 1, "Scale": "panss"}
    done.sidecar.write_text(json.dumps(sidecar))
    with pytest.raises(RatingsError, match="ratings of panss, read as toy"):
        load_ratings(study, toy)
    assert ratings_path(study.root, toy) == done.table
