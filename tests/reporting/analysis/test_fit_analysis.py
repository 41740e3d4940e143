"""Numbers of a report against naive code on predictions.parquet, for studies of every kind."""

import dataclasses
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from emoclip_clinic.agreement import ccc, icc, rm_corr, williams_test
from emoclip_clinic.agreement.resampling import count_blocks
from emoclip_clinic.errors import FormatError, ReportError
from emoclip_clinic.regression.fitting import plan_fit, run_fit
from emoclip_clinic.reporting.analysis import FitAnalysis, ReportSettings, analyse_fit, list_fits, records
from emoclip_clinic.reporting.analysis import fit_analysis as module
from emoclip_clinic.reporting.analysis.statistics import NEGATIVE_R
from emoclip_clinic.study.fit_settings import FitSettings
from tests.reporting.studies import CHANCE, FLOOR, ITEMS, RECIPES, SCORE, ReportStudy, make_study

QUICK = ReportSettings(resamples=100, margin=0.2)
TARGETS = (*ITEMS, SCORE)

Give = Callable[[str], ReportStudy]


def predictions(study: ReportStudy, item: str, model: str = "ridge") -> pd.DataFrame:
    """Sessions with rating, prediction and mean's prediction, from the file."""
    table = pq.read_table(study.folder / "predictions.parquet").to_pandas()
    keys = ["participant_id", "session_id", "repeat"]
    table = table[table["item"] == item]
    own = table[table["model"] == model].set_index(keys)
    mean = table[table["model"] == "mean"].set_index(keys)["prediction"]
    return own.assign(mean=mean).dropna(subset=["rating", "prediction"]).reset_index()


def frames_of(record: object) -> dict[str, pd.DataFrame]:
    found = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, pd.DataFrame):
            found[field.name] = value
        elif field.name == "pairs":
            found |= {f"pairs {name}": frame for name, frame in value.items()}
        elif dataclasses.is_dataclass(value) and field.name in ("raters", "cohort", "ledger"):
            found |= {f"{field.name} {name}": frame for name, frame in frames_of(value).items()}
    return found


COLUMNS = {
    "items": "ITEM", "by_model": "MODEL", "statistics": "STATISTIC", "comparisons": "COMPARISON",
    "bland_altman": "BLAND_ALTMAN", "calibration": "CALIBRATION", "error_by_participant": "ERROR",
    "subgroups": "SUBGROUP", "change": "CHANGE", "quality": "QUALITY", "audit": "AUDIT",
    "raters human": "HUMAN", "raters pairwise": "PAIRWISE", "raters model_human": "MODEL_HUMAN",
    "raters ceiling": "CEILING", "raters verdicts": "VERDICT", "cohort flow": "FLOW",
    "cohort exclusions": "EXCLUSION", "cohort participants": "CHARACTERISTIC", "ledger entries": "LEDGER",
    **{f"pairs {item}": "PAIR" for item in TARGETS},
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_every_study_has_every_frame_with_its_columns(
    name: str, analysis_of: Callable[[str], FitAnalysis]
) -> None:
    analysis = analysis_of(name)
    frames = frames_of(analysis)
    for part, prefix in COLUMNS.items():
        columns = getattr(records, f"{prefix}_COLUMNS")
        assert list(frames[part].columns) == list(columns), part
        for column in columns:
            if f"{column}_low" in columns:
                assert frames[part][column].dtype == np.float64, (part, column)
    assert list(analysis.items["item"]) == list(TARGETS)
    assert set(analysis.pairs) == set(TARGETS)
    assert set(analysis.missing) <= {"sensitivity", "stability"}


def test_no_torch_is_imported() -> None:
    code = "import sys, emoclip_clinic.reporting.analysis; print({'torch', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_fit_that_is_not_there_is_named(study_of: Give) -> None:
    study = study_of("good")
    assert list_fits(study.study) == ("cains",)
    with pytest.raises(ReportError, match="Did you mean 'cains'"):
        analyse_fit(study.study, "cain")


class TestMainTable:
    @pytest.mark.oracle
    @pytest.mark.parametrize("name", ["good", "missing sessions", "repeated k-fold", "twelve"])
    @pytest.mark.parametrize("item", TARGETS)
    def test_estimates_equal_naive_code(
        self, name: str, item: str, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = predictions(study_of(name), item)
        row = analysis_of(name).items.set_index("item").loc[item]
        low, high, step = (0, 16, 1) if item == SCORE else (0, 4, 1)
        steps = np.arange(low, high + 1, step)
        found: dict[str, list[float]] = {}
        for _, part in table.groupby("repeat"):
            x, y = part["rating"].to_numpy(), part["prediction"].to_numpy()
            rounded = np.clip(np.floor(y + 0.5), low, high).astype(int)
            own = np.clip(np.floor(x + 0.5), low, high).astype(int)
            means = part.groupby("participant_id")[["rating", "prediction"]].mean()
            values = {
                "skill": 1 - ((y - x) ** 2).sum() / ((part["mean"] - x) ** 2).sum(),
                "pearson_r": stats.pearsonr(x, y)[0],
                "spearman_rho": stats.spearmanr(x, y)[0],
                "ccc": ccc(x, y, n_resamples=0)["estimate"][0],
                "icc_a1": icc(np.column_stack([x, y]), n_resamples=0)["estimate"][1],
                "mae": np.abs(y - x).mean(),
                "rmse": np.sqrt(((y - x) ** 2).mean()),
                "share_within": (np.abs(y - x) <= 1).mean(),
                "share_within_rounded": (np.abs(rounded - x) <= 1).mean(),
                "pearson_r_of_means": stats.pearsonr(means["rating"], means["prediction"])[0],
                "mean_mae": np.abs(part["mean"] - x).mean(),
                "mean_r": stats.pearsonr(x, part["mean"])[0],
            }
            if len(set(rounded)) > 1:
                values["quadratic_kappa"] = cohen_kappa_score(own, rounded, labels=steps, weights="quadratic")
            for key, value in values.items():
                found.setdefault(key, []).append(value)
        for key, values_of_repeats in found.items():
            assert row[key] == pytest.approx(np.mean(values_of_repeats), rel=1e-9, abs=1e-12), key
        assert row["n_sessions"] == len(table) / len(set(table["repeat"]))
        assert row["n_participants"] == table["participant_id"].nunique()
        ratings = table[table["repeat"] == 0]["rating"]
        assert row["floor"] == (ratings == low).mean()
        assert (row["rating_mean"], row["rating_sd"]) == pytest.approx((ratings.mean(), ratings.std()))

    @pytest.mark.parametrize("name", ["good", "repeated k-fold", "change"])
    def test_the_fit_has_the_same_numbers(
        self, name: str, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        study = study_of(name)
        same = analyse_fit(study.study, study.fit, settings=ReportSettings(resamples=200), cache=False)
        metrics = pd.read_csv(study.folder / "metrics.tsv", sep="\t", na_values=["n/a"])
        metrics = metrics.set_index(["item", "model"])
        ours = same.by_model.set_index(["item", "model"]).loc[metrics.index]
        names = {"skill": "skill", "pearson_r": "pearson_r", "ccc": "ccc", "mae": "mae", "p": "p"}
        names |= {f"pearson_r_{end}": f"pearson_r_{end}_predictions_fixed" for end in ("low", "high")}
        for own, theirs in names.items():
            np.testing.assert_allclose(ours[own], metrics[theirs], rtol=1e-9, atol=1e-12, err_msg=own)
        within = same.statistics[same.statistics["statistic"] == "Pearson r within groups"]
        within = within.set_index(["item", "model"]).loc[metrics.index, "estimate"]
        np.testing.assert_allclose(within, metrics["pearson_r_within_groups"], rtol=1e-9, atol=1e-12)
        items = same.items.set_index("item")
        for column in ("p_step_down", "p_holm", "p_bh"):
            np.testing.assert_array_equal(items[column], metrics.xs("ridge", level="model")[column])

    @pytest.mark.oracle
    def test_intervals_equal_a_plain_loop_over_participants(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = predictions(study_of("missing sessions"), "cains10")
        row = analysis_of("missing sessions").items.set_index("item").loc["cains10"]
        people = list(dict.fromkeys(table["participant_id"]))
        (weights,) = count_blocks(len(people), 100, width=len(people), seed=0)
        rows_of = [np.flatnonzero(table["participant_id"] == one) for one in people]
        x, y = table["rating"].to_numpy(), table["prediction"].to_numpy()
        drawn: dict[str, list[float]] = {"spearman_rho": [], "quadratic_kappa": [], "mae": [], "skill": []}
        for counts in weights.astype(int):
            rows = np.concatenate([rows_of[k] for k, times in enumerate(counts) for _ in range(times)])
            own, of_mean = (y - x)[rows], (table["mean"] - x).to_numpy()[rows]
            drawn["spearman_rho"].append(stats.spearmanr(x[rows], y[rows])[0])
            moved = [np.clip(np.floor(one[rows] + 0.5), 0, 4).astype(int) for one in (x, y)]
            kappa = cohen_kappa_score(*moved, labels=np.arange(5), weights="quadratic")
            drawn["quadratic_kappa"].append(kappa)
            drawn["mae"].append(np.abs(own).mean())
            drawn["skill"].append(1 - (own**2).sum() / (of_mean**2).sum())
        for name, values in drawn.items():
            low, high = np.quantile(values, [0.025, 0.975])
            assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((low, high), rel=1e-9), name

    def test_what_is_0_because_a_column_is_constant_says_so_and_has_no_interval(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        predicted = predictions(study_of("good"), FLOOR)["prediction"]
        assert len(set(np.floor(predicted + 0.5))) == 1 < len(set(predicted))
        table = analysis_of("good").statistics
        table = table[(table["item"] == FLOOR) & (table["model"] == "ridge")].set_index("statistic")
        kappa = table.loc["quadratic weighted kappa"]
        assert (kappa["estimate"], kappa["flag"]) == (0, "constant column after rounding")
        assert np.isnan(kappa["ci_low"])
        assert table.loc["CCC", "flag"] == ""
        assert (
            "quadratic weighted kappa: constant column"
            in (analysis_of("good").items.set_index("item").loc[FLOOR, "note"])
        )

    def test_items_at_the_floor_and_small_studies_carry_warnings(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        good = analysis_of("good").items.set_index("item")
        assert good.loc[FLOOR, "warning"] == "nearly all ratings are at the minimum"
        assert good.loc["cains10", "warning"] == ""
        assert "fewer than 30 participants" in analysis_of("twelve").items["warning"].iloc[1]

    def test_planted_items_are_found_and_others_are_not(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        good = analysis_of("good").items.set_index("item")
        assert good.loc["cains10", "skill_low"] > 0.5
        assert good.loc["cains10", "gain_p"] <= 0.05
        assert good.loc[CHANCE, "skill_low"] < 0.2
        null = analysis_of("null").items.set_index("item")
        assert (null.loc[["cains10", "cains11"], "skill_low"] < 0).all()
        assert (null["p_holm"] > 0.05).all()

    def test_baselines_stand_beside(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        analysis = analysis_of("change")
        by_model = analysis.by_model.set_index(["item", "model"])
        for row in analysis.items.to_dict("records"):
            for prefix in ("covariates", "camera", "baseline-rating"):
                skill = by_model.loc[(row["item"], f"ridge-{prefix}"), "skill"]
                assert row[f"{prefix.replace('-', '_')}_skill"] == skill
        assert set(by_model["kind"]) == {"model", "baseline"}
        assert analysis_of("good").items["baseline_rating_skill"].isna().all()

    def test_ranges_of_changes_go_both_ways(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        row = analysis_of("change").items.set_index("item").loc[SCORE]
        assert (row["range_low"], row["range_high"]) == (-16, 16)
        assert math.isnan(row["floor"])

    def test_groups_come_only_where_there_are_two(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        assert analysis_of("good").has_groups
        one = analysis_of("one rater")
        assert not one.has_groups
        assert one.items["pearson_r_within_groups"].isna().all()
        assert (one.items["note"] == "").any()


class TestComparisons:
    @pytest.mark.oracle
    def test_differences_are_paired(self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]) -> None:
        study = study_of("good")
        own, other = (predictions(study, SCORE, model) for model in ("ridge", "ridge-covariates"))
        people = list(dict.fromkeys(own["participant_id"]))
        (weights,) = count_blocks(len(people), 100, width=len(people), seed=0)
        places = np.array([people.index(one) for one in own["participant_id"]])
        draws = []
        for counts in weights:
            times = counts[places]
            errors = [
                np.average(np.abs(one["prediction"] - one["rating"]), weights=times) for one in (own, other)
            ]
            draws.append(errors[0] - errors[1])
        table = analysis_of("good").comparisons.set_index(["item", "other", "statistic"])
        row = table.loc[(SCORE, "ridge-covariates", "MAE")]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
        smaller = min(np.sum(np.array(draws) <= 0), np.sum(np.array(draws) >= 0))
        assert row["p"] == min(1, 2 * (smaller + 1) / 101)
        assert math.isnan(table.loc[(SCORE, "ridge-covariates", "Pearson r"), "williams_p"])
        assert "several sessions" in table.loc[(SCORE, "ridge-covariates", "Pearson r"), "williams_note"]

    def test_williams_needs_one_session_per_participant_and_one_repetition(
        self, tmp_path: Path, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        study = make_study(tmp_path / "once", dataclasses.replace(RECIPES["good"], sessions=1, fit={}))
        item = "cains9"
        own, other = (predictions(study, item, model) for model in ("ridge", "ridge-covariates"))
        assert stats.pearsonr(other["rating"], other["prediction"])[0] > 0
        wanted = williams_test(own["rating"], own["prediction"], other=other["prediction"])["p"][0]
        analysis = analyse_fit(study.study, study.fit, settings=QUICK, cache=False)
        row = analysis.comparisons.set_index(["item", "other", "statistic"]).loc[
            (item, "ridge-covariates", "Pearson r")
        ]
        assert row["williams_p"] == pytest.approx(wanted, rel=1e-12)
        assert row["williams_note"] == ""
        repeated = analysis_of("repeated k-fold").comparisons
        assert repeated["williams_p"].isna().all()

    def test_r_is_not_compared_with_the_mean_predictors(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = analysis_of("good").comparisons
        assert set(table[table["other"] == "mean"]["statistic"]) == {"CCC", "MAE", "RMSE"}

    def test_a_negative_r_of_leaving_out_makes_no_small_p(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        analysis = analysis_of("good")
        table = analysis.comparisons[analysis.comparisons["statistic"] == "Pearson r"]
        r = analysis.by_model.set_index(["item", "model"])["pearson_r"]
        negative = np.array([r[row["item"], row["other"]] < 0 for row in table.to_dict("records")])
        assert 0 < negative.sum() < len(table)
        assert table.loc[negative, ["p", "williams_p"]].isna().all(axis=None)
        assert (table.loc[negative, "flag"] == NEGATIVE_R).all()
        once = analysis_of("twelve").comparisons
        once = once[(once["statistic"] == "Pearson r") & (once["flag"].str.startswith(NEGATIVE_R))]
        assert len(once)
        assert (once["williams_note"] == NEGATIVE_R).all()
        assert table.loc[negative, ["difference", "ci_low", "ci_high"]].notna().all(axis=None)
        assert table.loc[~negative, "p"].notna().all()


class TestSingleItems:
    def test_pairs_are_those_of_the_file(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = predictions(study_of("repeated k-fold"), "cains11")
        first = table[table["repeat"] == 0]
        pairs = analysis_of("repeated k-fold").pairs["cains11"]
        merged = pairs.merge(first, on=["participant_id", "session_id"], suffixes=("", "_file"))
        assert len(merged) == len(pairs) == len(first)
        for column in ("rating", "prediction", "n_raters"):
            np.testing.assert_array_equal(merged[column], merged[f"{column}_file"])
        np.testing.assert_array_equal(merged["baseline"], merged["mean"])

    @pytest.mark.oracle
    def test_errors_by_participant_equal_naive_code(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = predictions(study_of("repeated k-fold"), SCORE)
        found = analysis_of("repeated k-fold").error_by_participant
        found = found[found["item"] == SCORE].set_index("participant_id")
        for person, rows in table.groupby("participant_id"):
            error = rows["prediction"] - rows["rating"]
            assert found.loc[person, "mae"] == pytest.approx(error.abs().mean(), rel=1e-12)
            assert found.loc[person, "bias"] == pytest.approx(error.mean(), rel=1e-9, abs=1e-12)
            assert found.loc[person, "n_sessions"] == rows["session_id"].nunique()

    def test_bins_of_calibration_hold_all_sessions_in_order(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        analysis = analysis_of("good")
        table = analysis.calibration[analysis.calibration["item"] == "cains10"]
        line, bins = table[table["bin"] == -1].iloc[0], table[table["bin"] >= 0]
        pairs = analysis.pairs["cains10"]
        slope, intercept = np.polyfit(pairs["prediction"], pairs["rating"], 1)
        assert (line["slope"], line["intercept"]) == pytest.approx((slope, intercept))
        assert line["in_the_large"] == pytest.approx((pairs["rating"] - pairs["prediction"]).mean())
        assert bins["n"].sum() == len(pairs)
        assert bins["mean_prediction"].is_monotonic_increasing
        weighted = np.average(bins["mean_rating"], weights=bins["n"])
        assert weighted == pytest.approx(pairs["rating"].mean())
        assert (bins["mean_rating_low"] <= bins["mean_rating"]).all()
        assert (bins["mean_rating"] <= bins["mean_rating_high"]).all()

    def test_null_draws_are_those_of_the_fit(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        null = analysis_of("good").null["cains10"]
        items = analysis_of("good").items.set_index("item")
        assert null.statistic == "skill"
        assert null.draws.size == 99
        assert null.observed == pytest.approx(items.loc["cains10", "skill"], abs=1e-9)
        at_least = np.sum(null.draws >= null.observed)
        assert null.p == items.loc["cains10", "p"] == pytest.approx((at_least + 1) / 100)


class TestSubgroups:
    @pytest.mark.oracle
    def test_measures_are_those_of_the_subgroup_alone(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        study = study_of("good")
        people = pd.read_csv(study.study.participants_tsv, sep="\t", dtype={"participant_id": "str"})
        women = {f"sub-{one}" for one in people[people["sex"] == "F"]["participant_id"]}
        table = predictions(study, "cains11")
        table = table[table["participant_id"].isin(women)]
        found = analysis_of("good").subgroups.set_index(["item", "column", "level"])
        row = found.loc[("cains11", "sex", "F")]
        assert row["n_participants"] == len(women)
        assert row["pearson_r"] == pytest.approx(stats.pearsonr(table["rating"], table["prediction"])[0])
        assert row["bias"] == pytest.approx((table["prediction"] - table["rating"]).mean())
        error, of_mean = table["prediction"] - table["rating"], table["mean"] - table["rating"]
        assert row["skill"] == pytest.approx(1 - (error**2).sum() / (of_mean**2).sum())
        assert row["skill_low"] < row["skill"] < row["skill_high"]

    def test_small_subgroups_have_counts_only(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        table = analysis_of("good").subgroups
        assert set(table["column"]) == {"group", "sex", "site", "age"}
        few = table[table["n_participants"] < 20]
        assert len(few) > 0
        assert set(few["flag"]) == {"too few"}
        assert few[["skill", "pearson_r", "mae", "bias"]].isna().all(axis=None)
        assert set(analysis_of("twelve").subgroups["flag"]) == {"too few"}
        age = table[(table["column"] == "age") & (table["item"] == SCORE)]
        assert age["n_participants"].sum() == 48


class TestChange:
    @pytest.mark.oracle
    def test_change_since_the_first_session_equals_naive_code(
        self, study_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        table = predictions(study_of("missing sessions"), "cains10")
        pairs = []
        for _, rows in table.groupby("participant_id"):
            rows = rows.sort_values("session_id")
            first = rows.iloc[0]
            pairs += [
                (row["rating"] - first["rating"], row["prediction"] - first["prediction"])
                for _, row in rows.iloc[1:].iterrows()
            ]
        x, y = np.array(pairs).T
        found = analysis_of("missing sessions").change.set_index(["item", "statistic"])
        row = found.loc[("cains10", "change: CCC")]
        assert row["n"] == len(pairs)
        assert row["estimate"] == pytest.approx(ccc(x, y, n_resamples=0)["estimate"][0], rel=1e-9)
        assert found.loc[("cains10", "change: MAE"), "estimate"] == pytest.approx(np.abs(y - x).mean())
        wanted = rm_corr(table["rating"], table["prediction"], cluster=table["participant_id"]).iloc[0]
        row = found.loc[("cains10", "repeated-measures r")]
        assert tuple(row[["estimate", "ci_low", "ci_high", "p"]]) == pytest.approx(
            tuple(wanted[["estimate", "ci_low", "ci_high", "p"]])
        )

    def test_one_session_per_participant_has_no_change(
        self, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        assert analysis_of("twelve").change.empty
        statistics = set(analysis_of("change").change["statistic"])
        assert statistics == {"repeated-measures r"}


class TestRecord:
    def test_ledger_counts_the_analyses_of_these_ratings(
        self, copy_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        ledger = analysis_of("good").ledger
        assert (ledger.n_analyses, ledger.n_fits, ledger.n_other_ratings) == (len(TARGETS), 1, 0)
        assert ledger.n_sensitivity == len(analysis_of("good").sensitivity.query("role == 'sensitivity'"))
        assert ledger.entries["same_ratings"].all()
        study = copy_of("good")
        path = study.study.fits / "ledger.tsv"
        lines = path.read_text(encoding="utf-8").splitlines()
        own = analysis_of("good").fit["data_sha256"]["ratings"]
        path.write_text("\n".join([*lines, lines[1].replace(own, "0" * 64)]) + "\n", encoding="utf-8")
        ledger = analyse_fit(study.study, study.fit, settings=QUICK, cache=False).ledger
        assert (ledger.n_analyses, ledger.n_fits, ledger.n_other_ratings) == (len(TARGETS), 1, 1)

    def test_audit_is_shown_check_by_check(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        analysis = analysis_of("good")
        assert analysis.audit_passed is True
        assert analysis.audit["passed"].all()
        assert "96 sessions of 48 participants" in analysis.audit.set_index("check").loc["sessions", "detail"]

    def test_other_choices_and_refits_are_taken_over(self, analysis_of: Callable[[str], FitAnalysis]) -> None:
        analysis = analysis_of("good")
        assert analysis.sensitivity is not None
        assert set(analysis.sensitivity["item"]) == set(TARGETS)
        assert analysis.stability is not None
        assert list(analysis.stability["n_subsamples"]) == [10] * len(TARGETS)
        assert "stability.tsv" in analysis_of("null").missing["stability"]


class TestBrokenParts:
    def test_measures_that_are_not_of_the_predictions_are_refused(self, copy_of: Give) -> None:
        study = copy_of("twelve")
        path = study.folder / "metrics.tsv"
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
        with pytest.raises(FormatError, match="exp by ridge-camera"):
            analyse_fit(study.study, study.fit, settings=QUICK)
        (study.folder / "predictions.parquet").unlink()
        with pytest.raises(FormatError, match=r"fit\.json and predictions\.parquet"):
            analyse_fit(study.study, study.fit, settings=QUICK)

    def test_a_part_that_cannot_be_read_leaves_the_others(self, copy_of: Give) -> None:
        study = copy_of("good")
        (study.study.phenotype / "cains.tsv").unlink()
        study.study.participants_tsv.write_text("person\n1\n", encoding="utf-8")
        (study.study.root / "emoclip-clinic.toml").write_text("[study]\nfoo = 1\n", encoding="utf-8")
        (study.study.fits / "ledger.tsv").write_text("nonsense\n", encoding="utf-8")
        analysis = analyse_fit(study.study, study.fit, settings=QUICK, cache=False)
        assert set(analysis.missing) == {"raters", "participants", "preregistration", "ledger"}
        assert analysis.items["pearson_r"].notna().all()
        assert analysis.raters.human.empty
        assert "cannot be told apart" in analysis.raters.missing[0]
        assert analysis.subgroups.empty
        assert not analysis.preregistration.verified
        assert not analysis.has_groups

    def test_a_study_of_constant_ratings_has_flags_instead_of_numbers(self, copy_of: Give) -> None:
        study = copy_of("twelve")
        path = study.study.phenotype / "cains.tsv"
        table = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False)
        table["cains10"], table["cains11"], table.loc[3:, "cains12"] = "2", "n/a", "n/a"
        table.to_csv(path, sep="\t", index=False)
        quick = {"models": "ridge", "items": "cains9,cains10,cains11,cains12", "permutations": 0}
        quick |= {"gain": False, "resamples": 100, "sensitivity": False, "subsamples": 0}
        run_fit(plan_fit(study.study, study.scale, FitSettings(**quick)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            analysis = analyse_fit(study.study, study.fit, settings=QUICK, cache=False)
        items = analysis.items.set_index("item")
        assert "cains11" not in items.index
        constant = items.loc["cains10"]
        assert constant["warning"].startswith("all ratings are equal")
        assert math.isnan(constant["skill"])
        assert math.isnan(constant["pearson_r"])
        assert constant["mae"] == pytest.approx(0, abs=1e-9)
        assert "constant ratings" in constant["note"]


class TestCache:
    def test_a_second_run_computes_nothing_and_gives_the_same(
        self, copy_of: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study = copy_of("missing sessions")
        said: list[tuple[str, int, int]] = []
        first = analyse_fit(study.study, study.fit, settings=QUICK, progress=lambda *what: said.append(what))
        assert ("intervals", 400, 400) in said
        assert ("raters", 5, 5) in said

        def never(*args: object, **kwargs: object) -> None:
            raise AssertionError("computed again")

        for name in ("all_statistics", "each_item", "subgroup_table", "change_table", "quality_table"):
            monkeypatch.setattr(module, name, never)
        second = analyse_fit(study.study, study.fit, settings=QUICK)
        for name, frame in frames_of(first).items():
            pd.testing.assert_frame_equal(frame, frames_of(second)[name], obj=name)
        with pytest.raises(AssertionError, match="computed again"):
            analyse_fit(study.study, study.fit, settings=ReportSettings(resamples=101))

    def test_kept_frames_equal_those_that_were_not_kept(
        self, copy_of: Give, analysis_of: Callable[[str], FitAnalysis]
    ) -> None:
        study = copy_of("hostile")
        kept = analyse_fit(study.study, study.fit, settings=QUICK)
        for name, frame in frames_of(analysis_of("hostile")).items():
            pd.testing.assert_frame_equal(frame, frames_of(kept)[name], obj=name)

    def test_a_damaged_file_is_made_again_and_old_ones_go(self, copy_of: Give) -> None:
        study = copy_of("twelve")
        first = analyse_fit(study.study, study.fit, settings=QUICK)
        work = study.study.report_work(study.fit)
        before = {path.name for path in work.iterdir()}
        for path in work.glob("statistics-*.parquet"):
            path.write_bytes(b"not a table")
        again = analyse_fit(study.study, study.fit, settings=QUICK)
        pd.testing.assert_frame_equal(first.statistics, again.statistics)
        analyse_fit(study.study, study.fit, settings=ReportSettings(resamples=120))
        after = {path.name for path in work.iterdir()}
        assert len(after) == len(before)
        assert before & after == {name for name in before if name.startswith("quality")}

    def test_changed_ratings_are_noticed_and_told(self, copy_of: Give) -> None:
        study = copy_of("twelve")
        first = analyse_fit(study.study, study.fit, settings=QUICK).raters
        assert not any("have changed" in note for note in first.notes)
        path = study.study.phenotype / "cains.tsv"
        lines = path.read_text(encoding="utf-8").splitlines()
        cells = lines[1].split("\t")
        place = lines[0].split("\t").index("cains10")
        cells[place] = "4" if cells[place] != "4" else "0"
        path.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
        second = analyse_fit(study.study, study.fit, settings=QUICK).raters
        assert any("have changed" in note for note in second.notes)
        assert not first.human["estimate"].equals(second.human["estimate"])
