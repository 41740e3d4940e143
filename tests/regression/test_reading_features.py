"""Zero-shot readings as features of sessions."""

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.regression.features import session_features
from emoclip_clinic.regression.features.readings import reading_features
from emoclip_clinic.study.readings import SESSION_READING_COLUMNS, write_session_readings
from emoclip_clinic.study.results import list_results
from tests.regression.written_study import WrittenStudy


def write_readings(written: WrittenStudy, rows: list[dict[str, object]]) -> None:
    table = pd.DataFrame(rows).reindex(columns=[c.name for c in SESSION_READING_COLUMNS], fill_value=1)
    hashes = {
        one.sidecar.recording.key: one.sidecar.tables["segments"].sha256
        for one in list_results(written.study)
    }
    write_session_readings(written.study, "toy", table, facts={"segments": hashes})


@pytest.fixture
def two_sessions(written: WrittenStudy) -> WrittenStudy:
    rng = np.random.default_rng(0)
    written.write("sub-01", None, rng.normal(size=(8, 3)))
    written.write("sub-02", None, rng.normal(size=(8, 3)))
    write_readings(
        written,
        [
            {"participant_id": f"sub-0{p}", "session_id": None, "class": c, "similarity_mean": p + k / 10,
             "share_of_time": k, "episodes_per_minute": 7}
            for p in (2, 1)
            for k, c in enumerate(("joy", "fear"))
        ],
    )  # fmt: skip
    return written


def test_readings_stand_in_the_place_of_embeddings_or_beside_them(two_sessions: WrittenStudy) -> None:
    features = session_features(two_sessions.study)
    alone = reading_features(features, two_sessions.study, "toy", beside=False)
    assert alone.names[:2] == ("zeroshot:joy:similarity_mean", "zeroshot:joy:share_of_time")
    np.testing.assert_allclose(alone.X, [[1, 0, 7, 1.1, 1, 7], [2, 0, 7, 2.1, 1, 7]])
    both = reading_features(features, two_sessions.study, "toy", beside=True)
    np.testing.assert_array_equal(both.X, np.hstack([features.X, alone.X]))
    assert both.names == (*features.names, *alone.names)


def test_readings_that_are_absent_or_out_of_date_are_errors(two_sessions: WrittenStudy) -> None:
    features = session_features(two_sessions.study)
    with pytest.raises(StudyError, match="zeroshot score --classes other"):
        reading_features(features, two_sessions.study, "other", beside=False)
    two_sessions.write("sub-02", None, np.zeros((8, 3)))
    with pytest.raises(StudyError, match="made anew"):
        reading_features(features, two_sessions.study, "toy", beside=False)
