"""The verbs `weights list`, `weights add` and `weights verify`: which model weights this machine has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import print_table
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call
from emoclip_clinic.errors import WeightsError

if TYPE_CHECKING:
    from emoclip_clinic.encoder import WeightsEntry

__all__ = ["add", "list_known", "verify"]

_STATES = {
    "found": "found",
    "absent": "absent",
    "altered": "another size than registered",
    "generated": "random numbers, made when used",
}


def list_known(call: Call) -> int:
    """List the model weights that are known, and whether this machine has them.

    Shows licence and hash, and for weights that are absent how to get them. Reads the shipped records, those
    that you added, and those in the study's folder protocols/weights.
    """
    from emoclip_clinic.encoder import how_to_get, list_weights, weights_store

    entries = list_weights(study=call.options.study)
    columns = ("name", "state", "architecture", "fps", "MB", "sha256", "licence")
    print_table(columns, (_row(entry) for entry in entries))
    for entry in entries:
        if entry.state in ("absent", "altered"):
            title = f"{entry.record.name}: {entry.record.description or _STATES[entry.state]}"
            err.print(f"\n{title}\n{how_to_get(entry)}", soft_wrap=True)
    err.print(f"\nFolder of added weights: {weights_store()}", soft_wrap=True)
    return ALL_WELL


def add(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint: .pth, .pt or .safetensors.")],
    *,
    name: Annotated[
        str, typer.Option("--name", help="Name under which --model finds it.", show_default=False)
    ],
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            help="Architecture. (default: of the shipped record, else vit-b-32)",
            show_default=False,
        ),
    ] = None,
    sample_fps: Annotated[
        float | None,
        typer.Option(
            "--sample-fps",
            help="Sampled frames per second that suit the weights. (1/s; default 6.25)",
            show_default=False,
        ),
    ] = None,
    segment_frames: Annotated[
        int | None,
        typer.Option(
            "--segment-frames",
            help="Length of segments in training. (sampled frames; default 32)",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--source", help="Where the weights come from. (default: not stated)", show_default=False
        ),
    ] = "",
    licence: Annotated[
        str,
        typer.Option("--licence", help="Licence of the weights. (default: not stated)", show_default=False),
    ] = "not stated",
    paper: Annotated[
        str, typer.Option("--paper", help="What to cite. (default: not stated)", show_default=False)
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace other weights that have this name.")
    ] = False,
) -> int:
    """Check a weights file and copy it into the folder of weights under a name.

    The file is loaded strictly first: a missing or surplus key is an error that lists the keys. Nothing in
    the file is executed.
    """
    from emoclip_clinic.encoder import add_weights

    entry = add_weights(
        file,
        name,
        architecture=architecture,
        source=source,
        licence=licence,
        paper=paper,
        sample_fps=sample_fps,
        segment_frames=segment_frames,
        replace=replace,
    )
    out.print(f"Added '{name}' as {entry.path}", soft_wrap=True)
    out.print(f"sha256 {entry.record.sha256}", soft_wrap=True)
    err.print(f"Next: emoclip-clinic extract PATH... --model {name}")
    return ALL_WELL


def verify(
    call: Call,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Names of weights. (default: all that are present)", show_default=False
        ),
    ] = None,
) -> int:
    """Compare the content of weights with the recorded hash. Exit code 1 if one differs."""
    from emoclip_clinic.encoder import find_weights, list_weights, verify_weights

    study = call.options.study
    states = {entry.record.name: entry.state for entry in list_weights(study=study)}
    present = [name for name, state in states.items() if state != "absent"]
    for name in set(names or ()) - set(states):
        find_weights(name, study=study)  # says what was meant
    n_failed = 0
    for name in names or present:
        try:
            entry = verify_weights(name, study=study)
        except WeightsError as error:
            n_failed += 1
            err.print(f"{name}: {error}", soft_wrap=True)
        else:
            out.print(f"{name}: ok, sha256 {entry.record.sha256 or 'not recorded'}", soft_wrap=True)
    return SOME_FAILED if n_failed else ALL_WELL


def _row(entry: "WeightsEntry") -> tuple[object, ...]:
    record = entry.record
    return (
        record.name,
        _STATES[entry.state],
        record.architecture,
        f"{record.sample_fps:g}",
        f"{record.size_bytes / 1e6:.0f}" if record.size_bytes else None,
        record.sha256[:12] if record.sha256 else None,
        record.licence,
    )
