"""How numbers are written for people; rounding happens here and nowhere else.

One convention everywhere, in the page and in tables for papers: a leading zero always stands, the decimal
mark is a point, coefficients and points of a scale have two decimals, p has three and never reads 0 or 1.
"""

import math
from decimal import ROUND_HALF_UP, Decimal

__all__ = [
    "CONVENTION",
    "MINUS",
    "NOT_THERE",
    "in_brackets",
    "interval",
    "number",
    "p_value",
    "percent",
    "signed",
    "whole",
]

NOT_THERE = "n/a"
MINUS = "\N{MINUS SIGN}"

CONVENTION = (
    "Numbers are rounded half up when they are written, and only then: coefficients and points of the scale "
    "to two decimals, p to three; p below 0.001 is written as < 0.001 and never as 0. A leading zero always "
    "stands. The TSV files hold the unrounded numbers."
)
"""What a reader is told about rounding."""


def number(value: float | None, *, decimals: int = 2) -> str:
    """Write a number, with a true minus sign.

    Parameters
    ----------
    value : float or None
        The number; None and NaN are not there.
    decimals : int
        Digits after the point.

    Returns
    -------
    str
        Never a negative zero.

    Examples
    --------
    >>> number(0.125), number(12, decimals=1), number(float("nan"))
    ('0.13', '12.0', 'n/a')
    """
    if value is None or math.isnan(value):
        return NOT_THERE
    if math.isinf(value):
        return f"{MINUS if value < 0 else ''}\N{INFINITY}"
    # The shortest decimal that means this float, so that 0.125 and 2.675 round as a reader of them expects.
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):f}"
    return MINUS + text if rounded < 0 else text


def signed(value: float | None, *, decimals: int = 2) -> str:
    """Write a difference with its sign.

    Examples
    --------
    >>> signed(0.5), signed(0.001)
    ('+0.50', '0.00')
    """
    text = number(value, decimals=decimals)
    is_above_zero = (
        value is not None and value > 0 and any(digit in text for digit in "123456789\N{INFINITY}")
    )
    return f"+{text}" if is_above_zero else text


def interval(low: float | None, high: float | None, *, decimals: int = 2) -> str:
    """Write an interval in brackets.

    Examples
    --------
    >>> interval(0.1, 0.5), interval(float("nan"), 1.0)
    ('[0.10, 0.50]', 'n/a')
    """
    texts = [number(limit, decimals=decimals) for limit in (low, high)]
    return NOT_THERE if NOT_THERE in texts else f"[{', '.join(texts)}]"


def in_brackets(confidence: float) -> str:
    """Tell what stands in brackets beside estimates.

    Examples
    --------
    >>> in_brackets(0.95)
    '95 % intervals in brackets'
    """
    return f"{100 * confidence:.4g} % intervals in brackets"


def p_value(value: float | None) -> str:
    """Write a p value; never 0 or 1.

    Examples
    --------
    >>> p_value(0.0314), p_value(0.0001), p_value(0.9999)
    ('0.031', '< 0.001', '> 0.999')
    """
    if value is None or math.isnan(value):
        return NOT_THERE
    if value < 0.001:
        return "< 0.001"
    return "> 0.999" if value > 0.999 else number(value, decimals=3)


def percent(share: float | None, *, decimals: int = 0) -> str:
    """Write a share as percent; some is never 0 %, not all is never 100 %.

    Examples
    --------
    >>> percent(0.254), percent(0.001), percent(0.999), percent(1.0)
    ('25 %', '< 1 %', '> 99 %', '100 %')
    """
    if share is None or math.isnan(share):
        return NOT_THERE
    text = number(100 * share, decimals=decimals)
    step = Decimal(1).scaleb(-decimals)
    if share > 0 and float(text) == 0:
        return f"< {step} %"
    if share < 1 and float(text.replace(MINUS, "-")) == 100:
        return f"> {100 - step} %"
    return f"{text} %"


def whole(value: float | None) -> str:
    """Write a count.

    Examples
    --------
    >>> whole(12.0), whole(None)
    ('12', 'n/a')
    """
    return NOT_THERE if value is None or math.isnan(value) else str(round(value))
