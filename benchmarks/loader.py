"""Measure how many clips per second the loader hands out, and how long training waits for them.

Makes shards of noise in a temporary folder, then prints

- clips per second of the loader alone, with the released augmentation, by number of threads, from files that
  the operating system has in memory and from files that it has not;
- clips per second where each clip is decoded from a video instead (no face detection), for comparison;
- the share of time that training waits for data, at stated training speeds: a consumer that takes as long for
  a batch as training would, without using a processor, as when a GPU works.

    python benchmarks/loader.py [--clips 96] [--seconds 6]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emoclip_clinic.pretraining.data import (
    ArrayStore,
    Augmentation,
    ClipDataset,
    ClipLoader,
    Sample,
    Sampling,
    save_store,
)
from emoclip_clinic.synthetic import write_clip
from emoclip_clinic.video import open_video, sample

FRAMES = 80
SIZES = {
    "ViT-B/32, 32 frames of 224 px, every 2nd": (224, Sampling(32, 2), 16, (2.0, 10.0)),
    "small, 16 frames of 64 px": (64, Sampling(16, 1), 64, (30.0, 200.0)),
}
"""Side, sampling, batch, and training speeds in clips per second. The first of these is above what two
processor cores reach (0.55 for ViT-B/32 at 156 GFLOP/s and 8.8 GFLOP a crop); the second is that of a modest
GPU."""
EPOCHS_IN_ONE = 50
"""The start of an epoch, when no batch is ready yet, then counts as rarely as in real data."""

FIRST_STEP_S = 3.0
"""A first training step is slow, and batches are made ahead meanwhile."""


class Repeated:
    """Many clips that share a few arrays, to be saved."""

    def __init__(self, n_clips: int, size_px: int) -> None:
        rng = np.random.default_rng(0)
        pixels = [rng.integers(0, 256, (FRAMES, size_px, size_px, 3), dtype=np.uint8) for _ in range(4)]
        samples = [Sample(f"clip-{k}", (f"caption {k}",), (), f"source-{k}", None, FRAMES, False)
                   for k in range(n_clips)]  # fmt: skip
        self.store = ArrayStore(samples, [pixels[k % 4] for k in range(n_clips)])


def evict(folder: Path) -> None:
    """Ask the operating system to forget the files."""
    for path in folder.rglob("*.npy"):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def speed(loader: ClipLoader, seconds: float) -> tuple[float, float]:
    """Clips per second, and milliseconds of processor time per clip."""
    batches = iter(loader)
    next(batches)
    start, start_cpu, n_clips = time.perf_counter(), time.process_time(), 0
    for batch in batches:
        n_clips += len(batch)
        if time.perf_counter() - start > seconds:
            break
    took, took_cpu = time.perf_counter() - start, time.process_time() - start_cpu
    batches.close()
    return n_clips / took, 1000 * took_cpu / n_clips


def waited_share(loader: ClipLoader, clips_per_s: float, seconds: float) -> float:
    """Share of the time for which training waits, the first batch left out."""
    batches = iter(loader)
    next(batches)
    time.sleep(FIRST_STEP_S)
    start, start_waited = time.perf_counter(), loader.waited_s
    for n_batches, batch in enumerate(batches, 1):
        time.sleep(len(batch) / clips_per_s)
        if time.perf_counter() - start > seconds and n_batches >= 3:
            break
    share = (loader.waited_s - start_waited) / (time.perf_counter() - start)
    batches.close()
    return share


def decoded_speed(size_px: int, folder: Path, seconds: float) -> float:
    frames = np.random.default_rng(1).integers(0, 256, (FRAMES, 6, 6, 3), dtype=np.uint8)
    pictures = (np.kron(frame, np.ones((size_px // 6, size_px // 6, 1), np.uint8)) for frame in frames)
    video = write_clip(folder / "clip.mp4", pictures, fps=25)
    start, n_clips = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        with open_video(video) as source:
            for _ in sample(source, 25.0):
                pass
        n_clips += 1
    return n_clips / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--seconds", type=float, default=6.0)
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    for name, (size_px, sampling, batch_size, training_speeds) in SIZES.items():
        with tempfile.TemporaryDirectory(prefix="emoclip-clinic-") as temporary:
            folder = Path(temporary)
            n_clips = asked.clips * (224 // size_px)
            shards = save_store(Repeated(n_clips, size_px).store, folder / "clips")
            dataset = ClipDataset(
                shards,
                sampling=sampling,
                augmentation=Augmentation(),
                indices=np.tile(np.arange(n_clips), EPOCHS_IN_ONE),
            )
            print(f"\n{name}: {n_clips} clips of {FRAMES} frames, batches of {batch_size}")
            for workers in (0, 1, 2, 4):
                loader = ClipLoader(dataset, batch_size=batch_size, seed=0, workers=workers)
                per_s, cpu_ms = speed(loader, asked.seconds)
                print(
                    f"  {workers} threads, files in memory: {per_s:8.1f} clips/s, "
                    f"{cpu_ms:5.1f} ms of processor time a clip"
                )
            evict(folder)
            once = dataset.subset(range(n_clips))
            start = time.perf_counter()
            n_read = sum(len(batch) for batch in ClipLoader(once, batch_size=batch_size, seed=0, workers=2))
            took = time.perf_counter() - start
            print(f"  2 threads, files on disk:   {n_read / took:8.1f} clips/s (one epoch)")
            print(
                f"  decoding a video each time: {decoded_speed(size_px, folder, asked.seconds):8.1f} clips/s"
            )
            for training in training_speeds:
                loader = ClipLoader(dataset, batch_size=batch_size, seed=0, workers=2)
                share = waited_share(loader, training, asked.seconds)
                print(f"  training at {training:6.1f} clips/s waits {share:6.2%} of the time")


if __name__ == "__main__":
    main()
