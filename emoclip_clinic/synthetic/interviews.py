"""Write a small study of generated interviews, for a first run and for tests: drawn people who talk."""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.synthetic.clips import write_clip
from emoclip_clinic.synthetic.faces import Expression, Person, draw_background, draw_face

__all__ = ["GeneratedInterview", "interview_frames", "write_interviews"]

_GROUP = "generated"  # of every participant; it tells a generated study from a real one
RGBImage = NDArray[np.uint8]


@dataclass(frozen=True)
class GeneratedInterview:
    """What one generated interview shows.

    Attributes
    ----------
    path : Path
        The video file.
    participant_id, session_id : str
        As in the file's name: ``sub-01``, ``ses-1``.
    liveliness : float
        How much the participant's face moves, 0 to 1; constant within a session.
    has_interviewer : bool
        Whether a second, smaller person is in the picture, at its right side.
    """

    path: Path
    participant_id: str
    session_id: str
    liveliness: float
    has_interviewer: bool


def interview_frames(
    person: Person,
    *,
    seconds: float,
    fps: float = 25.0,
    width: int = 640,
    height: int = 360,
    liveliness: float = 0.5,
    interviewer: Person | None = None,
    seed: int = 0,
) -> Iterator[RGBImage]:
    """Draw the frames of one interview, one at a time.

    Parameters
    ----------
    person : Person
        The participant, large and left of the middle.
    seconds : float
        Length in seconds.
    fps : float
        Frames per second.
    width, height : int
        Size in pixels.
    liveliness : float
        How much mouth, brows and head move, 0 to 1.
    interviewer : Person, optional
        A second person, smaller, at the right side, turned to the participant.
    seed : int
        Not negative; room and movements.

    Yields
    ------
    ndarray of shape (height, width, 3), uint8
        RGB frames.
    """
    rng = np.random.default_rng([seed, 0x1A7E])
    room = draw_background(width=width, height=height, seed=seed)
    movement = _Movement.random(rng, liveliness)
    answer = _Movement.random(rng, 0.6)
    for k in range(max(1, round(seconds * fps))):
        t_s = k / fps
        image = room
        if interviewer is not None:
            x, y = answer.place(t_s)
            image = draw_face(
                image,
                interviewer,
                centre_px=(0.86 * width + x * height, 0.46 * height + y * height),
                height_px=0.30 * height,
                # One person talks at a time.
                expression=replace(answer.expression(t_s), mouth_open=answer.mouth(t_s) * _listens(t_s)),
                yaw_deg=-18.0 + answer.yaw_deg(t_s),
            )
        x, y = movement.place(t_s)
        talks = 1.0 if interviewer is None else 1.0 - _listens(t_s)
        yield draw_face(
            image,
            person,
            centre_px=(0.40 * width + x * height, 0.46 * height + y * height),
            height_px=0.55 * height,
            expression=replace(movement.expression(t_s), mouth_open=movement.mouth(t_s) * talks),
            yaw_deg=movement.yaw_deg(t_s),
        )


def write_interviews(
    study: Path, *, participants: int = 3, seconds: float = 12.0, sessions: int = 2, seed: int = 0
) -> tuple[GeneratedInterview, ...]:
    """Write a study folder of generated interviews: BIDS-named videos and ``participants.tsv``.

    The last participant's first session shows an interviewer beside the participant.

    Parameters
    ----------
    study : Path
        The study's folder; made if absent. Generated files are replaced, others never.
    participants : int
        Number of participants.
    seconds : float
        Length of each interview in seconds.
    sessions : int
        Sessions of each participant.
    seed : int
        Not negative; another seed gives other people, rooms and movements.

    Returns
    -------
    tuple of GeneratedInterview
        What each file shows.

    Raises
    ------
    StudyError
        If a number is not positive, the folder holds files of the same names that were not generated, or it
        cannot be written.
    """
    if participants < 1 or sessions < 1 or seconds <= 0:
        raise StudyError(
            "A generated study needs at least one participant, one session and some seconds",
            found=f"{participants} participants, {sessions} sessions, {seconds} s",
        )
    planned = _planned(study, participants, sessions)
    _check_nothing_of_others(study, planned)
    table = [("participant_id", "age", "sex", "group")]
    for p, participant_id in enumerate(dict.fromkeys(one.participant_id for one in planned)):
        rng = np.random.default_rng([seed, p])
        table.append((participant_id, str(rng.integers(19, 65)), "FM"[int(rng.integers(2))], _GROUP))
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(table)
    try:
        study.mkdir(parents=True, exist_ok=True)
        # Before the videos, so that a run that was interrupted knows its own folder.
        write_bytes(study / "participants.tsv", text.getvalue().encode())
        for k, one in enumerate(planned):
            p, s = divmod(k, sessions)
            one.path.parent.mkdir(parents=True, exist_ok=True)
            write_clip(
                one.path,
                interview_frames(
                    Person.from_seed(12 * seed + p),
                    seconds=seconds,
                    liveliness=one.liveliness,
                    interviewer=Person.from_seed(12 * seed + p + 5) if one.has_interviewer else None,
                    seed=1000 * seed + 10 * p + s,
                ),
                fps=25,
            )
    except OSError as error:
        raise StudyError(
            "The study's folder must be writable",
            found=str(error),
            where=study,
            hint="Choose another folder.",
        ) from error
    return planned


def _planned(study: Path, participants: int, sessions: int) -> tuple[GeneratedInterview, ...]:
    """The interviews to write, by participant and session."""
    digits = max(2, len(str(participants)))
    planned = []
    for p in range(participants):
        participant_id = f"sub-{p + 1:0{digits}d}"
        base = (p + 0.5) / participants
        for s in range(sessions):
            session_id = f"ses-{s + 1}"
            name = f"{participant_id}_{session_id}_task-interview_beh.mp4"
            planned.append(
                GeneratedInterview(
                    path=study / "interviews" / participant_id / session_id / name,
                    participant_id=participant_id,
                    session_id=session_id,
                    liveliness=float(np.clip(base + 0.15 * (s - (sessions - 1) / 2), 0.0, 1.0)),
                    has_interviewer=p == participants - 1 and s == 0,
                )
            )
    return tuple(planned)


def _check_nothing_of_others(study: Path, planned: Iterable[GeneratedInterview]) -> None:
    """Refuse to write over files that an earlier call did not write."""
    table = study / "participants.tsv"
    generated = _generated_participants(table)
    taken = [str(table)] if table.exists() and not generated else []
    taken += [str(one.path) for one in planned if one.path.exists() and one.participant_id not in generated]
    if taken:
        raise StudyError(
            "Generated interviews must not replace files that were not generated",
            found=taken,
            hint="Choose another folder. Nothing has been written.",
        )


def _generated_participants(table: Path) -> frozenset[str]:
    """Participants of a table that an earlier call wrote; none if it is somebody else's."""
    if not table.is_file():
        return frozenset()
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if any(row.get("group") != _GROUP for row in rows):
        return frozenset()
    return frozenset(row.get("participant_id") or "" for row in rows)


def _listens(t_s: float) -> float:
    """1 while the interviewer talks, 0 while the participant does: turns of 4 s with soft ends."""
    return 0.5 + 0.5 * math.tanh(6 * math.cos(2 * math.pi * t_s / 8.0))


@dataclass(frozen=True)
class _Movement:
    """Smooth movements as sums of slow sine waves, with blinks."""

    liveliness: float
    speeds_hz: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, liveliness: float) -> "_Movement":
        """Draw speeds and phases."""
        return cls(liveliness, rng.uniform(0.7, 1.3, 8), rng.uniform(0, 2 * math.pi, 8))

    def wave(self, k: int, hz: float, t_s: float) -> float:
        """The k-th wave, -1 to 1."""
        return math.sin(2 * math.pi * hz * float(self.speeds_hz[k]) * t_s + float(self.phases[k]))

    def place(self, t_s: float) -> tuple[float, float]:
        """Displacement of the head as shares of the image's height."""
        far = 0.01 + 0.03 * self.liveliness
        return far * self.wave(0, 0.13, t_s), 0.5 * far * self.wave(1, 0.21, t_s)

    def yaw_deg(self, t_s: float) -> float:
        """Turn of the head."""
        return (3 + 12 * self.liveliness) * self.wave(2, 0.10, t_s)

    def mouth(self, t_s: float) -> float:
        """Opening of a talking mouth, 0 to 1."""
        syllables = 0.5 + 0.5 * self.wave(3, 3.1, t_s) * self.wave(4, 0.7, t_s)
        return (0.15 + 0.7 * self.liveliness) * syllables

    def expression(self, t_s: float) -> Expression:
        """Smile, brows and blinks."""
        blink = max(0.0, 1.0 - abs((t_s + float(self.phases[5])) % 3.4 - 0.15) / 0.12)
        return Expression(
            smile=self.liveliness * (0.2 + 0.8 * self.wave(6, 0.08, t_s)),
            brow_raise=self.liveliness * self.wave(7, 0.25, t_s),
            eyes_closed=blink,
        )
