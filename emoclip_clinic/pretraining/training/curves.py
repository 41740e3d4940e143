"""Curves of a training as one SVG file."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from emoclip_clinic.study.files import write_bytes

__all__ = ["draw_curves"]

_PANELS = (
    ("loss", "loss"),
    ("mean_reciprocal_rank", "mean reciprocal rank (validation)"),
    ("r2", "variance of attributes explained (validation)"),
    ("inverse_temperature", "inverse temperature"),
    ("gradient_norm", "norm of the gradients"),
    ("clips_per_s", "clips per second"),
)


def draw_curves(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """Draw what ``metrics.csv`` holds, a panel per measure and a line per stage.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of ``metrics.csv``: column to text.
    path : Path
        The SVG file to write.
    """
    from matplotlib.figure import Figure

    panels = [(column, title) for column, title in _PANELS if any(row.get(column) for row in rows)]
    if not panels:
        return
    figure = Figure(figsize=(10, 2.6 * ((len(panels) + 1) // 2)), layout="constrained")
    for number, (column, title) in enumerate(panels):
        axes = figure.add_subplot((len(panels) + 1) // 2, 2, number + 1)
        for stage in ("frames", "contrast"):
            own = [row for row in rows if row["stage"] == stage and row.get(column)]
            if own:
                x, y = [int(row["step"]) for row in own], [float(row[column]) for row in own]
                axes.plot(x, y, label=stage, marker="." if len(own) < 40 else None)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("step of the stage", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    write_bytes(path, stream.getvalue())
