"""The verbs about scales print what the library knows."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from emoclip_clinic.cli import scales
from emoclip_clinic.cli.verb import add_verb


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer()
    add_verb(application, scales.list_known, name="list")
    add_verb(application, scales.show)
    add_verb(application, scales.check)
    add_verb(application, scales.template)
    return application


def test_list_names_shipped_scales(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["list", "--study", str(tmp_path)])
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert ["panss", "30", "14", "clinician", "shipped", "Positive and Negative Syndrome Scale"] in rows


def test_show_prints_ranges_references_and_safety_notes(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", "panss", "--study", str(tmp_path)])
    assert result.exit_code == 0
    for part in (
        "30-210",
        "n1\tN1\tBlunted affect\t1-7\t1\tfull",
        "10.1093/schbul/13.2.261",
        "Note: Five-factor",
    ):
        assert part in result.stdout
    assert "Safety, phq9" in CliRunner().invoke(app, ["show", "phq9", "--study", str(tmp_path)]).stdout


def test_show_of_an_unknown_scale_is_a_usage_error(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", "pans", "--study", str(tmp_path)])
    assert result.exit_code == 2
    assert "Did you mean 'panss'?" in result.stderr


def test_the_template_passes_its_own_check(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "myscale.yaml"
    path.write_text(CliRunner().invoke(app, ["template"]).stdout)
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 0
    path.write_text(path.read_text().replace("licence:", "license:"))
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 1
    assert "Did you mean 'licence'?" in result.stdout


def test_a_broken_scale_of_the_study_does_not_hide_the_others(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "mine.yaml").write_text("name: mine\nitems: []\n")
    result = CliRunner().invoke(app, ["list", "--study", str(tmp_path)])
    assert result.exit_code == 1
    assert "panss" in result.stdout
    assert "mine.yaml" in result.stderr
    assert "the key 'title' is missing" in result.stderr
