"""The verbs `scales list`, `scales show`, `scales check` and `scales template`: rating scales as data."""

from pathlib import Path
from typing import Annotated

import typer

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import print_table
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call
from emoclip_clinic.errors import ScaleError

__all__ = ["check", "list_known", "show", "template"]


def list_known(call: Call) -> int:
    """List the scales that can be asked for by name.

    A study's own scales lie in its folder protocols, and come before shipped ones of the same name.
    """
    from emoclip_clinic.study.scales import list_scales, read_scale

    rows = []
    broken: list[str] = []
    for entry in list_scales(call.open_study()):
        try:
            scale = read_scale(entry.path)
        except ScaleError as error:
            broken.append(str(error))
            continue
        rows.append(
            (entry.name, len(scale.items), len(scale.scores), scale.rated_by, entry.origin, scale.title)
        )
    print_table(("scale", "items", "scores", "rated by", "from", "title"), rows)
    for complaint in broken:
        err.print(complaint, soft_wrap=True)
    return SOME_FAILED if broken else ALL_WELL


def show(
    call: Call,
    scale: Annotated[
        str, typer.Argument(metavar="SCALE", help="Name of a scale, or a YAML file.", show_default=False)
    ],
) -> int:
    """Show a scale: items, ranges, scores with their formulas, references and notes."""
    from emoclip_clinic.study.scales import load_scale

    one = load_scale(scale, study=call.open_study())
    out.print(f"{one.name}: {one.title}", soft_wrap=True)
    out.print(f"Rated by: {one.rated_by}. {one.direction.replace('-', ' is ').capitalize()}.", soft_wrap=True)
    out.print(f"Licence: {one.licence}", soft_wrap=True)
    out.print()
    print_table(
        ("item", "number", "name", "range", "step", "on a face", "rests on"),
        [
            (
                item.id,
                one.item_number(item.id),
                item.name,
                f"{item.min:g}-{item.max:g}",
                f"{item.step:g}",
                item.face,
                ", ".join(item.rests_on),
            )
            for item in one.items
        ],
    )
    out.print()
    print_table(
        ("score", "name", "range", "formula", "missing items", "reference"),
        [
            (
                score.id,
                score.name,
                "{:g}-{:g}".format(*one.target_range(score.id)),
                f"{score.formula} of {', '.join(score.items)}",
                "none"
                if score.proration is None
                else f"up to {len(score.items) - score.proration.least_items}",
                score.reference,
            )
            for score in one.scores
        ],
    )
    out.print()
    for key, reference in one.references.items():
        doi = f" https://doi.org/{reference.doi}" if reference.doi else ""
        out.print(f"[{key}] {reference.citation}{doi}", soft_wrap=True)
    for note in one.notes:
        out.print(f"Note: {note}", soft_wrap=True)
    for item in one.items:
        if item.safety_note:
            out.print(f"Safety, {item.id} ({item.name}): {item.safety_note}", soft_wrap=True)
    return ALL_WELL


def check(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Scale file in YAML.", show_default=False)],
) -> int:
    """Check a scale file, and list everything that is wrong with it."""
    from emoclip_clinic.study.scales import check_scale_file

    problems = check_scale_file(file)
    if not problems:
        out.print(f"{file} can be used as a scale.", soft_wrap=True)
        return ALL_WELL
    print_table(("line", "place", "problem"), [(p.line, p.place, p.message) for p in problems])
    err.print(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {file}.", soft_wrap=True)
    return SOME_FAILED


def template(call: Call) -> int:
    """Print a commented scale file to start from."""
    from emoclip_clinic.study.scales import scale_template

    out.print(scale_template(), soft_wrap=True, end="")
    return ALL_WELL
