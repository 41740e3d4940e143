"""Batches: the same for the same seed, whatever the number of processes and threads, and after a resume."""

import threading

import numpy as np
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import (
    Augmentation,
    ClipLoader,
    Sampling,
    evaluation_batches,
    local_batch_size,
)
from tests.pretraining.data.stored import numbered_dataset, numbered_store

CAPTIONS = [(f"a {i}", f"b {i}") for i in range(14)]


def dataset():
    return numbered_dataset(14, captions=CAPTIONS, augmentation=Augmentation(), attributes=True)


def loader(**options) -> ClipLoader:
    return ClipLoader(dataset(), **{"batch_size": 4, "seed": 7, "workers": 2} | options)


def content(batch) -> tuple:
    return batch.ids, batch.captions, batch.clips.tobytes(), batch.attributes.tobytes()


def joined(batches) -> tuple:
    return (
        [i for batch in batches for i in batch.ids],
        [c for batch in batches for c in batch.captions],
        b"".join(batch.clips.tobytes() for batch in batches),
        b"".join(batch.attributes.tobytes() for batch in batches),
    )


def test_two_processes_with_half_the_batch_see_what_one_process_sees() -> None:
    one = loader()
    halves = [loader(batch_size=2, rank=rank, world_size=2) for rank in (0, 1)]
    for epoch in (0, 3):
        for each in (one, *halves):
            each.set_epoch(epoch)
        steps = list(zip(one, *halves, strict=True))
        assert len(steps) == 3
        assert all(content(whole) == joined(parts) for whole, *parts in steps)


def test_the_number_of_threads_changes_nothing() -> None:
    plain = [content(batch) for batch in loader(workers=0)]
    assert [content(batch) for batch in loader(workers=3, ahead=5)] == plain
    assert [content(batch) for batch in loader(workers=1, ahead=0)] == plain


def test_a_run_resumed_within_an_epoch_goes_on_exactly() -> None:
    whole = loader()
    whole.set_epoch(2)
    batches = [content(batch) for batch in whole]
    resumed = loader()
    resumed.set_epoch(2)
    resumed.start_at(1)
    rest = list(resumed)
    assert [content(batch) for batch in rest] == batches[1:]
    assert [batch.step for batch in rest] == [1, 2]
    resumed.set_epoch(2)  # the next epoch begins at its beginning
    assert [content(batch) for batch in resumed] == batches
    resumed.start_at(3)
    assert list(resumed) == []
    with pytest.raises(PretrainingError, match="from 0 to 3"):
        resumed.start_at(4)


def test_epochs_differ_in_order_captions_and_windows_and_seeds_differ_too() -> None:
    first, other_seed = loader(), loader(seed=8)
    epoch_0 = joined(list(first))
    first.set_epoch(1)
    epoch_1 = joined(list(first))
    assert epoch_0[0] != epoch_1[0]
    captions = [dict(zip(ids, texts, strict=True)) for ids, texts, *_ in (epoch_0, epoch_1)]
    assert any(captions[0][i] != captions[1][i] for i in captions[0].keys() & captions[1].keys())
    assert joined(list(other_seed))[0] != epoch_0[0]


def test_an_epoch_shows_each_clip_at_most_once() -> None:
    ids = joined(list(loader()))[0]
    assert len(ids) == len(set(ids)) == 12
    assert joined(list(loader(shuffle=False)))[0] == [f"clip-{i}" for i in range(12)]


def test_the_last_clips_make_a_smaller_batch_by_option() -> None:
    assert [len(batch) for batch in loader(drop_last=False)] == [4, 4, 4, 2]
    assert len(loader(drop_last=False)) == 4
    halves = [[len(b) for b in loader(batch_size=2, rank=r, world_size=2, drop_last=False)] for r in (0, 1)]
    assert halves == [[2, 2, 2, 1]] * 2
    thirteen = ClipLoader(dataset().subset(range(13)), batch_size=4, seed=0, drop_last=False)
    assert [len(batch) for batch in thirteen] == [4, 4, 4]  # a batch of one cannot be learnt from


def test_equal_captions_stay_equal_texts_in_a_batch() -> None:
    same = numbered_dataset(4, captions=[("a",), ("a",), ("b",), ("a",)])
    (batch,) = ClipLoader(same, batch_size=4, seed=0)
    assert sorted(batch.captions) == ["a", "a", "a", "b"]


def test_evaluation_goes_through_all_clips_once_with_all_windows() -> None:
    data = numbered_dataset(5, 11, sampling=Sampling(4, 2, n_windows=3), attributes=True)
    batches = list(evaluation_batches(data, batch_size=2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert batches[0].clips.shape == (6, 4, 16, 16, 3)
    assert batches[0].attributes.shape == (6, 4, 3)
    assert batches[0].clips[:, 0, 0, 0, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert batches[0].clips[:, 0, 0, 0, 1].tolist() == [0, 2, 4, 0, 2, 4]
    ranks = [
        [i for b in evaluation_batches(data, batch_size=2, rank=r, world_size=2) for i in b.ids]
        for r in (0, 1)
    ]
    assert ranks == [["clip-0", "clip-2", "clip-4"], ["clip-1", "clip-3"]]


def test_an_error_in_a_thread_reaches_the_caller_and_ends_the_threads() -> None:
    broken = numbered_store([20] * 6)
    broken.frames = lambda index, positions: 1 / 0
    data = numbered_dataset(6)
    data.store = broken
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(ClipLoader(data, batch_size=2, seed=0))
    assert threading.active_count() == before


def test_leaving_an_epoch_early_ends_the_threads() -> None:
    before = threading.active_count()
    batches = iter(loader(workers=3))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_waiting_is_measured() -> None:
    slow = numbered_dataset(6)
    store, enter = slow.store, threading.Event()
    frames = store.frames

    def late(index, positions):
        enter.wait(0.02)
        return frames(index, positions)

    store.frames = late
    waits = ClipLoader(slow, batch_size=3, seed=0, workers=0)
    assert waits.waited_share == 0
    assert len(list(waits)) == 2
    assert waits.waited_s >= 6 * 0.02
    assert waits.waited_s <= waits.running_s
    assert 0.5 < waits.waited_share <= 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 1}, "at least two clips"),
        ({"batch_size": 15}, "15 of 14"),
        ({"batch_size": 0, "world_size": 2}, "at least two clips"),
        ({"rank": 2, "world_size": 2}, "rank"),
    ],
)
def test_impossible_batches_are_refused(options, said) -> None:
    with pytest.raises(PretrainingError, match=said):
        loader(**options)


def test_one_clip_on_each_of_two_processes_is_a_batch_of_two() -> None:
    assert len(loader(batch_size=1, world_size=2)) == 7


def test_processes_must_divide_the_batch() -> None:
    assert local_batch_size(64, 2) == 32
    with pytest.raises(PretrainingError, match=r"64 clips for 3 processes.*63"):
        local_batch_size(64, 3)
    with pytest.raises(PretrainingError, match="2 clips for 4"):
        local_batch_size(2, 4)


def test_evaluation_refuses_impossible_batches() -> None:
    with pytest.raises(PretrainingError, match="at least one clip"):
        next(evaluation_batches(dataset(), batch_size=0))


def test_clips_of_a_batch_are_those_of_their_samples() -> None:
    for batch in ClipLoader(numbered_dataset(9), batch_size=3, seed=1):
        assert batch.clips[:, 0, 0, 0, 0].tolist() == [int(i.removeprefix("clip-")) for i in batch.ids]
        assert batch.sources == [i.replace("clip", "source") for i in batch.ids]
        assert (np.diff(batch.clips[:, :, 0, 0, 1].astype(int), axis=1) == 2).all()
