"""The command line: one file per verb; a verb parses, calls the library and prints.

Importing this package imports nothing heavy; a verb imports what it needs when it runs.
"""

from typing import Annotated

import typer

from emoclip_clinic import __version__
from emoclip_clinic.cli import (
    agreement,
    doctor,
    extract,
    fit,
    init,
    predict,
    pretrain,
    ratings,
    recordings,
    report,
    scales,
    status,
    weights,
    zeroshot,
)
from emoclip_clinic.cli.help_texts import PlainGroup
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


_LOOK = {"help_option_names": ["--help", "-h"]}
_WORK, _RATINGS, _MODELS, _MACHINE = "Videos of a study", "Ratings", "Models of ratings", "This machine"
_REPORTS = "Reports and agreement"
_ENCODERS = "Models of faces"


def _build() -> typer.Typer:
    application = typer.Typer(
        name="emoclip-clinic",
        cls=PlainGroup,
        epilog="Exit codes: 0 all well, 1 some failed, 2 usage, 70 internal error, 130 interrupted.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_LOOK,
    )
    application.callback()(_application)

    add_verb(application, init.init, panel=_WORK)
    add_verb(application, recordings.recordings, panel=_WORK)
    add_verb(application, extract.extract, options=extract.setting_options(), panel=_WORK)
    add_verb(application, status.status, panel=_WORK)

    group = _add_group(application, "scales", "List, show and check rating scales.", panel=_RATINGS)
    add_verb(group, scales.list_known, name="list")
    add_verb(group, scales.show)
    add_verb(group, scales.check)
    add_verb(group, scales.template)
    group = _add_group(application, "ratings", "Import and check clinicians' ratings.", panel=_RATINGS)
    add_verb(group, ratings.import_file, name="import")
    add_verb(group, ratings.check)
    group = _add_group(application, "zeroshot", "Compare segments with class descriptions.", panel=_WORK)
    add_verb(group, zeroshot.list_known, name="list")
    add_verb(group, zeroshot.show)
    add_verb(group, zeroshot.check)
    add_verb(group, zeroshot.template)
    add_verb(group, zeroshot.score)
    add_verb(group, zeroshot.evaluate)
    add_verb(application, fit.fit, options=fit.setting_options(), panel=_MODELS)
    add_verb(application, predict.predict, panel=_MODELS)
    application.add_typer(pretrain.pretrain_group(), name="pretrain", rich_help_panel=_ENCODERS)
    add_verb(application, report.report, options=report.setting_options(), panel=_REPORTS)
    add_verb(application, agreement.agreement, options=agreement.setting_options(), panel=_REPORTS)

    add_verb(application, doctor.doctor, panel=_MACHINE)
    group = _add_group(application, "weights", "List, add and verify model weights.", panel=_MACHINE)
    add_verb(group, weights.list_known, name="list")
    add_verb(group, weights.add)
    add_verb(group, weights.verify)
    return application


def _add_group(application: typer.Typer, name: str, help_text: str, *, panel: str) -> typer.Typer:
    group = typer.Typer(cls=PlainGroup, no_args_is_help=True, context_settings=_LOOK, help=help_text)
    application.add_typer(group, name=name, rich_help_panel=panel)
    return group


app = _build()


def main() -> None:
    """Run the command line; the console script ``emoclip-clinic``."""
    app()
