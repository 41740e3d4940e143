"""A fit from segment tables and ratings to its folder: what it finds, writes, and does not repeat."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from emoclip_clinic.errors import FormatError, RatingsError, RegressionError, SettingsError
from emoclip_clinic.regression import nested_predict, read_ledger
from emoclip_clinic.regression.fitting import FitResult, estimate_seconds, run_fit
from emoclip_clinic.regression.fitting.metrics import METRIC_COLUMNS
from emoclip_clinic.regression.fitting.outputs import PREDICTION_COLUMNS
from emoclip_clinic.study.protocols import protocols_folder
from tests.regression.fit_study import CHANCE, PLANTED, QUICK, FitStudy, write_fit_study


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    return write_fit_study(tmp_path_factory.mktemp("étude") / "a study", raters=("A", "B"))


@pytest.fixture(scope="module")
def done(original: FitStudy) -> FitResult:
    return run_fit(original.plan(gain=True))


@pytest.fixture
def fresh(original: FitStudy, done: FitResult, tmp_path: Path) -> FitStudy:
    """A copy of the study without fits, that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(original.study.root, folder)
    shutil.rmtree(folder / "derivatives" / "emoclip-clinic" / "fits")
    return FitStudy(type(original.study)(folder), original.scale)


def read_predictions(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "predictions.parquet").to_pandas()


def read_metrics(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "metrics.tsv", sep="\t", na_values=["n/a"])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_planted_items_are_predicted_and_chance_is_not(original: FitStudy, done: FitResult) -> None:
    table = read_metrics(original.folder).set_index(["item", "model"])
    for item in PLANTED:
        assert table.loc[(item, "ridge"), "skill"] > 0.8
        assert table.loc[(item, "ridge"), "p"] == 0.01
        assert table.loc[(item, "ridge-covariates"), "skill"] < 0.2
    assert table.loc[(CHANCE, "ridge"), "skill"] < 0.2
    assert table.loc[(CHANCE, "ridge"), "p"] > 0.05
    observed = {row["target"]: row["observed"] for row in done.test_facts["table"]}
    for item in (*PLANTED, CHANCE):
        assert observed[item] == pytest.approx(table.loc[(item, "ridge"), "skill"], abs=1e-9)
    gain = pd.read_csv(original.folder / "gain.tsv", sep="\t").set_index("target")
    assert (gain.loc[list(PLANTED), "p"] <= 0.05).all()
    assert gain.loc[CHANCE, "p"] > 0.05


def test_predictions_are_those_of_nested_ridge_with_everything_that_belongs_to_them(
    original: FitStudy, done: FitResult
) -> None:
    table = read_predictions(original.folder)
    metadata = pq.read_schema(original.folder / "predictions.parquet").metadata
    assert list(table.columns) == list(PREDICTION_COLUMNS)
    assert metadata[b"format_version"] == b"1"
    rated = done.plan.rated
    direct = nested_predict(rated.X, rated.Y, rated.groups)
    own = table[table["model"] == "ridge"]
    assert own["prediction"].to_numpy() == pytest.approx(direct.predictions.ravel(), rel=1e-10)
    assert own["rating"].to_numpy() == pytest.approx(rated.Y.ravel())
    assert (own["fold"] == own["participant_id"]).all()
    assert (own["n_raters"] == 2).all()
    assert set(own["alpha"]) <= set(direct.alphas)
    mean = table[table["model"] == "mean"]
    assert mean["prediction"].to_numpy() == pytest.approx(direct.baseline.ravel(), rel=1e-12)
    assert mean["alpha"].isna().all()


def test_measures_follow_from_the_predictions_that_are_written(original: FitStudy, done: FitResult) -> None:
    predictions, metrics = read_predictions(original.folder), read_metrics(original.folder)
    assert list(metrics.columns) == list(METRIC_COLUMNS)
    mean = predictions[predictions["model"] == "mean"]
    for (item, model), own in predictions.groupby(["item", "model"]):
        row = metrics[(metrics["item"] == item) & (metrics["model"] == model)].iloc[0]
        y, p = own["rating"].to_numpy(), own["prediction"].to_numpy()
        m = mean[mean["item"] == item]["prediction"].to_numpy()
        assert row["skill"] == pytest.approx(1 - ((y - p) ** 2).sum() / ((y - m) ** 2).sum(), abs=1e-12)
        assert row["pearson_r"] == pytest.approx(np.corrcoef(y, p)[0, 1], abs=1e-8)
        assert row["mae"] == pytest.approx(np.abs(y - p).mean())
        assert row["mae_of_mean"] == pytest.approx(np.abs(y - m).mean())
        covariance = np.mean((y - y.mean()) * (p - p.mean()))
        assert row["ccc"] == pytest.approx(2 * covariance / (y.var() + p.var() + (y.mean() - p.mean()) ** 2))
        assert (
            row["pearson_r_low_predictions_fixed"]
            <= row["pearson_r"]
            <= row["pearson_r_high_predictions_fixed"]
        )
        assert (row["n_participants"], row["n_sessions"]) == (12, 24)


def test_r_within_groups_is_that_of_deviations_from_the_group(original: FitStudy, done: FitResult) -> None:
    predictions, metrics = read_predictions(original.folder), read_metrics(original.folder)
    own = predictions[(predictions["model"] == "ridge") & (predictions["item"] == "cains1")]
    group = np.array([int(who.removeprefix("sub-")) % 2 for who in own["participant_id"]])
    y, p = own["rating"].to_numpy().copy(), own["prediction"].to_numpy().copy()
    by_group = pd.read_csv(original.folder / "metrics_by_group.tsv", sep="\t")
    for label, number in (("patient", 0), ("control", 1)):
        mine = group == number
        row = by_group[
            (by_group["item"] == "cains1") & (by_group["model"] == "ridge") & (by_group["group"] == label)
        ]
        assert row["pearson_r"].item() == pytest.approx(np.corrcoef(y[mine], p[mine])[0, 1])
        assert row["n_sessions"].item() == 12
        y[mine] -= y[mine].mean()
        p[mine] -= p[mine].mean()
    row = metrics[(metrics["item"] == "cains1") & (metrics["model"] == "ridge")].iloc[0]
    assert row["pearson_r_within_groups"] == pytest.approx(np.corrcoef(y, p)[0, 1])


def test_fit_json_tells_settings_data_audit_and_meaning(original: FitStudy, done: FitResult) -> None:
    record = json.loads((original.folder / "fit.json").read_text())
    assert record["settings"]["items"] == QUICK["items"]
    assert record["audit"]["passed"]
    assert record["audit"]["checks"]["splits"]["checked"] == "12 folds of 24 rows (outer folds of sessions)"
    assert record["sessions"] == {"used": 24}
    assert record["permutation_test"]["n_permutations"] == 99
    assert record["permutation_test"]["strata"] == [
        {"stratum": "", "n_sessions": 2, "n_participants": 12, "n_possible": "4.8e8"}
    ]
    assert record["permutation_test"]["n_possible"] == "4.8e8"  # 12!
    assert record["trained_on"]["participants"] == [f"sub-{n:02}" for n in range(12)]
    assert set(record["data_sha256"]) >= {"ratings", "targets", "embedding", "folds", "scale"}
    assert "does not" in record["permutation_test"]["statement"]
    assert any("not refitting" in sentence for sentence in record["meaning"])
    folds = pd.read_csv(original.folder / "folds.tsv", sep="\t")
    assert sorted(zip(folds["fold"], folds["participant_id"], strict=True)) == sorted(
        (who, who) for who in folds["participant_id"]
    )
    assert {path.suffix for path in original.folder.rglob("*") if path.is_file()} == {
        ".json", ".parquet", ".safetensors", ".tsv",
    }  # fmt: skip


def test_the_ledger_has_every_target_of_a_fit_once_with_its_role(fresh: FitStudy) -> None:
    run_fit(fresh.plan(primary="cains1", permutations=0))
    run_fit(fresh.plan(primary="cains1", permutations=0))
    assert [(one.target, one.role) for one in read_ledger(fresh.study)] == [
        ("cains1", "primary"),
        ("cains2", "exploratory"),
        ("cains3", "exploratory"),
    ]


def test_a_run_without_changes_does_nothing_and_gives_the_same_table(
    original: FitStudy, done: FitResult
) -> None:
    before = contents(original.study.fits)
    again = run_fit(original.plan(gain=True))
    assert again.up_to_date
    pd.testing.assert_frame_equal(again.metrics, done.metrics, check_dtype=False, rtol=1e-12)
    pd.testing.assert_frame_equal(again.by_group, done.by_group, check_dtype=False, rtol=1e-12)
    assert contents(original.study.fits) == before


def test_what_does_not_depend_on_a_changed_setting_is_kept(fresh: FitStudy) -> None:
    run_fit(fresh.plan())
    changed = run_fit(fresh.plan(resamples=300, covariates="age"))
    assert not changed.up_to_date
    reused = {model for model, outcome in changed.outcomes.items() if outcome.reused}
    assert reused == {"ridge", "mean", "ridge-camera"}
    forced = run_fit(fresh.plan(resamples=300, covariates="age"), force=True)
    assert not any(outcome.reused for outcome in forced.outcomes.values())
    pd.testing.assert_frame_equal(forced.metrics, changed.metrics)


def test_changed_ratings_change_the_fit(fresh: FitStudy) -> None:
    run_fit(fresh.plan(permutations=0))
    path = fresh.study.phenotype / "cains.tsv"
    lines = path.read_text().splitlines()
    cells = lines[1].split("\t")
    cells[3] = "0" if cells[3] != "0" else "1"
    path.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]) + "\n")
    again = run_fit(fresh.plan(permutations=0))
    assert not again.up_to_date
    assert not any(outcome.reused for outcome in again.outcomes.values())


def test_another_video_changes_the_record_of_what_was_trained_on_and_no_model(fresh: FitStudy) -> None:
    run_fit(fresh.plan(permutations=0))
    sidecar = fresh.study.sidecar_paths()[0]
    record = json.loads(sidecar.read_text())
    record["input"]["sha256"] = "c" * 64
    sidecar.write_text(json.dumps(record))
    again = run_fit(fresh.plan(permutations=0))
    assert not again.up_to_date
    assert all(outcome.reused for outcome in again.outcomes.values())
    trained_on = json.loads((fresh.folder / "fit.json").read_text())["trained_on"]
    assert "c" * 64 in trained_on["video_sha256"]


def test_an_interruption_keeps_finished_models_and_leaves_no_fit(fresh: FitStudy) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "ridge-covariates":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_fit(fresh.plan(), progress=interrupt)
    assert not (fresh.folder / "fit.json").exists()
    assert read_ledger(fresh.study) == ()
    resumed = run_fit(fresh.plan())
    assert {model for model, one in resumed.outcomes.items() if one.reused} == {"ridge", "mean"}
    whole = run_fit(fresh.plan(), force=True)
    pd.testing.assert_frame_equal(resumed.metrics, whole.metrics)


def test_an_interrupted_second_fit_leaves_the_first_whole(fresh: FitStudy) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "measures":
            raise KeyboardInterrupt

    run_fit(fresh.plan())
    before = {name: data for name, data in contents(fresh.folder).items() if not name.startswith("work")}
    with pytest.raises(KeyboardInterrupt):
        run_fit(fresh.plan(seed=1), progress=interrupt)
    assert {n: d for n, d in contents(fresh.folder).items() if not n.startswith("work")} == before


def test_a_damaged_piece_of_work_is_told_with_the_way_out(fresh: FitStudy) -> None:
    run_fit(fresh.plan())
    (fresh.folder / "fit.json").unlink()
    (piece,) = (fresh.folder / "work").glob("ridge-????????????????.safetensors")
    piece.write_bytes(piece.read_bytes()[:100])
    with pytest.raises(FormatError, match="--force"):
        run_fit(fresh.plan())
    assert run_fit(fresh.plan(), force=True).metrics["skill"].iloc[0] > 0.8


def test_a_damaged_fit_json_is_told_and_written_again(
    fresh: FitStudy, caplog: pytest.LogCaptureFixture
) -> None:
    run_fit(fresh.plan())
    record = fresh.folder / "fit.json"
    record.write_bytes(record.read_bytes()[:100])
    again = run_fit(fresh.plan())
    assert not again.up_to_date
    assert again.outcomes["ridge"].reused
    assert "fit.json" in caplog.text
    assert run_fit(fresh.plan()).up_to_date


def test_a_group_may_be_called_none(fresh: FitStudy) -> None:
    path = fresh.study.participants_tsv
    path.write_text(path.read_text().replace("control", "None"))
    run_fit(fresh.plan(permutations=0))
    again = run_fit(fresh.plan(permutations=0))
    assert again.up_to_date
    assert again.by_group is not None
    assert set(again.by_group["group"]) == {"patient", "None"}


def test_repeated_folds_average_r_within_repetitions(fresh: FitStudy) -> None:
    run_fit(fresh.plan(outer="kfold", n_splits=4, n_repeats=2, stratify="group", permutations=0))
    predictions, metrics = read_predictions(fresh.folder), read_metrics(fresh.folder)
    own = predictions[(predictions["model"] == "ridge") & (predictions["item"] == CHANCE)]
    each = [np.corrcoef(one["rating"], one["prediction"])[0, 1] for _, one in own.groupby("repeat")]
    row = metrics[(metrics["model"] == "ridge") & (metrics["item"] == CHANCE)].iloc[0]
    assert len(each) == 2
    assert row["pearson_r"] == pytest.approx(np.mean(each))
    assert row["n_sessions"] == 24
    folds = pd.read_csv(fresh.folder / "folds.tsv", sep="\t")
    assert folds.groupby(["repeat", "participant_id"])["fold"].nunique().eq(1).all()
    assert len(folds) == 48


def test_training_on_segments_predicts_sessions_and_is_not_tested(fresh: FitStudy) -> None:
    result = run_fit(fresh.plan(features="segment"))
    table = result.metrics.set_index(["item", "model"])
    assert result.outcomes["ridge"].predictions.shape == (1, 24, 3)
    assert table.loc[("cains1", "ridge"), "skill"] > 0.8
    assert table.loc[(CHANCE, "ridge"), "skill"] < 0.2
    assert np.isnan(table.loc[("cains1", "ridge"), "p"])
    assert "segments are not tested" in table.loc[("cains1", "ridge"), "note"]
    splits = json.loads((fresh.folder / "fit.json").read_text())["audit"]["checks"]["splits"]["checked"]
    assert "outer folds of segments" in splits


def test_change_is_compared_with_a_model_of_the_baseline_rating(fresh: FitStudy) -> None:
    result = run_fit(fresh.plan(target="change", baseline="1", permutations=0))
    assert result.plan.folder.name == "cains-change"
    table = result.metrics.set_index(["item", "model"])
    assert table.loc[("cains1", "ridge"), "skill"] > 0.8
    # Random ratings regress to the mean, so the baseline rating alone predicts their change.
    assert table.loc[("cains1", "ridge-baseline-rating"), "skill"] > 0.1
    assert table.loc[("cains1", "ridge"), "n_sessions"] == 12
    predictions = read_predictions(result.plan.folder)
    assert set(predictions["session_id"]) == {"ses-2"}
    audit = json.loads((result.plan.folder / "fit.json").read_text())["audit"]
    assert any("admitted as the comparator" in note for note in audit["checks"]["ratings"]["notes"])


def test_the_gain_of_a_change_is_one_beyond_its_baseline_rating(fresh: FitStudy) -> None:
    result = run_fit(fresh.plan(target="change", baseline="1", gain=True, covariates="age"))
    assert result.gain_facts["beyond"] == ["camera", "covariates", "ridge-baseline-rating"]
    skills = {row["target"]: row["skill_baseline"] for row in result.gain_facts["table"]}
    rated, k = result.plan.rated, result.plan.rated.targets.index("cains1")
    assert rated.baseline_ratings is not None
    blocks = [design.X for design in result.plan.designs.values()]
    known = np.column_stack([*blocks, rated.baseline_ratings[:, k]])
    direct = nested_predict(known, rated.Y[:, k], rated.groups, fill_missing=True)
    expected = (
        1 - ((direct.predictions - rated.Y[:, k]) ** 2).sum() / ((direct.baseline - rated.Y[:, k]) ** 2).sum()
    )
    assert skills["cains1"] == pytest.approx(expected)


def test_the_camera_of_a_change_is_that_of_the_videos_that_are_compared(fresh: FitStudy) -> None:
    change = {"target": "change", "baseline": "ses-1"}
    plans = {
        video: fresh.plan(change_video=video, **change) for video in ("difference", "baseline", "follow-up")
    }
    brightness = {
        video: plan.designs["camera"].X[
            :, [name.startswith("brightness") for name in plan.designs["camera"].names]
        ]
        for video, plan in plans.items()
    }
    assert plans["difference"].designs["camera"].names[0].endswith("_change")
    np.testing.assert_allclose(
        brightness["difference"], brightness["follow-up"] - brightness["baseline"], rtol=1e-9
    )
    assert (brightness["follow-up"] != brightness["baseline"]).all()


def test_missing_ratings_and_short_videos_are_counted(fresh: FitStudy) -> None:
    path = fresh.study.phenotype / "cains.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines[1][3] = lines[2][3] = "n/a"  # cains1 of both raters in the first session
    path.write_text("".join("\t".join(line) + "\n" for line in [*lines, ["77", "1", "A", *["1"] * 13]]))
    result = run_fit(fresh.plan(min_usable_s=15.0, permutations=0))
    record = json.loads((fresh.folder / "fit.json").read_text())
    n_short = sum(reason.startswith("less than 15 s") for reason in result.plan.rated.left_out["reason"])
    assert n_short > 0
    assert record["sessions"]["used"] == 24 - n_short
    assert record["sessions"]["rating without video"] == 1
    assert sum(record["sessions"].values()) == 25
    assert len(pd.read_csv(fresh.folder / "left_out.tsv", sep="\t")) == n_short + 1
    assert [(one["target"], one["n"]) for one in record["missing_ratings"]] == [("cains1", 1)]
    predictions = read_predictions(fresh.folder)
    unrated = predictions[predictions["rating"].isna()]
    assert set(unrated["item"]) == {"cains1"}
    assert unrated["prediction"].notna().all()
    table = result.metrics.set_index(["item", "model"])["n_sessions"]
    assert table[("cains1", "ridge")] == table[("cains2", "ridge")] - 1


def test_sites_and_strata_come_from_the_table_of_participants(fresh: FitStudy) -> None:
    result = run_fit(fresh.plan(outer="site", permute_within="group"))
    assert [fold.name for fold in result.plan.folds] == ["0", "1", "2"]
    assert [row["stratum"] for row in result.test_facts["strata"]] == ["group control", "group patient"]
    both = fresh.plan(permute_within="site,group").strata
    assert both is not None
    assert both[0] == "site 0 / group patient"


def test_three_participants_are_fitted_and_too_few_for_a_test(tmp_path: Path) -> None:
    study = write_fit_study(tmp_path, people=("a", "b", "c"))
    result = run_fit(study.plan())
    assert "distinct permutations" in result.test_facts["not_tested"]
    ridge = result.metrics[result.metrics["model"] == "ridge"]
    assert ridge["p"].isna().all()
    assert ridge["note"].str.contains("not tested").all()
    assert result.outcomes["ridge"].predictions.shape == (1, 6, 3)


def test_the_network_is_left_out_with_the_reason_where_a_fold_is_too_small(tmp_path: Path) -> None:
    study = write_fit_study(tmp_path, people=("a", "b", "c"))
    result = run_fit(study.plan(models="ridge,mlp"))
    assert set(result.metrics["model"]) == {"ridge", "mean", "ridge-covariates", "ridge-camera"}
    why = json.loads((study.folder / "fit.json").read_text())["models_left_out"]["mlp"]
    assert "3 rated training participants" in why
    assert "fold sub-a has 2" in why
    with pytest.raises(RegressionError, match="enough participants"):
        study.plan(models="mlp")


def test_two_participants_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(RegressionError, match="at least 3 participants"):
        write_fit_study(tmp_path, people=("a", "b")).plan()


def test_a_constant_item_is_told_by_its_name(fresh: FitStudy, caplog: pytest.LogCaptureFixture) -> None:
    path = fresh.study.phenotype / "cains.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    place = lines[0].index("cains3")
    for line in lines[1:]:
        line[place] = "2"
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    result = run_fit(fresh.plan())
    assert any("constant (the first is cains3)" in note for note in result.outcomes["ridge"].notes)
    assert "cains3" in caplog.text
    row = result.metrics.set_index(["item", "model"]).loc[("cains3", "ridge")]
    assert np.isnan(row["skill"])
    assert np.isnan(row["p"])
    assert "distinct permutations" in row["note"]
    assert row["mae"] == 0.0


@pytest.mark.parametrize(
    ("settings", "rule", "said"),
    [
        ({"models": "rigde"}, "model must be one of", "Did you mean 'ridge'"),
        ({"items": "cains1,cains33"}, "--items must be", "Did you mean 'cains3'"),
        ({"primary": "cains4"}, "primary target", "cains4"),
        ({"permute_within": "sight"}, "What --permute-within names must be a column", "Did you mean 'site'"),
        ({"aggregation": "meen"}, "aggregation must be", "Did you mean 'mean'"),
        ({"tasks": "interwiew"}, "task must be", "Did you mean 'interview'"),
    ],
)
def test_unknown_names_are_answered_with_known_ones(
    original: FitStudy, settings: dict[str, str], rule: str, said: str
) -> None:
    with pytest.raises(RegressionError, match=rule) as caught:
        original.plan(**settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"target": "change"},
        {"baseline": "ses-1"},
        {"features": "segment", "target": "change", "baseline": "ses-1"},
        {"features": "segment", "aggregation": "mean+std"},
        {"n_repeats": 3},
        {"stratify": "site"},
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_refused(
    original: FitStudy, settings: dict[str, object]
) -> None:
    with pytest.raises(SettingsError):
        original.plan(**settings)


def test_folds_are_never_balanced_for_ratings(fresh: FitStudy) -> None:
    path = fresh.study.participants_tsv
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([f"{lines[0]}\tcains1", *(f"{line}\t{n % 3}" for n, line in enumerate(lines[1:]))])
    )
    with pytest.raises(SettingsError, match="never for ratings"):
        fresh.plan(outer="kfold", n_splits=4, stratify="cains1")


def test_a_site_that_is_missing_names_its_participant(fresh: FitStudy) -> None:
    path = fresh.study.participants_tsv
    path.write_text(path.read_text().replace("\t0\n", "\tn/a\n", 1))
    with pytest.raises(RegressionError, match="sub-00"):
        fresh.plan(outer="site")


def test_no_ratings_names_the_verb_that_imports_them(fresh: FitStudy) -> None:
    (fresh.study.phenotype / "cains.tsv").unlink()
    with pytest.raises(RatingsError, match="ratings import FILE --scale cains"):
        fresh.plan()


def test_the_same_video_of_two_participants_stops_the_fit(fresh: FitStudy) -> None:
    sidecars = fresh.study.sidecar_paths()
    record = json.loads(sidecars[0].read_text())
    other = json.loads(sidecars[2].read_text())
    assert record["recording"]["participant_id"] != other["recording"]["participant_id"]
    other["input"]["sha256"] = record["input"]["sha256"]
    sidecars[2].write_text(json.dumps(other))
    with pytest.raises(RegressionError, match="the same video"):
        fresh.plan()


def test_the_estimate_names_every_part_of_the_work(original: FitStudy) -> None:
    everything = {"ridge", "baselines", "permutation test", "gain test", "sensitivity", "stability"}
    seconds = estimate_seconds(original.plan(gain=True, sensitivity=True, subsamples=4))
    assert set(seconds) == everything
    assert all(value > 0 for value in seconds.values())
    assert set(estimate_seconds(original.plan(permutations=0))) == {"ridge", "baselines"}
    change = original.plan(target="change", baseline="ses-1", permutations=0, sensitivity=True, subsamples=4)
    assert set(estimate_seconds(change)) == {"ridge", "baselines", "sensitivity", "stability"}


def test_a_small_network_is_fitted_beside_the_ridge(fresh: FitStudy) -> None:
    result = run_fit(fresh.plan(models="ridge,mlp", hidden="8", mlp_seeds=2, device="cpu"))
    table = result.metrics.set_index(["item", "model"])
    assert table.loc[("cains1", "mlp"), "skill"] > 0.3
    assert np.isnan(table.loc[("cains1", "mlp"), "p"])
    assert table.loc[("cains1", "mlp"), "note"] == "not tested: only ridge is"
    again = run_fit(fresh.plan(models="mlp,ridge", hidden="8", mlp_seeds=2, device="cpu"))
    assert all(outcome.reused for outcome in again.outcomes.values())
    assert result.outcomes["mlp"].details["settings"]["hidden"] == [8]


@pytest.fixture
def no_group(fresh: FitStudy) -> Callable[[], FitResult]:
    path = fresh.study.participants_tsv
    path.write_text(
        "\n".join("\t".join(line.split("\t")[:3]) for line in path.read_text().splitlines()) + "\n"
    )
    return lambda: run_fit(fresh.plan(permutations=0))


def test_without_diagnostic_groups_nothing_is_said_about_them(no_group: Callable[[], FitResult]) -> None:
    result = no_group()
    assert result.by_group is None
    assert result.metrics["pearson_r_within_groups"].isna().all()
    assert not (result.plan.folder / "metrics_by_group.tsv").exists()


def test_the_networks_of_a_fit_are_counted_while_they_are_trained(fresh: FitStudy) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    plan = fresh.plan(models="mlp", hidden="4", mlp_seeds=1, permutations=0)
    run_fit(plan, progress=lambda what, done, total: told.setdefault(what, []).append((done, total)))
    for what in ("mlp", "mlp on all participants"):
        done, total = told[what][-1]
        assert told[what][0] == (0, 0)
        assert done == total > 0


def test_two_fits_of_one_name_do_not_work_at_once(fresh: FitStudy) -> None:
    from emoclip_clinic.regression.fitting.one_at_a_time import one_at_a_time

    inside: list[str] = []

    def tell(what: str, done: int, total: int) -> None:
        if not inside:
            inside.append(what)
            with pytest.raises(RegressionError, match="one process at a time") as caught:
                run_fit(fresh.plan())
            assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)
            assert "--name" in str(caught.value)
            with one_at_a_time(fresh.folder.with_name("other")):
                pass

    run_fit(fresh.plan(permutations=0), progress=tell)
    assert inside
    assert not run_fit(fresh.plan()).up_to_date


def test_the_lock_of_a_killed_fit_is_free(fresh: FitStudy) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from emoclip_clinic.regression.fitting.one_at_a_time import one_at_a_time\n"
        "with one_at_a_time(pathlib.Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(fresh.folder)], check=False).returncode == 9
    assert (fresh.folder.parent / ".fit-cains.json").exists()
    run_fit(fresh.plan(permutations=0))
    assert not (fresh.folder.parent / ".fit-cains.json").exists()


def test_a_rating_of_the_studys_own_scale_is_no_covariate(fresh: FitStudy) -> None:
    own = fresh.study.protocols / "scales"
    own.mkdir(parents=True)
    shutil.copy(protocols_folder() / "scales" / "_template.yaml", own / "myscale.yaml")
    (own / "broken.yaml").write_text("name: broken\nitems: 3\n")
    path = fresh.study.participants_tsv
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([f"{lines[0]}\tmyscale_total", *(f"{line}\t{n}" for n, line in enumerate(lines[1:]))])
        + "\n"
    )
    with pytest.raises(RegressionError, match="myscale_total is total of myscale"):
        fresh.plan(covariates="age,myscale_total")
    notes = fresh.plan(covariates="age").audit.checks["ratings"].notes
    assert notes == ("broken.yaml cannot be read, so that its names are not known.",)
