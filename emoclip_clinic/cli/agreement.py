"""The verb `agreement`: statistics of agreement for any two measures or set of raters, without video."""

import inspect
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.setting_options import option_parameters
from emoclip_clinic.cli.tables import print_table
from emoclip_clinic.cli.verb import ALL_WELL, Call
from emoclip_clinic.errors import SettingsError

if TYPE_CHECKING:
    from emoclip_clinic.study.measure_tables import MeasureRange

__all__ = ["agreement", "setting_options"]

_WHAT, _STEPS, _READING, _OUTPUT = (
    "What is compared",
    "Steps of the scale",
    "How the file is to be read",
    "What is written",
)


def setting_options() -> list[inspect.Parameter]:
    """Make the options that stand for settings, the same as those of a report."""
    from emoclip_clinic.study.report_settings import ReportSettings

    panels = dict.fromkeys(ReportSettings.model_fields, "How numbers are made")
    return option_parameters(ReportSettings, panels=panels, other_panel="Advanced")


def agreement(
    call: Call,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, TSV or Excel file with a header.", show_default=False)
    ],
    *,
    overrides: dict[str, object],
    truth: Annotated[
        str | None,
        typer.Option(
            "--truth",
            metavar="COLUMN",
            help="The measure that is taken as reference. (default none)",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    prediction: Annotated[
        str | None,
        typer.Option(
            "--prediction",
            metavar="COLUMN",
            help="The measure that is compared with it; with --raters, a model beside them. (default none)",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    raters: Annotated[
        str | None,
        typer.Option(
            "--raters",
            metavar="COLUMN,COLUMN",
            help="Raters, one column each, separated by commas. (default none)",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="COLUMN",
            help="Who was measured; needed where someone has several rows. (default: every row is someone "
            "else)",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--minimum",
            help="Lowest value of the scale. (default: open)",
            show_default=False,
            rich_help_panel=_STEPS,
        ),
    ] = None,
    maximum: Annotated[
        float | None,
        typer.Option(
            "--maximum",
            help="Highest value of the scale. (default: open)",
            show_default=False,
            rich_help_panel=_STEPS,
        ),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            "--step",
            help="Distance between neighbouring values; needed, with minimum and maximum, for kappa. "
            "(default: continuous)",
            show_default=False,
            rich_help_panel=_STEPS,
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            "--missing",
            metavar="CODE",
            help="Code that means a missing value, beside empty cells and n/a; may be repeated. "
            "(default none)",
            show_default=False,
            rich_help_panel=_READING,
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            "--separator",
            metavar="CHAR",
            help="Character between cells.",
            show_default="detected",
            rich_help_panel=_READING,
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar=".|,",
            help="Decimal mark.",
            show_default="detected",
            rich_help_panel=_READING,
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            metavar="NAME",
            help="Sheet of a workbook. (default: the filled one)",
            show_default=False,
            rich_help_panel=_READING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PAGE.html",
            help="The page; tables and figures go to the folder of the same name. "
            "(default: FILE-agreement.html beside FILE)",
            show_default=False,
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    open_page: Annotated[
        bool,
        typer.Option(
            "--open", help="Open the page in the browser at the end. (default off)", rich_help_panel=_OUTPUT
        ),
    ] = False,
) -> int:
    """Tell how well two measures, or several raters, agree: correlation, ICC, CCC, Bland-Altman, kappa.

    It needs no video and no study, only a table with one row per measurement:
    `emoclip-clinic agreement FILE.csv --truth a --prediction b --cluster id`, or
    `emoclip-clinic agreement FILE.csv --raters r1,r2,r3`. Prints the statistics, and writes a page with
    figures, tables (TSV, LaTeX) and methods.
    """
    names = tuple(part.strip() for part in (raters or "").split(",") if part.strip())
    _check(truth, prediction, names, minimum, maximum, step)
    from emoclip_clinic.reporting.page import AgreementRequest, report_agreement
    from emoclip_clinic.study.measure_tables import read_measures
    from emoclip_clinic.study.report_settings import load_report_settings

    study = call.open_study()

    scale = _range(minimum, maximum, step)
    columns = tuple(dict.fromkeys(name for name in (truth, prediction, *names) if name))
    table = read_measures(
        file,
        columns,
        labels=(cluster,) if cluster else (),
        ranges={name: scale for name in columns if name != prediction},
        missing_codes=missing or (),
        separator="\t" if separator in ("tab", "\\t") else separator,
        decimal=_mark(decimal),
        sheet=sheet,
    )
    err.print(f"{file}: read with {table.read_with}.", soft_wrap=True)
    made = report_agreement(
        table,
        AgreementRequest(truth, prediction, names, cluster, minimum, maximum, step),
        page=out if out is not None else file.with_name(f"{file.stem}-agreement.html"),
        study=study,
        config=call.options.config,
        settings=load_report_settings(study.root, config=call.options.config, overrides=overrides),
    )
    print_table(("statistic", "n", "participants", "estimate", "interval", "p", "note"), made.rows)
    err.print(made.answer, soft_wrap=True)
    err.print(f"Open: {made.page}", soft_wrap=True)
    if open_page and not webbrowser.open(made.page.absolute().as_uri()):
        err.print("No browser could be opened; open the file by hand.", soft_wrap=True)
    return ALL_WELL


def _check(
    truth: str | None,
    prediction: str | None,
    raters: tuple[str, ...],
    minimum: float | None,
    maximum: float | None,
    step: float | None,
) -> None:
    if (truth is None and not raters) or (truth is not None and prediction is None):
        raise SettingsError(
            "Give two measures with --truth and --prediction, or raters with --raters",
            found="--truth alone" if truth is not None else "--prediction alone" if prediction else "neither",
            where="command line",
            hint="The header of the file names the columns.",
        )
    if raters and (len(raters) < 2 or len(set(raters)) < len(raters)):
        raise SettingsError(
            "Raters are two or more different columns",
            found=", ".join(raters),
            where="--raters",
            hint="Separate them by commas: --raters r1,r2,r3.",
        )
    if truth is not None and (truth == prediction):
        raise SettingsError("Two measures are two columns", found=truth, where="--truth, --prediction")
    if step is not None and (step <= 0 or minimum is None or maximum is None):
        raise SettingsError(
            "A step is above 0, and needs --minimum and --maximum", found=f"{step:g}", where="--step"
        )
    if minimum is not None and maximum is not None and minimum >= maximum:
        raise SettingsError(
            "The minimum must be below the maximum",
            found=f"{minimum:g} and {maximum:g}",
            where="--minimum, --maximum",
        )


def _range(minimum: float | None, maximum: float | None, step: float | None) -> "MeasureRange":
    from emoclip_clinic.study.measure_tables import MeasureRange

    return MeasureRange(minimum, maximum, step)


def _mark(decimal: str | None) -> Literal[".", ","] | None:
    if decimal is None:
        return None
    mark: Literal[".", ","] = "," if decimal == "," else "."
    if decimal != mark:
        raise SettingsError("The decimal mark is . or ,", found=decimal, where="--decimal")
    return mark
