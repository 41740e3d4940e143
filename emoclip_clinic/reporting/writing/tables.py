"""Tables beside a page: TSV with unrounded numbers for programs, LaTeX with rounded ones for papers."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic.study.files import write_tsv

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["harmless", "latex_escape", "latex_table", "write_frame"]

# A spreadsheet takes a cell that begins like this for a formula, some also in the wide forms.
_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]")

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"\textquotedbl{}",
    "\N{MINUS SIGN}": r"$-$",
    "\N{INFINITY}": r"$\infty$",
    "\N{GREEK SMALL LETTER RHO}": r"$\rho$",
    "\N{GREEK SMALL LETTER TAU}": r"$\tau$",
    "\N{GREEK SMALL LETTER KAPPA}": r"$\kappa$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
}


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe stands before what looks like one.

    Parameters
    ----------
    text : str
        A cell or the name of a column. Numbers are no texts: -0.5 stays as it is.

    Returns
    -------
    str
        The text, with ``'`` before it if it begins with ``=``, ``+``, ``-`` or ``@``.

    Examples
    --------
    >>> harmless("=1+1"), harmless("sub-01"), harmless(" @x")
    ("'=1+1", 'sub-01', "' @x")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def write_frame(path: Path, frame: "pd.DataFrame") -> None:
    """Write a frame as TSV: numbers in full precision, ``n/a`` where missing, no cell that acts as a formula.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    frame : DataFrame
        The table; its index is not written.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    columns = [harmless(str(name)) for name in frame.columns]
    rows = [
        {name: _cell(value) for name, value in zip(columns, row, strict=True)}
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]
    write_tsv(path, rows, columns=columns)


def latex_escape(text: str) -> str:
    r"""Return text that LaTeX sets as it is.

    Examples
    --------
    >>> print(latex_escape("50 % of n_1 < 3"))
    50 \% of n\_1 $<$ 3
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def latex_table(
    columns: Mapping[str, str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
    label: str,
    notes: str = "",
) -> str:
    r"""Compose a booktabs table.

    Parameters
    ----------
    columns : mapping of str to {"l", "r", "c"}
        Heading to alignment, in their order. Headings are plain text.
    rows : sequence of sequence of str
        Cells as plain text, already rounded.
    caption : str
        Plain text.
    label : str
        Label for ``\ref``: letters, digits and hyphens.
    notes : str
        Plain text below the table.

    Returns
    -------
    str
        A ``table`` environment; it needs ``\usepackage{booktabs}`` and nothing else.
    """
    head = " & ".join(latex_escape(name) for name in columns)
    body = "\n".join("  " + " & ".join(latex_escape(cell) for cell in row) + r" \\" for row in rows)
    note = f"\n  \\par\\smallskip\\footnotesize {latex_escape(notes)}" if notes else ""
    safe_label = re.sub(r"[^A-Za-z0-9-]+", "-", label)
    return (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}[tbp]\n"
        "  \\centering\\small\n"
        f"  \\caption{{{latex_escape(caption)}}}\n"
        f"  \\label{{tab:{safe_label}}}\n"
        f"  \\begin{{tabular}}{{{''.join(columns.values())}}}\n"
        "  \\toprule\n"
        f"  {head} \\\\\n"
        "  \\midrule\n"
        f"{body}\n"
        "  \\bottomrule\n"
        f"  \\end{{tabular}}{note}\n"
        "\\end{table}\n"
    )


def _cell(value: object) -> object:
    if isinstance(value, str):
        return harmless(value)
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "item"):  # a NumPy scalar, whose repr is no number
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else repr(value)
    if isinstance(value, int | bool):
        return value
    text = str(value)
    return None if text in ("<NA>", "NaT") else harmless(text)
