"""What holds of every kind of figure: the file, its words, its size, and that nothing in it can do harm."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from emoclip_clinic.reporting import figures
from emoclip_clinic.reporting.figures import Estimate
from emoclip_clinic.reporting.figures.drawing.letters import text_width
from emoclip_clinic.reporting.figures.style import LIGHT, WIDTH_PX
from tests.reporting.figures import examples
from tests.reporting.figures.examples import HOSTILE, LIMITS, LINE, N1
from tests.reporting.figures.svg_reading import SVG, Drawn

PLAIN = examples.every_figure()
BAD = examples.every_figure(HOSTILE)
CASES = [pytest.param(figure, id=f"{name}{kind}") for kind, made in (("", PLAIN), ("-hostile", BAD))
         for name, figure in made.items()]  # fmt: skip
ALLOWED = {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "g", "path", "rect", "text")}


@pytest.mark.parametrize("figure", CASES)
def test_the_file_is_well_formed_and_holds_only_shapes_and_text(figure: figures.Figure) -> None:
    root = ElementTree.fromstring(figure.svg)
    for element in root.iter():
        assert element.tag in ALLOWED
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert "href" not in name
            assert "url(" not in value
            assert name != "style"
    figure.svg.encode("utf-8")


@pytest.mark.parametrize("figure", CASES)
def test_the_only_address_is_the_name_of_the_format(figure: figures.Figure) -> None:
    assert re.findall(r"https?://[^\"'<\s]*", figure.svg) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("figure", CASES)
def test_ids_are_unique_and_start_with_the_name(figure: figures.Figure) -> None:
    ids = [element.get("id") for element in ElementTree.fromstring(figure.svg).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert ids[0] == figure.name
    assert all(re.fullmatch(rf"{re.escape(figure.name)}(-[a-z-]+)?", one) for one in ids)


def test_names_of_figures_are_those_of_files_and_differ() -> None:
    names = [figure.name for figure in (*PLAIN.values(), *BAD.values())]
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) and len(name) < 100 for name in names)
    made = {
        figures.scatter(examples.pairs(), figures.Measure(name, "x")).name for name in ("a b", "a/b", "A b")
    }
    assert len(made) == 3


@pytest.mark.parametrize("figure", CASES)
def test_a_screen_reader_gets_title_and_text(figure: figures.Figure) -> None:
    root = ElementTree.fromstring(figure.svg)
    assert root.get("role") == "img"
    title, desc = root[0], root[1]
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text
    assert desc.text == figure.alt


@pytest.mark.parametrize("figure", CASES)
def test_no_text_leaves_the_figure_and_all_can_be_read_on_a_phone(figure: figures.Figure) -> None:
    root = ElementTree.fromstring(figure.svg)
    assert figure.width_px <= WIDTH_PX
    parents = {child: parent for parent in root.iter() for child in parent}

    def attribute(element: ElementTree.Element, name: str, default: str) -> str:
        while element is not None:
            if element.get(name):
                return element.get(name, default)
            element = parents.get(element)
        return default

    for text in root.iter(f"{SVG}text"):
        size = float(attribute(text, "font-size", "13"))
        assert size * 320 / WIDTH_PX >= 8.5
        width = text_width(text.text or "", size, bold=text.get("font-weight") == "bold")
        before = {"start": 0.0, "middle": width / 2, "end": width}[attribute(text, "text-anchor", "start")]
        x, y = float(text.get("x")), float(text.get("y"))
        low, high, limit = (x - before, x - before + width, figure.width_px)
        if text.get("transform"):
            low, high, limit = y - width + before, y + before, figure.height_px
            assert x >= 0.75 * size
        assert low >= -0.5, text.text
        assert high <= limit + 0.5, text.text
        assert size * 0.7 <= y <= figure.height_px


@pytest.mark.parametrize("figure", CASES)
def test_every_mark_is_inside_the_figure(figure: figures.Figure) -> None:
    for d in (path.get("d", "") for path in ElementTree.fromstring(figure.svg).iter(f"{SVG}path")):
        places = np.array([[float(x), float(y)] for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", d)])
        assert (places >= 0).all()
        assert (places <= [figure.width_px, figure.height_px]).all()


@pytest.mark.parametrize("figure", CASES)
def test_colours_are_those_of_the_style_and_follow_the_page_through_classes(figure: figures.Figure) -> None:
    for element in ElementTree.fromstring(figure.svg).iter():
        for kind in ("fill", "stroke"):
            colour = element.get(kind)
            if colour and colour != "none":
                role = re.search(rf"fig-{kind[0]}-(\w+)", element.get("class", ""))
                assert role is not None
                assert colour == LIGHT[role.group(1)]


def test_hostile_words_are_shown_as_they_are() -> None:
    for name, figure in BAD.items():
        if name in ("many-participants", "quality"):  # no word of the user's
            continue
        assert "<script>" not in figure.svg
        assert "&lt;b&gt;" in figure.svg, name
        assert "\x01" not in figure.svg + figure.alt + figure.caption
        assert "\u202e" not in figure.svg + figure.alt + figure.caption


def test_equal_input_gives_equal_bytes() -> None:
    again = examples.every_figure()
    assert {name: figure.svg for name, figure in again.items()} == {n: f.svg for n, f in PLAIN.items()}
    other = figures.scatter(examples.pairs(), N1, line=LINE, seed=1)
    assert other.svg != figures.scatter(examples.pairs(), N1, line=LINE, seed=2).svg


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        (
            "scatter",
            ["80 sessions of 40 participants", "slope 0.80 (0.40 to 1.20)", "CCC 0.44 (0.20 to 0.60)"],
        ),
        (
            "bland-altman",
            ["Bias -0.12 points (-0.34 to 0.10)", "-2.31 (-2.80 to -1.90)", "2.07 points (1.70 to"],
        ),
        ("calibration", ["Slope 0.80 (0.40 to 1.20)", "intercept 0.70", "0.11 points"]),
        ("null", ["Observed skill 0.10", "p = 0.010", "of 499 permutations"]),
        ("forest", ["Item 0 0.31 (0.16 to 0.42)", "Item 2 not defined", "Item 3 0.12"]),
        (
            "human-model",
            ["human 0.72 (0.60 to 0.80)", "model 0.51", "-0.21 (-0.36 to -0.06)", "margin of 0.10"],
        ),
        ("ratings", ["80 sessions", "At the lowest possible rating"]),
        ("participants", ["40 participants", "mean absolute value"]),
        ("cohort", ["64 participants", "no face was found: 1 participant, 1 session", "121 sessions"]),
        ("quality", ["30 sessions, 24 of them in the analysis", "Coverage: median"]),
        ("sensitivity", ["mean 0.21", "std 0.12", "mean+std not defined"]),
        ("stability", ["mean 0.18 (0.08 to 0.26), all participants 0.21"]),
        ("confusion", ["on the same step", "rated 4:"]),
    ],
)
def test_the_alternative_text_tells_the_numbers(name: str, numbers: list[str]) -> None:
    for number in numbers:
        assert number in PLAIN[name].alt.replace("\N{MINUS SIGN}", "-")


def test_captions_say_how_to_read_the_figure() -> None:
    assert "Ratings are jittered by at most 0.16 points at random (seed 0)" in PLAIN["scatter"].caption
    assert "A calibrated model varies less than the ratings" in PLAIN["bland-altman"].caption
    assert "90 % intervals" in PLAIN["bland-altman"].caption
    assert "does not show that both are equal" in PLAIN["human-model"].caption
    assert "whoever picks it has tried all of them" in PLAIN["sensitivity"].caption
    assert "no standard error" in PLAIN["stability"].caption


def test_axes_name_quantity_unit_and_range() -> None:
    assert "Prediction (points; scale 1 to 7)" in Drawn(PLAIN["scatter"].svg).texts
    assert "Rating (points; scale 1 to 7)" in Drawn(PLAIN["scatter"].svg).texts
    assert "Prediction \N{MINUS SIGN} rating (points)" in Drawn(PLAIN["bland-altman"].svg).texts
    bare = figures.Measure("x", "x", unit="", rating="Sensor", prediction="Watch")
    texts = Drawn(figures.scatter(examples.pairs(), bare).svg).texts
    assert "Sensor" in texts
    assert "Watch" in texts


def test_a_page_of_45_items_with_200_sessions_stays_far_below_its_limit() -> None:
    data = examples.pairs(200, people=120)
    own = [
        figures.scatter(data, N1, line=LINE, statistics={"CCC": Estimate(0.4, 0.2, 0.6)}),
        figures.bland_altman_plot(data, N1, limits=LIMITS),
        figures.calibration_plot(data, N1, calibration=examples.calibration(data)),
        figures.null_distribution(np.random.default_rng(0).normal(size=999), N1, observed=1.0),
    ]
    sizes = [len(figure.svg.encode()) for figure in own]
    assert max(sizes) < 15_000
    assert 45 * sum(sizes) < 1_800_000
    assert all(len(figure.svg.encode()) < 20_000 for figure in PLAIN.values())


def test_thousands_of_sessions_are_all_drawn() -> None:
    data = examples.pairs(3000, people=1000)
    figure = figures.scatter(data, N1, line=LINE)
    assert len(Drawn(figure.svg).points()) == 3000
    assert len(figure.svg) < 80_000
