"""Descriptors of camera and room for each session: what a model must beat to be about the face.

Sites film with different cameras, and patients of one ward sit in one room. A model may predict ratings from
that alone. The descriptors come from the frame tables and sidecars; no video is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.design import Design, make_design_table
from emoclip_clinic.regression.features import SessionKey
from emoclip_clinic.regression.features.segments import results_of_sessions
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.results import Result
from emoclip_clinic.study.sidecar import DecodeRecord
from emoclip_clinic.study.tables import iter_table

__all__ = ["CAMERA_COLUMNS", "CameraColumn", "camera_change_table", "camera_design", "camera_table"]


@dataclass(frozen=True)
class CameraColumn:
    """One descriptor.

    Attributes
    ----------
    name, unit, meaning : str
    category : bool
        Whether it names something instead of measuring it.
    """

    name: str
    unit: str
    meaning: str
    category: bool = False


CAMERA_COLUMNS = (
    CameraColumn("width_px", "px", "Width of the upright picture."),
    CameraColumn("height_px", "px", "Height of the upright picture."),
    CameraColumn("source_fps", "1/s", "Mean frame rate of the file."),
    CameraColumn("kbit_per_s", "kbit/s", "Size of the file over its length."),
    CameraColumn("codec", "", "Codec.", category=True),
    CameraColumn("container", "", "Container format.", category=True),
    CameraColumn("brightness", "0-255", "Median over frames of the face's mean grey level."),
    CameraColumn("sharpness", "", "Median over frames of the face's sharpness."),
    CameraColumn("face_px", "px", "Median size of the face."),
    CameraColumn("face_share", "", "Median size of the face over the height of the picture."),
    CameraColumn("face_x", "", "Median horizontal place of the face, 0 left to 1 right."),
    CameraColumn("face_y", "", "Median vertical place of the face, 0 top to 1 bottom."),
    CameraColumn("around_red", "0-255", "Median over frames of the mean red outside the face."),
    CameraColumn("around_green", "0-255", "Median over frames of the mean green outside the face."),
    CameraColumn("around_blue", "0-255", "Median over frames of the mean blue outside the face."),
)
"""All descriptors. Colour is that of the picture outside the face box: room, light, camera, also clothes."""

_AS_STORED = ("brightness", "sharpness", "face_px", "around_red", "around_green", "around_blue")
_OF_FRAMES = (*_AS_STORED, "face_share", "face_x", "face_y")


def camera_table(
    study: Study | Path | str,
    sessions: Sequence[SessionKey],
    *,
    tasks: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Describe camera and room of sessions.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    sessions : sequence of (participant_id, session_id)
        The sessions.
    tasks : sequence of str, optional
        Only recordings of these tasks.

    Returns
    -------
    DataFrame of shape (n_sessions, n_descriptors)
        The columns of :data:`CAMERA_COLUMNS`, in the order of `sessions`. Medians run over the frames of all
        recordings of a session that show the face; other numbers are means over its recordings; names of
        several codecs are joined by ``+``. NaN or None where unknown.

    Raises
    ------
    StudyError, FormatError
        If there is no result, or a file is damaged.
    RegressionError
        If a session has no result.

    Notes
    -----
    Brightness and sharpness are those of the face: they depend on the light, the lens and the compression,
    and brightness on the skin too. Pose and movement are left out, because they are behaviour.
    """
    wanted: Collection[SessionKey] = set(sessions)
    found = {
        key: _describe(results)
        for key, results in results_of_sessions(study, tasks=tasks, allow_mixed=True)
        if key in wanted
    }
    absent = [key for key in sessions if key not in found]
    if absent:
        raise RegressionError(
            "Every session must have a result",
            found=f"none of {' '.join(part for part in absent[0] if part)}"
            + (f" and {len(absent) - 1} more" if len(absent) > 1 else ""),
            where=Study.of(study).root,
        )
    rows = [found[key] for key in sessions]
    return pd.DataFrame(rows, columns=[column.name for column in CAMERA_COLUMNS])


def camera_change_table(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Describe how camera and room differ between two sessions.

    Where features are differences of two videos, a lamp that was turned on between them moves the features;
    the descriptors of either session alone would not tell.

    Parameters
    ----------
    before, after : DataFrame of shape (n_sessions, n_descriptors)
        What :func:`camera_table` gives for the baseline and for the follow-up of each row.

    Returns
    -------
    DataFrame of shape (n_sessions, n_descriptors)
        ``<name>_change``: after minus before; of names such as codecs, ``h264 to vp9``. Missing where either
        is.
    """
    columns = {}
    for column in CAMERA_COLUMNS:
        first, then = before[column.name], after[column.name]
        if column.category:
            pairs = zip(first, then, strict=True)
            columns[column.name] = [None if pd.isna(a) or pd.isna(b) else f"{a} to {b}" for a, b in pairs]
        else:
            columns[column.name] = list(then.to_numpy(dtype=np.float64) - first.to_numpy(dtype=np.float64))
    return pd.DataFrame(columns).add_suffix("_change")


def camera_design(table: pd.DataFrame) -> Design:
    """Turn descriptors into a numeric design; how missing values enter is told at :func:`make_design_table`.

    Parameters
    ----------
    table : DataFrame
        What :func:`camera_table` or :func:`camera_change_table` gives.

    Returns
    -------
    Design
        Descriptors that are the same everywhere are dropped.
    """
    return make_design_table(table, categorical=[column.name for column in CAMERA_COLUMNS if column.category])


def _describe(results: Sequence[Result]) -> dict[str, object]:
    files = [_of_file(one) for one in results]
    numbers = ("width_px", "height_px", "source_fps", "kbit_per_s")
    row: dict[str, object] = {name: _mean([one[name] for one in files]) for name in numbers}
    decodes = [one.sidecar.decode for one in results]
    row["codec"] = _joined([one.codec for one in decodes])
    row["container"] = _joined([one.container for one in decodes])
    frames = np.concatenate([_of_frames(one) for one in results])
    row |= {name: _median(frames[:, k]) for k, name in enumerate(_OF_FRAMES)}
    return row


def _of_file(result: Result) -> dict[str, float]:
    decode, size = result.sidecar.decode, result.sidecar.input.size_bytes
    return {
        "width_px": _or_nan(decode.width),
        "height_px": _or_nan(decode.height),
        "source_fps": _or_nan(decode.avg_fps),
        "kbit_per_s": size * 8 / 1000 / decode.header_s if size and decode.header_s else np.nan,
    }


def _of_frames(result: Result) -> NDArray[np.float64]:
    """What `_OF_FRAMES` names, for each sampled frame that shows the face; embeddings stay on the disk."""
    decode: DecodeRecord = result.sidecar.decode
    width, height = _or_nan(decode.width), _or_nan(decode.height)
    pieces = [np.empty((0, len(_OF_FRAMES)))]
    path = result.sidecar.table_path(result.path, "frames")
    for batch in iter_table(path, "frames", embeddings=False):
        shown = batch.column("status").to_numpy(zero_copy_only=False) == "ok"
        value = {
            name: batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64)[shown]
            for name in (*_AS_STORED, "box_x1", "box_x2", "box_y1", "box_y2")
        }
        pieces.append(
            np.column_stack(
                [
                    *(value[name] for name in _AS_STORED),
                    value["face_px"] / height,
                    (value["box_x1"] + value["box_x2"]) / 2 / width,
                    (value["box_y1"] + value["box_y2"]) / 2 / height,
                ]
            )
        )
    return np.concatenate(pieces)


def _or_nan(value: float | None) -> float:
    return float(value) if value else np.nan


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else np.nan


def _joined(names: Sequence[str | None]) -> str | None:
    return "+".join(sorted({name for name in names if name})) or None
