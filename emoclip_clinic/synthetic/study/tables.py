"""The tables of a synthetic study: participants, sessions, ratings, and the truth behind them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoclip_clinic.study.files import write_bytes, write_json, write_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import ratings_path, write_empty_ratings
from emoclip_clinic.study.scales import Scale
from emoclip_clinic.synthetic.cohort import (
    RATERS,
    Cohort,
    RatedItem,
    has_facial_cause,
    item_models,
    known_agreement,
    rate_cohort,
)
from emoclip_clinic.synthetic.study.problems import Problem
from emoclip_clinic.synthetic.study.recordings import StudyRecording

__all__ = ["BIDSIGNORE", "TRUTH_FILE", "write_ratings", "write_study_tables", "write_truth"]

TRUTH_FILE = "truth.json"
"""File in a synthetic study that says from what it was generated; it also marks the folder as generated."""

BIDSIGNORE = (
    "interviews",
    "phenotype",
    "recordings.tsv",
    "tracks.tsv",
    TRUTH_FILE,
    "emoclip-clinic.toml",
    "protocols",
)
"""What BIDS has no place for yet: videos of behaviour, and ratings with a row for each session and rater (its
validator allows one for each participant)."""

_BIDS_VERSION = "1.10.0"
_DIGITS = 4  # digits of numbers in the truth


def write_study_tables(
    study: Study, cohort: Cohort, recordings: Sequence[StudyRecording], scales: Sequence[Scale]
) -> None:
    """Write the tables of a synthetic study.

    Parameters
    ----------
    study : Study
        Where to.
    cohort : Cohort
        Who takes part.
    recordings : sequence of StudyRecording
        How each session is filmed.
    scales : sequence of Scale
        Scales by which the sessions are rated.
    """
    root = study.root
    write_json(
        root / "dataset_description.json",
        {
            "Name": "Synthetic interviews of emoclip-clinic",
            "BIDSVersion": _BIDS_VERSION,
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["emoclip-clinic"],
            "GeneratedBy": [{"Name": "emoclip-clinic", "Description": "Drawn people; no real ones."}],
        },
    )
    write_bytes(root / "README", _README.encode())
    write_bytes(root / ".bidsignore", "".join(f"{name}\n" for name in BIDSIGNORE).encode())
    columns = ("participant_id", "age", "sex", "group", "site")
    write_tsv(
        study.participants_tsv,
        [{name: getattr(one, name) for name in columns} for one in cohort.participants],
        columns=columns,
    )
    write_json(
        study.participants_tsv.with_suffix(".json"),
        {
            "age": {"Description": "Age at the first session.", "Units": "year"},
            "sex": {"Description": "Sex.", "Levels": {"F": "female", "M": "male"}},
            "group": {"Description": "Diagnosis; drawn, unrelated to everything else."},
            "site": {"Description": "Where the interviews were filmed."},
        },
    )
    for number, one in enumerate(cohort.participants):
        sessions = [session for who, session in cohort.sessions if who == number]
        folder = root / one.participant_id
        folder.mkdir(exist_ok=True)
        write_tsv(
            folder / f"{one.participant_id}_sessions.tsv",
            [{"session_id": session} for session in sessions],
            columns=["session_id"],
        )
    for scale in scales:
        write_ratings(study, scale, rate_cohort(cohort, scale))


def write_truth(
    study: Study,
    cohort: Cohort,
    recordings: Sequence[StudyRecording],
    scales: Sequence[Scale],
    problems: Sequence[Problem],
) -> None:
    """Write from what a study was generated; the last of its files.

    Parameters
    ----------
    study : Study
        Where to.
    cohort : Cohort
        Who takes part.
    recordings : sequence of StudyRecording
        How each session is filmed.
    scales : sequence of Scale
        Scales by which the sessions are rated.
    problems : sequence of Problem
        What is wrong on purpose.
    """
    truth = _truth(cohort, recordings, scales) | {"problems": [vars(one) for one in problems]}
    write_bytes(study.root / TRUTH_FILE, json.dumps(truth, indent=1).encode())


def write_ratings(study: Study, scale: Scale, cells: Sequence[RatedItem]) -> Path:
    """Write ratings in the normal form, in place of those that are there.

    Parameters
    ----------
    study : Study
        The study.
    scale : Scale
        The scale.
    cells : sequence of RatedItem
        Cells, by session and rater.

    Returns
    -------
    Path
        The table.
    """
    path = ratings_path(study, scale)
    path.unlink(missing_ok=True)
    write_empty_ratings(study, scale)
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for cell in cells:
        key = (cell.participant_id, cell.session_id, cell.rater)
        row = rows.setdefault(key, dict(zip(("participant_id", "session_id", "rater"), key, strict=True)))
        row[cell.item] = None if cell.value is None else int(cell.value)
    columns = ["participant_id", "session_id", "rater", "rating_date", *scale.item_ids]
    write_tsv(path, list(rows.values()), columns=columns)
    return path


def _truth(cohort: Cohort, recordings: Sequence[StudyRecording], scales: Sequence[Scale]) -> dict[str, Any]:
    return {
        "what": "What this study was generated from. Nothing in it is real.",
        "seed": cohort.seed,
        "confounded": cohort.confounded,
        "raters": [vars(rater) for rater in RATERS],
        "sessions": [
            {
                "participant_id": recording.participant_id,
                "session_id": recording.session_id,
                "latents": {
                    name: round(float(values[row]), _DIGITS) for name, values in cohort.latents.items()
                },
                "camera": round(recording.camera, _DIGITS),
                "site": recording.site,
                "has_interviewer": recording.has_interviewer,
                "video": recording.path,
            }
            for row, recording in enumerate(recordings)
        ],
        "items": {
            scale.name: {
                model.item: {
                    "facial": has_facial_cause(scale, model.item),
                    "loadings": dict(model.weights),
                    "unique_sd": round(model.unique_sd, _DIGITS),
                    "cuts": [round(float(cut), _DIGITS) for cut in model.cuts],
                    **{name: round(value, _DIGITS) for name, value in agreement[model.item].items()},
                }
                for model in item_models(scale)
            }
            for scale, agreement in ((scale, known_agreement(scale)) for scale in scales)
        },
    }


_README = """\
Synthetic interviews, drawn by emoclip-clinic. No person in them exists, and no rating was given by anybody.

Half of the PANSS and CAINS items of negative symptoms follow from what the drawn faces do; all others follow
from latent symptoms that leave no trace in the videos. truth.json holds the parameters. The videos lie in
interviews/, because BIDS has no place for videos of behaviour yet; .bidsignore names what the standard does
not know, tables of ratings with several raters and sessions among it.
"""
