"""What clips are kept as: the seam between files (or a renderer) and training."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayStore", "AttributeMirror", "ClipStore", "Sample", "names_a_side"]

_SIDE = re.compile(r"\b(left|right)(?:-?(?:hand(?:ed)?|sided?|ward))?\b", re.IGNORECASE)


def names_a_side(captions: Iterable[str]) -> bool:
    """Whether a caption speaks of left or right, in English, so that its clip must not be mirrored.

    A caption that uses ``right`` in another sense counts as well: that costs a flip and nothing else.

    Parameters
    ----------
    captions : iterable of str
        All captions of one clip.

    Returns
    -------
    bool
        True if any of them does.
    """
    return any(_SIDE.search(caption) for caption in captions)


@dataclass(frozen=True)
class AttributeMirror:
    """What a mirror does to the attributes of a frame: sides change places, and movements to a side turn.

    Attributes
    ----------
    order : tuple of int
        For each attribute the one whose value it takes, such as a left lid the right one's.
    signs : tuple of float
        What the value is multiplied by: -1 for a turn of the head to one side.
    """

    order: tuple[int, ...]
    signs: tuple[float, ...]

    def apply(self, attributes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the attributes of mirrored frames.

        Parameters
        ----------
        attributes : ndarray of shape (..., A), float32
            Attributes of the frames as stored.

        Returns
        -------
        ndarray of shape (..., A), float32
            Those of their mirror images.
        """
        return attributes[..., list(self.order)] * np.asarray(self.signs, np.float32)


@dataclass(frozen=True)
class Sample:
    """What is known of one clip besides its pictures.

    Attributes
    ----------
    id : str
        Unique name, shown where something is wrong with the clip.
    captions : tuple of str
        Texts that describe the clip; may be empty where labels are meant.
    labels : tuple of str
        Classes; several for a compound.
    source : str
        Participant, or film that the clip is from: validation splits by it.
    split : str or None
        Part of the data set, such as ``train`` or a number of a fold.
    n_frames : int
        Stored frames.
    names_side : bool
        Whether the captions name a side, so that the clip must not be mirrored.
    """

    id: str
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    split: str | None
    n_frames: int
    names_side: bool


class ClipStore(Protocol):
    """Stored clips. Read by several threads at once."""

    @property
    def samples(self) -> Sequence[Sample]:
        """What is known of each clip."""
        ...

    @property
    def size_px(self) -> int:
        """Side S of the square pictures in pixels."""
        ...

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the A numeric attributes of a frame; empty if there are none."""
        ...

    @property
    def attribute_mirror(self) -> AttributeMirror | None:
        """What a mirror does to the attributes; None if it changes none of them."""
        ...

    def frames(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Read frames of a clip.

        Parameters
        ----------
        index : int
            Number of the clip.
        positions : ndarray of shape (T,)
            Positions in the clip, in any order, also repeated.

        Returns
        -------
        ndarray of shape (T, S, S, 3), uint8
            RGB pictures.
        """
        ...

    def attributes(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Read the attributes of frames.

        Parameters
        ----------
        index : int
            Number of the clip.
        positions : ndarray of shape (T,)
            Positions in the clip.

        Returns
        -------
        ndarray of shape (T, A), float32, or None
            None if the store has none.
        """
        ...


class ArrayStore:
    """Clips that are in memory already.

    Parameters
    ----------
    samples : sequence of Sample
        What is known of each clip.
    clips : sequence of ndarray of shape (n_frames, S, S, 3), uint8
        Their pictures.
    attributes : sequence of ndarray of shape (n_frames, A), float32, optional
        Their attributes.
    attribute_names : sequence of str
        Names of the attributes.
    attribute_mirror : AttributeMirror, optional
        What a mirror does to them; by default nothing.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        clips: Sequence[NDArray[np.uint8]],
        *,
        attributes: Sequence[NDArray[np.float32]] | None = None,
        attribute_names: Sequence[str] = (),
        attribute_mirror: AttributeMirror | None = None,
    ) -> None:
        self.samples = tuple(samples)
        self.size_px = int(clips[0].shape[1]) if len(clips) else 0
        self.attribute_names = tuple(attribute_names)
        self.attribute_mirror = attribute_mirror
        self._clips = clips
        self._attributes = attributes

    def frames(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Read frames of a clip; see `ClipStore`."""
        return self._clips[index][positions]

    def attributes(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Read the attributes of frames; see `ClipStore`."""
        return None if self._attributes is None else self._attributes[index][positions]
