"""Where a recipe's clips are: prepared shards, or rendered faces, drawn when they are first needed."""

from collections.abc import Callable
from pathlib import Path

from emoclip_clinic.encoder import get_architecture
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import ClipStore, open_shards
from emoclip_clinic.pretraining.training.recipe import Recipe
from emoclip_clinic.pretraining.training.rendered import draw_store

__all__ = ["open_clips"]


def open_clips(
    recipe: Recipe,
    *,
    study: Path,
    cache: Path,
    data: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[ClipStore, str]:
    """Open the clips that a recipe trains on.

    Parameters
    ----------
    recipe : Recipe
        Names a folder of prepared clips, or describes rendered ones.
    study : Path
        Root of the study, to which the recipe's folder is relative.
    cache : Path
        Folder in which rendered clips are kept.
    data : Path, optional
        A folder of prepared clips that wins over what the recipe says.
    tell : callable, optional
        Shows a line to the user.

    Returns
    -------
    store : ClipStore
        The clips.
    description : str
        What they are, in words for the weights record.

    Raises
    ------
    PretrainingError
        If neither the recipe nor `data` names any, or they cannot be read.
    """
    rendered = recipe.data.rendered
    folder = data or (None if recipe.data.clips is None else study / recipe.data.clips)
    if folder is not None:
        store = open_shards(folder)
        return store, f"{len(store.samples)} captioned clips of {folder.name}"
    if rendered is None:
        raise PretrainingError(
            "A training needs clips",
            found="neither data.clips nor data.rendered in the recipe",
            where=recipe.name,
            hint="Make them with emoclip-clinic pretrain prepare MANIFEST, then give their folder as --data.",
        )
    side = get_architecture(recipe.architecture).image.image_size_px
    drawn = draw_store(rendered, cache, size_px=side, tell=tell)
    return drawn, (
        f"{rendered.n_clips} rendered clips of {rendered.n_identities} drawn persons of the pool "
        f"'{rendered.pool}', seed {rendered.seed}; no recording of anybody"
    )
