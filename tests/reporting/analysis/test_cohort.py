"""Who takes part, who was lost where, and how good the videos are."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.reporting.analysis import FitAnalysis, ReportSettings, analyse_fit
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.sidecar import FailedRecord, InputRecord, RecordingRecord, write_failed
from tests.reporting.studies import ReportStudy

Give = Callable[[str], ReportStudy]


@pytest.fixture(scope="module")
def missing(analysis_of: Callable[[str], FitAnalysis]) -> FitAnalysis:
    return analysis_of("missing sessions")


def test_the_flow_loses_exactly_what_the_exclusions_say(missing: FitAnalysis) -> None:
    flow, exclusions = missing.cohort.flow, missing.cohort.exclusions
    assert list(flow["step"]) == ["known", "video", "extracted", "usable", "rated", "analysed"]
    lost = exclusions.groupby("step")["n_sessions"].sum()
    for before, after in zip(flow.iloc[:-1].itertuples(), flow.iloc[1:].itertuples(), strict=True):
        assert before.n_sessions - after.n_sessions == lost.get(after.step, 0)
        assert before.n_participants >= after.n_participants
    counts = missing.fit["sessions"]
    assert flow["n_sessions"].iloc[-1] == counts["used"] == missing.fit["n_sessions"]
    found = exclusions.set_index("reason")
    for reason, n in counts.items():
        if reason != "used":
            assert found.loc[reason, "n_sessions"] == n
    assert found.loc["rating without video", "step"] == "video"
    assert found.loc["video without rating", "step"] == "rated"
    assert found.loc["less than 10 s of usable video", "step"] == "usable"


def test_everybody_takes_part_where_nobody_was_lost(analysis_of: Callable[[str], FitAnalysis]) -> None:
    cohort = analysis_of("good").cohort
    assert set(cohort.flow["n_sessions"]) == {96}
    assert set(cohort.flow["n_participants"]) == {48}
    assert cohort.exclusions.empty
    assert cohort.sessions_per_participant == {2: 48}


def test_a_failed_video_without_rating_is_counted(copy_of: Give) -> None:
    study = copy_of("twelve")
    recording = Recording(
        path=study.study.root / "x.mp4",
        participant_id="sub-new",
        session_id="ses-1",
        task=None,
        run=None,
        start_s=None,
        end_s=None,
        rotation_deg=None,
        subject_rule=None,
        source="table",
        participant_original="new",
        session_original="1",
    )
    write_failed(
        study.study.failed_path(recording),
        FailedRecord(
            recording=RecordingRecord.of(recording),
            input=InputRecord(path="x.mp4"),
            settings={},
            error="VideoError",
            reason="no video stream",
            versions={},
            seconds={},
        ),
    )
    found = analyse_fit(study.study, study.fit, settings=ReportSettings(resamples=100), cache=False)
    row = found.cohort.exclusions.iloc[0]
    assert (row["step"], row["reason"], row["n_sessions"]) == ("extracted", "extraction failed, no rating", 1)
    assert list(found.cohort.flow["n_sessions"]) == [13, 13, 12, 12, 12, 12]
    quality = found.quality.set_index("participant_id").loc["sub-new"]
    assert (quality["n_recordings"], quality["n_failed"], quality["warnings"]) == (0, 1, "no video stream")
    assert np.isnan(quality["brightness"])


def test_a_change_does_not_count_its_baseline_as_lost(analysis_of: Callable[[str], FitAnalysis]) -> None:
    cohort = analysis_of("change").cohort
    assert set(cohort.flow["n_sessions"]) == {80}
    assert cohort.exclusions.empty


def test_characteristics_are_those_of_who_takes_part(study_of: Give, missing: FitAnalysis) -> None:
    path = study_of("missing sessions").study.participants_tsv
    people = pd.read_csv(path, sep="\t", dtype={"participant_id": "str"})
    there = {one.removeprefix("sub-") for one in missing.error_by_participant["participant_id"]}
    people = people[people["participant_id"].isin(there)]
    table = missing.cohort.participants.set_index(["characteristic", "level"])
    age = table.loc[("age", "")]
    assert (age["n"], age["mean"], age["sd"]) == pytest.approx(
        (len(people), people["age"].mean(), people["age"].std())
    )
    for column in ("sex", "group", "site"):
        for level, n in people[column].value_counts().items():
            assert table.loc[(column, level), "n"] == n


def test_hostile_values_stay_as_they_are(analysis_of: Callable[[str], FitAnalysis]) -> None:
    analysis = analysis_of("hostile")
    levels = set(analysis.cohort.participants["level"])
    assert {"<b>patient</b>", "control, n.o.s.", "Zürich & Co", "=cmd|' /C calc'!A0"} <= levels
    assert set(analysis.raters.raters) == {"<i>Dr. Müller</i>, A.", "=HYPERLINK(1)"}
    assert set(analysis.pairs["exp"]["group"]) == {"<b>patient</b>", "control, n.o.s."}


def test_quality_has_every_session_with_a_video(missing: FitAnalysis) -> None:
    quality = missing.quality
    assert len(quality) == 87 + 14 + 12  # analysed, too short, not rated
    assert quality["analysed"].sum() == 87
    assert set(quality["decoded_s"]) == {100.0}
    assert set(quality["coverage"]) == {1.0}
    assert quality["brightness"].between(60, 190).all()
    assert set(quality.loc[quality["analysed"], "segments_ok"]) == {8}
