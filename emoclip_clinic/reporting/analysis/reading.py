"""Reading a finished fit: arrays of ratings and predictions, and its tables as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, ReportError, did_you_mean
from emoclip_clinic.study.files import read_json, sha256_file
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import Scale, load_scale

__all__ = ["BASELINES", "FitTables", "list_fits", "read_fit", "read_table_file"]

Floats = NDArray[np.float64]

BASELINES = ("mean", "ridge-covariates", "ridge-camera", "ridge-baseline-rating")
"""Models that stand for comparison; the mean predictor first."""

_TEXTS = (
    *("item", "family", "role", "model", "interval", "note", "group", "target", "reason"),
    *("choice", "value", "alphas", "participant_id", "session_id"),
)


@dataclass(frozen=True, eq=False)
class FitTables:
    """A fit as it was written.

    Attributes
    ----------
    name : str
    folder : Path
    record : mapping
        fit.json.
    scale : Scale
    targets : tuple of str
    sessions : DataFrame
        ``participant_id`` and ``session_id`` (None where missing), one row for each session of the fit.
    codes : ndarray of int, shape (n_sessions,)
        Participant of each session, 0..n_participants-1 in order of appearance.
    Y : ndarray of shape (n_sessions, n_targets)
        Ratings; NaN where missing.
    n_raters : ndarray of int, shape (n_sessions, n_targets)
    predictions : mapping of str to ndarray of shape (n_repeats, n_sessions, n_targets)
        By model: those asked for first, then the baselines.
    metrics : DataFrame
        metrics.tsv.
    by_group, gain, null, sensitivity, stability : DataFrame or None
        The further tables, where the fit has them.
    left_out : DataFrame
        left_out.tsv.
    sha256 : str
        Of predictions.parquet.
    """

    name: str
    folder: Path
    record: Mapping[str, Any]
    scale: Scale
    targets: tuple[str, ...]
    sessions: pd.DataFrame
    codes: NDArray[np.intp]
    Y: Floats
    n_raters: NDArray[np.int64]
    predictions: Mapping[str, Floats]
    metrics: pd.DataFrame
    by_group: pd.DataFrame | None
    gain: pd.DataFrame | None
    null: pd.DataFrame | None
    sensitivity: pd.DataFrame | None
    stability: pd.DataFrame | None
    left_out: pd.DataFrame
    sha256: str

    @property
    def n_participants(self) -> int:
        """Participants who take part."""
        return int(self.codes.max()) + 1 if self.codes.size else 0

    @property
    def models(self) -> tuple[str, ...]:
        """All models, those asked for first."""
        return tuple(self.predictions)

    @property
    def main_model(self) -> str:
        """The first model that was asked for."""
        return self.models[0]

    @property
    def kind(self) -> str:
        """level, change-absolute or change-percent."""
        return str(self.record["target_kind"])

    def range_of(self, target: str) -> tuple[float, float]:
        """Lowest and highest possible value of a target, or of its change."""
        low, high = self.scale.target_range(target)
        if self.kind == "change-absolute":
            return low - high, high - low
        return (np.nan, 100.0) if self.kind == "change-percent" else (low, high)

    def steps_of(self, target: str) -> Floats | None:
        """All values that a target can take; None for a continuous one."""
        scale = self.scale
        items = [scale.item(target)] if target in scale.item_ids else []
        formula = "sum"
        if not items:
            score = scale.score(target)
            items, formula = [scale.item(one) for one in score.items], score.formula
        if any(one.kind == "continuous" for one in items) or self.kind == "change-percent":
            return None
        step = min(one.step for one in items)
        if any(abs(one.step / step - round(one.step / step)) > 1e-9 for one in items):
            return None
        step /= len(items) if formula == "mean" else 1
        low, high = self.range_of(target)
        return np.asarray(low + step * np.arange(round((high - low) / step) + 1), dtype=np.float64)


def list_fits(study: Study | Path | str) -> tuple[str, ...]:
    """List the finished fits of a study.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    tuple of str
        Names of their folders, sorted.

    Raises
    ------
    StudyError
        If the study is no folder.
    """
    return tuple(sorted(path.parent.name for path in Study.of(study).fits.glob("*/fit.json")))


def read_fit(study: Study | Path | str, name: str) -> FitTables:
    """Read a finished fit.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    name : str
        Name of the fit's folder.

    Returns
    -------
    FitTables

    Raises
    ------
    ReportError
        If there is no such fit.
    FormatError
        If one of its files is absent or damaged.
    """
    place = Study.of(study)
    folder = place.fits / name
    if not (folder / "fit.json").exists():
        known = list_fits(place)
        raise ReportError(
            "A report needs a finished fit",
            found=f"no fit '{name}'",
            where=place.fits,
            hint=did_you_mean(name, known) if known else "Run `emoclip-clinic fit --scale NAME` first.",
        )
    record = read_json(folder / "fit.json")
    path = folder / "predictions.parquet"
    try:
        long = pq.read_table(path).to_pandas()
        scale_name, targets = str(record["scale"]["name"]), tuple(map(str, record["targets"]))
        asked = str(record["settings"]["models"]).split(",")
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise FormatError(
            "A fit must have fit.json and predictions.parquet as fit writes them",
            found=str(error),
            where=folder,
            hint="Make it again with `emoclip-clinic fit --force`.",
        ) from error
    sessions, arrays = _arrays(long, targets, asked=[one.strip() for one in asked])
    codes, _ = pd.factorize(sessions["participant_id"])
    metrics = _needed(folder, "metrics.tsv")
    _check_metrics(metrics, targets, arrays, folder)
    return FitTables(
        name=name,
        folder=folder,
        record=record,
        scale=load_scale(scale_name, study=place),
        targets=targets,
        sessions=sessions,
        codes=codes,
        Y=arrays["rating"],
        n_raters=arrays["n_raters"].astype(np.int64),
        predictions={one.removeprefix("model "): arrays[one] for one in arrays if one.startswith("model ")},
        metrics=metrics,
        by_group=read_table_file(folder / "metrics_by_group.tsv"),
        gain=read_table_file(folder / "gain.tsv"),
        null=read_table_file(folder / "null.parquet"),
        sensitivity=read_table_file(folder / "sensitivity.tsv"),
        stability=read_table_file(folder / "stability.tsv"),
        left_out=_needed(folder, "left_out.tsv"),
        sha256=sha256_file(path),
    )


def read_table_file(path: Path) -> pd.DataFrame | None:
    """Read a TSV or Parquet table; None if there is none. ``n/a`` is missing; texts stay as they are."""
    if not path.exists():
        return None
    try:
        if path.suffix == ".parquet":
            table: pd.DataFrame = pq.read_table(path).to_pandas()
            return table
        return pd.read_csv(
            path, sep="\t", na_values=["n/a"], keep_default_na=False, dtype=dict.fromkeys(_TEXTS, "str")
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FormatError(
            "The table must be readable",
            found=str(error),
            where=path,
            hint="Make the fit again with `emoclip-clinic fit --force`.",
        ) from error


def _check_metrics(
    metrics: pd.DataFrame, targets: tuple[str, ...], arrays: Mapping[str, Floats], folder: Path
) -> None:
    """Refuse measures that are not those of the predictions."""
    models = [one.removeprefix("model ") for one in arrays if one.startswith("model ")]
    there = set(zip(metrics["item"], metrics["model"], strict=True))
    absent = [f"{item} by {model}" for item in targets for model in models if (item, model) not in there]
    if absent:
        raise FormatError(
            "metrics.tsv must have a row for every item and model of the predictions",
            found=f"none of {absent[0]}",
            where=folder,
            hint="Make the fit again with `emoclip-clinic fit --force`.",
        )


def _needed(folder: Path, name: str) -> pd.DataFrame:
    table = read_table_file(folder / name)
    if table is None:
        raise FormatError(
            f"A fit must have {name}",
            found="no file",
            where=folder,
            hint="Make it again with `emoclip-clinic fit --force`.",
        )
    return table


def _arrays(
    long: pd.DataFrame, targets: tuple[str, ...], *, asked: list[str]
) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Turn the long table into arrays by session and target, models in the order of the record."""
    keys = ["participant_id", "session_id"]
    pairs = pd.MultiIndex.from_frame(long[keys].astype(object).where(long[keys].notna(), ""))
    row, known = pd.factorize(pairs)
    sessions = pd.DataFrame(list(known), columns=keys, dtype=object)
    sessions["session_id"] = sessions["session_id"].where(sessions["session_id"] != "", None)
    column = pd.Categorical(long["item"], categories=list(targets)).codes
    repeat = long["repeat"].to_numpy(dtype=np.intp)
    shape = len(sessions), len(targets)
    arrays = {name: np.full(shape, np.nan) for name in ("rating", "n_raters")}
    for name, array in arrays.items():
        array[row, column] = long[name].to_numpy(dtype=np.float64, na_value=np.nan)
    arrays["n_raters"] = np.nan_to_num(arrays["n_raters"])
    there = list(dict.fromkeys(long["model"]))
    rest = [one for one in there if one not in asked and one not in BASELINES]
    order = [one for one in (*asked, *rest, *BASELINES) if one in there]
    for model in order:
        mine = np.asarray(long["model"] == model)
        array = np.full((repeat.max() + 1, *shape), np.nan)
        array[repeat[mine], row[mine], column[mine]] = long.loc[mine, "prediction"].to_numpy(dtype=np.float64)
        arrays[f"model {model}"] = array
    return sessions, arrays
