"""How wide text is, and how it is broken or cut to fit.

Figures name Arial, Helvetica and Liberation Sans, which share their widths (Adobe's font metrics for
Helvetica), so that the layout is right without asking a browser.
"""

import unicodedata

from emoclip_clinic.reporting.figures.drawing.markup import clean

__all__ = ["cut", "text_width", "wrap"]

_BOLD = 1.07  # mean widening of Helvetica-Bold
_FIRST = 32
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)


def _letter_width(letter: str) -> int:
    """Width in thousandths of the font size."""
    if unicodedata.combining(letter):
        return 0
    place = ord(letter) - _FIRST
    if 0 <= place < len(_WIDTHS):
        return _WIDTHS[place]
    if unicodedata.east_asian_width(letter) in "WF":
        return 1000
    base = unicodedata.normalize("NFD", letter)[0]
    if base != letter:
        return _letter_width(base)
    return 1000 if letter in "\u2026\u2014\ufffd" else 600


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate the width of a line of text.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Font size in px.
    bold : bool
        Whether the text is bold.

    Returns
    -------
    float
        Width in px.
    """
    return sum(map(_letter_width, text)) * size * (_BOLD if bold else 1.0) / 1000


def cut(text: str, size: float, *, width: float, bold: bool = False) -> str:
    """Shorten a line to a width, with an ellipsis where something was left out.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Font size in px.
    width : float
        Width that is there, in px.
    bold : bool
        Whether the text is bold.

    Returns
    -------
    str
        The text, or its beginning and an ellipsis.
    """
    text = clean(text)
    if text_width(text, size, bold=bold) <= width:
        return text
    room = width - text_width("\u2026", size, bold=bold)
    kept = ""
    for letter in text:
        room -= text_width(letter, size, bold=bold)
        if room < 0:
            break
        kept += letter
    return kept.rstrip() + "\u2026"


def wrap(text: str, size: float, *, width: float, lines: int, bold: bool = False) -> list[str]:
    """Break text between words into at most so many lines; the last one is cut.

    Parameters
    ----------
    text : str
        Any text; a word longer than a line is cut.
    size : float
        Font size in px.
    width : float
        Width of a line in px.
    lines : int
        Most lines.
    bold : bool
        Whether the text is bold.

    Returns
    -------
    list of str
        The lines; none for an empty text.
    """
    words = clean(text).split(" ")
    done: list[str] = []
    while words and words != [""]:
        line = words.pop(0)
        if len(done) == lines - 1:
            return [*done, cut(" ".join([line, *words]), size, width=width, bold=bold)]
        while words and text_width(f"{line} {words[0]}", size, bold=bold) <= width:
            line = f"{line} {words.pop(0)}"
        done.append(cut(line, size, width=width, bold=bold))
    return done
