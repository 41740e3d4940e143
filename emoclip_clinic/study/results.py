"""Loading results: segment and frame embeddings of a study as data frames.

Whoever reads results needs nothing but the study's folder. A result exists if and only if its sidecar does.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from emoclip_clinic.errors import SettingsError, StudyError, did_you_mean
from emoclip_clinic.study.formats import TableKind
from emoclip_clinic.study.identifiers import clean_label, suggest_identifiers
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.sidecar import Sidecar, read_sidecar
from emoclip_clinic.study.stored_rows import StoredTable, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FrameStatus",
    "Result",
    "SegmentStatus",
    "check_alike",
    "iter_frames",
    "iter_segments",
    "list_results",
    "load_frames",
    "load_segments",
    "load_tracks",
    "read_sidecar",
]

_log = logging.getLogger(__name__)

SegmentStatus = Literal["ok", "rejected"]
FrameStatus = Literal["ok", "no-face", "missing"]

# Settings that may differ between results that are used together: they choose the person, or only flag.
_MAY_DIFFER = frozenset({"subject_rule", "min_margin", "device", "batch_size", "thumbnails"})


@dataclass(frozen=True)
class Result:
    """A result: its sidecar and where it is.

    Parameters
    ----------
    path : Path
        The sidecar's path.
    sidecar : Sidecar
        Its content.
    """

    path: Path
    sidecar: Sidecar


def list_results(
    study: Study | Path | str, *, participants: Sequence[str] | None = None
) -> tuple[Result, ...]:
    """List the results of a study.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    participants : sequence of str, optional
        Only these, as ``sub-01`` or ``01``.

    Returns
    -------
    tuple of Result
        Sorted by path; none if nothing was extracted.

    Raises
    ------
    StudyError
        If the study is no folder, or a participant has no result.
    FormatError
        If a sidecar cannot be read.
    """
    place = Study.of(study)
    paths = place.sidecar_paths()
    if participants is not None:
        there = {path.relative_to(place.derivatives).parts[0] for path in paths}
        wanted = {f"sub-{clean_label(one, kind='participant')}" for one in participants}
        for one in sorted(wanted - there):
            raise StudyError(
                "Every participant must have a result",
                found=one,
                where=place.root,
                hint=suggest_identifiers(one, there),
            )
        paths = tuple(path for path in paths if path.relative_to(place.derivatives).parts[0] in wanted)
    return tuple(Result(path, read_sidecar(path)) for path in paths)


def load_segments(
    study: Study | Path | str,
    *,
    status: SegmentStatus | None = "ok",
    participants: Sequence[str] | None = None,
    embeddings: bool = True,
    allow_mixed: bool = False,
) -> "pd.DataFrame":
    """Load the segment embeddings of a study.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    status : {"ok", "rejected"} or None
        Only segments of this status; None for all.
    participants : sequence of str, optional
        Only these, as ``sub-01`` or ``01``.
    embeddings : bool
        Whether to load the embedding.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    pandas.DataFrame
        One row per segment: participant_id, session_id, task, run, segment, times in seconds, coverage,
        status and reason, then the embedding ``e000`` onwards, float32.

    Raises
    ------
    StudyError
        If there is no result, or results differ in weights or settings; the message lists who differs.
    FormatError
        If a file is damaged; the message names the command that rebuilds it.

    Examples
    --------
    The coverage of each session, over rejected segments too, in a study of two participants without
    sessions (`study` is its folder; pandas leaves out groups without a name unless told not to):

    >>> segments = load_segments(study, status=None, embeddings=False)
    >>> per_session = segments.groupby(["participant_id", "session_id"], dropna=False)["coverage"].mean()
    >>> [(person, round(mean, 3)) for (person, _), mean in per_session.items()]
    [('sub-01', 0.833), ('sub-02', 0.833)]
    """
    return _load(study, "segments", status, participants, embeddings, allow_mixed)


def load_frames(
    study: Study | Path | str,
    *,
    status: FrameStatus | None = None,
    participants: Sequence[str] | None = None,
    embeddings: bool = True,
    allow_mixed: bool = False,
) -> "pd.DataFrame":
    """Load the sampled frames of a study: time, box, quality and frame embedding of the subject's face.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    status : {"ok", "no-face", "missing"} or None
        Only frames of this status; None for all.
    participants : sequence of str, optional
        Only these, as ``sub-01`` or ``01``.
    embeddings : bool
        Whether to load the embedding (2 kB per frame).
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    pandas.DataFrame
        One row per sampled frame. Embeddings are float32, whatever the type on the disk, and NaN without a
        face.

    Raises
    ------
    StudyError
        If there is no result, or results differ in weights or settings; the message lists who differs.
    FormatError
        If a file is damaged; the message names the command that rebuilds it.

    Examples
    --------
    How long a face was seen (`study` is the folder of a study sampled 5 times a second):

    >>> frames = load_frames(study, participants=["01"], embeddings=False)
    >>> float((frames["status"] == "ok").sum() / 5)
    2.0
    """
    return _load(study, "frames", status, participants, embeddings, allow_mixed)


def load_tracks(
    study: Study | Path | str, *, participants: Sequence[str] | None = None, allow_mixed: bool = False
) -> "pd.DataFrame":
    """Load all face tracks of a study: every face, not the subject's alone.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    participants : sequence of str, optional
        Only these, as ``sub-01`` or ``01``.
    allow_mixed : bool
        Whether results may come from different weights or settings.

    Returns
    -------
    pandas.DataFrame
        One row per track and grid point.

    Raises
    ------
    StudyError
        If there is no result, or results differ in weights or settings; the message lists who differs.
    FormatError
        If a file is damaged; the message names the command that rebuilds it.
    """
    return _load(study, "tracks", None, participants, False, allow_mixed)


def iter_segments(
    study: Study | Path | str,
    *,
    status: SegmentStatus | None = "ok",
    participants: Sequence[str] | None = None,
    embeddings: bool = True,
    allow_mixed: bool = False,
) -> "Iterator[pd.DataFrame]":
    """Load segment embeddings one recording at a time, for studies that do not fit into memory.

    Parameters and errors are those of :func:`load_segments`; errors about the whole study come before the
    first recording.

    Yields
    ------
    pandas.DataFrame
        Segments of one recording, possibly none.
    """
    yield from _iterate(study, "segments", status, participants, embeddings, allow_mixed)


def iter_frames(
    study: Study | Path | str,
    *,
    status: FrameStatus | None = None,
    participants: Sequence[str] | None = None,
    embeddings: bool = True,
    allow_mixed: bool = False,
) -> "Iterator[pd.DataFrame]":
    """Load sampled frames one recording at a time.

    Parameters and errors are those of :func:`load_frames`; errors about the whole study come before the first
    recording.

    Yields
    ------
    pandas.DataFrame
        Sampled frames of one recording.
    """
    yield from _iterate(study, "frames", status, participants, embeddings, allow_mixed)


def check_alike(results: Sequence[Result]) -> None:
    """Check that results can be used together: same weights, same settings.

    The subject rule may differ, because it is chosen per recording, and so may settings that change no
    number. Results computed at another precision of arithmetic (CPU and GPU under ``auto``) are told by a
    warning only.

    Parameters
    ----------
    results : sequence of Result
        The results.

    Raises
    ------
    StudyError
        If they differ; the message lists in what and who.
    """
    facts: dict[str, Callable[[Sidecar], object]] = {
        "weights": lambda s: f"{s.weights.name} ({s.weights.sha256[:8]})",
        "sample_fps": lambda s: s.decode.sample_fps,
    }
    names = sorted(
        {name for one in results for name in one.sidecar.settings} - _MAY_DIFFER - {"sample_fps", "model"}
    )
    facts |= {name: partial(_setting, name) for name in names}
    differences = [text for name, fact in facts.items() if (text := _difference(name, fact, results))]
    if differences:
        raise StudyError(
            "Results that are used together must come from the same weights and settings",
            found=differences,
            hint="Run `emoclip-clinic extract` once more over all recordings, or pass allow_mixed=True"
            " if you know what you do.",
        )
    precision = _difference("precision", lambda s: s.hardware.get("precision"), results)
    if precision:
        _log.warning("Results were computed at different precision: %s", precision)


def _setting(name: str, sidecar: Sidecar) -> object:
    return sidecar.settings.get(name)


def _difference(name: str, fact: Callable[[Sidecar], object], results: Sequence[Result]) -> str | None:
    who: dict[str, list[str]] = defaultdict(list)
    for one in results:
        value = fact(one.sidecar)
        who[f"{value:g}" if isinstance(value, float) else str(value)].append(one.sidecar.recording.key)
    if len(who) < 2:
        return None
    groups = sorted(who.items(), key=lambda group: -len(group[1]))
    return f"{name}: " + "; ".join(f"{value} in {_some(keys)}" for value, keys in groups)


def _some(keys: Sequence[str], most: int = 5) -> str:
    rest = len(keys) - most
    return ", ".join(keys[:most]) + (f" and {rest} more" if rest > 0 else "")


def _chosen(
    study: Study | Path | str,
    status: str | None,
    participants: Sequence[str] | None,
    *,
    kind: TableKind,
    mixed: bool,
) -> tuple[Result, ...]:
    allowed = get_args(FrameStatus if kind == "frames" else SegmentStatus)
    if status is not None and status not in allowed:
        raise SettingsError(
            f"The status must be one of {', '.join(allowed)}, or None",
            found=repr(status),
            hint=did_you_mean(str(status), allowed),
        )
    results = list_results(study, participants=participants)
    if not results:
        raise StudyError(
            "The study must have results",
            found="no sidecar in derivatives/emoclip-clinic",
            where=Study.of(study).root,
            hint="Run `emoclip-clinic extract` first.",
        )
    if not mixed:
        check_alike(results)
    random = [one.sidecar.recording.key for one in results if one.sidecar.weights.kind == "random"]
    if random and kind != "tracks":
        _log.warning("Embeddings of random weights mean nothing; they are those of %s", _some(random))
    return results


def _iterate(
    study: Study | Path | str,
    kind: TableKind,
    status: str | None,
    participants: Sequence[str] | None,
    embeddings: bool,
    mixed: bool,
) -> "Iterator[pd.DataFrame]":
    for one in _chosen(study, status, participants, kind=kind, mixed=mixed):
        yield rows_of([_stored(one, kind)], kind, status=status, embeddings=embeddings)


def _load(
    study: Study | Path | str,
    kind: TableKind,
    status: str | None,
    participants: Sequence[str] | None,
    embeddings: bool,
    mixed: bool,
) -> "pd.DataFrame":
    results = _chosen(study, status, participants, kind=kind, mixed=mixed)
    return rows_of([_stored(one, kind) for one in results], kind, status=status, embeddings=embeddings)


def _stored(one: Result, kind: TableKind) -> StoredTable:
    return StoredTable(one.sidecar.table_path(one.path, kind), one.sidecar.tables[kind])
