"""The ledger keeps every analysis, also when several fits end at once."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emoclip_clinic.errors import FormatError, RegressionError
from emoclip_clinic.regression.ledger import (
    append_ledger,
    count_analyses,
    ledger_entries,
    ledger_path,
    ratings_sha256,
    read_ledger,
)
from emoclip_clinic.study.ratings import load_ratings
from emoclip_clinic.study.scales import Scale
from tests.regression.written_study import WrittenStudy

WHEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
HEADER = "when_utc\tfit\tscale\ttarget\trole\tsettings\tratings_sha256\tversion"
SETTINGS = {"models": ["ridge"], "aggregation": "mean+std", "note": 'a "quoted"\tword', "seed": 1}


def test_rows_come_back_as_they_were_written(written: WrittenStudy) -> None:
    first = ledger_entries(
        ["n1", "total"], scale="toy", settings=SETTINGS, ratings_sha256="a" * 64, primary=["total"], when=WHEN
    )
    second = ledger_entries(["n1"], scale="toy", settings={}, ratings_sha256="a" * 64)
    path = append_ledger(written.study, first)
    append_ledger(written.study, second)
    assert path == ledger_path(written.study) == written.study.fits / "ledger.tsv"
    assert read_ledger(written.study) == (*first, *second)
    assert [one.role for one in first] == ["exploratory", "primary"]
    assert first[0].when_utc == "2026-05-01T12:00:00.000000Z"
    assert first[0].fit == first[1].fit != second[0].fit
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert lines[0] == HEADER


def test_a_study_without_fits_has_an_empty_ledger(written: WrittenStudy) -> None:
    assert read_ledger(written.study) == ()


def test_analyses_are_counted_once_for_each_target_and_setting() -> None:
    def rows(targets: list[str], settings: dict[str, object], sha: str = "a", scale: str = "toy") -> tuple:
        return ledger_entries(targets, scale=scale, settings=settings, ratings_sha256=sha)

    entries = [
        *rows(["n1", "n2"], {"seed": 1}),
        *rows(["n1"], {"seed": 1}),  # the same analysis again
        *rows(["n1"], {"seed": 2}),
        *rows(["n1"], {"seed": 2}, sha="b"),
        *rows(["n1"], {"seed": 1}, scale="other"),
    ]
    assert count_analyses(entries) == 4
    assert count_analyses(entries, ratings_sha256="a", scale="toy") == 3
    assert count_analyses(entries, ratings_sha256="b") == 1
    assert count_analyses([]) == 0


def test_the_order_of_settings_does_not_matter() -> None:
    a, b = (
        ledger_entries(["n1"], scale="t", settings=s, ratings_sha256="a")[0]
        for s in ({"x": 1, "y": 2}, {"y": 2, "x": 1})
    )
    assert a.settings == b.settings


def add_one(arguments: tuple[Path, int]) -> None:
    study, number = arguments
    entries = ledger_entries(["n1", "n2"], scale="toy", settings={"seed": number}, ratings_sha256="a")
    append_ledger(study, entries)


def test_fits_that_end_at_once_all_stand_in_the_ledger(written: WrittenStudy) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(add_one, [(written.study.root, number) for number in range(24)]))
    entries = read_ledger(written.study)
    assert len(entries) == 48
    assert count_analyses(entries) == 48
    assert all(a.fit == b.fit for a, b in zip(entries[::2], entries[1::2], strict=True))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["when_utc\tfit", "a\tb"], "columns when_utc, fit"),
        ([HEADER, "a\tb\tc\td\tmain\tf\tg\th"], "line 2"),
        ([HEADER, "a\tb\tc\tn/a\tprimary\tf\tg\th"], "line 2"),
    ],
)
def test_a_damaged_ledger_is_told_and_left_as_it_is(
    written: WrittenStudy, lines: list[str], message: str
) -> None:
    path = ledger_path(written.study)
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        append_ledger(written.study, ledger_entries(["n1"], scale="t", settings={}, ratings_sha256="a"))
    assert path.read_text(encoding="utf-8") == "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("targets", "primary", "settings", "message"),
    [
        ([], [], {}, "no target"),
        (["n1"], ["n2"], {}, "n2"),
        (["n1"], [], {"alpha": float("nan")}, "JSON"),
        (["n1"], [], {"path": Path("a")}, "JSON"),
    ],
)
def test_what_cannot_stand_in_the_ledger_is_refused(
    targets: list[str], primary: list[str], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(RegressionError, match=message):
        ledger_entries(targets, scale="toy", settings=settings, ratings_sha256="a", primary=primary)


def test_the_hash_of_ratings_follows_the_ratings_and_not_the_file(
    written: WrittenStudy, rate: Callable[..., object], toy: Scale
) -> None:
    def hashed(*rows: tuple[object, ...]) -> str:
        rate(*rows)
        return ratings_sha256(load_ratings(written.study, toy))

    a, b = ("01", "1", "A", 1, 2), ("02", "1", "A", 3, "n/a")
    same = hashed(a, b)
    assert len(same) == 64
    assert same == hashed(b, a) == hashed(("sub-01", "ses-1", "A", "1.0", 2), b)
    assert same != hashed(a)
    assert same != hashed(a, ("02", "1", "A", 3, 1))
    assert same != hashed(a, ("02", "1", "B", 3, "n/a"))
