"""Progress of a verb that does one thing after another: a live bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from emoclip_clinic.cli.tables import clock_text

__all__ = ["WorkProgress"]


class WorkProgress:
    """Shows what is being done, as a context manager.

    Parameters
    ----------
    console : rich.console.Console
        Where it is shown.
    plain : bool
        Plain lines also on a terminal.
    every_s : float
        Plain lines tell how far long work is, at most once in so many seconds.
    """

    def __init__(self, console: Console, *, plain: bool, every_s: float = 30.0) -> None:
        self._console = console
        self._current: str | None = None
        self._started = self._told = time.monotonic()
        self._every_s = every_s
        self._bar: Progress | None = None
        if console.is_terminal and not plain:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=None, note="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show what is being done, and how much of it is; a total of 0 where that is not known."""
        note = f"{done} of {total}" if total else ""
        if self._bar is not None:
            self._bar.update(self._task, description=what, completed=done, total=total or None, note=note)
            return
        now = time.monotonic()
        if what == self._current and (not note or now - self._told < self._every_s):
            return
        text = f"{what}, {note}" if what == self._current else what
        self._console.print(f"[{clock_text(now - self._started)}] {text}", soft_wrap=True)
        self._current, self._told = what, now
