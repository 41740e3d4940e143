"""Columns of the tables that a fit writes for its report: null draws, sensitivity, and stability."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["NULL_COLUMNS", "SENSITIVITY_COLUMNS", "STABILITY_COLUMNS"]

NULL_COLUMNS: Mapping[str, str] = {
    "item": "Item or score that was tested.",
    "statistic": "skill or r: the test against chance; gain: the test beyond covariates and camera.",
    "permutation": "0 is what was observed, from 1 on the permutations.",
    "value": "The statistic; missing where it is not defined, which counts as at least as large as observed.",
}
"""Columns of null.parquet with their meanings."""

SENSITIVITY_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "family": "item or score.",
    "role": "main: the ridge of metrics.tsv; sensitivity: the same ridge with one choice changed.",
    "choice": "What is changed: main, aggregation or folds.",
    "value": "The choice: an aggregation such as mean+std, or folds such as leave-one-participant-out.",
    "n_features": "Features of the embedding that the ridge reads.",
    "n_participants": "Participants with a rating and a prediction.",
    "n_sessions": "Sessions with a rating and a prediction.",
    "n_repeats": "Repetitions of the folds; measures are averaged over them.",
    "skill": "1 - SSE / SSE of the mean predictor on the same folds.",
    "pearson_r": "Pearson r over pooled sessions, within each repetition of the folds, then averaged.",
    "mae": "Mean absolute error, in points.",
    "note": "What stands in the way of comparing the row with the main one.",
}
"""Columns of sensitivity.tsv with their meanings."""

STABILITY_COLUMNS: Mapping[str, str] = {
    "item": "Item or score.",
    "family": "item or score.",
    "n_subsamples": "Random subsamples of the participants in which skill is defined.",
    "n_participants": "Participants of each subsample; fewer of them may have a rating.",
    "skill_full": "Skill of the ridge with all participants, as in metrics.tsv.",
    "skill_mean": "Mean of skill over the subsamples.",
    "skill_sd": "Standard deviation of skill over the subsamples.",
    "skill_low": "5 % quantile of skill over the subsamples.",
    "skill_high": "95 % quantile of skill over the subsamples.",
    "pearson_r_full": "Pooled Pearson r of the ridge with all participants, as in metrics.tsv.",
    "pearson_r_mean": "Mean of r over the subsamples.",
    "pearson_r_sd": "Standard deviation of r over the subsamples.",
    "pearson_r_low": "5 % quantile of r over the subsamples.",
    "pearson_r_high": "95 % quantile of r over the subsamples.",
    "prediction_sd": "SD of a session's prediction over the subsamples, mean over sessions, in points.",
    "rating_sd": "Standard deviation of the ratings (n - 1), in points, for comparison.",
    "alpha_median": "Median of the penalties that were chosen, over outer folds and subsamples.",
    "alpha_low": "Smallest penalty that was chosen.",
    "alpha_high": "Largest penalty that was chosen.",
    "alphas": "How often each penalty was chosen, such as 10: 12; 31.6: 30.",
}
"""Columns of stability.tsv with their meanings."""
