"""What is to be known about a data set before training on it: duplicates, gaps, lengths, shared sources."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emoclip_clinic.pretraining.data.manifest import Manifest, ManifestClip
from emoclip_clinic.pretraining.data.shard_files import StoredClip

__all__ = ["PreparationReport", "report_on"]

_SHOWN = 5
_OFTEN = 0.1


@dataclass(frozen=True)
class PreparationReport:
    """Facts about prepared clips.

    Attributes
    ----------
    n_clips, n_sources : int
        Clips, and participants or films that they are from.
    says_sources : bool
        Whether the manifest names sources; else each clip counts as its own.
    splits : dict of str to int
        Clips of each part.
    labels : dict of str to int
        Clips of each class; a compound counts as one class of its own.
    n_captions, n_different_captions : int
        Captions over all clips, and how many of them differ.
    without_caption : list of str
        Clips without one, although the manifest has captions.
    duplicates : list of list of str
        Groups of clips with the same pixels.
    duplicates_across_splits : list of list of str
        Those groups that are in more than one part.
    shared_sources : dict of str to list of str
        Sources that are in more than one part, with the parts.
    length_s, caption_words : dict of str to float
        Least, median and greatest; empty if there is nothing to count.
    share_held : float
        Share of frames that are filled with the nearest crop.
    slower : list of str
        Clips with fewer frames per second than the grid, so that pictures stand still now and then.
    second_person : list of str
        Clips in which somebody else could be meant.
    damaged : dict of str to str
        Clips whose files were damaged, and how.
    """

    n_clips: int
    n_sources: int
    says_sources: bool
    splits: dict[str, int]
    labels: dict[str, int]
    n_captions: int
    n_different_captions: int
    without_caption: list[str]
    duplicates: list[list[str]]
    duplicates_across_splits: list[list[str]]
    shared_sources: dict[str, list[str]]
    length_s: dict[str, float]
    caption_words: dict[str, float]
    share_held: float
    slower: list[str]
    second_person: list[str]
    damaged: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """Say what a person should know, one sentence a line."""
        said = [
            f"{_counted(self.n_clips, 'clip')} of {_counted(self.n_sources, 'source')}"
            + (f", {_range(self.length_s, 's')} long" if self.length_s else "")
            + "."
        ]
        if self.splits:
            said.append("Parts: " + ", ".join(f"{name} {n}" for name, n in self.splits.items()) + ".")
        if self.labels:
            said.append(
                f"{_counted(len(self.labels), 'class', 'classes')}: "
                + ", ".join(f"{name} {n}" for name, n in self.labels.items())
                + "."
            )
        if self.n_captions:
            said.append(
                f"{_counted(self.n_captions, 'caption')}, {self.n_different_captions} of them different, "
                f"{_range(self.caption_words, 'words')}."
            )
        if not self.says_sources:
            said.append(
                "The manifest names no source: whether one person is in several parts is not known, and "
                "validation cannot be kept apart by person."
            )
        if self.shared_sources:
            shared = [f"{source} ({', '.join(parts)})" for source, parts in self.shared_sources.items()]
            said.append(f"{_counted(len(shared), 'source')} in more than one part: {_some(shared)}.")
        if self.duplicates:
            groups = [" = ".join(group) for group in self.duplicates]
            said.append(f"{_counted(len(groups), 'group')} of clips with the same pixels: {_some(groups)}.")
        if self.duplicates_across_splits:
            said.append(f"In more than one part: {len(self.duplicates_across_splits)} of these groups.")
        if self.without_caption:
            without = _some(self.without_caption)
            said.append(f"{_counted(len(self.without_caption), 'clip')} without a caption: {without}.")
        if self.slower:
            said.append(
                f"{_counted(len(self.slower), 'clip')} with fewer frames per second than were asked for: "
                f"{_some(self.slower)}."
            )
        if self.second_person:
            clips = _some(self.second_person)
            said.append(
                f"In {_counted(len(self.second_person), 'clip')} somebody else could be meant: {clips}."
            )
        if self.damaged:
            damaged = _some([f"{clip} ({how})" for clip, how in self.damaged.items()])
            said.append(f"{_counted(len(self.damaged), 'clip')} damaged or shorter than stated: {damaged}.")
        if self.share_held:
            said.append(
                f"{self.share_held:.1%} of all frames are filled with the nearest one that shows the face."
            )
        return said


def report_on(
    manifest: Manifest, clips: Sequence[tuple[ManifestClip, int, StoredClip]], *, sample_fps: float
) -> PreparationReport:
    """Gather what is to be known.

    Parameters
    ----------
    manifest : Manifest
        As read.
    clips : sequence of (ManifestClip, int, StoredClip)
        Prepared clips, each with its shard and place.
    sample_fps : float
        Frames per second.

    Returns
    -------
    PreparationReport
        The facts.
    """
    only = [clip for clip, _, _ in clips]
    same: dict[str, list[ManifestClip]] = defaultdict(list)
    for clip, _, stored in clips:
        same[stored.sha256].append(clip)
    duplicates = [group for group in same.values() if len(group) > 1]
    parts_of: dict[str, set[str]] = defaultdict(set)
    for clip in only:
        if clip.split is not None:
            parts_of[clip.source].add(clip.split)
    captions = [caption for clip in only for caption in clip.captions]
    stored_frames = sum(stored.n_frames for _, _, stored in clips)
    held = sum(stored.facts.get("n_held", 0) for _, _, stored in clips)
    return PreparationReport(
        n_clips=len(only),
        n_sources=len({clip.source for clip in only}),
        says_sources=manifest.has_sources,
        splits=_counts(clip.split for clip in only if clip.split is not None),
        labels=_counts(" + ".join(clip.labels) for clip in only if clip.labels),
        n_captions=len(captions),
        n_different_captions=len(set(captions)),
        without_caption=[clip.id for clip in only if captions and not clip.captions],
        duplicates=[[clip.id for clip in group] for group in duplicates],
        duplicates_across_splits=[
            [clip.id for clip in group] for group in duplicates if len({clip.split for clip in group}) > 1
        ],
        shared_sources={
            source: sorted(parts) for source, parts in sorted(parts_of.items()) if len(parts) > 1
        },
        length_s=_quantiles([stored.n_frames / sample_fps for _, _, stored in clips]),
        caption_words=_quantiles([len(caption.split()) for caption in captions]),
        share_held=held / stored_frames if stored_frames else 0.0,
        slower=[
            clip.id
            for clip, _, stored in clips
            if stored.facts.get("n_between", 0) > _OFTEN * stored.facts.get("n_grid", 0)
        ],
        second_person=[clip.id for clip, _, stored in clips if stored.facts.get("second_person")],
        damaged={clip.id: "; ".join(d) for clip, _, stored in clips if (d := stored.facts.get("damage"))},
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    least, median, greatest = np.quantile(values, [0.0, 0.5, 1.0])
    return {"least": float(least), "median": float(median), "greatest": float(greatest)}


def _range(quantiles: dict[str, float], unit: str) -> str:
    return (
        f"{quantiles['least']:.3g} to {quantiles['greatest']:.3g} {unit} (median {quantiles['median']:.3g})"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
