"""Tables beside a page: TSV with unrounded numbers for programs, LaTeX with rounded ones for papers."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.study.files import MISSING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["harmless", "latex_escape", "latex_table", "tsv_text"]

# A spreadsheet takes a cell that begins like this for a formula, some also in the wide forms.
_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]")

_ONE_LINE = str.maketrans("\t\r\n", "   ")

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


def tsv_text(frame: "pd.DataFrame") -> str:
    r"""Write a frame as TSV: unrounded, ``n/a`` where missing, and no cell that acts as a formula.

    Parameters
    ----------
    frame : DataFrame
        The table; its index is not written.

    Returns
    -------
    str
        With a header line. Tabs and line ends within a cell become spaces.

    Examples
    --------
    >>> import pandas as pd
    >>> tsv_text(pd.DataFrame({"item": ["=n1"], "r": [0.1 + 0.2], "p": [float("nan")]}))
    "item\tr\tp\n'=n1\t0.30000000000000004\tn/a\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow([harmless(_one_line(str(name))) for name in frame.columns])
    for row in frame.astype(object).itertuples(index=False, name=None):
        writer.writerow([_cell(value) for value in row])
    return stream.getvalue()


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


def _cell(value: object) -> str:
    if hasattr(value, "item"):  # a NumPy scalar, whose repr is no number
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = _one_line(str(value))
    return MISSING if text in ("<NA>", "NaT") else harmless(text)


def _one_line(text: str) -> str:
    return text.translate(_ONE_LINE)
