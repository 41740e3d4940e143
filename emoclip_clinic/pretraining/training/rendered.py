"""Rendered clips as a store: drawn once by seed, kept in a folder of files that are mapped into memory."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import AttributeMirror, Sample
from emoclip_clinic.pretraining.training.recipe import RenderedClips
from emoclip_clinic.study.files import read_json, write_json
from emoclip_clinic.synthetic import rendering

__all__ = ["RenderedStore", "draw_store"]

_STREAM = 0xC11B
_AT_ONCE = 50


class RenderedStore:
    """Rendered clips that are on the disk.

    Parameters
    ----------
    folder : Path
        As `draw_store` has filled it.

    Attributes
    ----------
    samples : tuple of Sample
        What is known of each clip.
    size_px : int
        Side S of a picture in pixels.
    attribute_names : tuple of str
        Names of the renderer's parameters.
    attribute_mirror : AttributeMirror
        What a mirror does to them.
    """

    def __init__(self, folder: Path) -> None:
        listed = read_json(folder / "samples.json")
        self.samples = tuple(
            Sample(
                id=one["id"],
                captions=tuple(one["captions"]),
                labels=tuple(one["labels"]),
                source=one["source"],
                split=None,
                n_frames=one["n_frames"],
                names_side=one["names_side"],
            )
            for one in listed["samples"]
        )
        self._frames = np.load(folder / "frames.npy", mmap_mode="r")
        self._attributes = np.load(folder / "attributes.npy", mmap_mode="r")
        self.size_px = int(self._frames.shape[2])
        self.attribute_names = rendering.ATTRIBUTES
        self.attribute_mirror = _mirror()

    def frames(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Read frames of a clip; see `ClipStore`."""
        taken: NDArray[np.uint8] = self._frames[index][positions]
        return taken

    def attributes(self, index: int, positions: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read the renderer's parameters of frames; see `ClipStore`."""
        taken: NDArray[np.float32] = self._attributes[index][positions]
        return taken


def draw_store(
    settings: RenderedClips,
    folder: Path,
    *,
    size_px: int,
    tell: Callable[[str], None] | None = None,
) -> RenderedStore:
    """Draw clips, unless a folder of the same ones is there.

    Parameters
    ----------
    settings : RenderedClips
        How many clips, of whom, of what.
    folder : Path
        Where drawn clips are kept: each set in a folder named by its settings and by the renderer.
    size_px : int
        Side S of a picture in pixels.
    tell : callable, optional
        Shows a line to the user.

    Returns
    -------
    RenderedStore
        The clips. Each depends on the seed and its number alone, so that more clips begin with the same ones.

    Raises
    ------
    PretrainingError
        If they cannot be written.
    """
    target = folder / f"rendered-{_key(settings, size_px)[:16]}"
    if not target.is_dir():
        temporary = folder / f".{target.name}-{os.getpid()}"
        for path in folder.glob(f".{target.name}-*"):  # of runs that were killed
            if not psutil.pid_exists(int(path.name.rpartition("-")[2])):
                shutil.rmtree(path, ignore_errors=True)
        try:
            temporary.mkdir(parents=True)
            _draw_all(settings, temporary, size_px=size_px, tell=tell)
            if not target.is_dir():  # another process may have been as far
                os.replace(temporary, target)
        except OSError as error:
            raise PretrainingError(
                "Rendered clips must be writable",
                found=error.strerror or str(error),
                where=target,
                hint="Free disk space, or set data.rendered.n_clips lower.",
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return RenderedStore(target)


def _draw_all(
    settings: RenderedClips, folder: Path, *, size_px: int, tell: Callable[[str], None] | None
) -> None:
    shape = (settings.n_clips, settings.n_frames)
    frames = open_memmap(folder / "frames.npy", "w+", np.uint8, (*shape, size_px, size_px, 3))
    attributes = open_memmap(folder / "attributes.npy", "w+", np.float32, (*shape, len(rendering.ATTRIBUTES)))
    samples: list[dict[str, Any]] = []
    jobs = [
        range(start, min(start + _AT_ONCE, settings.n_clips))
        for start in range(0, settings.n_clips, _AT_ONCE)
    ]
    drawn = joblib.Parallel(n_jobs=-1, return_as="generator")(
        joblib.delayed(_draw_some)(settings, job, size_px) for job in jobs
    )
    for number, (job, (some_frames, some_attributes, some_samples)) in enumerate(
        zip(jobs, drawn, strict=True)
    ):
        frames[job.start : job.stop] = some_frames
        attributes[job.start : job.stop] = some_attributes
        samples += some_samples
        if tell is not None and number % 20 == 19:
            tell(f"Drawn {job.stop} of {settings.n_clips} clips.")
    frames.flush()
    attributes.flush()
    write_json(folder / "samples.json", {"settings": settings.model_dump(mode="json"), "samples": samples})


def _draw_some(
    settings: RenderedClips, numbers: Sequence[int], size_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], list[dict[str, Any]]]:
    clips, samples = [], []
    for number in numbers:
        rng = np.random.default_rng([settings.seed, _STREAM, number])
        clip = rendering.draw_clip(
            rng,
            identity=rendering.Identity.of_pool(settings.pool, number % settings.n_identities),
            clip_class=rendering.draw_training_class(rng, kinds=settings.kinds or None),
            n_frames=settings.n_frames,
            fps=settings.fps,
            size_px=size_px,
            n_captions=settings.n_captions,
            styles=settings.styles,
        )
        clips.append(clip)
        samples.append(
            {
                "id": f"{settings.pool}-{settings.seed}-{number:06d}",
                "captions": clip.captions,
                "labels": clip.labels,
                "source": clip.source,
                "n_frames": settings.n_frames,
                "names_side": any(rendering.names_a_side(text) for text in clip.captions),
            }
        )
    return np.stack([clip.frames for clip in clips]), np.stack([clip.attributes for clip in clips]), samples


def _mirror() -> AttributeMirror:
    """The renderer's mirror as an order and signs, told from where it puts numbered attributes."""
    numbered = np.arange(1, len(rendering.ATTRIBUTES) + 1, dtype=np.float32)
    mirrored = rendering.mirror_attributes(numbered)
    return AttributeMirror(
        order=tuple(int(abs(value)) - 1 for value in mirrored),
        signs=tuple(float(np.sign(value)) for value in mirrored),
    )


def _key(settings: RenderedClips, size_px: int) -> str:
    """Hash of what decides the pictures: the settings, and the source of the renderer."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(mode="json"), size_px]).encode())
    for path in sorted(Path(rendering.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
