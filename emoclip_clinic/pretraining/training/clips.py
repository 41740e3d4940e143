"""From a recipe to the clips that it trains on."""

from emoclip_clinic.encoder import get_architecture, tokens_needed
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import (
    Augmentation,
    ClipDataset,
    ClipStore,
    Sampling,
    count_over_long,
    split_by_source,
)
from emoclip_clinic.pretraining.training.recipe import DataSettings, Recipe

__all__ = ["contrast_clips", "frame_clips", "split_clips"]


def contrast_clips(store: ClipStore, recipe: Recipe) -> ClipDataset:
    """Make the data set of the contrast.

    Parameters
    ----------
    store : ClipStore
        Prepared or rendered clips.
    recipe : Recipe
        Its windows, augmentation and splits.

    Returns
    -------
    ClipDataset
        The clips of the recipe's splits; all clips where the store has no splits.

    Raises
    ------
    PretrainingError
        If no clip is of these splits, a clip has no caption, or all have the same one.
    """
    data = recipe.data
    dataset = ClipDataset(
        store,
        sampling=_sampling(recipe),
        augmentation=Augmentation(
            rotation_deg=data.rotation_deg,
            flip=data.flip,
            scale=data.scale,
            brightness=data.brightness,
            contrast=data.contrast,
        ),
        indices=_of_splits(store, data),
    )
    dataset.check_contrast()
    architecture = get_architecture(recipe.architecture)
    count_over_long(
        dataset,
        lambda text: tokens_needed([text], architecture)[0],
        limit=architecture.text.context_length,
    )
    return dataset


def frame_clips(dataset: ClipDataset, recipe: Recipe) -> ClipDataset:
    """Make the data set of the frame stage: the same clips, not turned.

    The angle of a head may be among what is to be told from its picture. Clips are mirrored only where it is
    known what a mirror does to their attributes.

    Parameters
    ----------
    dataset : ClipDataset
        Clips of the contrast.
    recipe : Recipe
        Its augmentation.

    Returns
    -------
    ClipDataset
        The same clips in the same order.
    """
    data = recipe.data
    place = {sample.id: number for number, sample in enumerate(dataset.store.samples)}
    return ClipDataset(
        dataset.store,
        sampling=dataset.sampling,
        augmentation=Augmentation(
            rotation_deg=0.0,
            flip=data.flip and dataset.store.attribute_mirror is not None,
            scale=data.scale,
            brightness=data.brightness,
            contrast=data.contrast,
        ),
        indices=[place[name] for name in dataset.ids],
    )


def split_clips(dataset: ClipDataset, recipe: Recipe) -> tuple[ClipDataset, ClipDataset | None]:
    """Set validation clips aside by source.

    Parameters
    ----------
    dataset : ClipDataset
        Clips of the training folds.
    recipe : Recipe
        Share and number of validation clips.

    Returns
    -------
    training : ClipDataset
        The clips that are trained on.
    validation : ClipDataset or None
        Clips of other sources, without augmentation; None if the recipe wants none.

    Raises
    ------
    PretrainingError
        If there are too few sources.
    """
    settings = recipe.validation
    if settings.share == 0:
        return dataset, None
    training, validation = split_by_source(dataset, share=settings.share, seed=recipe.seed)
    n_clips, most = len(validation), settings.max_clips
    if n_clips > most:
        validation = validation.subset([n_clips * number // most for number in range(most)])
    return training, validation


def _sampling(recipe: Recipe) -> Sampling:
    data = recipe.data
    longest = get_architecture(recipe.architecture).temporal.positions - 1
    if data.frames > longest:
        raise PretrainingError(
            f"Clips must have a learned position for every frame: {longest} at most",
            found=f"data.frames = {data.frames}",
            where=f"architecture '{recipe.architecture}'",
        )
    return Sampling(
        n_frames=data.frames,
        stride=data.stride,
        short=data.short_clips,
        n_windows=recipe.validation.windows,
    )


def _of_splits(store: ClipStore, data: DataSettings) -> list[int] | None:
    splits = {sample.split for sample in store.samples}
    if splits == {None}:
        return None
    chosen = [number for number, sample in enumerate(store.samples) if sample.split in data.splits]
    if not chosen:
        known = ", ".join(sorted(split for split in splits if split is not None))
        raise PretrainingError(
            "There must be clips of the splits that are trained on",
            found=f"data.splits = {list(data.splits)}, while the manifest has {known}",
            hint="Correct data.splits; name training folds only.",
        )
    return chosen
