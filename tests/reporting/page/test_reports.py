"""Whole reports: what is on the page and beside it, in which order, and nothing that gives people away."""

import csv
import html
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip_clinic.reporting.page import known_fits, report_fits
from emoclip_clinic.study.files import read_tsv, sha256_file
from emoclip_clinic.study.report_settings import ReportSettings
from tests.reporting.studies import HOSTILE, ReportStudy

QUICK = ReportSettings(resamples=200)
MASKED = ReportSettings(resamples=200, mask_ids=True)
ORDER = [
    "question", "cohort", "quality", "results", "items", "raters", "chance", "calibration", "errors",
    "subgroups", "sensitivity", "audit", "methods", "ledger", "investigator", "checklists", "limits", "files",
]  # fmt: skip


def report(one: ReportStudy, settings: ReportSettings = QUICK) -> tuple[str, Path]:
    made = report_fits(one.study, [one.fit], settings)
    return made.pages[0].path.read_text(encoding="utf-8"), made.pages[0].path.with_suffix("")


@pytest.fixture(scope="module")
def hostile(study_of: Callable[[str], ReportStudy], tmp_path_factory: pytest.TempPathFactory) -> ReportStudy:
    original = study_of("hostile")
    folder = tmp_path_factory.mktemp("hostile") / "study"
    shutil.copytree(original.study.root, folder)
    return ReportStudy(type(original.study)(folder), original.scale, original.fit)


@pytest.fixture(scope="module")
def plain(hostile: ReportStudy) -> tuple[str, Path]:
    return report(hostile)


def test_sections_stand_in_the_order_in_which_a_reader_asks(plain: tuple[str, Path]) -> None:
    assert re.findall(r'<section id="([^"]+)"', plain[0]) == ORDER
    assert re.findall(r'<li><a href="#([^"]+)"', plain[0]) == ORDER


def test_ids_of_a_page_are_unique(plain: tuple[str, Path]) -> None:
    ids = re.findall(r'\sid="([^"]+)"', plain[0])
    assert len(ids) == len(set(ids))


def test_identifiers_of_any_kind_do_no_harm(plain: tuple[str, Path]) -> None:
    text, folder = plain
    assert "<script>alert" not in text
    assert "<i>Dr." not in text
    assert "&lt;i&gt;Dr. Müller&lt;/i&gt;, A." in text
    assert "<b>patient</b>" not in text
    for path in folder.glob("*.tsv"):
        with path.open(encoding="utf-8", newline="") as stream:
            cells = [cell for row in csv.reader(stream, delimiter="\t") for cell in row]
        assert not [cell for cell in cells if re.match(r"[=+@]|-[^0-9i]", cell)], path.name
    raters = read_tsv(folder / "pairs-of-raters.tsv").rows
    assert "'=HYPERLINK(1)" in {row["rater_b"] for row in raters} | {row["rater_a"] for row in raters}
    for path in folder.glob("*.svg"):
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_the_folder_holds_tables_figures_methods_and_references(plain: tuple[str, Path]) -> None:
    text, folder = plain
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert {
        "items.tsv",
        "columns.tsv",
        "results.tex",
        "exp-scatter.svg",
        "flow-of-participants.svg",
        "methods.md",
    } <= names
    listed = set(re.findall(r'<th scope="row">([\w-]+\.(?:tsv|svg|tex|md|bib))</th>', text))
    assert listed == names
    cited = set(re.findall(r"@(\w+)", (folder / "methods.md").read_text(encoding="utf-8")))
    assert cited == set(re.findall(r"@\w+\{(\w+),", (folder / "references.bib").read_text(encoding="utf-8")))
    assert not re.findall(r"\[@", text)


def test_columns_of_every_table_are_explained(plain: tuple[str, Path]) -> None:
    explained = {
        (row["file"], row["column"]): row["meaning"] for row in read_tsv(plain[1] / "columns.tsv").rows
    }
    for path in plain[1].glob("*.tsv"):
        if path.name not in ("columns.tsv", "sensitivity.tsv", "stability.tsv", "groups.tsv"):
            for column in read_tsv(path).columns:
                assert explained[path.name, column], (path.name, column)


def test_numbers_in_tables_are_unrounded_and_on_the_page_rounded(plain: tuple[str, Path]) -> None:
    (row,) = [one for one in read_tsv(plain[1] / "items.tsv").rows if one["item"] == "exp"]
    assert len(str(row["pearson_r"])) > 10
    answer = html.unescape(re.findall(r'<p class="answer">(.*?)</p>', plain[0], re.DOTALL)[0])
    assert f"Pearson r of {float(str(row['pearson_r'])):.2f} [" in answer


def test_the_answer_hedges_where_participants_are_few(plain: tuple[str, Path]) -> None:
    answer = re.findall(r'<p class="answer">(.*?)</p>', plain[0], re.DOTALL)[0]
    assert "With 12 participants no number here is firm" in answer
    assert "exploratory" in answer
    assert "new patients" not in answer


def test_what_only_the_investigator_knows_is_missing_until_given(
    copy_of: Callable[[str], ReportStudy],
) -> None:
    one = copy_of("hostile")
    before, _ = report(one)
    assert before.count('<dd class="missing">') == 14 - 1
    one.study.config_toml.write_text(
        "[study]\nraters = 2\nraters_blind_to_model = true\nmedication = 'Stable for <4 weeks'\n"
    )
    after, _ = report(one)
    assert after.count('<dd class="missing">') == 10
    assert "<dd>Stable for &lt;4 weeks</dd>" in after
    assert "raters_blind_to_each_other" in after


def test_masked_reports_name_nobody_anywhere(hostile: ReportStudy, plain: tuple[str, Path]) -> None:
    named, _ = plain
    masked, folder = report(hostile, MASKED)
    people = {row["participant_id"] for row in read_tsv(hostile.study.fits / hostile.fit / "folds.tsv").rows}
    outputs = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    outputs["page"] = masked
    for name, text in outputs.items():
        plain_text = html.unescape(text)
        for secret in (*filter(None, people), *HOSTILE, "Müller", "HYPERLINK", "ses-1"):
            assert len(secret) < 4 or secret not in plain_text, (name, secret)
    assert any(str(one) in named for one in people)
    assert not [path for path in folder.rglob("*") if path.is_file() and path.suffix == ".parquet"]
    labels = {row["participant_id"] for row in read_tsv(folder / "pairs.tsv").rows}
    assert labels == {f"P{number:03}" for number in range(1, 13)}
    again = {row["participant_id"]: row["rating"] for row in read_tsv(folder / "pairs.tsv").rows}
    report(hostile, MASKED)
    assert {row["participant_id"]: row["rating"] for row in read_tsv(folder / "pairs.tsv").rows} == again
    assert hostile.study.masks_tsv.exists()


def test_a_further_settings_file_counts_for_the_margin_as_for_the_facts(
    copy_of: Callable[[str], ReportStudy], tmp_path: Path
) -> None:
    one = copy_of("good")
    registered = one.study.root / "registered.toml"
    registered.write_text("[report]\nmargin = 0.15\n")
    config = tmp_path / "other.toml"
    config.write_text(
        "[study]\npreregistration = 'registered.toml'\n"
        f"preregistration_sha256 = '{sha256_file(registered)}'\n"
    )
    without, _ = report(one)
    made = report_fits(one.study, [one.fit], QUICK, config=config)
    text = made.pages[0].path.read_text(encoding="utf-8")
    assert "minus the margin of 0.15 (pre-specified)" in text
    assert "The margin is 0.15 (pre-specified)." in made.pages[0].answer
    assert "No margin was given" in without
    assert "No margin was given" not in text
    assert "pre-specified" not in without


def test_captions_tell_the_level_of_their_intervals(copy_of: Callable[[str], ReportStudy]) -> None:
    text, _ = report(copy_of("good"), ReportSettings(resamples=200, confidence=0.9))
    captions = [html.unescape(one) for one in re.findall(r"<figcaption.*?</figcaption>", text, re.DOTALL)]
    for words in (
        "with 90 % intervals",
        "In brackets and as bands: 90 % intervals",
        "In brackets: 90 % intervals",
        "each, with 90 % interval",
        "with its 90 % interval",
    ):
        assert any(words in one for one in captions), words
    assert "95 % interval" not in text
    assert "35 more were made under other choices (sensitivity)" in html.unescape(text)
    assert not re.findall(r"\d%", re.sub(r"<(style|script|svg).*?</\1>|<[^>]*>", "", text, flags=re.DOTALL))


def test_files_of_an_earlier_report_do_not_stay(copy_of: Callable[[str], ReportStudy]) -> None:
    one = copy_of("twelve")
    folder = one.study.reports / one.fit
    folder.mkdir(parents=True)
    for name in ("gone.svg", "gone.tsv", "kept.txt"):
        (folder / name).write_text("sub-001")
    report(one)
    assert {path.name for path in folder.glob("gone.*")} == set()
    assert (folder / "kept.txt").exists()


def test_one_rater_is_told_as_missing(study_of: Callable[[str], ReportStudy], tmp_path: Path) -> None:
    one = study_of("one rater")
    copy = tmp_path / "copy"
    shutil.copytree(one.study.root, copy)
    text, _ = report(ReportStudy(type(one.study)(copy), one.scale, one.fit))
    (section,) = re.findall(r'<section id="raters".*?</section>', text, re.DOTALL)
    assert "There is one rater" in section
    assert "<table" not in section
    assert "<svg" not in section


def test_several_fits_have_an_overview_that_leads_to_each(copy_of: Callable[[str], ReportStudy]) -> None:
    one = copy_of("twelve")
    shutil.copytree(one.folder, one.study.fits / "second")
    names = [fit.name for fit in known_fits(one.study)]
    made = report_fits(one.study, names, QUICK)
    assert made.entry == one.study.reports / "index.html"
    overview = made.entry.read_text(encoding="utf-8")
    assert set(re.findall(r'href="([\w-]+\.html)"', overview)) == {f"{name}.html" for name in names}
    assert 'href="index.html"' in made.pages[0].path.read_text(encoding="utf-8")


def test_a_report_is_the_same_when_nothing_has_changed(copy_of: Callable[[str], ReportStudy]) -> None:
    one = copy_of("twelve")
    first, folder = report(one)
    tables = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    second, _ = report(one)
    assert second == first
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == tables
