"""The verbs `ratings import` and `ratings check`: clinicians' ratings, and all that is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.recordings import PATTERN
from emoclip_clinic.cli.tables import print_table
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call
from emoclip_clinic.errors import SettingsError, StudyError, did_you_mean

if TYPE_CHECKING:
    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.ratings import Problem, RatingsSource, ReadOptions

__all__ = ["check", "import_file"]

READING = "How the file is to be read"

SCALE = Annotated[
    str,
    typer.Option(
        "--scale", metavar="NAME|FILE", help="Name of the scale, or a YAML file.", show_default=False
    ),
]
MAP = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="TARGET=COLUMN",
        help="Column of an item, a score, participant_id, session_id, rater or rating_date; "
        "may be repeated. (default: columns of these names)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
MISSING = Annotated[
    list[str] | None,
    typer.Option(
        "--missing",
        metavar="CODE[=REASON]",
        help="Code that means a missing rating; may be repeated. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
SESSION = Annotated[
    str | None,
    typer.Option(
        "--session",
        metavar="LABEL",
        help="Session of all rows. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
RATER_NAME = Annotated[
    str | None,
    typer.Option(
        "--rater-name",
        metavar="NAME",
        help="Rater of all rows. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
EVENT = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="EVENT=SESSION",
        help="Session of a REDCap event; may be repeated. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
REPEAT = Annotated[
    str | None,
    typer.Option(
        "--repeat",
        metavar="session|rater",
        help="What the instances of a repeating REDCap instrument are. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
DICTIONARY = Annotated[
    Path | None,
    typer.Option(
        "--dictionary",
        metavar="FILE",
        help="REDCap data dictionary (CSV); needed for labels. (default none)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
ORIGINAL_NUMBERS = Annotated[
    bool,
    typer.Option(
        "--original-numbers",
        help="Column names hold the numbers of the original form.",
        rich_help_panel=READING,
    ),
]
DATE_FORMAT = Annotated[
    str | None,
    typer.Option(
        "--date-format",
        metavar="%d/%m/%Y",
        help="Form of dates. (default: %Y-%m-%d or %d.%m.%Y)",
        show_default=False,
        rich_help_panel=READING,
    ),
]
ENCODING = Annotated[
    str | None,
    typer.Option(
        "--encoding", metavar="NAME", help="Encoding.", show_default="detected", rich_help_panel=READING
    ),
]
SEPARATOR = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="CHAR",
        help="Character between cells.",
        show_default="detected",
        rich_help_panel=READING,
    ),
]
DECIMAL = Annotated[
    str | None,
    typer.Option(
        "--decimal", metavar=".|,", help="Decimal mark.", show_default="detected", rich_help_panel=READING
    ),
]
SHEET = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="NAME",
        help="Sheet of a workbook. (default: the filled one)",
        show_default=False,
        rich_help_panel=READING,
    ),
]


def import_file(
    call: Call,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="TSV, CSV, Excel or REDCap export.", show_default=False)
    ],
    *,
    scale: SCALE,
    column_map: MAP = None,
    missing: MISSING = None,
    session: SESSION = None,
    rater_name: RATER_NAME = None,
    event: EVENT = None,
    repeat: REPEAT = None,
    dictionary: DICTIONARY = None,
    original_numbers: ORIGINAL_NUMBERS = False,
    date_format: DATE_FORMAT = None,
    encoding: ENCODING = None,
    separator: SEPARATOR = None,
    decimal: DECIMAL = None,
    sheet: SHEET = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the study's ratings of this scale.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add to the study's ratings, for example those of another rater.")
    ] = False,
) -> int:
    """Import ratings into the study, as phenotype/SCALE.tsv with its JSON.

    Nothing is written while a value or its owner is in doubt: every such cell is listed.
    """
    from emoclip_clinic.study.ratings import import_ratings
    from emoclip_clinic.study.scales import load_scale

    study = call.open_study()
    call.log_into(study)
    if replace and append:
        raise SettingsError(
            "Ratings are either replaced or appended",
            found="both",
            where="--replace, --append",
            hint="Give one of the two.",
        )
    options = _options(
        column_map, missing, session, rater_name, event, repeat, dictionary, original_numbers, date_format,
        encoding, separator, decimal, sheet,
    )  # fmt: skip
    done = import_ratings(
        file,
        load_scale(scale, study=study),
        study=study,
        options=options,
        existing="replace" if replace else "append" if append else "refuse",
    )
    _say_how_it_was_read(done.ratings.source)
    _print_problems(done.problems)
    n_rated = len(done.ratings.rated)
    err.print(
        f"{n_rated} of {len(done.ratings.frame)} rows hold ratings. "
        f"{study.shown(done.table)} has {done.n_rows} rows.",
        soft_wrap=True,
    )
    return ALL_WELL


def check(
    call: Call,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="File to check. (default: the study's ratings)", show_default=False
        ),
    ] = None,
    *,
    scale: SCALE,
    videos: Annotated[
        list[Path] | None,
        typer.Option(
            "--videos",
            metavar="PATH",
            help="Videos, or folders with videos, that the ratings should meet; relative to the working "
            "directory. (default: the study)",
            show_default=False,
        ),
    ] = None,
    pattern: PATTERN = None,
    column_map: MAP = None,
    missing: MISSING = None,
    session: SESSION = None,
    rater_name: RATER_NAME = None,
    event: EVENT = None,
    repeat: REPEAT = None,
    dictionary: DICTIONARY = None,
    original_numbers: ORIGINAL_NUMBERS = False,
    date_format: DATE_FORMAT = None,
    encoding: ENCODING = None,
    separator: SEPARATOR = None,
    decimal: DECIMAL = None,
    sheet: SHEET = None,
) -> int:
    """List everything that is wrong with ratings, with file, row, column and value.

    Exit code 1 if a value or its owner is in doubt; what only needs a person's look is listed as a warning.
    """
    from emoclip_clinic.study.ratings import check_ratings, ratings_path, read_ratings
    from emoclip_clinic.study.scales import load_scale

    study = call.open_study()
    one = load_scale(scale, study=study)
    options = _options(
        column_map, missing, session, rater_name, event, repeat, dictionary, original_numbers, date_format,
        encoding, separator, decimal, sheet,
    )  # fmt: skip
    ratings = read_ratings(ratings_path(study, one) if file is None else file, one, options=options)
    recordings, notes = _filmed(study, videos or (), pattern)
    problems = check_ratings(ratings, recordings=recordings or None)
    _say_how_it_was_read(ratings.source)
    for note in notes:
        err.print(note, soft_wrap=True)
    _print_problems(problems)
    n_errors = sum(problem.is_error for problem in problems)
    err.print(
        f"{n_errors} errors, {len(problems) - n_errors} warnings in {len(ratings.frame)} rows.",
        soft_wrap=True,
    )
    return SOME_FAILED if n_errors else ALL_WELL


@dataclass(frozen=True)
class _Filmed:
    """Whom a video shows."""

    path: Path
    participant_id: str
    session_id: str | None


def _filmed(study: "Study", videos: "Sequence[Path]", pattern: str | None) -> tuple[list[_Filmed], list[str]]:
    """Give the videos named; by default those of the study, on the disk or extracted before.

    What extract knows needs no pattern again, and ratings are often checked where no videos lie. With it,
    notes on what is not compared.
    """
    from emoclip_clinic.study.recordings import find_recordings
    from emoclip_clinic.study.results import list_results
    from emoclip_clinic.study.sidecar import read_failed

    known: list[_Filmed] = []
    if not videos:
        extracted = [(one.sidecar.recording, one.sidecar.input) for one in list_results(study)]
        failed = [(one.recording, one.input) for one in map(read_failed, study.failed_paths())]
        known = [
            _Filmed(study.root / file.path, who.participant_id, who.session_id)
            for who, file in (*extracted, *failed)
        ]
    notes = []
    try:
        found = find_recordings(videos, study=study, pattern=pattern)
    except StudyError as error:
        if videos:
            raise
        notes.append(f"Videos of the study were not looked at. {error}")
    else:
        paths = {one.path for one in known}
        known += [
            _Filmed(one.path, one.participant_id, one.session_id)
            for one in found.recordings
            if one.path not in paths
        ]
        notes += [
            f"{study.shown(one.path)}: not compared with ratings. {one.reason}"
            for one in found.unassigned
            if one.path not in paths
        ]
    if not known:
        notes.append("Ratings were not compared with videos; name those with --videos.")
    return known, notes


def _options(
    column_map: list[str] | None,
    missing: list[str] | None,
    session: str | None,
    rater_name: str | None,
    event: list[str] | None,
    repeat: str | None,
    dictionary: Path | None,
    original_numbers: bool,
    date_format: str | None,
    encoding: str | None,
    separator: str | None,
    decimal: str | None,
    sheet: str | None,
) -> "ReadOptions":
    from emoclip_clinic.study.ratings import ReadOptions

    repeat_as: Literal["session", "rater"] | None = None
    if repeat is not None:
        repeat_as = "session" if repeat == "session" else "rater"
        if repeat != repeat_as:
            raise SettingsError(
                "Instances are sessions or raters",
                found=repeat,
                where="--repeat",
                hint=did_you_mean(repeat, ["session", "rater"]),
            )
    mark: Literal[".", ","] | None = None
    if decimal is not None:
        mark = "," if decimal == "," else "."
        if decimal != mark:
            raise SettingsError("The decimal mark is . or ,", found=decimal, where="--decimal")
    return ReadOptions(
        mapping=_pairs(column_map, "--map", needs_value=True),
        missing_codes=_pairs(missing, "--missing", needs_value=False),
        session=session,
        rater=rater_name,
        events=_pairs(event, "--event", needs_value=True),
        repeat_as=repeat_as,
        dictionary=dictionary,
        original_numbers=original_numbers,
        date_format=date_format,
        encoding=encoding,
        separator="\t" if separator in ("tab", "\\t") else separator,
        decimal=mark,
        sheet=sheet,
    )


def _pairs(given: list[str] | None, option: str, *, needs_value: bool) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key or (needs_value and not equals):
            raise SettingsError(f"{option} has the form NAME=VALUE", found=text, where=option)
        if key in pairs:
            raise SettingsError(f"{option} may name each target once", found=key, where=option)
        pairs[key] = value
    return pairs


def _say_how_it_was_read(source: "RatingsSource") -> None:
    parts = [
        f"encoding {source.encoding}" if source.encoding else None,
        f"separated by {source.separator}" if source.separator else None,
        f"sheet {source.sheet}" if source.sheet else None,
        f"decimal mark '{source.decimal}'",
    ]
    err.print(f"{source.path}: read with {', '.join(part for part in parts if part)}.", soft_wrap=True)
    if source.left_out_columns:
        err.print(f"Columns not used: {', '.join(source.left_out_columns)}.", soft_wrap=True)
    for reason, n in source.left_out_rows.items():
        err.print(f"Rows not used: {n} {reason}.", soft_wrap=True)


def _print_problems(problems: "Sequence[Problem]") -> None:
    if problems:
        print_table(
            ("severity", "kind", "file", "row", "column", "value", "problem"),
            [
                (
                    "error" if p.is_error else "warning",
                    p.kind,
                    p.file,
                    p.row,
                    p.column,
                    p.value,
                    f"{p.message} {p.hint or ''}".strip(),
                )
                for p in problems
            ],
        )
