"""The verb `doctor`: whether everything works on this machine."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call

__all__ = ["doctor"]

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    call: Call,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON, for a report or a script.")
    ] = False,
) -> int:
    """Check that everything works on this machine.

    Looks at versions, devices and free disk, decodes a generated clip, finds a drawn face, encodes with a
    small model and lists the weights. Nothing is downloaded, and nothing is written into the study. Exit
    code 1 if a check failed.
    """
    from emoclip_clinic.extraction.selftest import run_checks

    checks = []
    for check in run_checks(call.options.study):
        checks.append(check)
        if not as_json:
            label = Text(f"{check.state:<5}", style=_STYLES[check.state])
            out.print(label + Text(f"{check.name:<10}{check.detail}"), soft_wrap=True)
            if check.hint and check.state != "ok":
                out.print(f"{'':15}{check.hint}", soft_wrap=True)
    if as_json:
        out.print(json.dumps([asdict(check) for check in checks], indent=2), soft_wrap=True)
    n_failed, n_warned = (sum(check.state == state for check in checks) for state in ("fail", "warn"))
    err.print(f"{len(checks)} checks: {n_failed} failed, {n_warned} with a warning.")
    return SOME_FAILED if n_failed else ALL_WELL
