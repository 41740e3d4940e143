"""The one style of all figures: what a colour means, what it is on light and on dark paper, sizes, fonts.

A stand-alone file carries the colours for white paper as plain attributes, which every program reads. In
a page `STYLE_SHEET` takes over through classes, so that the same bytes follow the reader's light or dark
setting, and print as on white.

Blue against orange and blue against violet stay apart for readers with any colour vision; where a colour
carries a meaning, a shape or a dash pattern carries it too.
"""

from types import MappingProxyType
from typing import Literal

__all__ = [
    "BAND_OPACITY",
    "DARK",
    "FONT",
    "LIGHT",
    "POINT_OPACITY",
    "SMALL_SIZE",
    "STYLE_SHEET",
    "TEXT_SIZE",
    "WIDTH_PX",
    "Role",
    "variables",
]

Role = Literal["ink", "soft", "grid", "paper", "panel", "reference", "model", "human", "line", "third"]

LIGHT: MappingProxyType[Role, str] = MappingProxyType(
    {
        "ink": "#1b1f24",  # text and axes
        "soft": "#4f5863",  # second text
        "grid": "#e3e6ea",  # decoration only
        "paper": "#ffffff",
        "panel": "#f1f4f7",  # boxes of the flow diagram
        "reference": "#69727d",  # identity, zero, null distribution
        "model": "#0f62a6",
        "human": "#b54a00",
        "line": "#7b3fa0",  # calibration line, limits of agreement
        "third": "#00705a",
    }
)
DARK: MappingProxyType[Role, str] = MappingProxyType(
    {
        "ink": "#e9ecef",
        "soft": "#b6bec8",
        "grid": "#2f363e",
        "paper": "#14181d",
        "panel": "#20262c",
        "reference": "#929ca8",
        "model": "#6cb4f0",
        "human": "#f0a052",
        "line": "#cfa3ee",
        "third": "#4fc9a4",
    }
)

FONT = "Arial,Helvetica,'Liberation Sans',sans-serif"
SMALL_SIZE = 12.0
TEXT_SIZE = 13.0  # px at the full width; about 10 px on a phone of 360 px
WIDTH_PX = 440  # no figure is wider, so that none shrinks below reading size on a phone

POINT_OPACITY = 0.78  # points that lie on each other show as darker, and one alone still has 3:1
BAND_OPACITY = 0.2


def variables(theme: Literal["light", "dark"]) -> str:
    """Give the declarations of the colour variables, for a page that switches its theme in its own way.

    Parameters
    ----------
    theme : {"light", "dark"}
        Paper that the colours are for.

    Returns
    -------
    str
        ``--figure-ink:#1b1f24;...``, to stand between braces.
    """
    colours = LIGHT if theme == "light" else DARK
    return "".join(f"--figure-{role}:{colour};" for role, colour in colours.items())


def _rules() -> str:
    return "".join(
        f".fig-f-{role}{{fill:var(--figure-{role},{colour})}}"
        f".fig-s-{role}{{stroke:var(--figure-{role},{colour})}}"
        for role, colour in LIGHT.items()
    )


STYLE_SHEET = (
    f":root{{{variables('light')}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{variables('dark')}}}}}"
    f"@media print{{:root{{{variables('light')}}}}}"
    "svg.fig{display:block;max-width:100%;height:auto;break-inside:avoid;page-break-inside:avoid}" + _rules()
)
