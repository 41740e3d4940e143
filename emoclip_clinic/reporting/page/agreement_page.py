"""The page of agreement without video: two measures, or several raters, from one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoclip_clinic.reporting.analysis import analyse_pair, analyse_raters
from emoclip_clinic.reporting.figures import (
    Estimate,
    Measure,
    bland_altman_plot,
    calibration_plot,
    confusion_matrix,
    error_by_participant,
    rating_distribution,
    scatter,
)
from emoclip_clinic.reporting.page.blocks import (
    Block,
    Bullets,
    Facts,
    Gallery,
    Picture,
    Section,
    Table,
    Text,
    estimate,
    fixed,
    note_text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.page.closing import investigator_section, methods_section
from emoclip_clinic.reporting.page.fit_figures import draw_raters
from emoclip_clinic.reporting.page.fit_page import Composed, with_files
from emoclip_clinic.reporting.page.fit_tables import pair_frames, rater_frames
from emoclip_clinic.reporting.page.masked import mask_pair
from emoclip_clinic.reporting.page.outputs import write_report
from emoclip_clinic.reporting.page.raters import rater_section
from emoclip_clinic.reporting.writing.answers import short_answer_of_pair, short_answer_of_raters
from emoclip_clinic.reporting.writing.checklists import load_checklists
from emoclip_clinic.reporting.writing.masking import read_masks
from emoclip_clinic.reporting.writing.methods import methods_of_agreement
from emoclip_clinic.reporting.writing.rounding import MINUS, in_brackets, interval, number, p_value
from emoclip_clinic.study.investigator import InvestigatorFacts, load_investigator_facts
from emoclip_clinic.study.report_settings import ReportSettings

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis import PairAnalysis, RaterAnalysis
    from emoclip_clinic.reporting.writing.checklists import CheckList
    from emoclip_clinic.reporting.writing.masking import Masks
    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.study.measure_tables import MeasureTable

__all__ = ["AgreementReport", "AgreementRequest", "report_agreement"]

_CHECKLIST = "GRRAS"
_MOST_STEPS = 10


@dataclass(frozen=True)
class AgreementRequest:
    """What is to be compared.

    Parameters
    ----------
    truth, prediction : str or None
        Columns of two measures; a prediction alone stands beside the raters.
    raters : tuple of str
        Columns of raters.
    cluster : str or None
        Column of participants.
    minimum, maximum, step : float or None
        Scale of the measures.
    """

    truth: str | None
    prediction: str | None
    raters: tuple[str, ...]
    cluster: str | None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None

    @property
    def steps(self) -> list[float] | None:
        """All values of the scale; None if it is continuous or open."""
        if self.minimum is None or self.maximum is None or self.step is None:
            return None
        n = round((self.maximum - self.minimum) / self.step)
        return [self.minimum + place * self.step for place in range(n + 1)]


@dataclass(frozen=True)
class AgreementReport:
    """What was written, and the statistics as a terminal shows them.

    Attributes
    ----------
    page : Path
    answer : str
    rows : tuple of tuple of str
        Statistic, n, participants, estimate, interval, p, note.
    """

    page: Path
    answer: str
    rows: tuple[tuple[str, ...], ...]


def report_agreement(
    table: MeasureTable,
    request: AgreementRequest,
    *,
    page: Path,
    study: Study,
    settings: ReportSettings,
    config: Path | None = None,
) -> AgreementReport:
    """Analyse a table and write its page.

    Parameters
    ----------
    table : MeasureTable
        The measures.
    request : AgreementRequest
        What is compared.
    page : Path
        The HTML file; tables and figures go to the folder of the same name.
    study : Study
        Whose ``[study]`` table and check-lists are used.
    settings : ReportSettings
        Resamples, seed, margin, level and masks.
    config : Path, optional
        A further settings file, for the ``[study]`` table.

    Returns
    -------
    AgreementReport
        Where it is, and the numbers.

    Raises
    ------
    EmoClipClinicError
        If a column or a setting is not usable, or a file cannot be written.
    """
    masks = read_masks(page.with_name(f"{page.stem}-masks.tsv")) if settings.mask_ids else None
    if masks is not None and request.raters:
        table, request = _masked_raters(table, request, masks)
    pair = _analysed_pair(table, request, settings)
    raters = _analysed_raters(table, request, settings)
    if masks is not None:
        pair = None if pair is None else mask_pair(pair, masks)
    facts = load_investigator_facts(study, config=config)
    checklists = tuple(one for one in load_checklists(study=study.root) if one.name == _CHECKLIST)
    composed = _composed(table, request, pair, raters, facts, checklists, settings)
    if masks is not None:
        masks.check({page.name: composed.html, **composed.files})
        masks.save()
    write_report(page, composed.html, composed.files)
    answers = [] if pair is None else [short_answer_of_pair(pair)]
    answers += [] if raters is None else [short_answer_of_raters(raters)]
    frames = [*([] if pair is None else [pair.statistics]), *([] if raters is None else [raters.human])]
    return AgreementReport(page, " ".join(answers), tuple(row for frame in frames for row in _shown(frame)))


def _masked_raters(
    table: MeasureTable, request: AgreementRequest, masks: Masks
) -> tuple[MeasureTable, AgreementRequest]:
    """Name the columns of raters by their labels before anything is computed that could name them."""
    labels = masks.of("rater", request.raters)
    columns = {label: table.frame[name] for name, label in labels.items()}
    raters = tuple(labels[name] for name in request.raters)
    return replace(table, frame=table.frame.assign(**columns)), replace(request, raters=raters)


def _analysed_pair(
    table: MeasureTable, request: AgreementRequest, settings: ReportSettings
) -> PairAnalysis | None:
    if request.truth is None or request.prediction is None:
        return None
    pair = analyse_pair(
        table.frame,
        truth=request.truth,
        prediction=request.prediction,
        cluster=request.cluster,
        steps=request.steps,
        settings=settings,
    )
    # Rows are named as the file counts them, so that a person finds them again.
    rows = [table.frame["row"].iloc[int(place) - 1] for place in pair.pairs["session_id"]]
    return replace(pair, pairs=pair.pairs.assign(session_id=rows))


def _analysed_raters(
    table: MeasureTable, request: AgreementRequest, settings: ReportSettings
) -> RaterAnalysis | None:
    if not request.raters:
        return None
    return analyse_raters(
        table.frame,
        raters=request.raters,
        cluster=request.cluster,
        prediction=request.prediction,
        steps=request.steps,
        settings=settings,
    )


def _composed(
    table: MeasureTable,
    request: AgreementRequest,
    pair: PairAnalysis | None,
    raters: RaterAnalysis | None,
    facts: InvestigatorFacts,
    checklists: tuple[CheckList, ...],
    settings: ReportSettings,
) -> Composed:
    answers = [] if pair is None else [short_answer_of_pair(pair)]
    answers += [] if raters is None else [short_answer_of_raters(raters)]
    sections = [
        Section(
            "question",
            "Question and short answer",
            (*(Text(answer, "answer") for answer in answers), _asked(table, request, raters)),
        )
    ]
    frames: dict[str, pd.DataFrame] = {}
    rules: dict[str, str] = {}
    if pair is not None:
        sections += _pair_sections(pair, request, settings)
        frames |= pair_frames(pair)
        rules |= dict(pair.rules)
    if raters is not None:
        drawings = draw_raters(
            raters,
            {},
            headline=("",),
            statistic=settings.margin_statistic,
            confidence=settings.confidence,
        )
        sections.append(
            rater_section(raters, drawings, title="Raters", names={}, confidence=settings.confidence)
        )
        frames |= rater_frames(raters)
    methods = methods_of_agreement(pair, raters, settings=settings)
    sections += [methods_section(methods, list(rules.values())), investigator_section(facts)]
    return with_files(
        sections,
        frames=frames,
        methods=methods,
        facts=facts,
        checklists=checklists,
        title=f"Agreement: {table.path.name}",
        kind="Report on agreement",
        subtitle=_subtitle(request, raters),
    )


def _subtitle(request: AgreementRequest, raters: RaterAnalysis | None) -> str:
    parts = [] if request.truth is None else [f"{request.prediction} compared with {request.truth}"]
    parts += [] if raters is None else [f"{len(raters.raters)} raters"]
    return f"{' and '.join(parts)}."


def _asked(table: MeasureTable, request: AgreementRequest, raters: RaterAnalysis | None) -> Facts:
    steps = "continuous, or not given"
    if request.minimum is not None and request.maximum is not None:
        steps = f"{request.minimum:g} to {request.maximum:g}"
        steps += "" if request.step is None else f" in steps of {request.step:g}"
    items: list[tuple[str, str, str | None]] = [("", "File", f"{table.path.name}, {len(table.frame)} rows")]
    if request.truth is not None:
        items.append(("", "Measures", f"{request.prediction} compared with {request.truth}"))
    if raters is not None:
        items.append(("", "Raters", ", ".join(raters.raters)))
        if request.truth is None and request.prediction is not None:
            items.append(("", "Model beside the raters", request.prediction))
    items.append(("", "Participants", request.cluster or "every row is a person of its own"))
    items.append(("", "Scale", steps))
    return Facts(tuple(items))


def _pair_sections(pair: PairAnalysis, request: AgreementRequest, settings: ReportSettings) -> list[Section]:
    measure = Measure(
        "measures",
        f"{pair.prediction} and {pair.truth}",
        np.nan if request.minimum is None else request.minimum,
        np.nan if request.maximum is None else request.maximum,
        np.nan if request.step is None else request.step,
        unit="",
        rating=pair.truth,
        prediction=pair.prediction,
    )
    limits = pair.bland_altman.to_dict("records")
    lines = pair.calibration[pair.calibration["bin"] == -1].to_dict("records")
    found = {str(row["statistic"]): row for row in reversed(pair.statistics.to_dict("records"))}
    statistics = {
        name: Estimate(row["estimate"], row["ci_low"], row["ci_high"])
        for name, row in found.items()
        if name in ("Pearson r", "CCC", "ICC(A,1)", "MAE")
    }
    pictures = [
        scatter(
            pair.pairs,
            measure,
            line={str(name): value for name, value in lines[0].items()} if lines else None,
            statistics=statistics,
            confidence=settings.confidence,
            seed=settings.seed,
        )
    ]
    if limits:
        pictures.append(
            bland_altman_plot(
                pair.pairs,
                measure,
                limits={str(name): value for name, value in limits[0].items()},
                of_model=False,
                confidence=settings.confidence,
                seed=settings.seed,
            )
        )
    pictures.append(rating_distribution(pair.pairs["rating"], measure))
    if request.steps is not None and len(request.steps) <= _MOST_STEPS + 1:
        pictures.append(confusion_matrix(pair.pairs, measure))
    left_out: list[Block] = [
        Text(f"{n} of {pair.n_rows} rows were left out: {reason}.") for reason, n in pair.n_left_out.items()
    ]
    people: list[Block] = []
    if pair.cluster is not None:
        people = [
            Gallery((Picture(error_by_participant(pair.error_by_participant, measure, pairs=pair.pairs)),))
        ]
    sections = [
        Section(
            "results",
            "Statistics of agreement",
            (*left_out, _statistics(pair, settings), *([Bullets(pair.notes)] if pair.notes else [])),
        ),
        Section("items", "Figures", (Gallery(tuple(map(Picture, pictures))),)),
        Section(
            "calibration",
            "Calibration",
            (
                Text(
                    f"Whether {pair.prediction} means what it says: the line of {pair.truth} on "
                    f"{pair.prediction} has the slope 1 and the intercept 0 then."
                ),
                Gallery(
                    (
                        Picture(
                            calibration_plot(
                                pair.pairs,
                                measure,
                                calibration=pair.calibration,
                                confidence=settings.confidence,
                            )
                        ),
                    )
                ),
            ),
        ),
    ]
    if people:
        sections.append(Section("errors", "Error by participant", tuple(people)))
    if len(pair.change):
        sections.append(
            Section(
                "subgroups",
                "Within participants",
                (_long("change", "Association within participants", pair.change),),
            )
        )
    return sections


def _statistics(pair: PairAnalysis, settings: ReportSettings) -> Table:
    return _long(
        "statistics",
        f"{pair.prediction} and {pair.truth}, {in_brackets(settings.confidence)}",
        pair.statistics,
    )


def _long(key: str, caption: str, frame: pd.DataFrame) -> Table:
    return table_of(
        key,
        caption,
        frame,
        [
            plain_text("Statistic", "statistic"),
            fixed("n", "n", "whole"),
            fixed("Participants", "n_clusters", "whole"),
            estimate("Estimate", "estimate", low="ci_low", high="ci_high"),
            fixed("p", "p", "p"),
            plain_text("Interval", "ci_method", once=True),
            note_text("Note", "flag"),
        ],
        for_paper=True,
    )


def _shown(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Rows for a terminal or a pipe, where a minus sign must be one that programs know."""
    rows = [
        (
            str(row["statistic"]),
            str(row["n"]),
            str(row["n_clusters"]),
            number(row["estimate"], decimals=3),
            interval(row["ci_low"], row["ci_high"], decimals=3),
            p_value(row["p"]),
            str(row["flag"]),
        )
        for row in frame.to_dict("records")
    ]
    return [tuple(cell.replace(MINUS, "-") for cell in row) for row in rows]
