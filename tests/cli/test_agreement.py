"""The verb `agreement` from one end to the other."""

import csv
import html
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from emoclip_clinic.agreement import agreement_table, icc
from emoclip_clinic.cli import app

QUICK = ("--resamples", "200")
SCALE = ("--minimum", "1", "--maximum", "7", "--step", "1")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    path = tmp_path / "my table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "a", "b", "r1", "r2", "r3"])
        for person in range(24):
            level = rng.integers(2, 7)
            for _ in range(2):
                scores = np.clip(level + rng.integers(-1, 2, size=4), 1, 7)
                writer.writerow([f"<b>Ü{person}</b>", scores[0], level + rng.normal(), *scores[1:]])
    return path


def run(*arguments: object):
    return CliRunner().invoke(app, ["agreement", *map(str, arguments)])


def rows(output: str) -> dict[str, dict[str, str]]:
    lines = [line.split("\t") for line in output.splitlines()]
    return {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}


def test_two_measures_give_the_table_of_the_library_and_a_page(table: Path) -> None:
    result = run(table, "--truth", "a", "--prediction", "b", "--cluster", "id", *SCALE, *QUICK)
    assert result.exit_code == 0, result.stderr
    data = pd.read_csv(table)
    expected = agreement_table(
        data["a"], data["b"], cluster=data["id"], categories=range(1, 8), n_resamples=200
    ).set_index("statistic")
    shown = rows(result.stdout)
    assert set(expected.index) <= set(shown)
    for name, row in expected.iterrows():
        assert shown[name]["estimate"] == f"{row['estimate']:.3f}".replace("-0.000", "0.000")
        assert shown[name]["n"] == str(row["n"])
    assert shown["ICC(A,1)"]["participants"] == "24"
    page = table.with_name("my table-agreement.html")
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'<section id="([^"]+)"', text) == [
        "question", "results", "items", "calibration", "errors", "subgroups", "methods", "investigator",
        "checklists", "limits", "files",
    ]  # fmt: skip
    assert "<b>Ü" not in text
    assert "http:" not in text
    assert (page.with_suffix("") / "statistics.tsv").is_file()
    assert (page.with_suffix("") / "measures-scatter.svg").is_file()
    assert "GRRAS" in text
    assert "TRIPOD" not in text


def test_raters_give_all_forms_of_the_icc(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.html"
    result = run(table, "--raters", "r1, r2,r3", "--out", out, *QUICK)
    assert result.exit_code == 0, result.stderr
    expected = icc(pd.read_csv(table)[["r1", "r2", "r3"]]).set_index("statistic")["estimate"]
    shown = rows(result.stdout)
    assert {name: shown[name]["estimate"] for name in expected.index} == {
        name: f"{value:.3f}" for name, value in expected.items()
    }
    assert "3 raters rated 48 rows" in result.stderr
    assert '<section id="raters"' in out.read_text(encoding="utf-8")


def test_a_model_stands_beside_raters(table: Path) -> None:
    result = run(table, "--raters", "r1,r2,r3", "--prediction", "b", "--cluster", "id", *QUICK)
    assert result.exit_code == 0, result.stderr
    text = table.with_name("my table-agreement.html").read_text(encoding="utf-8")
    assert "each with the mean of the other raters" in text
    assert "one rater agrees with the others with a CCC of" in result.stderr
    assert "Intervals of 95 % come from at most" in text
    assert "limits of agreement [" not in text


def test_masked_pages_name_nobody(table: Path) -> None:
    result = run(table, "--truth", "a", "--prediction", "b", "--cluster", "id", "--mask-ids", *QUICK)
    assert result.exit_code == 0, result.stderr
    folder = table.with_name("my table-agreement")
    for path in [*folder.iterdir(), folder.with_suffix(".html")]:
        assert "Ü" not in html.unescape(path.read_text(encoding="utf-8")), path.name
    assert "P024" in (folder / "pairs.tsv").read_text(encoding="utf-8")
    assert "Ü" in table.with_name("my table-agreement-masks.tsv").read_text(encoding="utf-8")


def test_masked_raters_have_labels_everywhere(table: Path) -> None:
    result = run(table, "--raters", "r1,r2,r3", "--mask-ids", *SCALE, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "quadratic weighted kappa, R00" in result.stdout
    folder = table.with_name("my table-agreement")
    for path in [*folder.iterdir(), folder.with_suffix(".html")]:
        assert not re.search(r"\br[123]\b", path.read_text(encoding="utf-8")), path.name


def test_every_bad_cell_is_listed(table: Path) -> None:
    text = table.read_text(encoding="utf-8").splitlines()
    text[1] = "p1,x,1,1,1,1"
    text[4] = "p1,9,1,1,1,1"
    table.write_text("\n".join(text), encoding="utf-8")
    result = run(table, "--truth", "a", "--prediction", "b", *SCALE)
    assert result.exit_code == 2
    assert "row 2, column a: 'x' is no number" in result.stderr
    assert "row 5, column a: '9' is above --maximum 7" in result.stderr
    assert str(table) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--truth and --prediction, or raters"),
        (("--truth", "a"), "--truth alone"),
        (("--prediction", "b"), "--prediction alone"),
        (("--truth", "a", "--prediction", "a"), "two columns"),
        (("--truth", "a", "--prediction", "B"), "Did you mean 'b'"),
        (("--raters", "r1"), "two or more different columns"),
        (("--raters", "r1,r1"), "two or more different columns"),
        (("--raters", "r1,r2", "--step", "1"), "needs --minimum and --maximum"),
        (("--raters", "r1,r2", "--minimum", "3", "--maximum", "1"), "below the maximum"),
        (("--raters", "r1,r2", "--decimal", ";"), "decimal mark"),
    ],
)
def test_mistakes_are_usage_errors_that_say_what_to_do(
    table: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run(table, *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not table.with_name("my table-agreement.html").exists()


def test_missing_values_are_left_out_and_counted(table: Path) -> None:
    text = table.read_text(encoding="utf-8").splitlines()
    text[1] = "p1,,1,1,1,1"
    table.write_text("\n".join(text), encoding="utf-8")
    result = run(table, "--truth", "a", "--prediction", "b", *QUICK)
    assert rows(result.stdout)["Pearson r"]["n"] == "47"
    page = table.with_name("my table-agreement.html").read_text(encoding="utf-8")
    assert "1 of 48 rows were left out: a is missing." in page
