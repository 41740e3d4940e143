"""Reports on a study's fits: analysed, masked, composed and written, with a page that lists them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip_clinic.reporting.analysis import analyse_fit, list_fits
from emoclip_clinic.reporting.page.fit_page import compose_fit
from emoclip_clinic.reporting.page.masked import mask_fit
from emoclip_clinic.reporting.page.outputs import write_report
from emoclip_clinic.reporting.page.overview import compose_overview
from emoclip_clinic.reporting.page.rendering import Link
from emoclip_clinic.reporting.writing.answers import short_answer
from emoclip_clinic.reporting.writing.checklists import load_checklists
from emoclip_clinic.reporting.writing.masking import read_masks
from emoclip_clinic.study.files import read_json, write_bytes
from emoclip_clinic.study.investigator import load_investigator_facts

if TYPE_CHECKING:
    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.report_settings import ReportSettings

__all__ = ["KnownFit", "Reports", "WrittenPage", "known_fits", "report_fits"]


@dataclass(frozen=True)
class KnownFit:
    """A finished fit: its name, its scale, and when it was made."""

    name: str
    scale: str
    written_utc: str


@dataclass(frozen=True)
class WrittenPage:
    """A page that was written.

    Attributes
    ----------
    name : str
        The fit.
    path : Path
    answer : str
        The short answer.
    n_bytes : int
        Size of the page.
    n_files : int
        Files beside it.
    """

    name: str
    path: Path
    answer: str
    n_bytes: int
    n_files: int


@dataclass(frozen=True)
class Reports:
    """What was written.

    Attributes
    ----------
    pages : tuple of WrittenPage
    entry : Path
        The page to open: the overview where there are several.
    n_missing_facts : int
        Facts of the ``[study]`` table that are not given.
    """

    pages: tuple[WrittenPage, ...]
    entry: Path
    n_missing_facts: int


def known_fits(study: Study) -> list[KnownFit]:
    """List the finished fits of a study, sorted by name."""
    found = []
    for name in list_fits(study):
        record: Mapping[str, Any] = read_json(study.fits / name / "fit.json")
        found.append(KnownFit(name, str(record["scale"]["name"]), str(record["written_utc"])))
    return found


def report_fits(
    study: Study,
    names: Sequence[str],
    settings: ReportSettings,
    *,
    force: bool = False,
    config: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reports:
    """Write the reports of some fits, and the overview where there are several.

    Parameters
    ----------
    study : Study
        The study.
    names : sequence of str
        Names of the fits.
    settings : ReportSettings
        Margin, bootstrap and masks.
    force : bool
        Compute again what is kept.
    config : Path, optional
        A further settings file, for the ``[study]`` table.
    progress : callable, optional
        Called with what is being done, how much of it is, and of how much.

    Returns
    -------
    Reports
        The pages.

    Raises
    ------
    EmoClipClinicError
        If a fit, a setting or a check-list is not usable, or a file cannot be written.
    """
    facts = load_investigator_facts(study, config=config)
    checklists = load_checklists(study=study.root)
    masks = read_masks(study.masks_tsv) if settings.mask_ids else None
    several = len(names) > 1
    links = (Link("index.html", "All reports of this study"),) if several else ()
    analyses = []
    pages = []
    for name in names:
        analysis = analyse_fit(
            study, name, settings=settings, cache=not force, config=config, progress=progress
        )
        if progress is not None:
            progress(f"{name}: page", 0, 0)
        if masks is not None:
            analysis = mask_fit(analysis, masks)
        composed = compose_fit(analysis, facts=facts, checklists=checklists, links=links)
        path = study.report_page(name)
        if masks is not None:
            masks.check({f"{name}.html": composed.html, **composed.files})
            masks.save()
        n_bytes = write_report(path, composed.html, composed.files)
        pages.append(WrittenPage(name, path, short_answer(analysis), n_bytes, len(composed.files)))
        analyses.append(analysis)
    entry = pages[0].path
    if several:
        entry = study.reports / "index.html"
        overview = compose_overview(
            analyses, {one.name: study.report_page(one.name).name for one in analyses}
        )
        if masks is not None:
            masks.check({"index.html": overview})
        write_bytes(entry, overview.encode())
    n_missing = sum(value is None for value in facts.model_dump().values())
    return Reports(tuple(pages), entry, n_missing)
