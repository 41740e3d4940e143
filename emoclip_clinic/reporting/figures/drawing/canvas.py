"""The sheet that a figure is drawn on: lines, boxes, points and text in px, then one SVG string."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np

from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width, wrap
from emoclip_clinic.reporting.figures.drawing.markup import attribute, content, px
from emoclip_clinic.reporting.figures.style import FONT, LIGHT, SMALL_SIZE, TEXT_SIZE, Role

__all__ = ["MARKERS", "Anchor", "Canvas", "Floats", "Marker"]

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Anchor = Literal["start", "middle", "end"]
Marker = Literal["circle", "square", "diamond", "triangle"]
MARKERS: tuple[Marker, ...] = ("circle", "triangle", "square", "diamond")

_MARGIN = 8.0

# A zero-length line with a round or square end is a dot of a third of a circle element's bytes. Points are
# dealt to a few paths, because opacity adds up between paths and not inside one: ties stay visible.
_LAYERS = 4
_MARKS = {
    "diamond": "m0-{a}l{a} {a}-{a} {a}-{a}-{a}z",
    "triangle": "m0-{a}l{b} {c}h-{d}z",
}


class Canvas:
    """Collects the elements of one figure.

    Parameters
    ----------
    name : str
        Prefix of every id, unique in a page; see `identifier`.
    width, height : float
        Size in px.
    """

    def __init__(self, name: str, width: float, height: float) -> None:
        self.name = name
        self.width = width
        self.height = height
        self._parts: list[str] = []

    @contextmanager
    def group(self, part: str) -> Iterator[None]:
        """Put what is drawn inside into a group with the id ``NAME-PART``."""
        self._parts.append(f'<g id="{self.name}-{part}">')
        yield
        self._parts.append("</g>")

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        role: Role = "ink",
        width: float = 1.0,
        dash: str = "",
    ) -> None:
        """Draw a straight line; ``dash`` is a pattern such as ``5 3``."""
        d = f"M{px(start[0])} {px(start[1])}L{px(end[0])} {px(end[1])}"
        self.path(d, stroke=role, width=width, dash=dash)

    def path(
        self,
        d: str,
        *,
        stroke: Role | None = None,
        fill: Role | None = None,
        width: float = 1.0,
        dash: str = "",
        opacity: float = 1.0,
    ) -> None:
        """Draw a path from SVG path data."""
        classes, paint = _paint(fill, stroke)
        extra = f' stroke-width="{width:g}"' if stroke else ""
        extra += f' stroke-dasharray="{dash}"' if dash else ""
        extra += f' opacity="{opacity:g}"' if opacity < 1 else ""
        self._parts.append(f'<path class="{classes}" d="{d}"{paint}{extra}/>')

    def rect(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        *,
        fill: Role | None = None,
        stroke: Role | None = None,
        opacity: float = 1.0,
        radius: float = 0.0,
        width: float = 1.0,
    ) -> None:
        """Draw a box from its upper left corner."""
        classes, paint = _paint(fill, stroke)
        extra = f' rx="{radius:g}"' if radius else ""
        extra += f' stroke-width="{width:g}"' if stroke else ""
        extra += f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self._parts.append(
            f'<rect class="{classes}" x="{px(corner[0])}" y="{px(corner[1])}" width="{px(size[0])}" '
            f'height="{px(size[1])}"{paint}{extra}/>'
        )

    def points(
        self,
        x: Floats,
        y: Floats,
        *,
        role: Role = "model",
        marker: Marker = "circle",
        radius: float = 3.2,
        opacity: float = 1.0,
    ) -> None:
        """Draw one mark per pair of coordinates in px, all finite."""
        layers = _LAYERS if opacity < 1 and len(x) > 1 else 1
        for layer in range(layers):
            pairs = list(zip(x[layer::layers], y[layer::layers], strict=True))
            if not pairs:
                continue
            if marker in ("circle", "square"):
                d = "".join(f"M{px(a)} {px(b)}h0" for a, b in pairs)
                side = 2 * radius if marker == "circle" else 1.8 * radius
                cap = "round" if marker == "circle" else "square"
                shape = f'stroke-width="{side:.3g}" stroke-linecap="{cap}"'
                classes, paint = _paint(None, role)
            else:
                shape = ""
                d = "".join(f"M{px(a)} {px(b)}{_mark(marker, radius)}" for a, b in pairs)
                classes, paint = _paint(role, None)
            faint = f' opacity="{opacity:g}"' if opacity < 1 else ""
            self._parts.append(f'<path class="{classes}" d="{d}"{paint} {shape}{faint}/>'.replace(" /", "/"))

    def text(
        self,
        place: tuple[float, float],
        text: str,
        *,
        size: float = TEXT_SIZE,
        anchor: Anchor = "start",
        role: Role = "ink",
        bold: bool = False,
        upward: bool = False,
        halo: bool = False,
    ) -> None:
        """Write one line at its baseline; ``halo`` keeps it readable on lines, ``upward`` turns it left."""
        x, y = px(place[0]), px(place[1])
        classes, paint = _paint(role, "paper" if halo else None)
        extra = f' font-size="{size:g}"' if size != TEXT_SIZE else ""
        extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
        extra += ' font-weight="bold"' if bold else ""
        extra += f' transform="rotate(-90 {x} {y})"' if upward else ""
        extra += ' stroke-width="3" stroke-linejoin="round" paint-order="stroke"' if halo else ""
        self._parts.append(f'<text class="{classes}" x="{x}" y="{y}"{paint}{extra}>{content(text)}</text>')

    def texts(
        self,
        places: Sequence[tuple[float, float]],
        texts: Sequence[str],
        *,
        size: float = TEXT_SIZE,
        anchor: Anchor = "start",
        role: Role = "ink",
    ) -> None:
        """Write many lines of one kind, with what they share said once."""
        classes, paint = _paint(role, None)
        inner = "".join(
            f'<text x="{px(x)}" y="{px(y)}">{content(text)}</text>'
            for (x, y), text in zip(places, texts, strict=True)
        )
        self._parts.append(
            f'<g class="{classes}"{paint} font-size="{size:g}" text-anchor="{anchor}">{inner}</g>'
        )

    def heading(self, text: str, *, lines: int = 2) -> float:
        """Write what the figure is about over its whole width; give the px below it."""
        room = self.width - 2 * _MARGIN
        shown = wrap(text, TEXT_SIZE, width=room, lines=lines, bold=True)
        for k, line in enumerate(shown):
            self.text((_MARGIN, 17 + 16 * k), line, bold=True)
        return 9 + 16.0 * len(shown)

    def legend(self, entries: Sequence[tuple[Role, Marker | str, str]], *, top: float) -> float:
        """Write what marks and lines mean, in as many rows as needed; give the px below.

        Parameters
        ----------
        entries : sequence of (role, marker, text)
            A marker's name, or the dash pattern of a line: ``""`` for a solid one.
        top : float
            Px of the upper side.

        Returns
        -------
        float
        """
        x, y = _MARGIN, top + 13
        for role, mark, text in entries:
            shown = cut(text, SMALL_SIZE, width=self.width - 2 * _MARGIN - 26)
            width = text_width(shown, SMALL_SIZE) + (26 if mark not in MARKERS else 18)
            if x > _MARGIN and x + width > self.width - _MARGIN:
                x, y = _MARGIN, y + 17
            if mark in MARKERS:
                self.points(np.array([x + 6]), np.array([y - 4]), role=role, marker=mark, radius=4)
                self.text((x + 16, y), shown, size=SMALL_SIZE, role="soft")
            else:
                self.line((x, y - 4), (x + 20, y - 4), role=role, width=1.8, dash=mark)
                self.text((x + 25, y), shown, size=SMALL_SIZE, role="soft")
            x += width + 16
        return y + 6 if entries else top

    def svg(self, *, title: str, alt: str) -> str:
        """Finish the figure.

        Parameters
        ----------
        title : str
            What a reader of the file's list of figures sees.
        alt : str
            What the figure shows, in words and numbers, for those who do not see it.

        Returns
        -------
        str
            One ``svg`` element without reference to anything outside itself.
        """
        w, h = px(self.width), px(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="fig" id="{attribute(self.name)}" role="img" '
            f'aria-labelledby="{self.name}-title {self.name}-desc" width="{w}" height="{h}" '
            f'viewBox="0 0 {w} {h}" font-family="{FONT}" font-size="{TEXT_SIZE:g}">'
            f'<title id="{self.name}-title">{content(title)}</title>'
            f'<desc id="{self.name}-desc">{content(alt)}</desc>{"".join(self._parts)}</svg>\n'
        )


def _paint(fill: Role | None, stroke: Role | None) -> tuple[str, str]:
    """Classes for a page's style sheet, and the same colours on white as attributes."""
    classes = [f"fig-f-{fill}"] if fill else []
    classes += [f"fig-s-{stroke}"] if stroke else []
    paint = f' fill="{LIGHT[fill]}"' if fill else ' fill="none"'
    return " ".join(classes), paint + (f' stroke="{LIGHT[stroke]}"' if stroke else "")


def _mark(marker: Marker, radius: float) -> str:
    """Relative path data of a mark around a point."""
    a = 1.25 * radius
    sizes = {"a": a, "b": 1.1 * radius, "c": 2 * radius, "d": 2.2 * radius}
    return _MARKS[marker].format(**{name: px(value) for name, value in sizes.items()})
