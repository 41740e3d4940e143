"""The verb `report` from one end to the other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from tests.reporting.studies import RECIPES, ReportStudy, make_study

QUICK = ("--resamples", "200")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ReportStudy:
    return make_study(tmp_path_factory.mktemp("report") / "study", RECIPES["twelve"])


def run(study: Path, *arguments: str):
    return CliRunner().invoke(app, ["report", *arguments, "--study", str(study)])


def test_a_report_prints_the_answer_and_where_it_is(made: ReportStudy) -> None:
    result = run(made.study.root, *QUICK)
    assert result.exit_code == 0, result.stderr
    page = made.study.report_page(made.fit)
    assert page.is_file()
    assert result.stdout.splitlines()[0] == "fit\tpage\tsize\tfiles"
    assert result.stdout.splitlines()[1].startswith("cains\tderivatives/emoclip-clinic/reports/cains.html\t")
    assert "With 12 participants no number here is firm" in result.stderr
    assert "13 facts that only you know are missing" in result.stderr
    assert "--mask-ids" in result.stderr
    assert str(page) in result.stderr
    assert "[0:00] intervals" in result.stderr


def test_the_run_leaves_a_log(made: ReportStudy) -> None:
    run(made.study.root, *QUICK)
    assert list(made.study.logs.glob("*_report_*.log"))


def test_dry_run_lists_pages_and_writes_nothing(made: ReportStudy, tmp_path: Path) -> None:
    shutil.copytree(made.study.root, tmp_path / "copy", ignore=shutil.ignore_patterns("reports"))
    before = sorted(tmp_path.rglob("*"))
    result = run(tmp_path / "copy", "--dry-run")
    assert result.exit_code == 0
    assert re.search(
        r"^cains\tcains\t.*Z\tderivatives/emoclip-clinic/reports/cains.html$", result.stdout, re.M
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ((), "emoclip-clinic extract"),
        (("derivatives",), "ratings import"),
        (("derivatives", "phenotype"), "fit --scale"),
    ],
)
def test_a_study_without_fits_is_told_which_command_is_missing(
    made: ReportStudy, tmp_path: Path, keep: tuple[str, ...], said: str
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    for name in keep:
        shutil.copytree(
            made.study.root / name, study / name, ignore=shutil.ignore_patterns("fits", "reports")
        )
    result = run(study)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fit", "cain"), "Did you mean 'cains'"),
        (("--scale", "pans"), "cains"),
        (("--margin", "2"), "less than or equal to 1"),
        (("--margin-statistic", "ccc"), "Did you mean 'CCC'"),
        (("--resamples", "5"), "greater than or equal to 100"),
    ],
)
def test_mistakes_are_usage_errors_that_say_what_to_do(
    made: ReportStudy, arguments: tuple[str, ...], said: str
) -> None:
    result = run(made.study.root, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistake_in_the_facts_of_the_study_is_told_with_its_place(
    made: ReportStudy, tmp_path: Path
) -> None:
    config = tmp_path / "facts.toml"
    config.write_text("[study]\nrater_trainig = 'two days'\n")
    result = run(made.study.root, *QUICK, "--config", str(config))
    assert result.exit_code == 2
    assert "Did you mean 'rater_training'" in result.stderr
    assert "facts.toml [study]" in result.stderr


def test_the_browser_is_opened_only_when_asked(made: ReportStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        "emoclip_clinic.cli.report.webbrowser.open", lambda address: opened.append(address) or True
    )
    run(made.study.root, *QUICK)
    assert opened == []
    run(made.study.root, *QUICK, "--open")
    assert opened == [made.study.report_page(made.fit).as_uri()]


def test_a_report_never_imports_torch(made: ReportStudy) -> None:
    code = (
        "import sys; from emoclip_clinic.cli import app\n"
        f"try: app(['report', '--resamples', '200', '--study', {str(made.study.root)!r}])\n"
        "except SystemExit as end: print('LOADED', end.code, [m for m in ('torch', 'open_clip', 'cv2', 'av') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED 0 []"
