"""Fits on zero-shot readings: alone, beside embeddings, and applied to another study."""

import json
from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError, SettingsError, StudyError
from emoclip_clinic.regression.fitting import predict_study, run_fit
from emoclip_clinic.zeroshot import DescriptionSet, score_study
from tests.regression.fit_study import CHANCE, FitStudy, write_fit_study
from tests.regression.written_study import WEIGHTS


class AxisModel:
    """Embeds the text "axis K" as the K-th axis of the embedding: the first follows the first item."""

    name, weights_sha256, has_text, inverse_temperature = WEIGHTS.name, WEIGHTS.sha256, True, 5.0

    def encode_text(self, texts: list[str]) -> np.ndarray:
        return np.stack([np.eye(4)[int(text[-1])] * (-1 if "anti" in text else 1) for text in texts])


def axes(prefix: str = "axis") -> DescriptionSet:
    return DescriptionSet.model_validate(
        {
            "name": "axes",
            "title": "Axes",
            "style": "plain",
            "classes": [
                {
                    "id": f"axis-{k}",
                    "name": "x",
                    "descriptions": [{"style": "plain", "text": f"{prefix} {k}"}],
                }
                for k in range(4)
            ],
        }
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    made = write_fit_study(tmp_path_factory.mktemp("readings") / "old")
    score_study(made.study, AxisModel(), axes())
    return made


def test_readings_alone_predict_what_the_descriptions_are_about(study: FitStudy) -> None:
    result = run_fit(study.plan(features="zeroshot", zeroshot_set="axes", permutations=0))
    skill = result.metrics.set_index(["item", "model"])["skill"]
    assert skill["cains1", "ridge"] > 0.3
    assert skill[CHANCE, "ridge"] < 0.2
    assert len(result.plan.rated.feature_names) == 12
    features = json.loads((result.plan.folder / "fit.json").read_text())["features"]
    assert features["level"] == "zeroshot"
    assert features["readings"]["classes"]["axis-0"] == ["axis 0"]


def test_readings_stand_beside_embeddings(study: FitStudy) -> None:
    plan = study.plan(features="session+zeroshot", zeroshot_set="axes")
    assert plan.rated.feature_names[:4] == ("mean_e000", "mean_e001", "mean_e002", "mean_e003")
    assert plan.rated.X.shape[1] == 16


def test_readings_of_other_sentences_are_refused_for_new_participants(
    study: FitStudy, tmp_path: Path
) -> None:
    run_fit(study.plan(features="zeroshot", zeroshot_set="axes", permutations=0))
    new = write_fit_study(tmp_path / "new", people=("n1", "n2", "n3"), seed=9)
    with pytest.raises(StudyError, match="zeroshot score --classes axes"):
        predict_study(study.folder, new.study)
    score_study(new.study, AxisModel(), axes())
    assert len(predict_study(study.folder, new.study).table) == 3 * 2 * 3
    score_study(new.study, AxisModel(), axes("anti axis"))
    with pytest.raises(RegressionError, match="other sentences"):
        predict_study(study.folder, new.study)


def test_settings_that_do_not_go_with_readings_are_errors(study: FitStudy) -> None:
    with pytest.raises(SettingsError, match="leave --tasks out"):
        study.plan(features="zeroshot", zeroshot_set="axes", tasks="interview")
    with pytest.raises(SettingsError, match="leave --aggregation at mean"):
        study.plan(features="zeroshot", zeroshot_set="axes", aggregation="mean+std")
    with pytest.raises(StudyError, match="there are: axes"):
        study.plan(features="zeroshot")
