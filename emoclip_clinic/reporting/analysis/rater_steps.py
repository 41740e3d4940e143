"""Agreement of raters beside the ICC: Krippendorff's alpha, and the kappa of every pair of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import pandas as pd
from numpy.typing import ArrayLike

from emoclip_clinic.agreement import AgreementWarning, krippendorff_alpha, weighted_kappa
from emoclip_clinic.agreement.rater_alpha import Level
from emoclip_clinic.reporting.analysis.frames import frame_of, typed
from emoclip_clinic.reporting.analysis.records import HUMAN_COLUMNS, ReportSettings

__all__ = ["step_rows"]


def step_rows(
    ratings: pd.DataFrame,
    *,
    codes: ArrayLike,
    steps: Sequence[float] | None,
    settings: ReportSettings,
) -> pd.DataFrame:
    """Compute alpha, and with the steps of the scale its ordinal form and the kappa of every pair.

    Parameters
    ----------
    ratings : DataFrame
        One row for each subject, one column for each rater; NaN where a rater did not rate.
    codes : array-like of shape (n,)
        Participant of each row.
    steps : sequence of float or None
        All values of the scale; None if it is continuous or open.
    settings : ReportSettings
        Level, resamples and seed.

    Returns
    -------
    DataFrame
        `HUMAN_COLUMNS`, with '' for the item; no rows with fewer than two raters.
    """
    there = ratings.dropna(how="all", axis=1)
    if there.shape[1] < 2:
        return frame_of([], HUMAN_COLUMNS)
    levels: tuple[Level, ...] = ("interval",) if steps is None else ("interval", "ordinal")
    frames = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgreementWarning)  # each row carries its reason
        for level in levels:
            alpha = krippendorff_alpha(
                there,
                level=level,
                cluster=codes,
                confidence=settings.confidence,
                n_resamples=settings.resamples,
                seed=settings.seed,
            )
            frames.append(alpha.assign(statistic=f"Krippendorff's alpha ({level})"))
        for one, other in combinations(there.columns, 2) if steps is not None else ():
            kappa = weighted_kappa(
                there[one],
                there[other],
                cluster=codes,
                categories=steps,
                confidence=settings.confidence,
                n_resamples=settings.resamples,
                seed=settings.seed,
            )
            frames.append(kappa.assign(statistic=f"quadratic weighted kappa, {one} and {other}"))
    return typed(pd.concat(frames, ignore_index=True), HUMAN_COLUMNS)
