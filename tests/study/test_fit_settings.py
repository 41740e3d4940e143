"""Settings of fits: sources, forms, and agreement with what they stand for."""

from pathlib import Path

import pytest

from emoclip_clinic.cli.setting_options import setting_facts
from emoclip_clinic.errors import SettingsError
from emoclip_clinic.study.fit_settings import FitSettings, listed, load_fit_settings


def test_option_wins_over_config_over_study_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "emoclip-clinic.toml").write_text("[fit]\nn_splits = 3\nn_repeats = 3\nseed = 3\n")
    config = tmp_path / "other.toml"
    config.write_text("[fit]\nn_splits = 4\nn_repeats = 4\n")
    settings = load_fit_settings(tmp_path, config=config, overrides={"n_splits": 5, "seed": None})
    assert (settings.n_splits, settings.n_repeats, settings.seed) == (5, 4, 3)
    assert settings.outer == "participant"


def test_names_may_be_a_list_in_toml(tmp_path: Path) -> None:
    (tmp_path / "emoclip-clinic.toml").write_text(
        '[fit]\nmodels = ["ridge", "mlp"]\nhidden = [64, 32]\ntasks = ["a"]\n'
    )
    settings = load_fit_settings(tmp_path)
    assert listed(settings.models) == ("ridge", "mlp")
    assert settings.hidden_widths == (64, 32)
    assert settings.tasks == "a"
    (tmp_path / "emoclip-clinic.toml").write_text("[fit]\nhidden = 256\n")
    assert load_fit_settings(tmp_path).hidden_widths == (256,)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("model = 'ridge'", "models"),
        ("outer = 'kfolds'", "kfold"),
        ("n_splits = 1", "greater than or equal to 2"),
        ("n_splits = '5'", "valid integer"),
        ("hidden = '64,x'", "whole numbers"),
        ("hidden = true", "valid string"),
        ("models = [true]", "valid string"),
        ("permutations = 5", "19 and more"),
        ("min_usable_s = -1.0", "greater than or equal to 0"),
        ("models = ' , '", "at least one model"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "emoclip-clinic.toml").write_text(f"[fit]\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load_fit_settings(tmp_path)
    assert said in str(caught.value)
    assert "[fit]" in str(caught.value)


def test_defaults_are_those_of_the_code_that_they_steer() -> None:
    from emoclip_clinic.regression.features import MIN_USABLE_S, aggregation_names
    from emoclip_clinic.regression.heads import head_names
    from emoclip_clinic.regression.mlp import MlpSettings

    settings = FitSettings()
    assert settings.min_usable_s == MIN_USABLE_S
    assert settings.hidden_widths == MlpSettings().hidden
    assert settings.mlp_seeds == MlpSettings().n_seeds
    assert settings.aggregation in aggregation_names()
    assert set(listed(settings.models)) <= set(head_names())


def test_the_device_changes_no_result() -> None:
    assert FitSettings(device="cpu").results() == FitSettings(device="cuda").results()
    assert set(FitSettings.model_fields) - set(FitSettings().results()) == {"device"}


@pytest.mark.parametrize("fact", setting_facts(FitSettings), ids=lambda fact: fact.name)
def test_every_setting_can_be_an_option(fact) -> None:
    assert fact.value_type in (str, int, float, bool)
    assert fact.description.endswith(".")


def test_the_page_of_fits_is_what_the_code_says(repository: Path) -> None:
    from emoclip_clinic.regression.fitting.metrics import METRIC_COLUMNS
    from emoclip_clinic.regression.fitting.outputs import PREDICTION_COLUMNS
    from emoclip_clinic.regression.fitting.predict import NEW_COLUMNS
    from emoclip_clinic.regression.fitting.report_columns import (
        NULL_COLUMNS,
        SENSITIVITY_COLUMNS,
        STABILITY_COLUMNS,
    )

    page = (repository / "docs" / "fit.md").read_text(encoding="utf-8")
    for columns in (
        METRIC_COLUMNS,
        PREDICTION_COLUMNS,
        NULL_COLUMNS,
        SENSITIVITY_COLUMNS,
        STABILITY_COLUMNS,
        NEW_COLUMNS,
    ):
        assert "\n".join(f"| `{name}` | {meaning} |" for name, meaning in columns.items()) in page
    rows = []
    for fact in setting_facts(FitSettings):
        allowed = ", ".join(fact.choices) or fact.limits
        names = f"`{fact.name}` | `{fact.option}`"
        rows.append(f"| {names} | {fact.unit} | {allowed} | {fact.default} | {fact.description} |")
    assert "\n".join(rows) in page
