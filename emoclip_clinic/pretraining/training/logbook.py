"""The log of a training: a line per so many steps, ``metrics.csv``, and TensorBoard by option."""

import csv
import io
import logging
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from emoclip_clinic.errors import PretrainingError, SettingsError
from emoclip_clinic.study.files import write_bytes

__all__ = ["COLUMNS", "Logbook", "peak_memory_mb"]

COLUMNS = (
    "stage", "step", "epoch", "loss", "lr_factor", "inverse_temperature", "gradient_norm", "clips_per_s",
    "waiting_share", "memory_mb", "elapsed_s", "recall_at_1", "recall_at_5", "mean_reciprocal_rank",
    "chance_recall_at_1", "r2",
)  # fmt: skip
"""Columns of ``metrics.csv``; rows of evaluations fill the last five, the others those before."""

_log = logging.getLogger(__name__)


class Logbook:
    """Writes down how a training goes. Only the first process has one that writes.

    Parameters
    ----------
    folder : Path or None
        Folder of the run; None to write nothing.
    tell : callable, optional
        Shows a line to the user.
    tensorboard : bool
        Whether to write for TensorBoard, too.

    Attributes
    ----------
    rows : list of dict
        Rows so far: column to value.

    Raises
    ------
    SettingsError
        If TensorBoard is asked for and not installed.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        tell: Callable[[str], None] | None = None,
        tensorboard: bool = False,
    ) -> None:
        self._path = None if folder is None else folder / "metrics.csv"
        self._tell = tell
        self._board: Any = _board(folder / "tensorboard") if tensorboard and folder is not None else None
        self.rows: list[dict[str, str]] = []

    def go_on_after(self, stage: str, step: int) -> None:
        """Take up ``metrics.csv`` where a checkpoint was made, and drop what came after it.

        Parameters
        ----------
        stage : {"frames", "contrast"}
            Stage of the checkpoint.
        step : int
            Steps of it that were done.
        """
        if self._path is None:
            return
        if self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
            self.rows = [
                row
                for row in rows
                if (row["stage"] == stage and int(row["step"]) <= step)
                or (row["stage"] == "frames" and stage == "contrast")
            ]
        self._write_all()

    def start(self) -> None:
        """Begin an empty ``metrics.csv``."""
        self._write_all()

    def steps(self, stage: str, values: Mapping[str, float | None], *, step: int, n_steps: int) -> None:
        """Write down some steps.

        Parameters
        ----------
        stage : {"frames", "contrast"}
            The stage.
        values : mapping of str to float or None
            Column to value.
        step, n_steps : int
            Steps that are done, and steps of the stage.
        """
        self._add(stage, values, step=step)
        scale = values.get("inverse_temperature")
        said = [
            f"{stage} {step}/{n_steps}: loss {values['loss']:.4f}",
            f"lr x {values['lr_factor']:.3g}",
            *([] if scale is None else [f"1/temperature {scale:.1f}"]),
            f"{values['clips_per_s']:.1f} clips/s",
            f"waiting {100 * (values['waiting_share'] or 0):.0f} %",
            f"memory {values['memory_mb']:.0f} MB",
        ]
        self.say(", ".join(said))

    def evaluation(self, stage: str, values: Mapping[str, float], *, step: int) -> None:
        """Write down an evaluation.

        Parameters
        ----------
        stage : {"frames", "contrast"}
            The stage.
        values : mapping of str to float
            Measure to value.
        step : int
            Steps that are done.
        """
        self._add(stage, values, step=step)
        whole = {name: value for name, value in values.items() if "/" not in name and name != "epoch"}
        self.say(f"{stage} {step}: " + ", ".join(f"{n.replace('_', ' ')} {v:.4f}" for n, v in whole.items()))

    def say(self, line: str) -> None:
        """Show a line, and keep it in the log."""
        if self._path is None:
            return
        _log.info("%s", line)
        if self._tell is not None:
            self._tell(line)

    def close(self) -> None:
        """Finish what is written for TensorBoard."""
        if self._board is not None:
            self._board.close()

    def _add(self, stage: str, values: Mapping[str, float | None], *, step: int) -> None:
        if self._path is None:
            return
        row = {column: _text(values.get(column)) for column in COLUMNS}
        row |= {"stage": stage, "step": str(step)}
        self.rows.append(row)
        try:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                csv.DictWriter(stream, COLUMNS, lineterminator="\n").writerow(row)
        except OSError as error:
            raise PretrainingError(
                "The log of a training must be writable",
                found=error.strerror or str(error),
                where=self._path,
                hint="Free disk space; the same command then goes on from the last checkpoint.",
            ) from error
        if self._board is not None:
            for name, value in values.items():
                if value is not None:
                    self._board.add_scalar(f"{stage}/{name}", value, step)

    def _write_all(self) -> None:
        if self._path is None:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_bytes(self._path, text.getvalue().encode())


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory that this process has had so far.

    Parameters
    ----------
    device : torch.device
        A GPU, of which PyTorch's allocations are counted; else resident memory of the process is.

    Returns
    -------
    float
        Megabytes of 10**6 bytes.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, int) or value.is_integer() else f"{value:.6g}"


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SettingsError(
            "Writing for TensorBoard needs the package tensorboard",
            found=str(error),
            where="checkpoints.tensorboard",
            hint="Install it (uv pip install tensorboard), or set tensorboard: false.",
        ) from error
    return SummaryWriter(str(folder))
