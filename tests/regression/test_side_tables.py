"""What a fit writes for its report: draws of the tests, the ridge under other choices and in subsamples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from emoclip_clinic.errors import FormatError
from emoclip_clinic.regression import Fold, nested_predict, read_ledger, session_features, split_participants
from emoclip_clinic.regression.fitting import FitResult, run_fit
from emoclip_clinic.regression.fitting.report_columns import (
    NULL_COLUMNS,
    SENSITIVITY_COLUMNS,
    STABILITY_COLUMNS,
)
from emoclip_clinic.regression.fitting.stability import draw_subsamples, n_subsamples
from emoclip_clinic.regression.ledger import count_analyses
from emoclip_clinic.regression.scoring import pooled_r, skill
from emoclip_clinic.regression.splits import restrict_folds
from tests.regression.fit_study import PLANTED, FitStudy, write_fit_study

SIDE = {"sensitivity": True, "subsamples": 6}
FILES = ("sensitivity.tsv", "stability.tsv", "null.parquet")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    return write_fit_study(tmp_path_factory.mktemp("side"))


@pytest.fixture(scope="module")
def done(study: FitStudy) -> FitResult:
    return run_fit(study.plan(gain=True, **SIDE))


@pytest.fixture
def fresh(study: FitStudy, done: FitResult, tmp_path: Path) -> FitStudy:
    shutil.copytree(study.study.root, tmp_path / "copy", ignore=shutil.ignore_patterns("fits"))
    return FitStudy(type(study.study)(tmp_path / "copy"), study.scale)


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, sep="\t", na_values=["n/a"], keep_default_na=False)


def record(folder: Path) -> dict:
    return json.loads((folder / "fit.json").read_text())


def test_every_draw_of_both_tests_is_written(study: FitStudy, done: FitResult) -> None:
    table = pq.read_table(study.folder / "null.parquet").to_pandas()
    assert list(table.columns) == list(NULL_COLUMNS)
    assert pq.read_schema(study.folder / "null.parquet").metadata[b"format_version"] == b"1"
    assert set(table["statistic"]) == {"skill", "gain"}
    for statistic, facts in (("skill", done.test_facts), ("gain", done.gain_facts)):
        for row in facts["table"]:
            own = table[(table["item"] == row["target"]) & (table["statistic"] == statistic)]
            assert own["permutation"].tolist() == list(range(100))
            observed, draws = own["value"].iloc[0], own["value"].iloc[1:]
            assert observed == row["observed"]
            # The statistic of an exchange that gives the same ratings differs by rounding only.
            at_least = (draws >= observed - 1e-9).sum() + draws.isna().sum()
            assert row["p"] == (1 + at_least) / 100
            assert row["null_mean"] == pytest.approx(draws.mean())


def test_an_item_that_is_not_tested_has_no_draws(fresh: FitStudy) -> None:
    path = fresh.study.phenotype / "cains.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    for line in lines[1:]:
        line[lines[0].index("cains3")] = "2"
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    run_fit(fresh.plan())
    assert set(pq.read_table(fresh.folder / "null.parquet")["item"].to_pylist()) == set(PLANTED)


def test_a_damaged_table_is_told_with_the_way_out(fresh: FitStudy) -> None:
    run_fit(fresh.plan(permutations=0, **SIDE))
    (piece,) = (fresh.folder / "work").glob("stability-*.json")
    piece.write_bytes(piece.read_bytes()[:100])
    with pytest.raises(FormatError, match="--force"):
        run_fit(fresh.plan(permutations=0, resamples=300, **SIDE))
    assert run_fit(fresh.plan(permutations=0, resamples=300, **SIDE), force=True).stability.rows


def test_kept_draws_are_those_that_were_made(fresh: FitStudy) -> None:
    run_fit(fresh.plan())
    first = (fresh.folder / "null.parquet").read_bytes()
    run_fit(fresh.plan(resamples=300))
    assert (fresh.folder / "null.parquet").read_bytes() == first


def test_the_main_row_of_sensitivity_is_that_of_the_measures(study: FitStudy, done: FitResult) -> None:
    table, metrics = read(study.folder, "sensitivity.tsv"), read(study.folder, "metrics.tsv")
    assert list(table.columns) == list(SENSITIVITY_COLUMNS)
    main = table[table["role"] == "main"].set_index("item")
    ridge = metrics[metrics["model"] == "ridge"].set_index("item")
    assert set(main["value"]) == {"mean, leave-one-participant-out"}
    for name in ("skill", "pearson_r", "mae", "n_participants", "n_sessions"):
        np.testing.assert_allclose(main[name], ridge[name], rtol=1e-12)


def test_other_aggregations_are_what_the_whole_fit_with_them_gives(study: FitStudy, done: FitResult) -> None:
    table = read(study.folder, "sensitivity.tsv")
    others = table[table["choice"] == "aggregation"]
    assert {"std", "quantiles", "coverage-weighted", "dynamics", "mean+std"} <= set(others["value"])
    assert "mean" not in set(others["value"])
    rated = done.plan.rated
    for how in ("quantiles", "mean+std"):
        X = session_features(study.study, aggregation=how).X
        direct = nested_predict(X, rated.Y, rated.groups)
        own = others[others["value"] == how].set_index("item").loc[list(rated.targets)]
        np.testing.assert_allclose(own["skill"], skill(rated.Y, direct.predictions, direct.baseline))
        np.testing.assert_allclose(own["pearson_r"], pooled_r(rated.Y, direct.predictions))
        np.testing.assert_allclose(own["mae"], np.abs(direct.predictions - rated.Y).mean(axis=0))
        assert (own["n_features"] == X.shape[1]).all()


def test_other_folds_are_repeated_grouped_folds(study: FitStudy, done: FitResult) -> None:
    table = read(study.folder, "sensitivity.tsv")
    own = table[table["choice"] == "folds"].set_index("item")
    rated = done.plan.rated
    assert set(own["value"]) == {"grouped 10-fold, 5 repetitions"}
    folds = split_participants(rated.groups, scheme="kfold", n_splits=10, n_repeats=5, seed=0)
    direct = nested_predict(rated.X, rated.Y, rated.groups, outer=folds)
    np.testing.assert_allclose(own["skill"], skill(rated.Y, direct.predictions, direct.baseline))
    assert (own["n_repeats"] == 5).all()


def test_a_fit_with_folds_is_compared_with_leaving_one_out(fresh: FitStudy) -> None:
    run_fit(fresh.plan(outer="kfold", n_splits=4, n_repeats=2, permutations=0, sensitivity=True))
    table = read(fresh.folder, "sensitivity.tsv")
    assert set(table.loc[table["choice"] == "folds", "value"]) == {"leave-one-participant-out"}
    assert "mean, grouped 4-fold, 2 repetitions" in set(table["value"])
    run_fit(fresh.plan(outer="site", permutations=0, sensitivity=True))
    table = read(fresh.folder, "sensitivity.tsv")
    assert set(table.loc[table["choice"] == "folds", "value"]) == {
        "leave-one-participant-out",
        "grouped 10-fold, 5 repetitions",
    }


def test_training_on_segments_is_compared_with_every_aggregation(fresh: FitStudy) -> None:
    run_fit(fresh.plan(features="segment", permutations=0, **SIDE))
    table = read(fresh.folder, "sensitivity.tsv").set_index(["item", "value"])
    direct = run_fit(fresh.plan(permutations=0)).metrics.set_index(["item", "model"])
    assert table.loc[("cains1", "mean"), "skill"] == pytest.approx(direct.loc[("cains1", "ridge"), "skill"])
    assert table.loc[("cains1", "trained on segments, leave-one-participant-out"), "role"] == "main"


def test_a_change_is_refitted_on_changes_of_other_features(fresh: FitStudy) -> None:
    result = run_fit(
        fresh.plan(target="change", baseline="1", permutations=0, sensitivity=True, subsamples=3)
    )
    table = read(result.plan.folder, "sensitivity.tsv").set_index(["item", "value"])
    assert table.loc[("cains1", "coverage-weighted"), "skill"] > 0.7
    assert table.loc[("cains1", "coverage-weighted"), "n_sessions"] == 12
    assert (read(result.plan.folder, "stability.tsv")["n_subsamples"] == 3).all()


def test_sessions_without_a_feature_are_left_out_and_counted(fresh: FitStudy) -> None:
    plan = fresh.plan(permutations=0, sensitivity=True)
    from dataclasses import replace

    from emoclip_clinic.regression.fitting.sensitivity import alternatives, run_alternative

    (other,) = [one for one in alternatives(plan) if one.value == "std"]
    features = session_features(fresh.study, aggregation="std")
    fewer = replace(features, sessions=features.sessions.iloc[3:].reset_index(drop=True), X=features.X[3:])
    rows = run_alternative(plan, other, {"std": fewer})
    assert {row["n_sessions"] for row in rows} == {21}
    assert {row["n_participants"] for row in rows} == {11}
    assert {row["note"] for row in rows} == {"3 sessions less, for which these features are not defined"}
    few = replace(features, sessions=features.sessions.iloc[:6].reset_index(drop=True), X=features.X[:6])
    for row in run_alternative(plan, other, {"std": few}):
        assert np.isnan(row["skill"])
        assert "10 participants" in row["note"]


def test_stability_is_the_spread_over_subsamples(study: FitStudy, done: FitResult) -> None:
    table = read(study.folder, "stability.tsv")
    assert list(table.columns) == list(STABILITY_COLUMNS)
    rated = done.plan.rated
    found, predicted, alphas = [], np.full((6, *rated.Y.shape), np.nan), []
    for number, rows in enumerate(draw_subsamples(rated.groups, n=6, seed=0)):
        assert len(np.unique(rated.groups[rows])) == 10
        direct = nested_predict(rated.X[rows], rated.Y[rows], rated.groups[rows])
        found.append(skill(rated.Y[rows], direct.predictions, direct.baseline))
        predicted[number, rows] = direct.predictions
        alphas.append(direct.chosen_alphas)
    np.testing.assert_allclose(table["skill_mean"], np.mean(found, axis=0))
    np.testing.assert_allclose(table["skill_sd"], np.std(found, axis=0, ddof=1))
    np.testing.assert_allclose(table["skill_low"], np.quantile(found, 0.05, axis=0))
    sd = pd.DataFrame(predicted[:, :, 0]).std(ddof=1)
    assert table["prediction_sd"].iloc[0] == pytest.approx(sd.mean())
    assert table["rating_sd"].iloc[0] == pytest.approx(np.std(rated.Y[:, 0], ddof=1))
    assert table["alpha_median"].iloc[0] == pytest.approx(np.median(np.vstack(alphas)[:, 0]))
    counts = [int(part.split(": ")[1]) for part in table["alphas"].iloc[0].split("; ")]
    assert sum(counts) == 60
    main = done.metrics.set_index(["item", "model"])
    assert table["skill_full"].iloc[0] == pytest.approx(main.loc[(table["item"].iloc[0], "ridge"), "skill"])


def test_the_first_subsamples_do_not_depend_on_their_number(done: FitResult) -> None:
    groups = done.plan.rated.groups
    few, many = draw_subsamples(groups, n=2, seed=4), draw_subsamples(groups, n=5, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(few, many[:2], strict=True))
    assert not np.array_equal(many[0], many[1])


def test_many_patterns_of_missing_ratings_mean_fewer_subsamples(fresh: FitStudy) -> None:
    plan = fresh.plan(items="all", subsamples=50)
    assert n_subsamples(plan) == 50
    Y = plan.rated.Y
    for column in range(9):
        Y[column, column] = np.nan
    assert n_subsamples(plan) == 250 // 10
    assert n_subsamples(fresh.plan(subsamples=3)) == 3


def test_restricted_folds_keep_everyone_where_they_were() -> None:
    groups = np.repeat(["a", "b", "c", "d"], 2)
    folds = split_participants(groups)
    rows = np.array([0, 1, 4, 6, 7])
    kept = restrict_folds(folds, rows, groups=groups)
    assert [fold.name for fold in kept] == ["a", "c", "d"]
    for fold in kept:
        whole = next(one for one in folds if one.name == fold.name)
        assert set(rows[fold.test]) == set(whole.test) & set(rows)
        assert set(rows[fold.train]) == set(whole.train) & set(rows)
    two = (Fold(0, "x", np.arange(4, 8), np.arange(4)), Fold(0, "y", np.arange(4), np.arange(4, 8)))
    with pytest.raises(Exception, match="training participants"):
        restrict_folds(two, np.array([0, 4, 5, 6, 7]), groups=groups)


def test_the_ledger_counts_other_choices_apart(study: FitStudy, done: FitResult) -> None:
    entries = read_ledger(study.study)
    main = [one for one in entries if one.role != "sensitivity"]
    assert len(main) == 3
    assert count_analyses(entries) == 3
    n_choices = record(study.folder)["sensitivity"]["n_choices"]
    assert count_analyses(entries, roles=("sensitivity",)) == 3 * n_choices
    how = {json.loads(one.settings)["aggregation"] for one in entries if one.role == "sensitivity"}
    assert {"std", "mean+dynamics"} <= how


def test_switching_the_tables_off_is_no_other_analysis(fresh: FitStudy) -> None:
    run_fit(fresh.plan(permutations=0, **SIDE))
    before = count_analyses(read_ledger(fresh.study))
    run_fit(fresh.plan(permutations=0))
    assert count_analyses(read_ledger(fresh.study)) == before
    assert not any((fresh.folder / name).exists() for name in FILES)
    assert record(fresh.folder)["sensitivity"] == {"skipped": "sensitivity = off"}
    assert record(fresh.folder)["stability"] == {"skipped": "subsamples = 0"}


@pytest.mark.parametrize(
    ("settings", "sensitivity", "stability"),
    [
        ({"models": "mlp", "hidden": "4", "mlp_seeds": 1}, "ridge", "ridge"),
        ({"features": "segment"}, None, "trained on segments"),
    ],
    ids=["mlp", "segments"],
)
def test_what_is_not_possible_is_skipped_with_the_reason(
    fresh: FitStudy, settings: dict[str, object], sensitivity: str | None, stability: str
) -> None:
    run_fit(fresh.plan(permutations=0, **SIDE, **settings))
    facts = record(fresh.folder)
    assert ("skipped" in facts["sensitivity"]) == (sensitivity is not None)
    assert (sensitivity or "") in facts["sensitivity"].get("skipped", "")
    assert stability in facts["stability"]["skipped"]


def test_few_participants_are_too_few_for_either(tmp_path: Path) -> None:
    few = write_fit_study(tmp_path, people=tuple("abcdefghi"))
    run_fit(few.plan(permutations=0, **SIDE))
    facts = record(few.folder)
    assert "9 participants, fewer than 10" in facts["sensitivity"]["skipped"]
    assert "9 participants, fewer than 10" in facts["stability"]["skipped"]
    assert [one.role for one in read_ledger(few.study)] == ["exploratory"] * 3


def test_both_tables_are_kept_and_made_anew_when_asked(fresh: FitStudy) -> None:
    said: list[str] = []

    def tell(what: str, done: int, total: int) -> None:
        said.append(what)

    run_fit(fresh.plan(permutations=0, **SIDE), progress=tell)
    assert {"sensitivity", "sensitivity, reading", "stability"} <= set(said)
    first = {name: (fresh.folder / name).read_bytes() for name in FILES[:2]}
    said.clear()
    run_fit(fresh.plan(permutations=0, resamples=300, **SIDE), progress=tell)
    assert not {"sensitivity", "stability"} & set(said)
    assert {name: (fresh.folder / name).read_bytes() for name in FILES[:2]} == first
    said.clear()
    run_fit(fresh.plan(permutations=0, resamples=300, **SIDE), force=True, progress=tell)
    assert {"sensitivity", "stability"} <= set(said)
    assert {name: (fresh.folder / name).read_bytes() for name in FILES[:2]} == first


def test_the_baselines_of_every_item_are_in_both_tables(study: FitStudy, done: FitResult) -> None:
    metrics = read(study.folder, "metrics.tsv")
    predictions = pq.read_table(study.folder / "predictions.parquet").to_pandas()
    for table in (metrics, predictions):
        for item in done.plan.rated.targets:
            models = set(table.loc[table["item"] == item, "model"])
            assert models == {"ridge", "mean", "ridge-covariates", "ridge-camera"}
    baselines = metrics[metrics["model"].isin(["ridge-covariates", "ridge-camera"])]
    assert baselines["skill"].notna().all()
