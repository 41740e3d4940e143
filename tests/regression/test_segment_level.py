"""Segment-level rows, weights and session predictions against plain loops."""

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression import nested_predict, split_participants
from emoclip_clinic.regression.features import session_features
from emoclip_clinic.regression.heads import get_head, make_head_data
from emoclip_clinic.regression.segment_level import load_segment_rows, mean_over_segments, participant_weights
from tests.regression.naive_ridge import pipeline
from tests.regression.written_study import WrittenStudy

RNG = np.random.default_rng(3)


def naive_weights(groups: list[str], session: list[int]) -> list[float]:
    people = sorted(set(groups))
    weights = []
    for person, own in zip(groups, session, strict=True):
        own_sessions = {s for p, s in zip(groups, session, strict=True) if p == person}
        weights.append(len(groups) / len(people) / len(own_sessions) / session.count(own))
    return weights


def long_and_short(n_of_first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of eight participants, of whom the first has as many as is asked for."""
    rng = np.random.default_rng(11)
    parts = [rng.standard_normal((40, 3)) for _ in range(8)]
    Y = rng.standard_normal(8)
    lengths = [n_of_first, 5, 9, 30, 12, 7, 20, 3]
    groups = np.repeat(np.arange(8), lengths)
    X = np.vstack([part[:n] + 0.5 * y for part, n, y in zip(parts, lengths, Y, strict=True)])
    return X, Y[groups][:, None], groups


def test_the_length_of_a_video_that_is_left_out_does_not_move_the_model() -> None:
    predicted = {}
    for n_of_first in (2, 40):
        X, Y, groups = long_and_short(n_of_first)
        weight = participant_weights(groups, groups)
        data = make_head_data(
            {"embedding": X}, Y, groups=groups, folds=split_participants(groups), sample_weight=weight
        )
        predicted[n_of_first] = get_head("ridge").out_of_fold(data).predictions[0, :2, 0]
        plain = nested_predict(X, Y, groups, sample_weight=weight)
        predicted[-n_of_first] = plain.predictions[:2, 0]
    np.testing.assert_allclose(predicted[2], predicted[40], rtol=1e-9)
    assert np.abs(predicted[-2] - predicted[-40]).max() > 1e-3  # where the sum of the weights counts


def test_relative_weights_are_those_of_the_plain_loop_that_scales_them() -> None:
    X, Y, groups = long_and_short(6)
    weight = participant_weights(groups, groups)
    for features in (X, np.hstack([X, np.random.default_rng(1).standard_normal((len(X), 200))])):
        found = nested_predict(
            features, Y, groups, alphas=[10.0], sample_weight=3 * weight, relative_weight=True
        )
        for fold in found.folds:
            own = weight[fold.train] / weight[fold.train].mean()
            model = pipeline(features[fold.train], Y[fold.train, 0], own, 10.0)
            np.testing.assert_allclose(
                found.predictions[fold.test, 0], model.predict(features[fold.test]), rtol=1e-9
            )


def test_weights_are_those_of_the_plain_loop_with_mean_one() -> None:
    groups = ["a"] * 7 + ["b"] * 2 + ["c"] * 4
    session = [0] * 5 + [1] * 2 + [2, 2] + [4, 4, 4, 3]
    weight = participant_weights(groups, session)
    np.testing.assert_allclose(weight, naive_weights(groups, session), rtol=1e-14)
    assert weight.mean() == pytest.approx(1.0)


def test_a_long_interview_weighs_as_much_as_a_short_one() -> None:
    groups = np.array(["long"] * 1000 + ["short"] * 10 + ["two"] * 30)
    session = np.array([0] * 1000 + [1] * 10 + [2] * 25 + [3] * 5)
    weight = participant_weights(groups, session)
    shares = [weight[groups == name].sum() for name in ("long", "short", "two")]
    np.testing.assert_allclose(shares, len(groups) / 3)
    assert weight[session == 2].sum() == pytest.approx(weight[session == 3].sum())


def test_a_session_of_two_participants_is_refused() -> None:
    with pytest.raises(RegressionError, match="belong to one participant"):
        participant_weights(["a", "b"], [0, 0])


def test_lengths_of_groups_and_sessions_must_agree() -> None:
    with pytest.raises(RegressionError, match=r"shape \(3,\)"):
        participant_weights(["a", "b"], [0, 0, 1])


def test_rows_come_in_the_order_of_the_sessions(written: WrittenStudy) -> None:
    a, b, c = (RNG.normal(size=(n, 3)).astype(np.float32) for n in (6, 8, 7))
    written.write("sub-01", "ses-1", a, rejected=[1])
    written.write("sub-01", "ses-2", b)
    written.write("sub-02", "ses-1", c)
    features = session_features(written.study)
    sessions = features.sessions.iloc[[2, 0]].reset_index(drop=True)
    rows = load_segment_rows(written.study, sessions)
    np.testing.assert_array_equal(rows.X, np.vstack([c, np.delete(a, 1, axis=0)]))
    assert rows.X.dtype == np.float32
    assert rows.session.tolist() == [0] * 7 + [1] * 5
    assert rows.groups.tolist() == ["sub-02"] * 7 + ["sub-01"] * 5
    np.testing.assert_allclose(rows.weight, [12 / 2 / 7] * 7 + [12 / 2 / 5] * 5)
    ratings = np.array([[1.0, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(rows.inherited(ratings), ratings[rows.session])
    # what is exact for the mean: averaging segments gives the session's feature
    means = mean_over_segments(rows.X.astype(float), rows.session, n_sessions=2)
    np.testing.assert_allclose(means, features.X[[2, 0]], rtol=1e-6)


def test_a_study_that_changed_is_refused(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    sessions = session_features(written.study).sessions
    written.write("sub-01", "ses-1", np.ones((7, 2)))
    with pytest.raises(RegressionError, match=r"7 segments of .* instead of 6"):
        load_segment_rows(written.study, sessions)
    with pytest.raises(RegressionError, match="no segments of"):
        load_segment_rows(written.study, sessions.assign(session_id="ses-9"))


def test_sessions_must_be_there_once(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", np.ones((6, 2)))
    sessions = session_features(written.study).sessions
    for bad in (sessions.iloc[:0], sessions.iloc[[0, 0]]):
        with pytest.raises(RegressionError, match="each once"):
            load_segment_rows(written.study, bad)


def test_session_predictions_are_means_over_segments_within_each_repetition() -> None:
    session = np.array([0, 2, 0, 2, 2])
    predictions = RNG.normal(size=(4, 5, 2))
    predictions[1, 1, 0] = np.nan
    found = mean_over_segments(predictions, session, n_sessions=3)
    expected = np.full((4, 3, 2), np.nan)
    for repeat in range(4):
        for target in range(2):
            for one in (0, 2):
                own = [predictions[repeat, k, target] for k in range(5) if session[k] == one]
                expected[repeat, one, target] = sum(own) / len(own)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.isnan(found[:, 1]).all()
    assert np.isnan(found[1, 2, 0])


@pytest.mark.parametrize("shape", [(5,), (4, 2)])
def test_predictions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RegressionError, match="shape"):
        mean_over_segments(np.zeros(shape), np.zeros(5, dtype=np.intp), n_sessions=1)
