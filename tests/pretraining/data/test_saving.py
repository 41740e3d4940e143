"""Clips of any store, written to shards."""

import numpy as np
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import ArrayStore, AttributeMirror, save_store, saving, verify_shards
from tests.pretraining.data.stored import numbered_store


def test_saved_clips_are_the_same_clips(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(saving, "_SHARD_BYTES", 1)
    plain = numbered_store([5, 1, 8], attributes=True, labels=[("a",), (), ("a", "b")])
    store = ArrayStore(
        plain.samples,
        [plain.frames(i, np.arange(s.n_frames)) for i, s in enumerate(plain.samples)],
        attributes=[plain.attributes(i, np.arange(s.n_frames)) for i, s in enumerate(plain.samples)],
        attribute_names=plain.attribute_names,
        attribute_mirror=AttributeMirror((1, 0, 2), (1.0, 1.0, -1.0)),
    )
    saved = save_store(store, tmp_path / "out")
    assert saved.samples == store.samples
    assert saved.attribute_names == store.attribute_names
    assert saved.attribute_mirror == store.attribute_mirror
    for index, sample in enumerate(store.samples):
        positions = np.arange(sample.n_frames)[::-1]
        assert (saved.frames(index, positions) == store.frames(index, positions)).all()
        assert (saved.attributes(index, positions) == store.attributes(index, positions)).all()
    assert verify_shards(tmp_path / "out") == 7  # index, three shards, their attributes


def test_a_folder_in_use_is_refused(tmp_path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(PretrainingError, match="empty folder"):
        save_store(numbered_store([4]), tmp_path)
