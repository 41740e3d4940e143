import io

import pytest
from rich.console import Console

from emoclip_clinic.cli.progress import LiveProgress, PlainProgress, progress_for
from emoclip_clinic.extraction.progress import ExtractionProgress


class Clock:
    """A clock that tests set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run_of_two(progress: ExtractionProgress, clock: Clock) -> None:
    progress.start(2, 240.0)
    progress.recording_started("sub-01", 60.0, 1)
    progress.stage("sub-01", "faces", 0.5, 15.0)
    clock.now = 30.0
    progress.recording_finished("sub-01", "ok", None, 30.0, 60.0)
    progress.recording_started("sub-02", None, 2)
    progress.message("sub-02: a second person [plausible]")
    clock.now = 40.0
    progress.recording_finished("sub-02", "no-face", "nobody is there", 10.0, 0.0)
    progress.finish()


def plain_lines() -> list[str]:
    clock, stream = Clock(), io.StringIO()
    run_of_two(PlainProgress(Console(file=stream, width=40, markup=False), clock=clock), clock)
    return stream.getvalue().splitlines()


def test_plain_lines_count_recordings_and_name_stages_and_reasons() -> None:
    lines = plain_lines()
    assert lines[0] == "2 recordings, 4:00 of video"
    assert lines[1] == "[1/2] sub-01: started, 1:00 of video"
    assert lines[2].strip() == "sub-01: faces"
    assert lines[4] == "[2/2] sub-02: started, ? of video"
    assert lines[5] == "sub-02: a second person [plausible]"
    assert lines[6].startswith("[2/2] sub-02: no-face (nobody is there) in 10.0 s")


def test_speed_and_time_left_follow_from_video_done_and_time_passed() -> None:
    # 60 s of 240 s of video in 30 s: twice real time, 180 s at that speed is 90 s more
    assert plain_lines()[3] == "[1/2] sub-01: ok in 30.0 s; 2.0 min of video per min, 1:30 left"


def test_live_display_draws_both_bars_on_a_terminal_and_keeps_messages() -> None:
    clock, stream = Clock(), io.StringIO()
    console = Console(file=stream, width=120, force_terminal=True, markup=False, highlight=False)
    progress = progress_for(console, plain=False)
    assert isinstance(progress, LiveProgress)
    run_of_two(progress, clock)
    shown = stream.getvalue()
    assert "of 2 recordings" in shown
    assert "sub-02: a second person [plausible]" in shown
    assert "sub-02: no-face (nobody is there)" in shown


@pytest.mark.parametrize(("terminal", "plain"), [(False, False), (True, True)])
def test_lines_are_plain_where_nobody_watches_or_where_asked(terminal: bool, plain: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)
    assert isinstance(progress_for(console, plain=plain), PlainProgress)


def test_progress_without_a_display_takes_every_call_silently(capsys: pytest.CaptureFixture[str]) -> None:
    run_of_two(ExtractionProgress(), Clock())
    assert capsys.readouterr() == ("", "")
