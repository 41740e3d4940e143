"""The verb `init`, and the settings file that it writes."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.cli.config_template import config_template, settings_models

_SETTING = re.compile(r"# (\w+ = .*)")


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.output


def test_a_study_begins_with_tables_folders_and_settings(tmp_path: Path) -> None:
    code, said = run("init", tmp_path / "new study", "--scale", "panss", "--scale", "cains")
    assert code == 0
    study = tmp_path / "new study"
    found = {path.relative_to(study).as_posix() for path in study.rglob("*")}
    assert found == {
        "interviews",
        "phenotype",
        "participants.tsv",
        "recordings.tsv",
        "emoclip-clinic.toml",
        *(f"phenotype/{scale}.{ending}" for scale in ("panss", "cains") for ending in ("tsv", "json")),
    }
    assert (study / "participants.tsv").read_text().split("\t")[0] == "participant_id"
    assert "cains13" in (study / "phenotype" / "cains.tsv").read_text()
    assert f"extract '{study}'/interviews" in said


def test_nothing_that_is_there_is_changed(tmp_path: Path) -> None:
    run("init", tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-01\n")
    (tmp_path / "emoclip-clinic.toml").write_text("[extract]\nmin_score = 0.5\n")
    code, said = run("init", tmp_path)
    assert code == 0
    assert (tmp_path / "participants.tsv").read_text() == "participant_id\nsub-01\n"
    assert "0.5" in (tmp_path / "emoclip-clinic.toml").read_text()
    assert "written:" not in said


def test_ratings_are_imported_into_a_table_that_has_a_header_only(tmp_path: Path) -> None:
    run("init", tmp_path, "--scale", "cains")
    items = [f"cains{n}" for n in range(1, 14)]
    source = tmp_path / "mine.csv"
    source.write_text(f"participant_id,{','.join(items)}\nsub-01,{','.join('1' * 13)}\n")
    code, said = run("ratings", "import", source, "--scale", "cains", "--study", tmp_path)
    assert code == 0, said
    assert "sub-01" in (tmp_path / "phenotype" / "cains.tsv").read_text()
    code, said = run("ratings", "import", source, "--scale", "cains", "--study", tmp_path)
    assert code == 2
    assert "exists already" in said


def test_an_unknown_scale_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    code, said = run("init", tmp_path / "s", "--scale", "pans")
    assert code == 2
    assert "Did you mean 'panss'" in said
    assert not (tmp_path / "s").exists()


def test_the_settings_file_sets_nothing_and_every_line_can_be_uncommented() -> None:
    text = config_template()
    assert all(not table for table in tomllib.loads(text).values())
    for name, part in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, flags=re.DOTALL | re.MULTILINE):
        model = settings_models()[name]
        lines = _SETTING.findall(part)
        assert [line.split(" = ")[0] for line in lines] == list(model.model_fields)
        at_default = tomllib.loads("\n".join(line for line in lines if "an example" not in line))
        assert model(**at_default) == model()
        tomllib.loads("\n".join(lines))


@pytest.mark.parametrize("table", ["study", "extract", "fit", "report"])
def test_every_setting_is_explained(table: str) -> None:
    for name, field in settings_models()[table].model_fields.items():
        assert field.description, name
