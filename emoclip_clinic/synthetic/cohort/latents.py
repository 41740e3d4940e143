"""Who takes part in a synthetic study, and the symptoms behind each session: on the face, and others.

Latent symptoms are standard normal at the first session. Four show on the face; the others are independent of
those, of the site and of the camera: not only in expectation, but exactly within the sample, because the part
that the drawn sample happens to share with them is taken off. So an item without a facial cause is unrelated
to anything in the video, whatever the seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import StudyError

__all__ = ["FACIAL", "HIDDEN", "Cohort", "Participant", "draw_cohort"]

FACIAL = ("blunting", "slowing", "gaze_avoidance", "anxiety")
"""Latents that change how a face moves."""

HIDDEN = ("reality_distortion", "disorganisation", "apathy", "distress")
"""Latents that leave no trace in the video."""

LEAST_PARTICIPANTS = 6
_IMPROVEMENT, _IMPROVEMENT_SD = 0.6, 0.4  # of a latent between two sessions, in standard deviations
_SITE_SHIFT = 1.5  # of all latents at the second site of a confounded study, in standard deviations


@dataclass(frozen=True)
class Participant:
    """One person of a synthetic study.

    Attributes
    ----------
    participant_id : str
        As ``sub-01``.
    age : int
        In years.
    sex : {"F", "M"}
        As in participants.tsv.
    group : str
        Diagnosis; unrelated to everything else.
    site : {"north", "south"}
        Where the interviews were filmed.
    n_sessions : int
        1 or 2.
    """

    participant_id: str
    age: int
    sex: str
    group: str
    site: str
    n_sessions: int


@dataclass(frozen=True, eq=False)
class Cohort:
    """Participants and the latents of their sessions.

    Attributes
    ----------
    participants : tuple of Participant
        In order of identifiers.
    sessions : tuple of (int, str)
        Number of the participant and session, such as ``(0, "ses-1")``.
    latents : dict of str to ndarray of shape (n_sessions,)
        Value of each latent, of :data:`FACIAL` and :data:`HIDDEN`; higher is worse.
    camera : ndarray of shape (n_participants,)
        Quality of the camera, standard normal; lower is darker and noisier.
    confounded : bool
        Whether site, camera and symptoms go together.
    seed : int
        From which all was drawn.
    """

    participants: tuple[Participant, ...]
    sessions: tuple[tuple[int, str], ...]
    latents: dict[str, NDArray[np.float64]]
    camera: NDArray[np.float64]
    confounded: bool
    seed: int


def draw_cohort(n_participants: int = 24, *, seed: int = 0, confounded: bool = False) -> Cohort:
    """Draw participants, sites, cameras and latents.

    Parameters
    ----------
    n_participants : int
        At least 6. Half of them have two sessions, with improvement in between.
    seed : int
        Not negative.
    confounded : bool
        Whether the second site has better cameras and more severe symptoms.

    Returns
    -------
    Cohort
        The same for the same arguments.

    Raises
    ------
    StudyError
        If there are too few participants.
    """
    if n_participants < LEAST_PARTICIPANTS:
        raise StudyError(
            f"A synthetic study needs at least {LEAST_PARTICIPANTS} participants", found=str(n_participants)
        )
    rng = np.random.default_rng([seed, 0xC0407])
    participants = _participants(n_participants, rng)
    south = np.array([one.site == "south" for one in participants])
    camera = rng.standard_normal(n_participants)
    camera = (camera - camera.mean()) / camera.std()
    if confounded:
        camera = 0.5 * camera + np.where(south, 1.0, -1.0)
    sessions = tuple(
        (number, f"ses-{session}")
        for number, one in enumerate(participants)
        for session in range(1, one.n_sessions + 1)
    )
    who = np.array([number for number, _ in sessions])
    later = np.array([session == "ses-2" for _, session in sessions])
    facial = _with_change(n_participants, who, later, len(FACIAL), rng)
    hidden = _with_change(n_participants, who, later, len(HIDDEN), rng)
    known = np.column_stack([np.ones(len(who)), facial, south[who], camera[who], later])
    hidden = _rescaled(hidden - known @ np.linalg.lstsq(known, hidden, rcond=None)[0])
    if confounded:
        shift = _SITE_SHIFT * (south[who] - 0.5)[:, None]
        facial, hidden = facial + shift, hidden + shift
    return Cohort(
        participants,
        sessions,
        dict(zip((*FACIAL, *HIDDEN), np.column_stack([facial, hidden]).T, strict=True)),
        camera,
        confounded,
        seed,
    )


def _participants(n: int, rng: np.random.Generator) -> tuple[Participant, ...]:
    """Two sites of equal size, and at each half with two sessions."""
    digits = max(2, len(str(n)))
    sites = rng.permutation(np.arange(n) % 2)
    twice = np.zeros(n, dtype=bool)
    for site in (0, 1):
        here = rng.permutation(np.flatnonzero(sites == site))
        twice[here[: (len(here) + site) // 2]] = True
    return tuple(
        Participant(
            participant_id=f"sub-{number + 1:0{digits}d}",
            age=int(rng.integers(19, 65)),
            sex="FM"[int(rng.integers(2))],
            group=("schizophrenia", "schizoaffective")[int(rng.random() < 0.3)],
            site=("north", "south")[sites[number]],
            n_sessions=2 if twice[number] else 1,
        )
        for number in range(n)
    )


def _with_change(
    n: int, who: NDArray[np.int64], later: NDArray[np.bool_], n_latents: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Latents of each session: a participant's own, less the improvement until a second session."""
    trait = _rescaled(rng.standard_normal((n, n_latents)))
    gain = _IMPROVEMENT + _IMPROVEMENT_SD * rng.standard_normal((n, n_latents))
    values: NDArray[np.float64] = trait[who] - later[:, None] * gain[who]
    return values


def _rescaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring each column to mean 0 and standard deviation 1 in the sample."""
    rescaled: NDArray[np.float64] = (values - values.mean(axis=0)) / values.std(axis=0)
    return rescaled
