"""What a page is made of: sections of texts, tables, pictures and folded parts; plain text throughout."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from emoclip_clinic.reporting.writing.rounding import (
    NOT_THERE,
    interval,
    number,
    p_value,
    percent,
    signed,
    whole,
)
from emoclip_clinic.reporting.writing.tables import latex_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Block",
    "Bullets",
    "Cell",
    "Column",
    "Facts",
    "Folded",
    "Gallery",
    "Picture",
    "Record",
    "Section",
    "Shown",
    "Table",
    "Text",
    "as_sentence",
    "counts",
    "estimate",
    "fixed",
    "note_text",
    "plain_text",
    "table_of",
]

Record = Mapping[Hashable, Any]


class Drawing(Protocol):
    """What a page needs of a figure."""

    @property
    def name(self) -> str: ...
    @property
    def svg(self) -> str: ...
    @property
    def alt(self) -> str: ...
    @property
    def caption(self) -> str: ...


@dataclass(frozen=True)
class Cell:
    """A cell: what is shown, by what it is sorted, and what stands below it, such as an interval."""

    text: str
    sort: str = ""
    below: str = ""

    @property
    def in_one_line(self) -> str:
        """All of it, for a table on paper."""
        return f"{self.text} {self.below}".strip()


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether it holds numbers, and what the heading means."""

    heading: str
    numeric: bool = True
    meaning: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Attributes
    ----------
    key : str
        Its name in the page and of its file.
    caption : str
        What it shows.
    columns : tuple of Column
    rows : tuple of tuple of Cell
    notes : tuple of str
        Sentences below it.
    for_paper : bool
        Whether it is written as LaTeX too.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    for_paper: bool = False
    kind: Literal["table"] = "table"

    @property
    def latex(self) -> str:
        """The table for a paper."""
        return latex_table(
            {column.heading: "r" if column.numeric else "l" for column in self.columns},
            [[cell.in_one_line for cell in row] for row in self.rows],
            caption=self.caption,
            label=self.key,
            notes=" ".join(self.notes),
        )


@dataclass(frozen=True)
class Text:
    """A paragraph, how it is meant, and the words that it begins with."""

    text: str
    tone: Literal["plain", "note", "answer", "warning", "missing"] = "plain"
    lead: str = ""
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Facts:
    """Names with what is known of them; None where it is missing."""

    items: tuple[tuple[str, str, str | None], ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Picture:
    """A figure."""

    drawing: Drawing
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True)
class Gallery:
    """Figures beside each other where there is room."""

    pictures: tuple[Picture, ...]
    kind: Literal["gallery"] = "gallery"


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when a reader asks for them."""

    title: str
    blocks: tuple["Block", ...]
    kind: Literal["folded"] = "folded"
    open: bool = False


Block = Table | Text | Bullets | Facts | Picture | Gallery | Folded


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    key : str
        Its anchor.
    title : str
    blocks : tuple of Block
    is_empty : bool
        Whether it only says what is missing.
    """

    key: str
    title: str
    blocks: tuple[Block, ...] = ()
    is_empty: bool = False


@dataclass(frozen=True)
class Shown:
    """How a column of a frame is shown.

    Attributes
    ----------
    heading : str
    cell : callable
        Takes a row and gives its cell.
    numeric : bool
    meaning : str
        What the heading means.
    once : bool
        Whether the column becomes a note where it says the same in all of several rows.
    """

    heading: str
    cell: Callable[[Record], Cell]
    numeric: bool = True
    meaning: str = field(default="", kw_only=True)
    once: bool = field(default=False, kw_only=True)


def table_of(
    key: str,
    caption: str,
    rows: "pd.DataFrame | Sequence[Record]",
    columns: Iterable[Shown],
    *,
    notes: Iterable[str] = (),
    for_paper: bool = False,
    drop_empty: bool = True,
) -> Table:
    """Make a table of a frame.

    Parameters
    ----------
    key, caption : str
        See :class:`Table`.
    rows : DataFrame or sequence of mapping
        The rows.
    columns : iterable of Shown
        How they are shown.
    notes : iterable of str
        Sentences below the table; empty ones are left out.
    for_paper : bool
        Whether it is written as LaTeX too.
    drop_empty : bool
        Leave out columns without any content, beside the first.

    Returns
    -------
    Table
        The table.
    """
    records: Sequence[Record] = rows if isinstance(rows, Sequence) else rows.to_dict("records")
    shown = list(columns)
    cells = [[one.cell(record) for one in shown] for record in records]
    same = {
        place: cells[0][place].text
        for place, one in enumerate(shown)
        if one.once and len(cells) > 1 and cells[0][place].text and len({row[place] for row in cells}) == 1
    }
    kept = [
        place
        for place in range(len(shown))
        if place == 0
        or (
            place not in same
            and (not drop_empty or any(row[place].text not in ("", NOT_THERE) for row in cells))
        )
    ]
    said = [f"{shown[place].heading} in all rows: {text}." for place, text in same.items()]
    return Table(
        key,
        caption,
        tuple(Column(shown[place].heading, shown[place].numeric, shown[place].meaning) for place in kept),
        tuple(tuple(row[place] for place in kept) for row in cells),
        tuple(note for note in (*said, *notes) if note),
        for_paper,
    )


def as_sentence(text: str) -> str:
    """Begin with a capital letter and end with a stop.

    Examples
    --------
    >>> as_sentence("no table")
    'No table.'
    """
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def plain_text(
    heading: str, name: str, *, numeric: bool = False, meaning: str = "", once: bool = False
) -> Shown:
    """Show a column of text; what is missing is left empty."""
    return Shown(heading, lambda row: Cell(_text(row[name])), numeric=numeric, meaning=meaning, once=once)


def counts(participants: str, sessions: str) -> Shown:
    """Show numbers of participants, and of sessions in brackets below."""
    return Shown("n", lambda row: Cell(str(row[participants]), str(row[participants]), f"({row[sessions]})"))


def note_text(heading: str, name: str, *, has_p: bool = True) -> Shown:
    """Show notes on rows; without a column of p, what is said of p is left out."""

    def cell(row: Record) -> Cell:
        parts = [part for part in _text(row[name]).split("; ") if has_p or not part.startswith("p not given")]
        return Cell("; ".join(parts))

    return Shown(heading, cell, numeric=False, once=True)


def fixed(
    heading: str,
    name: str,
    form: Literal["number", "signed", "whole", "percent", "p"] = "number",
    *,
    decimals: int = 2,
    meaning: str = "",
) -> Shown:
    """Show a column of numbers."""

    def cell(row: Record) -> Cell:
        value = row[name]
        texts = {
            "number": lambda: number(value, decimals=decimals),
            "signed": lambda: signed(value, decimals=decimals),
            "whole": lambda: whole(value),
            "percent": lambda: percent(value),
            "p": lambda: p_value(value),
        }
        return Cell(texts[form](), _sort(value))

    return Shown(heading, cell, meaning=meaning)


def estimate(
    heading: str, name: str, *, low: str = "", high: str = "", decimals: int = 2, meaning: str = ""
) -> Shown:
    """Show an estimate with its interval in brackets; limits are ``<name>_low`` and ``_high`` by default."""

    def cell(row: Record) -> Cell:
        value = row[name]
        limits = interval(row[low or f"{name}_low"], row[high or f"{name}_high"], decimals=decimals)
        text = number(value, decimals=decimals)
        return Cell(text, _sort(value), "" if limits == NOT_THERE else limits)

    return Shown(heading, cell, meaning=meaning)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None or value != value else str(value)


def _sort(value: object) -> str:
    return "" if value is None or value != value else repr(float(str(value)))
