"""The verb `report`: from finished fits to pages, tables and figures for a paper."""

import inspect
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.setting_options import option_parameters
from emoclip_clinic.cli.tables import counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call
from emoclip_clinic.errors import ReportError, suggestions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emoclip_clinic.reporting.page import KnownFit
    from emoclip_clinic.study.layout import Study

__all__ = ["report", "setting_options"]

_NUMBERS, _PRIVACY = "How numbers are made", "Who may read it"
_PANELS = {
    **dict.fromkeys(("margin", "margin_statistic", "confidence", "resamples", "seed"), _NUMBERS),
    "mask_ids": _PRIVACY,
}


def setting_options() -> list[inspect.Parameter]:
    """Make the options that stand for settings of a report."""
    from emoclip_clinic.study.report_settings import ReportSettings

    return option_parameters(ReportSettings, panels=_PANELS, other_panel="Advanced")


def report(
    call: Call,
    *,
    overrides: dict[str, object],
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="NAME",
            help="Only fits of this scale; may be repeated. (default: all)",
            show_default=False,
        ),
    ] = None,
    fit: Annotated[
        list[str] | None,
        typer.Option(
            "--fit",
            metavar="NAME",
            help="Only this fit, by its name in fits/; may be repeated. (default: all)",
            show_default=False,
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser at the end. (default off)")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the fits and the files that would be written. (default off)"),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compute all numbers again, also those kept. (default off)")
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of a live bar. (default off)")
    ] = False,
) -> int:
    """Turn fits into pages for a paper: agreement of predictions with clinicians, and among clinicians.

    Run it after `fit`. Each fit becomes reports/NAME.html, one file that works offline, and a folder with
    tables (TSV, LaTeX), figures (SVG), methods.md and references.bib. What only you know, such as blinding,
    is asked for by name in the page; write it into emoclip-clinic.toml, and make the report again. Give
    --mask-ids before you pass a report on.
    """
    from emoclip_clinic.study.report_settings import load_report_settings

    study = call.open_study()
    if not dry_run:
        call.log_into(study)
    settings = load_report_settings(study.root, config=call.options.config, overrides=overrides)

    from emoclip_clinic.cli.work_progress import WorkProgress
    from emoclip_clinic.reporting.page import report_fits

    chosen = _chosen(study, scale or [], fit or [])
    if dry_run:
        print_table(
            ("fit", "scale", "made", "page"),
            [
                (one.name, one.scale, one.written_utc, study.shown(study.report_page(one.name)))
                for one in chosen
            ],
        )
        return ALL_WELL
    with WorkProgress(err, plain=no_progress) as progress:
        made = report_fits(
            study,
            [one.name for one in chosen],
            settings,
            force=force,
            config=call.options.config,
            progress=progress,
        )
    for page in made.pages:
        err.print(page.answer, soft_wrap=True)
        err.print("", soft_wrap=True)
    print_table(
        ("fit", "page", "size", "files"),
        [
            (page.name, study.shown(page.path), f"{page.n_bytes / 1e6:.1f} MB", page.n_files)
            for page in made.pages
        ],
    )
    if made.n_missing_facts:
        err.print(
            f"{counted(made.n_missing_facts, 'fact')} that only you know "
            f"{'is' if made.n_missing_facts == 1 else 'are'} missing; the page lists them, for the [study] "
            "table of emoclip-clinic.toml.",
            soft_wrap=True,
        )
    if not settings.mask_ids:
        err.print("The report names participants. Give --mask-ids before you pass it on.", soft_wrap=True)
    err.print(f"Open: {made.entry}", soft_wrap=True)
    if open_page and not webbrowser.open(Path(made.entry).as_uri()):
        err.print("No browser could be opened; open the file by hand.", soft_wrap=True)
    return ALL_WELL


def _chosen(study: "Study", scales: "Sequence[str]", names: "Sequence[str]") -> "list[KnownFit]":
    from emoclip_clinic.reporting.page import known_fits

    known = known_fits(study)
    if not known:
        raise ReportError(
            "A report needs a finished fit",
            found="none in the study",
            where=study.fits,
            hint=_next_step(study),
        )
    for given, there, option in (
        (scales, {one.scale for one in known}, "--scale"),
        (names, {one.name for one in known}, "--fit"),
    ):
        unknown = [name for name in given if name not in there]
        if unknown:
            raise ReportError(
                "A report is made of fits that are there",
                found=", ".join(unknown),
                where=option,
                hint=suggestions(unknown, there),
            )
    chosen = [
        one for one in known if (not scales or one.scale in scales) and (not names or one.name in names)
    ]
    if not chosen:
        raise ReportError(
            "A report is made of fits that are there",
            found="none that is of this scale and has this name",
            where="--scale, --fit",
            hint="Give one of the two.",
        )
    return chosen


def _next_step(study: "Study") -> str:
    """Name the first command of the chain that has not been run."""
    if not study.sidecar_paths():
        return "Run `emoclip-clinic extract VIDEOS` first, then `ratings import`, `fit` and `report`."
    if not any(study.phenotype.glob("*.tsv")):
        return "Run `emoclip-clinic ratings import FILE --scale NAME` first, then `fit` and `report`."
    scales = ", ".join(sorted(path.stem for path in study.phenotype.glob("*.tsv")))
    return f"Run `emoclip-clinic fit --scale NAME` first; the study has ratings of {scales}."
