"""References: what is cited is in the list, and BibTeX is well formed."""

import re
from importlib.resources import files

import pytest
import yaml

from emoclip_clinic.reporting.writing.references import bibtex, citation, scale_citation

KEYS = sorted(
    yaml.safe_load(
        (files("emoclip_clinic.reporting.writing") / "references.yaml").read_text(encoding="utf-8")
    )
)


@pytest.mark.parametrize("key", KEYS)
def test_every_publication_can_be_read_and_exported(key: str) -> None:
    one = citation(key)
    assert one.fields["year"] in key
    assert one.reference.count(one.fields["title"]) == 1
    assert one.bibtex.startswith(f"@{one.kind}{{{key},\n")
    assert one.bibtex.count("{") == one.bibtex.count("}")
    assert re.fullmatch(r"10\.\d{4,9}/\S+", one.fields.get("doi", "10.1000/x"))


def test_a_publication_stands_once_in_a_file() -> None:
    text = bibtex([citation("lin1989"), citation("holm1979"), citation("lin1989")])
    assert re.findall(r"@\w+\{(\w+),", text) == ["holm1979", "lin1989"]


def test_the_reference_of_a_scale_is_its_line_of_text() -> None:
    one = scale_citation("kay1987", text="Kay SR. PANSS. 13, 261-276, 1987.", doi="10.1093/schbul/13.2.261")
    assert one.reference == "Kay SR. PANSS. 13, 261-276, 1987. doi:10.1093/schbul/13.2.261"
    assert "note = {Kay SR" in one.bibtex
