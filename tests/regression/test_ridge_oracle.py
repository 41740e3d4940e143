"""Leave-one-subject-out ridge equals a closed form in R and MASS::lm.ridge."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.regression import GroupRidgeCV, nested_predict

pytestmark = pytest.mark.oracle


@pytest.fixture
def reference(shared):
    folder = shared / "statistics"
    table = pd.read_csv(folder / "inputs" / "ridge_loso.csv")
    entries = json.loads((folder / "expected.json").read_text())
    values = {e["stat"]: e["values"] for e in entries if e["dataset"] == "ridge_loso"}
    return table.filter(regex="^f").to_numpy(), table["y"].to_numpy(), table["subject"].to_numpy(), values


def close(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert np.linalg.norm(ours - theirs) <= 1e-10 * np.linalg.norm(theirs)


def test_out_of_fold_predictions_and_fit_equal_r(reference):
    X, y, subject, values = reference
    cases = {stat: re.fullmatch(r"ridge alpha=(\S+) standardize=(TRUE|FALSE)", stat) for stat in values}
    cases = {stat: match for stat, match in cases.items() if match}
    assert {match[2] for match in cases.values()} == {"TRUE", "FALSE"}
    for stat, match in cases.items():
        alpha, standardize = float(match[1]), match[2] == "TRUE"
        expected = values[stat]
        oof = nested_predict(X, y, subject, alphas=[alpha], standardize=standardize).predictions
        close(oof, expected["oof"])
        close(np.sqrt(np.mean((oof - y) ** 2)), expected["oof_RMSE"])
        by_subject = pd.Series(oof).groupby(subject).mean()
        close(by_subject[list(expected["subject_mean_pred"])], list(expected["subject_mean_pred"].values()))
        model = GroupRidgeCV([alpha], standardize=standardize).fit(X, y, groups=subject)
        close(model.predict(X), expected["fit"])
        close(model.coef_ * (X.std(axis=0) if standardize else 1), expected["coef"])
        close(model.predict(X.mean(axis=0, keepdims=True))[0], expected["intercept_at_mean"])


def test_coefficients_equal_mass(reference):
    X, y, subject, values = reference
    expected = values["coef_original_scale"]["coef"]
    model = GroupRidgeCV([10.0]).fit(X, y, groups=subject)
    close([model.intercept_, *model.coef_], expected)
