"""One log file per run, in the study."""

import logging
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from emoclip_clinic import __version__
from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study

__all__ = ["RunLog", "run_log"]

_log = logging.getLogger(__name__)
_CHANNELS = ("emoclip_clinic", "py.warnings")


@dataclass
class RunLog:
    """The log file of a run.

    Parameters
    ----------
    path : Path
        The file, named by UTC time, verb and process: ``20260401T101500Z_extract_4711.log``.
    end : str
        How the run ended, for the last line. Whoever knows better than that nothing was raised says so here.
    """

    path: Path
    end: str = "ended well"


@contextmanager
def run_log(
    study: Study, verb: str, *, argv: Sequence[str] | None = None, level: int = logging.INFO
) -> Iterator[RunLog]:
    """Keep a log file while the block runs.

    It holds what our loggers say, and Python's warnings where ``logging.captureWarnings`` is on. Handlers
    of a terminal must carry a level of their own, because the package's logger is opened down to `level`
    meanwhile.

    Parameters
    ----------
    study : Study
        The study; the file goes to its ``logs``.
    verb : str
        What runs, such as ``extract``.
    argv : sequence of str, optional
        The command line; by default that of the process.
    level : int
        Least severity that is kept.

    Yields
    ------
    RunLog
        The file, and how the run will be said to have ended.

    Raises
    ------
    StudyError
        If the file cannot be written.
    """
    path, stream = _create(study.logs, verb)
    log = RunLog(path)
    handler = logging.StreamHandler(stream)
    handler.setLevel(level)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s [%(process)d]: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    loggers = [logging.getLogger(name) for name in _CHANNELS]
    levels = [logger.level for logger in loggers]
    started = time.monotonic()
    for logger in loggers:
        logger.addHandler(handler)
        if logger.getEffectiveLevel() > level:
            logger.setLevel(level)
    try:
        command = sys.argv if argv is None else argv
        stream.write(
            f"# emoclip-clinic {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
            f"# {verb}, process {os.getpid()}, study {study.root}\n"
            f"# command: {list(command)!r}\n"
        )
        stream.flush()
        yield log
    except BaseException as error:
        log.end = f"ended by {type(error).__name__}"
        raise
    finally:
        for logger, before in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(before)
        handler.close()
        with suppress(OSError):  # on a full disk, the error that ended the run says more than this one
            stream.write(f"# {log.end} after {time.monotonic() - started:.1f} s\n")
            stream.close()


def _create(folder: Path, verb: str) -> tuple[Path, TextIO]:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}_{re.sub(r'[^A-Za-z0-9]+', '-', verb)}_{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1000):  # the same process may run the same verb twice in a second
            path = folder / (f"{name}.log" if number == 0 else f"{name}_{number}.log")
            try:
                return path, path.open("x", encoding="utf-8", errors="backslashreplace")
            except FileExistsError:
                continue
    except OSError as error:
        raise StudyError(
            "The study's folder of logs must be writable",
            found=error.strerror or str(error),
            where=folder,
            hint="Check the free disk space and the permissions of the study.",
        ) from error
    raise StudyError("The study's folder of logs must have room for a new name", found=name, where=folder)
