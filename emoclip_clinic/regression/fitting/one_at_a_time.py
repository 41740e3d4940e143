"""Lets one process at a time work on a fit of a name: two would delete each other's pieces."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.study import locks

__all__ = ["one_at_a_time"]


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the lock of a fit while it is being made.

    Parameters
    ----------
    folder : Path
        Where the fit goes. The lock lies beside it, so that the folder holds results only.

    Raises
    ------
    RegressionError
        If another process works on it; the message names process and machine.
    StudyError
        If the operating system refuses.
    """
    with locks.one_at_a_time(
        folder.with_name(f".fit-{folder.name}.lock"),
        rule="A fit must be made by one process at a time",
        where=folder,
        hint="Wait until it has finished, end it, or give this fit a name of its own with --name.",
        error=RegressionError,
    ):
        yield
