"""What a fit found: the short answer, the tables of results, groups of people and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.page.blocks import (
    Block,
    Bullets,
    Cell,
    Facts,
    Folded,
    Gallery,
    Picture,
    Section,
    Shown,
    Text,
    as_sentence,
    counts,
    estimate,
    fixed,
    note_text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.writing.answers import headline_items, short_answer
from emoclip_clinic.reporting.writing.rounding import in_brackets, number

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import FitAnalysis
    from emoclip_clinic.reporting.page.blocks import Drawing

__all__ = ["ITEM_NAME", "change_section", "labels_of", "question_section", "results_section"]

_QUESTION = (
    "Can a clinician's rating be predicted from the face on video, for people whom the model has never seen?"
)
_SKILL = "1 - SSE / SSE of the mean predictor: 0 is no better than the mean, 1 is perfect."
_R = "Pearson r over sessions; biased downwards, compare with that of the mean predictor."
_WITHIN = "Pearson r after each diagnostic group's mean is taken off both."

ITEM_NAME = plain_text("Item or score", "label")


def question_section(analysis: FitAnalysis) -> Section:
    """Tell what was asked, and the short answer."""
    fit = analysis.fit
    chosen = headline_items(analysis)
    names = analysis.items.set_index("item")["name"]
    primary = "; ".join(f"{names[item]} ({item})" for item in chosen) if fit.get("primary") else None
    models = ", ".join(model for model in analysis.models if model in _own_models(analysis))
    asked = Facts(
        (
            (
                "",
                "Question",
                _QUESTION,
            ),
            ("", "Scale", f"{analysis.scale.title} ({analysis.scale.name})"),
            ("", "Target", _target(analysis)),
            ("", "Planned as primary", primary or "Nothing: all results are exploratory"),
            ("", "Preregistration", _preregistered(analysis)),
            ("", "Models", f"{models}; the tables show {analysis.main_model} unless they say otherwise"),
        )
    )
    return Section("question", "Question and short answer", (Text(short_answer(analysis), "answer"), asked))


def results_section(analysis: FitAnalysis, pictures: Sequence[Drawing]) -> Section:
    """Show the main table, what stands beside it, and the baselines."""
    items = analysis.items.assign(label=labels_of(analysis.items))
    own = items.to_dict("records")
    within = (
        [estimate("r within groups", "pearson_r_within_groups", meaning=_WITHIN)]
        if analysis.has_groups
        else []
    )
    main = table_of(
        "results",
        f"Agreement of out-of-fold predictions ({analysis.main_model}) with ratings, "
        f"{in_brackets(analysis.settings.confidence)}",
        own,
        [
            ITEM_NAME,
            counts("n_participants", "n_sessions"),
            estimate("Skill", "skill", meaning=_SKILL),
            *within,
            estimate("Pearson r", "pearson_r", meaning=_R),
            fixed(
                "r of mean",
                "mean_r",
                meaning="Pearson r of the mean predictor: where pooled r stands without any skill.",
            ),
            estimate("CCC", "ccc", meaning="Concordance correlation coefficient."),
            estimate("MAE", "mae", meaning="Mean absolute error, in points of the scale."),
            fixed("MAE of mean", "mean_mae", meaning="Mean absolute error of the mean predictor."),
            fixed("p", "p", "p", meaning="Permutation test, one-sided."),
            fixed("p step-down", "p_step_down", "p", meaning="Adjusted within items and within scores."),
        ],
        notes=[
            "n: participants, and sessions in brackets. p: permutation test, one-sided; step-down adjusts "
            "within items and within scores.",
            analysis.rules.get("intervals", ""),
        ],
        for_paper=True,
    )
    agreement = table_of(
        "agreement",
        f"Further measures of agreement, {in_brackets(analysis.settings.confidence)}",
        own,
        [
            ITEM_NAME,
            estimate("Spearman rho", "spearman_rho"),
            estimate("ICC(A,1)", "icc_a1"),
            estimate("RMSE", "rmse"),
            Shown(
                "Points within", lambda row: Cell(f"{row['within']:g}", repr(float(row["within"]))), once=True
            ),
            fixed(
                "Share within",
                "share_within",
                "percent",
                meaning="Unrounded absolute error at most this many points.",
            ),
            fixed("Share within, rounded", "share_within_rounded", "percent"),
            estimate("Quadratic kappa", "quadratic_kappa"),
            estimate("r of means", "pearson_r_of_means", meaning="Pearson r of participants' means."),
            estimate("Repeated-measures r", "repeated_r", meaning="Association within participants."),
        ],
        notes=[
            "Points within: an error of at most so many points counts as agreement.",
            "Quadratic kappa: predictions rounded half up to the steps of the scale.",
        ],
        for_paper=True,
    )
    spread = table_of(
        "ratings",
        "The ratings themselves",
        own,
        [
            ITEM_NAME,
            Shown(
                "Range",
                lambda row: Cell(
                    f"{number(row['range_low'], decimals=0)} to {number(row['range_high'], decimals=0)}"
                ),
                numeric=False,
            ),
            fixed("Mean", "rating_mean"),
            fixed("SD", "rating_sd"),
            fixed("At the minimum", "floor", "percent"),
            fixed("At the maximum", "top", "percent"),
            fixed("Most common", "most_common", "percent"),
            fixed("Distinct", "n_distinct", "whole"),
        ],
        for_paper=True,
    )
    tests = table_of(
        "tests",
        "Permutation tests and their adjustment",
        own,
        [
            ITEM_NAME,
            plain_text("Role", "role", once=True),
            plain_text("Family", "family", once=True),
            fixed("p", "p", "p"),
            fixed("Step-down", "p_step_down", "p"),
            fixed("Holm", "p_holm", "p"),
            fixed("Benjamini-Hochberg", "p_bh", "p"),
            fixed("Gain", "gain", meaning="Skill that the embedding adds to covariates and camera."),
            fixed("p of gain", "gain_p", "p"),
        ],
        for_paper=True,
    )
    blocks: list[Block] = [*([Gallery(tuple(map(Picture, pictures)))] if pictures else []), main]
    warned = [
        Text(f"{row['label']}: {row['warning']}.", "warning")
        for row in own
        if isinstance(row["warning"], str) and row["warning"]
    ]
    blocks += warned if len(warned) <= 3 else [Folded(f"Warnings for {len(warned)} targets", tuple(warned))]
    blocks += [
        Folded("Further measures of agreement", (agreement,)),
        Folded("Floor and spread of the ratings", (spread,)),
    ]
    blocks.append(Folded("Tests and adjusted p", (tests,)))
    blocks += _baselines(analysis)
    notes = [f"{row['label']}: {row['note']}." for row in own if isinstance(row["note"], str) and row["note"]]
    if notes:
        blocks.append(Folded("Notes on single rows", (Bullets(tuple(notes)),)))
    return Section("results", "Main results", tuple(blocks))


def _baselines(analysis: FitAnalysis) -> list[Block]:
    names = dict(zip(analysis.items["item"], labels_of(analysis.items), strict=True))
    by_model = table_of(
        "models",
        f"Models and baselines, {in_brackets(analysis.settings.confidence)}",
        analysis.by_model.assign(label=analysis.by_model["item"].map(names)),
        [
            ITEM_NAME,
            plain_text("Model", "model"),
            estimate("Skill", "skill", meaning=_SKILL),
            estimate("Pearson r", "pearson_r", meaning=_R),
            estimate("CCC", "ccc"),
            estimate("MAE", "mae"),
            estimate("RMSE", "rmse"),
            fixed("p", "p", "p"),
        ],
        notes=["mean is the mean predictor; ridge-covariates and ridge-camera use no expression."],
        for_paper=True,
    )
    comparisons = table_of(
        "comparisons",
        f"{analysis.main_model} minus each other model, on the sessions that both predict",
        analysis.comparisons.assign(label=analysis.comparisons["item"].map(names)),
        [
            ITEM_NAME,
            plain_text("Other", "other"),
            plain_text("Statistic", "statistic"),
            estimate("Difference", "difference", low="ci_low", high="ci_high"),
            fixed("p", "p", "p", meaning="Paired bootstrap over participants, two-sided."),
            fixed("Williams p", "williams_p", "p"),
            plain_text("Why no Williams p", "williams_note", once=True),
            note_text("Note", "flag"),
        ],
        notes=["A difference that is not significant does not make two models equal."],
    )
    return [
        Folded("Baselines: mean, covariates, camera", (by_model,)),
        *([Folded("Models compared", (comparisons,))] if comparisons.rows else []),
    ]


def change_section(analysis: FitAnalysis) -> Section:
    """Show groups of people, and change over sessions."""
    names = dict(zip(analysis.items["item"], labels_of(analysis.items), strict=True))
    blocks: list[Block] = []
    if len(analysis.subgroups):
        few = analysis.subgroups[analysis.subgroups["flag"].fillna("").astype(str) == ""]
        table = table_of(
            "subgroups",
            f"Agreement within groups of people, {in_brackets(analysis.settings.confidence)}",
            analysis.subgroups.assign(label=analysis.subgroups["item"].map(names)),
            [
                ITEM_NAME,
                plain_text("By", "column"),
                plain_text("Group", "level"),
                fixed("Participants", "n_participants", "whole"),
                fixed("Sessions", "n_sessions", "whole"),
                estimate("Skill", "skill"),
                estimate("Pearson r", "pearson_r"),
                estimate("CCC", "ccc"),
                estimate("MAE", "mae"),
                estimate("Bias", "bias"),
                note_text("Note", "flag", has_p=False),
            ],
            notes=[
                analysis.rules.get("subgroups", ""),
                "Groups are described, not compared: overlapping intervals do not make them equal.",
            ],
            for_paper=True,
        )
        blocks.append(
            table
            if len(analysis.subgroups) <= 12
            else Folded(f"All groups ({len(few)} rows large enough)", (table,))
        )
    else:
        reason = analysis.missing.get(
            "subgroups", "participants.tsv has no column such as sex, site, group or age."
        )
        blocks.append(Text(f"Groups of people. {as_sentence(reason)}", "missing"))
    if len(analysis.change):
        blocks.append(
            Folded(
                "Change over sessions",
                (
                    table_of(
                        "change",
                        "Association within participants over their sessions, and agreement of change",
                        analysis.change.assign(label=analysis.change["item"].map(names)),
                        [
                            ITEM_NAME,
                            plain_text("Statistic", "statistic"),
                            fixed("n", "n", "whole"),
                            fixed("Participants", "n_clusters", "whole"),
                            estimate("Estimate", "estimate", low="ci_low", high="ci_high"),
                            fixed("p", "p", "p"),
                            note_text("Note", "flag", has_p=False),
                        ],
                    ),
                ),
            )
        )
    else:
        reason = analysis.missing.get(
            "change", "No participant has two sessions with a rating and a prediction."
        )
        blocks.append(Text(f"Change over sessions. {as_sentence(reason)}", "missing"))
    return Section(
        "subgroups", "Groups of people, and change", tuple(blocks), is_empty=not len(analysis.subgroups)
    )


def labels_of(items: pd.DataFrame) -> list[str]:
    """Name every row by its readable name and its id."""
    return [
        name if name == item else f"{name} ({item})"
        for item, name in zip(items["item"].astype(str), items["name"].astype(str), strict=True)
    ]


def _preregistered(analysis: FitAnalysis) -> str:
    """What was found of the preregistration, and whether the fit planned what was registered."""
    found, planned = analysis.preregistration, tuple(analysis.fit.get("primary") or ())
    if not found.primary or set(found.primary) == set(planned):
        return found.statement
    return (
        f"{found.statement} Its primary targets are {', '.join(found.primary)}; those of the fit are "
        f"{', '.join(planned) or 'none'}."
    )


def _own_models(analysis: FitAnalysis) -> set[str]:
    table = analysis.by_model
    return set(table.loc[table["kind"] == "model", "model"])


def _target(analysis: FitAnalysis) -> str:
    settings = analysis.fit["settings"]
    kinds = {
        "level": "The rating of a session",
        "change-absolute": f"The change since session {settings.get('baseline')}",
        "change-percent": f"The change since session {settings.get('baseline')}, in percent",
    }
    return f"{kinds[analysis.target_kind]}. {analysis.fit['ratings']}"
