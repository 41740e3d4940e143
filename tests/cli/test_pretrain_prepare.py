"""The verb `pretrain prepare`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.pretraining.data import open_shards
from tests.pretraining.data.clip_files import counters, mixed_folder


def run(*arguments: object):
    return CliRunner().invoke(app, ["pretrain", "prepare", *map(str, arguments)])


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    for k in range(3):
        counters(tmp_path / f"{k}.mp4", start=100 * k)
    rows = [f"{k}.mp4,caption {k},film-{k}" for k in range(3)]
    (tmp_path / "clips.csv").write_text("\n".join(["path,caption,source", *rows]))
    return tmp_path / "clips.csv"


def test_a_manifest_becomes_clips(crops, tmp_path) -> None:
    out = tmp_path / "out"
    options = ("--out", out, "--detector", "none", "--size", 64, "--sample-fps", 12.5, "--workers", 1)
    result = run(crops, *options)
    assert result.exit_code == 0, result.output
    assert "3 clips of 3 sources, 1.6 to 1.6 s (median 1.6) long" in result.stdout
    assert "3 cut now, 0 were there, 0 left out" in result.stderr
    store = open_shards(out)
    assert (store.size_px, len(store.samples)) == (64, 3)
    assert store.record["settings"]["detector"] == "none"
    again = run(crops, *options)
    assert "0 cut now, 3 were there" in again.stderr


def test_what_is_left_out_is_said_and_ends_with_code_1(tmp_path) -> None:
    result = run(mixed_folder(tmp_path), "--out", tmp_path / "out", "--size", 32, "--workers", 2)
    assert result.exit_code == 1, result.output
    for name in ("room.mp4", "tone.m4a", "garbage.mp4"):
        assert f"  {name}: " in result.stderr
    assert "skipped.tsv" in result.stderr
    assert "of clips with the same pixels: a.mp4 = copy.mp4" in result.stdout


def test_a_dry_run_writes_nothing(crops, tmp_path) -> None:
    result = run(crops, "--out", tmp_path / "out", "--detector", "none", "--dry-run", "--workers", 2)
    assert result.exit_code == 0, result.output
    assert "To do: 3 clips, 0:05 of video." in result.stderr
    assert "MB needed at most" in result.stderr
    assert "with 2 workers, by 3 clips cut now" in result.stderr
    assert result.stdout.splitlines()[1] == "0.mp4\tfilm-0\tn/a\t1\tto do"
    assert not (tmp_path / "out").exists()


def test_bad_rows_are_refused_all_at_once_or_left_out_by_option(crops, tmp_path) -> None:
    with crops.open("a") as file:
        file.write("\nabsent.mp4,x,f\n0.mp4,12,f\n")
    options = ("--out", tmp_path / "out", "--detector", "none", "--size", 32, "--workers", 1)
    result = run(crops, *options)
    assert result.exit_code == 2
    assert "row 5, column path" in result.stderr
    assert "row 6, column caption" in result.stderr
    assert not (tmp_path / "out").exists()
    result = run(crops, *options, "--skip-bad-rows")
    assert result.exit_code == 1, result.output
    assert "3 cut now, 0 were there, 2 left out" in result.stderr
    assert "  row 5: column path: The file must be there" in result.stderr
    skipped = (tmp_path / "out" / "skipped.tsv").read_text().splitlines()
    assert [line.split("\t")[:3] for line in skipped[1:]] == [["row 5", "5", "n/a"], ["row 6", "6", "n/a"]]


def test_a_clip_whose_rows_contradict_each_other_is_left_out_with_all_its_rows(crops, tmp_path) -> None:
    with crops.open("a") as file:
        file.write("\n0.mp4,caption 3,film-9\n")
    options = ("--out", tmp_path / "out", "--detector", "none", "--size", 32, "--workers", 1)
    result = run(crops, *options, "--skip-bad-rows")
    assert result.exit_code == 1, result.output
    assert "2 cut now, 0 were there, 2 left out" in result.stderr
    assert "row 2: Contradicted by row 5. Found: '0.mp4'." in result.stderr
    assert "row 5: column source: Rows of the same clip must agree; row 2 has film-0" in result.stderr


def test_a_column_that_is_probably_misspelt_is_told(crops, tmp_path) -> None:
    crops.write_text(crops.read_text().replace("path,caption,source", "path,label,sourse"))
    result = run(crops, "--out", tmp_path / "out", "--detector", "none", "--dry-run", "--workers", 1)
    assert "the column 'sourse' is not read. Did you mean 'source'?" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sample-fps", "0"), "sample_fps"),
        (("--min-coverage", "2"), "min_coverage"),
        (("--detector", "mtcn"), "mtcnn"),
    ],
)
def test_impossible_settings_are_refused(crops, tmp_path, options, said) -> None:
    result = run(crops, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_absent_manifest_is_an_error_of_usage(tmp_path) -> None:
    result = run(tmp_path / "absent.csv", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no such file" in result.stderr.lower()


def test_prepare_needs_to_know_where_to_put_clips(crops) -> None:
    assert run(crops).exit_code == 2


def test_the_settings_file_of_the_study_holds_for_the_face_but_not_for_the_rate(crops, tmp_path) -> None:
    (tmp_path / "emoclip-clinic.toml").write_text('[extract]\ndetector = "none"\nsample_fps = 1.0\n')
    result = run(crops, "--out", tmp_path / "out", "--study", tmp_path, "--size", 32, "--workers", 1)
    assert result.exit_code == 0, result.output
    settings = open_shards(tmp_path / "out").record["settings"]
    assert (settings["detector"], settings["sample_fps"]) == ("none", 25.0)
