"""Tables of measures: numbers as people write them, and every bad cell with its place."""

import math
from pathlib import Path

import openpyxl
import pytest

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.measure_tables import MeasureRange, read_measures


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_missing_values_and_labels_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "id,a,b\np1,1,2.5\np2,n/a,-1e-3\n\np3,.5,\n")
    table = read_measures(path, ["a", "b"], labels=["id"])
    assert table.frame["row"].tolist() == ["2", "3", "5"]
    assert table.frame["id"].tolist() == ["p1", "p2", "p3"]
    assert [None if math.isnan(x) else x for x in table.frame["a"]] == [1, None, 0.5]
    assert [None if math.isnan(x) else x for x in table.frame["b"]] == [2.5, -0.001, None]


def test_a_decimal_comma_is_found_and_told(tmp_path: Path) -> None:
    table = read_measures(write(tmp_path, "a;b\n1,5;2\n2,25;3\n"), ["a", "b"])
    assert table.frame["a"].tolist() == [1.5, 2.25]
    assert "decimal mark ','" in table.read_with


def test_excel_is_read_as_text_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (("a", "b"), (1, 2.5), (None, 3)):
        book.active.append(row)
    book.save(tmp_path / "table.xlsx")
    frame = read_measures(tmp_path / "table.xlsx", ["a", "b"]).frame
    assert frame["b"].tolist() == [2.5, 3]
    assert math.isnan(frame["a"][1])


def test_every_bad_cell_is_told_with_file_row_column_and_value(tmp_path: Path) -> None:
    path = write(tmp_path, "id,a,b\np1,x,9\n,1,1.5\np3,0,3,4\np4,inf,2\n")
    with pytest.raises(RatingsError) as caught:
        read_measures(path, ["a", "b"], labels=["id"], ranges={"b": MeasureRange(1, 7, 1)})
    told = str(caught.value)
    assert str(path) in told
    for problem in (
        "row 2, column a: 'x' is no number",
        "row 2, column b: '9' is above --maximum 7",
        "row 3, column b: '1.5' is not --minimum 1 plus a multiple of --step 1",
        "row 3, column id: '' is missing",
        "row 4: A row must have one cell for each of the 3 columns.",
        "row 5, column a: 'inf' is no number",
    ):
        assert problem in told


def test_a_code_for_missing_values_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a\n1\n-9\nnot done\n")
    frame = read_measures(path, ["a"], missing_codes=["-9", "not done"]).frame
    assert frame["a"].isna().tolist() == [False, True, True]


def test_an_unknown_column_is_told_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match="Did you mean 'rater1'"):
        read_measures(write(tmp_path, "rater1,rater2\n1,2\n"), ["rator1"])


@pytest.mark.parametrize(
    ("value", "said"), [(0, "below"), (8, "above"), (1.2, "multiple"), (1 + 1e-12, ""), (7, "")]
)
def test_a_range_says_which_rule_is_broken(value: float, said: str) -> None:
    told = MeasureRange(1, 7, 0.5).broken_rule(value)
    assert said in told
    assert bool(told) == bool(said)
