"""Which videos a synthetic study has, how each is filmed, and how one is drawn and encoded."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.clips import write_clip
from emoclip_clinic.synthetic.cohort import FACIAL, Cohort
from emoclip_clinic.synthetic.rendering import Camera, Identity, Light, Scene
from emoclip_clinic.synthetic.rendering.staging import Seat, face_boxes, stage
from emoclip_clinic.synthetic.study.behaviour import behave, behaviour_of, listen

__all__ = [
    "StudyRecording",
    "drawn_frames",
    "plan_recordings",
    "visible_faces",
    "write_recording",
]

_IDENTITIES = 10_000  # people of one seed, from a pool of which nobody is trained on

# x264's look ahead makes files that differ from run to run where it has few threads.
_SAME_EACH_TIME = {"preset": "veryfast", "crf": "23", "x264-params": "mbtree=0:rc-lookahead=0:threads=2"}

Container = Literal["mp4", "mov", "webm"]


@dataclass(frozen=True)
class StudyRecording:
    """One video of a synthetic study.

    Attributes
    ----------
    participant_id, session_id : str
        Whose and when.
    number : int
        Number of the participant, from 0.
    seconds, fps : float
        Length and frame rate.
    width, height : int
        Size of the picture as seen, in pixels.
    container : {"mp4", "mov", "webm"}
        MP4 and MOV hold H.264, WebM VP9.
    rotation_deg : int
        Rotation flag of the file: 90 for a phone held upright.
    variable_rate : bool
        Whether frames come at uneven times.
    has_interviewer : bool
        Whether a second, smaller person is seen at the right side, entering and leaving.
    interviewer_in_front : bool
        Whether that person is the larger one, all the time.
    latents : tuple of float
        Facial latents of the session, in the order of ``FACIAL``.
    camera : float
        Quality of the camera, standard normal.
    site : str
        Where it was filmed.
    seed : int
        Of the study.
    """

    participant_id: str
    session_id: str
    number: int
    seconds: float
    fps: float
    width: int
    height: int
    container: Container
    rotation_deg: int
    variable_rate: bool
    has_interviewer: bool
    interviewer_in_front: bool
    latents: tuple[float, ...]
    camera: float
    site: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the file, in the style of BIDS."""
        return f"{self.participant_id}_{self.session_id}_task-interview_beh.{self.container}"

    @property
    def path(self) -> str:
        """Path of the file inside the study."""
        return f"interviews/{self.participant_id}/{self.session_id}/{self.name}"

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Times of the frames in seconds; a variable rate jitters by up to 30 % of a frame."""
        times = np.arange(max(2, round(self.seconds * self.fps))) / self.fps
        if not self.variable_rate:
            return times
        jitter = self._rng("rate").uniform(-0.3, 0.3, len(times)) / self.fps
        jitter[0] = 0
        return times + jitter

    def _rng(self, *what: str) -> np.random.Generator:
        words = [int.from_bytes(one.encode(), "little") % (1 << 31) for one in (self.session_id, *what)]
        return np.random.default_rng([self.seed, self.number, *words])


def plan_recordings(
    cohort: Cohort, *, seconds: float, interviewer_in_front: bool = False
) -> tuple[StudyRecording, ...]:
    """Say how each session is filmed.

    Parameters
    ----------
    cohort : Cohort
        Participants and latents.
    seconds : float
        Length of each video.
    interviewer_in_front : bool
        Whether the fourth participant's first video shows the interviewer larger than the participant.

    Returns
    -------
    tuple of StudyRecording
        One per session. The second participant films with a phone held upright, the third one's camera has
        a variable rate, the fourth one's files are MOV and the fifth one's WebM. Every fourth participant
        has an interviewer in the picture.
    """
    planned = []
    for row, (number, session_id) in enumerate(cohort.sessions):
        portrait = number == 1
        size = (272, 480) if portrait else ((480, 272), (640, 360))[int(cohort.camera[number] > 0.5)]
        planned.append(
            StudyRecording(
                participant_id=cohort.participants[number].participant_id,
                session_id=session_id,
                number=number,
                seconds=seconds,
                fps=(12.5, 15.0)[number % 2],
                width=size[0],
                height=size[1],
                container="mov" if number == 3 else "webm" if number == 4 else "mp4",
                rotation_deg=90 if portrait else 0,
                variable_rate=number == 2,
                has_interviewer=number % 4 == 3,
                interviewer_in_front=interviewer_in_front and number == 3 and session_id == "ses-1",
                latents=tuple(float(cohort.latents[name][row]) for name in FACIAL),
                camera=float(cohort.camera[number]),
                site=cohort.participants[number].site,
                seed=cohort.seed,
            )
        )
    return tuple(planned)


def drawn_frames(recording: StudyRecording) -> Iterator[NDArray[np.uint8]]:
    """Draw the frames of a recording, one at a time.

    Parameters
    ----------
    recording : StudyRecording
        What is filmed.

    Yields
    ------
    ndarray of shape (height, width, 3), uint8
        RGB frames.
    """
    return stage(_seats(recording), _scene(recording), width=recording.width, height=recording.height)


def visible_faces(recording: StudyRecording) -> NDArray[np.float64]:
    """Where the participant's face is in each frame.

    Parameters
    ----------
    recording : StudyRecording
        What is filmed.

    Returns
    -------
    ndarray of shape (T, 4)
        ``x1, y1, x2, y2`` in pixels.
    """
    seats = _seats(recording)
    own = seats[0] if recording.interviewer_in_front else seats[-1]
    return face_boxes(own, width=recording.width, height=recording.height)


def write_recording(study: Path, recording: StudyRecording) -> Path:
    """Draw and encode a recording; the file appears when it is whole.

    Parameters
    ----------
    study : Path
        Folder of the study.
    recording : StudyRecording
        What is filmed.

    Returns
    -------
    Path
        The file. It is left as it is if it is there already.
    """
    path = study / recording.path
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    webm = recording.container == "webm"
    try:
        write_clip(
            unfinished,
            drawn_frames(recording),
            fps=recording.fps,
            times_s=recording.times_s.tolist() if recording.variable_rate else None,
            codec="libvpx-vp9" if webm else "libx264",
            rotation_deg=recording.rotation_deg,
            container_options={"fflags": "+bitexact"},  # else Matroska writes random numbers
            codec_options={"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0"}
            if webm
            else _SAME_EACH_TIME,
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _scene(recording: StudyRecording) -> Scene:
    """The participant's room and camera; a bad camera is darker, noisier and less sharp."""
    rng = np.random.default_rng([recording.seed, recording.number, 0x500])
    scene = Scene.draw(rng)
    quality = float(np.clip(recording.camera, -2, 2))
    warmth = {"north": -0.3, "south": 0.5}[recording.site]
    return replace(
        scene,
        light=Light(
            x=scene.light.x,
            y=abs(scene.light.y),
            contrast=scene.light.contrast * 0.8,
            brightness=0.95 + 0.08 * quality,
            warmth=warmth + 0.2 * scene.light.warmth,
        ),
        camera=Camera(
            noise=3.0 - quality,
            blur_px=max(0.0, 0.25 - 0.25 * quality),
            white_balance=scene.camera.white_balance,
        ),
    )


def _seats(recording: StudyRecording) -> tuple[Seat, ...]:
    """The participant in front; the interviewer, where there is one, behind and smaller."""
    t_s = recording.times_s
    identity = Identity.of_pool("demo", _IDENTITIES * recording.seed + recording.number)
    rng = recording._rng("acts")
    behaviour = behaviour_of(dict(zip(FACIAL, recording.latents, strict=True)), rng=rng)
    expressions, pose = behave(behaviour, t_s, rng=rng)
    portrait = recording.height > recording.width
    participant = Seat(
        identity,
        expressions,
        pose,
        centre_x=0.5 if portrait else 0.42,
        centre_y=0.42 if portrait else 0.47,
        face_height=0.30 if portrait else 0.50,
    )
    if not recording.has_interviewer:
        return (participant,)
    other = recording._rng("interviewer")
    interviewer = Identity.of_pool("demo", _IDENTITIES * (recording.seed + 1) - 1 - recording.number % 2)
    if recording.interviewer_in_front:
        expressions, pose = listen(t_s, rng=other, present=np.ones(len(t_s)))
        front = Seat(interviewer, expressions, pose, centre_x=0.70, centre_y=0.55, face_height=0.62)
        return (replace(participant, centre_x=0.22, face_height=0.30), front)
    expressions, pose = listen(t_s, rng=other, present=_comes_and_goes(t_s))
    seat = Seat(interviewer, expressions, pose, centre_x=0.87, centre_y=0.5, face_height=0.27)
    return (seat, participant)


def _comes_and_goes(t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """In the picture in the first third and the last one, outside between."""
    length_s = float(t_s[-1])
    leaves = np.clip((t_s - length_s / 3) / 1.0, 0, 1)
    returns = np.clip((t_s - 2 * length_s / 3) / 1.0, 0, 1)
    present: NDArray[np.float64] = 1 - leaves + returns
    return present
