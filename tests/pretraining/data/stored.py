"""Clips in memory whose pictures tell which clip and which frame they are."""

import numpy as np

from emoclip_clinic.pretraining.data import ArrayStore, Augmentation, ClipDataset, Sample, Sampling

SIZE = 16


def numbered_store(lengths, *, captions=None, labels=None, sources=None, names_side=None, attributes=False):
    """Frame t of clip i has the red value i, the green value t and a gradient from left to right in blue."""
    n = len(lengths)
    samples = [
        Sample(
            id=f"clip-{i}",
            captions=(f"caption {i}",) if captions is None else captions[i],
            labels=() if labels is None else labels[i],
            source=f"source-{i}" if sources is None else sources[i],
            split=None,
            n_frames=lengths[i],
            names_side=False if names_side is None else names_side[i],
        )
        for i in range(n)
    ]
    clips = []
    for i, length in enumerate(lengths):
        clip = np.zeros((length, SIZE, SIZE, 3), np.uint8)
        clip[..., 0] = i
        clip[..., 1] = np.arange(length)[:, None, None]
        clip[..., 2] = np.arange(SIZE) * 10
        clips.append(clip)
    values = [np.tile(np.arange(t, dtype=np.float32)[:, None], (1, 3)) * [1, 10, 100] for t in lengths]
    return ArrayStore(
        samples,
        clips,
        attributes=[v.astype(np.float32) for v in values] if attributes else None,
        attribute_names=("wink_left", "wink_right", "head_yaw") if attributes else (),
    )


def numbered_dataset(n_clips=12, n_frames=20, *, augmentation=None, sampling=None, **store) -> ClipDataset:
    return ClipDataset(
        numbered_store([n_frames] * n_clips, **store),
        sampling=sampling or Sampling(n_frames=4, stride=2),
        augmentation=augmentation,
    )


AS_RELEASED = Augmentation()
