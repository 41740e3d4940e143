"""Facts about the verbs that work on a study, as a user meets them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.synthetic import draw_counter, write_clip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two videos of people, one that is empty, and one that belongs to nobody; no faces."""
    folder = tmp_path / "study é [1]"
    interviews = folder / "interviews"
    interviews.mkdir(parents=True)
    for name in ("sub-01_ses-1_task-talk_beh.mp4", "sub-02_beh.mp4", "holiday.mp4"):
        write_clip(interviews / name, (draw_counter(i) for i in range(10)))
    (interviews / "sub-03_beh.mp4").touch()
    return folder


def invoke(study: Path, verb: str, *arguments: str):
    return CliRunner().invoke(app, [verb, str(study / "interviews"), *arguments, "--study", str(study)])


def rows_of(text: str) -> list[dict[str, str]]:
    header, *lines = text.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_recordings_lists_what_headers_say_and_goes_on_after_a_bad_file(study: Path) -> None:
    result = invoke(study, "recordings")
    rows = rows_of(result.stdout)
    assert result.exit_code == 0
    assert [row["participant"] for row in rows] == ["sub-01", "sub-02", "sub-03"]
    assert rows[0]["session"] == "ses-1"
    assert rows[0]["task"] == "talk"
    assert (rows[0]["pixels"], rows[0]["codec"], rows[0]["result"]) == ("160x120", "h264", "none")
    assert rows[0]["file"] == "interviews/sub-01_ses-1_task-talk_beh.mp4"
    assert rows[1]["session"] == "n/a"
    assert "empty" in rows[2]["note"]


def test_recordings_names_what_is_not_assigned_and_why(study: Path) -> None:
    result = invoke(study, "recordings")
    (line,) = [line for line in result.stderr.splitlines() if "holiday.mp4" in line]
    assert len(line.split(": ", 1)[1]) > 10


def test_only_keeps_the_named_participants_with_or_without_prefix(study: Path) -> None:
    result = invoke(study, "recordings", "--only", "sub-01", "--only", "02")
    assert [row["participant"] for row in rows_of(result.stdout)] == ["sub-01", "sub-02"]


def test_only_of_somebody_unknown_is_usage_with_a_suggestion(study: Path) -> None:
    result = invoke(study, "recordings", "--only", "sub-011")
    assert result.exit_code == 2
    assert "Did you mean 'sub-01'?" in result.stderr


def test_only_of_somebody_quite_different_is_told_who_is_known(study: Path) -> None:
    result = invoke(study, "recordings", "--only", "sub-9")
    assert result.exit_code == 2
    assert "Known are sub-01, sub-02, sub-03." in result.stderr


@pytest.mark.parametrize("verb", ["recordings", "extract"])
def test_without_a_path_the_study_is_meant(study: Path, verb: str) -> None:
    options = [] if verb == "recordings" else ["--dry-run", "--model", "tiny-random"]
    result = CliRunner().invoke(app, [verb, "--study", str(study), *options])
    assert result.exit_code == 0
    assert [row["participant"] for row in rows_of(result.stdout)] == ["sub-01", "sub-02", "sub-03"]


def test_extract_lists_what_is_not_assigned_and_where_to_look_if_nothing_is(tmp_path: Path) -> None:
    write_clip(tmp_path / "holiday.mp4", (draw_counter(i) for i in range(5)))
    result = CliRunner().invoke(app, ["extract", "--study", str(tmp_path), "--model", "tiny-random"])
    assert "  holiday.mp4: " in result.stderr
    assert "1 not assigned" in result.stderr
    assert f"Next: emoclip-clinic recordings --study {tmp_path}" in result.stderr


def test_a_dry_run_leaves_no_log(study: Path) -> None:
    invoke(study, "extract", "--dry-run", "--model", "tiny-random")
    assert not (study / "derivatives").exists()


def test_an_error_before_the_work_is_in_the_log(study: Path) -> None:
    assert invoke(study, "extract", "--only", "sub-9").exit_code == 2
    (log,) = (study / "derivatives" / "emoclip-clinic" / "logs").iterdir()
    text = log.read_text()
    assert "Known are sub-01, sub-02, sub-03." in text
    assert "# ended by StudyError (exit code 2)" in text


def test_two_recordings_with_one_identity_are_an_error_before_any_work(study: Path) -> None:
    other = study / "interviews" / "again"
    other.mkdir()
    write_clip(other / "sub-02_beh.mkv", (draw_counter(i) for i in range(5)))
    for verb in ("recordings", "extract"):
        result = invoke(study, verb)
        assert result.exit_code == 2
        assert "sub-02_beh.mkv" in result.stderr
    written = {path.parent.name for path in (study / "derivatives").rglob("*") if path.is_file()}
    assert written == {"logs"}


def test_a_pattern_says_who_is_on_the_video(study: Path) -> None:
    result = invoke(study, "recordings", "--pattern", r"(?P<participant>holiday)\.mp4")
    assert "sub-holiday" in [row["participant"] for row in rows_of(result.stdout)]


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["--subject-rule", "larget"], "Did you mean 'largest'?"),
        (["--resize", "antialais"], "Did you mean 'antialias'?"),
        (["--detector", "mtcn", "--model", "tiny-random"], "Did you mean 'mtcnn'?"),
        (["--model", "emoclip-randm"], "Did you mean 'emoclip-random'?"),
        (["--segment-frames", "1"], "segment_frames = 1"),
        (["--device", "cuba", "--model", "tiny-random"], "Did you mean 'cuda'?"),
        (["--device", "cuba", "--model", "tiny-random", "--dry-run"], "Did you mean 'cuda'?"),
        (["--batch-size", "0"], "Give an allowed value"),
        (["--pattern", "(?P<participant>"], "For example: '(?P<participant>"),
        (["--config", "absent.toml"], "Check its path"),
        (["--only", "--"], "--only sub-01"),
        (["--segmnt-frames", "16"], "--segment-frames"),
        (["--segment-frames", "many"], "valid integer"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistyped_option_or_value_is_usage_with_a_suggestion(
    study: Path, arguments: list[str], suggestion: str
) -> None:
    result = invoke(study, "extract", *arguments)
    assert result.exit_code == 2
    assert suggestion in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistyped_key_of_a_settings_file_is_usage_with_a_suggestion(study: Path) -> None:
    (study / "emoclip-clinic.toml").write_text("[extract]\nsubject_rul = 'left'\n")
    result = invoke(study, "extract")
    assert result.exit_code == 2
    assert "Did you mean 'subject_rule'?" in result.stderr
    assert "emoclip-clinic.toml" in result.stderr


def test_a_study_that_is_no_folder_is_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--study", str(tmp_path / "absent")])
    assert result.exit_code == 2
    assert "absent" in result.stderr


def test_status_of_a_fresh_study_names_the_next_command(study: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--study", str(study)])
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "emoclip-clinic extract" in result.stderr


def test_an_import_of_ratings_leaves_a_log_also_if_it_is_refused(study: Path, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.csv")
    arguments = ["ratings", "import", absent, "--scale", "panss-30", "--study", str(study)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    (log,) = (study / "derivatives" / "emoclip-clinic" / "logs").iterdir()
    assert log.read_text().splitlines()[-1].startswith("# ended by ")


def test_a_check_of_ratings_writes_nothing(study: Path, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.csv")
    arguments = ["ratings", "check", absent, "--scale", "panss-30", "--study", str(study)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert not (study / "derivatives").exists()
