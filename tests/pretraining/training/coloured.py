"""Small clips in memory, on which a network learns something within seconds, and a recipe for them."""

from pathlib import Path
from typing import Any

import numpy as np

from emoclip_clinic.pretraining.data import ArrayStore, Sample
from emoclip_clinic.pretraining.training import Recipe, TrainingResult, build_recipe, join_processes, pretrain

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 70, 230), "grey": (128, 128, 128)}
CHANGES = ("brightens", "darkens")


def coloured_clips(n_clips: int = 48, *, size_px: int = 64, seed: int = 0) -> ArrayStore:
    """Clips of one colour that brightens or darkens; 6 sources; two attributes: brightness and redness."""
    rng = np.random.default_rng(seed)
    samples, clips, attributes = [], [], []
    for number in range(n_clips):
        colour = list(COLOURS)[number % 4]
        change = CHANGES[number // 4 % 2]
        ramp = np.linspace(0.4, 1.0, 6) if change == "brightens" else np.linspace(1.0, 0.4, 6)
        frames = ramp[:, None, None, None] * np.array(COLOURS[colour])
        noise = rng.normal(0, 6, (6, size_px, size_px, 3))
        clips.append(np.clip(frames + noise, 0, 255).astype(np.uint8))
        redness = np.full(6, float(colour == "red"))
        attributes.append(np.stack([ramp, redness], axis=1).astype(np.float32))
        captions = (f"a {colour} picture {change}", f"{colour}, and it {change}")
        samples.append(Sample(f"clip-{number}", captions, (colour,), f"person-{number % 6}", None, 6, False))
    return ArrayStore(samples, clips, attributes=attributes, attribute_names=("brightness", "redness"))


def small_recipe(**changes: object) -> Recipe:
    """Six steps on `coloured_clips`, in float32."""
    fields: dict[str, object] = {
        "name": "test",
        "architecture": "emoclip-small",
        "temporal_init_std": 0.1,
        "data": {"frames": 2, "stride": 3, "workers": 0},
        "contrast": {"steps": 6, "batch_size": 8, "lr": 1e-3},
        "validation": {"share": 0.2, "windows": 2, "every_steps": 3},
        "checkpoints": {"every_steps": 2, "log_every_steps": 2},
        "precision": "fp32",
    }
    for key, value in changes.items():
        before = fields.get(key)
        fields[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return build_recipe(fields)


def train(recipe: Recipe, folder: Path, **options: Any) -> TrainingResult:
    """Train on `coloured_clips` in this process."""
    with join_processes("cpu") as processes:
        result = pretrain(
            recipe,
            folder,
            store=options.pop("store", None) or coloured_clips(),
            processes=processes,
            data="coloured pictures",
            **options,
        )
    assert result is not None
    return result
