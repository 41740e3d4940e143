"""Two measures, or several raters, in any table."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.agreement import agreement_table, human_and_model, icc
from emoclip_clinic.errors import ReportError
from emoclip_clinic.reporting.analysis import ReportSettings, analyse_pair, analyse_raters, records

QUICK = ReportSettings(resamples=100)


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    truth = rng.integers(1, 8, size=60).astype(float)
    frame = pd.DataFrame({"a": truth, "b": truth + rng.normal(0, 1, size=60)})
    frame["r1"], frame["r2"] = (np.clip(np.rint(truth + rng.normal(0, 0.7, 60)), 1, 7) for _ in range(2))
    frame["r3"] = np.where(np.arange(60) % 3 == 0, np.nan, frame["r1"] + 1)
    frame["id"] = [f"p{k // 3}" for k in range(60)]
    return frame


@pytest.mark.oracle
def test_a_pair_has_the_statistics_of_the_agreement_table(table: pd.DataFrame) -> None:
    found = analyse_pair(table, truth="a", prediction="b", cluster="id", steps=range(1, 8), settings=QUICK)
    wanted = agreement_table(
        table["a"], table["b"], cluster=table["id"], categories=list(range(1, 8)), n_resamples=100
    )
    for column in ("estimate", "ci_low", "ci_high", "p"):
        np.testing.assert_allclose(found.statistics[column], wanted[column], rtol=1e-9)
    assert list(found.statistics["statistic"]) == list(wanted["statistic"])
    assert found.n_left_out == {}
    assert len(found.pairs) == 60
    assert found.bland_altman["bias"][0] == pytest.approx((table["b"] - table["a"]).mean())
    assert found.calibration["bin"].iloc[0] == -1
    assert len(found.error_by_participant) == 20
    assert list(found.change["statistic"]) == ["repeated-measures r"]


def test_rows_that_cannot_be_used_are_counted_by_reason(table: pd.DataFrame) -> None:
    table = table.astype({"a": object, "id": object})
    table.loc[0, "a"] = "severe"
    table.loc[1, "b"] = None
    table.loc[2, "a"] = " "
    table.loc[3, "id"] = None
    table.loc[4, "b"] = np.inf
    found = analyse_pair(table, truth="a", prediction="b", cluster="id", settings=QUICK)
    assert found.n_rows == 60
    assert found.n_left_out == {
        "a is no number": 1,
        "a is missing": 1,
        "b is missing": 1,
        "b is no number": 1,
        "id is missing": 1,
    }
    assert found.pairs["session_id"].iloc[0] == "6"


def test_without_participants_a_note_warns(table: pd.DataFrame) -> None:
    found = analyse_pair(table, truth="a", prediction="b", settings=QUICK)
    assert "every row counts as a person" in found.notes[0]
    assert found.change.empty
    assert found.statistics["p"].notna().any()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, 2.0], [2.0, 1.0]),
        ([np.nan] * 5, [1.0] * 5),
        ([3.0] * 8, [1.0, 2, 3, 4, 5, 6, 7, 8]),
        ([3.0] * 8, [3.0] * 8),
        (["x"] * 4, ["y"] * 4),
        ([1.0, 2, 3, 4], [1.0, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("cluster", [None, "id"])
def test_degenerate_columns_never_stop_the_analysis(
    a: list[object], b: list[object], cluster: str | None
) -> None:
    table = pd.DataFrame({"a": a, "b": b, "id": [k // 2 for k in range(len(a))]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair = analyse_pair(table, truth="a", prediction="b", cluster=cluster, settings=QUICK)
        raters = analyse_raters(table, raters=["a", "b"], cluster=cluster, settings=QUICK)
        beside = analyse_raters(table, raters=["a", "b"], cluster=cluster, prediction="b", settings=QUICK)
    assert list(pair.statistics.columns) == list(records.STATISTIC_COLUMNS)
    undefined = pair.statistics[pair.statistics["estimate"].isna()]
    assert (undefined["flag"] != "").all()
    for found in (raters, beside):
        assert list(found.human.columns) == list(records.HUMAN_COLUMNS)
        assert (found.human[found.human["estimate"].isna()]["flag"] != "").all()
    assert set(beside.verdicts["verdict"]) == {"none"}


@pytest.mark.oracle
def test_raters_have_the_numbers_of_agreement(table: pd.DataFrame) -> None:
    found = analyse_raters(table, raters=["r1", "r2"], cluster="id", prediction="b", settings=QUICK)
    human = found.human.set_index("statistic")
    forms = icc(table[["r1", "r2"]], cluster=table["id"], n_resamples=100).set_index("statistic")
    for form in forms.index:
        assert human.loc[form, "ci_low"] == pytest.approx(forms.loc[form, "ci_low"], rel=1e-9)
    wanted = human_and_model(table[["r1", "r2"]], table["b"], cluster=table["id"], n_resamples=100)
    wanted = wanted.set_index("statistic")
    row = found.model_human.set_index("statistic").loc["CCC"]
    assert row["difference"] == pytest.approx(wanted.loc["model - human, CCC", "estimate"], rel=1e-9)
    assert found.design == "fixed panel"
    assert (found.n_double, found.raters) == (60, ("r1", "r2"))


def test_gaps_make_raters_vary_and_one_rater_is_told(table: pd.DataFrame) -> None:
    found = analyse_raters(table, raters=["r1", "r2", "r3"], settings=QUICK)
    assert found.design == "raters vary by session"
    assert found.ceiling["form"][0] == "ICC(k)"
    assert found.model_human.empty
    alone = analyse_raters(table.assign(r2=np.nan), raters=["r1", "r2"], settings=QUICK)
    assert alone.raters == ("r1",)
    assert "There is one rater" in alone.missing[0]
    assert math.isnan(alone.ceiling["ceiling"][0])


def test_odd_cells_are_told(table: pd.DataFrame) -> None:
    table = table.astype({"r1": object})
    table.loc[0, "r1"] = "=1+1"
    found = analyse_raters(table, raters=["r1", "r2"], settings=QUICK)
    assert "1 cells of r1 are no numbers and count as missing." in found.notes


def test_columns_must_be_there_and_differ(table: pd.DataFrame) -> None:
    with pytest.raises(ReportError, match="Did you mean 'r1'"):
        analyse_raters(table, raters=["r11", "r2"])
    with pytest.raises(ReportError, match="named once"):
        analyse_raters(table, raters=["r1", "r1"])
    with pytest.raises(ReportError, match="must be in the table"):
        analyse_pair(table, truth="zzz", prediction="b")
