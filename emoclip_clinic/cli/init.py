"""The verb `init`: the empty skeleton of a study."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.verb import ALL_WELL, Call

__all__ = ["init"]


def init(
    call: Call,
    folder: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Folder of the new study.", show_default=False)
    ],
    *,
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="NAME",
            help="Scale whose table of ratings is begun; may be repeated. (default panss)",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Begin a study: folders, tables with their headers, and a settings file that explains each setting.

    Nothing that is there already is changed. The study of --study is not used.
    """
    from emoclip_clinic.cli.config_template import config_template
    from emoclip_clinic.study.scales import load_scale
    from emoclip_clinic.study.skeleton import write_skeleton

    scales = [load_scale(name, study=call.open_study()) for name in scale or ["panss"]]
    skeleton = write_skeleton(folder, scales, config=config_template())
    study = skeleton.study
    for path in skeleton.written:
        out.print(f"written: {study.shown(path)}", markup=False, highlight=False, soft_wrap=True)
    for path in skeleton.kept:
        out.print(f"kept:    {study.shown(path)}", markup=False, highlight=False, soft_wrap=True)
    there = shlex.quote(str(folder))
    ratings = f"phenotype/{scales[0].name}.tsv"
    err.print(
        "Next:\n"
        "  1. Copy or link the videos into interviews/. Names such as "
        "sub-01_ses-1_task-interview_beh.mp4 say whose they are; for any others, write a row each into "
        "recordings.tsv.\n"
        "  2. One row per person in participants.tsv: age, sex, group and site are optional, and serve as "
        "comparison.\n"
        f"  3. Ratings into {ratings}, or: emoclip-clinic ratings import FILE --scale {scales[0].name} "
        f"--study {there}\n"
        f"  4. emoclip-clinic recordings {there}/interviews --study {there}    (who is on which video)\n"
        f"  5. emoclip-clinic extract {there}/interviews --study {there}\n"
        f"  6. emoclip-clinic fit --scale {scales[0].name} --study {there}; emoclip-clinic report --study "
        f"{there}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return ALL_WELL
