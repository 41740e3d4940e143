"""Which track is the participant: stated rules, every candidate's score, and how clear the decision is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from emoclip_clinic.errors import FaceError, did_you_mean
from emoclip_clinic.faces.tracks import BOX_SOURCES, Tracks

__all__ = ["Candidate", "SubjectDecision", "SubjectRule", "choose_subject", "subject_track"]

SubjectRule = Literal["largest", "longest", "left", "right", "center"]

_PLAUSIBLE_SHARE = 0.25
"""Least duration of a track, as a share of the longest one's, for rules that go by position alone."""

_SEEN = {source: rank for rank, source in enumerate(BOX_SOURCES)}


@dataclass(frozen=True)
class Candidate:
    """One track as a candidate.

    Attributes
    ----------
    track : int
        Track number.
    score : float
        By the rule; the greatest wins.
    eligible : bool
        Whether the rule considers the track.
    t_start_s, t_end_s : float
        Times of its first and last frame in seconds.
    seconds : float
        Sampled frames that it covers times the sampling period.
    detected_share : float
        Share of those frames on which the detector itself found the face.
    face_px : float
        Median shorter side of its boxes in source pixels.
    center_x, center_y : float
        Mean centre of its boxes as shares of the image's width and height.
    """

    track: int
    score: float
    eligible: bool
    t_start_s: float
    t_end_s: float
    seconds: float
    detected_share: float
    face_px: float
    center_x: float
    center_y: float


@dataclass(frozen=True)
class SubjectDecision:
    """The subject track of a recording, and how it was chosen.

    Attributes
    ----------
    tracks : tuple of int
        Chosen tracks; one by a rule, one or more by hand, none if the recording has no face.
    rule : str
        The rule, or ``"manual"``.
    score : float or None
        The winner's score by the rule.
    runner_up, runner_up_score : int or None, float or None
        The next candidate.
    margin : float
        How clear the decision is, 0 to 1; 1 without a runner-up and for a manual choice.
    second_person : bool
        Whether the margin is below the threshold: somebody else could be meant.
    manual : bool
        Whether the choice was made by hand.
    candidates : tuple of Candidate
        All tracks, best first.
    """

    tracks: tuple[int, ...]
    rule: str
    score: float | None
    runner_up: int | None
    runner_up_score: float | None
    margin: float
    second_person: bool
    manual: bool
    candidates: tuple[Candidate, ...]


def choose_subject(
    tracks: Tracks,
    *,
    rule: SubjectRule = "largest",
    image_size: tuple[int, int],
    manual: Sequence[int] | None = None,
    min_margin: float = 0.5,
) -> SubjectDecision:
    """Choose the participant's track.

    Parameters
    ----------
    tracks : Tracks
        All tracks of one recording.
    rule : {"largest", "longest", "left", "right", "center"}
        ``largest``: greatest sum of box area (as a share of the image) times seconds. ``longest``: most
        seconds. ``left``, ``right``: mean centre farthest to that side of the image. ``center``: mean centre
        nearest to the middle of the image. The last three consider tracks that last for at least a quarter of
        the longest one.
    image_size : tuple of int
        Width and height of the upright image in pixels.
    manual : sequence of int, optional
        Tracks chosen by hand; they always win, all of them together.
    min_margin : float
        Margin below which a second plausible person is flagged.

    Returns
    -------
    SubjectDecision
        The choice, its runner-up and all candidates.

    Raises
    ------
    FaceError
        If the rule is unknown, or the manual choice is empty or names a track that does not exist.

    Notes
    -----
    For ``largest`` and ``longest``, margin = 1 - runner-up / winner. For the rules by position, with d the
    difference of the two candidates' positions (distances from the middle for ``center``) in units of the
    mean of their median face sizes, margin = d / (1 + d): 0 for the same place, 0.5 one face size apart.

    Equal scores: the track that appeared first wins. A person who returns after an absence, or after a cut,
    is a new track and therefore shows up as a second plausible person; a manual choice may name both.
    """
    if rule not in get_args(SubjectRule):
        raise FaceError(
            f"The subject rule must be one of {', '.join(get_args(SubjectRule))}",
            found=rule,
            hint=did_you_mean(str(rule), get_args(SubjectRule)),
        )
    candidates = _candidates(tracks, rule, image_size)
    if manual is not None:
        chosen = tuple(dict.fromkeys(int(t) for t in manual))
        known = {c.track for c in candidates}
        if not chosen or not known.issuperset(chosen):
            raise FaceError(
                "A manual choice of subject tracks must name at least one track of the recording",
                found=f"{list(chosen)}, while the recording has {sorted(known)}",
                hint="Tracks are renumbered when the scan settings change: look at the tracks again.",
            )
        return SubjectDecision(chosen, "manual", None, None, None, 1.0, False, True, candidates)

    eligible = [c for c in candidates if c.eligible]
    if not eligible:
        return SubjectDecision((), rule, None, None, None, 1.0, False, False, candidates)
    winner = eligible[0]
    if len(eligible) == 1:
        return SubjectDecision((winner.track,), rule, winner.score, None, None, 1.0, False, False, candidates)
    second = eligible[1]
    margin = _margin(winner, second, rule, image_size)
    return SubjectDecision(
        tracks=(winner.track,),
        rule=rule,
        score=winner.score,
        runner_up=second.track,
        runner_up_score=second.score,
        margin=margin,
        second_person=margin < min_margin,
        manual=False,
        candidates=candidates,
    )


def subject_track(tracks: Tracks, decision: SubjectDecision) -> Tracks:
    """Rows of the chosen tracks, one per frame, ordered by frame.

    Where several chosen tracks cover a frame, a detected box goes before an interpolated one and that before
    a bridged one, then the order of the choice.

    Parameters
    ----------
    tracks : Tracks
        All tracks of the recording.
    decision : SubjectDecision
        The choice.

    Returns
    -------
    Tracks
        The subject's rows.
    """
    rank = {track: k for k, track in enumerate(decision.tracks)}
    rows = np.flatnonzero(np.isin(tracks.track, list(rank)))
    order = np.lexsort(
        (
            np.array([rank[int(t)] for t in tracks.track[rows]], int),
            np.array([_SEEN[str(source)] for source in tracks.box_source[rows]], int),
            tracks.frame[rows],
        )
    )
    rows = rows[order]
    _, first = np.unique(tracks.frame[rows], return_index=True)
    return tracks.select(rows[first])


def _candidates(tracks: Tracks, rule: SubjectRule, image_size: tuple[int, int]) -> tuple[Candidate, ...]:
    """All tracks with their scores, best first, ineligible ones last."""
    width, height = image_size
    # A recording of a single sampled frame has no period; any positive one gives the same order.
    period_s = tracks.period_s if np.isfinite(tracks.period_s) else 1.0
    size = np.asarray(tracks.boxes[:, 2:] - tracks.boxes[:, :2], np.float64)
    centre = np.asarray(tracks.boxes[:, :2] + tracks.boxes[:, 2:], np.float64) / (2 * width, 2 * height)
    area_share = size.prod(axis=1) / (width * height)
    rows_of = {track: np.flatnonzero(tracks.track == track) for track in tracks.ids}
    longest_rows = max((len(r) for r in rows_of.values()), default=0)

    candidates = []
    for track, rows in rows_of.items():
        x, y = centre[rows].mean(axis=0)
        seconds = len(rows) * period_s
        scores = {
            "largest": float(area_share[rows].sum()) * period_s,
            "longest": seconds,
            "left": 1.0 - float(x),
            "right": float(x),
            "center": 1.0 - _from_middle(float(x), float(y), image_size) / max(width, height),
        }
        candidates.append(
            Candidate(
                track=track,
                score=scores[rule],
                eligible=rule in ("largest", "longest") or len(rows) >= _PLAUSIBLE_SHARE * longest_rows,
                t_start_s=float(tracks.t_s[rows[0]]),
                t_end_s=float(tracks.t_s[rows[-1]]),
                seconds=seconds,
                detected_share=float((tracks.box_source[rows] == "detected").mean()),
                face_px=float(np.median(size[rows].min(axis=1))),
                center_x=float(x),
                center_y=float(y),
            )
        )
    return tuple(sorted(candidates, key=lambda c: (not c.eligible, -c.score, c.track)))


def _from_middle(x: float, y: float, image_size: tuple[int, int]) -> float:
    """Distance in pixels of a relative position from the middle of the image."""
    return float(np.hypot((x - 0.5) * image_size[0], (y - 0.5) * image_size[1]))


def _margin(winner: Candidate, second: Candidate, rule: SubjectRule, image_size: tuple[int, int]) -> float:
    if rule in ("largest", "longest"):
        return 1.0 - second.score / winner.score if winner.score > 0 else 0.0
    apart_px = (
        abs(
            _from_middle(winner.center_x, winner.center_y, image_size)
            - _from_middle(second.center_x, second.center_y, image_size)
        )
        if rule == "center"
        else abs(winner.center_x - second.center_x) * image_size[0]
    )
    apart = apart_px / ((winner.face_px + second.face_px) / 2)
    return apart / (1.0 + apart)
