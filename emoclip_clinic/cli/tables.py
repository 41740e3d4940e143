"""Tables and durations on the command line: drawn for a person at a terminal, tab-separated for a pipe."""

from collections.abc import Iterable, Sequence

import typer
from rich.table import Table

from emoclip_clinic.cli.console import out

__all__ = ["clock_text", "counted", "print_table"]

_ONE_LINE = str.maketrans("\t\r\n", "   ")


def print_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows to standard output; None is shown as ``n/a``, as in the study's TSV files.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : iterable of iterables
        As many values per row as there are columns.
    """
    texts = [["n/a" if value is None else str(value) for value in row] for row in rows]
    if out.is_terminal:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, no_wrap=column == columns[0])
        for text in texts:
            table.add_row(*text)
        out.print(table)
    else:
        for text in [list(columns), *texts]:
            typer.echo("\t".join(cell.translate(_ONE_LINE) for cell in text))  # rich would expand tabs


def clock_text(seconds: float | None) -> str:
    """Write a duration as ``m:ss`` or ``h:mm:ss``, rounded to the second; ``?`` where it is not known."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, such as ``1 recording`` or ``2 recordings``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
