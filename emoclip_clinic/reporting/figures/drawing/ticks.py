"""Round numbers for axes, and how they are written."""

import math

__all__ = ["nice_step", "tick_labels", "ticks"]

_MULTIPLES = (1.0, 2.0, 2.5, 5.0, 10.0)
_SLACK = 1e-9


def nice_step(span: float, *, most: int, whole: bool = False) -> float:
    """Choose the smallest of 1, 2, 2.5, 5 times a power of ten that gives at most so many steps.

    Parameters
    ----------
    span : float
        Length of the axis, positive.
    most : int
        Most steps.
    whole : bool
        Whether the step must be a whole number, as for counts.

    Returns
    -------
    float
        The step.
    """
    exponent = math.floor(math.log10(span / most))
    for power in (exponent, exponent + 1):
        for multiple in _MULTIPLES:
            step = multiple * 10.0**power
            if whole and step != round(step):
                continue
            if step * most >= span * (1 - _SLACK):
                return step
    return 1.0  # a whole step is wanted and every smaller one is a fraction


def ticks(low: float, high: float, *, most: int = 6, whole: bool = False) -> list[float]:
    """Find the round numbers between two limits.

    Parameters
    ----------
    low, high : float
        Limits of the axis, low < high.
    most : int
        Most steps between ticks.
    whole : bool
        Whether only whole numbers are wanted.

    Returns
    -------
    list of float
        Multiples of one step inside the limits, ascending.
    """
    step = nice_step(high - low, most=most, whole=whole)
    first = math.ceil(low / step - _SLACK)
    last = math.floor(high / step + _SLACK)
    return [k * step for k in range(first, last + 1)]


def tick_labels(values: list[float]) -> list[str]:
    """Write ticks with the same number of decimals and a true minus sign.

    Parameters
    ----------
    values : list of float
        Ticks, multiples of one step.

    Returns
    -------
    list of str
        One label for each.
    """
    decimals = next(
        (d for d in range(10) if all(abs(v - round(v, d)) <= _SLACK * max(1.0, abs(v)) for v in values)), 10
    )
    return [f"{v if round(v, decimals) else 0.0:.{decimals}f}".replace("-", "\u2212") for v in values]
