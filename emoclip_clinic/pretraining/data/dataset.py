"""Clips as training and evaluation see them: windows of frames, changed at random, each with one text."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data.augmentation import Augmentation
from emoclip_clinic.pretraining.data.sampling import Sampling
from emoclip_clinic.pretraining.data.stores import ClipStore, Sample

__all__ = ["Clip", "ClipDataset", "count_over_long", "split_by_source"]

_SHOWN = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One sample as it is handed out.

    Attributes
    ----------
    frames : ndarray of shape (T, S, S, 3) or (W, T, S, S, 3), uint8
        One training window, or all windows of evaluation.
    caption : str
        One of its texts, drawn; in evaluation the first. Empty if it has none.
    attributes : ndarray of shape (T, A) or (W, T, A), float32, or None
        Attributes of the same frames.
    sample : Sample
        What else is known of it.
    """

    frames: NDArray[np.uint8]
    caption: str
    attributes: NDArray[np.float32] | None
    sample: Sample


class ClipDataset:
    """Clips of a store under a recipe's sampling and augmentation.

    Parameters
    ----------
    store : ClipStore
        Shards, rendered clips or arrays.
    sampling : Sampling, optional
        How windows are taken.
    augmentation : Augmentation, optional
        Applied by `clip`, never by `windows`. None for none.
    texts : callable, optional
        Gives the texts of a `Sample`, for example the description of its class; by default its captions.
    indices : sequence of int, optional
        Which clips of the store, in this order; by default all.

    Raises
    ------
    PretrainingError
        If there is no clip.

    Examples
    --------
    >>> import numpy as np
    >>> from emoclip_clinic.pretraining.data import ArrayStore, ClipDataset, Sample, Sampling
    >>> sample = Sample("a", ("she smiles",), ("happiness",), "film-1", None, 10, False)
    >>> store = ArrayStore([sample], [np.zeros((10, 64, 64, 3), np.uint8)])
    >>> dataset = ClipDataset(store, sampling=Sampling(n_frames=4, stride=2))
    >>> clip = dataset.clip(0, np.random.default_rng(0))
    >>> clip.frames.shape, clip.caption
    ((4, 64, 64, 3), 'she smiles')
    """

    def __init__(
        self,
        store: ClipStore,
        *,
        sampling: Sampling | None = None,
        augmentation: Augmentation | None = None,
        texts: Callable[[Sample], Sequence[str]] | None = None,
        indices: Sequence[int] | NDArray[np.intp] | None = None,
    ) -> None:
        self.store = store
        self.sampling = sampling or Sampling()
        self.augmentation = augmentation
        self._texts = texts
        chosen = range(len(store.samples)) if indices is None else indices
        self._indices = np.asarray(chosen, np.intp)
        if not len(self._indices):
            raise PretrainingError("A data set must have at least one clip", found="none")

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What is known of each clip, in order."""
        return tuple(self.store.samples[i] for i in self._indices)

    @property
    def sources(self) -> tuple[str, ...]:
        """Participant or film of each clip; validation splits by it."""
        return tuple(sample.source for sample in self.samples)

    @property
    def ids(self) -> tuple[str, ...]:
        """Unique name of each clip."""
        return tuple(sample.id for sample in self.samples)

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """Classes of each clip."""
        return tuple(sample.labels for sample in self.samples)

    @property
    def size_px(self) -> int:
        """Side S of a picture in pixels."""
        return self.store.size_px

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the attributes of a frame; empty if there are none."""
        return self.store.attribute_names

    def texts(self, index: int) -> tuple[str, ...]:
        """Return all texts of a clip.

        Parameters
        ----------
        index : int
            Number of the clip in this data set.

        Returns
        -------
        tuple of str
            Texts without surrounding blanks; empty ones are left out.
        """
        sample = self.store.samples[self._indices[index]]
        found = sample.captions if self._texts is None else self._texts(sample)
        return tuple(text.strip() for text in found if text.strip())

    def clip(self, index: int, rng: np.random.Generator) -> Clip:
        """Draw a training sample.

        Parameters
        ----------
        index : int
            Number of the clip in this data set.
        rng : numpy.random.Generator
            A fresh one for each epoch and sample; the caption, the window and the augmentation are drawn from
            it, in this order.

        Returns
        -------
        Clip
            A window of T frames, with one of its texts.
        """
        stored = int(self._indices[index])
        sample = self.store.samples[stored]
        texts = self.texts(index)
        choice = rng.random()  # drawn in any case, so that a further caption does not change the window
        caption = texts[int(choice * len(texts))] if texts else ""
        positions = self.sampling.window(sample.n_frames, rng)
        frames = self.store.frames(stored, positions)
        attributes = self.store.attributes(stored, positions)
        if self.augmentation is not None:
            change = self.augmentation.draw(rng, may_flip=not sample.names_side)
            frames = change.apply(frames)
            mirror = self.store.attribute_mirror
            if change.flipped and attributes is not None and mirror is not None:
                attributes = mirror.apply(attributes)
        return Clip(frames, caption, attributes, sample)

    def windows(self, index: int) -> Clip:
        """Return an evaluation sample: nothing is drawn and nothing changed.

        Parameters
        ----------
        index : int
            Number of the clip in this data set.

        Returns
        -------
        Clip
            All W windows, with the first of its texts.
        """
        stored = int(self._indices[index])
        sample = self.store.samples[stored]
        positions = self.sampling.windows(sample.n_frames)
        flat = positions.reshape(-1)
        frames = self.store.frames(stored, flat)
        attributes = self.store.attributes(stored, flat)
        texts = self.texts(index)
        return Clip(
            frames.reshape(*positions.shape, *frames.shape[1:]),
            texts[0] if texts else "",
            None if attributes is None else attributes.reshape(*positions.shape, attributes.shape[-1]),
            sample,
        )

    def subset(self, indices: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return some of the clips under the same recipe.

        Parameters
        ----------
        indices : sequence of int
            Numbers of clips in this data set.

        Returns
        -------
        ClipDataset
            Those clips, in the order of `indices`.
        """
        return self._with(self.augmentation, self._indices[np.asarray(indices, np.intp)])

    def without_augmentation(self) -> Self:
        """Return the same clips, never changed."""
        return self._with(None, self._indices)

    def _with(self, augmentation: Augmentation | None, indices: NDArray[np.intp]) -> Self:
        return type(self)(
            self.store,
            sampling=self.sampling,
            augmentation=augmentation,
            texts=self._texts,
            indices=indices,
        )

    def check_contrast(self) -> None:
        """Check that clips can be told apart by their texts.

        Raises
        ------
        PretrainingError
            If a clip has no text, or all clips have the same one.
        """
        texts = [self.texts(index) for index in range(len(self))]
        without = [one.id for one, own in zip(self.samples, texts, strict=True) if not own]
        if without:
            raise PretrainingError(
                "Every clip must have a caption to be trained on captions",
                found=_listed(without),
                hint="Write captions, or leave these clips out of the manifest.",
            )
        different = {text for own in texts for text in own}
        if len(different) < 2:
            raise PretrainingError(
                "Training by contrast needs at least two different captions",
                found=f"'{next(iter(different))}' for all {len(self)} clips",
                hint="Where each class has one text, at least two classes are needed.",
            )

    def check_classes(self) -> None:
        """Check that there are classes to be told apart.

        Raises
        ------
        PretrainingError
            If a clip has no label, or all clips have the same.
        """
        without = [sample.id for sample in self.samples if not sample.labels]
        if without:
            raise PretrainingError(
                "Every clip must have a label to be trained or evaluated on classes",
                found=_listed(without),
                hint="Fill the column 'label' of the manifest, or leave these clips out.",
            )
        classes = Counter(self.labels)
        if len(classes) < 2:
            raise PretrainingError(
                "There must be at least two classes",
                found=f"only {' + '.join(next(iter(classes)))}, in {len(self)} clips",
                where="labels of the manifest",
            )


def split_by_source(
    dataset: ClipDataset, *, share: float = 0.1, seed: int = 0
) -> tuple[ClipDataset, ClipDataset]:
    """Set a part of a data set aside for validation, so that no source is on both sides.

    Sources are taken in random order until at least `share` of the clips are set aside.

    Parameters
    ----------
    dataset : ClipDataset
        Training clips; never those of the test.
    share : float
        Share of the clips that validation takes at least, above 0 and below 1.
    seed : int
        Order of the sources.

    Returns
    -------
    training, validation : ClipDataset
        The second without augmentation. Clips keep their order.

    Raises
    ------
    PretrainingError
        If the share is not between 0 and 1, or there are fewer than two sources.
    """
    if not 0 < share < 1:
        raise PretrainingError("The share of validation must be above 0 and below 1", found=share)
    sources = np.array(dataset.sources, object)
    names = sorted(set(dataset.sources))
    if len(names) < 2:
        raise PretrainingError(
            "Validation by source needs at least two sources",
            found=f"only {', '.join(names)}",
            hint="Fill the column 'source' of the manifest with the participant or the film of each clip.",
        )
    clips_of = Counter(dataset.sources)
    held: set[str] = set()
    n_held = 0
    for place in np.random.default_rng([seed, 0x5B117]).permutation(len(names)):
        if n_held >= share * len(dataset) or len(held) == len(names) - 1:
            break
        held.add(names[place])
        n_held += clips_of[names[place]]
    is_held = np.array([source in held for source in sources])
    training, validation = np.flatnonzero(~is_held), np.flatnonzero(is_held)
    return dataset.subset(training), dataset.subset(validation).without_augmentation()


def count_over_long(dataset: ClipDataset, n_tokens: Callable[[str], int], *, limit: int = 77) -> int:
    """Count the texts that the text tower will cut off, and log the number.

    Parameters
    ----------
    dataset : ClipDataset
        The clips.
    n_tokens : callable
        Gives the number of tokens of a text, start and end included.
    limit : int
        Tokens that the text tower takes; 77 in CLIP.

    Returns
    -------
    int
        Texts with more tokens than that. A text that several clips share counts once.
    """
    texts = {text for index in range(len(dataset)) for text in dataset.texts(index)}
    long = sorted(text for text in texts if n_tokens(text) > limit)
    if long:
        _log.warning(
            "%d of %d captions have more than %d tokens and are cut off there, such as: %s",
            len(long),
            len(texts),
            limit,
            long[0],
        )
    return len(long)


def _listed(ids: Sequence[str]) -> list[str]:
    more = len(ids) - _SHOWN
    return [*ids[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
