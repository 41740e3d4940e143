"""Joining features and ratings: every session is used or counted, and change is what its formula says."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.change import change_features, change_targets, improvement, join_change
from emoclip_clinic.regression.features import session_features
from emoclip_clinic.regression.targets import failed_sessions, join_targets
from emoclip_clinic.study.ratings import Targets
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.scales import Scale
from emoclip_clinic.study.sidecar import FailedRecord, InputRecord, RecordingRecord, write_failed
from tests.regression.written_study import WrittenStudy

Rate = Callable[..., Targets]


def embeddings(value: float, n: int = 6) -> np.ndarray:
    return np.full((n, 2), value)


def test_rows_of_features_and_ratings_belong_to_the_same_session(written: WrittenStudy, rate: Rate) -> None:
    for participant, session, value in (
        ("sub-02", "ses-1", 21),
        ("sub-01", "ses-2", 12),
        ("sub-01", "ses-1", 11),
    ):
        written.write(participant, session, embeddings(value))
    targets = rate(
        ("01", "1", "A", 1, 2), ("02", "1", "A", 3, 4), ("01", "2", "A", 5, 6), ("01", "2", "B", 6, 6)
    )
    joined = join_targets(session_features(written.study), targets)
    assert joined.keys == (("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", "ses-1"))
    assert joined.X[:, 0].tolist() == [11, 12, 21]
    assert joined.targets == ("n1", "n2", "total")
    np.testing.assert_array_equal(joined.Y, [[1, 2, 3], [5.5, 6, 11.5], [3, 4, 7]])
    np.testing.assert_array_equal(joined.n_raters, [[1, 1, 1], [2, 2, 2], [1, 1, 1]])
    assert joined.groups.tolist() == ["sub-01", "sub-01", "sub-02"]
    assert joined.counts == {"used": 3}
    assert "Mean over the raters" in joined.statement
    assert joined.kind == "level"


def test_sessions_without_labels_are_joined(written: WrittenStudy, rate: Rate) -> None:
    written.write("sub-01", None, embeddings(1))
    joined = join_targets(session_features(written.study), rate(("01", "n/a", "A", 1, 2)))
    assert joined.keys == (("sub-01", None),)


def fail(written: WrittenStudy, participant: str) -> None:
    recording = Recording(
        path=written.study.root / "a.mp4",
        participant_id=participant,
        session_id="ses-1",
        task=None,
        run=None,
        start_s=None,
        end_s=None,
        rotation_deg=None,
        subject_rule=None,
        source="table",
        participant_original="a",
        session_original="1",
    )
    record = FailedRecord(
        recording=RecordingRecord.of(recording),
        input=InputRecord(path="a.mp4"),
        settings={},
        error="VideoError",
        reason="broken",
    )
    write_failed(written.study.failed_path(recording), record)


def test_every_session_left_out_has_a_reason(written: WrittenStudy, rate: Rate) -> None:
    written.write("sub-01", "ses-1", embeddings(1))
    written.write("sub-02", "ses-1", embeddings(2))
    written.write("sub-03", "ses-1", embeddings(3, n=2))
    written.write("sub-06", "ses-1", embeddings(3))
    fail(written, "sub-04")
    rated = [(f"0{k}", "1", "A", 1, 2) for k in (1, 3, 4, 5)]
    targets = rate(*rated, ("06", "1", "A", "n/a", 3))
    failed = failed_sessions(written.study)
    assert failed == {("sub-04", "ses-1")}
    joined = join_targets(session_features(written.study), targets, which=["n1", "total"], failed=failed)
    assert joined.left_out.to_numpy().tolist() == [
        ["sub-02", "ses-1", "video without rating"],
        ["sub-03", "ses-1", "less than 10 s of usable video"],
        ["sub-04", "ses-1", "rating without video: extraction failed"],
        ["sub-05", "ses-1", "rating without video"],
        ["sub-06", "ses-1", "no value of any target: empty, missing items"],
    ]
    assert joined.counts["used"] == 1
    assert sum(joined.counts.values()) == 6


def test_missing_items_are_counted_by_target_and_reason(written: WrittenStudy, rate: Rate) -> None:
    for k in range(1, 5):
        written.write(f"sub-0{k}", "ses-1", embeddings(k))
    targets = rate(
        ("01", "1", "A", 1, 2), ("02", "1", "A", "n/a", 2), ("03", "1", "A", "", 2), ("04", "1", "A", 4, 4)
    )
    joined = join_targets(session_features(written.study), targets)
    assert joined.missing.to_numpy().tolist() == [["n1", "empty", 2], ["total", "missing items", 2]]
    np.testing.assert_array_equal(np.isnan(joined.Y).sum(axis=0), [2, 0, 2])
    assert joined.n_raters[1].tolist() == [0, 1, 0]


def test_a_target_that_nobody_has_is_no_column_and_is_counted(written: WrittenStudy, rate: Rate) -> None:
    written.write("sub-01", "ses-1", embeddings(1))
    joined = join_targets(session_features(written.study), rate(("01", "1", "A", "n/a", 2)))
    assert joined.targets == ("n2",)
    assert joined.Y.shape == joined.n_raters.shape == (1, 1)
    assert set(joined.missing["target"]) == {"n1", "total"}


@pytest.mark.parametrize(
    ("which", "message"),
    [(["n9"], "Choose one of: n1, n2, total"), ([], "one at least"), (["n1", "n1"], "once")],
)
def test_targets_must_be_those_of_the_scale(
    written: WrittenStudy, rate: Rate, which: list[str], message: str
) -> None:
    written.write("sub-01", "ses-1", embeddings(1))
    with pytest.raises(RegressionError, match=message):
        join_targets(session_features(written.study), rate(("01", "1", "A", 1, 2)), which=which)


@pytest.mark.parametrize(
    ("filmed", "rated", "hint"),
    [("ses-1", "n/a", "--session"), (None, "1", "recordings.tsv"), ("ses-1", "2", "ratings check")],
)
def test_no_session_in_common_is_an_error_that_says_why(
    written: WrittenStudy, rate: Rate, filmed: str | None, rated: str, hint: str
) -> None:
    written.write("sub-01", filmed, embeddings(1))
    with pytest.raises(RegressionError, match="1 x video without rating; 1 x rating without video") as error:
        join_targets(session_features(written.study), rate(("01", rated, "A", 1, 2)))
    assert hint in str(error.value)


# Change


def test_percent_is_the_share_of_the_way_to_the_minimum() -> None:
    """PANSS total: 90 to 60 on a scale that starts at 30 is half of the way, not a third."""
    found = improvement(np.array([90.0]), np.array([60.0]), low=30, high=210, kind="percent")
    assert found == pytest.approx([50.0])


@given(st.integers(1, 7), st.integers(1, 7))
def test_improvement_does_not_depend_on_the_direction_of_the_scale(before: int, after: int) -> None:
    b, a = np.array([float(before)]), np.array([float(after)])
    for kind in ("absolute", "percent"):
        worse = improvement(b, a, low=1, high=7, kind=kind)
        better = improvement(8 - b, 8 - a, low=1, high=7, higher_is_worse=False, kind=kind)
        np.testing.assert_allclose(worse, better)
        if kind == "percent" and before > 1:
            assert worse[0] <= 100
            assert (worse[0] > 0) == (after < before)


def test_a_baseline_at_the_minimum_has_no_percent() -> None:
    assert np.isnan(improvement(np.array([1.0]), np.array([3.0]), low=1, high=7, kind="percent")).all()
    assert improvement(np.array([1.0]), np.array([3.0]), low=1, high=7) == pytest.approx([-2.0])


def test_changes_are_one_row_for_each_follow_up_and_gaps_have_reasons(rate: Rate, toy: Scale) -> None:
    targets = rate(
        ("01", "1", "A", 5, 3),
        ("01", "2", "A", 3, 3),
        ("01", "3", "A", 5, 7),
        ("02", "1", "A", 1, "n/a"),
        ("02", "2", "A", 2, 4),
        ("03", "2", "A", 2, 4),
        ("04", "1", "A", 4, 4),
        ("04", "2", "A", "n/a", 1),
    )
    change = change_targets(targets, toy, baseline="1", kind="percent")
    assert change.targets.table["session_id"].tolist() == ["ses-2", "ses-3", "ses-2", "ses-2", "ses-2"]
    nan = math.nan
    # n1 from 1: 5 to 3 is 2 of 4. n2: 3 to 7 is -4 of 2. total from 2: 8 to 6 is 2 of 6, 8 to 12 is -4 of 6.
    expected = [
        [50, 0, 100 * 2 / 6],
        [0, -200, -100 * 4 / 6],
        [nan, nan, nan],
        [nan, nan, nan],
        [nan, 100, nan],
    ]
    np.testing.assert_allclose(change.targets.table[["n1", "n2", "total"]], expected)
    reasons = change.targets.missing.set_index(["participant_id", "target"])["reason"].to_dict()
    assert reasons == {
        ("sub-02", "n1"): "baseline at the best possible value",
        ("sub-02", "n2"): "missing at baseline",
        ("sub-02", "total"): "missing at baseline",
        ("sub-03", "n1"): "no baseline rating",
        ("sub-03", "n2"): "no baseline rating",
        ("sub-03", "total"): "no baseline rating",
        ("sub-04", "n1"): "missing at follow-up",
        ("sub-04", "total"): "missing at follow-up",
    }
    np.testing.assert_array_equal(change.baseline["n1"], [5, 5, 1, nan, 4])
    assert change.targets.n_raters["n1"].tolist() == [1, 1, 1, 0, 0]
    assert "100 (ses-1 - follow-up) / (ses-1 - minimum of the score)" in change.targets.statement
    absolute = change_targets(targets, toy, baseline="ses-1")
    np.testing.assert_array_equal(absolute.targets.table["n1"], [2, 0, -1, nan, nan])


def test_a_scale_on_which_higher_is_better_improves_upwards(rate: Rate, toy: Scale) -> None:
    better = toy.model_copy(update={"direction": "higher-better"})
    targets = rate(("01", "1", "A", 3, 7), ("01", "2", "A", 5, 7), scale=better)
    change = change_targets(targets, better, baseline="1", kind="percent").targets
    assert change.table["n1"].tolist() == [50.0]
    assert np.isnan(change.table["n2"]).all()
    assert "maximum" in change.statement


@pytest.mark.parametrize("baseline", ["9", "ses-baseline"])
def test_the_baseline_must_be_a_rated_session(rate: Rate, toy: Scale, baseline: str) -> None:
    targets = rate(("01", "1", "A", 3, 7), ("01", "2", "A", 5, 7))
    with pytest.raises(RegressionError, match="session that was rated"):
        change_targets(targets, toy, baseline=baseline)


def test_change_needs_another_session_than_the_baseline(rate: Rate, toy: Scale) -> None:
    with pytest.raises(RegressionError, match="beside the baseline"):
        change_targets(rate(("01", "1", "A", 3, 7)), toy, baseline="1")


def follow_up_study(written: WrittenStudy) -> None:
    for participant, session, value in (
        ("sub-01", "ses-1", 10.0),
        ("sub-01", "ses-2", 12.0),
        ("sub-01", "ses-3", 15.0),
        ("sub-02", "ses-1", 20.0),
        ("sub-02", "ses-2", 19.0),
        ("sub-03", "ses-2", 30.0),
    ):
        written.write(participant, session, embeddings(value))
    written.write("sub-04", "ses-1", embeddings(40.0, n=2))
    written.write("sub-04", "ses-2", embeddings(41.0))


@pytest.mark.parametrize(
    ("video", "expected"),
    [("difference", [2, 5, -1]), ("baseline", [10, 10, 20]), ("follow-up", [12, 15, 19, 30, 41])],
)
def test_features_of_a_change(written: WrittenStudy, video: str, expected: list[float]) -> None:
    follow_up_study(written)
    features = change_features(session_features(written.study), baseline="1", video=video)
    assert features.X[:, 0].tolist() == expected
    assert len(features.sessions) == len(expected)
    lost = [] if video == "follow-up" else ["sub-03", "sub-04"]
    assert features.excluded["participant_id"].tolist() == lost
    assert set(features.excluded["reason"]) <= {"no usable video of ses-1"}


def test_change_of_ratings_is_joined_with_the_baseline_rating_beside_it(
    written: WrittenStudy, rate: Rate, toy: Scale
) -> None:
    follow_up_study(written)
    rows = [("01", "1", "A", 5, 5), ("01", "2", "A", 4, 1), ("01", "3", "A", 2, 5), ("02", "1", "A", 1, 3)]
    targets = rate(*rows, ("02", "2", "A", 2, 2), ("03", "2", "A", 2, 2))
    joined = join_change(session_features(written.study), targets, toy, baseline="ses-1", kind="percent")
    assert joined.keys == (("sub-01", "ses-2"), ("sub-01", "ses-3"), ("sub-02", "ses-2"))
    assert joined.kind == "change-percent"
    np.testing.assert_allclose(joined.Y[:, 0], [25, 75, np.nan])
    np.testing.assert_allclose(joined.Y[:, 1], [100, 0, 50])
    assert joined.baseline_ratings is not None
    np.testing.assert_array_equal(joined.baseline_ratings, [[5, 5, 10], [5, 5, 10], [1, 3, 4]])
    assert not np.isnan(joined.baseline_ratings[~np.isnan(joined.Y)]).any()
    assert joined.missing.to_numpy().tolist() == [["n1", "baseline at the best possible value", 1]]
    assert joined.counts == {"used": 3, "no usable video of ses-1": 2}


def test_nobody_with_both_videos_is_an_error(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-2", embeddings(1))
    with pytest.raises(RegressionError, match="1 other sessions"):
        change_features(session_features(written.study), baseline="1")
    with pytest.raises(RegressionError, match="'difference'"):
        change_features(session_features(written.study), baseline="1", video="delta")  # type: ignore[arg-type]
