"""Colours are far enough from their background, and from each other for readers with any colour vision."""

import itertools

import numpy as np
import pytest

from emoclip_clinic.reporting.figures.confusion import MOST_SHADE
from emoclip_clinic.reporting.figures.style import (
    BAND_OPACITY,
    DARK,
    LIGHT,
    POINT_OPACITY,
    STYLE_SHEET,
    variables,
)

THEMES = {"light": LIGHT, "dark": DARK}
PAGES = {"light": ("#ffffff",), "dark": ("#14181d", "#14171a")}
GRAPHIC = ("reference", "model", "human", "line", "third", "ink")


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def luminance(colour: np.ndarray) -> float:
    """Relative luminance of WCAG 2.2."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour: str, paper: str, opacity: float) -> np.ndarray:
    return opacity * rgb(colour) + (1 - opacity) * rgb(paper)


def seen_by(colour: str, kind: str) -> np.ndarray:
    """Colour as dichromats see it: Vienot, Brettel & Mollon 1999, doi:10.1002/(SICI)1520-6378(199908)24:4."""
    linear = np.where(rgb(colour) <= 0.04045, rgb(colour) / 12.92, ((rgb(colour) + 0.055) / 1.055) ** 2.4)
    matrices = {
        "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
        "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
        "normal": np.eye(3),
    }
    return np.asarray(matrices[kind]) @ linear


def test_known_contrasts() -> None:
    assert contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21)
    assert contrast(rgb("#767676"), rgb("#ffffff")) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
def test_text_has_at_least_4_5_to_1(theme: str) -> None:
    colours = THEMES[theme]
    for paper in (*PAGES[theme], colours["paper"], colours["panel"]):
        for role in ("ink", "soft"):
            assert contrast(rgb(colours[role]), rgb(paper)) >= 4.5, (role, paper)
    assert contrast(rgb(colours["model"]), rgb(colours["paper"])) >= 4.5  # "observed 0.21"


@pytest.mark.parametrize("theme", THEMES)
def test_marks_and_lines_have_at_least_3_to_1_also_where_they_are_translucent(theme: str) -> None:
    colours = THEMES[theme]
    for paper in PAGES[theme]:
        for role in GRAPHIC:
            assert contrast(over(colours[role], paper, POINT_OPACITY), rgb(paper)) >= 3, (role, paper)


@pytest.mark.parametrize("theme", THEMES)
def test_numbers_on_the_fullest_cell_and_lines_on_bands_stay_readable(theme: str) -> None:
    colours = THEMES[theme]
    cell = over(colours["model"], colours["paper"], MOST_SHADE)
    assert contrast(rgb(colours["ink"]), cell) >= 4.5
    for role in ("model", "line"):
        band = over(colours[role], colours["paper"], BAND_OPACITY)
        assert contrast(rgb(colours[role]), band) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", ["normal", "deuteranopia", "protanopia"])
def test_model_and_human_are_told_apart_by_colour_alone(theme: str, vision: str) -> None:
    one, other = (seen_by(THEMES[theme][role], vision) for role in ("model", "human"))
    assert np.linalg.norm(one - other) > 0.2


def test_both_themes_define_the_same_roles_and_no_two_alike() -> None:
    assert set(LIGHT) == set(DARK)
    for colours in THEMES.values():
        for one, other in itertools.combinations(GRAPHIC, 2):
            assert np.linalg.norm(rgb(colours[one]) - rgb(colours[other])) > 0.15, (one, other)


def test_the_style_sheet_defines_every_variable_for_light_dark_and_print() -> None:
    assert variables("light") in STYLE_SHEET
    assert f"(prefers-color-scheme:dark){{:root{{{variables('dark')}" in STYLE_SHEET
    assert f"@media print{{:root{{{variables('light')}" in STYLE_SHEET
    for role in LIGHT:
        assert f".fig-f-{role}{{fill:var(--figure-{role},{LIGHT[role]})}}" in STYLE_SHEET
    assert "url(" not in STYLE_SHEET
    assert "@import" not in STYLE_SHEET
