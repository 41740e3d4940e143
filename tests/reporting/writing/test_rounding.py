"""How numbers are written: half up, never a negative zero, never a p of 0 or 1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.reporting.writing.rounding import interval, number, p_value, percent, signed, whole


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.125, 2, "0.13"),
        (2.675, 2, "2.68"),  # as its shortest decimal reads, not as its binary value lies
        (-0.125, 2, "\N{MINUS SIGN}0.13"),
        (-0.001, 2, "0.00"),
        (1e22, 0, "1" + "0" * 22),
        (math.inf, 2, "\N{INFINITY}"),
        (math.nan, 2, "n/a"),
        (None, 2, "n/a"),
    ],
)
def test_numbers_round_half_up_as_they_read(value: float | None, decimals: int, text: str) -> None:
    assert number(value, decimals=decimals) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_a_written_number_is_within_half_a_unit(value: float, decimals: int) -> None:
    back = float(number(value, decimals=decimals).replace("\N{MINUS SIGN}", "-"))
    assert abs(back - value) <= 0.5 * 10**-decimals * (1 + 1e-9) + 1e-12
    assert not (back == 0 and "\N{MINUS SIGN}" in number(value, decimals=decimals))


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< 0.001"),
        (0.0009999, "< 0.001"),
        (0.001, "0.001"),
        (0.0495, "0.050"),
        (1.0, "> 0.999"),
        (math.nan, "n/a"),
    ],
)
def test_p_is_never_zero_or_one(p: float, text: str) -> None:
    assert p_value(p) == text


def test_some_is_never_no_percent_and_not_all_never_a_hundred() -> None:
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.9999, 1.0)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
    ]


def test_an_interval_with_one_limit_is_none() -> None:
    assert interval(0.1, math.nan) == "n/a"
    assert interval(-0.5, 0.25, decimals=1) == "[\N{MINUS SIGN}0.5, 0.3]"


def test_a_difference_that_rounds_to_zero_has_no_sign() -> None:
    assert [signed(value) for value in (0.004, 0.005, -0.004)] == ["0.00", "+0.01", "0.00"]


def test_counts_are_whole() -> None:
    assert whole(12.0) == "12"
