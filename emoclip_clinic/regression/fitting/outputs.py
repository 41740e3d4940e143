"""The files of a fit: predictions, measures, folds, refitted models, and fit.json, which is written last."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoclip_clinic.errors import FormatError
from emoclip_clinic.regression.fitting.array_files import write_arrays
from emoclip_clinic.regression.fitting.metrics import METRIC_COLUMNS
from emoclip_clinic.regression.fitting.plain import plain, records
from emoclip_clinic.regression.fitting.report_columns import (
    NULL_COLUMNS,
    SENSITIVITY_COLUMNS,
    STABILITY_COLUMNS,
)
from emoclip_clinic.study.files import read_json, sha256_file, write_json, write_table, write_tsv
from emoclip_clinic.study.formats import FORMAT_VERSION
from emoclip_clinic.study.readings import readings_identity
from emoclip_clinic.study.versions import software_versions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from emoclip_clinic.regression.fitting.plan import FitPlan
    from emoclip_clinic.regression.fitting.result import FitResult

__all__ = [
    "MEANING",
    "PREDICTION_COLUMNS",
    "current_fit",
    "model_facts",
    "model_path",
    "read_metrics",
    "write_outputs",
]

_log = logging.getLogger(__name__)

PREDICTION_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated.",
    "session_id": "The visit; missing if participants have one.",
    "item": "Item or score.",
    "rating": "What was to be predicted: raters pooled as fit.json says, or a change; missing if not rated.",
    "n_raters": "Raters on whom the rating rests.",
    "fold": "Outer fold that left this participant out: the participant, site, or fold of participants.",
    "repeat": "Repetition of the folds, from 0.",
    "model": "The model; mean is the mean predictor, ridge-... are the other baselines.",
    "prediction": "Out-of-fold prediction, by a model that never saw this participant.",
    "alpha": "Penalty that was chosen inside the training participants; missing for a model without one.",
}
"""Columns of predictions.parquet with their meanings."""

MEANING = (
    "Every prediction is for a participant whom its model never saw: not for scaling, not for the choice of "
    "a penalty, not for stopping.",
    "skill = 1 - SSE / SSE of the mean predictor, on pooled out-of-fold predictions of sessions. It is the "
    "primary measure. Pooled r is biased downwards: compare it with the r of the mean predictor in the same "
    "table.",
    "Intervals come from a bootstrap over participants that holds the predictions fixed. They cover the "
    "sampling of these participants, not refitting, and are no 95 % intervals for new patients.",
    "A small permutation p says that ratings are not exchangeable between participants within the strata. "
    "Age, sex, the room or the camera may be why: compare with the baselines and the gain test.",
    "The models in models/ are trained on all participants. No measure in metrics.tsv is about them.",
)


def model_path(folder: Path, model: str) -> Path:
    """Return the path of a refitted model in a fit's folder."""
    return folder / "models" / f"{model}.safetensors"


def write_outputs(result: FitResult, refits: Mapping[str, Mapping[str, Any]], *, key: str) -> None:
    """Write everything about a fit; the fit is there if and only if fit.json is.

    Parameters
    ----------
    result : FitResult
        The fit.
    refits : mapping of str to mapping of str to ndarray
        Arrays of each model that was trained on all participants.
    key : str
        The fit's key.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    plan = result.plan
    folder = plan.folder
    (folder / "fit.json").unlink(missing_ok=True)
    write_table(
        folder / "predictions.parquet",
        _predictions(result),
        metadata={"table": "predictions", "format_version": str(FORMAT_VERSION)},
    )
    tables: dict[str, tuple[list[dict[str, Any]], Sequence[str]]] = {
        "metrics.tsv": (records(result.metrics), list(METRIC_COLUMNS)),
        "folds.tsv": (_fold_rows(plan), ["repeat", "fold", "participant_id", "session_id"]),
        "left_out.tsv": (records(plan.rated.left_out), list(plan.rated.left_out.columns)),
    }
    gains = result.gain_facts.get("table", [])
    optional = {
        "gain.tsv": (gains, list(gains[0]) if gains else []),
        "sensitivity.tsv": (result.sensitivity.rows, list(SENSITIVITY_COLUMNS)),
        "stability.tsv": (result.stability.rows, list(STABILITY_COLUMNS)),
    }
    if result.by_group is not None:
        optional["metrics_by_group.tsv"] = (records(result.by_group), list(result.by_group.columns))
    tables |= {name: table for name, table in optional.items() if table[0]}
    for name, (rows, columns) in tables.items():
        write_tsv(folder / name, rows, columns=columns)
    names = ["predictions.parquet", *tables]
    if result.draws:
        metadata = {"table": "null", "format_version": str(FORMAT_VERSION)}
        write_table(folder / "null.parquet", _null_draws(result), metadata=metadata)
        names.append("null.parquet")
    for name in ("metrics_by_group.tsv", "null.parquet", *optional):
        if name not in names:
            (folder / name).unlink(missing_ok=True)
    for old in (folder / "models").glob("*.safetensors"):
        if old.stem not in refits:
            old.unlink()
    for model, arrays in refits.items():
        write_arrays(model_path(folder, model), arrays, facts=model_facts(plan, model))
    names += [f"models/{model}.safetensors" for model in refits]
    files = {name: sha256_file(folder / name) for name in names}
    write_json(folder / "fit.json", _fit_record(result, key, files))


def current_fit(folder: Path, key: str) -> dict[str, Any] | None:
    """Return what fit.json says if the fit is there, whole, and has this key.

    A fit.json that is not whole is like one that is not there: the fit is made again from finished pieces.
    """
    path = folder / "fit.json"
    if not path.exists():
        return None
    try:
        record = read_json(path)
    except FormatError as error:
        _log.warning("The fit is made again: %s", error)
        return None
    files = record.get("files")
    if record.get("key") != key or not isinstance(files, dict):
        return None
    whole = all((folder / name).exists() and sha256_file(folder / name) == sha for name, sha in files.items())
    return record if whole else None


def read_metrics(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read metrics.tsv of a fit, and metrics_by_group.tsv if it is there."""
    import pandas as pd

    text = ["item", "family", "role", "model", "interval", "note", "group"]
    by_group = None
    if (folder / "metrics_by_group.tsv").exists():
        by_group = pd.read_csv(
            folder / "metrics_by_group.tsv",
            sep="\t",
            na_values=["n/a"],
            keep_default_na=False,  # a group may be called "None"
            dtype=dict.fromkeys(text, "str"),
        )
    table = pd.read_csv(
        folder / "metrics.tsv",
        sep="\t",
        na_values=["n/a"],
        keep_default_na=False,
        dtype=dict.fromkeys(text, "str"),
    )
    return table.assign(note=table["note"].fillna("")), by_group


def readings_of(plan: FitPlan) -> dict[str, object] | None:
    """Tell what the zero-shot readings among the features mean; None if there are none."""
    settings = plan.settings
    return (
        readings_identity(plan.study, settings.zeroshot_set)
        if settings.features.endswith("zeroshot")
        else None
    )


def model_facts(plan: FitPlan, model: str) -> dict[str, object]:
    """Compose what a model's file says of itself: all that is needed to apply it to another study."""
    settings = plan.settings
    return {
        "model": model,
        "scale": plan.scale.name,
        "targets": list(plan.rated.targets),
        "target_kind": plan.rated.kind,
        "baseline": settings.baseline,
        "change_video": settings.change_video,
        "features": settings.features,
        "readings": readings_of(plan),
        "feature_names": list(plan.rated.feature_names),
        "aggregation": settings.aggregation,
        "min_usable_s": settings.min_usable_s,
        "tasks": settings.tasks,
        "source": asdict(plan.features.source),
    }


def _predictions(result: FitResult) -> pa.Table:
    """Long table: repeat, session, item and model vary from slow to fast in the order of models."""
    import pandas as pd
    import pyarrow as pa

    rated, folds = result.plan.rated, result.plan.folds
    n_sessions, n_targets = rated.Y.shape
    sessions = rated.sessions[["participant_id", "session_id"]]
    parts = []
    for model, outcome in result.outcomes.items():
        for repeat in range(result.plan.n_repeats):
            fold_name = np.empty(n_sessions, dtype=object)
            alpha = np.full((n_sessions, n_targets), np.nan)
            for number, fold in enumerate(folds):
                if fold.repeat == repeat:
                    fold_name[fold.test] = fold.name
                    alpha[fold.test] = outcome.alphas[number]
            frame = sessions.loc[sessions.index.repeat(n_targets)].reset_index(drop=True)
            parts.append(
                frame.assign(
                    item=np.tile(np.array(rated.targets, dtype=object), n_sessions),
                    rating=rated.Y.ravel(),
                    n_raters=rated.n_raters.ravel(),
                    fold=np.repeat(fold_name, n_targets),
                    repeat=repeat,
                    model=model,
                    prediction=outcome.predictions[repeat].ravel(),
                    alpha=alpha.ravel(),
                )
            )
    table = pd.concat(parts, ignore_index=True)[list(PREDICTION_COLUMNS)]
    types = dict.fromkeys(("rating", "prediction", "alpha"), pa.float64())
    types |= dict.fromkeys(("n_raters", "repeat"), pa.int32())
    schema = pa.schema([(name, types.get(name, pa.string())) for name in PREDICTION_COLUMNS])
    return pa.Table.from_pandas(table, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _null_draws(result: FitResult) -> pa.Table:
    """Long table: test, item, permutation from slow to fast; without items that were not tested."""
    import pyarrow as pa

    parts = []
    for name, facts in (("test", result.test_facts), ("gain", result.gain_facts)):
        draws = result.draws.get(name)
        for number, row in enumerate(facts["table"] if draws is not None else ()):
            if row["reason"] or draws is None:
                continue
            observed = np.nan if row["observed"] is None else row["observed"]
            value = np.concatenate([[observed], draws[:, number]])
            columns = {
                "item": pa.DictionaryArray.from_arrays(np.zeros(len(value), dtype=np.int32), [row["target"]]),
                "statistic": pa.DictionaryArray.from_arrays(
                    np.zeros(len(value), dtype=np.int32), [facts["statistic"]]
                ),
                "permutation": pa.array(np.arange(len(value), dtype=np.int32)),
                "value": pa.array(value, mask=~np.isfinite(value)),
            }
            parts.append(pa.table({column: columns[column] for column in NULL_COLUMNS}))
    plain_text = [pa.string(), pa.string(), pa.int32(), pa.float64()]
    schema = pa.schema(list(zip(NULL_COLUMNS, plain_text, strict=True)))
    return pa.concat_tables([part.cast(schema) for part in parts])


def _fold_rows(plan: FitPlan) -> list[dict[str, Any]]:
    """Who was tested where; all others of the repetition trained."""
    return [
        {"repeat": fold.repeat, "fold": fold.name, "participant_id": participant, "session_id": session}
        for fold in plan.folds
        for participant, session in (plan.rated.keys[row] for row in fold.test)
    ]


def _fit_record(result: FitResult, key: str, files: Mapping[str, str]) -> dict[str, Any]:
    plan = result.plan
    rated = plan.rated
    people = set(rated.groups.tolist())
    # All their videos: also those of sessions without a rating, and of the baseline of a change.
    videos = {one.sha256 for one in plan.features.contents if one.participant_id in people}
    record = {
        "format_version": FORMAT_VERSION,
        "written_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "key": key,
        "scale": {"name": plan.scale.name, "title": plan.scale.title},
        "settings": plan.settings.model_dump(mode="json"),
        "targets": list(rated.targets),
        "target_kind": rated.kind,
        "ratings": rated.statement,
        "primary": list(plan.primary),
        "n_participants": plan.n_participants,
        "n_sessions": len(rated.sessions),
        "sessions": rated.counts,
        "missing_ratings": records(rated.missing),
        "features": {
            "level": plan.settings.features,
            "aggregation": plan.settings.aggregation,
            "readings": readings_of(plan),
            "n_features": len(rated.feature_names),
            "n_segments": int(rated.sessions["n_segments"].sum()),
            "source": asdict(plan.features.source),
        },
        "baselines": {
            name: {
                "features": list(design.names),
                "missing": dict(design.n_missing),
                "dropped": dict(design.dropped),
            }
            for name, design in plan.designs.items()
        },
        "folds": {"outer": plan.settings.outer, "n_folds": len(plan.folds), "n_repeats": plan.n_repeats},
        "models": {
            name: {"details": outcome.details, "notes": list(outcome.notes), "seconds": outcome.seconds}
            for name, outcome in result.outcomes.items()
        },
        "models_left_out": dict(plan.impossible),
        "permutation_test": result.test_facts,
        "gain_test": result.gain_facts,
        "sensitivity": result.sensitivity.facts,
        "stability": result.stability.facts,
        "audit": plan.audit.to_json(),
        "trained_on": {
            "participants": sorted(people),
            "video_sha256": sorted(sha256 for sha256 in videos if sha256 is not None),
        },
        "data_sha256": dict(result.hashes),
        "meaning": list(MEANING),
        "versions": software_versions(),
        "files": dict(files),
    }
    return {name: plain(value) for name, value in record.items()}
