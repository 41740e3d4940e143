"""Publications that a text cites: chosen by key from a list, written as BibTeX and as a reader's list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

__all__ = ["Citation", "bibtex", "citation", "scale_citation"]

_ENTRY_FIELDS = (
    "author", "title", "journal", "booktitle", "publisher", "edition", "year", "volume", "pages", "doi",
    "note",
)  # fmt: skip
_TEX = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$"}


@dataclass(frozen=True)
class Citation:
    """One publication.

    Attributes
    ----------
    key : str
        As a text cites it, ``[@key]``.
    kind : str
        Kind of BibTeX entry.
    fields : mapping of str to str
        Fields of BibTeX.
    """

    key: str
    kind: str
    fields: Mapping[str, str]

    @property
    def reference(self) -> str:
        """The publication as a list of references shows it."""
        if "author" not in self.fields:
            text = self.fields["note"]
        else:
            place = self.fields.get("journal") or self.fields.get("booktitle") or self.fields["publisher"]
            where = [part for part in (self.fields.get("volume"), self.fields.get("pages")) if part]
            text = f"{_people(self.fields['author'])}. {self.fields['title']}. {place}"
            text += f" {', '.join(where)}" if where else ""
            text += f", {self.fields['year']}"
        doi = self.fields.get("doi")
        return f"{text.rstrip('.')}. doi:{doi}" if doi else f"{text.rstrip('.')}."

    @property
    def bibtex(self) -> str:
        """The entry for a reference manager."""
        lines = [
            f"  {name} = {{{_in_tex(name, self.fields[name])}}}"
            for name in _ENTRY_FIELDS
            if name in self.fields
        ]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}\n"


def citation(key: str) -> Citation:
    """Return a publication of the shipped list.

    Parameters
    ----------
    key : str
        Such as ``lin1989``.

    Returns
    -------
    Citation
        The publication.

    Raises
    ------
    KeyError
        If the list has no such key.
    """
    return _shipped()[key]


def scale_citation(key: str, *, text: str, doi: str | None) -> Citation:
    """Make a publication of what the definition of a scale says, which is a line of text.

    Parameters
    ----------
    key : str
        Its key.
    text : str
        Authors, title, journal, year.
    doi : str, optional
        Digital object identifier.

    Returns
    -------
    Citation
        An entry of the kind ``misc``.
    """
    return Citation(key, "misc", {"note": text, **({} if doi is None else {"doi": doi})})


def bibtex(citations: Iterable[Citation]) -> str:
    """Compose a BibTeX file: every publication once, sorted by key."""
    entries = {one.key: one.bibtex for one in citations}
    return "\n".join(entries[key] for key in sorted(entries))


@cache
def _shipped() -> dict[str, Citation]:
    text = files("emoclip_clinic.reporting.writing").joinpath("references.yaml").read_text(encoding="utf-8")
    return {
        key: Citation(key, str(fields.pop("kind")), {name: str(value) for name, value in fields.items()})
        for key, fields in yaml.safe_load(text).items()
    }


def _people(authors: str) -> str:
    people = [_short(person) for person in authors.split(" and ")]
    if people[-1] == "others":
        return f"{', '.join(people[:-1])}, et al"
    return ", ".join(people)


def _short(person: str) -> str:
    family, _, given = person.partition(", ")
    return f"{family} {''.join(name[0] for name in given.replace('-', ' ').split())}".strip()


def _in_tex(name: str, text: str) -> str:
    if name == "doi":
        return text
    text = "".join(_TEX.get(letter, letter) for letter in text)
    # Braces keep the capitals of a title, whatever the style of a journal does.
    return f"{{{text}}}" if name == "title" else text.replace("-", "--") if name == "pages" else text
