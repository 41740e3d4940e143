"""Tables of a page: what a cell shows, what it is sorted by, and what is said once for all rows."""

import math

import pandas as pd

from emoclip_clinic.reporting.page.blocks import (
    Cell,
    Shown,
    as_sentence,
    estimate,
    fixed,
    note_text,
    plain_text,
    table_of,
)

FRAME = pd.DataFrame(
    {
        "item": ["n1", "n_2"],
        "r": [0.456, math.nan],
        "r_low": [0.1, math.nan],
        "r_high": [0.7, math.nan],
        "p": [0.0004, math.nan],
        "form": ["plain", "plain"],
        "flag": ["p not given: several sessions", "p not given: several sessions; few"],
        "empty": ["", ""],
    }
)


def test_an_estimate_has_its_interval_below_and_is_sorted_by_its_full_value() -> None:
    table = table_of("t", "T", FRAME, [plain_text("Item", "item"), estimate("r", "r")])
    assert table.rows[0][1] == Cell("0.46", "0.456", "[0.10, 0.70]")
    assert table.rows[1][1] == Cell("n/a", "", "")


def test_a_column_without_content_is_left_out_but_never_the_first() -> None:
    table = table_of(
        "t", "T", FRAME, [plain_text("Empty", "empty"), plain_text("Also", "empty"), fixed("p", "p", "p")]
    )
    assert [column.heading for column in table.columns] == ["Empty", "p"]


def test_what_is_the_same_in_all_rows_is_said_once() -> None:
    columns = [plain_text("Item", "item"), plain_text("Form", "form", once=True)]
    assert table_of("t", "T", FRAME, columns).notes == ("Form in all rows: plain.",)
    assert len(table_of("t", "T", FRAME.head(1), columns).columns) == 2


def test_notes_on_p_are_left_out_where_no_p_is_shown() -> None:
    table = table_of("t", "T", FRAME, [plain_text("Item", "item"), note_text("Note", "flag", has_p=False)])
    assert [row[1].text for row in table.rows] == ["", "few"]


def test_a_table_for_a_paper_has_estimate_and_interval_in_one_cell() -> None:
    table = table_of(
        "main", "T", FRAME, [plain_text("Item", "item"), estimate("r", "r"), fixed("p", "p", "p")]
    )
    assert r"n1 & 0.46 [0.10, 0.70] & $<$ 0.001 \\" in table.latex
    assert r"n\_2 & n/a & n/a \\" in table.latex


def test_a_table_of_mappings_needs_no_frame() -> None:
    table = table_of("t", "T", [{"x": 1}], [Shown("x", lambda row: Cell(str(row["x"])))])
    assert table.rows == ((Cell("1"),),)


def test_a_reason_becomes_a_sentence() -> None:
    assert as_sentence("the fit has none") == "The fit has none."
    assert as_sentence("Done!") == "Done!"
