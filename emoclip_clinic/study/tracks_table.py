"""tracks.tsv: subject tracks that a person has chosen; such a choice always wins over a rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoclip_clinic.errors import StudyError, suggestions
from emoclip_clinic.study.bids_names import ENTITY_ORDER
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.identifiers import IdentifierKind, clean_label
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording

__all__ = ["TRACKS_COLUMNS", "TrackChoice", "TrackChoices", "read_tracks"]

TRACKS_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated.",
    "session_id": "The visit; n/a if the recording has none.",
    "task": "Label of the task; n/a if the recording has none.",
    "run": "Label of the repetition; n/a if the recording has none.",
    "track": "Number of a face track that shows the participant; one row for each.",
    "scan_key": "The sidecar's key of the scan in which the track has this number; optional.",
    "note": "Anything; optional.",
}
"""Columns of ``tracks.tsv`` and their meaning.

Recordings with further BIDS entities (``acq``, ...) need a column of that name as well.
"""

_NEEDED = ("participant_id", "track")
_IDENTIFIERS: Mapping[str, IdentifierKind] = {
    "participant_id": "participant",
    "session_id": "session",
    "task": "task",
    "run": "run",
}
_ENTITIES = tuple(entity for entity in ENTITY_ORDER if entity not in ("sub", "ses", "task", "run"))

_Identity = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TrackChoice:
    """The tracks chosen for one recording.

    Parameters
    ----------
    tracks : tuple of int
        Their numbers, sorted.
    scan_key : str or None
        The scan in which they have these numbers, if the table says so.
    where : str
        File and lines.
    """

    tracks: tuple[int, ...]
    scan_key: str | None
    where: str

    def check(self, scan_key: str, available: Iterable[int]) -> None:
        """Check that the tracks still are what the person saw.

        Parameters
        ----------
        scan_key : str
            Key of the scan that is at hand.
        available : iterable of int
            Its tracks.

        Raises
        ------
        StudyError
            If the scan is another, or a track does not exist.
        """
        if self.scan_key is not None and self.scan_key != scan_key:
            raise StudyError(
                "Tracks that were chosen by hand must be those of the present scan",
                found=f"scan_key {self.scan_key}, now {scan_key}",
                where=self.where,
                hint="The video or the settings of detection have changed and tracks have new numbers."
                " Look at them again, then correct track and scan_key.",
            )
        there = sorted(set(available))
        absent = [track for track in self.tracks if track not in there]
        if absent:
            raise StudyError(
                "Tracks that were chosen by hand must exist",
                found=", ".join(map(str, absent)),
                where=self.where,
                hint=f"The recording has the tracks {', '.join(map(str, there)) or 'none'}.",
            )


@dataclass(frozen=True)
class TrackChoices:
    """All choices of a study.

    Parameters
    ----------
    choices : mapping
        Identity of a recording to its choice.
    """

    choices: Mapping[_Identity, TrackChoice] = field(default_factory=dict)

    def of(self, recording: Recording) -> TrackChoice | None:
        """Return what was chosen for a recording.

        Parameters
        ----------
        recording : Recording
            The recording.

        Returns
        -------
        TrackChoice or None
            None if a rule decides.
        """
        return self.choices.get(_identity_of(recording))

    def unmatched(self, recordings: Iterable[Recording]) -> tuple[str, ...]:
        """Tell which choices are for no recording, so that a typing error does not pass unseen.

        Parameters
        ----------
        recordings : iterable of Recording
            Recordings of this run. Choices for participants who have none among them are left out: they may
            belong to another run.

        Returns
        -------
        tuple of str
            One sentence each.
        """
        ours = list(recordings)
        known = {_identity_of(one) for one in ours}
        participants = {one.participant_id for one in ours}
        told = []
        for identity, choice in self.choices.items():
            participant = f"sub-{identity[0][1]}"
            if identity not in known and participant in participants:
                keys = ", ".join(one.key for one in ours if one.participant_id == participant)
                asked = "_".join(f"{name}-{label}" for name, label in identity)
                told.append(f"{choice.where}: no recording is {asked}; this participant has {keys}.")
        return tuple(told)


def read_tracks(study: Study) -> TrackChoices:
    """Read ``tracks.tsv``.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    TrackChoices
        None of them if the study has no such table.

    Raises
    ------
    StudyError
        If a column is unknown or missing, or rows are not valid. All bad rows are reported together.
    """
    path = study.tracks_tsv
    if not path.exists():
        return TrackChoices()
    table = read_tsv(path)
    allowed = (*TRACKS_COLUMNS, *_ENTITIES)
    unknown = [column for column in table.columns if column not in allowed]
    missing = [column for column in _NEEDED if column not in table.columns]
    if unknown or missing:
        raise StudyError(
            f"tracks.tsv must have the columns {' and '.join(_NEEDED)}, and only known ones",
            found="; ".join([*(f"no {name}" for name in missing), *map(repr, unknown)]),
            where=path,
            hint=suggestions(unknown, allowed) or None,
        )
    problems: list[str] = []
    rows: dict[_Identity, dict[int, int]] = {}
    scans: dict[_Identity, str | None] = {}
    for line, cells in zip(table.lines, table.rows, strict=True):
        read = _read_row(cells)
        if not isinstance(read, tuple):
            problems += [f"line {line}: {problem}" for problem in read]
            continue
        identity, track = read
        lines = rows.setdefault(identity, {})
        if track in lines:
            problems.append(
                f"line {line}: track {track} of this recording stands in line {lines[track]} already"
            )
        elif lines and scans[identity] != cells.get("scan_key"):
            problems.append(f"line {line}: scan_key differs from that of line {next(iter(lines.values()))}")
        lines.setdefault(track, line)
        scans.setdefault(identity, cells.get("scan_key"))
    if problems:
        raise StudyError(
            "Every row of tracks.tsv must be valid",
            found=problems,
            where=path,
            hint="Correct these lines (the header is line 1) and run again.",
        )
    return TrackChoices(
        {
            identity: TrackChoice(tuple(sorted(lines)), scans[identity], _where(path, lines.values()))
            for identity, lines in rows.items()
        }
    )


def _read_row(cells: Mapping[str, str | None]) -> tuple[_Identity, int] | list[str]:
    problems = [f"{column} is missing" for column in _NEEDED if cells[column] is None]
    identity: list[tuple[str, str]] = []
    for column, kind in _IDENTIFIERS.items():
        text = cells.get(column)
        if text is not None:
            try:
                identity.append((kind, clean_label(text, kind=kind)))
            except StudyError as error:
                problems.append(f"{error.rule} (found: {error.found})")
    identity += [(entity, text) for entity in _ENTITIES if (text := cells.get(entity)) is not None]
    track = cells["track"]
    if track is not None and not track.isdecimal():
        problems.append(f"track must be a whole number from 0 on (found: {track!r})")
    return problems or (tuple(identity), int(track or 0))


def _identity_of(recording: Recording) -> _Identity:
    labels = (
        ("participant", recording.participant_id.removeprefix("sub-")),
        ("session", recording.session_id and recording.session_id.removeprefix("ses-")),
        ("task", recording.task),
        ("run", recording.run),
    )
    return (*((kind, label) for kind, label in labels if label), *recording.entities)


def _where(path: Path, lines: Iterable[int]) -> str:
    return f"{path}, line {', '.join(map(str, sorted(lines)))}"
