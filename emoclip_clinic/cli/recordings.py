"""The verb `recordings`: who is on which video, before any work begins."""

from pathlib import Path
from typing import Annotated

import typer

from emoclip_clinic.cli.verb import ALL_WELL, Call

__all__ = ["ONLY", "PATHS", "PATTERN", "recordings"]

PATHS = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Video files, or folders that are searched at any depth; relative to the working directory. "
        "(default: the study)",
        show_default=False,
    ),
]
PATTERN = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        metavar="REGEX",
        help="Regular expression for names that are not BIDS, with groups (?P<participant>...) and, "
        "if wanted, (?P<session>...) and (?P<task>...). (default none)",
        show_default=False,
    ),
]
ONLY = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="sub-01",
        help="Only this participant; may be repeated. (default: all)",
        show_default=False,
    ),
]


def recordings(call: Call, paths: PATHS = None, *, pattern: PATTERN = None, only: ONLY = None) -> int:
    """List the recordings that extract would work on.

    Shows participant, session, duration, size, codec and whether a result exists. Videos that cannot be
    assigned to a participant are listed with the reason. Nothing is written.
    """
    from emoclip_clinic.cli.listing import only_participants, print_recordings, probe_recordings
    from emoclip_clinic.study.recordings import find_recordings

    study = call.open_study()
    found = only_participants(find_recordings(paths or (), study=study, pattern=pattern), only or ())
    print_recordings(probe_recordings(found), found, study)
    return ALL_WELL
