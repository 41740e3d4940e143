"""The shipped scales hold the numbers that their publications give."""

from collections import Counter

import pytest

from emoclip_clinic.study.scales import list_scales, load_scale, match_columns

SHIPPED = [entry.name for entry in list_scales()]


def test_the_promised_scales_are_shipped() -> None:
    promised = {
        "panss",
        "cains",
        "bnss",
        "sans",
        "saps",
        "bprs18",
        "bprs24",
        "hamd17",
        "madrs",
        "ymrs",
        "phq9",
    }
    assert promised <= set(SHIPPED)


# Minima and maxima as published (Kay 1987, Kring 2013, Kirkpatrick 2011, Overall and Gorham 1988, Ventura
# 1993, Guy 1976, Montgomery and Asberg 1979, Young 1978, Kroenke 2001).
@pytest.mark.parametrize(
    ("scale", "score", "n_items", "low", "high"),
    [
        ("panss", "total", 30, 30, 210),
        ("panss", "positive", 7, 7, 49),
        ("panss", "negative", 7, 7, 49),
        ("panss", "general", 16, 16, 112),
        ("panss", "marder_negative", 7, 7, 49),
        ("cains", "map", 9, 0, 36),
        ("cains", "exp", 4, 0, 16),
        ("cains", "total", 13, 0, 52),
        ("bnss", "total", 13, 0, 78),
        ("bprs18", "total", 18, 18, 126),
        ("bprs24", "total", 24, 24, 168),
        ("hamd17", "total", 17, 0, 52),
        ("madrs", "total", 10, 0, 60),
        ("ymrs", "total", 11, 0, 60),
        ("phq9", "total", 9, 0, 27),
        ("sans25", "composite", 20, 0, 100),
        ("sans", "globals_total", 5, 0, 25),
        ("saps", "globals_total", 4, 0, 20),
        ("sans", "factor_alogia", 3, 0, 5),
    ],
)
def test_range_of_a_score_follows_from_its_items(
    scale: str, score: str, n_items: int, low: float, high: float
) -> None:
    one = load_scale(scale)
    assert len(one.score(score).items) == n_items
    assert one.target_range(score) == (low, high)


def test_marder_factors_place_each_panss_item_once() -> None:
    panss = load_scale("panss")
    counts = Counter(i for s in panss.scores if s.id.startswith("marder_") for i in s.items)
    assert counts == Counter(panss.item_ids)


def test_wallwork_factors_place_twenty_items_once_at_most() -> None:
    panss = load_scale("panss")
    counts = Counter(i for s in panss.scores if s.id.startswith("wallwork_") for i in s.items)
    assert len(counts) == 20
    assert set(counts.values()) == {1}


def test_the_three_panss_scales_partition_the_items() -> None:
    panss = load_scale("panss")
    parts = [i for s in ("positive", "negative", "general") for i in panss.score(s).items]
    assert Counter(parts) == Counter(panss.item_ids)


def test_item_ids_of_different_scales_are_distinct() -> None:
    owner: dict[str, str] = {}
    for name in SHIPPED:
        for item in load_scale(name).item_ids:
            assert owner.setdefault(item, name) == name


def test_original_numbers_of_the_sans() -> None:
    """ds000030 leaves out original 6 and 10, and splits 15."""
    sans = load_scale("sans")
    numbers = [sans.item_number(i) for i in sans.item_ids]
    expected = [str(n) for n in range(1, 26) if n not in (6, 10)]
    expected[expected.index("15") : expected.index("15") + 1] = ["15a", "15b"]
    assert numbers == expected
    original = load_scale("sans25")
    by_number = {original.item_number(i): original.item(i).name for i in original.item_ids}
    for item in sans.items:
        if item.number not in ("15a", "15b"):
            assert item.name == by_number[str(item.number)]


def test_original_numbers_of_the_saps_are_its_own() -> None:
    saps = load_scale("saps")
    assert [saps.item_number(i) for i in saps.item_ids] == [str(n) for n in range(1, 36)]


@pytest.mark.parametrize(
    ("scale", "item"), [("phq9", "phq9"), ("hamd17", "hamd3"), ("madrs", "madrs10"), ("bprs24", "bprs24_4")]
)
def test_items_on_suicide_carry_a_safety_note(scale: str, item: str) -> None:
    assert load_scale(scale).item(item).safety_note


def test_what_a_face_shows() -> None:
    assert load_scale("panss").item("n1").face == "full"
    assert load_scale("cains").item("cains10").face == "full"
    assert load_scale("panss").item("n4").rests_on == ("informant",)
    assert load_scale("phq9").rated_by == "self"


@pytest.mark.parametrize("name", SHIPPED)
def test_names_are_short_and_never_anchor_texts(name: str) -> None:
    for item in load_scale(name).items:
        assert len(item.name.split()) <= 8


def test_odd_ratings_are_legal_on_the_wide_items_of_the_ymrs() -> None:
    irritability = load_scale("ymrs").item("ymrs5")
    assert irritability.max == 8
    assert irritability.on_step(3)
    assert not irritability.on_step(2.5)


@pytest.mark.parametrize(
    ("name", "column", "target"),
    [
        ("panss", "PANSS Gesamt", "total"),
        ("panss", "PANSS-Gesamtscore", "total"),
        ("panss", "panss_positivskala", "positive"),
        ("panss", "PANSS Negativ", "negative"),
        ("panss", "PANSS Allgemeine Psychopathologie", "general"),
        ("hamd17", "HAMD Summe", "total"),
        ("madrs", "MADRS Gesamtwert", "total"),
        ("bprs24", "BPRS Summenscore", "total"),
    ],
)
def test_german_names_of_sums_are_known(name: str, column: str, target: str) -> None:
    assert match_columns([column], load_scale(name)).columns == {target: (column,)}
