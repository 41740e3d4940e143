"""The verbs `fit` and `predict` from one end to the other."""

import io
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from tests.regression.fit_study import FitStudy, write_fit_study

QUICK = (
    "--models", "ridge", "--items", "cains1,cains2,cains3", "--permutations", "99", "--resamples", "200",
    "--no-sensitivity", "--subsamples", "0",
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> FitStudy:
    return write_fit_study(tmp_path_factory.mktemp("a study"))


def run(*arguments: object):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def fit(study: FitStudy, *more: object):
    return run("fit", "--study", study.study.root, "--scale", "cains", *QUICK, *more)


@pytest.fixture(scope="module")
def first(study: FitStudy):
    return fit(study)


def table(stdout: str) -> list[dict[str, str]]:
    header, *rows = [line.split("\t") for line in stdout.splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_fit_prints_one_table_and_says_what_it_means(study: FitStudy, first) -> None:
    assert first.exit_code == 0, first.stderr
    rows = table(first.stdout)
    assert [(row["item"], row["model"]) for row in rows] == [(f"cains{k}", "ridge") for k in (1, 2, 3)]
    assert list(rows[0]) == [
        "item", "model", "n", "sessions", "skill", "Pearson r", "95 % interval*", "r of mean",
        "r in groups", "CCC", "MAE", "MAE of mean", "p", "p step-down", "gain", "p of gain",
        "skill of covariates", "skill of camera",
    ]  # fmt: skip
    assert float(rows[0]["skill"]) > 0.8
    assert rows[0]["p"] == "0.0100"
    assert "does not cover refitting" in first.stderr
    assert "not exchangeable" in first.stderr
    assert "12 participants with 2 sessions: 4.8e8 arrangements" in first.stderr
    assert "distinct arrangements" in first.stderr
    assert "Stability: left out, subsamples = 0" in first.stderr
    metrics = pd.read_csv(study.folder / "metrics.tsv", sep="\t").set_index(["item", "model"])
    for row in rows:
        for column, model in (("covariates", "ridge-covariates"), ("camera", "ridge-camera")):
            own = metrics.loc[(row["item"], model), "skill"]
            assert float(row[f"skill of {column}"]) == pytest.approx(own, abs=0.006)
    assert "Results: derivatives/emoclip-clinic/fits/cains" in first.stderr
    assert (study.folder / "fit.json").exists()


@pytest.mark.parametrize("width", [80, 100, 250])
def test_the_table_fits_the_terminal(
    study: FitStudy, first, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, width=width, force_terminal=True, markup=False, highlight=False)
    monkeypatch.setattr("emoclip_clinic.cli.fit_table.out", terminal)
    monkeypatch.setattr("emoclip_clinic.cli.tables.out", terminal)
    result = fit(study)
    lines = stream.getvalue().splitlines()
    assert len(lines) == (4 if width == 250 else 8)  # with a small table of the baselines
    assert ("Skill of the baselines" in result.stderr) == (width < 250)
    assert not any("\u2026" in line for line in lines)
    baselines = re.sub(r"\x1b\[\d*m", "", lines[0 if width == 250 else 4])
    assert "skill of covariates" in baselines
    assert "skill of camera" in baselines
    shown = " ".join(re.sub(r"\x1b\[\d*m", "", lines[0]).split())
    assert shown.startswith("item model n ")
    assert all(name in shown for name in ("skill", "Pearson r", "95 % interval*", "CCC", "MAE", " p"))
    assert ("p of gain" in lines[0]) == (width == 250)
    assert ("No room for" in result.stderr) == (width < 250)


def test_long_names_of_items_leave_no_torn_lines(
    study: FitStudy, first, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, width=60, force_terminal=True, markup=False, highlight=False)
    monkeypatch.setattr("emoclip_clinic.cli.fit_table.out", terminal)
    monkeypatch.setattr("emoclip_clinic.cli.tables.out", terminal)
    result = fit(study)
    assert len(stream.getvalue().splitlines()) == 8
    assert "No room for: CCC" in result.stderr


def test_a_change_stands_beside_the_model_of_its_baseline(
    study: FitStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--target", "change", "--baseline", "ses-1", "--permutations", "0")
    rows = table(fit(study, *options).stdout)
    assert [row["model"] for row in rows] == ["ridge", "ridge-baseline-rating"] * 3
    stream = io.StringIO()
    terminal = Console(file=stream, width=80, force_terminal=True, markup=False, highlight=False)
    monkeypatch.setattr("emoclip_clinic.cli.fit_table.out", terminal)
    monkeypatch.setattr("emoclip_clinic.cli.tables.out", terminal)
    result = fit(study, *options)
    assert [line.split()[1] for line in stream.getvalue().splitlines()[1:7]] == ["ridge", "baseline"] * 3
    assert "baseline: a ridge on the baseline rating alone" in result.stderr
    tested = fit(study, *options[:4], "--permutations", "19").stderr
    assert "gain is the skill that the embedding adds to camera, covariates and baseline rating." in tested


def test_what_lacks_ratings_or_a_test_is_named_with_the_reason(tmp_path: Path) -> None:
    study = write_fit_study(tmp_path / "gaps")
    path = study.study.phenotype / "cains.tsv"
    ratings = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    ratings.loc[:2, "cains1"] = "n/a"
    ratings["cains3"] = "0"
    ratings["cains4"] = "n/a"
    ratings.to_csv(path, sep="\t", index=False)
    options = ("--items", "cains1,cains2,cains3,cains4")
    for result in (fit(study, *options, "--dry-run"), fit(study, *options)):
        assert result.exit_code == 0, result.stderr
        assert "missing ratings, empty (sessions): cains1 3, cains4 24" in result.stderr
        assert "left out: cains4, because no session has a rating" in result.stderr
    told = "Permutation test not done for cains3: fewer than 20 distinct permutations"
    assert told in result.stderr
    assert "of cains3, which has the fewest" not in result.stderr
    assert "Gain test not done for cains3: fewer than 20 distinct permutations" in result.stderr


def test_the_networks_row_says_that_it_is_not_tested(study: FitStudy) -> None:
    rows = table(fit(study, "--name", "net", "--models", "ridge,mlp", "--mlp-seeds", "1").stdout)
    assert {row["p"] for row in rows if row["model"] == "mlp"} == {"not tested"}
    assert all(float(row["p"]) > 0 for row in rows if row["model"] == "ridge")


def test_the_run_leaves_a_log_with_its_models(study: FitStudy, first) -> None:
    text = "".join(path.read_text() for path in study.study.logs.glob("*_fit_*.log"))
    assert "ridge: out-of-fold predictions" in text


def test_the_same_command_does_nothing_again(study: FitStudy, first) -> None:
    again = fit(study)
    assert again.exit_code == 0
    assert "Nothing has changed" in again.stderr
    assert again.stdout == first.stdout


def test_dry_run_lists_sessions_targets_folds_and_time_and_writes_nothing(study: FitStudy, first) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.study.root.rglob("*")}
    result = fit(study, "--dry-run", "--min-usable-s", "15")
    assert {path: path.stat().st_mtime_ns for path in study.study.root.rglob("*")} == before
    assert result.exit_code == 0, result.stderr
    rows = table(result.stdout)
    assert len(rows) == 24
    assert {row["used"] for row in rows} == {"yes", "no"}
    assert {row["reason"] for row in rows if row["used"] == "no"} == {"less than 15 s of usable video"}
    assert "Targets: cains1, cains2, cains3." in result.stderr
    assert "folds, --outer participant" in result.stderr
    assert "At most about" in result.stderr


def test_settings_come_from_the_study_file(study: FitStudy) -> None:
    file = study.study.config_toml
    file.write_text("[fit]\nouter = 'kfold'\nn_splits = 4\n")
    result = fit(study, "--dry-run", "--permutations", "0")
    file.write_text("[fit]\nouter = 'kfold'\nnsplits = 4\n")
    mistyped = fit(study, "--dry-run")
    file.unlink()
    assert "4 folds, --outer kfold" in result.stderr
    assert mistyped.exit_code == 2
    assert "n_splits" in mistyped.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scale", "cain"), "Did you mean 'cains'"),
        (("--models", "rigde"), "Did you mean 'ridge'"),
        (("--items", "cains33"), "Did you mean 'cains3'"),
        (("--outer", "sites"), "Did you mean 'site'"),
        (("--scale", "bnss", "--items", "all"), "ratings import FILE --scale bnss"),
        (("--name", "../x"), "name of a fit"),
        (("--target", "change"), "baseline"),
    ],
)
def test_mistakes_are_usage_errors_that_say_what_to_do(
    study: FitStudy, arguments: tuple[str, ...], said: str
) -> None:
    result = fit(study, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_is_130_and_the_same_command_goes_on(
    study: FitStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(study.study.root, tmp_path / "copy", ignore=shutil.ignore_patterns("fits"))
    own = FitStudy(type(study.study)(tmp_path / "copy"), study.scale)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("emoclip_clinic.regression.fitting.run.permutation_p", interrupted)
        first = fit(own)
    assert first.exit_code == 130
    assert "Traceback" not in first.stderr
    again = fit(own)
    assert again.exit_code == 0, again.stderr
    assert "Unchanged, not computed again: ridge, mean, ridge-covariates, ridge-camera." in again.stderr


def test_predict_prints_and_writes_predictions_of_new_participants(
    study: FitStudy, first, tmp_path: Path
) -> None:
    new = write_fit_study(tmp_path, people=("00", "x"), seed=5)
    result = run("predict", new.study.root, "--fit", "fits/cains", "--study", study.study.root)
    assert result.exit_code == 0, result.stderr
    rows = table(result.stdout)
    assert [(row["participant"], row["session"], row["item"]) for row in rows] == [
        ("sub-x", f"ses-{session}", f"cains{item}") for session in (1, 2) for item in (1, 2, 3)
    ]
    assert "left out: sub-00 ses-1 (the identifier of someone" in result.stderr
    assert (new.study.derivatives / "predictions" / "cains.parquet").exists()
    allowed = run(
        "predict", new.study.root, "--fit", study.folder, "--study", study.study.root, "--allow-known"
    )
    assert {row["known"] for row in table(allowed.stdout)} == {"yes", "no"}


def test_predict_refuses_the_participants_of_the_fit(study: FitStudy, first) -> None:
    result = run("predict", study.study.root, "--fit", "fits/cains", "--study", study.study.root)
    assert result.exit_code == 2
    assert "--allow-known" in result.stderr
    assert not (study.study.derivatives / "predictions").exists()


@pytest.mark.parametrize("verb", ["fit", "predict"])
def test_help_needs_no_torch_and_no_numpy(verb: str) -> None:
    import subprocess

    code = (
        "import sys; from emoclip_clinic.cli import app\n"
        f"try: app(['{verb}', '--help'])\n"
        "except SystemExit: print('LOADED', 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED False False"
