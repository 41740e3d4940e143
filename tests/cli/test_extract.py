"""The verb `extract` from one end to the other, on a small generated study with a tiny model."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.cli import extract as extract_verb
from emoclip_clinic.encoder import registry
from emoclip_clinic.extraction import ExtractionSummary
from emoclip_clinic.synthetic.interviews import write_interviews

TINY = ("--model", "tiny-random")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One interview, extracted together with a file that is no video."""
    folder = tmp_path_factory.mktemp("a study")
    write_interviews(folder, participants=1, sessions=1, seconds=6.0)
    (folder / "interviews" / "sub-09_beh.mp4").write_bytes(b"no video")
    (folder / "interviews" / "holiday.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def first_run(study: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_warned", set())  # a process warns once
        return extract(study)


def extract(study: Path, *options: str):
    arguments = ["extract", str(study / "interviews"), "--study", str(study), *TINY, *options]
    return CliRunner().invoke(app, arguments)


def sidecars(study: Path) -> dict[str, dict[str, object]]:
    paths = sorted((study / "derivatives").rglob("*_emoclip.json"))
    return {path.name: json.loads(path.read_text()) for path in paths}


def test_a_recording_that_fails_costs_exit_code_1_and_the_others_are_done(study: Path, first_run) -> None:
    assert first_run.exit_code == 1
    (sidecar,) = sidecars(study).values()
    assert sidecar["status"] == "ok"
    assert sidecar["segments"]["n_ok"] >= 1
    assert "1 ok, 1 failed, 1 not assigned" in first_run.stderr
    assert "[1/2] sub-01_ses-1_task-interview: ok" in first_run.stderr
    assert "Next: emoclip-clinic status --study" in first_run.stderr
    assert "Traceback" not in first_run.stderr


def test_random_weights_are_announced_loudly(first_run) -> None:
    assert "RANDOM" in first_run.stderr


def test_every_run_leaves_a_log_file_with_its_command(study: Path, first_run) -> None:
    (log, *_) = sorted((study / "derivatives" / "emoclip-clinic" / "logs").iterdir())
    text = log.read_text()
    assert "# command: [" in text.splitlines()[2]
    assert "sub-09 failed" in text
    assert "sub-01_ses-1_task-interview: ok" in text
    assert text.splitlines()[-1].startswith("# ended with failures (exit code 1) after ")


def test_the_summary_says_why_a_recording_failed_in_one_short_line(first_run) -> None:
    (line,) = [line for line in first_run.stderr.splitlines() if line.startswith("  sub-09: ")]
    assert "Found: " in line
    assert "sub-09_beh.mp4" not in line.split("Found: ")[0]
    (before, _) = first_run.stderr.split(line)
    hint = before.split("sub-09 failed: ")[1].splitlines()[0].split(". ")[-1]
    assert hint not in line


def test_the_summary_keeps_to_the_recordings_that_were_asked_for(study: Path, first_run) -> None:
    assert "sub-09" not in extract(study, "--only", "sub-01").stderr


def test_no_face_image_is_written_unless_asked_for(study: Path, first_run) -> None:
    def images() -> list[str]:
        return [p.suffix for p in (study / "derivatives").rglob("*") if p.suffix in (".jpg", ".png")]

    assert images() == []
    assert extract(study, "--only", "sub-01", "--force", "--thumbnails").exit_code == 0
    assert images() == [".png"]


def test_a_second_run_does_nothing_to_what_is_current(study: Path, first_run) -> None:
    before = sidecars(study)
    again = extract(study, "--only", "sub-01")
    assert again.exit_code == 0
    assert "1 up to date" in again.stderr
    assert sidecars(study) == before


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["run", "dry run"])
@pytest.mark.parametrize(
    ("option", "value", "suggestion"), [("--device", "cuba", "cuda"), ("--detector", "mtcn", "mtcnn")]
)
def test_a_mistyped_value_is_told_also_where_nothing_is_to_do(
    study: Path, first_run, option: str, value: str, suggestion: str, dry_run: tuple[str, ...]
) -> None:
    result = extract(study, "--only", "sub-01", option, value, *dry_run)
    assert result.exit_code == 2
    assert f"Did you mean '{suggestion}'?" in result.stderr


def test_no_retry_leaves_failures_alone(study: Path, first_run) -> None:
    (record,) = (study / "derivatives").rglob("*_emoclip-failed.json")
    before = record.stat().st_mtime_ns
    result = extract(study, "--only", "sub-09", "--no-retry")
    assert result.exit_code == 1
    assert "\n1 failed before and left alone, 1 not assigned.\n" in result.stderr
    assert record.stat().st_mtime_ns == before


def test_dry_run_tells_what_is_done_and_to_do_with_an_estimate_and_writes_nothing(
    study: Path, first_run
) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    current = extract(study, "--only", "sub-01", "--dry-run")
    outdated = extract(study, "--only", "sub-01", "--dry-run", "--stride-frames", "4")
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before
    assert [r.stdout.splitlines()[1].split("\t")[8] for r in (current, outdated)] == ["done", "outdated"]
    assert "To do: 0 recordings" in current.stderr
    assert "To do: 1 recording, 0:06 of video" in outdated.stderr
    assert "on this machine, by" in outdated.stderr


def test_settings_come_from_option_before_config_before_study_file_before_default(
    study: Path, first_run, tmp_path: Path
) -> None:
    (study / "emoclip-clinic.toml").write_text(
        "[extract]\nsegment_frames = 20\nstride_frames = 7\nmin_coverage = 0.5\n"
    )
    config = tmp_path / "other.toml"
    config.write_text("[extract]\nsegment_frames = 24\nstride_frames = 8\n")
    result = extract(study, "--only", "sub-01", "--config", str(config), "--stride-frames", "9")
    (study / "emoclip-clinic.toml").unlink()
    (sidecar,) = sidecars(study).values()
    names = ("stride_frames", "segment_frames", "min_coverage", "crop_margin")
    assert result.exit_code == 0
    assert [sidecar["settings"][name] for name in names] == [9, 24, 0.5, 0.3]


def test_status_prints_every_column_to_a_pipe(study: Path, first_run) -> None:
    result = CliRunner().invoke(app, ["status", "--study", str(study)])
    header, *rows = [line.split("\t") for line in result.stdout.splitlines()]
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert result.exit_code == 0
    assert [row["status"] for row in table] == ["ok", "failed"]
    assert "sub-09" in table[1]["reason"]
    written = (study / "derivatives" / "emoclip-clinic" / "status.tsv").read_text().splitlines()
    assert written[0].split("\t") == header


def test_an_interrupted_run_is_130(monkeypatch: pytest.MonkeyPatch, study: Path) -> None:
    summary = ExtractionSummary(
        n_ok=0,
        n_no_face=0,
        n_failed=0,
        n_skipped=0,
        n_left_alone=0,
        n_unassigned=0,
        interrupted=True,
        rows=(),
    )
    monkeypatch.setattr("emoclip_clinic.extraction.extract_study", lambda *_, **__: summary)
    result = extract(study)
    assert result.exit_code == extract_verb.INTERRUPTED == 130
    assert "the same command goes on" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_a_scheduler_ends_a_run_with_130_and_the_same_command_finishes_it(
    tmp_path: Path, stop: signal.Signals
) -> None:
    write_interviews(tmp_path, participants=2, sessions=1, seconds=8.0)
    command = [
        sys.executable, "-c", "from emoclip_clinic.cli import main; main()",
        "extract", str(tmp_path / "interviews"), "--study", str(tmp_path), *TINY,
    ]  # fmt: skip
    # A shell that starts the tests in the background has them ignore the signal, and so would this process.
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "[2/2]" in line:
                process.send_signal(stop)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert len(sidecars(tmp_path)) == 1

    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "1 ok, 1 up to date" in again.stderr
    assert len(sidecars(tmp_path)) == 2
