"""Displays of a run of extraction: live bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from emoclip_clinic.cli.tables import clock_text, counted
from emoclip_clinic.extraction.progress import ExtractionProgress

__all__ = ["LiveProgress", "PlainProgress", "progress_for"]


def progress_for(console: Console, *, plain: bool) -> ExtractionProgress:
    """Choose the display: live bars only where a person watches."""
    return PlainProgress(console) if plain or not console.is_terminal else LiveProgress(console)


@dataclass
class _Pace:
    """How fast a run goes, in seconds of video per second."""

    clock: Callable[[], float] = time.monotonic
    n_recordings: int = 0
    total_video_s: float = 0.0
    n_finished: int = 0
    finished_video_s: float = 0.0
    running_video_s: dict[str, float] = field(default_factory=dict)
    started_at: float = 0.0

    def start(self, n_recordings: int, total_video_s: float) -> None:
        self.n_recordings, self.total_video_s = n_recordings, total_video_s
        self.started_at = self.clock()

    def add(self, n_recordings: int, video_s: float) -> None:
        self.n_recordings += n_recordings
        self.total_video_s += video_s

    def finish(self, key: str, video_s: float) -> None:
        self.running_video_s.pop(key, None)
        self.n_finished += 1
        self.finished_video_s += video_s

    @property
    def video_s_done(self) -> float:
        return self.finished_video_s + sum(self.running_video_s.values())

    @property
    def speed(self) -> float:
        elapsed_s = self.clock() - self.started_at
        return self.video_s_done / elapsed_s if elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Time to the end at the present speed; None while the speed is not known."""
        left_s = max(self.total_video_s - self.video_s_done, 0.0)
        return left_s / self.speed if self.speed > 0 else None

    def text(self) -> str:
        left = self.remaining_s
        return f"{self.speed:.1f} min of video per min" + (
            "" if left is None else f", {clock_text(left)} left"
        )


def _verdict(status: str, reason: str | None) -> str:
    """The status with its reason, unless it failed: then the log has just shown the reason as an error."""
    return f"{status} ({reason})" if reason and status != "failed" else status


class PlainProgress(ExtractionProgress):
    """One line when a recording begins, enters a stage, and ends; for logs and pipes.

    Parameters
    ----------
    console : rich.console.Console
        Where lines go.
    clock : callable
        Returns seconds.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._pace = _Pace(clock)
        self._stage: dict[str, str] = {}

    def start(self, n_recordings: int, total_video_s: float) -> None:
        """Say how much there is to do."""
        self._pace.start(n_recordings, total_video_s)
        self._line(f"{counted(n_recordings, 'recording')}, {clock_text(total_video_s)} of video")

    def added(self, n_recordings: int, video_s: float) -> None:
        """Count more work."""
        self._pace.add(n_recordings, video_s)

    def recording_started(self, key: str, duration_s: float | None, position: int) -> None:
        """Say which recording begins."""
        self._line(
            f"[{position}/{self._pace.n_recordings}] {key}: started, {clock_text(duration_s)} of video"
        )

    def stage(self, key: str, stage_name: str, done: float, video_s_done: float) -> None:
        """Show the stage, and count its video."""
        self._pace.running_video_s[key] = video_s_done
        if self._stage.get(key) != stage_name:
            self._stage[key] = stage_name
            self._line(f"    {key}: {stage_name}")

    def recording_finished(
        self, key: str, status: str, reason: str | None, seconds: float, video_s: float
    ) -> None:
        """Say how the recording ended."""
        self._pace.finish(key, video_s)
        self._stage.pop(key, None)
        counter = f"[{self._pace.n_finished}/{self._pace.n_recordings}]"
        self._line(f"{counter} {key}: {_verdict(status, reason)} in {seconds:.1f} s; {self._pace.text()}")

    def message(self, text: str) -> None:
        """Print a line that stays."""
        self._line(text)

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


class LiveProgress(ExtractionProgress):
    """A bar for the run and one for the current recording, with its stage.

    Parameters
    ----------
    console : rich.console.Console
        Terminal on which the bars live.
    clock : callable
        Returns seconds.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._pace = _Pace(clock)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self._run_bar = self._bars.add_task("recordings", total=None, note="")
        self._recording_bars: dict[str, TaskID] = {}

    def start(self, n_recordings: int, total_video_s: float) -> None:
        """Say how much there is to do."""
        self._pace.start(n_recordings, total_video_s)
        self._bars.start()
        self._update_run()

    def added(self, n_recordings: int, video_s: float) -> None:
        """Count more work."""
        self._pace.add(n_recordings, video_s)

    def recording_started(self, key: str, duration_s: float | None, position: int) -> None:
        """Say which recording begins."""
        self._recording_bars[key] = self._bars.add_task(
            key, total=1.0, note=f"{clock_text(duration_s)} of video"
        )

    def stage(self, key: str, stage_name: str, done: float, video_s_done: float) -> None:
        """Show the stage, and count its video."""
        self._pace.running_video_s[key] = video_s_done
        self._bars.update(self._recording_bars[key], completed=done, note=stage_name)
        self._update_run()

    def recording_finished(
        self, key: str, status: str, reason: str | None, seconds: float, video_s: float
    ) -> None:
        """Say how the recording ended."""
        self._pace.finish(key, video_s)
        self._bars.remove_task(self._recording_bars.pop(key))
        if status != "ok":
            self.message(f"{key}: {_verdict(status, reason)}")
        self._update_run()

    def message(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True)

    def finish(self) -> None:
        """Remove the bars."""
        self._bars.stop()

    def _update_run(self) -> None:
        pace = self._pace
        self._bars.update(
            self._run_bar,
            total=pace.total_video_s or None,
            completed=pace.video_s_done,
            description=f"{pace.n_finished} of {pace.n_recordings} recordings",
            note=pace.text(),
        )
