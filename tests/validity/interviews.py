"""Simulated embeddings of interviews: participants with signatures, unequal sessions, unequal lengths."""

from dataclasses import dataclass

import numpy as np

from emoclip_clinic.regression import mean_over_segments


@dataclass(frozen=True, eq=False)
class Interviews:
    """Segments of sessions of participants.

    ``state`` (n_sessions, n_features) is what the face shows over a session, the participant's signature
    included; segments scatter around it. Its columns have mean 0 and variance 1 over participants.
    """

    state: np.ndarray
    groups: np.ndarray
    segments: np.ndarray
    session: np.ndarray

    @property
    def X(self) -> np.ndarray:
        """Mean embedding of each session."""
        return mean_over_segments(self.segments, self.session, n_sessions=len(self.groups))

    def unrelated_ratings(
        self, rng: np.random.Generator, n_items: int, *, stable: float = 0.5, common: float = 0.0
    ) -> np.ndarray:
        """Draw ratings (n_sessions, n_items) that have nothing to do with the videos.

        ``stable`` is the share of variance that all sessions of a participant have in common, ``common`` the
        share that all items have in common.
        """
        n_participants = self.groups.max() + 1

        def part(n_columns: int) -> np.ndarray:
            of_participant = rng.standard_normal((n_participants, n_columns))[self.groups]
            of_session = rng.standard_normal((len(self.groups), n_columns))
            return np.sqrt(stable) * of_participant + np.sqrt(1 - stable) * of_session

        return np.sqrt(common) * part(1) + np.sqrt(1 - common) * part(n_items)

    def related_ratings(self, rng: np.random.Generator, n_items: int, *, r2: float) -> np.ndarray:
        """Draw ratings of which the state explains the share ``r2`` of variance."""
        weight = rng.standard_normal((self.state.shape[1], n_items))
        weight /= np.linalg.norm(weight, axis=0)
        return np.sqrt(r2) * self.state @ weight + np.sqrt(1 - r2) * self.unrelated_ratings(rng, n_items)


def draw_interviews(
    rng: np.random.Generator,
    n_participants: int,
    *,
    n_features: int = 8,
    sessions: tuple[int, int] = (1, 3),
    lengths: tuple[int, int] = (2, 12),
    signature: float = 0.7,
    segment_sd: float = 0.7,
) -> Interviews:
    """Draw interviews; ``signature`` is the share of the state's variance that a participant keeps."""
    n_sessions = rng.integers(sessions[0], sessions[1] + 1, n_participants)
    groups = np.repeat(np.arange(n_participants), n_sessions)
    state = np.sqrt(signature) * rng.standard_normal((n_participants, n_features))[groups]
    state += np.sqrt(1 - signature) * rng.standard_normal((len(groups), n_features))
    session = np.repeat(np.arange(len(groups)), rng.integers(lengths[0], lengths[1] + 1, len(groups)))
    segments = state[session] + segment_sd * rng.standard_normal((len(session), n_features))
    return Interviews(state, groups, segments, session)


def with_missing(rng: np.random.Generator, Y: np.ndarray, share: float) -> np.ndarray:
    """Return ratings of which a random share is NaN, each item by itself."""
    return np.where(rng.random(Y.shape) < share, np.nan, Y)
