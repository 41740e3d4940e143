"""Applies a fit's models to participants whom they have never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, RegressionError, did_you_mean
from emoclip_clinic.regression.change import change_features
from emoclip_clinic.regression.features import SessionFeatures, SessionKey, fit_features
from emoclip_clinic.regression.fitting.array_files import read_arrays
from emoclip_clinic.regression.fitting.outputs import model_path
from emoclip_clinic.regression.fitting.plain import plain, records
from emoclip_clinic.regression.heads import FittedHead, get_head
from emoclip_clinic.regression.segment_level import load_segment_rows, mean_over_segments
from emoclip_clinic.study.files import read_json, sha256_file, write_json, write_table
from emoclip_clinic.study.fit_settings import listed
from emoclip_clinic.study.formats import FORMAT_VERSION, check_format_version
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.readings import readings_identity
from emoclip_clinic.study.versions import software_versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NEW_COLUMNS", "NewPredictions", "find_fit", "predict_study", "write_predictions"]

NEW_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person in the video.",
    "session_id": "The visit; missing if participants have one.",
    "item": "Item or score.",
    "model": "The model, trained on all participants of the fit.",
    "prediction": "Prediction; not limited to the range of the scale.",
    "known": "Whether the model was trained on this participant; then it says nothing about new people.",
    "n_segments": "Segments on which the prediction rests.",
    "usable_s": "Usable video, in seconds.",
}
"""Columns of the table of predictions for new participants, with their meanings."""


@dataclass(frozen=True, eq=False)
class NewPredictions:
    """Predictions for the participants of a study.

    Attributes
    ----------
    table : DataFrame
        The columns of :data:`NEW_COLUMNS`.
    left_out : DataFrame
        ``participant_id``, ``session_id``, ``reason``.
    fit : Path
        Folder of the fit.
    models : tuple of str
    study : Study
        The study of the participants.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    fit: Path
    models: tuple[str, ...]
    study: Study


def find_fit(given: Path, study: Study | None) -> Path:
    """Find the folder of a fit, given as a path or as it is called in a study, such as ``fits/panss``.

    Parameters
    ----------
    given : Path
        What the user wrote.
    study : Study or None
        The study to look in.

    Returns
    -------
    Path

    Raises
    ------
    RegressionError
        If there is no finished fit.
    """
    folders = [given] if study is None else [given, study.derivatives / given, study.fits / given]
    for folder in folders:
        if (folder / "fit.json").is_file():
            return folder
    known = [] if study is None else [path.parent.name for path in sorted(study.fits.glob("*/fit.json"))]
    raise RegressionError(
        "The folder of a fit must hold a finished fit",
        found="no fit.json",
        where=given,
        hint=did_you_mean(given.name, known) if known else "Run `emoclip-clinic fit` first.",
    )


def predict_study(
    fit: Path,
    study: Study,
    *,
    models: Sequence[str] | None = None,
    allow_known: bool = False,
) -> NewPredictions:
    """Predict the ratings of a study's participants by the models of a fit.

    Parameters
    ----------
    fit : Path
        Folder of the fit.
    study : Study
        A study with results of extraction, by the same weights and settings.
    models : sequence of str, optional
        Only these models of the fit.
    allow_known : bool
        Predict participants on whom the models were trained too, and mark them.

    Returns
    -------
    NewPredictions

    Raises
    ------
    FormatError
        If a file of the fit is damaged.
    RegressionError
        If a model is unknown, embeddings come from other weights or settings, features differ, or only known
        participants are left.
    StudyError
        If the study has no results.

    Notes
    -----
    A participant is known who has the identifier of a participant of the fit, or a video with the same
    content. The same identifier in another study may be another person: then `allow_known` is right, and the
    column ``known`` is to be read with that in mind.
    """
    record = _read_record(fit)
    trained = {model: _read_model(fit, model, record) for model in _chosen(record, models)}
    facts = next(iter(trained.values()))[1]
    readings = facts["readings"]
    features = fit_features(
        study,
        level=facts["features"],
        aggregation=facts["aggregation"],
        min_usable_s=facts["min_usable_s"],
        tasks=listed(facts["tasks"]) or None,
        zeroshot_set=readings["set"] if readings else "",
    )
    _check_source(features, facts["source"], study)
    if readings and readings_identity(study, readings["set"]) != readings:
        raise RegressionError(
            "Zero-shot readings must be made as those that the model was trained on",
            found="other sentences, style, compounds, weights or temperature",
            where=study.root,
            hint="Make them again with the fit's set of descriptions: "
            f"emoclip-clinic zeroshot score --classes {readings['set']}",
        )
    if facts["target_kind"] != "level":
        features = change_features(features, baseline=facts["baseline"], video=facts["change_video"])
    if list(features.names) != facts["feature_names"]:
        raise RegressionError(
            "The study must have the features of the fit",
            found=f"{len(features.names)} instead of {len(facts['feature_names'])}",
            where=study.root,
        )
    why_known = _known_participants(features, record)
    rows = [row for row, key in enumerate(features.keys) if allow_known or key[0] not in why_known]
    if not rows:
        raise RegressionError(
            "Predictions are for participants whom the model has not seen",
            found="; ".join(f"{who}: {why}" for who, why in list(why_known.items())[:5]),
            where=study.root,
            hint="Use the fit's out-of-fold predictions for them, or --allow-known if they are other people.",
        )
    predicted = {model: _predict(head, features, rows, study, facts) for model, (head, _) in trained.items()}
    return NewPredictions(
        table=_table(features, rows, predicted, facts["targets"], why_known),
        left_out=_left_out(features, {} if allow_known else why_known),
        fit=fit,
        models=tuple(trained),
        study=study,
    )


def write_predictions(predictions: NewPredictions) -> Path:
    """Write the predictions into their study, with a JSON beside them that says how they came about.

    Parameters
    ----------
    predictions : NewPredictions
        What :func:`predict_study` gives.

    Returns
    -------
    Path
        The table, ``derivatives/emoclip-clinic/predictions/<fit>.parquet``.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    import pyarrow as pa

    path = predictions.study.derivatives / "predictions" / f"{predictions.fit.name}.parquet"
    types = {
        "prediction": pa.float64(),
        "known": pa.bool_(),
        "n_segments": pa.int32(),
        "usable_s": pa.float64(),
    }
    schema = pa.schema([(name, types.get(name, pa.string())) for name in NEW_COLUMNS])
    table = pa.Table.from_pandas(predictions.table, schema=schema, preserve_index=False)
    write_table(
        path,
        table.replace_schema_metadata(None),
        metadata={"table": "new-predictions", "format_version": str(FORMAT_VERSION)},
    )
    about = {
        "format_version": FORMAT_VERSION,
        "written_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "fit": str(predictions.fit),
        "fit_json_sha256": sha256_file(predictions.fit / "fit.json"),
        "models": list(predictions.models),
        "columns": dict(NEW_COLUMNS),
        "left_out": records(predictions.left_out),
        "table_sha256": sha256_file(path),
        "versions": software_versions(),
        "meaning": "metrics.tsv of the fit tells how well its out-of-fold predictions did. How well these do "
        "is not known: other people, rooms and cameras may differ. Research use only; not for diagnosis.",
    }
    write_json(path.with_suffix(".json"), plain(about))
    return path


def _read_record(fit: Path) -> dict[str, Any]:
    try:
        record = read_json(fit / "fit.json")
    except FormatError as error:
        raise FormatError(
            "The record of a fit must be whole",
            found=str(error),
            where=fit / "fit.json",
            hint="Run the same `emoclip-clinic fit` again: it makes the fit anew.",
        ) from error
    check_format_version(record.get("format_version"), where=fit / "fit.json")
    return record


def _chosen(record: Mapping[str, Any], models: Sequence[str] | None) -> tuple[str, ...]:
    there = [Path(name).stem for name in record["files"] if name.startswith("models/")]
    if not there:
        raise RegressionError("The fit must have a model that reads the embedding", found="only baselines")
    for model in models or ():
        if model not in there:
            raise RegressionError("The fit must have the model", found=model, hint=did_you_mean(model, there))
    return tuple(dict.fromkeys(models or there))


def _read_model(fit: Path, model: str, record: Mapping[str, Any]) -> tuple[FittedHead, dict[str, Any]]:
    path = model_path(fit, model)
    if path.exists() and sha256_file(path) != record["files"][f"models/{model}.safetensors"]:
        raise FormatError(
            "A model must be the one that fit.json names",
            found="another content",
            where=path,
            hint="Run the same `emoclip-clinic fit` again.",
        )
    arrays, facts = read_arrays(path)
    return get_head(model).restore(arrays), facts


def _check_source(features: SessionFeatures, wanted: Mapping[str, Any], study: Study) -> None:
    """Compare weights and every setting that changes an embedding."""
    found = plain(asdict(features.source))
    differences = []
    if found["weights_sha256"] != wanted["weights_sha256"]:
        differences.append(
            f"weights {found['weights_name']} ({found['weights_sha256'][:12]}) instead of "
            f"{wanted['weights_name']} ({wanted['weights_sha256'][:12]})"
        )
    there, expected = found["settings"], wanted["settings"]
    differences += [
        f"{name} = {there.get(name)} instead of {expected.get(name)}"
        for name in sorted(set(there) | set(expected))
        if there.get(name) != expected.get(name)
    ]
    if differences:
        raise RegressionError(
            "Embeddings must come from the weights and settings of those that the model was trained on",
            found="; ".join(differences),
            where=study.root,
            hint="Extract this study with the settings of the other one.",
        )


def _known_participants(features: SessionFeatures, record: Mapping[str, Any]) -> dict[str, str]:
    """Say of each participant of the fit who is in the study how this is known."""
    trained_on = record["trained_on"]
    hashes = set(trained_on["video_sha256"])
    known = {
        one.participant_id: "a video on which the model was trained"
        for one in features.contents
        if one.sha256 in hashes
    }
    same = set(trained_on["participants"]) & {participant for participant, _ in features.keys}
    known |= dict.fromkeys(same - set(known), "the identifier of someone on whom the model was trained")
    return dict(sorted(known.items()))


def _predict(
    head: FittedHead, features: SessionFeatures, rows: Sequence[int], study: Study, facts: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Predict sessions: an array of shape (n_rows, n_targets)."""
    if facts["features"] != "segment":
        return head.predict(features.X[list(rows)])
    sessions = features.sessions.iloc[list(rows)].reset_index(drop=True)
    segments = load_segment_rows(study, sessions, tasks=listed(facts["tasks"]) or None)
    return mean_over_segments(head.predict(segments.X), segments.session, n_sessions=len(rows))


def _table(
    features: SessionFeatures,
    rows: Sequence[int],
    predicted: Mapping[str, NDArray[np.float64]],
    targets: Sequence[str],
    known: Mapping[str, str],
) -> pd.DataFrame:
    import pandas as pd

    lines = []
    for model, values in predicted.items():
        for row, numbers in zip(rows, values, strict=True):
            participant, session = features.keys[row]
            about = features.sessions.iloc[row]
            lines += [
                {
                    "participant_id": participant,
                    "session_id": session,
                    "item": target,
                    "model": model,
                    "prediction": float(number),
                    "known": participant in known,
                    "n_segments": int(about["n_segments"]),
                    "usable_s": float(about["usable_s"]),
                }
                for target, number in zip(targets, numbers, strict=True)
            ]
    return pd.DataFrame(lines, columns=list(NEW_COLUMNS))


def _left_out(features: SessionFeatures, known: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    rows: list[tuple[SessionKey, str]] = [(key, known[key[0]]) for key in features.keys if key[0] in known]
    rows += [
        (
            (str(one.participant_id), one.session_id if isinstance(one.session_id, str) else None),
            str(one.reason),
        )
        for one in features.excluded.itertuples(index=False)
    ]
    return pd.DataFrame(
        [(participant, session, reason) for (participant, session), reason in rows],
        columns=["participant_id", "session_id", "reason"],
    )
