"""Tables for programs keep every digit and harm no spreadsheet; tables for papers are escaped."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.reporting.writing.tables import harmless, latex_escape, latex_table, tsv_text


def test_numbers_come_back_to_the_last_digit() -> None:
    values = [0.1 + 0.2, -1e-300, 1 / 3, 123456789.123456789]
    text = tsv_text(pd.DataFrame({"value": values, "n": np.array([1, 2, 3, 4])}))
    header, *rows = csv.reader(io.StringIO(text), delimiter="\t")
    assert header == ["value", "n"]
    assert [float(value) for value, _ in rows] == values
    assert [n for _, n in rows] == ["1", "2", "3", "4"]


def test_what_is_missing_is_not_available() -> None:
    frame = pd.DataFrame(
        {"a": [np.nan, 1.0], "b": [None, "x"], "c": pd.array([pd.NA, 2], dtype="Int64"), "d": [True, False]}
    )
    assert tsv_text(frame).splitlines() == ["a\tb\tc\td", "n/a\tn/a\tn/a\ttrue", "1.0\tx\t2\tfalse"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1"])
def test_text_that_looks_like_a_formula_is_made_harmless(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(tsv_text(pd.DataFrame({cell: [cell]}))), delimiter="\t"))
    for row in rows:
        assert row[0].startswith("'")


def test_negative_numbers_stay_numbers() -> None:
    assert tsv_text(pd.DataFrame({"x": [-0.5]})) == "x\n-0.5\n"
    assert harmless("sub-01") == "sub-01"


def test_a_row_stays_a_line() -> None:
    text = tsv_text(pd.DataFrame({"note": ["a\nb\tc\r\nd"], "x": [1]}))
    assert text == "note\tx\na b c  d\t1\n"


def test_latex_sets_every_special_character_as_it_is() -> None:
    assert latex_escape(r"a_b & 50 % {x} \y ~^#$") == (
        r"a\_b \& 50 \% \{x\} \textbackslash{}y \textasciitilde{}\textasciicircum{}\#\$"
    )


def test_a_booktabs_table_has_a_row_for_each_row() -> None:
    text = latex_table(
        {"Item": "l", "r": "r"}, [["N_1", "\N{MINUS SIGN}0.50"]], caption="A & B", label="main 1"
    )
    assert r"\begin{tabular}{lr}" in text
    assert r"N\_1 & $-$0.50 \\" in text
    assert r"\caption{A \& B}" in text
    assert r"\label{tab:main-1}" in text
    assert text.count("{") == text.count("}")
