"""Raters in a report: read from the ratings file, compared, and never more claimed than they can show."""

import hashlib
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.agreement import human_and_model, icc
from emoclip_clinic.regression.fitting import plan_fit, run_fit
from emoclip_clinic.reporting.analysis import FitAnalysis, Preregistration, ReportSettings, analyse_fit
from emoclip_clinic.reporting.analysis.fit_analysis import choose_margin
from emoclip_clinic.study.fit_settings import FitSettings
from tests.reporting.studies import ReportStudy

Give = Callable[[str], ReportStudy]
QUICK = ReportSettings(resamples=100, margin=0.2)


def by_rater(study: ReportStudy, analysis: FitAnalysis, item: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings by session and rater from the file, and the report's points, in the same order."""
    path = study.study.phenotype / "cains.tsv"
    table = pd.read_csv(path, sep="\t", dtype={"participant_id": "str", "session_id": "str"})
    table["participant_id"] = "sub-" + table["participant_id"]
    table["session_id"] = "ses-" + table["session_id"]
    table["exp"] = table[["cains10", "cains11", "cains12", "cains13"]].sum(axis=1)
    pairs = analysis.pairs[item].set_index(["participant_id", "session_id"])
    wide = table.pivot_table(index=["participant_id", "session_id"], columns="rater", values=item)
    return wide.loc[pairs.index].reset_index(drop=True), pairs.reset_index()


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["good", "missing sessions", "repeated k-fold"])
@pytest.mark.parametrize("item", ["cains10", "exp"])
def test_raters_are_those_of_the_file(
    name: str, item: str, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
) -> None:
    analysis = analysis_of(name)
    wide, pairs = by_rater(study_of(name), analysis, item)
    prediction = None if name == "repeated k-fold" else pairs["prediction"]
    wanted = human_and_model(wide, prediction, cluster=pairs["participant_id"], n_resamples=100)
    wanted = wanted.set_index("statistic")
    human = analysis.raters.human.query("item == @item").set_index("statistic")
    for statistic in ("Pearson r", "CCC", "ICC(A,1)", "MAE"):
        row = human.loc[f"mean pairwise {statistic}"]
        for column in ("n", "n_clusters", "estimate", "ci_low", "ci_high"):
            assert row[column] == pytest.approx(wanted.loc[f"mean pairwise {statistic}", column], rel=1e-9)
    forms = icc(wide, cluster=pairs["participant_id"], n_resamples=100).set_index("statistic")
    for form in forms.index:
        assert human.loc[form, "estimate"] == pytest.approx(forms.loc[form, "estimate"], rel=1e-9)
    if prediction is not None:
        beside = analysis.raters.model_human.query("item == @item").set_index("statistic")
        for statistic in beside.index:
            for short, title in (("human", "human"), ("model", "model"), ("difference", "model - human")):
                row = wanted.loc[f"{title}, {statistic}"]
                found = beside.loc[statistic, [short, f"{short}_low", f"{short}_high"]]
                assert tuple(found) == pytest.approx(tuple(row[["estimate", "ci_low", "ci_high"]]), rel=1e-9)


def test_pairs_of_raters_equal_naive_code(study_of: Give, analysis_of: Callable[[str], FitAnalysis]) -> None:
    analysis = analysis_of("missing sessions")
    wide, _ = by_rater(study_of("missing sessions"), analysis, "exp")
    table = analysis.raters.pairwise.query("item == 'exp'")
    assert len(table) == 3
    for row in table.to_dict("records"):
        both = wide[[row["rater_a"], row["rater_b"]]].dropna()
        assert row["n"] == len(both)
        assert row["pearson_r"] == pytest.approx(np.corrcoef(both.T)[0, 1])
        assert row["mae"] == pytest.approx((both.iloc[:, 0] - both.iloc[:, 1]).abs().mean())


@pytest.mark.parametrize(
    ("name", "design", "form", "n_raters"),
    [
        ("good", "fixed panel", "ICC(C,k)", 2),
        ("missing sessions", "raters vary by session", "ICC(k)", 3),
        ("change", "fixed panel", "ICC(C,k)", 2),
    ],
)
def test_the_ceiling_follows_how_the_target_was_made(
    name: str, design: str, form: str, n_raters: int, analysis_of: Callable[[str], FitAnalysis]
) -> None:
    raters = analysis_of(name).raters
    assert raters.design == design
    assert len(raters.raters) == n_raters
    assert set(raters.ceiling["form"]) == {form}
    human = raters.human[raters.human["statistic"] == form].set_index("item")["estimate"]
    ceiling = raters.ceiling.set_index("item")
    np.testing.assert_allclose(ceiling["reliability"], human.loc[ceiling.index])
    np.testing.assert_allclose(ceiling["ceiling"], np.sqrt(ceiling["reliability"].clip(lower=0)))
    assert (ceiling["k"] == 2).all()


def test_fits_to_one_rater_to_the_first_and_to_a_consensus_have_their_own_ceilings(copy_of: Give) -> None:
    study = copy_of("twelve")
    quick = {"models": "ridge", "items": "cains10", "permutations": 0, "gain": False, "resamples": 100}
    quick |= {"sensitivity": False, "subsamples": 0}
    path = study.study.phenotype / "cains.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    agreed = [one.replace("\tBrown\t", "\tConsensus\t") for one in lines if "\tBrown\t" in one]
    path.write_text("\n".join([*lines, *agreed]) + "\n", encoding="utf-8")

    def fitted(**settings: object) -> FitAnalysis:
        run_fit(plan_fit(study.study, study.scale, FitSettings(**quick, **settings)))
        return analyse_fit(study.study, study.fit, settings=QUICK, cache=False)

    for analysis in (fitted(rater="Brown"), fitted(rater_policy="first")):
        assert list(analysis.raters.ceiling["form"]) == ["ICC(C,1)"]
        assert analysis.raters.design == "fixed panel"
        assert analysis.raters.raters == ("Adams", "Brown")
        assert any("Consensus" in note for note in analysis.raters.notes)
    # the first rater of half of the sessions is another: the second rows come first
    path.write_text("\n".join([lines[0], *lines[:12:-1], *lines[1:13]]) + "\n", encoding="utf-8")
    assert list(fitted(rater_policy="first").raters.ceiling["form"]) == ["ICC(1)"]
    path.write_text("\n".join([*lines, *agreed]) + "\n", encoding="utf-8")
    consensus = fitted(rater_policy="consensus").raters.ceiling
    assert np.isnan(consensus["ceiling"][0])
    assert "cannot be told" in consensus["flag"][0]


@pytest.mark.oracle
def test_raters_of_a_change_change_from_their_own_baseline(
    study_of: Give, analysis_of: Callable[[str], FitAnalysis]
) -> None:
    study, analysis = study_of("change"), analysis_of("change")
    path = study.study.phenotype / "cains.tsv"
    table = pd.read_csv(path, sep="\t", dtype={"participant_id": "str", "session_id": "str"})
    wide = table.pivot_table(index=["participant_id", "rater"], columns="session_id", values="cains10")
    changes = {session: wide["1"] - wide[session] for session in ("2", "3")}  # positive is improvement
    x = np.concatenate([one.xs("Adams", level="rater") for one in changes.values()])
    y = np.concatenate([one.xs("Brown", level="rater") for one in changes.values()])
    row = analysis.raters.pairwise.query("item == 'cains10'").iloc[0]
    assert row["n"] == len(x)
    assert row["pearson_r"] == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_with_one_rater_the_record_says_what_is_missing(analysis_of: Callable[[str], FitAnalysis]) -> None:
    raters = analysis_of("one rater").raters
    assert raters.design == "one rater"
    assert raters.raters == ("Adams",)
    assert raters.human["estimate"].isna().all()
    assert set(raters.human["flag"]) == {"single rater"}
    assert raters.ceiling["ceiling"].isna().all()
    assert set(raters.verdicts["verdict"]) == {"none"}
    assert "There is one rater" in raters.missing[0]
    assert "A second rater" in raters.missing[1]


class TestVerdicts:
    def test_enough_participants_and_a_margin_give_one(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        raters = analysis_of("good").raters
        verdicts = raters.verdicts.set_index("item")
        beside = raters.model_human.set_index(["item", "statistic"])
        assert set(verdicts["margin_origin"]) == {"margin chosen at analysis"}
        for item in ("cains10", "cains12", "exp"):
            low = beside.loc[(item, "CCC"), "difference_low"]
            assert verdicts.loc[item, "lower_limit"] == pytest.approx(low, rel=1e-12)
            assert verdicts.loc[item, "verdict"] == ("non-inferior" if low > -0.2 else "not shown")
        assert verdicts.loc["cains12", "verdict"] == "not shown"
        assert any("chosen at analysis" in sentence for sentence in raters.missing)

    @pytest.mark.parametrize("name", ["twelve", "hostile", "repeated k-fold"])
    def test_below_40_participants_there_is_none(
        self, name: str, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        verdicts = analysis_of(name).raters.verdicts
        assert set(verdicts["verdict"]) == {"none"}
        assert verdicts["reason"].str.startswith("fewer than 40 participants").all()

    def test_a_verified_preregistration_makes_the_margin_prespecified(self, copy_of: Give) -> None:
        study = copy_of("good")
        file = study.study.root / "registered.toml"
        file.write_text('[report]\nmargin = 0.3\nmargin_statistic = "ICC(A,1)"\n', encoding="utf-8")
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        study.study.config_toml.write_text(
            f'[study]\npreregistration = "registered.toml"\npreregistration_sha256 = "{sha256}"\n',
            encoding="utf-8",
        )
        settings = ReportSettings(resamples=100)
        verdicts = analyse_fit(study.study, study.fit, settings=settings, cache=False).raters.verdicts
        assert set(verdicts["margin_origin"]) == {"pre-specified"}
        assert set(verdicts["margin"]) == {0.3}
        assert set(verdicts["statistic"]) == {"ICC(A,1)"}
        file.write_text("[report]\nmargin = 0.5\n", encoding="utf-8")
        found = analyse_fit(study.study, study.fit, settings=settings, cache=False)
        assert not found.preregistration.verified
        assert set(found.raters.verdicts["margin_origin"]) == {"no margin"}
        assert any("No non-inferiority margin is given" in one for one in found.raters.missing)

    @pytest.mark.parametrize(
        ("asked", "registered", "wanted"),
        [
            ({}, {}, (None, "CCC", False)),
            ({"margin": 0.1}, {}, (0.1, "CCC", False)),
            ({}, {"margin": 0.2}, (0.2, "CCC", True)),
            ({"margin": 0.2}, {"margin": 0.2}, (0.2, "CCC", True)),
            ({"margin": 0.3}, {"margin": 0.2}, (0.3, "CCC", False)),
            ({"margin_statistic": "Pearson r"}, {"margin": 0.2}, (0.2, "Pearson r", False)),
            ({}, {"margin": 0.2, "margin_statistic": "Pearson r"}, (0.2, "Pearson r", True)),
        ],
    )
    def test_only_what_was_registered_is_prespecified(
        self, asked: dict[str, object], registered: dict[str, object], wanted: tuple[object, ...]
    ) -> None:
        preregistration = Preregistration(bool(registered), "", **registered)
        margin = choose_margin(ReportSettings(**asked), preregistration)
        assert (margin.value, margin.statistic, margin.prespecified) == wanted

    def test_an_unverified_margin_does_not_count(self) -> None:
        margin = choose_margin(ReportSettings(), Preregistration(False, "changed", margin=0.2))
        assert margin.value is None

    def test_nothing_is_called_equal(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        raters = analysis_of("good").raters
        for wording in raters.verdicts["wording"]:
            assert "no proof" in wording or "no evidence" in wording
        assert not math.isnan(raters.verdicts["lower_limit"].iloc[1])
