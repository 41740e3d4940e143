"""What a figure is, and what it is about: a measure with its range, as axes and captions name it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas
from emoclip_clinic.reporting.figures.drawing.letters import wrap
from emoclip_clinic.reporting.figures.drawing.markup import clean, identifier
from emoclip_clinic.reporting.figures.drawing.ticks import tick_labels
from emoclip_clinic.reporting.figures.style import TEXT_SIZE, WIDTH_PX

__all__ = ["Figure", "Measure", "figure_name", "finish", "sentences", "without_data"]


@dataclass(frozen=True)
class Figure:
    """A finished figure.

    Attributes
    ----------
    name : str
        Letters, digits, hyphens and underscores; prefix of every id inside, and name of a file.
    svg : str
        One ``svg`` element: no script, no reference to anything outside itself.
    alt : str
        What it shows in words and numbers, as plain text.
    caption : str
        What it is and how to read it, as plain text.
    width_px, height_px : int
        Size at which it was laid out. It may be shown smaller, down to 320 px on a phone.
    """

    name: str
    svg: str
    alt: str
    caption: str
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Measure:
    """What was rated and predicted.

    Parameters
    ----------
    name : str
        Short name for ids and files, such as ``n1``; any text is made into one.
    label : str
        Readable name, such as "N1 blunted affect".
    minimum, maximum : float
        Range of the scale; NaN where there is none.
    step : float
        Distance between neighbouring ratings; NaN for a continuous measure.
    unit : str
        Unit of ratings, predictions and errors; "" for none.
    rating, prediction : str
        What the two numbers are called.
    of : str
        What the range is a range of: a scale, or a change on it.
    """

    name: str
    label: str
    minimum: float = math.nan
    maximum: float = math.nan
    step: float = math.nan
    unit: str = "points"
    rating: str = "Rating"
    prediction: str = "Prediction"
    of: str = "scale"

    @property
    def has_range(self) -> bool:
        """Whether both ends of the scale are known."""
        return math.isfinite(self.minimum) and math.isfinite(self.maximum) and self.minimum < self.maximum

    @property
    def range_text(self) -> str:
        """The range in words, such as "scale 1 to 7"; "" if it is not known."""
        if not self.has_range:
            return ""
        low, high = tick_labels([self.minimum, self.maximum])
        return f"{self.of} {low} to {high}"

    def axis(self, quantity: str) -> str:
        """Compose the label of an axis: quantity, unit, range."""
        inside = "; ".join(part for part in (self.unit, self.range_text) if part)
        return f"{clean(quantity)} ({inside})" if inside else clean(quantity)

    def in_units(self, text: str) -> str:
        """Add the unit to a number."""
        return f"{text} {self.unit}" if self.unit else text


def figure_name(*parts: str) -> str:
    """Join names to the name of a figure."""
    return "-".join(identifier(part) for part in parts if part)


def sentences(*parts: str) -> str:
    """Join sentences, each once and none empty."""
    return " ".join(dict.fromkeys(clean(part) for part in parts if part))


def finish(canvas: Canvas, *, title: str, alt: str, caption: str) -> Figure:
    """Turn a drawn canvas into a figure.

    Parameters
    ----------
    canvas : Canvas
        What was drawn; its name becomes the figure's.
    title : str
        A few words.
    alt, caption : str
        See `Figure`.

    Returns
    -------
    Figure
    """
    alt, caption = clean(alt), clean(caption)
    return Figure(
        canvas.name,
        canvas.svg(title=title, alt=alt),
        alt,
        caption,
        round(canvas.width),
        round(canvas.height),
    )


def without_data(name: str, *, title: str, reason: str, known: Sequence[str] = ()) -> Figure:
    """Give a small figure that says why there is nothing to draw.

    Parameters
    ----------
    name : str
        Name of the figure.
    title : str
        What it would show.
    reason : str
        Why it does not, as a sentence.
    known : sequence of str
        Sentences that hold nevertheless; they are added to the caption.

    Returns
    -------
    Figure
    """
    lines = wrap(reason, TEXT_SIZE, width=WIDTH_PX - 40, lines=3)
    canvas = Canvas(name, WIDTH_PX, 66 + 17 * len(lines))
    top = canvas.heading(title)
    canvas.height = top + 36 + 17 * len(lines)
    canvas.rect((8, top + 6), (WIDTH_PX - 16, canvas.height - top - 14), stroke="reference", radius=4)
    for k, line in enumerate(lines):
        canvas.text((WIDTH_PX / 2, top + 32 + 17 * k), line, anchor="middle", role="soft")
    return finish(
        canvas,
        title=title,
        alt=f"{clean(title)}: {clean(reason)}",
        caption=sentences(f"{title}.", reason, *known),
    )
