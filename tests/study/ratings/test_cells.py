"""A cell is a rating, a reason, or a complaint with the likely typing error; never something in between."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.study.ratings.cells import parse_number, parse_rating
from emoclip_clinic.study.scales import Item

ITEM = Item(id="n1", name="Item", min=1, max=7)
FROM_ZERO = Item(id="h1", name="Item", min=0, max=4)


@pytest.mark.parametrize("text", ["3", "3.0", " 3 ", "\u00a03", "03"])
def test_plain_numbers(text: str) -> None:
    assert parse_rating(text, ITEM).value == 3


@pytest.mark.parametrize("text", ["", " ", "n/a", "NA", "NaN", ".", "#N/A", "null"])
def test_empty_in_the_words_of_other_programs(text: str) -> None:
    cell = parse_rating(text, ITEM)
    assert math.isnan(cell.value)
    assert cell.missing == "empty"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("-99", "code -99"), ("-9999", "code -9999"), ("-99.0", "code -99"), ("NASK", "code NASK (not asked)")],
)
def test_missing_codes_by_convention(text: str, reason: str) -> None:
    assert parse_rating(text, ITEM).missing == reason


def test_missing_codes_of_the_user_come_first() -> None:
    assert parse_rating("9", ITEM, missing_codes={"9": "not assessed"}).missing == "code 9 (not assessed)"
    assert parse_rating("0", ITEM, missing_codes={"0": ""}).missing == "code 0"
    assert parse_rating("-", ITEM, missing_codes={"-": "left out"}).missing == "code - (left out)"


def test_a_code_inside_the_range_is_a_rating() -> None:
    assert parse_rating("-9", Item(id="x", name="x", min=-10, max=10)).value == -9


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        ("O", "Perhaps 0, typed with the letter 'O'."),
        ("l", "Perhaps 1, typed with the letter 'l'."),
        ("3,", "Perhaps 3, with a stray ','."),
        ("3?", "Perhaps 3, with a stray '?'."),
        ("+3", "Perhaps 3, with a stray '+'."),
        ("4 5", "two ratings in one cell, 4 and 5"),
        ("3-4", "two ratings in one cell, 3 and 4, or a range"),
        ("3,5", "decimal comma"),
        ("\uff13", "Perhaps 3, typed with characters that only look like digits."),
        ("2024-05-03", "Perhaps 3.5, which a spreadsheet turned into a date."),
        ("3 - mild", "A number with a label"),
        ("mild", "a label: give the data dictionary"),
        ("-", "pass --missing"),
    ],
)
def test_text_is_never_a_rating_and_the_likely_error_is_named(text: str, likely: str) -> None:
    cell = parse_rating(text, FROM_ZERO)
    assert cell.kind == "non-numeric"
    assert math.isnan(cell.value)
    assert likely in (cell.hint or "")


@pytest.mark.parametrize("text", ["1e0", "inf", "nan3", "0x3", "1_0", "1.", ".5", "--3", "TRUE", "\u0663"])
def test_what_python_would_take_for_a_number(text: str) -> None:
    assert parse_rating(text, ITEM).kind == "non-numeric"


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        ("33", "Perhaps 3, typed 2 times."),
        ("45", "two ratings in one cell, 4 and 5"),
        ("99", "a code for missing"),
        ("9", "a code for missing"),
        ("-3", "a stray '-'"),
        ("0", "a version of the scale"),
        ("8", "a version of the scale"),
        ("99999999999999999999999", "a code for missing"),
    ],
)
def test_out_of_range(text: str, likely: str) -> None:
    cell = parse_rating(text, ITEM)
    assert cell.kind == "out-of-range"
    assert "between 1 and 7" in (cell.complaint or "")
    assert likely in (cell.hint or "")


def test_wrong_step() -> None:
    assert parse_rating("3.5", ITEM).kind == "wrong-step"
    assert parse_rating("3.5", Item(id="x", name="x", min=1, max=7, step=0.5)).value == 3.5
    assert parse_rating("3.3", Item(id="x", name="x", min=1, max=7, kind="continuous")).value == 3.3


def test_decimal_comma_where_it_was_announced() -> None:
    half = Item(id="x", name="x", min=0, max=4, step=0.5)
    assert parse_rating("2,5", half, decimal=",").value == 2.5
    assert parse_rating("2.5", half, decimal=",").value == 2.5


@given(st.text(max_size=8))
def test_any_text_is_exactly_one_of_value_reason_and_complaint(text: str) -> None:
    cell = parse_rating(text, ITEM)
    assert (not math.isnan(cell.value)) + (cell.missing is not None) + (cell.kind is not None) == 1
    if not math.isnan(cell.value):
        assert cell.value in range(1, 8)


@given(st.floats(min_value=-1e6, max_value=1e6).map(lambda x: f"{x:.6f}"))
def test_numbers_are_read_as_written(text: str) -> None:
    assert parse_number(text) == float(text)
