"""A person's choice of tracks is for one recording and one scan, and nothing else."""

import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.tracks_table import TRACKS_COLUMNS, TrackChoices, read_tracks

from .conftest import ResultMaker


def table(study: Study, text: str) -> None:
    rows = ["\t".join(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]
    study.tracks_tsv.write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_without_a_table_a_rule_decides(study: Study, make_result: ResultMaker) -> None:
    assert read_tracks(study) == TrackChoices()
    assert read_tracks(study).of(make_result.recording("sub-01")) is None


def test_tracks_are_those_of_one_recording(study: Study, make_result: ResultMaker) -> None:
    table(
        study,
        """
        participant_id | session_id | task | run | track | scan_key | note
        sub-01 | ses-1 | talk | n/a | 3 | k1 | came back
        01 | 1 | talk | n/a | 0 | k1 | n/a
        P-2 | n/a | n/a | n/a | 7 | n/a | n/a
        """,
    )
    choices = read_tracks(study)
    choice = choices.of(make_result.recording("sub-01_ses-1_task-talk"))
    assert (choice.tracks, choice.scan_key) == ((0, 3), "k1")
    assert choice.where == f"{study.tracks_tsv}, line 2, 3"
    assert choices.of(make_result.recording("sub-P2")).tracks == (7,)
    for other in (
        "sub-01_ses-1",
        "sub-01_ses-2_task-talk",
        "sub-01_ses-1_task-talk_run-1",
        "sub-1_ses-1_task-talk",
    ):
        assert choices.of(make_result.recording(other)) is None


def test_recordings_with_further_entities_need_them_in_the_table(
    study: Study, make_result: ResultMaker
) -> None:
    table(study, "participant_id | acq | track\n01 | left | 1\n01 | right | 2")
    choices = read_tracks(study)
    assert choices.of(make_result.recording("sub-01_acq-left")).tracks == (1,)
    assert choices.of(make_result.recording("sub-01_acq-right")).tracks == (2,)
    assert choices.of(make_result.recording("sub-01")) is None


def test_a_choice_holds_for_the_scan_that_the_person_saw(study: Study, make_result: ResultMaker) -> None:
    table(study, "participant_id | track | scan_key\n01 | 1 | old\n02 | 1 | n/a")
    choices = read_tracks(study)
    bound, free = (choices.of(make_result.recording(name)) for name in ("sub-01", "sub-02"))
    bound.check("old", [0, 1])
    free.check("any", [0, 1])
    with pytest.raises(StudyError, match=r"scan_key old, now new"):
        bound.check("new", [0, 1])
    with pytest.raises(StudyError, match=r"must exist. Found: 1. The recording has the tracks 0, 2"):
        free.check("any", [2, 0])
    with pytest.raises(StudyError, match="has the tracks none"):
        free.check("any", [])


def test_a_choice_for_no_recording_is_told(study: Study, make_result: ResultMaker) -> None:
    table(
        study,
        "participant_id | session_id | task | track\n01 | 1 | tlak | 0\n01 | 1 | talk | 0\n09 | 1 | talk | 0",
    )
    (told,) = read_tracks(study).unmatched([make_result.recording("sub-01_ses-1_task-talk")])
    assert "line 2: no recording is participant-01_session-1_task-tlak" in told
    assert "sub-01_ses-1_task-talk" in told


def test_all_bad_rows_are_told_together(study: Study) -> None:
    table(
        study,
        """
        participant_id | track | scan_key
        01 | 0 | a
        01 | 0 | a
        01 | 1 | b
        n/a | n/a | a
        02 | -1 | a
        02 | 1.5 | a
        --- | 1 | a
        """,
    )
    with pytest.raises(StudyError) as caught:
        read_tracks(study)
    message = str(caught.value)
    for part in (
        "line 3: track 0 of this recording stands in line 2 already",
        "line 4: scan_key differs from that of line 2",
        "line 5: participant_id is missing",
        "line 5: track is missing",
        "line 6: track must be a whole number from 0 on (found: '-1')",
        "line 7: track must be a whole number from 0 on (found: '1.5')",
        "line 8: The identifier of a participant must hold a letter",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("participant_id | tracks", "no track; 'tracks'.*Did you mean 'track'"),
        ("participant_id | track | sesion_id", "Did you mean 'session_id'"),
        ("track", "no participant_id"),
    ],
)
def test_unknown_and_missing_columns_are_errors(study: Study, header: str, message: str) -> None:
    table(study, header)
    with pytest.raises(StudyError, match=message):
        read_tracks(study)


def test_columns_are_documented() -> None:
    assert all(meaning.endswith((".", "optional.")) for meaning in TRACKS_COLUMNS.values())
