"""The check lists all problems, each with file, row, column and value."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings import Problem, check_ratings, raise_errors, read_ratings
from emoclip_clinic.study.scales import Scale

Write = Callable[..., Path]


@dataclass(frozen=True)
class Video:
    participant_id: str
    session_id: str | None
    path: Path = Path("interviews/x.mp4")


def check(path: Path, scale: Scale, recordings: list[Video] | None = None) -> tuple[Problem, ...]:
    return check_ratings(read_ratings(path, scale), recordings=recordings)


def test_all_problems_are_listed_with_their_place(write: Write, toy: Scale) -> None:
    path = write(
        "participant|session|rater|n1|n2|vas|total",
        "01|1|A|O|4|5|9",
        "01|1|A|3|44|5|",
        "02|1|A|3|3.5|5|x",
        "|1|A|3|3|5|11",
        "03|1|A|3|3|5|12",
    )
    found = [(p.kind, p.row, p.column, p.value) for p in check(path, toy)]
    assert found == [
        ("non-numeric", 2, "n1", "O"),
        ("sum-over-missing", 2, "total", "9"),
        ("out-of-range", 3, "n2", "44"),
        ("duplicate", 3, "participant", "sub-01, ses-1, rater A"),
        ("wrong-step", 4, "n2", "3.5"),
        ("sum-mismatch", 4, "total", "x"),
        ("identifier", 5, "participant", ""),
        ("sum-mismatch", 6, "total", "12"),
    ]
    with pytest.raises(RatingsError) as caught:
        raise_errors(check(path, toy), path)
    for part in ("5 problems", f"{path}, row 2, column n1", "'O'", "Perhaps 0", "row 5, column participant"):
        assert part in str(caught.value)


def test_several_raters_are_no_duplicates(write: Write, toy: Scale) -> None:
    path = write("participant|session|rater|n1|n2|vas", "01|1|A|3|4|5", "01|1|B|3|4|5", "01|2|A|3|4|5")
    assert check(path, toy) == ()


def test_a_sum_that_disagrees_with_its_items(write: Write, toy: Scale) -> None:
    path = write(
        "participant|n1|n2|vas|total", "1|3|4|5|12", "2|3|4|5|21", "3|3|4|0.126|7.13", "4|3|4|0.126|7.2"
    )
    found = check(path, toy)
    assert [(p.row, p.value) for p in found] == [(3, "21"), (5, "7.2")]
    assert "It differs by +9" in (found[0].hint or "")
    assert not any(p.is_error for p in found)


@pytest.mark.parametrize(
    ("stated", "how"), [("7", "It is the sum"), ("3.5", "It is the mean"), ("20", "It is neither")]
)
def test_a_sum_over_missing_items_says_how_it_was_made(
    write: Write, toy: Scale, stated: str, how: str
) -> None:
    (problem,) = check(write("participant|n1|n2|vas|total", f"1|3|4||{stated}"), toy)
    assert problem.kind == "sum-over-missing"
    assert (problem.hint or "").startswith(how)


def test_different_identifiers_that_become_one_label(write: Write, toy: Scale) -> None:
    path = write(
        "participant|session|n1|n2|vas",
        "P-01|1|3|4|5",
        "P01|2|3|4|5",
        "sub-02|V 1|3|4|5",
        "02|V1|3|4|6",
        "p03|1|3|4|5",
        "P03|2|3|4|5",
    )
    found = [(p.kind, p.row, p.value) for p in check(path, toy) if p.kind == "identifier-collision"]
    assert found == [
        ("identifier-collision", 3, "P01"),
        ("identifier-collision", 5, "V1"),
        ("identifier-collision", 7, "P03"),
    ]


def test_with_and_without_prefix_is_the_same_participant(write: Write, toy: Scale) -> None:
    assert check(write("participant|session|n1|n2|vas", "sub-01|ses-1|3|4|5", "01|2|3|4|5"), toy) == ()


def test_rows_without_session_among_rows_with(write: Write, toy: Scale) -> None:
    (problem,) = check(write("participant|session|n1|n2|vas", "01|1|3|4|5", "02|n/a|3|4|5"), toy)
    assert (problem.kind, problem.row, problem.column) == ("identifier", 3, "session")


@pytest.mark.parametrize("identifier", ["---", "\u4e2d\u6587"])
def test_identifiers_without_a_letter_or_digit(write: Write, toy: Scale, identifier: str) -> None:
    (problem,) = check(write("participant|n1|n2|vas", f"{identifier}|3|4|5"), toy)
    assert (problem.kind, problem.value) == ("identifier", identifier)


def test_raters_written_in_two_ways(write: Write, toy: Scale) -> None:
    path = write("participant|rater|n1|n2|vas", "1|A. Meyer|3|4|5", "2|a meyer|3|4|5", "3|a meyer|3|4|5")
    (problem,) = check(path, toy)
    assert (problem.kind, problem.row) == ("rater-spelling", 3)
    assert not problem.is_error


@pytest.mark.parametrize(
    ("sessions", "n_problems"),
    [(("1", "2", "10"), 1), (("baseline", "month3", "month6"), 1), (("pre", "post", "end"), 0)],
)
def test_dates_out_of_order(
    write: Write, toy: Scale, sessions: tuple[str, str, str], n_problems: int
) -> None:
    dates = ("2024-01-01", "2024-06-01", "2024-05-01")
    rows = [f"1|{s}|{d}|3|4|5" for s, d in zip(sessions, dates, strict=True)]
    found = check(write("participant|session|date|n1|n2|vas", *rows), toy)
    assert [p.kind for p in found] == ["date-order"] * n_problems
    if found:
        assert (found[0].row, found[0].column, found[0].value) == (4, "date", "2024-05-01")


def test_ratings_and_videos_meet(write: Write, toy: Scale) -> None:
    path = write(
        "participant|session|n1|n2|vas", "1|1|3|4|5", "02|1|3|4|5", "03|2|3|4|5", "04|1|3|4|5", "05|1|||"
    )
    videos = [
        Video("sub-01", "ses-1"),
        Video("sub-02", "ses-1"),
        Video("sub-03", "ses-1"),
        Video("sub-06", "ses-1"),
    ]
    found = check(path, toy, videos)
    without_video = [p for p in found if p.kind == "rating-without-video"]
    assert [(p.row, p.value) for p in without_video] == [
        (2, "sub-1, ses-1"),
        (4, "sub-03, ses-2"),
        (5, "sub-04, ses-1"),
    ]
    assert "there is sub-01: leading zeros" in (without_video[0].hint or "")
    assert "sub-03 has ses-1" in (without_video[1].hint or "")
    without_rating = [p for p in found if p.kind == "video-without-rating"]
    assert [p.value for p in without_rating] == ["sub-01, ses-1", "sub-03, ses-1", "sub-06, ses-1"]
    assert without_rating[0].file == Path("interviews/x.mp4")
    assert not any(p.is_error for p in found)


def test_ratings_without_sessions_beside_videos_with(write: Write, toy: Scale) -> None:
    found = check(write("participant|n1|n2|vas", "01|3|4|5"), toy, [Video("sub-01", "ses-1")])
    assert "--session" in (found[0].hint or "")
