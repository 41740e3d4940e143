"""Which videos a study has and whom they show, without guessing.

Three ways to say it, in this order of precedence: ``recordings.tsv``, BIDS-style names at any depth, and a
pattern with named groups. A video that none of them identifies is listed as unassigned with the reason.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emoclip_clinic.errors import SettingsError, StudyError, did_you_mean
from emoclip_clinic.study.bids_names import ENTITY_ORDER, NameProblem, parse_bids_name
from emoclip_clinic.study.identifiers import check_identifiers, clean_label, plain_original
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings_table import TableRow, read_recordings_table
from emoclip_clinic.study.settings import SubjectRule
from emoclip_clinic.study.video_files import VideoFile, find_video_files

__all__ = ["PATTERN_GROUPS", "Recording", "Recordings", "Unassigned", "find_recordings"]

PATTERN_GROUPS = ("participant", "session", "task", "run")
"""Names of groups that a pattern may have; ``participant`` is needed."""

_MAX_KEY = 180  # with our endings and a temporary name still below the 255 bytes of a file name


@dataclass(frozen=True)
class Recording:
    """One video, or a part of one, of one session of one participant.

    Parameters
    ----------
    path : Path
        Absolute path of the video.
    participant_id : str
        ``sub-<label>``.
    session_id : str or None
        ``ses-<label>``.
    task, run : str or None
        Bare labels.
    start_s, end_s : float or None
        The part of the video that is meant, in seconds.
    rotation_deg : int or None
        Clockwise rotation (0, 90, 180, 270) to apply instead of the file's own.
    subject_rule : str or None
        Rule for the subject track of this recording.
    source : {"table", "bids", "pattern"}
        How the identity was said.
    participant_original, session_original : str or None
        Identifiers as written, without prefix.
    entities : tuple of (str, str)
        Further BIDS entities of the name, such as ``("acq", "left")``.
    line : int or None
        Line of ``recordings.tsv``.
    """

    path: Path
    participant_id: str
    session_id: str | None
    task: str | None
    run: str | None
    start_s: float | None
    end_s: float | None
    rotation_deg: int | None
    subject_rule: SubjectRule | None
    source: Literal["table", "bids", "pattern"]
    participant_original: str
    session_original: str | None
    entities: tuple[tuple[str, str], ...] = field(default=())
    line: int | None = None

    @property
    def key(self) -> str:
        """Name of the recording in files, as ``sub-01_ses-1_task-interview_run-1``; unique in a study."""
        named = [(e, v) for e, v in (("task", self.task), ("run", self.run)) if v is not None]
        ordered = sorted([*named, *self.entities], key=lambda pair: (_rank(pair[0]), pair[0]))
        parts = [self.participant_id, *([self.session_id] if self.session_id else [])]
        return "_".join([*parts, *(f"{entity}-{label}" for entity, label in ordered)])


@dataclass(frozen=True)
class Unassigned:
    """A video, or a place where videos may be, without a known participant.

    Parameters
    ----------
    path : Path
        Absolute path.
    reason : str
        Why, as a sentence.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class Recordings:
    """What was found.

    Parameters
    ----------
    recordings : tuple of Recording
        Sorted by key; keys differ.
    unassigned : tuple of Unassigned
        Sorted by path.
    """

    recordings: tuple[Recording, ...]
    unassigned: tuple[Unassigned, ...]


def find_recordings(paths: Sequence[Path], *, study: Study, pattern: str | None = None) -> Recordings:
    r"""Find the recordings at and below some paths, and whom they show.

    Rows of ``recordings.tsv`` take part if their video is at or below a path; all of them if a path is the
    study's folder, the table itself, or no path is given. Paths inside the table start at the study, the
    others at the working directory. A video that the table names is known only through the table. A name
    that contradicts its folders makes the video unassigned. If a name states no BIDS entity at all, the
    pattern speaks before the folders ``sub-XX`` and ``ses-YY``.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders; the study's folder if empty.
    study : Study
        The study.
    pattern : str, optional
        Regular expression with the named group ``participant`` and optionally ``session``, ``task`` and
        ``run``. It is searched in the path from the study, written with forward slashes; outside of the
        study, in the name and the three folders above it.

    Returns
    -------
    Recordings
        Recordings and unassigned videos.

    Raises
    ------
    StudyError
        If a path does not exist, the table is not valid or names an absent video, two recordings have the
        same identity, or two identifiers become the same label.
    SettingsError
        If the pattern is not valid.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "P-01_intake.mp4").touch()
    >>> pattern = r"(?P<participant>P-\d+)_(?P<session>[a-z]+)"
    >>> found = find_recordings([folder], study=Study(folder), pattern=pattern)
    >>> [recording.key for recording in found.recordings]
    ['sub-P01_ses-intake']
    """
    expression = None if pattern is None else _compile(pattern)
    selected = [Path(os.path.abspath(path)) for path in paths] or [study.root]
    whole = any(path in (study.root, study.recordings_tsv) for path in selected)
    files = find_video_files([path for path in selected if path != study.recordings_tsv], study=study)
    table = read_recordings_table(study)
    met = {os.path.realpath(file.path) for file in files}
    chosen = [
        row for row in table if whole or os.path.realpath(row.path) in met or _is_below(row.path, selected)
    ]
    _check_present(chosen, study)

    recordings = [_from_table(row) for row in chosen]
    unassigned: list[Unassigned] = []
    listed = {os.path.realpath(row.path) for row in table}
    by_content: dict[tuple[str, str], Path] = {}
    for file in files:
        if os.path.realpath(file.path) in listed:
            continue
        one = _identify(file, expression, tabled=bool(table))
        if isinstance(one, Unassigned):
            unassigned.append(one)
        elif by_content.setdefault((os.path.realpath(one.path), one.key), one.path) == one.path:
            recordings.append(one)  # the same file reached through two links counts once
    _check_unique(recordings, study)
    check_identifiers(study, recordings)
    known = {os.path.realpath(one.path) for one in recordings}
    return Recordings(
        tuple(sorted(recordings, key=lambda one: one.key)),
        tuple(one for one in unassigned if os.path.realpath(one.path) not in known),
    )


def _rank(entity: str) -> int:
    return ENTITY_ORDER.index(entity) if entity in ENTITY_ORDER else len(ENTITY_ORDER)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(unicodedata.normalize("NFC", pattern))
    except re.error as error:
        raise SettingsError(
            "The pattern must be a regular expression",
            found=f"{pattern!r} ({error})",
            where="--pattern",
            hint=r"For example: '(?P<participant>P\d+)_(?P<session>visit\d)', with its quotes.",
        ) from error
    for group in expression.groupindex:
        if group not in PATTERN_GROUPS:
            raise SettingsError(
                "Groups of the pattern may be named " + ", ".join(PATTERN_GROUPS),
                found=group,
                where="--pattern",
                hint=did_you_mean(group, PATTERN_GROUPS),
            )
    if "participant" not in expression.groupindex:
        raise SettingsError(
            "The pattern must have a group named participant",
            found=pattern,
            where="--pattern",
            hint="For example: (?P<participant>[A-Z]+[0-9]+)_(?P<session>[0-9]+)",
        )
    return expression


def _is_below(path: Path, selected: Sequence[Path]) -> bool:
    real = Path(os.path.realpath(path))
    return any(path.is_relative_to(one) or real.is_relative_to(os.path.realpath(one)) for one in selected)


def _check_present(rows: Sequence[TableRow], study: Study) -> None:
    absent = [f"line {row.line}: {row.path}" for row in rows if not row.present]
    absent += [f"line {row.line}: {row.path} is a folder" for row in rows if row.path.is_dir()]
    if absent:
        raise StudyError(
            "Every row of recordings.tsv must name a video file that is there",
            found=absent,
            where=study.recordings_tsv,
            hint="Correct the paths (relative ones start at the study), or name on the command line only the"
            " videos that are there.",
        )


def _from_table(row: TableRow) -> Recording:
    return _recording(
        row.path,
        (row.participant, row.session, row.task, row.run),
        source="table",
        part=(row.start_s, row.end_s),
        rotation_deg=row.rotation_deg,
        subject_rule=row.subject_rule,
        line=row.line,
    )


def _identify(file: VideoFile, expression: re.Pattern[str] | None, *, tabled: bool) -> Recording | Unassigned:
    if file.problem is not None:
        return Unassigned(file.path, f"{file.problem[0].upper()}{file.problem[1:]}.")
    name = parse_bids_name(file.relative.parts[:-1], file.path.stem)
    groups = None
    if expression is not None and (
        name.own is False if not isinstance(name, NameProblem) else not name.contradiction
    ):
        match = expression.search(unicodedata.normalize("NFC", file.relative.as_posix()))
        groups = match.groupdict() if match is not None and match["participant"] else None
    try:
        if groups is not None:
            session, task, run = (groups.get(group) or None for group in PATTERN_GROUPS[1:])
            said = (groups["participant"], session, task, run)
            return _recording(file.path, said, source="pattern")
        if not isinstance(name, NameProblem):
            said = (name.participant, name.session, name.task, name.run)
            return _recording(file.path, said, source="bids", entities=name.others)
    except StudyError as error:
        return Unassigned(file.path, f"{error.rule} (found: {error.found}).")
    reasons = [*(["recordings.tsv does not list it"] if tabled else []), name.reason]
    if expression is not None and not name.contradiction:
        reasons.append(f"the pattern does not match {file.relative.as_posix()}")
    reason = "; ".join(reasons)
    return Unassigned(file.path, f"{reason[0].upper()}{reason[1:]}.")


def _recording(
    path: Path,
    said: tuple[str, str | None, str | None, str | None],
    *,
    source: Literal["table", "bids", "pattern"],
    part: tuple[float | None, float | None] = (None, None),
    rotation_deg: int | None = None,
    subject_rule: SubjectRule | None = None,
    entities: tuple[tuple[str, str], ...] = (),
    line: int | None = None,
) -> Recording:
    participant, session, task, run = said
    one = Recording(
        path=path,
        participant_id=f"sub-{clean_label(participant, kind='participant')}",
        session_id=None if session is None else f"ses-{clean_label(session, kind='session')}",
        task=None if task is None else clean_label(task, kind="task"),
        run=None if run is None else clean_label(run, kind="run"),
        start_s=part[0],
        end_s=part[1],
        rotation_deg=rotation_deg,
        subject_rule=subject_rule,
        source=source,
        participant_original=plain_original(participant, kind="participant"),
        session_original=None if session is None else plain_original(session, kind="session"),
        entities=entities,
        line=line,
    )
    if len(one.key) > _MAX_KEY:
        raise StudyError(
            f"The name of a recording must have at most {_MAX_KEY} characters",
            found=f"{len(one.key)} in {one.key}",
            where=path,
            hint="Shorten identifiers in recordings.tsv.",
        )
    return one


def _check_unique(recordings: Iterable[Recording], study: Study) -> None:
    same: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        same[one.key.casefold()].append(one)  # file names differ by letter case only on some disks
    clashes = [
        f"{ones[0].key}: " + " and ".join(_shown(one, study) for one in ones)
        for ones in same.values()
        if len(ones) > 1
    ]
    if clashes:
        raise StudyError(
            "Two recordings must not have the same identity",
            found=sorted(clashes),
            where=study.root,
            hint="Tell them apart by session, task or run: in recordings.tsv, or in their names. Nothing has"
            " been done yet.",
        )


def _shown(one: Recording, study: Study) -> str:
    place = "" if one.line is None else f" (line {one.line} of recordings.tsv)"
    return f"{study.shown(one.path)}{place}"
