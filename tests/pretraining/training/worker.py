"""Trains by recipes given as JSON, as a process that a test starts, one of several or to be killed."""

import json
import os
import sys
from pathlib import Path

import torch

from emoclip_clinic.pretraining.training import build_recipe, join_processes, pretrain
from tests.pretraining.training.coloured import coloured_clips


def tell(stage: str, step: int) -> None:
    sys.stdout.write(f"{stage} {step}\n")
    sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)  # as the run that it is compared with
    meeting = os.environ.get("MEETING")
    with join_processes("cpu", init_method=None if meeting is None else f"file://{meeting}") as processes:
        for folder, fields in json.loads(sys.argv[1]).items():
            pretrain(
                build_recipe(fields),
                Path(folder),
                store=coloured_clips(),
                processes=processes,
                data="coloured pictures",
                on_step=tell,
            )


if __name__ == "__main__":
    main()
