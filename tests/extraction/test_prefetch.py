import threading
import time

import pytest

from emoclip_clinic.extraction.prefetch import prefetch


def test_items_arrive_in_order_and_complete():
    with prefetch(range(500), depth=3) as items:
        assert list(items) == list(range(500))


def test_no_more_than_depth_items_wait():
    produced = []

    def produce():
        for i in range(100):
            produced.append(i)
            yield i

    with prefetch(produce(), depth=4) as items:
        next(items)
        time.sleep(0.3)
        # one was taken, four wait, and one is held by the producer that found the queue full
        assert len(produced) <= 6


def test_an_error_of_the_producer_reaches_the_consumer_after_the_items_before_it():
    def produce():
        yield 1
        raise ValueError("damaged")

    with prefetch(produce(), depth=2) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="damaged"):
            next(items)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    with prefetch(iter(int, 1), depth=2) as items:
        next(items)
    assert threading.active_count() == before
