"""The display of a verb that does one thing after another."""

import io

from rich.console import Console

from emoclip_clinic.cli.work_progress import WorkProgress


def test_a_pipe_gets_one_line_for_each_thing_that_is_done() -> None:
    stream = io.StringIO()
    with WorkProgress(Console(file=stream, width=80), plain=False) as progress:
        progress("ridge", 0, 2)
        progress("permutation test", 1, 99)
        progress("permutation test", 50, 99)
    lines = stream.getvalue().splitlines()
    assert [line.partition("] ")[2] for line in lines] == ["ridge", "permutation test"]


def test_a_terminal_gets_a_bar_that_disappears_at_the_end() -> None:
    stream = io.StringIO()
    with WorkProgress(Console(file=stream, width=80, force_terminal=True), plain=False) as progress:
        progress("permutation test", 50, 99)
        progress("measures", 0, 0)
    text = stream.getvalue()
    assert "measures" in text
    assert text.endswith("\x1b[2K")


def test_plain_lines_can_be_had_on_a_terminal_too() -> None:
    stream = io.StringIO()
    with WorkProgress(Console(file=stream, width=80, force_terminal=True), plain=True) as progress:
        progress("measures", 0, 0)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2K" not in stream.getvalue()


def test_plain_lines_tell_how_far_long_work_is() -> None:
    stream = io.StringIO()
    with WorkProgress(Console(file=stream, width=80), plain=False, every_s=0.0) as progress:
        progress("mlp", 0, 0)
        progress("mlp", 10, 120)
        progress("mlp", 0, 0)
        progress("mean", 0, 0)
    lines = [line.partition("] ")[2] for line in stream.getvalue().splitlines()]
    assert lines == ["mlp", "mlp, 10 of 120", "mean"]
