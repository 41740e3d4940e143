"""One self-contained page: every text escaped, no address, no script needed, not too large."""

import re
from dataclasses import dataclass

import pytest

from emoclip_clinic.errors import ReportError
from emoclip_clinic.reporting.page.blocks import (
    Bullets,
    Facts,
    Folded,
    Picture,
    Section,
    Text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.page.rendering import LARGEST_PAGE_BYTES, Link, render, standalone_svg

HOSTILE = "<script>alert('1')</script> \"&\" Ü"


@dataclass(frozen=True)
class Drawn:
    name: str = "one"
    svg: str = '<svg xmlns="http://www.w3.org/2000/svg" role="img"><title>t</title></svg>'
    alt: str = "alt"
    caption: str = HOSTILE


def page(*blocks, **settings) -> str:
    sections = [Section("a", HOSTILE, blocks), Section("b", "B"), Section("c", "C", is_empty=True)]
    return render(sections, **{"title": HOSTILE, "kind": "k", "subtitle": "s", **settings})


EVERYTHING = (
    Text(HOSTILE, "warning", HOSTILE),
    Text(HOSTILE, "missing"),
    Bullets((HOSTILE,)),
    Facts((("name", HOSTILE, HOSTILE), ("other", "q", None))),
    Folded(HOSTILE, (table_of("t", HOSTILE, [{"x": HOSTILE}], [plain_text(HOSTILE, "x")]),)),
    Picture(Drawn()),
)


def test_no_text_becomes_markup() -> None:
    text = page(*EVERYTHING, footer=HOSTILE, links=[Link("x.html", HOSTILE)])
    assert "<script>alert" not in text
    assert text.count("<script>") == 1
    assert text.count("&lt;script&gt;alert") >= 10


def test_a_page_names_no_address() -> None:
    text = page(*EVERYTHING)
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert "@import" not in text
    assert "url(" not in text
    assert not re.search(r'\ssrc="', text)
    assert {link for link in re.findall(r'href="([^"]+)"', text) if not link.startswith("#")} == set()


def test_the_policy_of_the_page_allows_its_own_script_alone() -> None:
    import base64
    import hashlib

    text = page()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text.replace("&#39;", "'").replace("&#43;", "+")
    assert "default-src 'none'" in text


def test_details_are_folded_by_html_and_missing_parts_are_marked() -> None:
    text = page(*EVERYTHING)
    assert "<details>" in text
    assert text.count("<strong>Missing.</strong>") == 2
    assert '<span class="tag">missing</span>' in text


def test_a_table_names_its_columns_and_its_rows() -> None:
    text = page(*EVERYTHING)
    assert '<th scope="col"' in text
    assert '<th scope="row"' in text
    assert "<caption" in text


def test_a_page_that_cannot_be_mailed_is_refused() -> None:
    with pytest.raises(ReportError, match="smaller than 5 MB"):
        page(Text("x" * LARGEST_PAGE_BYTES))


def test_a_figure_has_its_namespace_as_a_file_and_none_inside_the_page() -> None:
    assert standalone_svg(Drawn()).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns=')
    bare = Drawn(svg='<?xml version="1.0"?><svg><title>t</title></svg>')
    assert standalone_svg(bare).count("xmlns=") == standalone_svg(bare).count("<?xml") == 1
    assert "<svg role" in page(Picture(Drawn()))
