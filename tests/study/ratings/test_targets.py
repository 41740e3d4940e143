"""Scores are computed per rater and pooled afterwards, by a stated policy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings import (
    Ratings,
    missing_counts,
    rater_values,
    read_ratings,
    session_targets,
)
from emoclip_clinic.study.scales import Scale, load_scale

Write = Callable[..., Path]


@pytest.fixture
def ratings(write: Write, toy: Scale) -> Ratings:
    return read_ratings(
        write(
            "participant|session|rater|n1|n2|vas",
            "1|1|B|2|4|5",
            "1|1|A|3|-99|5",
            "1|1|C|7|4|5",
            "1|1|consensus|5|5|5",
            "2|1|A|1|1|0",
            "3|1|A|||",
        ),
        toy,
    )


def values(ratings: Ratings, policy: str, rater: str | None = None) -> list[list[float]]:
    pooled = session_targets(ratings, policy=policy, rater=rater)  # type: ignore[arg-type]
    return pooled.table[["n1", "n2", "vas", "total"]].to_numpy().tolist()


def test_mean_over_raters_leaves_the_consensus_out(ratings: Ratings) -> None:
    # rater A's total is missing: the total is the mean of B's and C's own totals, 11 and 16
    assert values(ratings, "mean") == [[4, 4, 5, 13.5], [1, 1, 0, 2]]
    pooled = session_targets(ratings)
    assert pooled.n_raters[["n1", "n2", "total"]].to_numpy().tolist() == [[3, 2, 2], [1, 1, 1]]
    assert "Mean over the raters" in pooled.statement


def test_median_first_and_one_rater(ratings: Ratings) -> None:
    assert values(ratings, "median") == [[3, 4, 5, 13.5], [1, 1, 0, 2]]
    assert values(ratings, "first") == [[2, 4, 5, 11], [1, 1, 0, 2]]
    only_a = values(ratings, "mean", "A")
    assert only_a[0][0] == 3
    assert np.isnan(only_a[0][1])
    assert np.isnan(only_a[0][3])


def test_consensus(ratings: Ratings) -> None:
    assert values(ratings, "consensus")[0] == [5, 5, 5, 15]
    pooled = session_targets(ratings, policy="consensus")
    assert set(pooled.missing["reason"]) == {"no consensus rating"}
    assert pooled.missing["participant_id"].unique().tolist() == ["sub-2"]


def test_a_policy_or_rater_that_the_ratings_do_not_have(write: Write, toy: Scale, ratings: Ratings) -> None:
    with pytest.raises(RatingsError, match="no rater 'D'"):
        session_targets(ratings, rater="D")
    alone = read_ratings(write("participant|n1|n2|vas", "1|3|4|5", name="b.csv"), toy)
    with pytest.raises(RatingsError, match="consensus"):
        session_targets(alone, policy="consensus")


def test_missing_numbers_are_counted_by_reason(ratings: Ratings) -> None:
    counts = missing_counts(session_targets(ratings, rater="A"))
    assert counts.to_numpy().tolist() == [["n2", "code -99", 1], ["total", "missing items", 1]]


def test_sessions_without_any_rating_are_no_targets(ratings: Ratings) -> None:
    assert "sub-3" not in session_targets(ratings).table["participant_id"].tolist()
    assert len(rater_values(ratings)) == 5


def test_sessions_without_label_are_kept_apart_by_participant(write: Write, toy: Scale) -> None:
    ratings = read_ratings(write("participant|rater|n1|n2|vas", "1|A|1|1|1", "1|B|3|3|3", "2|A|7|7|7"), toy)
    pooled = session_targets(ratings)
    assert pooled.table["total"].tolist() == [6, 21]
    assert pooled.table["session_id"].isna().all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=5), st.sampled_from(["mean", "median", "first"]))
def test_pooling_is_bounded_and_equals_numpy(
    tmp_path_factory: pytest.TempPathFactory, ones: list[int], policy: str
) -> None:
    path = tmp_path_factory.mktemp("pool") / "r.csv"
    rows = "".join(f"1,R{k},{value}\n" for k, value in enumerate(ones))
    path.write_text("participant,rater,n1\n" + rows)
    ratings = read_ratings(path, load_scale("panss"))
    pooled = session_targets(ratings, policy=policy).table["n1"].iloc[0]  # type: ignore[arg-type]
    expected = {"mean": np.mean, "median": np.median, "first": lambda x: x[0]}[policy](ones)
    assert pooled == pytest.approx(expected)
    assert min(ones) <= pooled <= max(ones)
