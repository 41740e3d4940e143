"""The verb `status`: what is done, what failed and why."""

from typing import TYPE_CHECKING

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import clock_text, counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call

if TYPE_CHECKING:
    from emoclip_clinic.study import StatusRow

__all__ = ["status"]


def status(call: Call) -> int:
    """Show what is done, what failed and why.

    One row per recording, from the result files: ok, no-face or failed, coverage, segments, computing time,
    and what a person should look at. A pipe receives every column of status.tsv.
    """
    from emoclip_clinic.study import build_status
    from emoclip_clinic.study.status import STATUS_COLUMNS

    study = call.open_study()
    rows = build_status(study)
    if not rows:
        err.print("Nothing has been extracted in this study.\nNext: emoclip-clinic extract PATH...")
    elif out.is_terminal:
        columns = ("recording", "status", "coverage", "segments", "rejected", "time", "weights")
        print_table(columns, map(_brief, rows))
        for row in rows:
            for note in filter(None, (row.reason, row.hint, *row.flags, *row.warnings)):
                out.print(f"{row.recording}: {note}", soft_wrap=True)
    else:
        print_table(tuple(STATUS_COLUMNS), (row.cells().values() for row in rows))
    if rows:
        counts = {name: sum(row.status == name for row in rows) for name in ("ok", "no-face", "failed")}
        said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
        err.print(f"\n{counted(len(rows), 'recording')}: {said}.")
    return ALL_WELL


def _brief(row: "StatusRow") -> tuple[object, ...]:
    return (
        row.recording,
        row.status,
        None if row.coverage is None else f"{row.coverage:.0%}",
        row.segments_ok,
        row.segments_rejected,
        clock_text(row.seconds.get("total")),
        row.weights,
    )
