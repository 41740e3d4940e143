"""The layer below the figures: widths of text, round ticks, names, axes."""

import re
import string
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas
from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width, wrap
from emoclip_clinic.reporting.figures.drawing.markup import clean, identifier, px
from emoclip_clinic.reporting.figures.drawing.panel import Axis, Panel, limits_of
from emoclip_clinic.reporting.figures.drawing.ticks import tick_labels, ticks
from tests.reporting.figures.svg_reading import Drawn

MINUS = "\N{MINUS SIGN}"
LETTERS = string.ascii_letters + string.digits + string.punctuation + " "


@pytest.mark.oracle
def test_widths_are_those_of_adobes_metrics_of_helvetica() -> None:
    metrics = Path(matplotlib.get_data_path()) / "fonts" / "pdfcorefonts" / "Helvetica.afm"
    entries = re.findall(r"C (-?\d+) ; WX (\d+) ; N (\w+)", metrics.read_text("ascii"))
    by_name = {name: int(width) for _, width, name in entries}
    expected = {chr(int(code)): int(width) for code, width, _ in entries if 32 <= int(code) < 127}
    # In Adobe's own encoding these two codes are curly quotes.
    expected |= {"'": by_name["quotesingle"], "`": by_name["grave"]}
    assert {letter: text_width(letter, 1000) for letter in LETTERS} == expected


def test_accents_are_as_wide_as_their_letters_and_marks_take_no_room() -> None:
    assert text_width("ü", 12) == text_width("u", 12) == text_width("u\u0308", 12)
    assert text_width("漢", 12) == 12


@given(st.text(max_size=60), st.floats(20, 300))
def test_what_is_cut_fits(text: str, width: float) -> None:
    shown = cut(text, 12, width=width)
    assert text_width(shown, 12) <= width + 1e-9
    assert shown == clean(text) or shown.endswith("\u2026")


@given(st.text(max_size=200), st.integers(1, 4))
def test_lines_fit_and_keep_all_words_until_one_is_cut(text: str, lines: int) -> None:
    shown = wrap(text, 12, width=90, lines=lines)
    assert len(shown) <= lines
    assert all(text_width(line, 12) <= 90 + 1e-9 for line in shown)
    if not any("\u2026" in line for line in shown):
        assert " ".join(shown) == clean(text)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_ticks_are_inside_round_and_not_too_many(low: float, span: float, most: int) -> None:
    high = low + span
    found = ticks(low, high, most=most)
    assert len(found) <= most + 1
    slack = 1e-6 * span + 1e-9 * abs(low)
    assert all(low - slack <= tick <= high + slack for tick in found)
    if len(found) > 2:
        steps = np.diff(found)
        assert np.ptp(steps) < 1e-6 * steps[0] + 1e-9 * max(abs(low), abs(high))


def test_ticks_of_known_axes() -> None:
    assert ticks(1, 7, most=8) == [1, 2, 3, 4, 5, 6, 7]
    assert ticks(30, 210, most=4) == [50, 100, 150, 200]
    assert tick_labels(ticks(-0.3, 0.3, most=6)) == [
        f"{MINUS}0.3",
        f"{MINUS}0.2",
        f"{MINUS}0.1",
        "0.0",
        "0.1",
        "0.2",
        "0.3",
    ]
    assert ticks(0, 1.5, most=5, whole=True) == [0, 1]
    assert tick_labels([-0.0, 1.0]) == ["0", "1"]
    assert tick_labels([0.25, 0.5]) == ["0.25", "0.50"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_limits_hold_all_finite_values_and_are_apart(values: list[float]) -> None:
    kept = [value for value in values if abs(value) < 1e12]
    low, high = limits_of([value for value in values if not np.isfinite(value) or abs(value) < 1e12])
    assert low < high
    assert all(low <= value <= high for value in kept)


def test_limits_of_nothing_and_of_a_constant() -> None:
    assert limits_of([], [np.nan]) == (0.0, 1.0)
    assert limits_of([3.0, 3.0]) == (2.5, 3.5)


def test_axis_is_linear_between_its_ends() -> None:
    axis = Axis(1, 7, 100, 400)
    np.testing.assert_allclose(axis.at([1, 4, 7]), [100, 250, 400])
    assert axis.holds(7)
    assert not axis.holds(7.1)


def test_labels_of_neighbouring_ticks_do_not_touch_on_a_narrow_axis() -> None:
    canvas = Canvas("narrow", 200, 100)
    panel = Panel.of_rows(
        canvas, left=0, top=0, right=70, n_rows=1, row_px=20, x_limits=(-0.3, 0.6), x_most=8
    )
    widths = [text_width(label, 12) for label in tick_labels(panel.x_ticks)]
    assert np.diff(panel.x.at(panel.x_ticks)).min() > max(widths)


def test_a_slanted_line_ends_at_the_sides_of_its_panel() -> None:
    canvas = Canvas("cut", 100, 100)
    panel = Panel.place(
        canvas, left=10, top=10, right=90, bottom=90, x_limits=(0.0, 1.0), y_limits=(0.0, 1.0)
    )
    panel.slanted(4.0, -1.0, role="line")
    panel.slanted(0.0, 5.0, role="line")  # flat and outside
    assert canvas.svg(title="t", alt="a").count("<path") == 1
    assert "M30 90L50 10" in canvas.svg(title="t", alt="a")


def test_coordinates_have_one_decimal_and_nothing_to_spare() -> None:
    assert [px(value) for value in (12.0, 12.04, 12.36, -0.01, 0)] == ["12", "12", "12.4", "0", "0"]


@given(st.text(max_size=50), st.text(max_size=50))
def test_names_become_ids_and_stay_different(first: str, second: str) -> None:
    one, other = identifier(first), identifier(second)
    assert one.replace("-", "").replace("_", "").isalnum()
    assert one.isascii()
    assert one[0].isalpha()
    assert (one == other) == (first == second)


def test_identifiers_of_scales_stay_as_they_are() -> None:
    assert [identifier(name) for name in ("n1", "wallwork_negative", "bland-altman")] == [
        "n1",
        "wallwork_negative",
        "bland-altman",
    ]
    assert identifier("N1") != identifier("n1").upper()  # files of both names meet on some file systems


def test_text_is_escaped_and_what_xml_forbids_is_replaced() -> None:
    canvas = Canvas("text", 100, 100)
    canvas.text((0, 10), "<b>&\x00\u202e\ud800\ttab")
    drawn = Drawn(canvas.svg(title='"<&', alt="a"))
    assert drawn.texts == ["<b>&\ufffd\ufffd\ufffd tab"]
