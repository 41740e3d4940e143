"""Tables of other programs are read as they are, and what is unclear is asked and never guessed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings import ReadOptions, check_ratings, read_ratings
from emoclip_clinic.study.ratings.raw_tables import read_raw_table
from emoclip_clinic.study.scales import Scale, load_scale

Write = Callable[..., Path]


def workbook(path: Path, *rows: tuple[object, ...], sheet: str = "Sheet1") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp1252", "cp1252"),
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
    ],
)
def test_encodings_are_detected_and_said(write: Write, toy: Scale, encoding: str, said: str) -> None:
    # the typographic quote exists in Windows-1252 and not in Latin-1
    rater = "M\u00fcller" if encoding == "latin-1" else "M\u00fcller \u2019A\u2019"
    path = write("participant|session|rater|n1|n2|vas", f"01|1|{rater}|3|4|5", encoding=encoding)
    ratings = read_ratings(path, toy)
    assert ratings.source.encoding == said
    assert ratings.frame["rater"].tolist() == [rater]
    assert ratings.frame["participant_id"].tolist() == ["sub-01"]


def test_encoding_that_does_not_fit_the_file(write: Write, toy: Scale) -> None:
    path = write("participant|n1", "01|3 \u00fc", encoding="cp1252")
    with pytest.raises(RatingsError, match="encoding must fit"):
        read_ratings(path, toy, options=ReadOptions(encoding="utf-8"))


def test_german_export_with_semicolons_and_decimal_commas(write: Write, toy: Scale) -> None:
    path = write("Proband|Sitzung|Untersucher|Datum|N1|N2|VAS", "7|1|AB|31.05.2024|3|4|5,25", separator=";")
    ratings = read_ratings(path, toy)
    assert ratings.problems == ()
    assert (ratings.source.separator, ratings.source.decimal) == ("semicolon", ",")
    row = ratings.frame.iloc[0]
    assert (row["session_id"], row["rater"], row["rating_date"], row["vas"]) == (
        "ses-1",
        "AB",
        "2024-05-31",
        5.25,
    )


def test_mixed_decimal_marks_are_typing_errors(write: Write, toy: Scale) -> None:
    path = write("participant|n1|n2|vas", "1|3|4|5,25", "2|3|4|5.25", separator=";")
    (problem,) = read_ratings(path, toy).problems
    assert (problem.kind, problem.row, problem.column, problem.value) == ("non-numeric", 2, "vas", "5,25")


def test_comma_in_a_comma_separated_file_is_not_a_decimal_mark(write: Write, toy: Scale) -> None:
    path = write("participant|n1|n2|vas", '1|3|4|"5,25"')
    assert read_ratings(path, toy).problems[0].kind == "non-numeric"
    assert read_ratings(path, toy, options=ReadOptions(decimal=",")).frame["vas"].tolist() == [5.25]


def test_decimal_commas_that_split_a_row(write: Write, toy: Scale) -> None:
    path = write("participant|n1|n2|vas", "1|3|4|5|25", "2|3|4", "3|3|4|5")
    ratings = read_ratings(path, toy)
    assert [(p.kind, p.row) for p in ratings.problems] == [("ragged-row", 2), ("ragged-row", 3)]
    assert "Decimal commas" in (ratings.problems[0].hint or "")
    assert len(ratings.frame) == 1


def test_excel_declares_its_separator_in_a_first_line(write: Write, toy: Scale) -> None:
    path = write("sep=;", "participant;n1;n2;vas", "1;3;4;x")
    (problem,) = read_ratings(path, toy).problems
    assert problem.row == 3


def test_rows_are_counted_as_an_editor_does(write: Write, toy: Scale) -> None:
    path = write("participant|n1|n2|vas|remark", '1|3|4|5|"two', 'lines"', "", "2|3|4|x|")
    (problem,) = read_ratings(path, toy).problems
    assert problem.row == 5


def test_excel_workbook(tmp_path: Path, toy: Scale) -> None:
    path = workbook(
        tmp_path / "r.xlsx",
        ("Participant", "Session", "Date", "N1", "N2", "VAS"),
        ("01", 1, dt.datetime(2024, 5, 31), 3, 4.0, 2.5),
        (2, 1, None, dt.datetime(2024, 5, 3), True, None),
    )
    ratings = read_ratings(path, toy)
    assert ratings.frame["participant_id"].tolist() == ["sub-01", "sub-2"]
    assert ratings.frame.loc[0, ["n1", "n2", "vas"]].tolist() == [3, 4, 2.5]
    assert ratings.frame.loc[0, "rating_date"] == "2024-05-31"
    assert [(p.kind, p.row, p.column) for p in ratings.problems] == [
        ("non-numeric", 3, "N1"),
        ("non-numeric", 3, "N2"),
    ]
    assert "Perhaps 3.5" in (ratings.problems[0].hint or "")
    assert ratings.source.sheet == "Sheet1"


def test_excel_formula_without_a_stored_result(tmp_path: Path, toy: Scale) -> None:
    path = workbook(
        tmp_path / "r.xlsx", ("participant", "n1", "n2", "vas", "total"), (1, 3, 4, 5, "=SUM(B2:D2)")
    )
    (problem,) = read_ratings(path, toy).problems
    assert (problem.kind, problem.row, problem.value) == ("formula-not-computed", 2, "=SUM(B2:D2)")


def test_several_sheets_need_a_name(tmp_path: Path, toy: Scale) -> None:
    path = workbook(tmp_path / "r.xlsx", ("participant", "n1"), (1, 3), sheet="T1")
    book = openpyxl.load_workbook(path)
    book.create_sheet("T2").append(("participant", "n1"))
    book.save(path)
    with pytest.raises(RatingsError, match="T1, T2"):
        read_ratings(path, toy)
    assert len(read_ratings(path, toy, options=ReadOptions(sheet="T1")).frame) == 1
    with pytest.raises(RatingsError, match="no sheet 'T3'"):
        read_ratings(path, toy, options=ReadOptions(sheet="T3"))


def test_files_that_are_no_tables(tmp_path: Path, write: Write, toy: Scale) -> None:
    with pytest.raises(RatingsError, match="no such file"):
        read_ratings(tmp_path / "none.csv", toy)
    (tmp_path / "r.sav").write_bytes(b"")
    with pytest.raises(RatingsError, match=r"Save it as \.xlsx"):
        read_ratings(tmp_path / "r.sav", toy)
    (tmp_path / "r.xlsx").write_bytes(b"no workbook")
    with pytest.raises(RatingsError, match="readable"):
        read_ratings(tmp_path / "r.xlsx", toy)
    with pytest.raises(RatingsError, match="header"):
        read_raw_table(write("", name="empty.csv"))
    with pytest.raises(RatingsError, match="once"):
        read_ratings(write("participant|n1|n1", "1|2|3"), toy)


def test_bids_table_without_session_and_rater(write: Write, toy: Scale) -> None:
    path = write("participant_id|n1|n2|vas", "sub-01|3|n/a|5", name="toy.tsv", separator="\t")
    ratings = read_ratings(path, toy)
    assert ratings.frame["session_id"].isna().all()
    assert ratings.frame["rater"].tolist() == ["unnamed"]
    assert ratings.missing[["item", "reason"]].to_numpy().tolist() == [["n2", "empty"]]


def test_session_and_rater_of_a_file_without_such_columns(write: Write, toy: Scale) -> None:
    path = write("participant_id|n1|n2|vas", "sub-01|3|3|5")
    frame = read_ratings(path, toy, options=ReadOptions(session="1", rater="AB")).frame
    assert frame[["session_id", "rater"]].to_numpy().tolist() == [["ses-1", "AB"]]
    with_column = write("participant_id|visit|n1", "sub-01|2|3", name="b.csv")
    with pytest.raises(RatingsError, match="the column 'visit'"):
        read_ratings(with_column, toy, options=ReadOptions(session="1"))


def test_columns_by_map(write: Write, toy: Scale) -> None:
    path = write("Kennung|Affekt|n2|vas|remark", "01|3|4|5|ok")
    mapping = {"participant_id": "Kennung", "n1": "Affekt"}
    ratings = read_ratings(path, toy, options=ReadOptions(mapping=mapping))
    assert ratings.frame["n1"].tolist() == [3]
    assert ratings.source.columns["n1"] == "Affekt"
    assert ratings.source.left_out_columns == ("remark",)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"n3": "Affekt"}, "Choose one of: .*n1, n2"),
        ({"n1": "Afekt"}, "Did you mean 'Affekt'"),
        ({"n1": "Affekt", "n2": "Affekt"}, "mapped once"),
    ],
)
def test_mistakes_in_the_map(write: Write, toy: Scale, mapping: dict[str, str], message: str) -> None:
    path = write("participant|Affekt|vas", "01|3|5")
    with pytest.raises(RatingsError, match=message):
        read_ratings(path, toy, options=ReadOptions(mapping=mapping))


def test_two_columns_for_one_place_are_asked_about(write: Write, toy: Scale) -> None:
    two_people = write("subject|patient|n1", "01|02|3")
    with pytest.raises(RatingsError, match="subject, patient"):
        read_ratings(two_people, toy)
    chosen = read_ratings(two_people, toy, options=ReadOptions(mapping={"participant_id": "patient"}))
    assert chosen.frame["participant_id"].tolist() == ["sub-02"]
    two_items = write("participant|N-1|n 1|n2", "01|3|4|5", name="b.csv")
    assert read_ratings(two_items, toy).source.left_out_columns == ("N-1", "n 1")  # neither is 'n1'
    two_totals = write("participant|n1|n2|vas|Total|toy total", "01|3|4|5|12|12", name="c.csv")
    with pytest.raises(RatingsError, match="Total, toy total"):
        read_ratings(two_totals, toy)


def test_no_participant_and_no_items(write: Write, toy: Scale) -> None:
    with pytest.raises(RatingsError, match="identify the participant"):
        read_ratings(write("name|n1", "x|3"), toy)
    with pytest.raises(RatingsError, match="columns for items of toy"):
        read_ratings(write("participant|p1", "x|3"), toy)


def test_items_that_a_study_did_not_rate_are_missing_with_that_reason(write: Write, toy: Scale) -> None:
    ratings = read_ratings(write("participant|n1", "1|3"), toy)
    assert [p.kind for p in ratings.problems] == ["absent-item", "absent-item"]
    assert set(ratings.missing["reason"]) == {"no column in the file"}


def test_columns_that_fit_another_scale_are_refused(write: Write) -> None:
    """The 18-item and the 24-item BPRS share column names, and number their items differently."""
    path = write(
        "participant|" + "|".join(f"bprs{i}" for i in range(1, 25)), "1|" + "|".join("1" for _ in range(24))
    )
    with pytest.raises(RatingsError, match="Use --scale bprs24"):
        read_ratings(path, load_scale("bprs18"))
    assert read_ratings(path, load_scale("bprs24")).problems == ()
    short = write(
        "participant|" + "|".join(f"bprs{i}" for i in range(1, 19)),
        "1|" + "|".join("1" for _ in range(18)),
        name="b.csv",
    )
    with pytest.raises(RatingsError, match="Use --scale bprs18"):
        read_ratings(short, load_scale("bprs24"))


def test_original_numbers_of_the_sans(write: Write) -> None:
    sans = load_scale("sans")
    numbers = [sans.item_number(i) for i in sans.item_ids]
    values = [str(k % 6) for k in range(len(numbers))]
    path = write("participant|" + "|".join(f"sans{n}" for n in numbers), "1|" + "|".join(values))
    ratings = read_ratings(path, sans, options=ReadOptions(original_numbers=True))
    assert ratings.frame[list(sans.item_ids)].iloc[0].tolist() == [float(v) for v in values]
    all25 = write(
        "participant|" + "|".join(f"sans{n}" for n in range(1, 26)), "1|" + "|".join("1" * 25), name="b.csv"
    )
    with pytest.raises(RatingsError, match="Use --scale sans25"):
        read_ratings(all25, sans)


def test_range_declared_beside_the_table_is_compared(write: Write, toy: Scale, tmp_path: Path) -> None:
    path = write("participant_id|n1|n2|vas", "sub-01|3|4|5", name="toy.tsv", separator="\t")
    path.with_suffix(".json").write_text(
        '{"n1": {"Levels": {"0": "none", "6": "severe", "-9": "missing"}}, '
        '"n2": {"MinValue": "1", "MaxValue": 7}}'
    )
    (problem,) = read_ratings(path, toy).problems
    assert (problem.kind, problem.column, problem.value) == ("declared-range", "n1", "0 to 6")
    assert not problem.is_error


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("2024-05-31", None, "2024-05-31"),
        ("2024-05-31 09:30", None, "2024-05-31"),
        ("05/31/2024", "%m/%d/%Y", "2024-05-31"),
        ("n/a", None, None),
    ],
)
def test_dates(write: Write, toy: Scale, text: str, date_format: str | None, expected: str | None) -> None:
    path = write("participant|visit_date|n1|n2|vas", f"1|{text}|3|4|5")
    ratings = read_ratings(path, toy, options=ReadOptions(date_format=date_format))
    found = ratings.frame["rating_date"].iloc[0]
    assert (found if isinstance(found, str) else None) == expected


def test_date_whose_day_and_month_cannot_be_told_apart(write: Write, toy: Scale) -> None:
    (problem,) = read_ratings(write("participant|date|n1|n2|vas", "1|03/04/2024|3|4|5"), toy).problems
    assert (problem.kind, problem.value) == ("date-unreadable", "03/04/2024")
    assert "--date-format" in (problem.hint or "")


def test_a_table_without_rows_has_no_ratings(write: Write, toy: Scale) -> None:
    ratings = read_ratings(write("participant|n1|n2|vas"), toy)
    assert len(ratings.frame) == 0
    assert check_ratings(ratings) == ()
