"""Every video is somebody's for a stated reason, or unassigned for a stated reason."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip_clinic.errors import SettingsError, StudyError
from emoclip_clinic.study.identifiers import write_identifiers
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording, Recordings, find_recordings
from emoclip_clinic.study.video_files import VIDEO_SUFFIXES

Touch = Callable[[str], Path]


def table(study: Study, text: str) -> None:
    """Write recordings.tsv; columns are separated by | in the text, for the eye."""
    rows = ["\t".join(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]
    study.recordings_tsv.write_text("\n".join(rows) + "\n", encoding="utf-8")


def find(study: Study, *paths: str, pattern: str | None = None) -> Recordings:
    return find_recordings([study.root / path for path in paths], study=study, pattern=pattern)


def keys(found: Recordings) -> list[str]:
    return [one.key for one in found.recordings]


def reason(found: Recordings) -> str:
    assert found.recordings == ()
    (one,) = found.unassigned
    return one.reason


# names


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("sub-01_ses-2_task-interview_beh.mp4", "sub-01_ses-2_task-interview"),
        ("sub-01_ses-2_task-interview_run-1_video.MOV", "sub-01_ses-2_task-interview_run-1"),
        ("sub-01.mkv", "sub-01"),
        ("sub-01_run-2_task-x_beh.avi", "sub-01_task-x_run-2"),
        ("deep/er/sub-01/ses-2/task-x_beh.mp4", "sub-01_ses-2_task-x"),
        ("sub-01/ses-2/sub-01_ses-2_beh.mp4", "sub-01_ses-2"),
        ("sub-P01/sub-P-01_beh.mp4", "sub-P01"),
        ("sub-01/ses-1/my video.mp4", "sub-01_ses-1"),
        ("sub-01_acq-left_beh.webm", "sub-01_acq-left"),
        ("sub-01_run-1_rec-b_acq-a_task-t_beh.mp4", "sub-01_task-t_acq-a_rec-b_run-1"),
        ("sub-01_zoom-2_angle-3_beh.mp4", "sub-01_angle-3_zoom-2"),
        ("SUB-01_Ses-2_beh.mp4", "sub-01_ses-2"),
        ("Zoé Müller/sub-Zoé_beh.mp4", "sub-Zoe"),
    ],
)
def test_a_bids_style_name_gives_the_identity(study: Study, touch: Touch, path: str, key: str) -> None:
    touch(path)
    found = find(study, ".")
    assert keys(found) == [key]
    assert found.unassigned == ()
    assert found.recordings[0].source == "bids"


def test_a_recording_says_all_that_is_known(study: Study, touch: Touch) -> None:
    path = touch("sub-P-01_ses-Tag 1_task-talk_run-2_acq-x_beh.mp4")
    (one,) = find(study, ".").recordings
    assert one == Recording(
        path=path,
        participant_id="sub-P01",
        session_id="ses-Tag1",
        task="talk",
        run="2",
        start_s=None,
        end_s=None,
        rotation_deg=None,
        subject_rule=None,
        source="bids",
        participant_original="P-01",
        session_original="Tag 1",
        entities=(("acq", "x"),),
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("interview 1.mp4", "Neither its name nor a folder above it says sub-XX."),
        ("ses-1/task-x_beh.mp4", "Neither its name nor a folder above it says sub-XX."),
        ("sub-01_beh/x.mp4/video.mp4", "sub-01_beh"),
        ("sub-02/sub-01_beh.mp4", "Its name says sub-01 but its folder sub-02."),
        ("sub-01/ses-1/sub-01_ses-2_beh.mp4", "Its name says ses-2 but its folder ses-1."),
        ("sub-01/sub-02/x.mp4", "It lies in the folders sub-01 and sub-02."),
        ("sub-01_sub-02_beh.mp4", "Its name says sub- more than once."),
        ("sub-01_talk_ses-1_beh.mp4", "The part 'talk' of its name is no entity-label pair."),
        ("sub-01_desc-cropped_beh.mp4", "Its name says desc-, which BIDS keeps for derived files."),
        ("sub-01_acq-a b_beh.mp4", "The label 'a b' of acq- in its name"),
        ("sub-患者_beh.mp4", "The identifier of a participant must hold a letter a-z or a digit"),
        ("sub-_ses-1_beh.mp4", "The identifier of a participant must hold a letter a-z or a digit"),
        (f"sub-{'x' * 65}_beh.mp4", "at most 64"),
    ],
)
def test_what_a_name_does_not_say_is_not_guessed(study: Study, touch: Touch, path: str, why: str) -> None:
    touch(path)
    if path.startswith("sub-01_beh/"):  # a folder is not sub-01 because its name begins so
        assert keys(find(study, ".")) == ["sub-01beh"]
    else:
        assert why in (said := reason(find(study, ".")))
        assert not said.endswith("..")


def test_three_long_labels_are_too_long_for_a_file_name(study: Study, touch: Touch) -> None:
    touch(f"sub-{'a' * 60}_ses-{'b' * 60}_task-{'c' * 60}.mp4")
    assert "at most 180 characters" in reason(find(study, "."))


def test_one_identity_for_two_videos_is_an_error_that_names_both(study: Study, touch: Touch) -> None:
    touch("a/sub-01_ses-1_beh.mp4")
    touch("b/sub-01_ses-1_video.mov")
    touch("c/sub-02_beh.mp4")
    with pytest.raises(StudyError) as caught:
        find(study, ".")
    assert "sub-01_ses-1: a/sub-01_ses-1_beh.mp4 and b/sub-01_ses-1_video.mov" in str(caught.value)
    assert "sub-02" not in str(caught.value)


def test_identities_that_differ_only_in_letter_case_are_an_error(study: Study, touch: Touch) -> None:
    touch("a/sub-01_task-Talk_beh.mp4")
    touch("b/sub-01_task-talk_beh.mp4")
    with pytest.raises(StudyError, match="same identity"):
        find(study, ".")


def test_two_participants_with_one_label_are_an_error_that_names_both(study: Study, touch: Touch) -> None:
    touch("sub-P-01_ses-1_beh.mp4")
    touch("sub-P01_ses-2_beh.mp4")
    with pytest.raises(StudyError, match="'P-01' and 'P01' both become sub-P01"):
        find(study, ".")


def test_a_label_of_an_earlier_run_belongs_to_whom_it_belonged(study: Study, touch: Touch) -> None:
    touch("a/sub-P-01_ses-1_beh.mp4")
    write_identifiers(study, find(study, "a").recordings)
    touch("b/sub-P01_ses-2_beh.mp4")
    with pytest.raises(StudyError, match=r"identifiers\.tsv"):
        find(study, "b")


def test_accents_in_another_unicode_form_are_the_same_person(study: Study, touch: Touch) -> None:
    touch("sub-" + unicodedata.normalize("NFC", "Zoé") + "_ses-1_beh.mp4")
    touch("sub-" + unicodedata.normalize("NFD", "Zoé") + "_ses-2_beh.mp4")
    assert keys(find(study, ".")) == ["sub-Zoe_ses-1", "sub-Zoe_ses-2"]


# pattern


def test_a_pattern_names_participant_session_task_and_run(study: Study, touch: Touch) -> None:
    touch("wave 2/P-017_panss_b.mp4")
    found = find(
        study, ".", pattern=r"wave (?P<session>\d)/(?P<participant>P-\d+)_(?P<task>[a-z]+)_(?P<run>[a-z])"
    )
    assert keys(found) == ["sub-P017_ses-2_task-panss_run-b"]
    assert found.recordings[0].source == "pattern"
    assert found.recordings[0].participant_original == "P-017"


def test_a_group_that_takes_no_part_is_missing(study: Study, touch: Touch) -> None:
    touch("P1.mp4")
    assert keys(find(study, ".", pattern=r"(?P<participant>P\d)(_(?P<session>\d))?")) == ["sub-P1"]


def test_a_video_that_the_pattern_does_not_match_is_unassigned(study: Study, touch: Touch) -> None:
    touch("x/Q1.mp4")
    assert "the pattern does not match x/Q1.mp4" in reason(find(study, ".", pattern=r"(?P<participant>P\d)"))


def test_an_empty_participant_is_no_participant(study: Study, touch: Touch) -> None:
    touch("Q.mp4")
    assert "does not match" in reason(find(study, ".", pattern=r"(?P<participant>\d*)"))


def test_names_come_before_the_pattern(study: Study, touch: Touch) -> None:
    touch("sub-01_beh.mp4")
    found = find(study, ".", pattern=r"(?P<participant>beh)")
    assert keys(found) == ["sub-01"]


def test_the_pattern_comes_before_folders_of_a_video_whose_own_name_says_nothing(
    study: Study, touch: Touch
) -> None:
    touch("sub-01/talk7.mp4")
    assert keys(find(study, ".", pattern=r"(?P<participant>sub-\d+)/(?P<task>\w+)\.mp4")) == [
        "sub-01_task-talk7"
    ]
    assert keys(find(study, ".", pattern=r"(?P<participant>Q\d)")) == ["sub-01"]


def test_no_pattern_settles_a_contradiction(study: Study, touch: Touch) -> None:
    touch("sub-01/sub-02_beh.mp4")
    assert "but its folder" in reason(find(study, ".", pattern=r"/sub-(?P<participant>\d+)"))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<participant>", r"regular expression.*For example: '\(\?P<participant>"),
        (r"(\d+)", "must have a group named participant"),
        (r"(?P<particpant>\d+)", "Did you mean 'participant'"),
        (r"(?P<participant>\d+)(?P<visit>\d)", "Groups of the pattern may be named"),
    ],
)
def test_a_bad_pattern_is_an_error_of_usage(study: Study, pattern: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        find(study, ".", pattern=pattern)
    assert caught.value.where == "--pattern"


# recordings.tsv


def test_the_table_comes_before_names(study: Study, touch: Touch) -> None:
    path = touch("interviews/sub-01_beh.mp4")
    table(
        study,
        """
        path | participant_id | session_id | task | run | start_s | end_s | rotation | subject_rule
        interviews/sub-01_beh.mp4 | P-7 | Visit 2 | talk | 1 | 1.5 | 60 | 90 | left
        """,
    )
    (one,) = find(study, "interviews", pattern=r"(?P<participant>sub)").recordings
    assert one.key == "sub-P7_ses-Visit2_task-talk_run-1"
    assert (one.path, one.source, one.line) == (path, "table", 2)
    assert (one.start_s, one.end_s, one.rotation_deg, one.subject_rule) == (1.5, 60.0, 90, "left")
    assert (one.participant_original, one.session_original) == ("P-7", "Visit 2")


def test_the_table_needs_only_path_and_participant(study: Study, touch: Touch) -> None:
    touch("a b/ü.mp4")
    table(study, "participant_id | path\nsub-1 | a b/ü.mp4")
    (one,) = find(study, ".").recordings
    assert one.key == "sub-1"
    assert (one.session_id, one.start_s, one.rotation_deg, one.subject_rule) == (None, None, None, None)


def test_a_video_may_hold_several_recordings(study: Study, touch: Touch) -> None:
    touch("group.mp4")
    table(
        study,
        """
        path | participant_id | session_id | start_s | end_s | subject_rule
        group.mp4 | 1 | 1 | 0 | 600 | left
        group.mp4 | 2 | 1 | 0 | 600 | right
        group.mp4 | 1 | 2 | 600 | n/a | n/a
        """,
    )
    found = find(study, ".")
    assert keys(found) == ["sub-1_ses-1", "sub-1_ses-2", "sub-2_ses-1"]
    assert {one.path for one in found.recordings} == {study.root / "group.mp4"}


def test_one_identity_in_two_rows_is_an_error_that_names_both(study: Study, touch: Touch) -> None:
    touch("a.mp4")
    touch("sub-1_beh.mp4")
    table(study, "path | participant_id | start_s\na.mp4 | 1 | 0\na.mp4 | sub-1 | 60")
    with pytest.raises(StudyError) as caught:
        find(study, ".")
    message = str(caught.value)
    assert (
        "a.mp4 (line 2 of recordings.tsv) and a.mp4 (line 3 of recordings.tsv) and sub-1_beh.mp4" in message
    )


def test_a_video_beside_the_table_may_be_known_by_name_or_be_unassigned(study: Study, touch: Touch) -> None:
    for name in ("a.mp4", "sub-2_beh.mp4", "c.mp4"):
        touch(name)
    table(study, "path | participant_id\na.mp4 | 1")
    found = find(study, ".")
    assert keys(found) == ["sub-1", "sub-2"]
    assert [(one.path.name, one.reason.split(";")[0]) for one in found.unassigned] == [
        ("c.mp4", "Recordings.tsv does not list it")
    ]


def test_the_table_has_room_for_notes(study: Study, touch: Touch) -> None:
    touch("a.mp4")
    table(study, "path | participant_id | note\na.mp4 | 1 | left chair")
    assert keys(find(study, ".")) == ["sub-1"]


def test_an_error_of_rows_is_sentences_with_the_options_at_the_end(study: Study, touch: Touch) -> None:
    touch("a.mp4")
    table(study, "path | participant_id | subject_rule\na.mp4 | 1 | lft\na.mp4 | ... | left")
    with pytest.raises(StudyError) as caught:
        find(study, ".")
    message = str(caught.value)
    assert message.endswith("Nothing has been done yet. Did you mean 'left'?")
    assert "\n." not in message
    assert caught.value.found_lines == (
        "line 2: subject_rule must be one of largest, longest, left, right, center (found: 'lft')",
        "line 3: The identifier of a participant must hold a letter a-z or a digit (found: '...')",
    )


def test_all_bad_rows_are_told_together_with_their_lines(study: Study, touch: Touch) -> None:
    touch("a.mp4")
    table(
        study,
        """
        path | participant_id | session_id | start_s | end_s | rotation | subject_rule
        a.mp4 | 1 | 1 | 0 | 60 | 0 | largest
        n/a | n/a | 1 | 0 | 60 | 0 | left
        a.mp4 | ... | 1 | 1,5 | 1:30 | 45 | lft
        a.mp4 | 4 | 1 | 60 | 60 | 450 | n/a
        a.mp4 | 5 | 1 | -1 | inf | left | n/a
        """,
    )
    with pytest.raises(StudyError) as caught:
        find(study, ".")
    message = str(caught.value)
    for part in (
        "line 3: path is missing",
        "line 3: participant_id is missing",
        "line 4: The identifier of a participant must hold a letter a-z or a digit (found: '...')",
        "line 4: start_s must be a number of seconds from 0 on (write a decimal point) (found: '1,5')",
        "line 4: end_s must be a number of seconds from 0 on (1:30 is 90) (found: '1:30')",
        "line 4: rotation must be 0, 90, 180 or 270 degrees clockwise (found: '45')",
        "line 4: subject_rule must be one of largest, longest, left, right, center (found: 'lft')",
        "line 5: end_s must be greater than start_s (found: 60 to 60)",
        "line 5: rotation",
        "line 6: start_s",
        "line 6: end_s",
        "line 6: rotation",
    ):
        assert part in message
    assert "line 2" not in message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path | participant", "'participant'. Did you mean 'participant_id'"),
        ("path | participant_id | rotation_deg", "Did you mean 'rotation'"),
        ("path | session_id", "no column participant_id"),
        ("participant_id", "no column path"),
        ("path,participant_id", "Separate the columns with tabs"),
        ("path;participant_id", "Separate the columns with tabs"),
    ],
)
def test_unknown_and_missing_columns_are_errors(study: Study, header: str, message: str) -> None:
    table(study, header)
    with pytest.raises(StudyError, match=message):
        find(study, ".")


def test_a_table_in_another_folder_is_told(study: Study, touch: Touch) -> None:
    touch("interviews/recordings.tsv")
    assert "read only from the study's own folder" in reason(find(study, "interviews"))
    assert "read only from the study's own folder" in reason(find(study, "interviews/recordings.tsv"))


def test_all_absent_videos_are_told_together(study: Study, touch: Touch) -> None:
    touch("a.mp4")
    (study.root / "folder.mp4").mkdir()
    table(study, "path | participant_id\na.mp4 | 1\nb.mp4 | 2\nfolder.mp4 | 3\nc.mp4 | 4")
    with pytest.raises(StudyError) as caught:
        find(study, ".")
    message = str(caught.value)
    assert all(
        part in message for part in ("line 3: ", "b.mp4", "line 4: ", "is a folder", "line 5: ", "c.mp4")
    )
    assert "line 2" not in message


def test_rows_take_part_if_their_video_is_below_a_named_path(study: Study, touch: Touch) -> None:
    touch("a/1.mp4")
    table(study, "path | participant_id\na/1.mp4 | 1\nb/2.mp4 | 2")
    assert keys(find(study, "a")) == ["sub-1"]
    assert keys(find(study, "a/1.mp4")) == ["sub-1"]
    with pytest.raises(StudyError, match="line 3"):
        find(study, "recordings.tsv")


def test_a_row_outside_the_study_takes_part_when_the_study_is_named(study: Study, tmp_path: Path) -> None:
    outside = tmp_path / "disk" / "x.mp4"
    outside.parent.mkdir()
    outside.touch()
    table(study, f"path | participant_id\n{outside} | 1\n../disk/x.mp4 | 2")
    for paths in ((), (".",), ("recordings.tsv",)):
        found = find(study, *paths)
        assert [(one.key, one.path) for one in found.recordings] == [("sub-1", outside), ("sub-2", outside)]


def test_a_table_from_windows_finds_its_videos(study: Study, touch: Touch) -> None:
    path = touch("interviews/Zoé 1.mp4")
    decomposed = unicodedata.normalize("NFD", "Zoé 1.mp4")
    study.recordings_tsv.write_bytes(
        f"\ufeffpath\tparticipant_id\r\ninterviews\\{decomposed}\t1\r\n".encode()
    )
    assert [one.path for one in find(study, ".").recordings] == [path]


def test_a_listed_video_reached_by_a_link_is_known_by_the_table(study: Study, touch: Touch) -> None:
    path = touch("raw/x.mp4")
    (study.root / "links").mkdir()
    (study.root / "links" / "sub-9_beh.mp4").symlink_to(path)
    table(study, "path | participant_id\nraw/x.mp4 | 1")
    assert keys(find(study, "links")) == ["sub-1"]


# files


def test_relative_paths_start_at_the_working_directory(
    study: Study, touch: Touch, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = touch("a/sub-1_beh.mp4")
    monkeypatch.chdir(study.root / "a")
    for named in (".", "sub-1_beh.mp4", "../a"):
        assert [one.path for one in find_recordings([Path(named)], study=study).recordings] == [path]


def test_absent_paths_are_an_error_that_names_all(study: Study) -> None:
    with pytest.raises(StudyError, match=r"x\.mp4.*, .*nowhere"):
        find(study, "x.mp4", "nowhere")


def test_overlapping_paths_count_a_video_once(study: Study, touch: Touch) -> None:
    touch("a/b/sub-1_beh.mp4")
    assert keys(find(study, ".", "a", "a/b", "a/b/sub-1_beh.mp4")) == ["sub-1"]


@pytest.mark.parametrize(
    "path",
    [
        ".hidden/sub-1_beh.mp4",
        "._sub-1_beh.mp4",
        "derivatives/other/sub-1_beh.mp4",
        "nested/derivatives/sub-1_beh.mp4",
        "sub-1_beh.json",
        "sub-1_beh",
    ],
)
def test_hidden_derived_and_other_files_are_left_out(study: Study, touch: Touch, path: str) -> None:
    touch(path)
    assert find(study, ".") == Recordings((), ())


def test_videos_derived_by_others_are_found_where_they_are_named(study: Study, touch: Touch) -> None:
    touch("derivatives/cropper/sub-1_beh.mp4")
    touch("derivatives/emoclip-clinic/sub-2_beh.mp4")
    assert keys(find(study, "derivatives")) == ["sub-1"]
    assert find(study, "derivatives/emoclip-clinic") == Recordings((), ())


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_video_suffixes_count_in_any_letter_case(study: Study, touch: Touch, suffix: str) -> None:
    touch(f"sub-1_run-1_beh{suffix}")
    touch(f"sub-1_run-2_beh{suffix.upper()}")
    assert keys(find(study, ".")) == ["sub-1_run-1", "sub-1_run-2"]


def test_a_named_file_that_is_no_video_is_unassigned(study: Study, touch: Touch) -> None:
    touch("sub-1_beh.json")
    assert "suffix '.json' is not one of a video" in reason(find(study, "sub-1_beh.json"))


def test_the_table_may_name_a_video_of_any_suffix(study: Study, touch: Touch) -> None:
    touch("camera.dat")
    table(study, "path | participant_id\ncamera.dat | 1")
    assert keys(find(study, ".")) == ["sub-1"]
    assert keys(find(study, "camera.dat")) == ["sub-1"]


def test_links_are_followed_but_not_in_circles(study: Study, touch: Touch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "sub-1"
    elsewhere.mkdir(parents=True)
    (elsewhere / "sub-1_beh.mp4").touch()
    (elsewhere / "back").symlink_to(elsewhere.parent)
    (study.root / "videos").symlink_to(elsewhere.parent)
    (study.root / "loop").symlink_to(study.root)
    assert keys(find(study, ".")) == ["sub-1"]


def test_one_file_under_two_names_may_be_two_people(study: Study, touch: Touch) -> None:
    path = touch("raw/meeting.mp4")
    for name in ("sub-1", "sub-2"):
        (study.root / f"{name}_beh.mp4").symlink_to(path)
    found = find(study, ".")
    assert keys(found) == ["sub-1", "sub-2"]
    assert found.unassigned == ()


def test_a_link_to_nothing_and_a_pipe_are_unassigned(study: Study) -> None:
    (study.root / "sub-1_beh.mp4").symlink_to(study.root / "gone.mp4")
    os.mkfifo(study.root / "sub-2_beh.mp4")
    found = find(study, ".")
    assert [one.reason for one in found.unassigned] == [
        "It is a link to nothing.",
        "It is not an ordinary file.",
    ]
    assert keys(found) == []


def test_a_folder_named_like_a_video_is_told_and_searched(study: Study, touch: Touch) -> None:
    touch("clips.MP4/sub-02_beh.mp4")
    found = find(study, ".")
    assert keys(found) == ["sub-02"]
    assert [one.reason for one in found.unassigned] == ["It is a folder, although it is named like a video."]


def test_a_folder_that_cannot_be_read_is_told(
    study: Study, monkeypatch: pytest.MonkeyPatch, touch: Touch
) -> None:
    touch("ok/sub-1_beh.mp4")
    touch("closed/sub-2_beh.mp4")
    real = os.listdir

    def listdir(folder: Path) -> list[str]:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    found = find(study, ".")
    assert keys(found) == ["sub-1"]
    assert [(one.path.name, one.reason) for one in found.unassigned] == [
        ("closed", "The folder cannot be read (Permission denied).")
    ]


def test_a_video_outside_the_study_is_known_by_name_and_named_folder(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "disk" / "sub-1" / "x.mp4"
    path.parent.mkdir(parents=True)
    path.touch()
    assert keys(find_recordings([path.parent], study=study)) == ["sub-1"]
    assert keys(find_recordings([path.parent.parent], study=study)) == ["sub-1"]
    assert keys(find_recordings([path], study=study)) == ["sub-1"]


def test_a_study_reached_by_a_link_is_the_same_study(study: Study, touch: Touch, tmp_path: Path) -> None:
    path = touch("sub-1/ses-1/beh/raw/cut/x.mp4")
    (tmp_path / "link").symlink_to(study.root)
    assert keys(find_recordings([path], study=Study(tmp_path / "link"))) == ["sub-1_ses-1"]


def test_a_study_without_videos_has_no_recordings(study: Study) -> None:
    assert find(study) == Recordings((), ())
