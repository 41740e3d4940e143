"""Prepare a manifest: cut every clip once, pack the crops into shards, and write the index.

A clip is known by a hash of its file's content, the part of it that is meant, and how it is cut. What is in
a shard or among the finished work under that key is never cut again, whatever else of the manifest changes.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import FormatError, PretrainingError
from emoclip_clinic.pretraining.data.cut_jobs import (
    CutJob,
    CutOutcome,
    InputFacts,
    clip_key,
    content_sha256,
    crashed,
    cut_job,
    input_state,
    read_outcome,
)
from emoclip_clinic.pretraining.data.cutting import ClipFaces, held_frames
from emoclip_clinic.pretraining.data.index import SkippedClip, write_data_set
from emoclip_clinic.pretraining.data.manifest import Manifest, ManifestClip
from emoclip_clinic.pretraining.data.preparation_report import PreparationReport, report_on
from emoclip_clinic.pretraining.data.processes import in_processes
from emoclip_clinic.pretraining.data.shard_files import (
    ClipFolder,
    ShardRecord,
    StoredClip,
    open_array,
    write_shard,
)
from emoclip_clinic.study.files import remove_leftovers
from emoclip_clinic.study.locks import one_at_a_time

__all__ = ["Plan", "PlannedClip", "PrepareProgress", "Prepared", "plan_preparation", "prepare_clips"]

SHARD_BYTES = 512 * 2**20
"""A shard is closed when it has reached this size."""

_log = logging.getLogger(__name__)


class PrepareProgress(Protocol):
    """Listener to a preparation."""

    def start(self, n_clips: int) -> None:
        """Begin cutting so many clips."""

    def clip_done(self, clip_id: str, reason: str | None, video_s: float) -> None:
        """End one clip; the reason says why it failed."""


class _Silent:
    def start(self, n_clips: int) -> None:
        """Say nothing."""

    def clip_done(self, clip_id: str, reason: str | None, video_s: float) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class PlannedClip:
    """A clip of the manifest with what is known of it before any work.

    Attributes
    ----------
    clip : ManifestClip
        The clip.
    key : str
        What its crops depend on.
    input : InputFacts
        The file.
    stored : (int, StoredClip) or None
        Number of the shard that holds it, and its place there.
    outcome : CutOutcome or None
        How an earlier attempt ended that is in no shard yet, or failed.
    """

    clip: ManifestClip
    key: str
    input: InputFacts
    stored: tuple[int, StoredClip] | None
    outcome: CutOutcome | None

    @property
    def is_cut(self) -> bool:
        """Whether the crops are there."""
        return self.stored is not None or (self.outcome is not None and self.outcome.status == "ok")

    @property
    def failed_before(self) -> bool:
        """Whether an earlier attempt failed."""
        return not self.is_cut and self.outcome is not None


@dataclass(frozen=True)
class Plan:
    """What is there and what is to be done.

    Attributes
    ----------
    manifest : Manifest
        The manifest.
    folder : ClipFolder
        Where results go.
    faces : ClipFaces
        How clips are cut.
    clips : tuple of PlannedClip
        In the order of the manifest.
    next_shard : int
        Number of the first new shard.
    """

    manifest: Manifest
    folder: ClipFolder
    faces: ClipFaces
    clips: tuple[PlannedClip, ...]
    next_shard: int

    def to_cut(self, *, retry: bool = True) -> tuple[PlannedClip, ...]:
        """Clips without crops, one for each key; without those that failed before unless `retry`."""
        pending = [one for one in self.clips if not one.is_cut and (retry or not one.failed_before)]
        return tuple({one.key: one for one in pending}.values())


@dataclass(frozen=True)
class Prepared:
    """What a preparation has come to.

    Attributes
    ----------
    folder : Path
        Where the clips are.
    n_clips : int
        Clips in the index.
    n_cut : int
        Clips that were cut now; the others were there.
    skipped : tuple of SkippedClip
        Clips and rows that are not in the index, with reasons.
    report : PreparationReport
        What is to be known about the data set.
    """

    folder: Path
    n_clips: int
    n_cut: int
    skipped: tuple[SkippedClip, ...]
    report: PreparationReport


def plan_preparation(manifest: Manifest, out: Path | str, *, faces: ClipFaces, workers: int = 1) -> Plan:
    """Find out what is to be done, without cutting anything.

    Files are hashed, unless an earlier run has the hash and size and time of change are the same.

    Parameters
    ----------
    manifest : Manifest
        The clips.
    out : Path or str
        Folder for the prepared clips; it may be absent.
    faces : ClipFaces
        How clips are cut.
    workers : int
        Files that are hashed side by side.

    Returns
    -------
    Plan
        The clips and their states.

    Raises
    ------
    PretrainingError
        If the sampling rate is not settled or the folder holds something else.
    StudyError
        If a file cannot be read.
    """
    folder = ClipFolder(Path(out))
    if faces.settings.sample_fps is None:
        raise PretrainingError("Clips are cut at a stated rate", found="no sample_fps")
    _check_folder(folder)
    shards = list(_whole_shards(folder))
    stored = {clip.key: (shard.number, clip) for shard in shards for clip in shard.clips}
    work = {path.stem: read_outcome(path) for path in sorted(folder.work.glob("*.json"))}
    inputs = [clip.facts["input"] for _, clip in stored.values()]
    inputs += [outcome.input for outcome in work.values() if outcome is not None]
    known = {(one["path"], one["size_bytes"], one["mtime_ns"]): str(one["sha256"]) for one in inputs}

    def input_of(path: Path) -> InputFacts:
        size, time_ns = input_state(path)
        sha256 = known.get((str(path), size, time_ns)) or content_sha256(path)
        return InputFacts(str(path), size, time_ns, sha256)

    paths = list(dict.fromkeys(clip.path for clip in manifest.clips))
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        input_by_path = dict(zip(paths, pool.map(input_of, paths), strict=True))

    def planned(clip: ManifestClip) -> PlannedClip:
        facts = input_by_path[clip.path]
        key = clip_key(clip, faces, facts.sha256)
        return PlannedClip(clip, key, facts, stored.get(key), work.get(key))

    numbers = folder.shard_numbers()
    return Plan(
        manifest=manifest,
        folder=folder,
        faces=faces,
        clips=tuple(planned(clip) for clip in manifest.clips),
        next_shard=numbers[-1] + 1 if numbers else 0,
    )


def prepare_clips(
    plan: Plan, *, workers: int = 1, retry: bool = True, progress: PrepareProgress | None = None
) -> Prepared:
    """Do what a plan asks for. A clip that fails does not stop the others.

    Interrupted at any time, by Ctrl-C or worse, the same call goes on: what was cut is kept.

    Parameters
    ----------
    plan : Plan
        By `plan_preparation`.
    workers : int
        Clips that are cut side by side, each in a process of its own; with 1 in this process.
    retry : bool
        Whether clips that failed before are tried again.
    progress : PrepareProgress, optional
        Told of each clip.

    Returns
    -------
    Prepared
        Counts, what was left out, and a report.

    Raises
    ------
    PretrainingError
        If another process prepares into the same folder, or no clip could be cut.
    StudyError
        If the disk is full or the folder not writable.
    """
    progress = progress or _Silent()
    with _alone_in(plan.folder):
        remove_leftovers(plan.folder.root)
        packer = _Packer(plan)
        for one in plan.clips:  # what an earlier run cut before it was interrupted
            if one.stored is None and one.is_cut and one.outcome is not None:
                packer.add(one.key, one.outcome)
        pending = plan.to_cut(retry=retry)
        progress.start(len(pending))
        failures = {
            one.key: str(one.outcome.reason) for one in plan.clips if one.failed_before and one.outcome
        }
        name_of = {one.key: one.clip.id for one in pending}
        n_cut = 0
        for outcome in _outcomes(plan, pending, workers):
            if outcome.status == "ok":
                failures.pop(outcome.key, None)
                packer.add(outcome.key, outcome)
                n_cut += 1
            else:
                failures[outcome.key] = str(outcome.reason)
                _log.warning("%s is left out: %s", name_of[outcome.key], outcome.reason)
            progress.clip_done(name_of[outcome.key], outcome.reason, outcome.facts.get("video_s", 0.0))
        packer.close()
        return _finish(plan, packer.places, failures, n_cut=n_cut)


def _outcomes(plan: Plan, pending: Sequence[PlannedClip], workers: int) -> Iterator[CutOutcome]:
    jobs = [
        CutJob(
            key=one.key,
            clip=one.clip,
            faces=plan.faces,
            input=one.input,
            folder=plan.folder.work,
            threads=1 if workers > 1 else min(4, os.cpu_count() or 1),
        )
        for one in pending
    ]
    if workers <= 1:
        yield from map(cut_job, jobs)
        return
    for job, outcome in in_processes(cut_job, jobs, workers=workers):
        yield outcome if outcome is not None else crashed(job)


class _Packer:
    """Moves finished clips into shards, so that the disk holds each of them once."""

    def __init__(self, plan: Plan) -> None:
        self.places = {one.key: one.stored for one in plan.clips if one.stored is not None}
        self._folder = plan.folder
        self._size_px = plan.faces.size_px
        self._number = plan.next_shard
        self._waiting: dict[str, CutOutcome] = {}
        self._bytes = 0

    def add(self, key: str, outcome: CutOutcome) -> None:
        if key in self._waiting or key in self.places:
            return
        self._waiting[key] = outcome
        self._bytes += len(held_frames(outcome.facts["frames"])) * self._size_px**2 * 3
        if self._bytes >= SHARD_BYTES:
            self.close()

    def close(self) -> None:
        """Write a shard of what waits."""
        if not self._waiting:
            return
        held = {key: held_frames(outcome.facts["frames"]) for key, outcome in self._waiting.items()}
        clips = (
            (
                key,
                partial(self._expanded, key, outcome.facts["n_rows"], held[key]),
                len(held[key]),
                _facts(outcome, len(held[key])),
            )
            for key, outcome in self._waiting.items()
        )
        record = write_shard(self._folder, self._number, clips, size_px=self._size_px)
        self.places.update({clip.key: (self._number, clip) for clip in record.clips})
        for key in self._waiting:
            (self._folder.work / f"{key}.json").unlink(missing_ok=True)
            (self._folder.work / f"{key}.npy").unlink(missing_ok=True)
        self._waiting.clear()
        self._bytes = 0
        self._number += 1

    def _expanded(self, key: str, n_rows: int, held: NDArray[np.intp]) -> NDArray[np.uint8]:
        shape = (n_rows, self._size_px, self._size_px, 3)
        crops: NDArray[np.uint8] = open_array(self._folder.work / f"{key}.npy", shape=shape)
        return crops[held]


def _facts(outcome: CutOutcome, n_frames: int) -> Mapping[str, Any]:
    """What a shard's record keeps of how a clip was cut."""
    cut = outcome.facts
    return {
        "input": dict(outcome.input),
        "n_grid": cut["n_grid"],
        "n_seen": cut["n_rows"],
        "n_between": cut["n_between"],
        "n_held": n_frames - cut["n_rows"],
        "second_person": cut["second_person"],
        "damage": list(cut["damage"]),
        "seconds": round(cut["seconds"], 3),
    }


def _finish(
    plan: Plan, places: Mapping[str, tuple[int, StoredClip]], failures: Mapping[str, str], *, n_cut: int
) -> Prepared:
    there = [(one, *places[one.key]) for one in plan.clips if one.key in places]
    skipped = [
        SkippedClip(one.clip.id, one.clip.rows, str(one.clip.path), failures.get(one.key, "not cut"))
        for one in plan.clips
        if one.key not in places
    ]
    bad_rows: dict[int, list[str]] = defaultdict(list)
    for problem in plan.manifest.errors:
        bad_rows[problem.row].append(problem.statement)
    skipped += [SkippedClip(f"row {row}", (row,), "n/a", " ".join(said)) for row, said in bad_rows.items()]
    if not there:
        raise PretrainingError(
            "At least one clip must show a face",
            found=[f"{one.id}: {one.reason}" for one in skipped[:20]],
            where=plan.manifest.path,
        )
    clips = [(one.clip, number, stored) for one, number, stored in there]
    report = report_on(plan.manifest, clips, sample_fps=float(plan.faces.settings.sample_fps or 0))
    write_data_set(
        plan.folder,
        clips,
        skipped,
        size_px=plan.faces.size_px,
        settings={**plan.faces.settings.model_dump(mode="json"), "size_px": plan.faces.size_px},
        manifest=plan.manifest.path,
        report=report.to_json(),
    )
    if plan.folder.work.is_dir() and not any(plan.folder.work.iterdir()):
        plan.folder.work.rmdir()
    return Prepared(plan.folder.root, len(there), n_cut, tuple(skipped), report)


def _whole_shards(folder: ClipFolder) -> Iterator[ShardRecord]:
    """Records of the shards whose files have the size that their records say."""
    for number in folder.shard_numbers():
        try:
            record = ShardRecord.read(folder.shard_record(number))
            open_array(folder.shard(number), shape=(record.n_frames, record.size_px, record.size_px, 3))
        except FormatError as error:
            _log.warning("%s Its clips are cut again.", error)
        else:
            yield record


def _check_folder(folder: ClipFolder) -> None:
    """Refuse a folder that holds something else."""
    if folder.root.exists() and not folder.root.is_dir():
        raise PretrainingError("Prepared clips go into a folder", found="a file", where=folder.root)
    ours = folder.record.exists() or folder.shards.exists() or folder.work.exists() or folder.lock.exists()
    if folder.root.is_dir() and any(folder.root.iterdir()) and not ours:
        raise PretrainingError(
            "Prepared clips go into an empty folder, or one of an earlier run",
            found="other files",
            where=folder.root,
            hint="Name a new folder with --out.",
        )


@contextmanager
def _alone_in(folder: ClipFolder) -> Iterator[None]:
    with one_at_a_time(
        folder.lock,
        rule="One process at a time may prepare clips into a folder",
        where=folder.root,
        hint="Wait until it has ended; with --workers it uses more processors.",
        error=PretrainingError,
    ):
        yield
