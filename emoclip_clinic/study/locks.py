"""Lets one process at a time do a piece of work; the system frees the lock however a process ends."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from emoclip_clinic.errors import EmoClipClinicError, StudyError
from emoclip_clinic.study.files import write_json

__all__ = ["one_at_a_time", "wait_for_turn"]


@contextmanager
def one_at_a_time(
    lock: Path, *, rule: str, where: Path, hint: str, error: type[EmoClipClinicError]
) -> Iterator[None]:
    """Hold a lock, or say who holds it.

    Parameters
    ----------
    lock : Path
        The lock file. Its folder is made if absent. Process and machine stand in a JSON file beside it while
        it is held, for the message only.
    rule, hint : str
        What must hold, and what to do where another process is at work.
    where : Path
        What is worked on.
    error : type of EmoClipClinicError
        Raised where another process is at work.

    Raises
    ------
    EmoClipClinicError
        Of the type `error`, if another process holds the lock; the message names process and machine.
    StudyError
        If the operating system refuses.
    """
    from filelock import Timeout

    holder = lock.with_suffix(".json")
    with ExitStack() as stack:
        try:
            stack.enter_context(_held(lock, timeout_s=0))
        except Timeout as fault:
            raise error(
                rule, found=f"another one is at work: {_described(holder)}", where=where, hint=hint
            ) from fault
        stack.callback(holder.unlink, missing_ok=True)
        since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        write_json(holder, {"pid": os.getpid(), "host": socket.gethostname(), "since_utc": since})
        yield


@contextmanager
def wait_for_turn(lock: Path) -> Iterator[None]:
    """Hold a lock for a moment, after others have let go of it.

    Parameters
    ----------
    lock : Path
        The lock file. Its folder is made if absent.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    with _held(lock, timeout_s=-1):
        yield


@contextmanager
def _held(lock: Path, *, timeout_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    file_lock = FileLock(lock, timeout=timeout_s)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock.acquire()
    except Timeout:  # an OSError too
        raise
    except (OSError, NotImplementedError) as fault:
        raise StudyError(
            "The folder must be writable, and its disk must know locks", found=str(fault), where=lock
        ) from fault
    try:
        yield
    finally:
        file_lock.release()


def _described(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {facts['pid']} on {facts['host']}, since {facts['since_utc']}"
    except (OSError, ValueError, KeyError):  # it has the lock and has not written yet, or writes just now
        return "it has just begun"
