"""The command line: one file per verb; a verb parses, calls the library and prints.

Importing this package imports nothing heavy; a verb imports what it needs when it runs.
"""

from typing import Annotated

import typer

from emoclip_clinic import __version__
from emoclip_clinic.cli import doctor, extract, recordings, status, weights
from emoclip_clinic.cli.verb import add_verb

__all__ = ["app", "main"]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"emoclip-clinic {__version__}")
        raise typer.Exit


def _application(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From clinical interview videos to EmoCLIP segment embeddings. Research use only: no medical device."""


def _build() -> typer.Typer:
    look = {"help_option_names": ["--help", "-h"]}
    application = typer.Typer(
        name="emoclip-clinic",
        epilog="Exit codes: 0 all well, 1 some failed, 2 usage, 70 internal error, 130 interrupted.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=look,
    )
    application.callback()(_application)

    work = "Work on a study"
    add_verb(application, recordings.recordings, panel=work)
    add_verb(application, extract.extract, options=extract.setting_options(), panel=work)
    add_verb(application, status.status, panel=work)

    machine = "This machine"
    add_verb(application, doctor.doctor, panel=machine)
    group = typer.Typer(
        no_args_is_help=True, context_settings=look, help="List, register and verify model weights."
    )
    add_verb(group, weights.list_known, name="list")
    add_verb(group, weights.add)
    add_verb(group, weights.verify)
    application.add_typer(group, name="weights", rich_help_panel=machine)
    return application


app = _build()


def main() -> None:
    """Run the command line; the console script ``emoclip-clinic``."""
    app()
