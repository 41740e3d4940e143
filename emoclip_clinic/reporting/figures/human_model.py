"""Human beside model: agreement of raters with each other and of the model with them, and the difference."""

from collections.abc import Sequence

import pandas as pd

from emoclip_clinic.reporting.figures.drawing.canvas import Canvas, Marker
from emoclip_clinic.reporting.figures.figure import Figure, figure_name, finish, sentences, without_data
from emoclip_clinic.reporting.figures.rows import (
    Mark,
    Reference,
    Row,
    draw_labels,
    draw_rows,
    label_width,
    row_limits,
)
from emoclip_clinic.reporting.figures.style import WIDTH_PX, Role
from emoclip_clinic.reporting.figures.values import counted, estimate_of, is_finite, level_text
from emoclip_clinic.reporting.writing.rounding import number

__all__ = ["human_beside_model"]

_LABEL_PX = 120.0
_GAP_PX = 26.0
_ROW_PX = 28.0


def human_beside_model(
    comparison: pd.DataFrame,
    *,
    title: str,
    labels: Sequence[str] | None = None,
    margin: float = float("nan"),
    margin_origin: str = "",
    quantity: str = "Agreement",
    confidence: float | None = None,
    name: str = "human-model",
) -> Figure:
    """Draw human and model agreement on the left, their difference with its interval on the right.

    Parameters
    ----------
    comparison : DataFrame
        One row per statistic, or per item: ``statistic``, ``human``, ``model`` and ``difference`` (model -
        human), each with ``_low`` and ``_high``; ``n``, ``n_clusters`` and ``n_raters`` if known. All values
        are of one kind, such as coefficients.
    title : str
        What the figure is about, such as the name of the item.
    labels : sequence of str, optional
        Labels of the rows; by default the statistics.
    margin : float
        Margin of non-inferiority, > 0; NaN for none.
    margin_origin : str
        Where the margin comes from, such as "pre-specified"; "no margin" makes the caption say that there is
        no verdict.
    quantity : str
        What the values are, for the left axis.
    confidence : float, optional
        Level of the intervals, for the caption.
    name : str
        Name of the figure.

    Returns
    -------
    Figure
    """
    name = figure_name(name)
    names = list(labels) if labels is not None else [str(one) for one in comparison["statistic"]]
    parts = [
        (label, estimate_of(row, "human"), estimate_of(row, "model"), estimate_of(row, "difference"))
        for label, (_, row) in zip(names, comparison.iterrows(), strict=True)
    ]
    both = [one for _, human, model, _ in parts for one in (human, model) if is_finite(one.value)]
    if not both:
        return without_data(
            name, title=title, reason="Human and model cannot be compared: fewer than two raters per session."
        )
    left = [
        Row(label, (Mark(human, role="human", marker="square"), Mark(model)))
        for label, human, model, _ in parts
    ]
    right = [Row("", (Mark(difference, role="line", marker="diamond"),)) for _, _, _, difference in parts]
    differences = [difference for _, _, _, difference in parts]
    has_margin = is_finite(margin)

    canvas = Canvas(name, WIDTH_PX, 0)
    width = label_width(left, most=_LABEL_PX)
    entries: list[tuple[Role, Marker | str, str]] = [
        ("human", "square", "rater with the other raters"),
        ("model", "circle", "model with the same raters"),
        ("line", "diamond", "model \u2212 human"),
    ]
    entries += [("human", "5 3", "\u2212 margin")] if has_margin else []
    top = canvas.legend(entries, top=canvas.heading(title)) + 6
    first = 8 + width + 12
    half = (WIDTH_PX - first - 12 - _GAP_PX) / 2
    draw_labels(canvas, left, top=top, width=width, row_px=_ROW_PX)
    draw_rows(
        canvas,
        left,
        top=top,
        left=first,
        right=first + half,
        limits=row_limits(both, held=[0.0]),
        x_label=quantity,
        references=[Reference(0.0)],
        most=4,
        part="agreement-",
        row_px=_ROW_PX,
    )
    draw_rows(
        canvas,
        right,
        top=top,
        left=first + half + _GAP_PX,
        right=WIDTH_PX - 12,
        limits=row_limits(differences, held=[0.0, -margin] if has_margin else [0.0]),
        x_label="Model \u2212 human",
        references=[Reference(0.0), *([Reference(-margin, role="human", dash="5 3")] if has_margin else [])],
        most=4,
        part="difference-",
        row_px=_ROW_PX,
    )
    listed = "; ".join(
        f"{label}: human {human.text()}, model {model.text()}, difference {difference.text()}"
        for label, human, model, difference in parts
    )
    margin_text = (
        f"Dashed: minus the margin of {number(margin)}{f' ({margin_origin})' if margin_origin else ''}."
        if has_margin
        else "No margin was given, so there is no verdict."
        if margin_origin == "no margin"
        else ""
    )
    return finish(
        canvas,
        title=f"{title}: human and model",
        alt=sentences(f"Human beside model, {title}. {listed}.", margin_text if has_margin else ""),
        caption=sentences(
            f"{title}: each rater with the mean of the other raters (squares) and the model with the same "
            "means (circles), averaged over raters; on the right the difference, model \u2212 human, with "
            f"its {level_text(confidence)}. Raters are held fixed.",
            _counts(comparison),
            margin_text,
            "A difference whose interval holds 0 does not show that both are equal.",
        ),
    )


def _counts(comparison: pd.DataFrame) -> str:
    """How many sessions, participants and raters the rows rest on."""
    words = {"n": "session", "n_clusters": "participant", "n_raters": "rater"}
    texts = []
    for column, word in words.items():
        if column in comparison and comparison[column].notna().any():
            low, high = int(comparison[column].min()), int(comparison[column].max())
            texts.append(counted(high, word) if low == high else f"{low} to {counted(high, word)}")
    return f"{', '.join(texts)}." if texts else ""
