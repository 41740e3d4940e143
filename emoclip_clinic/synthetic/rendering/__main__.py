"""Draw the contact sheets of the documentation: ``python -m emoclip_clinic.synthetic.rendering FOLDER``."""

import argparse
import sys
from pathlib import Path

from emoclip_clinic.synthetic.rendering.sheets import write_sheets


def main(arguments: list[str] | None = None) -> int:
    """Write the sheets and name them.

    Parameters
    ----------
    arguments : list of str, optional
        Command line; by default the process's own.

    Returns
    -------
    int
        Exit code 0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m emoclip_clinic.synthetic.rendering",
        description="Draw contact sheets of generated faces: people, movements, emotions, courses in time.",
    )
    parser.add_argument("folder", type=Path, help="folder to write to; made if absent")
    for path in write_sheets(parser.parse_args(arguments).folder):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
