"""What a reviewer asks of a fit: every item, chance, calibration, errors, sensitivity, leaks and tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.page.blocks import (
    Block,
    Cell,
    Folded,
    Gallery,
    Picture,
    Section,
    Shown,
    Text,
    as_sentence,
    estimate,
    fixed,
    note_text,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.page.fit_results import ITEM_NAME, labels_of
from emoclip_clinic.reporting.writing.answers import headline_items
from emoclip_clinic.reporting.writing.rounding import in_brackets

if TYPE_CHECKING:
    from emoclip_clinic.reporting.analysis.records import FitAnalysis
    from emoclip_clinic.reporting.page.blocks import Drawing

__all__ = [
    "audit_section",
    "calibration_section",
    "error_section",
    "item_section",
    "ledger_section",
    "null_section",
    "sensitivity_section",
]

_LARGEST = 10

Drawings = Mapping[str, Sequence["Drawing"]]


def item_section(analysis: FitAnalysis, drawings: Drawings) -> Section:
    """Show rating against prediction, and their difference, item by item."""
    differences = table_of(
        "bland-altman",
        f"Bias and limits of agreement, prediction minus rating, {in_brackets(analysis.settings.confidence)}",
        analysis.bland_altman.assign(label=analysis.bland_altman["item"].map(_names(analysis))),
        [
            ITEM_NAME,
            fixed("n", "n", "whole"),
            estimate("Bias", "bias"),
            estimate("Lower limit", "lower"),
            estimate("Upper limit", "upper"),
            fixed("SD", "sd"),
            fixed("Slope on mean", "slope"),
            plain_text("Form", "method", once=True),
            note_text("Note", "flag", has_p=False),
        ],
        notes=[
            "A calibrated model predicts values that lie closer to the mean than the ratings do, so its "
            "difference falls with the mean of both. That slope is no fault; calibration is the verdict."
        ],
        for_paper=True,
    )
    return Section("items", "Item by item", (*_by_item(analysis, drawings), differences))


def null_section(analysis: FitAnalysis, drawings: Drawings) -> Section:
    """Show what the statistic is worth among permuted ratings."""
    test = analysis.fit.get("permutation_test") or {}
    if not any(drawings.values()):
        reason = test.get("not_tested") or analysis.missing.get("null") or "The fit holds no permutations."
        return Section(
            "chance", "Against chance", (Text(as_sentence(str(reason)), "missing"),), is_empty=True
        )
    blocks: list[Block] = [Text(str(test["statement"]))] if "statement" in test else []
    return Section("chance", "Against chance", (*blocks, *_by_item(analysis, drawings)))


def calibration_section(analysis: FitAnalysis, drawings: Drawings) -> Section:
    """Show whether predictions mean what they say."""
    table = analysis.calibration
    lines = table[table["bin"] == -1]
    shown = table_of(
        "calibration",
        f"Line of the rating on the prediction, {in_brackets(analysis.settings.confidence)}",
        lines.assign(label=lines["item"].map(_names(analysis))),
        [
            ITEM_NAME,
            fixed("n", "n", "whole"),
            estimate("Slope", "slope", meaning="1 is calibrated; below 1 predictions spread too widely."),
            estimate("Intercept", "intercept"),
            estimate("In the large", "in_the_large", meaning="Mean rating minus mean prediction."),
            note_text("Note", "flag", has_p=False),
        ],
        notes=["Slope 1 and intercept 0 are perfect. In the large: mean rating minus mean prediction."],
        for_paper=True,
    )
    return Section("calibration", "Calibration", (shown, *_by_item(analysis, drawings)), is_empty=lines.empty)


def error_section(analysis: FitAnalysis, drawings: Drawings) -> Section:
    """Show for whom the predictions are wrong."""
    blocks: list[Block] = []
    names = _names(analysis)
    for item in headline_items(analysis):
        table = analysis.error_by_participant
        worst = table[table["item"] == item].sort_values("mae", ascending=False).head(_LARGEST)
        blocks.append(
            Folded(
                f"Largest errors: {names[item]}",
                (
                    table_of(
                        f"errors-{item}",
                        f"The {len(worst)} participants with the largest error, {names[item]}",
                        worst,
                        [
                            plain_text("Participant", "participant_id"),
                            plain_text("Group", "group"),
                            fixed("Sessions", "n_sessions", "whole"),
                            fixed("Mean rating", "mean_rating"),
                            fixed("Mean prediction", "mean_prediction"),
                            fixed("Bias", "bias", "signed"),
                            fixed("MAE", "mae"),
                        ],
                        notes=["To look at their videos and ratings, not to leave them out."],
                    ),
                ),
            )
        )
    return Section("errors", "Error by participant", (*_by_item(analysis, drawings), *blocks))


def sensitivity_section(analysis: FitAnalysis, drawings: Sequence[Drawing]) -> Section:
    """Show how results depend on choices that could have been made otherwise."""
    table = analysis.sensitivity
    if table is None or table.empty:
        reason = _skipped(analysis, "sensitivity", "The fit holds no sensitivity analyses.")
        return Section("sensitivity", "Sensitivity", (Text(reason, "missing"),), is_empty=True)
    shown = table_of(
        "sensitivity",
        "The ridge under other choices",
        table.assign(label=table["item"].map(_names(analysis))),
        [
            ITEM_NAME,
            plain_text("Choice", "choice"),
            plain_text("Value", "value"),
            fixed("Participants", "n_participants", "whole"),
            fixed("Skill", "skill"),
            fixed("Pearson r", "pearson_r"),
            fixed("MAE", "mae"),
            plain_text("Note", "note"),
        ],
        notes=[
            "These are looks at the same ratings, not further evidence: the best of them is no result. "
            "Pooled r under leave-one-participant-out and under K-fold have different biases."
        ],
        for_paper=True,
    )
    n_items = table["item"].nunique()
    return Section(
        "sensitivity",
        "Sensitivity",
        (
            *([Gallery(tuple(map(Picture, drawings)))] if drawings else []),
            Folded("Every choice", (shown,)) if n_items > 1 else shown,
        ),
    )


def audit_section(analysis: FitAnalysis) -> Section:
    """Show what was checked against leaks."""
    shown = table_of(
        "audit",
        "Checks",
        analysis.audit,
        [
            plain_text("Check", "check"),
            Shown("Passed", lambda row: Cell("yes" if row["passed"] else "no"), numeric=False),
            plain_text("What must hold, and what was looked at", "detail"),
        ],
    )
    said = {
        True: Text("No leak was found. A fit stops where one is."),
        False: Text("The audit found a leak: do not use these results.", "warning"),
        None: Text("The fit holds no audit.", "missing"),
    }
    limit = Text(
        "An audit cannot see a wrong label: a person who takes part under two identifiers, or a rater who "
        "knew the model's output.",
        "note",
    )
    blocks: list[Block] = [said[analysis.audit_passed], *([shown] if shown.rows else []), limit]
    return Section("audit", "Leakage audit", tuple(blocks), is_empty=analysis.audit_passed is None)


def ledger_section(analysis: FitAnalysis, drawings: Sequence[Drawing]) -> Section:
    """Show how often these ratings were looked at, and how stable the fit is."""
    ledger = analysis.ledger
    blocks: list[Block] = [
        Text(
            f"{ledger.n_analyses} different analyses (target and settings) of these ratings stand in the "
            f"ledger of the study, from {ledger.n_fits} {'fit' if ledger.n_fits == 1 else 'fits'}. Analyses "
            "outside of this program are not counted."
        )
    ]
    if ledger.n_sensitivity:
        blocks.append(
            Text(
                f"{ledger.n_sensitivity} more were made under other choices (sensitivity) and are not in "
                "that number: whoever reports the best of them has tried them all."
            )
        )
    if ledger.n_other_ratings:
        blocks.append(
            Text(f"{ledger.n_other_ratings} further ones were made on other versions of the ratings.")
        )
    entries = table_of(
        "ledger",
        "Analyses of this scale",
        ledger.entries,
        [
            plain_text("Time (UTC)", "when_utc"),
            plain_text("Fit", "fit"),
            plain_text("Target", "target"),
            plain_text("Role", "role"),
            Shown("Same ratings", lambda row: Cell("yes" if row["same_ratings"] else "no"), numeric=False),
            plain_text("Version", "version"),
        ],
        notes=["The settings of each stand in ledger.tsv."],
    )
    if entries.rows:
        blocks.append(Folded("Every analysis", (entries,)))
    stability = analysis.stability
    if stability is None or stability.empty:
        reason = _skipped(analysis, "stability", "The fit was not repeated on parts of its participants.")
        blocks.append(Text(f"Stability over refits. {reason}", "missing"))
    else:
        blocks += [Gallery(tuple(map(Picture, drawings)))] if drawings else []
        blocks.append(
            table_of(
                "stability",
                "The ridge refitted on random parts of the participants, 5 % and 95 % quantile in brackets",
                stability.assign(label=stability["item"].map(_names(analysis))),
                [
                    ITEM_NAME,
                    fixed("Refits", "n_subsamples", "whole"),
                    fixed("Participants each", "n_participants", "whole"),
                    fixed("Skill, all", "skill_full"),
                    estimate("Skill, refits", "skill_mean", low="skill_low", high="skill_high"),
                    fixed("r, all", "pearson_r_full"),
                    estimate("r, refits", "pearson_r_mean", low="pearson_r_low", high="pearson_r_high"),
                    fixed("SD of a prediction", "prediction_sd"),
                    fixed("SD of ratings", "rating_sd"),
                ],
                notes=[
                    "Parts are smaller than the whole and overlap: the spread shows stability and is no "
                    "interval."
                ],
                for_paper=True,
            )
        )
    return Section("ledger", "How many analyses were tried, and stability", tuple(blocks))


def _skipped(analysis: FitAnalysis, part: str, otherwise: str) -> str:
    """Say why a fit has no such part: its own reason first."""
    told = analysis.fit.get(part)
    own = told.get("skipped") if isinstance(told, Mapping) else None
    return as_sentence(str(own or analysis.missing.get(part) or otherwise))


def _by_item(analysis: FitAnalysis, drawings: Drawings) -> list[Block]:
    """The targets of the answer openly, all others folded."""
    names = _names(analysis)
    chosen = headline_items(analysis)
    order = [*chosen, *(item for item in names if item not in chosen)]
    blocks: list[Block] = []
    for item in order:
        pictures = tuple(Picture(drawing) for drawing in drawings.get(item, ()))
        if pictures:
            blocks.append(Folded(names[item], (Gallery(pictures),), open=item in chosen))
    return blocks


def _names(analysis: FitAnalysis) -> dict[str, str]:
    return dict(zip(analysis.items["item"], labels_of(analysis.items), strict=True))
