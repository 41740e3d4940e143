"""A plotting area: values to px along two axes, with grid, ticks and labels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Floats
from emoclip_clinic.reporting.figures.drawing.letters import cut, text_width, wrap
from emoclip_clinic.reporting.figures.drawing.ticks import tick_labels, ticks
from emoclip_clinic.reporting.figures.style import Role

__all__ = ["Axis", "Panel", "limits_of"]

TICK_SIZE = 12.0
LABEL_SIZE = 13.0
_LINE = 16.0
_TICK_GAP = 7.0


def limits_of(*values: ArrayLike, pad: float = 0.04, least: float = 1e-9) -> tuple[float, float]:
    """Find limits that hold all finite values with some space around them.

    Parameters
    ----------
    *values : array-like
        Numbers of any shape; those that are not finite do not count.
    pad : float
        Space on each side, as a share of the span.
    least : float
        Smallest span; a constant or nothing at all is widened to it, or to 1 where it is tiny.

    Returns
    -------
    low, high : float
        With low < high; (0, 1) where no value is finite.
    """
    numbers = np.concatenate([np.ravel(np.asarray(value, dtype=np.float64)) for value in values])
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    span = high - low
    if span <= max(least, 1e-9 * max(abs(low), abs(high))):
        half = max(least, abs(low) * 0.05, 0.5) if span <= 1e-12 * max(1.0, abs(low)) else least
        return (low + high) / 2 - half, (low + high) / 2 + half
    return low - pad * span, high + pad * span


@dataclass(frozen=True)
class Axis:
    """A straight axis from a value at one px to a value at another."""

    low: float
    high: float
    start_px: float
    end_px: float

    def at(self, values: ArrayLike) -> Floats:
        """Give the px of values of any shape."""
        numbers = np.asarray(values, dtype=np.float64)
        share = (numbers - self.low) / (self.high - self.low)
        return np.asarray(self.start_px + share * (self.end_px - self.start_px), dtype=np.float64)

    def px(self, value: float) -> float:
        """Give the px of one value."""
        return float(self.at(value))

    def holds(self, value: float) -> bool:
        """Tell whether a value lies on the axis."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Panel:
    """A plotting area on a canvas; the vertical axis starts at the bottom."""

    canvas: Canvas
    x: Axis
    y: Axis
    x_ticks: list[float] = field(default_factory=list)
    y_ticks: list[float] = field(default_factory=list)
    part: str = ""

    @classmethod
    def place(
        cls,
        canvas: Canvas,
        *,
        left: float,
        top: float,
        right: float,
        bottom: float,
        x_limits: tuple[float, float],
        y_limits: tuple[float, float],
        x_most: int = 6,
        y_most: int = 6,
        x_whole: bool = False,
        y_whole: bool = False,
        part: str = "",
    ) -> "Panel":
        """Place a panel by the px of its sides, with ticks at round numbers; ``part`` tells panels apart."""
        return cls(
            canvas,
            Axis(*x_limits, left, right),
            Axis(*y_limits, bottom, top),
            _fitting_ticks(x_limits, right - left, most=x_most, whole=x_whole),
            ticks(*y_limits, most=y_most, whole=y_whole),
            part,
        )

    @classmethod
    def of_rows(
        cls,
        canvas: Canvas,
        *,
        left: float,
        top: float,
        right: float,
        n_rows: int,
        row_px: float,
        x_limits: tuple[float, float],
        x_most: int = 6,
        part: str = "",
    ) -> "Panel":
        """Place a panel whose vertical axis counts rows from 0 at the top, without ticks."""
        return cls(
            canvas,
            Axis(*x_limits, left, right),
            Axis(float(n_rows), 0.0, top + n_rows * row_px, top),
            _fitting_ticks(x_limits, right - left, most=x_most),
            [],
            part,
        )

    @property
    def left(self) -> float:
        """Px of the left side."""
        return self.x.start_px

    @property
    def right(self) -> float:
        """Px of the right side."""
        return self.x.end_px

    @property
    def top(self) -> float:
        """Px of the upper side."""
        return self.y.end_px

    @property
    def bottom(self) -> float:
        """Px of the lower side."""
        return self.y.start_px

    def frame(self, x_label: str, y_label: str, *, x_grid: bool = True, y_grid: bool = True) -> None:
        """Draw grid, axes, ticks and labels; an empty label or list of ticks leaves its part out."""
        canvas = self.canvas
        grid = [f"M{_at(self.x, v)} {self.top:g}V{self.bottom:g}" for v in self.x_ticks] if x_grid else []
        grid += [f"M{self.left:g} {_at(self.y, v)}H{self.right:g}" for v in self.y_ticks] if y_grid else []
        if grid:
            canvas.path("".join(grid), stroke="grid")
        canvas.path(f"M{self.left:g} {self.top:g}V{self.bottom:g}H{self.right:g}", stroke="reference")
        with canvas.group(f"{self.part}x-ticks"):
            canvas.texts(
                [(self.x.px(v), self.bottom + 16) for v in self.x_ticks],
                tick_labels(self.x_ticks),
                size=TICK_SIZE,
                anchor="middle",
                role="soft",
            )
        with canvas.group(f"{self.part}y-ticks"):
            canvas.texts(
                [(self.left - 6, self.y.px(v) + 4) for v in self.y_ticks],
                tick_labels(self.y_ticks),
                size=TICK_SIZE,
                anchor="end",
                role="soft",
            )
        self._labels(x_label, y_label)

    def _labels(self, x_label: str, y_label: str) -> None:
        canvas = self.canvas
        middle = (self.left + self.right) / 2
        room = min(2 * (canvas.width - middle), 2 * middle) - 8
        below = wrap(x_label, LABEL_SIZE, width=room, lines=2)
        for k, line in enumerate(below):
            canvas.text((middle, self.bottom + 35 + k * _LINE), line, anchor="middle")
        canvas.height = max(canvas.height, self.bottom + 30 + _LINE * len(below))
        if y_label:
            widest = max((text_width(label, TICK_SIZE) for label in tick_labels(self.y_ticks)), default=0.0)
            last = self.left - 15 - widest
            most = 2 if last - _LINE >= LABEL_SIZE else 1
            lines = wrap(y_label, LABEL_SIZE, width=self.bottom - self.top + 20, lines=most)
            for k, line in enumerate(lines):
                place = (last - (len(lines) - 1 - k) * _LINE, (self.top + self.bottom) / 2)
                canvas.text(place, line, anchor="middle", upward=True)

    def horizontal(self, value: float, *, role: Role, width: float = 1.4, dash: str = "") -> None:
        """Draw a line across the panel at a value, if it lies on the axis."""
        if self.y.holds(value):
            y = self.y.px(value)
            self.canvas.line((self.left, y), (self.right, y), role=role, width=width, dash=dash)

    def vertical(self, value: float, *, role: Role, width: float = 1.4, dash: str = "") -> None:
        """Draw a line up the panel at a value, if it lies on the axis."""
        if self.x.holds(value):
            x = self.x.px(value)
            self.canvas.line((x, self.bottom), (x, self.top), role=role, width=width, dash=dash)

    def slanted(
        self,
        slope: float,
        intercept: float,
        *,
        role: Role,
        width: float = 1.6,
        dash: str = "",
        between: tuple[float, float] | None = None,
    ) -> None:
        """Draw y = intercept + slope x, cut at the sides of the panel or at two values of x."""
        low, high = between or (self.x.low, self.x.high)
        low, high = max(low, self.x.low), min(high, self.x.high)
        if slope:
            crossings = sorted(((self.y.low - intercept) / slope, (self.y.high - intercept) / slope))
            low, high = max(low, crossings[0]), min(high, crossings[1])
        elif not self.y.holds(intercept):
            return
        if low < high:
            ends = [(self.x.px(v), self.y.px(intercept + slope * v)) for v in (low, high)]
            self.canvas.line(ends[0], ends[1], role=role, width=width, dash=dash)

    def note(self, text: str) -> None:
        """Write one line in the middle of the panel."""
        room = self.right - self.left - 12
        line = cut(text, LABEL_SIZE, width=room)
        middle = ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
        self.canvas.text(middle, line, anchor="middle", role="soft")


def _fitting_ticks(
    limits: tuple[float, float], width: float, *, most: int, whole: bool = False
) -> list[float]:
    """Ticks whose labels do not touch on an axis of so many px."""
    for steps in range(most, 0, -1):
        values = ticks(*limits, most=steps, whole=whole)
        widest = max((text_width(label, TICK_SIZE) for label in tick_labels(values)), default=0.0)
        if len(values) < 2 or (values[1] - values[0]) / (limits[1] - limits[0]) * width > widest + _TICK_GAP:
            break
    return values


def _at(axis: Axis, value: float) -> str:
    return f"{axis.px(value):.1f}"
