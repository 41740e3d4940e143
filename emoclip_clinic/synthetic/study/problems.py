"""Things that are wrong with a study on purpose, so that one can see how each is reported."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import ratings_path
from emoclip_clinic.study.scales import Scale
from emoclip_clinic.synthetic.study.recordings import StudyRecording

__all__ = ["KNOWN_PROBLEMS", "Problem", "add_problems"]

KNOWN_PROBLEMS: dict[str, str] = {
    "truncated-video": "A video file that ends in the middle.",
    "missing-ratings": "A session with a video and without any rating.",
    "no-video": "Ratings of a participant of whom there is no video.",
    "cell-out-of-range": "A rating above the item's maximum.",
    "video-twice": "The same video under two participants.",
    "interviewer-in-front": "A recording in which the interviewer is larger than the participant.",
}
"""What `add_problems` does to a study."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        One of :data:`KNOWN_PROBLEMS`.
    where : str
        File, and session or cell.
    """

    kind: str
    where: str


def add_problems(study: Study, recordings: Sequence[StudyRecording], scale: Scale) -> tuple[Problem, ...]:
    """Spoil a study; all but the recording with the interviewer in front, which is drawn so from the start.

    Parameters
    ----------
    study : Study
        A synthetic study with its videos.
    recordings : sequence of StudyRecording
        Its recordings.
    scale : Scale
        Scale in whose ratings cells are spoilt.

    Returns
    -------
    tuple of Problem
        What was done.

    Raises
    ------
    StudyError
        If the study is too small for all of them.
    """
    first = [one for one in recordings if one.session_id == "ses-1"]
    if len(first) < 6:
        raise StudyError("A study with problems needs at least 6 participants", found=str(len(first)))
    done = [_truncate(study, first[0])]
    done.append(_copy_video(study, first[1], first[5]))
    table = ratings_path(study, scale)
    header, *rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    without = first[4]
    rows = [row for row in rows if row[:2] != [without.participant_id, without.session_id]]
    done.append(Problem("missing-ratings", f"{without.participant_id} {without.session_id}"))
    item = scale.items[0]
    row = next(number for number, cells in enumerate(rows) if cells[0] == first[2].participant_id)
    rows[row][header.index(item.id)] = f"{item.max + 2:g}"
    done.append(Problem("cell-out-of-range", f"{table.name}, {rows[row][0]}, {item.id}"))
    stranger = f"sub-{len(first) + 1:0{len(first[0].participant_id) - 4}d}"
    rows.append([stranger, "ses-1", *rows[-1][2:]])
    done.append(Problem("no-video", stranger))
    text = "".join("\t".join(cells) + "\n" for cells in (header, *rows))
    write_bytes(table, text.encode())
    done += [
        Problem("interviewer-in-front", f"{one.participant_id} {one.session_id}")
        for one in recordings
        if one.interviewer_in_front
    ]
    return tuple(done)


def _truncate(study: Study, recording: StudyRecording) -> Problem:
    path = study.root / recording.path
    whole = path.read_bytes()
    write_bytes(path, whole[: len(whole) // 2])
    return Problem("truncated-video", recording.path)


def _copy_video(study: Study, source: StudyRecording, target: StudyRecording) -> Problem:
    copied = study.root / source.path
    wrong = (study.root / target.path).with_suffix(copied.suffix)
    unfinished = Path(f"{wrong}.part")
    shutil.copyfile(copied, unfinished)
    (study.root / target.path).unlink()
    unfinished.replace(wrong)
    return Problem("video-twice", f"{source.path} and {study.shown(wrong)}")
