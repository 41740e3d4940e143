"""The result of a training: weights in the published layout, and the record that describes them."""

from datetime import UTC, datetime
from pathlib import Path

import torch
import yaml

from emoclip_clinic.encoder import (
    EmoClipNetwork,
    Preprocessing,
    TrainingFacts,
    WeightsRecord,
    save_weights,
)
from emoclip_clinic.pretraining.training.recipe import Recipe, hash_recipe
from emoclip_clinic.study.files import sha256_file, write_bytes

__all__ = ["write_result"]


def write_result(
    network: EmoClipNetwork,
    recipe: Recipe,
    *,
    folder: Path,
    data: str,
    attributes: tuple[str, ...],
    frame_steps: int,
    steps: int,
    selection: str,
    dtype: torch.dtype | None = None,
) -> WeightsRecord:
    """Write ``<recipe>.safetensors`` and ``<recipe>.yaml``, its weights record.

    Parameters
    ----------
    network : EmoClipNetwork
        The trained network.
    recipe : Recipe
        Its recipe.
    folder : Path
        Where to write.
    data : str
        What was trained on, in words.
    attributes : tuple of str
        Attributes of the frame stage; empty if there was none.
    frame_steps, steps : int
        Steps of the frame stage and of the contrast behind these weights.
    selection : str
        How they were chosen, in words.
    dtype : torch.dtype, optional
        Type of the numbers; by default float32.

    Returns
    -------
    WeightsRecord
        The record, as the registry reads it.
    """
    path = save_weights(network, folder / f"{recipe.name}.safetensors", dtype=dtype)
    side = network.architecture.image.image_size_px
    record = WeightsRecord(
        name=recipe.name,
        kind="user",
        architecture=network.architecture.name,
        description=recipe.description.strip(),
        source="trained with emoclip-clinic pretrain",
        file=path.name,
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        preprocessing=Preprocessing(image_size_px=side),
        sample_fps=recipe.sample_fps,
        segment_frames=recipe.data.frames,
        training=TrainingFacts(
            recipe=recipe.name,
            recipe_sha256=hash_recipe(recipe),
            start=recipe.start,
            data=data,
            frame_stage=_told(attributes, frame_steps),
            selection=selection,
            steps=steps,
            seed=recipe.seed,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    text = yaml.safe_dump(record.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_bytes(folder / f"{recipe.name}.yaml", text.encode())
    return record


def _told(attributes: tuple[str, ...], steps: int) -> str:
    if not attributes:
        return "none: no label but captions was used"
    return (
        f"{steps} steps on single frames against {len(attributes)} numeric attributes, which are labels that "
        f"captions do not give: {', '.join(attributes)}"
    )
