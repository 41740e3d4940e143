"""Models of a fit applied to new participants, and to those who must not be predicted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from emoclip_clinic.errors import FormatError, RegressionError
from emoclip_clinic.regression import GroupRidgeCV, session_features
from emoclip_clinic.regression.fitting import find_fit, model_path, predict_study, run_fit, write_predictions
from emoclip_clinic.regression.fitting.array_files import read_arrays
from emoclip_clinic.regression.fitting.predict import NEW_COLUMNS
from tests.regression.fit_study import FitStudy, write_fit_study

NEW_PEOPLE = ("new1", "new2", "new3", "new4", "new5")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    study = write_fit_study(tmp_path_factory.mktemp("old"))
    run_fit(study.plan(permutations=0))
    return study


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    return write_fit_study(tmp_path_factory.mktemp("new"), people=NEW_PEOPLE, seed=8)


def test_predictions_are_those_of_a_ridge_on_all_old_participants(old: FitStudy, new: FitStudy) -> None:
    rated = old.plan().rated
    model = GroupRidgeCV().fit(rated.X, rated.Y, groups=rated.groups)
    expected = model.predict(session_features(new.study).X)
    table = predict_study(old.folder, new.study).table
    assert list(table.columns) == list(NEW_COLUMNS)
    assert table["prediction"].to_numpy() == pytest.approx(expected.ravel(), rel=1e-12)
    assert list(table["participant_id"].unique()) == [f"sub-{who}" for who in NEW_PEOPLE]
    assert not table["known"].any()


def test_planted_items_are_right_in_new_participants(old: FitStudy, new: FitStudy) -> None:
    truth = new.plan().rated
    table = predict_study(old.folder, new.study).table
    for column, item in enumerate(("cains1", "cains2")):
        predicted = table[table["item"] == item]["prediction"].to_numpy()
        assert np.corrcoef(predicted, truth.Y[:, column])[0, 1] > 0.9


def test_the_written_table_says_how_it_came_about(old: FitStudy, new: FitStudy) -> None:
    path = write_predictions(predict_study(old.folder, new.study))
    assert path == new.study.derivatives / "predictions" / "cains.parquet"
    assert pq.read_schema(path).metadata[b"format_version"] == b"1"
    assert pq.read_table(path).num_rows == len(NEW_PEOPLE) * 2 * 3
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["models"] == ["ridge"]
    assert about["left_out"] == []
    assert "not for diagnosis" in about["meaning"]


def test_participants_of_the_fit_are_refused(old: FitStudy) -> None:
    with pytest.raises(RegressionError, match="not seen") as caught:
        predict_study(old.folder, old.study)
    assert "sub-00: a video on which the model was trained" in str(caught.value)
    table = predict_study(old.folder, old.study, allow_known=True).table
    assert table["known"].all()


def test_a_known_identifier_is_left_out_and_listed(old: FitStudy, tmp_path: Path) -> None:
    mixed = write_fit_study(tmp_path, people=("00", "x"), seed=9)
    predictions = predict_study(old.folder, mixed.study)
    assert set(predictions.table["participant_id"]) == {"sub-x"}
    assert list(predictions.left_out["participant_id"]) == ["sub-00", "sub-00"]
    assert predictions.left_out["reason"].str.contains("identifier").all()
    allowed = predict_study(old.folder, mixed.study, allow_known=True)
    known = allowed.table.drop_duplicates("participant_id").set_index("participant_id")["known"]
    assert known.to_dict() == {"sub-00": True, "sub-x": False}
    assert allowed.left_out.empty


def test_the_same_video_under_another_name_is_known(old: FitStudy, new: FitStudy, tmp_path: Path) -> None:
    shutil.copytree(new.study.root, tmp_path / "copy")
    study = type(new.study)(tmp_path / "copy")
    sidecar = study.sidecar_paths()[0]
    record = json.loads(sidecar.read_text())
    record["input"]["sha256"] = json.loads(old.study.sidecar_paths()[0].read_text())["input"]["sha256"]
    sidecar.write_text(json.dumps(record))
    left_out = predict_study(old.folder, study).left_out
    assert set(left_out["participant_id"]) == {"sub-new1"}
    assert left_out["reason"].str.contains("video").all()


def test_other_weights_are_refused(old: FitStudy, tmp_path: Path) -> None:
    other = write_fit_study(tmp_path, people=NEW_PEOPLE, weights_sha256="b" * 64)
    with pytest.raises(RegressionError, match=r"bbbbbbbbbbbb.*instead of.*aaaaaaaaaaaa"):
        predict_study(old.folder, other.study)


def test_other_settings_of_extraction_are_refused(old: FitStudy, new: FitStudy, tmp_path: Path) -> None:
    shutil.copytree(new.study.root, tmp_path / "copy")
    study = type(new.study)(tmp_path / "copy")
    for sidecar in study.sidecar_paths():
        record = json.loads(sidecar.read_text())
        record["settings"]["crop_margin"] = 0.5
        sidecar.write_text(json.dumps(record))
    with pytest.raises(RegressionError, match=r"crop_margin = 0\.5 instead of 0\.3"):
        predict_study(old.folder, study)


def test_a_model_that_was_exchanged_is_refused(old: FitStudy, new: FitStudy, tmp_path: Path) -> None:
    shutil.copytree(old.folder, tmp_path / "fit")
    path = model_path(tmp_path / "fit", "ridge")
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(FormatError, match="another content"):
        predict_study(tmp_path / "fit", new.study)
    path.unlink()
    with pytest.raises(FormatError, match="must be whole"):
        predict_study(tmp_path / "fit", new.study)
    (tmp_path / "fit" / "fit.json").write_text("{")
    with pytest.raises(FormatError, match="fit` again"):
        predict_study(tmp_path / "fit", new.study)


def test_a_fit_is_found_by_path_and_by_name(old: FitStudy, tmp_path: Path) -> None:
    for given in (old.folder, Path("fits/cains"), Path("cains")):
        assert find_fit(given, old.study) == old.folder
    with pytest.raises(RegressionError, match="Did you mean 'cains'"):
        find_fit(Path("fits/cain"), old.study)
    with pytest.raises(RegressionError, match="emoclip-clinic fit"):
        find_fit(tmp_path, None)


def test_baselines_that_were_asked_for_are_not_applied_to_others(new: FitStudy, tmp_path: Path) -> None:
    old = write_fit_study(tmp_path, seed=6)
    plan = run_fit(old.plan(models="ridge-camera", permutations=0)).plan
    assert not (plan.folder / "models").exists()
    with pytest.raises(RegressionError, match="only baselines"):
        predict_study(plan.folder, new.study)


def test_an_unknown_model_is_answered_with_known_ones(old: FitStudy, new: FitStudy) -> None:
    with pytest.raises(RegressionError, match="Did you mean 'ridge'"):
        predict_study(old.folder, new.study, models=["rigde"])


def test_models_of_segments_of_changes_and_networks_are_applied_too(tmp_path: Path, new: FitStudy) -> None:
    old = write_fit_study(tmp_path, seed=4)
    quick = {"permutations": 0, "hidden": "4", "mlp_seeds": 1, "device": "cpu", "items": "cains1"}
    truth = new.plan().rated.Y[:, 0]
    by_segment = run_fit(old.plan(features="segment", **quick), force=True).plan
    predicted = predict_study(by_segment.folder, new.study).table["prediction"]
    assert np.corrcoef(predicted, truth)[0, 1] > 0.9

    change = run_fit(old.plan(target="change", baseline="ses-1", **quick)).plan
    videos = {json.loads(path.read_text())["input"]["sha256"] for path in old.study.sidecar_paths()}
    trained_on = json.loads((change.folder / "fit.json").read_text())["trained_on"]
    assert set(trained_on["video_sha256"]) == videos  # those of the baseline too
    table = predict_study(change.folder, new.study).table
    assert set(table["session_id"]) == {"ses-2"}
    assert np.corrcoef(table["prediction"], truth[0::2] - truth[1::2])[0, 1] > 0.9

    network = run_fit(old.plan(models="mlp", **quick)).plan
    arrays, facts = read_arrays(model_path(network.folder, "mlp"))
    assert arrays["weight_0"].shape == (1, 4, 4)
    assert facts["targets"] == ["cains1"]
    assert np.corrcoef(predict_study(network.folder, new.study).table["prediction"], truth)[0, 1] > 0.5
