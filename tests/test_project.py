"""Facts about the repository as a whole: its commands, its wheel, its pages."""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command

import emoclip_clinic
from emoclip_clinic.cli import app
from emoclip_clinic.cli.setting_options import setting_facts
from emoclip_clinic.study.recordings_table import RECORDINGS_COLUMNS
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.status import STATUS_COLUMNS

PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "ETHICS.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in sorted((Path(__file__).parent.parent / "docs").glob("*.md"))),
)


def readme_command(repository: Path, name: str) -> str:
    text = (repository / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"<!-- command: {name} -->\n+```\w*\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 1
    return blocks[0].strip()


def test_ci_runs_the_test_command_exactly_as_the_readme_prints_it(repository: Path) -> None:
    printed = subprocess.run(
        ["bash", ".ci/run", "--print"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == readme_command(repository, "test")


@pytest.mark.parametrize("name", ["run", "test"])
def test_readme_commands_are_complete_from_a_bare_python(repository: Path, name: str) -> None:
    lines = readme_command(repository, name).splitlines()
    assert lines[0].startswith("python3 -m venv .venv")
    assert all(line.endswith(" && \\") or line.endswith(" &&") for line in lines[:-1])


def test_readme_runs_verbs_and_options_that_exist(repository: Path) -> None:
    command = get_command(app)
    calls = re.findall(r"emoclip-clinic (\w+) ([^&\n]*)", readme_command(repository, "run"))
    assert {verb for verb, _ in calls} == {"extract", "status"}
    for verb, arguments in calls:
        known = {option for parameter in command.commands[verb].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", arguments)) <= known


def test_version_is_written_once(repository: Path) -> None:
    assert metadata.version("emoclip-clinic") == emoclip_clinic.__version__


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(repository: Path, page: str) -> None:
    path = repository / page
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_page_of_settings_is_what_the_code_says(repository: Path) -> None:
    rows = ["| setting | option | unit | allowed | default | meaning |", "|---|---|---|---|---|---|"]
    for fact in setting_facts(ExtractSettings):
        allowed = ", ".join(fact.choices) or fact.limits
        names = f"`{fact.name}` | `{fact.option}`"
        rows.append(f"| {names} | {fact.unit} | {allowed} | {fact.default} | {fact.description} |")
    assert "\n".join(rows) in (repository / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_page_of_file_formats_describes_every_column_of_tables_for_people(repository: Path) -> None:
    text = (repository / "docs" / "file-formats.md").read_text(encoding="utf-8")
    for columns in (RECORDINGS_COLUMNS, STATUS_COLUMNS):
        assert "\n".join(f"| `{name}` | {meaning} |" for name, meaning in columns.items()) in text


def test_every_setting_of_the_example_in_the_page_of_settings_is_allowed(repository: Path) -> None:
    text = (repository / "docs" / "settings.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    ExtractSettings(**tomllib.loads(example)["extract"])


def test_changelog_has_a_section_for_what_comes_next(repository: Path) -> None:
    assert "## [Unreleased]" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_file_names_the_host_of_a_package_index(repository: Path) -> None:
    hosts = re.compile(
        "|".join(re.escape(host) for host in ("py" + "pi.org", "python" + "hosted.org", "--index" + "-url"))
    )
    files = [
        repository / ".ci" / "run",
        repository / "pyproject.toml",
        *(repository / page for page in PAGES),
    ]
    assert [file.name for file in files if hosts.search(file.read_text(encoding="utf-8"))] == []
