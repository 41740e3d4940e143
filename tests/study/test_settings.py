"""Settings come from named sources in a stated order, and mistakes are told where they stand."""

from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from emoclip_clinic.errors import SettingsError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.settings import (
    ExtractSettings,
    Stage,
    load_settings,
    resolve_settings,
    stage_of,
    stage_settings,
    write_settings,
)
from emoclip_clinic.study.settings_files import KNOWN_TABLES


def configure(study: Study, text: str) -> None:
    study.config_toml.write_text(text, encoding="utf-8")


def test_option_beats_config_beats_study_beats_default(study: Study, tmp_path: Path) -> None:
    configure(study, "[extract]\nbatch_size = 1\nsegment_frames = 10\nmin_coverage = 0.5")
    config = tmp_path / "my settings.toml"
    config.write_text("[extract]\nbatch_size = 2\nsegment_frames = 20")
    resolved = resolve_settings(study.root, config=config, overrides={"batch_size": 3, "resize": None})
    settings = resolved.settings
    assert (settings.batch_size, settings.segment_frames, settings.min_coverage) == (3, 20, 0.5)
    assert settings.resize == ExtractSettings().resize
    assert {name: source for name, source in resolved.sources.items() if source != "default"} == {
        "batch_size": "option",
        "segment_frames": str(config),
        "min_coverage": str(study.config_toml),
    }
    assert set(resolved.sources) == set(ExtractSettings.model_fields)
    assert load_settings(study.root, config=config, overrides={"batch_size": 3}) == settings


def test_a_study_without_settings_has_the_defaults(study: Study) -> None:
    assert load_settings(study.root) == ExtractSettings()


def test_a_whole_number_serves_as_a_decimal_one(study: Study) -> None:
    configure(study, "[extract]\nsample_fps = 5")
    assert load_settings(study.root).sample_fps == 5.0


@pytest.mark.parametrize("table", KNOWN_TABLES)
def test_tables_of_other_verbs_are_left_alone(study: Study, table: str) -> None:
    configure(
        study, f"[{table}]\n" + ("" if table == "extract" else f"anything = 'at all'\n[{table}.sub]\nx = 1")
    )
    assert load_settings(study.root) == ExtractSettings()


def test_a_file_from_a_windows_editor_is_read(study: Study) -> None:
    study.config_toml.write_bytes("\ufeff[extract]\r\nbatch_size = 4\r\n".encode())
    assert load_settings(study.root).batch_size == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[extract]\nsample_ftps = 5",
            r"\[extract\]: .*'sample_ftps' is no setting\. Did you mean 'sample_fps'",
        ),
        ("[extract]\nresize = 'antialas'", "resize = 'antialas': .*Did you mean 'antialias'"),
        ("[extract]\nsubject_rule = 'lft'", "Did you mean 'left'"),
        (
            "[extract]\nbatch_size = 0",
            "batch_size = 0: input should be greater than or equal to 1. Give an allowed value; --help lists",
        ),
        ("[extract]\nbatch_size = '32'", "batch_size = '32': input should be a valid integer"),
        ("[extract]\nbatch_size = true", "batch_size = True: input should be a valid integer"),
        ("[extract]\nbatch_size = 1.5", "batch_size = 1.5"),
        ("[extract]\nthumbnails = 1", "thumbnails = 1: input should be a valid boolean"),
        ("[extract]\nsample_fps = nan", "sample_fps = nan"),
        ("[extract]\nmax_gap_s = inf", "max_gap_s = inf: input should be a finite number"),
        ("[extract]\nmin_coverage = 1.1", "min_coverage = 1.1"),
        ("[extract]\nmodel = ['a']", "model = "),
        ("[extract.sample_fps]\nx = 1", "sample_fps = "),
        ("[extrct]\nbatch_size = 1", r"Found: \[extrct\]. Did you mean 'extract'"),
        ("batch_size = 1", r"batch_size outside of any. Write \[extract\] on a line before it"),
        ("extract = 1", r"\[extract\] must be a table. Found: extract = 1. Write \[extract\] on a line"),
        ("[[extract]]\nbatch_size = 1", r"\[extract\] must be a table"),
        ("[extract]\ndevice = 'cuba'", "device = 'cuba': must be auto, .*mps. Did you mean 'cuda'"),
        ("[extract]\ndevice = 'cuda:'", "device = 'cuda:'"),
        ("[extract]\ndevice = 'cpu:0'", "device = 'cpu:0'"),
        ("[extract\n", "must be TOML.*Write settings as"),
        ("[extract]\nbatch_size = 1\nbatch_size = 2", "must be TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_file_and_key(study: Study, text: str, message: str) -> None:
    configure(study, text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(study.root)
    assert str(study.config_toml) in str(caught.value)


def test_all_mistakes_of_a_source_are_told_together(study: Study) -> None:
    configure(study, "[extract]\nbatch_size = 0\nresiz = 'x'\nmin_score = 2")
    with pytest.raises(SettingsError) as caught:
        load_settings(study.root)
    assert all(name in str(caught.value) for name in ("batch_size = 0", "'resize'", "min_score = 2"))


def test_known_names_are_listed_once_for_several_unknown_ones(study: Study) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(study.root, overrides={"xyz": 1, "uvw": 2, "batch_sise": 3})
    assert caught.value.found_lines == (
        "'xyz' is no setting",
        "'uvw' is no setting",
        "'batch_sise' is no setting",
    )
    assert str(caught.value).count("crop_margin") == 1
    assert "For 'batch_sise', did you mean 'batch_size'?" in str(caught.value)


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:11", "mps"])
def test_devices_are_known_by_name_whether_or_not_this_machine_has_them(study: Study, name: str) -> None:
    assert load_settings(study.root, overrides={"device": name}).device == name


def test_a_mistake_names_the_file_it_stands_in(study: Study, tmp_path: Path) -> None:
    configure(study, "[extract]\nbatch_size = 1")
    config = tmp_path / "other.toml"
    config.write_text("[extract]\nbatch_size = -1")
    with pytest.raises(SettingsError, match=r"other\.toml \[extract\]"):
        load_settings(study.root, config=config)


def test_a_mistaken_file_is_told_even_if_an_option_wins(study: Study) -> None:
    configure(study, "[extract]\nbatch_size = -1")
    with pytest.raises(SettingsError, match="batch_size = -1"):
        load_settings(study.root, overrides={"batch_size": 8})


@pytest.mark.parametrize("overrides", [{"batch_size": 0}, {"resize": "bicubic"}, {"devise": "cpu"}])
def test_a_mistaken_option_is_told_as_such(study: Study, overrides: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="command line: "):
        load_settings(study.root, overrides=overrides)


def test_a_config_file_must_exist(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"readable.*No such file.*Check its path"):
        load_settings(study.root, config=tmp_path / "absent.toml")
    with pytest.raises(SettingsError, match="readable"):
        load_settings(study.root, config=tmp_path)


def test_a_config_file_must_be_utf8(study: Study) -> None:
    study.config_toml.write_bytes("[extract]\nmodel = 'é'".encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(study.root)


def test_settings_cannot_be_changed_and_know_their_names() -> None:
    with pytest.raises(ValidationError):
        ExtractSettings().batch_size = 2
    with pytest.raises(ValidationError):
        ExtractSettings(batchsize=2)


def test_a_stage_depends_on_itself_and_on_those_before_it() -> None:
    settings = ExtractSettings()
    stages = get_args(Stage)
    parts = [set(stage_settings(settings, stage)) for stage in stages]
    for earlier, later in pairwise(parts):
        assert earlier < later
    assert parts[-1] == set(ExtractSettings.model_fields)
    assert {"sample_fps", "detector", "detect_every"} <= parts[0]
    assert "subject_rule" in parts[1] - parts[0]
    assert "frame_dtype" in parts[2] - parts[1]
    assert "segment_frames" in parts[3] - parts[2]
    assert {"device", "batch_size"} == (parts[4] - parts[3]) - {"thumbnails"}
    assert stage_settings(settings.model_copy(update={"resize": "upstream"}), "crop")["resize"] == "upstream"


@pytest.mark.parametrize("name", ExtractSettings.model_fields)
def test_every_setting_has_a_stage_a_meaning_and_a_valid_default(name: str) -> None:
    field = ExtractSettings.model_fields[name]
    assert stage_of(name) in get_args(Stage)
    assert field.description
    ExtractSettings.model_validate({name: field.default}, strict=True)


def test_written_settings_are_read_back(study: Study) -> None:
    settings = ExtractSettings(
        sample_fps=6.25, stride_frames=None, thumbnails=True, model="my weights é", max_gap_s=0
    )
    write_settings(study.config_toml, settings)
    assert load_settings(study.root) == settings
    assert "stride_frames" not in study.config_toml.read_text(encoding="utf-8")
