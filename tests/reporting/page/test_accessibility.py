"""The page in a real browser: no violation that axe-core finds, no address asked for, nothing cut off."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emoclip_clinic.reporting.page import report_fits
from emoclip_clinic.study.report_settings import ReportSettings
from tests.reporting.studies import ReportStudy

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.enable_socket,  # the browser is driven through a local pipe and socket
]


@pytest.fixture(scope="module")
def page_file(study_of: Callable[[str], ReportStudy], tmp_path_factory: pytest.TempPathFactory) -> Path:
    one = study_of("hostile")
    folder = tmp_path_factory.mktemp("browser") / "study"
    shutil.copytree(one.study.root, folder)
    return report_fits(type(one.study)(folder), [one.fit], ReportSettings(resamples=200)).pages[0].path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Callable[..., Any]]:
    contexts = []

    def give(
        size: str = "desktop", *, scheme: str = "light", script: bool = True, bypass: bool = False
    ) -> Any:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=script,
            bypass_csp=bypass,
        )
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.asked.append(message.text))
        page.goto(page_file.as_uri())
        return page

    yield give
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_violation(opened: Callable[..., Any], size: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(size, scheme=scheme, bypass=True)  # axe is put into the page, which its policy forbids
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []


def test_the_page_asks_for_nothing_and_its_policy_stops_nothing(
    opened: Callable[..., Any], page_file: Path
) -> None:
    assert opened().asked == [page_file.as_uri()]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(opened: Callable[..., Any], size: str) -> None:
    page = opened(size)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


def test_everything_can_be_read_without_script(opened: Callable[..., Any]) -> None:
    page = opened(script=False)
    assert page.locator("h2").count() == 18
    page.locator("#cohort details summary").first.click()
    assert page.locator("#cohort details table").first.is_visible()


def test_a_table_is_sorted_by_its_unrounded_numbers(opened: Callable[..., Any]) -> None:
    page = opened()
    page.locator("#quality details summary").first.click()
    head = page.locator("#quality details table thead th", has_text="Brightness")
    place = head.evaluate("cell => cell.cellIndex")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [
        float(one)
        for one in page.locator(f"#quality details tbody tr > :nth-child({place + 1})").evaluate_all(
            "cells => cells.map(cell => cell.dataset.sort)"
        )
    ]
    assert values == sorted(values)
    assert len(set(values)) > 2


def test_print_shows_open_parts_and_names_folded_ones(opened: Callable[..., Any], tmp_path: Path) -> None:
    page = opened()
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#items details[open] svg").first.is_visible()
    data = page.pdf()
    assert data.startswith(b"%PDF")
