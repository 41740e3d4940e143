"""Write generated interviews: ``python -m emoclip_clinic.synthetic STUDY``."""

import argparse
import sys
from pathlib import Path

from emoclip_clinic.errors import EmoClipClinicError
from emoclip_clinic.synthetic.interviews import write_interviews


def main(arguments: list[str] | None = None) -> int:
    """Write a study and tell what it holds.

    Parameters
    ----------
    arguments : list of str, optional
        Command line; by default the process's own.

    Returns
    -------
    int
        Exit code: 0, or 2 if the study could not be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m emoclip_clinic.synthetic",
        description="Write a small study of generated interviews: drawn people, no real ones.",
    )
    parser.add_argument("study", type=Path, help="folder to write to; made if absent")
    parser.add_argument("--participants", type=int, default=3, help="number of participants (default: 3)")
    parser.add_argument("--sessions", type=int, default=2, help="sessions of each participant (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="length of each interview in seconds (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=0, help="other people and movements (default: 0)")
    options = parser.parse_args(arguments)
    try:
        written = write_interviews(
            options.study,
            participants=options.participants,
            sessions=options.sessions,
            seconds=options.seconds,
            seed=options.seed,
        )
    except EmoClipClinicError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for interview in written:
        beside = ", with an interviewer" if interview.has_interviewer else ""
        sys.stdout.write(f"{interview.path}  {options.seconds:g} s{beside}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
