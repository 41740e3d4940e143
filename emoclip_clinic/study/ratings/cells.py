"""Turns the text of a cell into a rating, a reason why there is none, or a complaint with likely cause."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from emoclip_clinic.study.ratings.problems import ProblemKind
from emoclip_clinic.study.scales import Item

__all__ = [
    "EMPTY",
    "NUMERIC_MISSING_CODES",
    "REDCAP_MISSING_CODES",
    "Cell",
    "parse_number",
    "parse_rating",
]

EMPTY = "empty"

# Negative conventions of exports. Positive ones (9, 99, 999) may be ratings: the user names those.
NUMERIC_MISSING_CODES = frozenset(
    {-9, -77, -88, -97, -98, -99, -777, -888, -997, -998, -999, -9997, -9998, -9999, -99999}
)

# Codes that REDCap offers for missing data (the null flavors of HL7).
REDCAP_MISSING_CODES: Mapping[str, str] = MappingProxyType(
    {
        "NI": "no information",
        "INV": "invalid",
        "UNK": "unknown",
        "NASK": "not asked",
        "ASKU": "asked but unknown",
        "NAV": "temporarily unavailable",
        "MSK": "masked",
        "NAVU": "not available",
        "NP": "not present",
    }
)

_EMPTY_WORDS = frozenset({"", "n/a", "na", "nan", "null", ".", "#n/a"})
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"-?\d+,\d+", re.ASCII)
_LOOKALIKES = str.maketrans({"o": "0", "O": "0", "l": "1", "I": "1", "|": "1", "S": "5", "B": "8"})
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_STRAY = " ,.;:!?*'\"`\u00b4~<>=()+#_"


@dataclass(frozen=True)
class Cell:
    """What one cell holds: exactly one of value, missing reason and complaint.

    Parameters
    ----------
    value : float
        The rating, in points; NaN if there is none.
    missing : str or None
        Why there is no rating.
    kind : str or None
        What sort of complaint.
    complaint, hint : str or None
        The broken rule, and the likely cause.
    """

    value: float = math.nan
    missing: str | None = None
    kind: ProblemKind | None = None
    complaint: str | None = None
    hint: str | None = None


def parse_number(text: str, *, decimal: str = ".") -> float | None:
    """Read a plain decimal number; None if the text is anything else.

    Parameters
    ----------
    text : str
        Text without surrounding blanks. Signs other than '-', exponents, separators of thousands, digits of
        other scripts, infinity and the like are no plain numbers.
    decimal : str
        Decimal mark, '.' or ','. A point is understood in either case.

    Returns
    -------
    float or None
        The number.
    """
    if decimal == "," and _COMMA_NUMBER.fullmatch(text):
        text = text.replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_rating(
    text: str, item: Item, *, decimal: str = ".", missing_codes: Mapping[str, str] | None = None
) -> Cell:
    """Read the rating of an item.

    Parameters
    ----------
    text : str
        Text of the cell.
    item : Item
        The item, whose range and step the rating must have.
    decimal : str
        Decimal mark of the file.
    missing_codes : mapping of str to str, optional
        Codes that mean a missing rating in this file, and the reason for each. They come first.

    Returns
    -------
    Cell
        The rating, the reason for its absence, or what is wrong with it.
    """
    text = text.strip()
    number = parse_number(text, decimal=decimal)
    for code, reason in (missing_codes or {}).items():
        if text == code or (number is not None and number == parse_number(code)):
            return Cell(missing=f"code {code} ({reason})" if reason else f"code {code}")
    if text.casefold() in _EMPTY_WORDS:
        return Cell(missing=EMPTY)
    if text in REDCAP_MISSING_CODES:
        return Cell(missing=f"code {text} ({REDCAP_MISSING_CODES[text]})")
    if number is None:
        return Cell(
            kind="non-numeric",
            complaint="A rating must be a number.",
            hint=_likely_typing_error(text, decimal),
        )
    if not item.in_range(number):
        if number in NUMERIC_MISSING_CODES:
            return Cell(missing=f"code {number:.0f}")
        return Cell(
            kind="out-of-range",
            complaint=f"A rating of {item.id} must lie between {item.min:g} and {item.max:g}.",
            hint=_likely_range_error(text, number, item),
        )
    if not item.on_step(number):
        return Cell(
            kind="wrong-step",
            complaint=f"A rating of {item.id} must be {item.min:g} plus a multiple of {item.step:g}.",
            hint="A mean of raters is not a rating: import each rater's own.",
        )
    return Cell(value=number)


def _likely_typing_error(text: str, decimal: str) -> str:
    if _COMMA_NUMBER.fullmatch(text):
        return "Perhaps a decimal comma, while this file is read with a decimal point: pass --decimal ','."
    letters = "".join(sorted({c for c in text if c in "oOlI|SB"}))
    if letters and parse_number(text.translate(_LOOKALIKES)) is not None:
        return f"Perhaps {text.translate(_LOOKALIKES)}, typed with the letter '{letters}'."
    date = _DATE.match(text)
    if date:
        day, month = int(date[3]), int(date[2])
        return f"Perhaps {day}.{month}, which a spreadsheet turned into a date."
    plain = unicodedata.normalize("NFKC", text)
    if plain != text and parse_number(plain) is not None:
        return f"Perhaps {plain}, typed with characters that only look like digits."
    inner = text.strip(_STRAY)
    if inner != text and parse_number(inner, decimal=decimal) is not None:
        stray = text.replace(inner, "", 1).strip()
        return f"Perhaps {inner}, with a stray '{stray}'."
    two = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*[\s/;,\u2013\u2014-]\s*(\d+(?:[.,]\d+)?)", text)
    if two:
        return f"Perhaps two ratings in one cell, {two[1]} and {two[2]}, or a range."
    if re.match(r"\(?\d+\)?\W*[^\W\d]", text):
        return "A number with a label: give the data dictionary, or export raw values."
    if re.search(r"[^\W\d_]", text):
        return (
            "Perhaps a label: give the data dictionary, or export raw values; "
            "if it means missing, pass --missing."
        )
    return "If it means a missing rating, pass --missing."


def _likely_range_error(text: str, number: float, item: Item) -> str | None:
    digits = text.strip("-")
    if re.fullmatch(r"9+|8{2,}|7{2,}", digits) and not item.in_range(float(digits[0])):
        return "Perhaps a code for missing: pass --missing."
    if number > 0 and len(digits) > 1 and len(set(digits)) == 1 and item.in_range(float(digits[0])):
        return f"Perhaps {digits[0]}, typed {len(digits)} times."
    if number < 0 and item.in_range(-number):
        return f"Perhaps {-number:g}, with a stray '-'."
    if digits.isdigit() and len(digits) == 2 and all(item.in_range(float(d)) for d in digits):
        return f"Perhaps two ratings in one cell, {digits[0]} and {digits[1]}, or one digit too many."
    if number in (item.min - item.step, item.max + item.step):
        return f"Perhaps a version of the scale whose ratings do not run from {item.min:g} to {item.max:g}."
    return None
