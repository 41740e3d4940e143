"""Data sets: texts, attributes, checks, and validation by source."""

import logging

import numpy as np
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import (
    ArrayStore,
    AttributeMirror,
    Augmentation,
    ClipDataset,
    Sampling,
    count_over_long,
    names_a_side,
    split_by_source,
)
from tests.pretraining.data.stored import numbered_dataset, numbered_store


def test_each_caption_is_drawn_equally_often_and_does_not_change_the_window() -> None:
    one = numbered_dataset(1, captions=[("a",)])
    three = numbered_dataset(1, captions=[("a", "b", "c")])
    drawn = [three.clip(0, np.random.default_rng(k)) for k in range(900)]
    counts = {text: sum(clip.caption == text for clip in drawn) for text in "abc"}
    assert all(250 < count < 350 for count in counts.values())
    for k in range(5):
        assert (one.clip(0, np.random.default_rng(k)).frames == drawn[k].frames).all()


def test_evaluation_takes_the_first_caption_and_all_windows_unchanged() -> None:
    dataset = numbered_dataset(
        2,
        11,
        captions=[("a", "b")] * 2,
        augmentation=Augmentation(),
        sampling=Sampling(4, 2, n_windows=3),
    )
    clip = dataset.windows(1)
    assert clip.caption == "a"
    assert clip.frames.shape[:2] == (3, 4)
    assert clip.frames[:, :, 0, 0, 1].tolist() == [[0, 2, 4, 6], [2, 4, 6, 8], [4, 6, 8, 10]]
    assert (clip.frames[..., 0] == 1).all()


def test_attributes_belong_to_the_frames_that_are_shown() -> None:
    dataset = numbered_dataset(2, attributes=True)
    clip = dataset.clip(0, np.random.default_rng(0))
    assert clip.attributes[:, 0].tolist() == clip.frames[:, 0, 0, 1].tolist()
    assert dataset.windows(0).attributes.shape == (3, 4, 3)


def test_attributes_are_mirrored_with_the_pictures() -> None:
    plain = numbered_store([20], attributes=True)
    mirror = AttributeMirror((1, 0, 2), (1.0, 1.0, -1.0))
    store = ArrayStore(
        plain.samples,
        [plain.frames(0, np.arange(20))],
        attributes=[plain.attributes(0, np.arange(20))],
        attribute_names=plain.attribute_names,
        attribute_mirror=mirror,
    )
    dataset = ClipDataset(store, sampling=Sampling(1, 1), augmentation=Augmentation(rotation_deg=0))
    seen = set()
    for k in range(20):
        clip = dataset.clip(0, np.random.default_rng(k))
        flipped = bool(clip.frames[0, 0, 0, 2] > clip.frames[0, 0, -1, 2])
        t = float(clip.frames[0, 0, 0, 1])
        expected = [10 * t, t, -100 * t] if flipped else [t, 10 * t, 100 * t]
        assert clip.attributes[0].tolist() == expected
        seen.add(flipped)
    assert seen == {True, False}


def test_texts_may_come_from_classes_instead() -> None:
    store = numbered_store([8, 8], labels=[("anger",), ("joy",)])
    words = {"anger": ("he is angry",), "joy": ("he is glad",)}
    dataset = ClipDataset(store, texts=lambda sample: words[sample.labels[0]])
    assert dataset.windows(1).caption == "he is glad"


def test_captions_that_are_empty_are_listed_by_clip() -> None:
    dataset = numbered_dataset(3, captions=[("a",), (" ", ""), ()])
    with pytest.raises(PretrainingError, match=r"(?s)clip-1.*clip-2"):
        dataset.check_contrast()


def test_one_caption_for_all_clips_cannot_be_learnt_from() -> None:
    with pytest.raises(PretrainingError, match="at least two different captions"):
        numbered_dataset(3, captions=[("she smiles",)] * 3).check_contrast()
    numbered_dataset(3).check_contrast()


def test_one_class_only_is_refused_and_so_is_a_clip_without_a_label() -> None:
    with pytest.raises(PretrainingError, match="only anger"):
        numbered_dataset(3, labels=[("anger",)] * 3).check_classes()
    with pytest.raises(PretrainingError, match="clip-2"):
        numbered_dataset(3, labels=[("anger",), ("joy",), ()]).check_classes()
    numbered_dataset(2, labels=[("anger",), ("anger", "fear")]).check_classes()


def test_a_data_set_without_clips_is_refused() -> None:
    with pytest.raises(PretrainingError, match="at least one clip"):
        numbered_dataset(3).subset([])


def test_no_source_is_both_in_training_and_in_validation() -> None:
    sources = [f"film-{i // 5}" for i in range(50)]
    dataset = numbered_dataset(50, sources=sources, augmentation=Augmentation())
    training, validation = split_by_source(dataset, share=0.2, seed=3)
    assert set(training.sources).isdisjoint(validation.sources)
    assert sorted(training.ids + validation.ids) == sorted(dataset.ids)
    assert len(validation) == 10
    assert validation.augmentation is None
    again = split_by_source(dataset, share=0.2, seed=3)[1]
    assert again.ids == validation.ids
    assert split_by_source(dataset, share=0.2, seed=4)[1].ids != validation.ids


def test_training_keeps_at_least_one_source() -> None:
    dataset = numbered_dataset(4, sources=["a", "a", "a", "b"])
    training, validation = split_by_source(dataset, share=0.99)
    assert len(training)
    assert len(validation)
    with pytest.raises(PretrainingError, match="two sources"):
        split_by_source(numbered_dataset(4, sources=["a"] * 4))


def test_captions_over_the_limit_are_counted_once_each(caplog) -> None:
    long = " ".join(["word"] * 80)
    dataset = numbered_dataset(3, captions=[(long,), (long, "short"), ("short",)])
    with caplog.at_level(logging.WARNING):
        assert count_over_long(dataset, lambda text: len(text.split()) + 2) == 1
    assert "1 of 2 captions" in caplog.text


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("raises the left brow", True),
        ("a right-sided smile", True),
        ("Left-hand corner", True),
        ("a bright face, leftover tears", False),
        ("she smiles", False),
    ],
)
def test_captions_that_name_a_side_are_known(caption, named) -> None:
    assert names_a_side(["plain", caption]) is named
