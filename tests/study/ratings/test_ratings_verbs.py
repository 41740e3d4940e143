"""The verbs about ratings: import writes only what is clear, check lists all that is not."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from emoclip_clinic.cli import ratings
from emoclip_clinic.cli.verb import add_verb
from emoclip_clinic.study import Study

HEADER = "Kennung;Besuch;" + ";".join(f"phq9_{n}" for n in range(1, 10)) + ";phq9_total;Notiz\n"


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer()
    add_verb(application, ratings.import_file, name="import")
    add_verb(application, ratings.check)
    return application


def call(app: typer.Typer, study: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--study", str(study)])


def test_import_says_how_the_file_was_read(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "phq.csv"
    path.write_bytes((HEADER + "01;1;0;1;2;3;0;1;2;3;-8;12;M\u00fcde\n").encode("cp1252"))
    options = ["--map", "participant_id=Kennung", "--map", "session_id=Besuch", "--missing", "-8=refused"]
    result = call(app, tmp_path, "import", str(path), "--scale", "phq9", *options)
    assert result.exit_code == 0, result.stderr
    assert "latin-1" in result.stderr
    assert "separated by semicolon" in result.stderr
    assert "Columns not used: Notiz." in result.stderr
    assert "sum-over-missing" in result.stdout
    written = (tmp_path / "phenotype" / "phq9.tsv").read_text()
    assert "sub-01\tses-1\tunnamed\t0\t1" in written
    assert "phq9=code -8 (refused)" in written
    assert call(app, tmp_path, "check", "--scale", "phq9").exit_code == 0
    again = call(app, tmp_path, "import", str(path), "--scale", "phq9", *options)
    assert again.exit_code == 2
    assert "--replace" in again.stderr
    assert call(app, tmp_path, "import", str(path), "--scale", "phq9", "--replace", *options).exit_code == 0


def test_check_lists_problems_and_fails(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "phq.csv"
    path.write_text(HEADER + "01;1;O;1;2;3;0;1;2;3;0;12;\n02;1;4;1;2;3;0;1;2;3;0;16;\n")
    options = ["--map", "participant_id=Kennung", "--map", "session_id=Besuch"]
    result = call(app, tmp_path, "check", str(path), "--scale", "phq9", *options)
    assert result.exit_code == 1
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:2] + row[3:6] for row in rows[1:3]] == [
        ["error", "non-numeric", "2", "phq9_1", "O"],
        ["warning", "sum-over-missing", "2", "phq9_total", "12"],
    ]
    assert "2 errors" in result.stderr
    assert "not compared with videos" in result.stderr


def test_check_compares_with_videos(app: typer.Typer, tmp_path: Path) -> None:
    videos = tmp_path / "interviews"
    videos.mkdir()
    (videos / "sub-01_ses-1_beh.mp4").write_bytes(b"")
    path = tmp_path / "phq.csv"
    path.write_text(HEADER + "1;1;0;1;2;3;0;1;2;3;0;12;\n")
    options = ["--map", "participant_id=Kennung", "--map", "session_id=Besuch"]
    result = call(app, tmp_path, "check", str(path), "--scale", "phq9", *options)
    assert result.exit_code == 0
    assert "rating-without-video" in result.stdout
    assert "video-without-rating" in result.stdout


def test_check_finds_videos_as_extract_does(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name in ("P01_V1.mp4", "P02_V1.mp4", "room.mp4"):
        (tmp_path / "films" / name).write_bytes(b"")
    path = tmp_path / "phq.csv"
    path.write_text(HEADER + "P01;V1;0;1;2;3;0;1;2;3;0;12;\n")
    options = ["--map", "participant_id=Kennung", "--map", "session_id=Besuch"]
    pattern = r"(?P<participant>P\d+)_(?P<session>V\d)"
    words = ["check", str(path), "--scale", "phq9", *options]
    result = call(app, tmp_path, *words, "--pattern", pattern)
    assert result.exit_code == 0, result.stderr
    assert "rating-without-video" not in result.stdout
    assert result.stdout.count("video-without-rating") == 1
    assert "films/room.mp4: not compared" in result.stderr
    without = call(app, tmp_path, *words)
    assert without.stderr.count("not compared with ratings") == 3
    assert "not compared with videos" in without.stderr
    assert "rating-without-video" not in without.stdout


def test_check_knows_videos_that_were_extracted(app: typer.Typer, study: Study, make_result: Any) -> None:
    make_result("sub-01_ses-1_task-talk")
    make_result("sub-02_ses-1_task-talk")
    study.recordings_tsv.write_text("path\tparticipant_id\nmoved.mp4\t01\n")
    path = study.root / "phq.csv"
    path.write_text(HEADER + "01;1;0;1;2;3;0;1;2;3;0;12;\n")
    options = ["--map", "participant_id=Kennung", "--map", "session_id=Besuch"]
    result = call(app, study.root, "check", str(path), "--scale", "phq9", *options)
    assert result.exit_code == 0, result.stderr
    assert "rating-without-video" not in result.stdout
    assert "sub-02, ses-1" in result.stdout
    assert "Videos of the study were not looked at" in result.stderr
    named = call(
        app, study.root, "check", str(path), "--scale", "phq9", "--videos", str(study.root), *options
    )
    assert named.exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "rater"], "NAME=VALUE"),
        (["--map", "rater=A", "--map", "rater=B"], "once"),
        (["--repeat", "visit"], "sessions or raters"),
        (["--decimal", ";"], "decimal mark"),
        (["--replace", "--append"], "replaced or appended"),
    ],
)
def test_wrong_options(app: typer.Typer, tmp_path: Path, options: list[str], message: str) -> None:
    path = tmp_path / "phq.csv"
    path.write_text(HEADER)
    result = call(app, tmp_path, "import", str(path), "--scale", "phq9", *options)
    assert result.exit_code == 2
    assert message in result.stderr
