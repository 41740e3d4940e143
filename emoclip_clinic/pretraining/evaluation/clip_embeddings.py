"""Embed the clips of a data set: every evaluation window, then one vector per clip."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import ClipDataset, evaluation_batches
from emoclip_clinic.zeroshot.class_embeddings import unit_rows

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip

__all__ = ["ClipEmbeddings", "embed_clips"]


@dataclass(frozen=True)
class ClipEmbeddings:
    """Embeddings of clips.

    Attributes
    ----------
    vectors : ndarray of shape (N, D), float64
        Mean over the windows of the L2-normalised embeddings, of each clip.
    windows : ndarray of shape (N, W, D), float64
        L2-normalised embeddings of the windows.
    """

    vectors: NDArray[np.float64]
    windows: NDArray[np.float64]


def embed_clips(
    dataset: ClipDataset,
    model: "EmoClip",
    *,
    batch_size: int = 16,
    workers: int = 2,
    frame_mean: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ClipEmbeddings:
    """Embed all clips of a data set, nothing drawn and nothing changed.

    Parameters
    ----------
    dataset : ClipDataset
        Clips, with the stated windows of its sampling.
    model : EmoClip
        The model.
    batch_size : int
        Clips at once.
    workers : int
        Threads that read ahead.
    frame_mean : bool
        Whether to leave the temporal part out and take the mean of the L2-normalised frame embeddings, as a
        comparison.
    progress : callable, optional
        Told how many clips are done, and of how many.

    Returns
    -------
    ClipEmbeddings
        In the order of the data set.

    Raises
    ------
    PretrainingError
        If pictures or windows do not fit the model.
    """
    longest = model.architecture.temporal.positions - 1
    if dataset.size_px != model.image_size_px or dataset.sampling.n_frames > longest:
        raise PretrainingError(
            f"Clips must fit '{model.name}': pictures of {model.image_size_px} px, at most {longest} frames",
            found=f"{dataset.size_px} px, {dataset.sampling.n_frames} frames",
            hint="Prepare the clips for this model, with its picture size.",
        )
    found: list[NDArray[np.float64]] = []
    done = 0
    for batch in evaluation_batches(dataset, batch_size=batch_size, workers=workers):
        if frame_mean:
            frames = np.asarray(model.encode_frames(batch.clips.reshape(-1, *batch.clips.shape[2:])))
            vectors = unit_rows(frames).reshape(len(batch.clips), -1, frames.shape[1]).mean(axis=1)
        else:
            vectors = np.asarray(model.encode_video(batch.clips), dtype=np.float64)
        found.append(unit_rows(vectors).reshape(len(batch), batch.n_windows, -1))
        done += len(batch)
        if progress is not None:
            progress(done, len(dataset))
    windows = np.concatenate(found)
    return ClipEmbeddings(windows.mean(axis=1), windows)
