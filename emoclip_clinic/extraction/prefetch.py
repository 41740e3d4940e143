"""Run an iterator in a thread of its own, behind a bounded queue."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

__all__ = ["prefetch"]

T = TypeVar("T")


class _End:
    """Marks the end of the producer, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Prefetched(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="prefetch", daemon=True)
        self._thread.start()

    def _put(self, item: "T | _End") -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _produce(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:  # handed to the consumer, who raises it
            self._put(_End(error))
        else:
            self._put(_End(None))

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def prefetch(items: Iterable[T], *, depth: int) -> Iterator[Iterator[T]]:
    """Yield an iterator over `items` that are produced ahead, at most `depth` of them waiting.

    The producer's exceptions are raised in the consumer. On leaving the context the thread has ended, so what
    `items` reads from can be closed safely.

    Parameters
    ----------
    items : iterable
        Consumed in a thread; must not be touched elsewhere meanwhile.
    depth : int
        Most items that wait in the queue.

    Yields
    ------
    iterator
        The items, in order.
    """
    source = _Prefetched(items, depth)
    try:
        yield iter(source)
    finally:
        source.close()
