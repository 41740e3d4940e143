"""The pages on reports and agreement say what the code does, and their examples run."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.cli.setting_options import setting_facts
from emoclip_clinic.study.investigator import InvestigatorFacts, load_investigator_facts, read_preregistration
from emoclip_clinic.study.report_settings import ReportSettings


@pytest.fixture
def pages(repository: Path) -> dict[str, str]:
    return {
        name: (repository / "docs" / f"{name}.md").read_text(encoding="utf-8")
        for name in ("report", "agreement")
    }


def test_every_setting_and_every_fact_stands_in_the_page(pages: dict[str, str]) -> None:
    for fact in setting_facts(ReportSettings):
        allowed = ", ".join(fact.choices) or fact.limits
        cells = (f"`{fact.name}`", f"`{fact.option}`", fact.unit, allowed, fact.default, fact.description)
        assert f"| {' | '.join(cells)} |" in pages["report"]
    for fact in setting_facts(InvestigatorFacts):
        assert re.search(rf"\| `{fact.name}` \| .+ \| {re.escape(fact.description)} \|", pages["report"])


def test_the_example_of_facts_is_allowed_and_gives_all_that_belong_together(
    pages: dict[str, str], tmp_path: Path
) -> None:
    facts, registered = re.findall(r"```toml\n(.*?)```", pages["report"], flags=re.DOTALL)
    (tmp_path / "emoclip-clinic.toml").write_text(facts, encoding="utf-8")
    (tmp_path / "preregistration.toml").write_text(registered, encoding="utf-8")
    given = load_investigator_facts(tmp_path)
    assert given.raters == 2
    assert read_preregistration(tmp_path, given).verified is False
    ReportSettings(**tomllib.loads(registered)["report"])


def test_the_examples_of_agreement_run(
    pages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (table,) = re.findall(r"```csv\n(.*?)```", pages["agreement"], flags=re.DOTALL)
    (tmp_path / "scores.csv").write_text(table, encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", pages["agreement"], flags=re.DOTALL)
    for command in commands.splitlines():
        result = CliRunner().invoke(app, [*command.split()[1:], "--resamples", "100"])
        assert result.exit_code == 0, result.stderr
    assert (tmp_path / "scores-agreement.html").is_file()
    (code,) = re.findall(r"```python\n(.*?)```", pages["agreement"], flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ICC(A,1)" in done.stdout


def test_options_in_the_pages_exist(pages: dict[str, str]) -> None:
    from typer.main import get_command

    for name, text in pages.items():
        command = get_command(app).commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        for line in re.findall(rf"emoclip-clinic {name} (.*)", text):
            assert set(re.findall(r"--[\w-]+", line)) <= known
