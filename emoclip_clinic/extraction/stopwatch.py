"""Seconds of computing per stage of one recording, added up over threads and passes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from emoclip_clinic.study.sidecar import TimedStage

__all__ = ["Stopwatch"]

T = TypeVar("T")


class Stopwatch:
    """Adds up wall-clock seconds by stage; stages may run in several threads at once."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[TimedStage, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def running(self, stage: TimedStage) -> Iterator[None]:
        """Count the time of the block for a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._add(stage, time.perf_counter() - start)

    def timed(self, stage: TimedStage, items: Iterator[T]) -> Iterator[T]:
        """Count the time that an iterator takes to produce its items, not the time between them."""
        while True:
            with self.running(stage):
                item = next(items, None)
            if item is None:
                return
            yield item

    def seconds(self) -> dict[TimedStage, float]:
        """Seconds by stage so far, and in all since the watch was made."""
        with self._lock:
            return {**self._seconds, "total": time.perf_counter() - self._started}

    def _add(self, stage: TimedStage, seconds: float) -> None:
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
