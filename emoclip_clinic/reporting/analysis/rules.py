"""Rules that an analysis applied, and what it cannot tell, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.analysis.main_table import FEW_PARTICIPANTS, MOSTLY_ONE
from emoclip_clinic.reporting.analysis.raters import RATERS_NOTES, Margin
from emoclip_clinic.reporting.analysis.subgroups import AGE_BANDS, LEAST_PARTICIPANTS

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.rater_tables import FitRaters
    from emoclip_clinic.reporting.analysis.reading import FitTables
    from emoclip_clinic.reporting.analysis.records import ReportSettings

__all__ = ["fit_rules", "pair_rules", "raters_missing", "raters_notes"]

_DIFFERENCES = (
    "Limits of agreement hold for single sessions. Where participants have several, they come from an "
    "analysis of variance of the differences (true value varies, linked pairs) with MOVER intervals, else "
    "from noncentral t."
)
_CALIBRATION = (
    "A calibrated prediction has Var(prediction) = r^2 Var(rating), so that its difference from the rating "
    "must slope on their mean. The verdict is the line of rating on prediction, whose slope should be 1."
)


def fit_rules(fit: FitTables, settings: ReportSettings) -> dict[str, str]:
    """State the rules of the analysis of a fit.

    Parameters
    ----------
    fit : FitTables
        The fit.
    settings : ReportSettings
        Level, resamples and seed.

    Returns
    -------
    dict of str to str
        Name of the rule to sentence.
    """
    n_repeats = len(fit.predictions[fit.main_model])
    bands = ", ".join(f"{age:g}" for age in AGE_BANDS)
    rules = {
        "intervals": f"{100 * settings.confidence:g} % percentile intervals from {settings.resamples} "
        "resamples of participants with all their sessions. All items and models share the resamples. "
        "Predictions are held fixed: the intervals cover the sampling of these participants, not refitting, "
        "and are no intervals for new patients.",
        "comparisons": "Two models are compared on the same resamples and on the sessions that both predict. "
        "Williams' test is given only with one session per participant and one repetition of the folds. "
        "The mean predictor is compared in errors and CCC only: its pooled r is an artefact of leaving out. "
        "Where another model's r is negative for the same reason, the difference in r has no p.",
        "rounding": "For the kappa, ratings and predictions are moved to the nearest step of the scale, "
        "halves up, and to its ends. A score has all its steps as categories.",
        "within": "The share within one point is that of unrounded absolute errors of at most 1; beside "
        "it that of rounded predictions.",
        "subgroups": f"A subgroup with fewer than {LEAST_PARTICIPANTS} participants gets no numbers. "
        f"Bands of age begin at {bands} years, fixed beforehand. A difference between subgroups is not "
        "tested.",
        "warnings": f"A row carries a warning if {100 * MOSTLY_ONE:g} % of ratings or more are at one end of "
        f"the scale or equal, and below {FEW_PARTICIPANTS} participants.",
        "bland_altman": _DIFFERENCES,
        "calibration": _CALIBRATION,
        "change": "Changes run from the first to each later session that is rated and predicted, in the "
        "order of the labels. The repeated-measures correlation says nothing about differences between "
        "participants.",
    }
    if n_repeats > 1:
        rules["repeats"] = (
            f"Folds were repeated {n_repeats} times. Every statistic is computed within each repetition, "
            "then averaged; an interval resamples that average. Points, limits of agreement and bins of "
            "calibration show the first repetition."
        )
    if fit.kind != "level":
        rules["change"] = "The target is a change, positive where the participant improved."
    return rules


def pair_rules(settings: ReportSettings, *, repeated: bool) -> dict[str, str]:
    """State the rules of the analysis of two measures."""
    form = (
        "percentile intervals from resamples of participants with all their rows; textbook p values are "
        "not given"
        if repeated
        else "textbook intervals where there are any, else percentile intervals from resamples of rows"
    )
    return {
        "intervals": f"{100 * settings.confidence:g} %: {form}. {settings.resamples} resamples.",
        "bland_altman": _DIFFERENCES,
        "calibration": _CALIBRATION,
    }


def raters_missing(
    raters: Sequence[str], n_double: int, verdicts: pd.DataFrame, margin: Margin
) -> tuple[str, ...]:
    """Say what the raters of a study cannot tell, and what would be needed.

    Parameters
    ----------
    raters : sequence of str
        Raters, without a consensus.
    n_double : int
        Sessions with two ratings or more.
    verdicts : DataFrame
        `VERDICT_COLUMNS`; no rows without a model.
    margin : Margin
        Of non-inferiority.

    Returns
    -------
    tuple of str
        Sentences; none if nothing is missing.
    """
    if len(raters) < 2 or n_double == 0:
        found = (
            "no rater" if not raters else "one rater" if len(raters) == 1 else "no session with two raters"
        )
        return (
            f"There is {found}. How well raters agree is not known: there is no agreement between raters, "
            "no comparison of the model with a rater, and no ceiling for r.",
            "A second rater of some sessions, blind to the first, would tell.",
        )
    sentences = []
    reasons = dict.fromkeys(one for one in verdicts["reason"] if one) if len(verdicts) else {}
    for reason in reasons:
        if reason == "no margin is given":
            sentences.append(
                "No non-inferiority margin is given, so that no verdict is. Write it into a "
                "preregistration before the fit."
            )
        else:
            sentences.append(f"No verdict of non-inferiority for some rows: {reason}.")
    if margin.value is not None and not margin.prespecified:
        sentences.append(
            "The margin was chosen at analysis: it stands in no preregistration whose content is verified."
        )
    return tuple(sentences)


def raters_notes(fit: FitTables, raters: FitRaters) -> tuple[str, ...]:
    """Say what a reader of the raters' numbers must know."""
    notes = list(RATERS_NOTES)
    if raters.has_consensus:
        notes.append("Consensus ratings are no independent rater and are left out here.")
    if raters.changed:
        notes.append(
            "The ratings have changed since the fit: these numbers are about the ratings as they are now."
        )
    if fit.record["settings"]["rater_policy"] == "median":
        notes.append("The target is a median of raters; its reliability is taken to be that of their mean.")
    return tuple(notes)
