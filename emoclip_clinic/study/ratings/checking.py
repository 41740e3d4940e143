"""Checks between rows: duplicates, merged identifiers, sums, dates, and whether ratings and videos meet."""

import datetime as dt
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.study.ratings.problems import Problem, ProblemKind
from emoclip_clinic.study.ratings.records import Ratings
from emoclip_clinic.study.scales import scale_scores

__all__ = ["Recorded", "check_ratings"]

SUM_TOLERANCE = 1e-6
# Sessions whose names hold no number, in the order in which they happen; numbered ones come between.
_EARLY_SESSIONS = {"screening": -2.0, "scr": -2.0, "baseline": -1.0, "bl": -1.0, "pre": -1.0, "t0": 0.0}


class Recorded(Protocol):
    """What this module needs to know of a recording."""

    @property
    def path(self) -> Path:
        """The video file."""

    @property
    def participant_id(self) -> str:
        """``sub-<label>``."""

    @property
    def session_id(self) -> str | None:
        """``ses-<label>``, or None."""


def check_ratings(ratings: Ratings, *, recordings: Iterable[Recorded] | None = None) -> tuple[Problem, ...]:
    """List everything that is wrong with ratings.

    Parameters
    ----------
    ratings : Ratings
        Ratings as read.
    recordings : iterable of Recording, optional
        The study's recordings; if given, ratings without a video and videos without a rating are listed.

    Returns
    -------
    tuple of Problem
        Problems of cells and rows, then those between rows, in the order of the file.
    """
    found = [
        *ratings.problems,
        *_duplicates(ratings),
        *_merged_identifiers(ratings),
        *_rows_without_session(ratings),
        *_rater_spellings(ratings),
        *_sums(ratings),
        *_date_order(ratings),
    ]
    if recordings is not None:
        found += _videos(ratings, list(recordings))
    return tuple(sorted(found, key=lambda problem: math.inf if problem.row is None else problem.row))


def _key(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _column(ratings: Ratings, role: str) -> str:
    return ratings.source.columns.get(role, role)


def _rows(ratings: Ratings) -> Iterable[tuple[str | None, str | None, str, str | None, int]]:
    """Give participant, session, rater, date and row in the file."""
    columns = (
        ratings.frame[c] for c in ("participant_id", "session_id", "rater", "rating_date", "source_row")
    )
    for participant, session, rater, date, number in zip(*columns, strict=True):
        yield _key(participant), _key(session), str(rater), _key(date), int(number)


def _duplicates(ratings: Ratings) -> Iterable[Problem]:
    first: dict[tuple[str, str | None, str], int] = {}
    for participant, session, rater, _, number in _rows(ratings):
        if participant is None:
            continue
        key = (participant, session, rater)
        if key in first:
            yield Problem(
                "duplicate",
                "A participant, session and rater may occur once.",
                ratings.source.path,
                number,
                _column(ratings, "participant_id"),
                f"{_shown(participant, session)}, rater {rater}",
                f"It is in row {first[key]} too. If two raters rated, name them in a column for the rater.",
            )
        first.setdefault(key, number)


def _merged_identifiers(ratings: Ratings) -> Iterable[Problem]:
    """Cleaning keeps letters and digits only: two identifiers that become one are never merged."""
    originals: dict[tuple[str, str], str] = {}
    written = zip(ratings.originals["participant"], ratings.originals["session"], strict=True)
    for (participant, session, _, _, number), (participant_raw, session_raw) in zip(
        _rows(ratings), written, strict=True
    ):
        if participant is None:
            continue
        names = [("participant_id", participant, participant, participant_raw)]
        if session is not None:
            names.append(("session_id", f"{participant} {session}", session, session_raw))
        for role, name, label, raw in names:
            before = originals.setdefault((role, name.casefold()), raw)
            if before != raw:
                yield Problem(
                    "identifier-collision",
                    "Different identifiers must stay different when only letters and digits are kept.",
                    ratings.source.path,
                    number,
                    _column(ratings, role),
                    raw,
                    f"'{before}' and '{raw}' both become {label}. Write them the same way, or rename one.",
                )


def _rows_without_session(ratings: Ratings) -> Iterable[Problem]:
    with_session = ratings.frame["session_id"].notna()
    if not with_session.any():
        return
    for participant, session, _, _, number in _rows(ratings):
        if session is None and participant is not None:
            yield Problem(
                "identifier",
                "Either every row names its session or none does.",
                ratings.source.path,
                number,
                _column(ratings, "session_id"),
            )


def _rater_spellings(ratings: Ratings) -> Iterable[Problem]:
    first: dict[str, str] = {}
    seen: set[str] = set()
    for _, _, rater, _, number in _rows(ratings):
        usual = first.setdefault(re.sub(r"[\W_]+", "", rater.casefold()), rater)
        if usual != rater and rater not in seen:
            seen.add(rater)
            yield Problem(
                "rater-spelling",
                "A rater should be written the same way everywhere.",
                ratings.source.path,
                number,
                _column(ratings, "rater"),
                rater,
                f"Perhaps the same as '{usual}'; they count as two raters.",
            )


def _sums(ratings: Ratings) -> Iterable[Problem]:
    scores = scale_scores(ratings.frame, ratings.scale)
    for score in ratings.stated.columns:
        items = ratings.frame[list(ratings.scale.score(score).items)].to_numpy(dtype=np.float64)
        rows = zip(ratings.frame["source_row"], ratings.stated[score], scores[score], items, strict=True)
        for number, stated, ours, values in rows:
            text = _key(stated)
            if text is not None:
                complaint = _sum_complaint(ratings, score, text, float(ours), values)
                if complaint is not None:
                    kind, message, hint = complaint
                    column = _column(ratings, score)
                    yield Problem(kind, message, ratings.source.path, int(number), column, text, hint)


def _sum_complaint(
    ratings: Ratings, score_id: str, text: str, ours: float, items: NDArray[np.float64]
) -> tuple[ProblemKind, str, str] | None:
    """Compare a stated score with ours: kind, message and hint, or None if the two agree."""
    stated = float(text)
    decimals = len(text.partition(".")[2])  # a mean may be stated with few decimals
    tolerance = max(SUM_TOLERANCE, 0.5 * 10.0**-decimals if decimals else 0.0)
    if math.isnan(ours):
        present = items[~np.isnan(items)]
        n_missing = len(items) - len(present)
        message = f"The stated {score_id} rests on missing items ({n_missing} of {len(items)})."
        if present.size and abs(stated - present.mean()) <= tolerance:
            hint = "It is the mean of the items that are present."
        elif abs(stated - present.sum()) <= tolerance:
            hint = "It is the sum of the items that are present, with 0 for each missing one."
        else:
            hint = "It is neither the mean nor the sum of the items that are present."
        return "sum-over-missing", message, f"{hint} By the rule of the scale it is missing here."
    if abs(stated - ours) <= tolerance:
        return None
    formula = ratings.scale.score(score_id).formula
    return (
        "sum-mismatch",
        f"The stated {score_id} must be the {formula} of its items, {ours:g}.",
        f"It differs by {stated - ours:+g}. The items are used, never the stated value; one may be wrong.",
    )


def _date_order(ratings: Ratings) -> Iterable[Problem]:
    visits: dict[str, list[tuple[float, str, dt.date, int]]] = defaultdict(list)
    for participant, session, _, date, number in _rows(ratings):
        order = None if session is None else _session_order(session)
        if participant is not None and session is not None and order is not None and date is not None:
            visits[participant].append((order, session, dt.date.fromisoformat(date), number))
    for own in visits.values():
        for order, session, day, number in own:
            later_dated = [visit for visit in own if visit[0] < order and visit[2] > day]
            if later_dated:
                _, other, other_day, other_row = max(later_dated, key=lambda visit: visit[2])
                yield Problem(
                    "date-order",
                    "A later session must not have an earlier date.",
                    ratings.source.path,
                    number,
                    _column(ratings, "rating_date"),
                    day.isoformat(),
                    f"{session} is dated before {other} ({other_day.isoformat()}, row {other_row}).",
                )


def _session_order(session: str) -> float | None:
    label = session.removeprefix("ses-").casefold()
    if label in _EARLY_SESSIONS:
        return _EARLY_SESSIONS[label]
    numbers = re.findall(r"\d+", label)
    return float(numbers[-1]) if numbers else None


def _videos(ratings: Ratings, recordings: Sequence[Recorded]) -> Iterable[Problem]:
    filmed = {(one.participant_id, one.session_id): one.path for one in recordings}
    rated: dict[tuple[str, str | None], int] = {}
    rated_rows = set(ratings.rated["source_row"])
    for participant, session, _, _, number in _rows(ratings):
        if participant is not None and number in rated_rows:
            rated.setdefault((participant, session), number)
    for (participant, session), number in rated.items():
        if (participant, session) not in filmed:
            yield Problem(
                "rating-without-video",
                "A rated session has no video.",
                ratings.source.path,
                number,
                _column(ratings, "participant_id"),
                _shown(participant, session),
                _near_miss(participant, session, filmed),
            )
    for (participant, session), path in filmed.items():
        if (participant, session) not in rated:
            yield Problem(
                "video-without-rating",
                f"A recorded session has no rating in {ratings.source.path.name}.",
                path,
                value=_shown(participant, session),
                hint=_near_miss(participant, session, rated),
            )


def _shown(participant: str, session: str | None) -> str:
    return f"{participant}, {session or 'no session'}"


def _near_miss(participant: str, session: str | None, others: Iterable[tuple[str, str | None]]) -> str | None:
    """Say which key on the other side was probably meant: leading zeros, letter case, a session left out."""
    others = list(others)
    sessions = sorted(s or "no session" for p, s in others if p == participant)
    if sessions:
        known = f"On the other side, {participant} has {', '.join(sessions)}."
        if session is None:
            return f"{known} Name the session with --session, or in a column."
        return known
    for other, _ in others:
        if _loose(other) == _loose(participant):
            return f"On the other side there is {other}: leading zeros or letter case differ."
    return None


def _loose(participant: str) -> str:
    return re.sub(r"0+(?=\d)", "", participant.removeprefix("sub-").casefold())
