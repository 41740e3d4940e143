"""Zero-shot readings of a whole study: a table beside each segment table, and one of sessions."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip_clinic.errors import StudyError, ZeroShotError
from emoclip_clinic.study.files import write_table
from emoclip_clinic.study.formats import IDENTITY_COLUMNS, embedding_columns, table_metadata
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.readings import (
    READING_COLUMNS,
    SESSION_READING_COLUMNS,
    readings_path,
    write_session_readings,
)
from emoclip_clinic.study.results import Result, check_alike, list_results
from emoclip_clinic.study.tables import read_table
from emoclip_clinic.study.versions import software_versions
from emoclip_clinic.zeroshot.class_embeddings import ClassEmbeddings, CompoundForm, embed_classes
from emoclip_clinic.zeroshot.descriptions import DescriptionSet
from emoclip_clinic.zeroshot.readings import class_probabilities, class_similarities, summarise_session

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip

__all__ = ["ScoredStudy", "score_study", "weights_of_study"]

_log = logging.getLogger(__name__)
_KEY = b"readings-key"

MEANING = (
    "Similarity of video embeddings to sentences. Not a rating, not a diagnosis, and not validated against"
    " any symptom scale. Probabilities are among the classes of this set only and change with it."
)


@dataclass(frozen=True)
class ScoredStudy:
    """What came of scoring.

    Parameters
    ----------
    sessions : DataFrame
        Readings per session and class.
    path : Path
        Where that table is.
    n_scored, n_kept : int
        Recordings whose readings were made, and those that had them already.
    classes : ClassEmbeddings
        The classes.
    """

    sessions: pd.DataFrame
    path: Path
    n_scored: int
    n_kept: int
    classes: ClassEmbeddings


def weights_of_study(study: Study) -> tuple[str, str]:
    """Tell which weights embedded the segments of a study.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    name, sha256 : str
        Of the weights.

    Raises
    ------
    StudyError
        If there is no result, or results come from different weights.
    """
    results = _results(study)
    weights = results[0].sidecar.weights
    return weights.name, weights.sha256


def score_study(
    study: Study,
    model: "EmoClip",
    descriptions: DescriptionSet,
    *,
    base: DescriptionSet | None = None,
    style: str | None = None,
    compounds: CompoundForm = "average",
    allow_other_weights: bool = False,
    force: bool = False,
    command: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ScoredStudy:
    """Score every usable segment of a study against the classes of a set.

    Parameters
    ----------
    study : Study
        The study.
    model : EmoClip
        Weights with a text tower: those that embedded the video.
    descriptions : DescriptionSet
        The classes to choose between.
    base : DescriptionSet, optional
        Where parts of compounds are described, see `embed_classes`.
    style : str, optional
        Style of the descriptions; by default the primary one.
    compounds : {"average", "join"}
        How compounds are embedded.
    allow_other_weights : bool
        Whether the text tower may come from other weights. Only right where both towers were trained
        together, such as CLIP's frozen text tower for an EmoCLIP without one.
    force : bool
        Whether to make again what has not changed.
    command : str, optional
        Command that makes these readings, kept for messages that ask to make them again.
    progress : callable, optional
        Told what is done, how many recordings are, and of how many.

    Returns
    -------
    ScoredStudy
        The readings.

    Raises
    ------
    StudyError
        If there is no result, or results come from different weights or settings.
    ZeroShotError
        If the model is not the one that embedded the video, or a class is not described.
    WeightsError
        If the model has no text tower.
    """
    results = _results(study)
    _check_weights(results[0], model, allow_other_weights)
    classes = embed_classes(model, descriptions, base=base, style=style, compounds=compounds)
    settings = {
        "classes": {class_id: list(texts) for class_id, texts in classes.texts.items()},
        "parts": {one.id: dict(one.parts) for one in descriptions.classes if one.parts},
        "style": classes.style,
        "compounds": classes.compounds,
        "text_weights": {"name": model.name, "sha256": model.weights_sha256},
        "inverse_temperature": model.inverse_temperature,
    }
    kept = 0
    tables: dict[tuple[str, str | None], list[pd.DataFrame]] = {}
    for number, one in enumerate(results):
        recording = one.sidecar.recording
        if progress is not None:
            progress("zero-shot readings", number, len(results))
        path = readings_path(study, recording, descriptions.name)
        key = _key(one, settings)
        table = None if force else _kept(path, key)
        if table is None:
            table = _score(one, classes, model.inverse_temperature)
            write_table(path, table, metadata={**_metadata(descriptions.name), _KEY.decode(): key})
        else:
            kept += 1
        usable = table.filter(pa.compute.equal(table.column("status"), "ok")).to_pandas()
        tables.setdefault((recording.participant_id, recording.session_id), []).append(usable)
    sessions = pd.concat(
        [_summary(identity, parts, classes.ids) for identity, parts in tables.items()], ignore_index=True
    )
    path = write_session_readings(
        study,
        descriptions.name,
        sessions,
        facts={
            "title": descriptions.title,
            "meaning": MEANING,
            "notes": list(descriptions.notes),
            "command": command,
            **settings,
            "video_weights": results[0].sidecar.weights.model_dump(mode="json"),
            "segments": {one.sidecar.recording.key: one.sidecar.tables["segments"].sha256 for one in results},
            "versions": software_versions(),
        },
    )
    return ScoredStudy(sessions, path, len(results) - kept, kept, classes)


def _results(study: Study) -> tuple[Result, ...]:
    results = list_results(study)
    if not results:
        raise StudyError(
            "The study must have results",
            found="no sidecar in derivatives/emoclip-clinic",
            where=study.root,
            hint="Run `emoclip-clinic extract` first.",
        )
    check_alike(results)
    return results


def _check_weights(one: Result, model: "EmoClip", allow_other_weights: bool) -> None:
    weights = one.sidecar.weights
    if weights.sha256 == model.weights_sha256:
        return
    if allow_other_weights and model.has_text:
        _log.warning(
            "Texts are embedded by '%s', video by '%s': right only if both were trained together",
            model.name,
            weights.name,
        )
        return
    raise ZeroShotError(
        "Texts must be embedded by the weights that embedded the video",
        found=f"video by '{weights.name}' ({weights.sha256[:8]}), texts by '{model.name}' "
        f"({model.weights_sha256[:8]})",
        hint=f"Give --model {weights.name}, or extract again. If these weights have no text tower, "
        "--text-weights NAME takes that of others; right only where both were trained together.",
    )


def _key(one: Result, settings: dict[str, Any]) -> str:
    facts = {"segments": one.sidecar.tables["segments"].sha256, **settings}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _metadata(set_name: str) -> dict[str, str]:
    return table_metadata("segments") | {"table": "readings", "set": set_name}


def _kept(path: Path, key: str) -> pa.Table | None:
    """Read the readings that are there, if they are those of this key."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    return table if (table.schema.metadata or {}).get(_KEY) == key.encode() else None


def _score(one: Result, classes: ClassEmbeddings, inverse_temperature: float) -> pa.Table:
    segments = read_table(one.sidecar.table_path(one.path, "segments"), "segments")
    names = embedding_columns(segments.schema.names)
    usable = np.array(segments.column("status").to_pylist()) == "ok"
    embeddings = np.column_stack([segments.column(name).to_numpy() for name in names])[usable]
    similarities = np.full((len(usable), len(classes.ids)), np.nan)
    probabilities = similarities.copy()
    if usable.any():
        similarities[usable] = class_similarities(embeddings, classes.vectors)
        probabilities[usable] = class_probabilities(
            similarities[usable], inverse_temperature=inverse_temperature
        )
    own = [column.name for column in (*IDENTITY_COLUMNS, *READING_COLUMNS)]
    columns: dict[str, Any] = {name: segments.column(name) for name in own}
    for prefix, values in (("similarity", similarities), ("p", probabilities)):
        columns |= {
            f"{prefix}_{class_id}": pa.array(values[:, k], type=pa.float64(), mask=~usable)
            for k, class_id in enumerate(classes.ids)
        }
    return pa.table(columns)


def _summary(
    identity: tuple[str, str | None], parts: Sequence[pd.DataFrame], class_ids: tuple[str, ...]
) -> pd.DataFrame:
    whole = pd.concat(parts, ignore_index=True)
    summary = summarise_session(
        whole["t_start_s"].to_numpy(),
        whole["t_end_s"].to_numpy(),
        whole[[f"similarity_{c}" for c in class_ids]].to_numpy(dtype=float),
        whole[[f"p_{c}" for c in class_ids]].to_numpy(dtype=float),
        class_ids,
        recording=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
    )
    summary.insert(0, "participant_id", identity[0])
    summary.insert(1, "session_id", identity[1])
    return summary[[column.name for column in SESSION_READING_COLUMNS]]
