"""The normal form of ratings, a BIDS phenotype table with its JSON, and how it is written and read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from emoclip_clinic import __version__
from emoclip_clinic.errors import FormatError, RatingsError
from emoclip_clinic.study.files import read_json, read_tsv, sha256_file, write_json, write_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings.cells import EMPTY
from emoclip_clinic.study.ratings.checking import check_ratings
from emoclip_clinic.study.ratings.problems import Problem, raise_errors
from emoclip_clinic.study.ratings.reading import read_ratings
from emoclip_clinic.study.ratings.records import Ratings, ReadOptions
from emoclip_clinic.study.scales import Scale

__all__ = [
    "FORMAT_VERSION",
    "Imported",
    "import_ratings",
    "load_ratings",
    "ratings_path",
    "write_empty_ratings",
]

FORMAT_VERSION = 1
_OWN_KEY = "EmoClipClinic"


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Parameters
    ----------
    table, sidecar : Path
        The files written.
    ratings : Ratings
        The ratings of the imported file.
    n_rows : int
        Rows in the table now.
    problems : tuple of Problem
        What a person should look at; none keeps the ratings from being used.
    """

    table: Path
    sidecar: Path
    ratings: Ratings
    n_rows: int
    problems: tuple[Problem, ...]


def ratings_path(study: Study | Path | str, scale: Scale) -> Path:
    """Return the path of a scale's ratings in a study."""
    return Study.of(study).phenotype / f"{scale.name}.tsv"


def import_ratings(
    path: Path,
    scale: Scale,
    *,
    study: Study | Path | str,
    options: ReadOptions | None = None,
    existing: Literal["refuse", "replace", "append"] = "refuse",
) -> Imported:
    """Read ratings in any supported form and write them into a study in the normal form.

    Parameters
    ----------
    path : Path
        The file to import.
    scale : Scale
        Its scale.
    study : Study or path
        The study; the table becomes ``phenotype/<scale>.tsv``.
    options : ReadOptions, optional
        What the file does not say itself.
    existing : {'refuse', 'replace', 'append'}
        What to do if the study has ratings of this scale: `append` adds the rows, say of a further rater.

    Returns
    -------
    Imported
        What was written, and what a person should look at.

    Raises
    ------
    RatingsError
        If a value or its owner is not known (all such problems are listed), or the study has ratings already.
        Nothing is written then.
    """
    study = Study.of(study)
    target = ratings_path(study, scale)
    if existing == "refuse" and target.exists() and read_tsv(target).rows:
        raise RatingsError(
            f"A study has one table of ratings of {scale.name}",
            found="the table exists already",
            where=target,
            hint="Pass --replace to write it anew, or --append to add rows (for example of another rater).",
        )
    ratings = read_ratings(path, scale, options=options)
    problems = check_ratings(ratings)
    raise_errors(problems, path)
    rows = _rows(ratings)
    sources = [_source(ratings)]
    if existing == "append" and target.exists():
        before = load_ratings(study, scale)
        rows = _rows(before) + rows
        sources = _stored_sources(target.with_suffix(".json")) + sources
        _refuse_overlap(before, ratings)
    write_tsv(target, rows, columns=_columns(rows, scale))
    write_json(target.with_suffix(".json"), _sidecar(scale, rows, sources))
    written = load_ratings(study, scale)
    return Imported(
        table=target,
        sidecar=target.with_suffix(".json"),
        ratings=ratings,
        n_rows=len(written.frame),
        problems=tuple(problem for problem in problems if not problem.is_error),
    )


def write_empty_ratings(study: Study | Path | str, scale: Scale) -> tuple[Path, Path]:
    """Write a ratings table that has a header and no row yet, and the JSON that describes its columns.

    Parameters
    ----------
    study : Study or path
        The study.
    scale : Scale
        The scale.

    Returns
    -------
    table, sidecar : Path
        The files.

    Raises
    ------
    RatingsError
        If the study has ratings of this scale.
    """
    target = ratings_path(study, scale)
    if target.exists():
        raise RatingsError(
            f"A study has one table of ratings of {scale.name}",
            found="the table exists already",
            where=target,
        )
    columns = ["participant_id", "session_id", "rater", "rating_date", *scale.item_ids]
    write_tsv(target, [], columns=columns)
    write_json(target.with_suffix(".json"), _sidecar(scale, [dict.fromkeys(columns)], []))
    return target, target.with_suffix(".json")


def load_ratings(study: Study | Path | str, scale: Scale) -> Ratings:
    """Load a study's ratings of a scale, ready to use.

    Parameters
    ----------
    study : Study or path
        The study.
    scale : Scale
        The scale.

    Returns
    -------
    Ratings
        Ratings in which every value is allowed and has one owner.

    Raises
    ------
    RatingsError
        If there are none, or a value or its owner is not known; all such problems are listed.
    """
    path = ratings_path(study, scale)
    if not path.is_file():
        raise RatingsError(
            f"The study must have ratings of {scale.name}",
            found="no such file",
            where=path,
            hint=f"Import them: emoclip-clinic ratings import FILE --scale {scale.name}",
        )
    sidecar = path.with_suffix(".json")
    if sidecar.is_file():
        _check_sidecar(sidecar, scale)
    ratings = read_ratings(path, scale)
    raise_errors(check_ratings(ratings), path)
    return ratings


def _rows(ratings: Ratings) -> list[dict[str, object]]:
    reasons: dict[tuple[object, ...], list[str]] = {}
    absent = {i for i in ratings.scale.item_ids if i not in ratings.source.columns}
    for entry in ratings.missing.itertuples(index=False):
        if entry.reason != EMPTY and entry.item not in absent:
            key = (entry.participant_id, _none(entry.session_id), entry.rater)
            # ';' and '=' separate the parts of this column
            reason = str(entry.reason).replace(";", ",").replace("=", ":")
            reasons.setdefault(key, []).append(f"{entry.item}={reason}")
    rows = []
    stated = ratings.stated.to_dict("records")
    for record, scores in zip(ratings.frame.to_dict("records"), stated, strict=True):
        key = (record["participant_id"], _none(record["session_id"]), record["rater"])
        row: dict[str, object] = {
            "participant_id": record["participant_id"],
            "session_id": _none(record["session_id"]),
            "rater": record["rater"],
            "rating_date": _none(record["rating_date"]),
        }
        row |= {item: _number(record[item]) for item in ratings.scale.item_ids if item not in absent}
        row |= {str(score): _none(text) for score, text in scores.items()}
        row["missing_reasons"] = "; ".join(reasons.get(key, [])) or None
        rows.append(row)
    return rows


def _columns(rows: list[dict[str, object]], scale: Scale) -> list[str]:
    used = {column for row in rows for column, value in row.items() if value is not None}
    always = ["participant_id", "session_id", "rater"]
    present = {column for row in rows for column in row}
    order = [*always, "rating_date", *scale.item_ids, *scale.score_ids, "missing_reasons"]
    optional = {"rating_date", "missing_reasons", *scale.score_ids}
    columns = [c for c in order if c in always or (c in present and (c in used or c not in optional))]
    for row in rows:
        for column in [c for c in row if c not in columns]:
            del row[column]
    return columns


def _none(value: Any) -> Any:
    return None if pd.isna(value) else value


def _number(value: float) -> object:
    if pd.isna(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def _sidecar(scale: Scale, rows: list[dict[str, object]], sources: list[dict[str, Any]]) -> dict[str, Any]:
    present = {column for row in rows for column in row}
    citation = scale.references[scale.citation]
    described: dict[str, Any] = {
        "MeasurementToolMetadata": {
            "Description": f"{scale.title}. {citation.citation}",
            **({"TermURL": f"https://doi.org/{citation.doi}"} if citation.doi else {}),
        },
        "rater": {"Description": "Who gave the rating."},
    }
    if "rating_date" in present:
        described["rating_date"] = {"Description": "Date of the rating, ISO 8601."}
    for target in scale.target_ids:
        if target in present:
            low, high = scale.target_range(target)
            described[target] = {
                "Description": scale.target_name(target),
                "MinValue": _number(low),
                "MaxValue": _number(high),
            }
            if target in scale.score_ids:
                described[target] |= {"Derivative": True}
    if "missing_reasons" in present:
        described["missing_reasons"] = {
            "Description": "Why ratings are missing, as item=reason; item=reason."
        }
    described[_OWN_KEY] = {
        "FormatVersion": FORMAT_VERSION,
        "Version": __version__,
        "Scale": scale.name,
        "Sources": sources,
    }
    return described


def _source(ratings: Ratings) -> dict[str, Any]:
    source = ratings.source
    return {
        "File": source.path.name,
        "Sha256": sha256_file(source.path),
        "Encoding": source.encoding,
        "Separator": source.separator,
        "Sheet": source.sheet,
        "DecimalMark": source.decimal,
        "Columns": dict(source.columns),
        "ColumnsLeftOut": list(source.left_out_columns),
        "RowsLeftOut": dict(source.left_out_rows),
    }


def _stored_sources(sidecar: Path) -> list[dict[str, Any]]:
    if not sidecar.is_file():
        return []
    own = read_json(sidecar).get(_OWN_KEY, {})
    return list(own.get("Sources", []))


def _check_sidecar(sidecar: Path, scale: Scale) -> None:
    own: Mapping[str, Any] = read_json(sidecar).get(_OWN_KEY, {})
    version = own.get("FormatVersion", FORMAT_VERSION)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise FormatError(
            f"Ratings must have a format version up to {FORMAT_VERSION}",
            found=version,
            where=sidecar,
            hint="Update emoclip-clinic, or import the ratings again.",
        )
    if own.get("Scale", scale.name) != scale.name:
        raise RatingsError(
            "A ratings table must be read with its own scale",
            found=f"ratings of {own['Scale']}, read as {scale.name}",
            where=sidecar,
        )


def _refuse_overlap(before: Ratings, after: Ratings) -> None:
    keys = ["participant_id", "session_id", "rater"]
    both = before.frame[keys].merge(after.frame[[*keys, "source_row"]], on=keys)
    problems = [
        Problem(
            "duplicate",
            "A participant, session and rater may occur once.",
            after.source.path,
            int(row),
            value=f"{participant}, {_none(session) or 'no session'}, rater {rater}",
            hint=f"It is in {before.source.path} already.",
        )
        for participant, session, rater, row in zip(*(both[c] for c in (*keys, "source_row")), strict=True)
    ]
    raise_errors(problems, after.source.path)
    mixed = {before.frame["session_id"].notna().any(), after.frame["session_id"].notna().any()}
    if len(mixed) > 1:
        raise RatingsError(
            "Either every row names its session or none does",
            found="sessions in one of the two tables only",
            where=after.source.path,
            hint="Name the session with --session.",
        )
