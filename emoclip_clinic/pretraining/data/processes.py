"""Work on many clips in processes of their own, so that a decoder that crashes costs one clip and no more."""

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import TypeVar

from emoclip_clinic.errors import PretrainingError

__all__ = ["in_processes", "stop_if_asked"]

J = TypeVar("J")
R = TypeVar("R")

_stop: Event | None = None


def in_processes(work: Callable[[J], R], jobs: Sequence[J], *, workers: int) -> Iterator[tuple[J, R | None]]:
    """Do jobs side by side and hand them out as they end.

    When this iterator is closed, or ends by an error or an interrupt, running jobs are asked to stop through
    `stop_if_asked`.

    Parameters
    ----------
    work : callable
        Takes a job; a function at the top of a module.
    jobs : sequence
        What can be sent to another process.
    workers : int
        Processes.

    Yields
    ------
    job, result
        None if the job's process died, twice: at first beside others, then alone.

    Raises
    ------
    PretrainingError
        If no process can be started.
    """
    context = get_context("spawn")  # a fork would copy threads of the caller in an unknown state
    stop = context.Event()

    def new_pool(size: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(size, mp_context=context, initializer=_begin, initargs=(stop,))

    waiting = deque(jobs)
    running: dict[Future[R], J] = {}
    pool = new_pool(min(workers, max(len(waiting), 1)))
    try:
        _check(pool)
        while waiting or running:
            while waiting and len(running) < workers:
                try:
                    future = pool.submit(work, waiting[0])
                except BrokenProcessPool:  # a process has just died
                    if running:
                        break
                    pool = new_pool(workers)
                    continue
                running[future] = waiting.popleft()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            suspects: list[J] = []
            for future in done:
                job = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(job)
                else:
                    yield job, result
            if suspects:
                suspects += running.values()
                running.clear()
                pool.shutdown()
                for job in suspects:
                    with new_pool(1) as single:
                        yield job, _alone(single, work, job)
                pool = new_pool(workers)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _check(pool: ProcessPoolExecutor) -> None:
    """Do nothing in another process, so that no job is blamed where processes cannot start at all."""
    try:
        pool.submit(int).result()
    except BrokenProcessPool as error:
        raise PretrainingError(
            "Clips are cut in processes of their own, which must be able to start",
            found=str(error),
            hint="A script that calls this must do so below `if __name__ == '__main__':`; "
            "or cut clips in one process, with workers=1.",
        ) from error


def _alone(pool: ProcessPoolExecutor, work: Callable[[J], R], job: J) -> R | None:
    try:
        return pool.submit(work, job).result()
    except BrokenProcessPool:
        return None


def _begin(stop: Event) -> None:
    """Prepare a new process: Ctrl-C reaches it too, but is for the one that waits for it."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def stop_if_asked() -> None:
    """End the job of this process if nobody waits for it any more.

    Raises
    ------
    KeyboardInterrupt
        If so.
    """
    if _stop is not None and _stop.is_set():
        raise KeyboardInterrupt
