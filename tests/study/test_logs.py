"""Every run leaves one log file that says what ran and how it ended."""

import logging
import os
import re
import sys
import warnings

import pytest

from emoclip_clinic import __version__
from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.logs import run_log

OURS = logging.getLogger("emoclip_clinic")


def test_a_log_says_what_ran_where_and_how_it_ended(study: Study) -> None:
    with run_log(study, "weights add", argv=["emoclip-clinic", "weights", "add", "é b.pt"]) as log:
        logging.getLogger("emoclip_clinic.video").info("opened %s", "é.mp4")
        logging.getLogger("emoclip_clinic").debug("too fine")
        logging.getLogger("somebody").error("not ours")
    path = log.path
    assert path.parent == study.logs
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}Z_weights-add_{os.getpid()}\.log", path.name)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# emoclip-clinic {__version__}, Python {sys.version.split()[0]}, ")
    assert lines[1] == f"# weights add, process {os.getpid()}, study {study.root}"
    assert lines[2] == "# command: ['emoclip-clinic', 'weights', 'add', 'é b.pt']"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO emoclip_clinic\.video \[\d+\]: opened é\.mp4", lines[3]
    )
    assert re.fullmatch(r"# ended well after \d+\.\d s", lines[4])
    assert len(lines) == 5


def test_a_log_is_on_the_disk_while_the_run_goes_on(study: Study) -> None:
    with run_log(study, "extract") as log:
        assert "# command: " in log.path.read_text()
        OURS.info("now")
        assert "now" in log.path.read_text()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_log_says_which_error_ended_the_run(study: Study, error: type[BaseException]) -> None:
    logs = []

    def run() -> None:
        with run_log(study, "extract") as log:
            logs.append(log.path)
            raise error

    with pytest.raises(error):
        run()
    assert f"# ended by {error.__name__}" in logs[0].read_text()


def test_a_log_ends_as_its_owner_says(study: Study) -> None:
    with run_log(study, "extract") as log:
        log.end = "ended with failures"
    assert log.path.read_text().splitlines()[-1].startswith("# ended with failures after ")


def test_loggers_are_as_before_afterwards(study: Study) -> None:
    before = (OURS.level, list(OURS.handlers))
    with run_log(study, "extract"):
        assert OURS.isEnabledFor(logging.INFO)
    assert (OURS.level, OURS.handlers) == before


def test_finer_messages_are_kept_where_asked(study: Study) -> None:
    with run_log(study, "extract", level=logging.DEBUG) as log:
        OURS.debug("fine")
    assert "DEBUG emoclip_clinic" in log.path.read_text()


def test_warnings_of_python_are_kept_where_they_are_captured(study: Study) -> None:
    with run_log(study, "fit") as log, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        try:
            warnings.warn("zero variance", stacklevel=1)
        finally:
            logging.captureWarnings(False)
    assert "zero variance" in log.path.read_text()


def test_two_runs_in_one_second_have_two_files(study: Study) -> None:
    with run_log(study, "extract") as first, run_log(study, "extract") as second:
        assert first.path != second.path
    assert len(list(study.logs.iterdir())) == 2


def test_a_study_that_cannot_be_written_is_an_error_of_ours(study: Study) -> None:
    study.derivatives.parent.write_text("a file where the folder should be")
    with pytest.raises(StudyError, match="logs must be writable"), run_log(study, "extract"):
        pass
