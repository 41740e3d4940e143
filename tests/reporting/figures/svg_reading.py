"""Reads a figure back: texts, marks and lines from the SVG, values from the tick labels beside the axes."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
_POINT = re.compile(r"M(-?[\d.]+) (-?[\d.]+)")


@dataclass(frozen=True)
class Scale:
    """Straight line from px to values, through the tick labels as a reader sees them."""

    slope: float
    intercept: float

    def value(self, px: np.ndarray | float) -> np.ndarray:
        return self.slope * np.asarray(px) + self.intercept

    @property
    def px_per_unit(self) -> float:
        return abs(1 / self.slope)


class Drawn:
    """One parsed figure."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)

    def part(self, name: str) -> ElementTree.Element:
        """The group whose id ends with a name."""
        found = [g for g in self.root.iter(f"{SVG}g") if g.get("id", "").endswith(f"-{name}")]
        assert len(found) == 1, (name, [g.get("id") for g in self.root.iter(f"{SVG}g")])
        return found[0]

    def paths(self, part: str) -> list[str]:
        return [path.get("d", "") for path in self.part(part).iter(f"{SVG}path")]

    def points(self, part: str = "points") -> np.ndarray:
        """Px of all marks, in order of x, then y."""
        pairs = [(float(x), float(y)) for d in self.paths(part) for x, y in _POINT.findall(d)]
        return np.array(sorted(pairs)).reshape(-1, 2)

    def scale(self, ticks: str) -> Scale:
        """Axis from a group of tick labels, such as "x-ticks"."""
        axis = "x" if ticks.endswith("x-ticks") else "y"
        px, values = [], []
        for text in self.part(ticks).iter(f"{SVG}text"):
            px.append(float(text.get(axis)) - (4 if axis == "y" else 0))  # baselines lie 4 px below the tick
            values.append(float(text.text.replace("\N{MINUS SIGN}", "-")))
        assert len(px) >= 2, values
        slope, intercept = np.polyfit(px, values, 1)
        return Scale(float(slope), float(intercept))

    @property
    def texts(self) -> list[str]:
        return [text.text or "" for text in self.root.iter(f"{SVG}text")]


def expected_points(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.array(sorted(zip(x, y, strict=True))).reshape(-1, 2)
