"""Write an evaluation: recalls, confusion, clips, and a record of what it rests on."""

import io
from pathlib import Path
from typing import Any

import pandas as pd

from emoclip_clinic.pretraining.evaluation.zero_shot import ZeroShotEvaluation
from emoclip_clinic.study.files import write_bytes, write_frame, write_json
from emoclip_clinic.study.versions import software_versions

__all__ = ["confusion_svg", "write_evaluation"]


def write_evaluation(
    folder: Path, evaluation: ZeroShotEvaluation, *, facts: dict[str, Any]
) -> tuple[Path, ...]:
    """Write the files of an evaluation.

    Parameters
    ----------
    folder : Path
        Where to; made if absent.
    evaluation : ZeroShotEvaluation
        What came of it.
    facts : dict
        What else it rests on: data, weights.

    Returns
    -------
    tuple of Path
        ``recall.tsv``, ``confusion.tsv``, ``confusion.svg``, ``clips.tsv``, and ``evaluation.json``, which is
        written last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    confusion = evaluation.recall.confusion
    tables = {
        "recall.tsv": evaluation.recall.table,
        "confusion.tsv": confusion.rename_axis("label").reset_index(),
        "clips.tsv": evaluation.clips,
    }
    for name, table in tables.items():
        write_frame(folder / name, table)
    write_bytes(folder / "confusion.svg", confusion_svg(confusion))
    write_json(
        folder / "evaluation.json",
        {
            **facts,
            "classes": {name: list(texts) for name, texts in evaluation.classes.texts.items()},
            "style": evaluation.classes.style,
            "compounds": evaluation.classes.compounds,
            "inverse_temperature": evaluation.inverse_temperature,
            "uar_sd_over_windows": None if pd.isna(evaluation.window_spread) else evaluation.window_spread,
            "versions": software_versions(),
        },
    )
    return tuple(folder / name for name in (*tables, "confusion.svg", "evaluation.json"))


def confusion_svg(confusion: pd.DataFrame) -> bytes:
    """Draw a confusion matrix: shares of each label, with numbers of clips.

    Parameters
    ----------
    confusion : DataFrame of shape (K, K)
        Clips, labels in rows and readings in columns.

    Returns
    -------
    bytes
        An SVG file, the same for the same numbers.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    counts = confusion.to_numpy()
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    n = len(counts)
    side = 1.6 + 0.42 * n
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "emoclip-clinic"}):
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        axes.set_xticks(range(n), list(confusion.columns), rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(n), list(confusion.index), fontsize=8)
        axes.set_xlabel("nearest description")
        axes.set_ylabel("label")
        for row in range(n):
            for column in range(n):
                if counts[row, column]:
                    dark = shares[row, column] < 0.6
                    text = str(counts[row, column])
                    axes.text(
                        column, row, text, ha="center", va="center", fontsize=7, color="w" if dark else "k"
                    )
        figure.colorbar(image, label="share of the label's clips", shrink=0.8)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
