"""Facts about what every verb shares, on verbs made for the test."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from emoclip_clinic.cli.verb import Call, add_verb
from emoclip_clinic.errors import VideoError


def application(function: Callable[..., int]) -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_verb(app, function, name="act")
    return app


def invoke(function: Callable[..., int], *arguments: str):
    return CliRunner().invoke(application(function), ["act", *arguments])


def idle(call: Call) -> int:
    return 0


def test_shared_options_reach_the_verb_and_stand_after_it(tmp_path: Path) -> None:
    seen: list[Call] = []

    def act(call: Call) -> int:
        seen.append(call)
        return 0

    assert invoke(act, "--study", str(tmp_path), "--log-level", "info", "--debug").exit_code == 0
    assert seen[0].options.study == tmp_path
    assert seen[0].options.debug
    assert CliRunner().invoke(application(act), ["--study", str(tmp_path), "act"]).exit_code == 2


def test_the_verbs_return_value_is_the_exit_code() -> None:
    def act(call: Call) -> int:
        return 1

    assert invoke(act).exit_code == 1


def test_an_error_of_ours_is_four_parts_on_stderr_and_no_traceback() -> None:
    def act(call: Call) -> int:
        raise VideoError(
            "A video must have a picture", found="audio only", where=Path("a [b].mp4"), hint="Look at it."
        )

    result = invoke(act)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: A video must have a picture.",
        "  found: audio only",
        "  where: a [b].mp4",
        "  next:  Look at it.",
    ]


def test_several_findings_are_lines_below_each_other() -> None:
    def act(call: Call) -> int:
        raise VideoError("Files must be videos", found=["a.mp4 is empty", "b.mp4 is a folder"])

    assert invoke(act).stderr.splitlines() == [
        "Error: Files must be videos.",
        "  found: a.mp4 is empty",
        "         b.mp4 is a folder",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "readable"), ("[extrct]\n", "Did you mean 'extract'?"), ("extract = 3", "must be a table")],
    ids=["absent", "mistyped", "no table"],
)
def test_a_settings_file_is_looked_at_by_verbs_that_have_no_settings(
    tmp_path: Path, text: str | None, said: str
) -> None:
    config = tmp_path / "c.toml"
    if text is not None:
        config.write_text(text)
    result = invoke(idle, "--config", str(config))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "next:" in result.stderr


def test_the_study_must_be_a_folder_for_every_verb(tmp_path: Path) -> None:
    result = invoke(idle, "--study", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "must be an existing folder" in result.stderr


def ends_well(call: Call) -> int:
    return 0


def ends_with_failures(call: Call) -> int:
    return 1


def is_interrupted(call: Call) -> int:
    raise KeyboardInterrupt


def tells_interruption(call: Call) -> int:
    return 130


def meets_an_error(call: Call) -> int:
    raise VideoError("A video must have a picture")


def breaks(call: Call) -> int:
    raise ZeroDivisionError("x")


@pytest.mark.parametrize(
    ("function", "end"),
    [
        (ends_well, "ended well (exit code 0)"),
        (ends_with_failures, "ended with failures (exit code 1)"),
        (is_interrupted, "interrupted (exit code 130)"),
        (tells_interruption, "interrupted (exit code 130)"),
        (meets_an_error, "ended by VideoError (exit code 2)"),
        (breaks, "ended by ZeroDivisionError (exit code 70)"),
    ],
)
def test_the_log_ends_with_how_the_run_ended(
    tmp_path: Path, function: Callable[[Call], int], end: str
) -> None:
    def act(call: Call) -> int:
        call.log_into(call.open_study())
        return function(call)

    invoke(act, "--study", str(tmp_path))
    (log,) = (tmp_path / "derivatives" / "emoclip-clinic" / "logs").iterdir()
    assert log.read_text().splitlines()[-1].startswith(f"# {end} after ")


def test_debug_shows_where_an_error_arose() -> None:
    def act(call: Call) -> int:
        raise VideoError("A video must have a picture")

    result = invoke(act, "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "Error: A video must have a picture." in result.stderr


def test_an_error_that_is_not_ours_is_called_a_fault_and_says_how_to_report_it() -> None:
    def act(call: Call) -> int:
        raise ZeroDivisionError("x")

    result = invoke(act)
    assert result.exit_code == 70
    assert "fault of emoclip-clinic" in result.stderr
    assert "ZeroDivisionError: x" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr


def test_interrupt_is_130() -> None:
    def act(call: Call) -> int:
        raise KeyboardInterrupt

    result = invoke(act)
    assert result.exit_code == 130
    assert "same command" in result.stderr


@pytest.mark.parametrize(("level", "shown"), [("warning", False), ("info", True)])
def test_log_level_decides_what_the_terminal_shows(level: str, shown: bool) -> None:
    def act(call: Call) -> int:
        logging.getLogger("emoclip_clinic.test").info("a [detail]")
        return 0

    result = invoke(act, "--log-level", level)
    assert ("info: a [detail]" in result.stderr) is shown


def test_a_mistyped_log_level_gets_a_suggestion() -> None:
    result = invoke(idle, "--log-level", "wraning")
    assert result.exit_code == 2
    assert "Did you mean 'warning'?" in result.stderr


def test_help_shows_flags_without_a_value_and_joins_the_lines_of_a_paragraph() -> None:
    def act(call: Call, *, quick: Annotated[bool, typer.Option("--quick", help="Hurry.")] = False) -> int:
        """Do it.

        First line
        and second line.
        """
        return 0

    shown = invoke(act, "--help").stdout
    (line,) = [line for line in shown.splitlines() if "--quick" in line]
    assert " ".join(line.strip("│ ").split()) == "--quick Hurry. (default off)"
    assert "First line and second line." in shown


def test_logging_is_as_before_after_a_verb() -> None:
    before = list(logging.getLogger().handlers)
    invoke(idle)
    assert logging.getLogger().handlers == before
