"""Lets one process at a time work on a fit of a name: two would delete each other's pieces."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emoclip_clinic.errors import RegressionError, StudyError
from emoclip_clinic.study.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

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

    Notes
    -----
    The operating system releases the lock when its process ends, however it ends: a lock is never left over.
    Process and machine stand in a file of their own, for the message only.
    """
    from filelock import FileLock, Timeout

    path = folder.with_name(f".fit-{folder.name}.lock")
    holder = path.with_suffix(".json")
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise RegressionError(
            "A fit must be made by one process at a time",
            found=f"another one is at work: {_described(holder)}",
            where=folder,
            hint="Wait until it has finished, end it, or give this fit a name of its own with --name.",
        ) from error
    except (OSError, NotImplementedError) as error:
        raise StudyError(
            "The folder of fits must be writable, and its disk must know locks", found=str(error), where=path
        ) from error
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since_utc": since})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _described(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {facts['pid']} on {facts['host']}, since {facts['since_utc']}"
    except (OSError, ValueError, KeyError):  # it has the lock and has not written yet, or writes just now
        return "it has just begun"
