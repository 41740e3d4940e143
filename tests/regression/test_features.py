"""Session features against transcriptions of their formulas, one segment at a time."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.errors import FormatError, RegressionError, StudyError
from emoclip_clinic.regression.features import (
    SessionSegments,
    aggregate,
    aggregation_names,
    iter_sessions,
    next_apart,
    register_aggregation,
    registry,
    session_features,
    usable_seconds,
)
from tests.regression.written_study import WEIGHTS, WrittenStudy

RNG = np.random.default_rng(5)


def segments(
    embeddings: np.ndarray,
    *,
    number: list[int] | None = None,
    recording: list[int] | None = None,
    coverage: list[float] | None = None,
    step_s: float = 2.0,
    length_s: float = 4.0,
) -> SessionSegments:
    n = len(embeddings)
    numbers = np.array(number if number is not None else range(n), dtype=np.intp)
    return SessionSegments(
        participant_id="sub-01",
        session_id="ses-1",
        recording=np.array(recording if recording is not None else [0] * n, dtype=np.intp),
        number=numbers,
        t_start_s=numbers * step_s,
        t_end_s=numbers * step_s + length_s,
        coverage=np.array(coverage if coverage is not None else [1.0] * n),
        embeddings=np.asarray(embeddings, dtype=np.float32),
        n_recordings=1,
        n_rejected=0,
    )


def naive_dynamics(session: SessionSegments) -> dict[str, float]:
    """The formulas of the docstring, in plain loops."""
    e = [row.astype(float) for row in session.embeddings]
    n = len(e)
    centre = sum(e) / n
    speeds, products = [], []
    for i in range(n):
        apart = [
            j
            for j in range(n)
            if session.recording[j] == session.recording[i] and session.t_start_s[j] >= session.t_end_s[i]
        ]
        if not apart:
            continue
        j = min(apart, key=lambda k: session.t_start_s[k])
        if session.t_start_s[j] - session.t_end_s[i] >= 2.0:  # a segment between them was rejected
            continue
        speeds.append(math.dist(e[i], e[j]) / (session.t_start_s[j] - session.t_start_s[i]))
        products.append(float((e[i] - centre) @ (e[j] - centre)))
    square = sum(float((x - centre) @ (x - centre)) for x in e) / n
    mean_speed = sum(speeds) / len(speeds)
    variance = sum((v - mean_speed) ** 2 for v in speeds) / (len(speeds) - 1)
    return {
        "speed_mean": mean_speed,
        "speed_sd": math.sqrt(variance),
        "spread": math.sqrt(square),
        "autocorrelation": sum(products) / len(products) / square,
    }


def test_mean_and_std_are_those_of_the_definition() -> None:
    x = RNG.normal(size=(9, 3)).astype(np.float32)
    names, row = aggregate(segments(x), "mean+std")
    assert names == ("mean_e000", "mean_e001", "mean_e002", "std_e000", "std_e001", "std_e002")
    means = [sum(float(v) for v in x[:, k]) / 9 for k in range(3)]
    sds = [math.sqrt(sum((float(v) - means[k]) ** 2 for v in x[:, k]) / 8) for k in range(3)]
    np.testing.assert_allclose(row, [*means, *sds], rtol=1e-12)


def test_quantiles_of_a_line_are_on_the_line() -> None:
    names, row = aggregate(segments(np.arange(21.0)[:, None] * [1, -1]), "quantiles")
    assert names == tuple(f"q{q}_e00{k}" for q in (10, 25, 50, 75, 90) for k in (0, 1))
    np.testing.assert_allclose(row, [2, -18, 5, -15, 10, -10, 15, -5, 18, -2])


def test_coverage_weights_the_mean() -> None:
    x = np.array([[1.0, 0.0], [4.0, 2.0]])
    names, row = aggregate(segments(x, coverage=[0.75, 0.25]), "coverage-weighted")
    assert names == ("weighted_mean_e000", "weighted_mean_e001")
    np.testing.assert_allclose(row, [1.75, 0.5])
    np.testing.assert_allclose(aggregate(segments(x), "coverage-weighted")[1], aggregate(segments(x))[1])


@pytest.mark.parametrize("number", [list(range(12)), [0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15]])
def test_dynamics_are_those_of_the_plain_loops(number: list[int]) -> None:
    session = segments(RNG.normal(size=(12, 5)).cumsum(axis=0), number=number)
    names, row = aggregate(session, "dynamics")
    assert dict(zip(names, row, strict=True)) == pytest.approx(naive_dynamics(session), rel=1e-9)


def test_dynamics_of_two_recordings_never_compare_across_them() -> None:
    x = RNG.normal(size=(12, 4))
    session = segments(x, number=[*range(7), *range(5)], recording=[0] * 7 + [1] * 5)
    assert dict(zip(*aggregate(session, "dynamics"), strict=True)) == pytest.approx(
        naive_dynamics(session), rel=1e-9
    )
    first, second = next_apart(session)
    assert (session.recording[first] == session.recording[second]).all()


def test_a_steady_drift_has_the_speed_of_the_drift() -> None:
    session = segments(np.outer(np.arange(30.0), [0.6, 0.8]))  # length 1 in each 2 s
    values = dict(zip(*aggregate(session, "dynamics"), strict=True))
    assert values["speed_mean"] == pytest.approx(0.5)
    assert values["speed_sd"] == pytest.approx(0.0, abs=1e-6)
    assert values["spread"] == pytest.approx(math.sqrt((30**2 - 1) / 12))
    assert values["autocorrelation"] > 0.7


def test_a_face_that_jumps_to_and_fro_has_negative_autocorrelation() -> None:
    # With segments that share half of their frames the lag is two: the sign must change in every second one.
    x = np.array([1, 1, -1, -1] * 6)[:, None] * [1.0, 0.0]
    assert dict(zip(*aggregate(segments(x), "dynamics"), strict=True))["autocorrelation"] == pytest.approx(
        -1.0
    )


@pytest.mark.parametrize(("step_s", "lag"), [(4.0, 1), (2.0, 2), (1.0, 4), (3.0, 2), (5.0, 1), (0.1, 40)])
def test_the_next_segment_apart_shares_no_frame(step_s: float, lag: int) -> None:
    first, second = next_apart(segments(np.zeros((50, 1)), step_s=step_s))
    assert (second - first == lag).all()
    assert len(first) == 50 - lag


def test_a_face_that_does_not_move_has_no_autocorrelation() -> None:
    values = dict(zip(*aggregate(segments(np.full((8, 3), 0.1)), "dynamics"), strict=True))
    assert values["speed_mean"] == 0.0
    assert math.isnan(values["autocorrelation"])


@pytest.mark.parametrize("how", ["std", "dynamics"])
def test_what_one_segment_does_not_define_is_nan(how: str) -> None:
    _, row = aggregate(segments(np.ones((1, 3))), how)
    assert np.isnan(row).any()


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 12)), max_size=12),
)
def test_usable_seconds_count_each_second_once(parts: list[tuple[int, int, int]]) -> None:
    recording = np.array([r for r, _, _ in parts], dtype=np.intp)
    start = np.array([float(s) for _, s, _ in parts])
    end = start + np.array([float(length) for _, _, length in parts])
    seconds = {(r, s + k) for r, s, length in parts for k in range(length)}
    assert usable_seconds(recording, start, end) == pytest.approx(len(seconds))


def test_order_of_segments_does_not_change_a_mean() -> None:
    x = RNG.normal(size=(20, 4))
    for how in ("mean", "mean+std", "quantiles"):
        np.testing.assert_allclose(
            aggregate(segments(x), how)[1], aggregate(segments(x[::-1]), how)[1], rtol=1e-6
        )


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))


@pytest.mark.usefixtures("own_registry")
def test_a_new_aggregation_is_one_function() -> None:
    @register_aggregation("test-first")
    def first(session: SessionSegments) -> dict[str, np.ndarray | float]:
        return {"first": session.embeddings[0].astype(float), "n": float(len(session.embeddings))}

    assert "test-first" in aggregation_names()
    names, row = aggregate(segments(np.array([[3.0, 4.0], [0.0, 0.0]])), "test-first+mean")
    assert names == ("first_e000", "first_e001", "n", "mean_e000", "mean_e001")
    np.testing.assert_allclose(row, [3, 4, 2, 1.5, 2])
    with pytest.raises(RegressionError, match="must be new"):
        register_aggregation("test-first")
    register_aggregation("test-again")(first)
    with pytest.raises(RegressionError, match="same feature"):
        aggregate(segments(np.ones((2, 2))), "test-first+test-again")


@pytest.mark.usefixtures("own_registry")
def test_a_feature_of_another_shape_is_refused() -> None:
    @register_aggregation("test-crooked")
    def crooked(session: SessionSegments) -> dict[str, np.ndarray]:
        return {"crooked": np.zeros(7)}

    with pytest.raises(RegressionError, match=r"crooked of shape \(7,\)"):
        aggregate(segments(np.ones((2, 3))), "test-crooked")


@pytest.mark.parametrize(
    ("how", "message"), [("men", "mean"), ("", "one of"), ("mean+mean", "once"), ("mean+", "one of")]
)
def test_an_unknown_aggregation_is_refused_before_reading(
    written: WrittenStudy, how: str, message: str
) -> None:
    with pytest.raises(RegressionError, match=message):
        session_features(written.study, aggregation=how)


def test_a_session_is_one_row_over_all_of_its_recordings(written: WrittenStudy) -> None:
    a, b, c = RNG.normal(size=(6, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(7, 3))
    written.write("sub-02", "ses-1", c)
    written.write("sub-01", "ses-1", a, run="1", rejected=[2])
    written.write("sub-01", "ses-1", b, run="2")
    features = session_features(written.study)
    assert features.keys == (("sub-01", "ses-1"), ("sub-02", "ses-1"))
    used = np.vstack([np.delete(a, 2, axis=0), b])
    np.testing.assert_allclose(features.X, [used.mean(axis=0), c.mean(axis=0)], rtol=1e-6)
    first = features.sessions.iloc[0]
    assert (first["n_recordings"], first["n_segments"], first["n_rejected"]) == (2, 10, 1)
    # 14 s of run 1, whose segment 2 is covered by its neighbours, and 12 s of run 2
    assert first["usable_s"] == pytest.approx(14.0 + 12.0)
    assert features.source.weights_sha256 == WEIGHTS.sha256
    assert features.source.settings["segment_frames"] == 16
    assert "subject_rule" not in features.source.settings
    assert len(features.contents) == 3


def test_sessions_without_session_labels_have_none(written: WrittenStudy) -> None:
    written.write("sub-01", None, np.ones((6, 2)))
    assert session_features(written.study).keys == (("sub-01", None),)


def test_sessions_with_little_usable_video_are_excluded_with_the_reason(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((4, 2)))  # 10 s
    written.write("sub-02", "ses-1", np.ones((4, 2)), rejected=[3])  # 8 s
    written.write("sub-03", "ses-1", np.ones((3, 2)), rejected=[0, 1, 2])
    written.write("sub-04", "ses-1", np.ones((0, 2)))
    features = session_features(written.study, min_usable_s=10)
    assert features.keys == (("sub-01", "ses-1"),)
    excluded = features.excluded.set_index("participant_id")
    assert excluded["reason"].to_dict() == {
        "sub-02": "less than 10 s of usable video",
        "sub-03": "no usable segment",
        "sub-04": "no usable segment",
    }
    assert excluded["usable_s"].to_dict() == {"sub-02": 8.0, "sub-03": 0.0, "sub-04": 0.0}
    assert len(session_features(written.study, min_usable_s=0).sessions) == 2


def test_a_session_whose_feature_is_not_defined_is_excluded(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", RNG.normal(size=(6, 2)))
    written.write("sub-02", "ses-1", np.ones((1, 2)))
    features = session_features(written.study, aggregation="mean+std", min_usable_s=0)
    assert features.keys == (("sub-01", "ses-1"),)
    assert features.excluded["reason"].tolist() == ["std_e000 and 1 more not defined for 1 segments"]


def test_no_session_left_is_an_error_that_counts_reasons(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((3, 2)))
    written.write("sub-02", "ses-1", np.ones((3, 2)), rejected=[0, 1, 2])
    with pytest.raises(RegressionError, match="1 x less than 99 s of usable video; 1 x no usable segment"):
        session_features(written.study, min_usable_s=99)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_min_usable_s_must_be_seconds(written: WrittenStudy, seconds: float) -> None:
    with pytest.raises(RegressionError, match="min_usable_s"):
        session_features(written.study, min_usable_s=seconds)


def test_tasks_and_sessions_can_be_chosen(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.zeros((6, 2)), task="interview")
    written.write("sub-01", "ses-1", np.ones((6, 2)), task="reading")
    written.write("sub-02", "ses-1", np.ones((6, 2)), task="reading")
    assert session_features(written.study).X[0, 0] == 0.5
    assert session_features(written.study, tasks=["interview"]).X.tolist() == [[0, 0]]
    assert session_features(written.study, only={("sub-02", "ses-1")}).keys == (("sub-02", "ses-1"),)
    with pytest.raises(RegressionError, match="reading"):
        session_features(written.study, tasks=["readin"])


def test_embeddings_of_random_weights_are_warned_of(
    written: WrittenStudy, caplog: pytest.LogCaptureFixture
) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    session_features(written.study)
    assert not caplog.records
    written.write("sub-01", "ses-1", np.ones((6, 2)), weights=WEIGHTS.model_copy(update={"kind": "random"}))
    assert session_features(written.study).source.weights_kind == "random"
    assert "random weights mean nothing" in caplog.text


def test_an_empty_study_says_to_extract(written: WrittenStudy) -> None:
    with pytest.raises(StudyError, match="extract"):
        session_features(written.study)


def test_results_of_other_weights_are_refused(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    written.write("sub-02", "ses-1", np.ones((6, 2)), weights=WEIGHTS.model_copy(update={"sha256": "c" * 64}))
    with pytest.raises(StudyError, match="same weights"):
        session_features(written.study)
    assert len(session_features(written.study, allow_mixed=True).sessions) == 2


@pytest.mark.parametrize("second", [{"participant": "sub-02"}, {"participant": "sub-01"}])
def test_embeddings_of_other_length_are_refused(written: WrittenStudy, second: dict[str, str]) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    written.write(second["participant"], "ses-1", np.ones((6, 3)), run="2")
    with pytest.raises(RegressionError, match="same number of dimensions"):
        session_features(written.study)


def test_a_table_that_was_changed_is_refused(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    (path,) = written.study.derivatives.rglob("*desc-segments*")
    (sidecar,) = written.study.sidecar_paths()
    table, said = path.read_bytes(), sidecar.read_bytes()
    written.write("sub-01", "ses-1", np.zeros((6, 2)))
    assert path.read_bytes() != table
    sidecar.write_bytes(said)
    with pytest.raises(FormatError, match="another content"):
        session_features(written.study)


def test_reading_holds_one_session_at_a_time(written: WrittenStudy) -> None:
    for number in range(8):
        written.write(f"sub-{number:02}", "ses-1", RNG.normal(size=(600, 128)))
    one = 600 * 128 * 4
    session_features(written.study)  # imports
    tracemalloc.start()
    session_features(written.study, aggregation="mean+std")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # NumPy's arrays are traced, Arrow's buffers are not: the matrix twice, and once more in float64.
    assert peak < 6 * one
    assert sum(len(session.embeddings) for session, _ in iter_sessions(written.study)) == 8 * 600
