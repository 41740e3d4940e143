"""Which figures the page of a fit has: numbers of the analysis in, finished drawings out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.figures import (
    Estimate,
    Figure,
    Measure,
    bland_altman_plot,
    calibration_plot,
    cohort_flow,
    confusion_matrix,
    data_quality,
    error_by_participant,
    forest,
    human_beside_model,
    null_distribution,
    rating_distribution,
    scatter,
    sensitivity,
    stability,
)
from emoclip_clinic.reporting.page.fit_results import labels_of
from emoclip_clinic.reporting.writing.answers import headline_items

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import FitAnalysis, RaterAnalysis

__all__ = ["FitDrawings", "draw_fit", "draw_raters"]

_SHOWN = {"skill": "skill", "pearson_r": "Pearson r", "ccc": "CCC", "mae": "MAE"}

Drawings = Mapping[str, tuple[Figure, ...]]


@dataclass(frozen=True)
class FitDrawings:
    """Figures by the section that shows them; mappings are by item."""

    flow: Figure
    quality: tuple[Figure, ...]
    results: tuple[Figure, ...]
    items: Drawings
    raters: tuple[Figure, ...]
    null: Drawings
    calibration: Drawings
    errors: Drawings
    sensitivity: tuple[Figure, ...]
    stability: tuple[Figure, ...]


def draw_fit(analysis: FitAnalysis) -> FitDrawings:
    """Draw all figures of a fit.

    Parameters
    ----------
    analysis : FitAnalysis
        The numbers, masked if that was asked for.

    Returns
    -------
    FitDrawings
        The figures.
    """
    measures = _measures(analysis)
    names = {item: measure.label for item, measure in measures.items()}
    return FitDrawings(
        # sections of the page have ids too: a figure must not be called like one
        flow=cohort_flow(analysis.cohort.flow, analysis.cohort.exclusions, name="flow-of-participants"),
        quality=(data_quality(analysis.quality, name="quality-of-videos"),) if len(analysis.quality) else (),
        results=_overview(analysis),
        items={item: _item(analysis, measure) for item, measure in measures.items()},
        raters=draw_raters(
            analysis.raters,
            names,
            headline=headline_items(analysis),
            statistic=analysis.settings.margin_statistic,
            confidence=analysis.settings.confidence,
        ),
        null={
            item: (
                null_distribution(
                    null.draws, measures[item], observed=null.observed, statistic=null.statistic, p=null.p
                ),
            )
            for item, null in analysis.null.items()
        },
        calibration={
            item: (
                calibration_plot(
                    analysis.pairs[item],
                    measure,
                    calibration=_of(analysis.calibration, item),
                    confidence=analysis.settings.confidence,
                ),
            )
            for item, measure in measures.items()
            if item in analysis.pairs
        },
        errors={
            item: (
                error_by_participant(
                    _of(analysis.error_by_participant, item), measures[item], pairs=analysis.pairs.get(item)
                ),
            )
            for item in headline_items(analysis)
        },
        sensitivity=_sensitivity(analysis, measures),
        stability=()
        if analysis.stability is None or analysis.stability.empty
        else (stability(analysis.stability, labels=names, name="stability-of-skill"),),
    )


def draw_raters(
    raters: RaterAnalysis,
    names: Mapping[str, str],
    *,
    headline: tuple[str, ...],
    statistic: str,
    confidence: float,
) -> tuple[Figure, ...]:
    """Draw the model beside the raters.

    Parameters
    ----------
    raters : RaterAnalysis
        The numbers.
    names : mapping of str to str
        Readable names of the items.
    headline : tuple of str
        Items that have a figure of their own.
    statistic : str
        Statistic in which all items are shown together, unless a preregistration names another.
    confidence : float
        Level of the intervals.

    Returns
    -------
    tuple of Figure
        None without a model.
    """
    table = raters.model_human[raters.model_human["difference"].notna()]
    coefficients = table[table["statistic"] != "MAE"]
    margin, origin = math.nan, "no margin"
    if len(raters.verdicts):  # the margin is one of the study, so that all rows have the same
        verdict = raters.verdicts.iloc[0]
        margin, origin = float(verdict["margin"]), str(verdict["margin_origin"])
        statistic = str(verdict["statistic"])
    figures = []
    for item in headline:
        rows = _of(coefficients, item)
        if len(rows):
            figures.append(
                human_beside_model(
                    rows,
                    title=names.get(item, item) or "Raters and model",
                    # The margin is meant in one statistic; the rows of this figure are several.
                    margin_origin="no margin" if math.isnan(margin) else "",
                    confidence=confidence,
                    name=f"human-model-{item}" if item else "human-model",
                )
            )
    together = table[table["statistic"] == statistic]
    if len(together) > 1:
        figures.append(
            human_beside_model(
                together,
                title=f"All targets, {statistic}",
                labels=[names.get(item, item) for item in together["item"]],
                margin=margin,
                margin_origin=origin,
                quantity=statistic,
                confidence=confidence,
                name="human-model-all",
            )
        )
    return tuple(figures)


def _overview(analysis: FitAnalysis) -> tuple[Figure, ...]:
    items = analysis.items.assign(label=labels_of(analysis.items))
    if len(items) < 2:
        return ()
    explanation, confidence = analysis.rules.get("intervals", ""), analysis.settings.confidence
    r, r_name = (
        ("pearson_r_within_groups", "Pearson r within groups")
        if analysis.has_groups
        else ("pearson_r", "Pearson r")
    )
    return (
        forest(items, explanation=explanation, confidence=confidence),
        forest(
            items,
            column=r,
            statistic=r_name,
            reference=math.nan if r == "pearson_r" else 0.0,
            reference_text="no association",
            baseline="mean_r" if r == "pearson_r" else "",
            baseline_text="mean predictor",
            explanation=explanation,
            confidence=confidence,
        ),
    )


def _item(analysis: FitAnalysis, measure: Measure) -> tuple[Figure, ...]:
    item = measure.name
    if item not in analysis.pairs:
        return ()
    pairs, seed = analysis.pairs[item], analysis.settings.seed
    row = analysis.items[analysis.items["item"] == item].to_dict("records")[0]
    statistics = {
        words: Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name, words in _SHOWN.items()
    }
    calibration = _of(analysis.calibration, item)
    lines = calibration[calibration["bin"] == -1].to_dict("records")
    limits = _of(analysis.bland_altman, item).to_dict("records")
    figures = [
        scatter(
            pairs,
            measure,
            line={str(name): value for name, value in lines[0].items()} if lines else None,
            statistics=statistics,
            confidence=analysis.settings.confidence,
            seed=seed,
        ),
    ]
    if limits:
        figures.append(
            bland_altman_plot(
                pairs,
                measure,
                limits={str(name): value for name, value in limits[0].items()},
                confidence=analysis.settings.confidence,
                seed=seed,
            )
        )
    figures.append(rating_distribution(pairs["rating"], measure))
    if (
        measure.has_range
        and measure.step > 0
        and (measure.maximum - measure.minimum) / measure.step <= _MOST_STEPS
    ):
        figures.append(confusion_matrix(pairs, measure))
    return tuple(figures)


_MOST_STEPS = 10


def _sensitivity(analysis: FitAnalysis, measures: Mapping[str, Measure]) -> tuple[Figure, ...]:
    table = analysis.sensitivity
    if table is None:
        return ()
    return tuple(
        sensitivity(_of(table, item), measures[item])
        for item in headline_items(analysis)
        if len(_of(table, item))
    )


def _measures(analysis: FitAnalysis) -> dict[str, Measure]:
    is_change = analysis.target_kind != "level"
    return {
        str(row["item"]): Measure(
            str(row["item"]),
            label,
            float(row["range_low"]),
            float(row["range_high"]),
            _step(analysis, str(row["item"])),
            unit="%" if analysis.target_kind == "change-percent" else "points",
            rating="Change" if is_change else "Rating",
            prediction="Predicted change" if is_change else "Prediction",
            of="change" if is_change else "scale",
        )
        for row, label in zip(analysis.items.to_dict("records"), labels_of(analysis.items), strict=True)
    }


def _step(analysis: FitAnalysis, target: str) -> float:
    """Distance between neighbouring values; NaN where they are continuous."""
    scale = analysis.scale
    if analysis.target_kind == "change-percent":
        return math.nan
    if target in scale.item_ids:
        item = scale.item(target)
        return math.nan if item.kind == "continuous" else item.step
    score = scale.score(target)
    items = [scale.item(one) for one in score.items]
    if any(one.kind == "continuous" for one in items):
        return math.nan
    step = min(one.step for one in items)
    return step / len(items) if score.formula == "mean" else step


def _of(frame: pd.DataFrame, item: str) -> pd.DataFrame:
    return frame[frame["item"] == item]
