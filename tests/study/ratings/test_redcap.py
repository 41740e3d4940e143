"""REDCap exports, raw and labelled, with events, repeating instruments, checkboxes and a data dictionary."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings import ReadOptions, check_ratings, read_ratings
from emoclip_clinic.study.ratings.redcap import checkbox_column, event_label, read_data_dictionary
from emoclip_clinic.study.scales import Scale

Write = Callable[..., Path]

DICTIONARY = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels"',
    '"record_id","demographics","","text","Record ID",""',
    '"n1","toy","","radio","Blunted <b>affect</b>","1, Absent | 2, Minimal | 3, Mild | 4, Moderate | '
    '5, Moderate severe | 6, Severe | 7, Extreme | -99, Not assessed"',
    '"n2","toy","","checkbox","Withdrawal","1, Absent | 2, Minimal | 3, Mild | -99, Not assessed"',
    '"vas","toy","","text","Visual analogue",""',
)


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "dictionary.csv"
    path.write_text("\n".join(DICTIONARY))
    return path


def test_raw_longitudinal_export(write: Write, toy: Scale) -> None:
    path = write(
        "record_id|redcap_event_name|redcap_repeat_instrument|redcap_repeat_instance|age|n1|n2|vas|toy_complete",
        "01|baseline_arm_1||||||| ",
        "01|visit_1_arm_1||||3|-99|5.5|2",
        "01|visit_2_arm_1||||4|2|NASK|0",
        "01|visit_2_arm_1|adverse_event|1||||| ",
        "02|visit_1_arm_2||||9|2|1|1",
    )
    ratings = read_ratings(path, toy)
    assert ratings.frame["participant_id"].tolist() == ["sub-01", "sub-01", "sub-02"]
    assert ratings.frame["session_id"].tolist() == ["ses-visit1", "ses-visit2", "ses-visit1"]
    assert dict(ratings.source.left_out_rows) == {
        "rows of the event 'baseline_arm_1' without ratings of toy": 1,
        "rows of the instrument 'adverse_event' without ratings of toy": 1,
    }
    reasons = dict(zip(ratings.missing["item"], ratings.missing["reason"], strict=False))
    assert reasons["n2"] == "code -99"
    assert reasons["vas"] == "code NASK (not asked)"
    found = [(p.kind, p.row, p.column, p.value) for p in check_ratings(ratings)]
    assert ("out-of-range", 6, "n1", "9") in found
    assert ("incomplete-form", 4, "toy_complete", "0") in found
    assert ("incomplete-form", 6, "toy_complete", "1") in found
    assert len(found) == 3


def test_events_are_mapped_to_sessions(write: Write, toy: Scale) -> None:
    path = write("record_id|redcap_event_name|n1|n2|vas", "1|t0_arm_1|3|4|5", "1|t1_arm_1|3|4|5")
    events = {"t0_arm_1": "ses-1", "t1_arm_1": "2"}
    frame = read_ratings(path, toy, options=ReadOptions(events=events)).frame
    assert frame["session_id"].tolist() == ["ses-1", "ses-2"]
    with pytest.raises(RatingsError, match="t1_arm_1"):
        read_ratings(path, toy, options=ReadOptions(events={"t0_arm_1": "1"}))


def test_event_names_of_raw_and_labelled_exports_give_the_same_session() -> None:
    assert (
        event_label("visit_1_arm_1")
        == event_label("Visit 1 (Arm 1: Drug)")
        == event_label("Visit 1")
        == "visit1"
    )


def test_repeating_instrument_is_sessions_or_raters_and_never_guessed(write: Write, toy: Scale) -> None:
    path = write(
        "record_id|redcap_repeat_instrument|redcap_repeat_instance|n1|n2|vas",
        "1|toy|1|3|4|5",
        "1|toy|2|4|4|5",
    )
    with pytest.raises(RatingsError, match="--repeat session or --repeat rater"):
        read_ratings(path, toy)
    as_session = read_ratings(path, toy, options=ReadOptions(repeat_as="session")).frame
    assert as_session["session_id"].tolist() == ["ses-1", "ses-2"]
    as_rater = read_ratings(path, toy, options=ReadOptions(repeat_as="rater")).frame
    assert as_rater["rater"].tolist() == ["1", "2"]
    assert as_rater["session_id"].isna().all()


def test_labelled_export_needs_the_dictionary(write: Write, toy: Scale, dictionary: Path) -> None:
    path = write(
        "Record ID|Event Name|Blunted affect|Withdrawal (choice=Absent)|Withdrawal (choice=Minimal)|"
        "Withdrawal (choice=Mild)|Withdrawal (choice=Not assessed)|Visual analogue|Complete?",
        "1|Visit 1|Moderate severe|Unchecked|Checked|Unchecked|Unchecked|5|Complete",
        "2|Visit 1|Not assessed|Unchecked|Unchecked|Unchecked|Checked|5|Complete",
        "3|Visit 1|Modrate|Unchecked|Unchecked|Unchecked|Unchecked|5|Complete",
    )
    with pytest.raises(RatingsError, match="columns for items"):
        read_ratings(path, toy)
    ratings = read_ratings(path, toy, options=ReadOptions(dictionary=dictionary))
    assert ratings.frame["n1"].tolist()[:1] == [5]
    assert ratings.frame["n2"].tolist()[:1] == [2]
    reasons = ratings.missing[["participant_id", "item", "reason"]].to_numpy().tolist()
    assert ["sub-2", "n1", "code -99 (Not assessed)"] in reasons
    assert ["sub-2", "n2", "code -99"] in reasons
    assert ["sub-3", "n2", "no box checked"] in reasons
    wrong = [p for p in ratings.problems if p.is_error]
    assert [(p.kind, p.row, p.column, p.value) for p in wrong] == [
        ("non-numeric", 4, "Blunted affect", "Modrate")
    ]


def test_checkboxes_of_a_raw_export(write: Write, toy: Scale) -> None:
    path = write(
        "record_id|n1|n2___1|n2___2|n2____99|vas",
        "1|3|0|1|0|5",
        "2|3|1|1|0|5",
        "3|3|0|0|1|5",
        "4|3|0|0|0|5",
        "5|3|x|0|0|5",
    )
    ratings = read_ratings(path, toy)
    assert ratings.frame["n2"].tolist()[0] == 2
    assert ratings.frame["n2"].isna().tolist() == [False, True, True, True, True]
    assert [(p.kind, p.row, p.value) for p in ratings.problems] == [
        ("several-boxes", 3, "1, 2"),
        ("non-numeric", 6, "x"),
    ]
    assert ratings.missing["reason"].tolist() == ["unreadable", "code -99", "no box checked", "unreadable"]


def test_checkbox_column_names() -> None:
    assert checkbox_column("n2") is None
    raw = checkbox_column("panss_n2____99")
    assert raw is not None
    assert (raw.field, raw.code) == ("panss_n2", "-99")


def test_an_item_both_as_number_and_as_checkboxes(write: Write, toy: Scale) -> None:
    with pytest.raises(RatingsError, match="n2, n2___1"):
        read_ratings(write("record_id|n1|n2|n2___1", "1|3|4|1"), toy)


def test_double_data_entry_is_two_versions_of_one_rating(write: Write, toy: Scale) -> None:
    path = write("record_id|n1|n2|vas", "17--1|3|4|5", "17--2|3|4|5")
    assert [(p.kind, p.value) for p in read_ratings(path, toy).problems] == [
        ("identifier", "17--1"),
        ("identifier", "17--2"),
    ]


def test_labels_that_two_choices_share_are_not_decoded(write: Write, toy: Scale, tmp_path: Path) -> None:
    dictionary = tmp_path / "api.csv"
    dictionary.write_text(
        "field_name,form_name,section_header,field_type,field_label,select_choices_or_calculations\n"
        'n1,toy,,radio,Blunted affect,"1, Mild | 2, Mild"\n'
    )
    path = write("record_id|n1|n2|vas", "1|Mild|4|5")
    kinds = [p.kind for p in read_ratings(path, toy, options=ReadOptions(dictionary=dictionary)).problems]
    assert kinds == ["declared-range", "non-numeric"]


def test_what_is_no_data_dictionary(write: Write) -> None:
    with pytest.raises(RatingsError, match="REDCap's own export"):
        read_data_dictionary(write("a|b", "1|2"))
    with pytest.raises(RatingsError, match="row 2"):
        read_data_dictionary(
            write(
                "field_name|form_name|field_type|field_label|select_choices_or_calculations",
                "n1|toy|radio|Blunted affect|Absent",
            )
        )
