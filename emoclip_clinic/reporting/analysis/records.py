"""What the analyses give: records of frames and plain values, unrounded, that figures and pages read.

No record holds markup or rounded numbers. A number that is not defined is NaN, and a column ``flag`` or
``note`` beside it says why. Every frame has exactly the columns of its ``*_COLUMNS`` mapping, also when it
has no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from emoclip_clinic.study.investigator import Preregistration
from emoclip_clinic.study.report_settings import ReportSettings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from emoclip_clinic.study.scales import Scale

__all__ = [
    "AUDIT_COLUMNS",
    "BLAND_ALTMAN_COLUMNS",
    "CALIBRATION_COLUMNS",
    "CEILING_COLUMNS",
    "CHANGE_COLUMNS",
    "CHARACTERISTIC_COLUMNS",
    "COMPARISON_COLUMNS",
    "ERROR_COLUMNS",
    "EXCLUSION_COLUMNS",
    "FLOW_COLUMNS",
    "HUMAN_COLUMNS",
    "ITEM_COLUMNS",
    "LEDGER_COLUMNS",
    "MODEL_COLUMNS",
    "MODEL_HUMAN_COLUMNS",
    "PAIRWISE_COLUMNS",
    "PAIR_COLUMNS",
    "QUALITY_COLUMNS",
    "STATISTIC_COLUMNS",
    "STATISTIC_FIELDS",
    "SUBGROUP_COLUMNS",
    "VERDICT_COLUMNS",
    "Cohort",
    "FitAnalysis",
    "Ledger",
    "NullDistribution",
    "PairAnalysis",
    "Preregistration",
    "Progress",
    "RaterAnalysis",
    "ReportSettings",
]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and (done, total) of it; total 0 where it is not known."""

STATISTIC_FIELDS: Mapping[str, str] = {
    "skill": "skill",
    "pearson_r": "Pearson r",
    "pearson_r_within_groups": "Pearson r within groups",
    "pearson_r_of_means": "Pearson r of participant means",
    "repeated_r": "repeated-measures r",
    "spearman_rho": "Spearman rho",
    "ccc": "CCC",
    "icc_a1": "ICC(A,1)",
    "mae": "MAE",
    "rmse": "RMSE",
    "share_within": "share within",
    "share_within_rounded": "share within, rounded",
    "quadratic_kappa": "quadratic weighted kappa",
}
"""Columns of the main table that have limits ``<column>_low`` and ``<column>_high``, and their full names."""

_MEANING = {
    "skill": "1 - SSE / SSE of the mean predictor on the same sessions; the primary measure.",
    "pearson_r": "Pooled Pearson r over sessions, within each repetition of the folds, then averaged.",
    "pearson_r_within_groups": "Pearson r after each diagnostic group's mean is taken off both.",
    "pearson_r_of_means": "Pearson r of participants' mean rating and mean prediction.",
    "repeated_r": "Repeated-measures correlation: association within participants over their sessions.",
    "spearman_rho": "Spearman rho, pooled over sessions.",
    "ccc": "Concordance correlation coefficient (Lin 1989, n denominators).",
    "icc_a1": "ICC(A,1) of rating and prediction (McGraw & Wong).",
    "mae": "Mean absolute error, in points.",
    "rmse": "Root mean squared error, in points.",
    "share_within": "Share of sessions with an unrounded absolute error of at most `within` points.",
    "share_within_rounded": "The same with predictions moved to the steps of the scale.",
    "quadratic_kappa": "Quadratic weighted kappa, all steps of the scale; predictions rounded half up.",
}


def _with_limits(columns: Mapping[str, str]) -> dict[str, str]:
    """Each column followed by its limits."""
    result = {}
    for name, meaning in columns.items():
        result[name] = meaning
        result[f"{name}_low"] = f"Lower limit of {name}: bootstrap over participants, predictions fixed."
        result[f"{name}_high"] = f"Upper limit of {name}."
    return result


ITEM_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "name": "Its readable name.",
    "family": "item or score: the family within which p values are adjusted.",
    "role": "primary or exploratory, as planned.",
    "model": "The model of this row: the first that was asked for.",
    "n_participants": "Participants with a rating and a prediction.",
    "n_sessions": "Sessions with a rating and a prediction.",
    "range_low": "Lowest possible rating, or change; NaN for a change in percent, which has none.",
    "range_high": "Highest possible rating.",
    "rating_mean": "Mean rating over sessions.",
    "rating_sd": "Standard deviation of ratings over sessions (n - 1).",
    "floor": "Share of sessions at the lowest possible rating; NaN for a change.",
    "top": "Share of sessions at the highest possible rating; NaN for a change.",
    "most_common": "Share of sessions with the most common rating.",
    "n_distinct": "Number of distinct ratings.",
    "warning": "What stands in the way of reading the row: nearly all at the minimum, few participants, ...",
    "within": "Points within which an error counts as agreement: 1.",
    **_with_limits(_MEANING),
    "p": "Permutation p, one-sided; NaN where not tested.",
    "p_step_down": "p adjusted within the family by step-down min-p.",
    "p_holm": "p adjusted within the family by Holm.",
    "p_bh": "p adjusted within the family by Benjamini and Hochberg.",
    "mean_r": "Pearson r of the mean predictor: where pooled r stands without any skill.",
    "mean_mae": "Mean absolute error of the mean predictor.",
    "mean_rmse": "Root mean squared error of the mean predictor.",
    "covariates_skill": "Skill of the ridge on covariates; NaN without.",
    "covariates_r": "Its Pearson r.",
    "camera_skill": "Skill of the ridge on camera descriptors; NaN without.",
    "camera_r": "Its Pearson r.",
    "baseline_rating_skill": "For a change: skill of the ridge on the baseline rating; NaN without.",
    "baseline_rating_r": "Its Pearson r.",
    "gain": "Skill that the embedding adds to covariates and camera; NaN where not tested.",
    "gain_p": "Permutation p of the gain (Freedman-Lane).",
    "note": "Notes of the fit on this row, and flags of its statistics.",
}
"""Main table: one row per item and score, of the main model."""

MODEL_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "model": "The model; mean is the mean predictor, ridge-... are the other baselines.",
    "kind": "model or baseline.",
    "n_participants": "Participants with a rating and a prediction.",
    "n_sessions": "Sessions with a rating and a prediction.",
    **_with_limits({name: _MEANING[name] for name in ("skill", "pearson_r", "ccc", "mae", "rmse")}),
    "p": "Permutation p, one-sided; NaN where not tested.",
    "note": "Notes of the fit on this row.",
}
"""Every model and baseline beside each other: one row per item and model."""

STATISTIC_COLUMNS: Mapping[str, str] = {
    "item": "Item or score; '' in a table of one pair of measures.",
    "model": "The model; '' in a table of one pair of measures.",
    "statistic": "Full name.",
    "n": "Sessions (observations).",
    "n_clusters": "Participants (clusters).",
    "estimate": "Estimate, unrounded.",
    "ci_low": "Lower limit.",
    "ci_high": "Upper limit.",
    "ci_method": "How the interval was made.",
    "p": "p of the textbook test; NaN where it would ignore repeated sessions.",
    "flag": "Why something is missing or doubtful.",
}
"""Long table of all statistics: one row per item, model and statistic."""

COMPARISON_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "model": "The first model.",
    "other": "The model or baseline that is subtracted.",
    "statistic": "Pearson r, CCC, MAE, RMSE or skill: model - other on the sessions that both predict.",
    "n": "Sessions.",
    "n_clusters": "Participants.",
    "difference": "Statistic of the model minus statistic of the other.",
    "ci_low": "Lower limit of the paired bootstrap over participants.",
    "ci_high": "Upper limit.",
    "p": "Two-sided bootstrap p.",
    "williams_p": "p of Williams' test of the two Pearson r; NaN where not valid.",
    "williams_note": "Why Williams' p is missing.",
    "flag": "Why something else is missing.",
}

PAIR_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated; masked if asked for.",
    "session_id": "The visit; missing if participants have one.",
    "group": "Diagnostic group; missing if unknown.",
    "rating": "What was to be predicted.",
    "prediction": "Out-of-fold prediction of the main model, of the first repetition of the folds.",
    "baseline": "Prediction of the mean predictor.",
    "n_raters": "Raters on whom the rating rests.",
}
"""Points of an item, for figures."""

SUBGROUP_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "column": "Column of participants.tsv: group, sex, site, age.",
    "level": "Value, or band of age such as '30 to < 45'.",
    "n_participants": "Participants of this level.",
    "n_sessions": "Sessions.",
    **_with_limits({name: _MEANING[name] for name in ("skill", "pearson_r", "ccc", "mae")}),
    "bias": "Mean of prediction - rating, in points.",
    "bias_low": "Lower limit.",
    "bias_high": "Upper limit.",
    "flag": "'too few' below the least number of participants (see FitAnalysis.rules), or another reason.",
}

CHANGE_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "statistic": "repeated-measures r; 'change: CCC' and others, of changes since the first session.",
    "n": "Sessions (repeated-measures r), or changes.",
    "n_clusters": "Participants.",
    "estimate": "Estimate.",
    "ci_low": "Lower limit.",
    "ci_high": "Upper limit.",
    "ci_method": "How the interval was made.",
    "p": "p of the repeated-measures correlation, else NaN.",
    "flag": "Why something is missing.",
}

BLAND_ALTMAN_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "n": "Sessions.",
    "n_clusters": "Participants.",
    "bias": "Mean difference, prediction - rating.",
    "bias_low": "Lower limit of the bias.",
    "bias_high": "Upper limit of the bias.",
    "lower": "Lower limit of agreement.",
    "lower_low": "Lower limit of its interval.",
    "lower_high": "Upper limit of its interval.",
    "upper": "Upper limit of agreement.",
    "upper_low": "Lower limit of its interval.",
    "upper_high": "Upper limit of its interval.",
    "sd": "SD of differences.",
    "slope": "Slope of the difference on the mean of both; a calibrated model must have a negative one.",
    "method": "Form of the limits (plain, or for repeated sessions).",
    "flag": "Why something is missing.",
}

CALIBRATION_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "bin": "Bin of predictions from low to high, from 0; -1 is the row of the line.",
    "n": "Sessions.",
    "mean_prediction": "Mean prediction of the bin.",
    "mean_rating": "Mean rating of the bin.",
    "mean_rating_low": "Lower limit of the mean rating (bootstrap over participants).",
    "mean_rating_high": "Upper limit.",
    "slope": "In the row of the line: slope of rating on prediction; 1 is calibrated.",
    "slope_low": "Lower limit.",
    "slope_high": "Upper limit.",
    "intercept": "In the row of the line: intercept.",
    "intercept_low": "Lower limit.",
    "intercept_high": "Upper limit.",
    "in_the_large": "In the row of the line: mean rating - mean prediction.",
    "in_the_large_low": "Lower limit.",
    "in_the_large_high": "Upper limit.",
    "flag": "Why something is missing.",
}

ERROR_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "participant_id": "The person rated.",
    "group": "Diagnostic group; missing if unknown.",
    "n_sessions": "Sessions of the participant.",
    "mean_rating": "Mean rating.",
    "mean_prediction": "Mean prediction.",
    "bias": "Mean of prediction - rating.",
    "mae": "Mean absolute error.",
}

FLOW_COLUMNS: Mapping[str, str] = {
    "step": "known, video, extracted, usable, rated, analysed: each contains the next.",
    "label": "The step in words.",
    "n_participants": "Participants left at this step.",
    "n_sessions": "Sessions left at this step.",
}

EXCLUSION_COLUMNS: Mapping[str, str] = {
    "step": "The first step of the flow that these sessions do not reach.",
    "reason": "Why.",
    "n_participants": "Participants of whom a session was left out here.",
    "n_sessions": "Sessions.",
}

CHARACTERISTIC_COLUMNS: Mapping[str, str] = {
    "characteristic": "Column of participants.tsv: age, sex, group, site.",
    "level": "Value that is counted; '' for age.",
    "n": "Participants with this value; for age, of whom it is known.",
    "mean": "For age: mean.",
    "sd": "For age: standard deviation (n - 1).",
    "low": "For age: lowest.",
    "high": "For age: highest.",
}

QUALITY_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated.",
    "session_id": "The visit.",
    "analysed": "Whether the session takes part in the fit.",
    "n_recordings": "Recordings with a result.",
    "n_failed": "Recordings without.",
    "decoded_s": "Seconds of video that could be decoded.",
    "coverage": "Share of sampled frames that show the participant's face; weighted by seconds.",
    "segments_ok": "Segments with an embedding.",
    "segments_rejected": "Segments without.",
    "brightness": "Median brightness of the face, 0 to 255.",
    "sharpness": "Median sharpness of the face.",
    "face_px": "Median size of the face, in pixels.",
    "subject_margin": "Least margin of the choice of the participant's face.",
    "flags": "What a person should look at.",
    "warnings": "What went less well than it should.",
}

AUDIT_COLUMNS: Mapping[str, str] = {
    "check": "What was checked.",
    "passed": "Whether it passed.",
    "detail": "What was counted or found.",
}

LEDGER_COLUMNS: Mapping[str, str] = {
    "when_utc": "Time of the fit.",
    "fit": "What the rows of one fit have in common.",
    "target": "Item, score or change.",
    "role": "primary, exploratory, or sensitivity: the same analysis under another choice.",
    "settings": "Settings as JSON.",
    "same_ratings": "Whether the ratings were those of this fit.",
    "version": "Version of emoclip-clinic.",
}

HUMAN_COLUMNS: Mapping[str, str] = {
    "item": "Item or score; '' in a table of one item.",
    "statistic": "mean pairwise Pearson r, CCC, ICC(A,1), MAE; ICC(1) ... ICC(C,k) of all raters.",
    "n": "Sessions with two ratings or more.",
    "n_clusters": "Participants.",
    "estimate": "Estimate.",
    "ci_low": "Lower limit; raters fixed.",
    "ci_high": "Upper limit.",
    "ci_method": "How the interval was made.",
    "p": "p where a textbook test holds.",
    "flag": "Why something is missing.",
}
"""How well raters agree with each other."""

PAIRWISE_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "rater_a": "A rater.",
    "rater_b": "Another rater.",
    "n": "Sessions that both rated.",
    "pearson_r": "Pearson r.",
    "ccc": "CCC.",
    "icc_a1": "ICC(A,1).",
    "mae": "Mean absolute difference, in points.",
}

MODEL_HUMAN_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "statistic": "Pearson r, CCC, ICC(A,1) or MAE.",
    "n": "Sessions with two ratings or more and a prediction.",
    "n_clusters": "Participants.",
    "n_raters": "Raters who enter the average.",
    "human": "Rater j with the mean of the other raters, averaged over j.",
    "human_low": "Lower limit; bootstrap over participants, raters fixed.",
    "human_high": "Upper limit.",
    "model": "The model with the mean of the other raters, averaged over j.",
    "model_low": "Lower limit.",
    "model_high": "Upper limit.",
    "difference": "model - human; of MAE a positive one is worse, of all others better.",
    "difference_low": "Lower limit, two-sided.",
    "difference_high": "Upper limit, two-sided.",
    "flag": "Why something is missing.",
}

CEILING_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "design": "one rater, fixed panel, raters vary by session, consensus, or unknown.",
    "form": "Form of the ICC that is the reliability of the target as used.",
    "n": "Sessions.",
    "n_clusters": "Participants.",
    "k": "Raters per session (harmonic mean).",
    "reliability": "The ICC.",
    "reliability_low": "Lower limit.",
    "reliability_high": "Upper limit.",
    "ceiling": "sqrt(reliability): the highest r to expect if errors of raters and model are independent.",
    "ceiling_low": "Lower limit.",
    "ceiling_high": "Upper limit.",
    "flag": "Why something is missing.",
}

VERDICT_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "statistic": "The statistic in which the margin is meant.",
    "margin": "The margin, > 0; NaN without one.",
    "margin_origin": "'pre-specified', 'margin chosen at analysis', or 'no margin'.",
    "lower_limit": "One-sided 97.5 % lower limit of model - human.",
    "verdict": "'non-inferior', 'not shown', or 'none'.",
    "reason": "Why there is none.",
    "wording": "What may be said, without numbers.",
}


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Statistics of permuted ratings of one item.

    Attributes
    ----------
    statistic : str
        skill or r.
    observed : float
    draws : ndarray of shape (n_permutations,)
    p : float
    """

    statistic: str
    observed: float
    draws: NDArray[np.float64]
    p: float


@dataclass(frozen=True, eq=False)
class RaterAnalysis:
    """Raters with each other, and the model as one more rater.

    Attributes
    ----------
    raters : tuple of str
        In the order of the file; a consensus is none.
    design : {"one rater", "fixed panel", "raters vary by session", "none"}
    n_double : int
        Sessions with two raters or more.
    human : DataFrame
        `HUMAN_COLUMNS`.
    pairwise : DataFrame
        `PAIRWISE_COLUMNS`.
    model_human : DataFrame
        `MODEL_HUMAN_COLUMNS`; no rows without a model.
    ceiling : DataFrame
        `CEILING_COLUMNS`.
    verdicts : DataFrame
        `VERDICT_COLUMNS`; no rows without a model.
    missing : tuple of str
        What cannot be told and what would be needed, as sentences; with one rater above all.
    notes : tuple of str
        What a reader must know, as sentences.
    """

    raters: tuple[str, ...]
    design: str
    n_double: int
    human: pd.DataFrame
    pairwise: pd.DataFrame
    model_human: pd.DataFrame
    ceiling: pd.DataFrame
    verdicts: pd.DataFrame
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cohort:
    """Who takes part, and who does not and why.

    Attributes
    ----------
    flow : DataFrame
        `FLOW_COLUMNS`, from the first step to the last.
    exclusions : DataFrame
        `EXCLUSION_COLUMNS`, in the order of the flow, most frequent first.
    missing_ratings : DataFrame
        ``target``, ``reason``, ``n``: single missing numbers in sessions that take part.
    participants : DataFrame
        `CHARACTERISTIC_COLUMNS` of those who take part; no rows without participants.tsv.
    sessions_per_participant : mapping of int to int
        Number of participants by number of sessions.
    """

    flow: pd.DataFrame
    exclusions: pd.DataFrame
    missing_ratings: pd.DataFrame
    participants: pd.DataFrame
    sessions_per_participant: Mapping[int, int]


@dataclass(frozen=True, eq=False)
class Ledger:
    """How many analyses were tried.

    Attributes
    ----------
    n_analyses : int
        Different analyses (target and settings) of these ratings.
    n_fits : int
        Fits of these ratings.
    n_other_ratings : int
        Different analyses of other versions of the ratings of this scale.
    entries : DataFrame
        `LEDGER_COLUMNS`, all of this scale.
    n_sensitivity : int
        Further analyses of these ratings, under other choices (sensitivity): whoever picks the best of them
        has tried them all.
    """

    n_analyses: int
    n_fits: int
    n_other_ratings: int
    entries: pd.DataFrame
    n_sensitivity: int = 0


@dataclass(frozen=True, eq=False)
class FitAnalysis:
    """Everything that a page about one fit shows.

    Attributes
    ----------
    name : str
        Of the fit's folder.
    fit : mapping
        fit.json.
    scale : Scale
    target_kind : {"level", "change-absolute", "change-percent"}
    settings : ReportSettings
    created_utc : str
        When the fit was written.
    main_model : str
        The model of `items`, `pairs` and all that follows from them.
    models : tuple of str
        All models, the main one first, baselines last.
    items : DataFrame
        `ITEM_COLUMNS`: the main table.
    by_model : DataFrame
        `MODEL_COLUMNS`.
    statistics : DataFrame
        `STATISTIC_COLUMNS`: everything of every model in long form.
    comparisons : DataFrame
        `COMPARISON_COLUMNS`: the main model against every other.
    pairs : mapping of str to DataFrame
        `PAIR_COLUMNS` by item.
    bland_altman : DataFrame
        `BLAND_ALTMAN_COLUMNS`.
    calibration : DataFrame
        `CALIBRATION_COLUMNS`.
    error_by_participant : DataFrame
        `ERROR_COLUMNS`.
    subgroups : DataFrame
        `SUBGROUP_COLUMNS`; no rows without participants.tsv.
    change : DataFrame
        `CHANGE_COLUMNS`; no rows if no participant has two sessions.
    null : mapping of str to NullDistribution
        By item; empty if the fit has no null.parquet.
    raters : RaterAnalysis
        With one rater, what is missing.
    preregistration : Preregistration
        See :mod:`emoclip_clinic.study.investigator`.
    cohort : Cohort
    quality : DataFrame
        `QUALITY_COLUMNS`.
    sensitivity : DataFrame or None
        sensitivity.tsv of the fit as it is; None without.
    stability : DataFrame or None
        stability.tsv of the fit as it is; None without.
    ledger : Ledger
    audit : DataFrame
        `AUDIT_COLUMNS`.
    audit_passed : bool or None
    has_groups : bool
        Whether there are at least two diagnostic groups, so that r within groups comes first.
    group_table : DataFrame or None
        metrics_by_group.tsv of the fit, rows of the main model.
    rules : mapping of str to str
        Rules that were applied, as sentences: ``subgroups``, ``intervals``, ``repeats``, ``rounding``, ...
    missing : mapping of str to str
        Parts that could not be made, by name of the part, with the reason as a sentence.
    versions : mapping of str to str
        Of the fit, and of this analysis where it differs.
    """

    name: str
    fit: Mapping[str, Any]
    scale: Scale
    target_kind: Literal["level", "change-absolute", "change-percent"]
    settings: ReportSettings
    created_utc: str
    main_model: str
    models: tuple[str, ...]
    items: pd.DataFrame
    by_model: pd.DataFrame
    statistics: pd.DataFrame
    comparisons: pd.DataFrame
    pairs: Mapping[str, pd.DataFrame]
    bland_altman: pd.DataFrame
    calibration: pd.DataFrame
    error_by_participant: pd.DataFrame
    subgroups: pd.DataFrame
    change: pd.DataFrame
    null: Mapping[str, NullDistribution]
    raters: RaterAnalysis
    preregistration: Preregistration
    cohort: Cohort
    quality: pd.DataFrame
    sensitivity: pd.DataFrame | None
    stability: pd.DataFrame | None
    ledger: Ledger
    audit: pd.DataFrame
    audit_passed: bool | None
    has_groups: bool
    group_table: pd.DataFrame | None
    rules: Mapping[str, str]
    missing: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class PairAnalysis:
    """Two measures of the same thing, without a fit.

    Attributes
    ----------
    truth, prediction : str
        Names of the two columns.
    cluster : str or None
        Name of the column of participants.
    n_rows : int
        Rows of the file.
    n_left_out : mapping of str to int
        Rows left out, by reason.
    statistics : DataFrame
        `STATISTIC_COLUMNS`.
    pairs : DataFrame
        `PAIR_COLUMNS`; session_id is the row of the file.
    bland_altman, calibration, error_by_participant, change : DataFrame
        As in :class:`FitAnalysis`, with '' for the item.
    settings : ReportSettings
    rules : mapping of str to str
    notes : tuple of str
    """

    truth: str
    prediction: str
    cluster: str | None
    n_rows: int
    n_left_out: Mapping[str, int]
    statistics: pd.DataFrame
    pairs: pd.DataFrame
    bland_altman: pd.DataFrame
    calibration: pd.DataFrame
    error_by_participant: pd.DataFrame
    change: pd.DataFrame
    settings: ReportSettings
    rules: Mapping[str, str]
    notes: tuple[str, ...] = ()
