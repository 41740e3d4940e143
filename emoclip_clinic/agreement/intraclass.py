"""Intraclass correlation of several raters: six forms, complete and incomplete tables."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.inputs import Floats, Values, check_confidence, cluster_codes, rater_matrix
from emoclip_clinic.agreement.mean_squares import FORMS, complete_forms, six_forms, weighted_mean_squares
from emoclip_clinic.agreement.reml import VarianceComponents, cell_sums, fit_components, simulate
from emoclip_clinic.agreement.resampling import count_blocks, limits
from emoclip_clinic.agreement.results import CONSTANT, DEPENDENT_P, Row, join_flags, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["icc"]

_NESTED = "raters nested in participants: one-way forms only"
_TWO_WAY = (1, 2, 4, 5)


def icc(
    table: pd.DataFrame | npt.ArrayLike,
    *,
    cluster: Values | None = None,
    confidence: float = 0.95,
    missing: Literal["reml", "listwise"] = "reml",
    nested: bool = False,
    convention: Literal["psych", "irr"] = "psych",
    n_resamples: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Intraclass correlations, named as by McGraw & Wong.

    ===========  =========================================================================================
    ICC(1)       raters differ from subject to subject (nested): a rater's deviation is error
    ICC(A,1)     the same raters, absolute agreement: what to report when scores are used as they are
    ICC(C,1)     the same raters, consistency: a rater's constant deviation does not count
    ICC(k) ...   the same three for the mean of k raters: the reliability of a target averaged over raters
    ===========  =========================================================================================

    Complete tables use the mean squares of the analysis of variance; negative estimates stay as they are.
    Incomplete tables use restricted maximum likelihood with variances >= 0 (a variance at 0 is flagged
    "singular"), k is the harmonic mean of the numbers of ratings, and p is not given.

    Parameters
    ----------
    table : DataFrame or array-like of shape (subjects, raters)
        NaN where a rater did not rate. A subject is whatever was rated: usually a session.
    cluster : array-like of shape (subjects,), optional
        Participant of each subject. Where participants have several, intervals come from a bootstrap over
        participants and p is NaN: the F tests assume independent subjects.
    confidence : float
        Level of the intervals.
    missing : {"reml", "listwise"}
        "listwise" drops incomplete subjects, as psych and irr do; it wastes ratings and is biased unless they
        are missing by design.
    nested : bool
        Columns are places, not persons: each subject had its own raters. Only ICC(1) and ICC(k) exist then.
        Found without being told if every column holds one rating.
    convention : {"psych", "irr"}
        Limits of ICC(A,k) and p of both ICC(A,.), where R's packages differ. "psych": the Spearman-Brown
        image of the limits of ICC(A,1), so that both forms say the same, and F = MSB / MSE on its own degrees
        of freedom, which is exact for ICC(A,.) = 0. "irr": Satterthwaite's degrees of freedom at the
        estimate, for ICC(A,k) with ICC(A,k) put where McGraw & Wong have ICC(A,1).
    n_resamples : int
        Bootstrap resamples, where a bootstrap is used; 0 leaves those intervals out.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Six rows. An incomplete table has parametric-bootstrap intervals (percentile): ratings are drawn from
        the fitted model with the same cells missing.

    Raises
    ------
    AgreementError
        If the table is not numeric, a cluster label is missing, or an option is unknown.

    References
    ----------
    McGraw KO, Wong SP (1996). Forming inferences about some intraclass correlation coefficients.
    doi:10.1037/1082-989X.1.1.30

    Shrout PE, Fleiss JL (1979). Intraclass correlations: uses in assessing rater reliability.
    doi:10.1037/0033-2909.86.2.420
    """
    check_confidence(confidence)
    _check_option("missing", missing, ("reml", "listwise"))
    _check_option("convention", convention, ("psych", "irr"))
    matrix, flag = rater_matrix(table)
    there = ~np.isnan(matrix)
    keep = np.asarray(there.all(axis=1) if missing == "listwise" else there.any(axis=1))
    used = matrix[keep]
    codes, n_clusters = (np.arange(len(used)), len(used)) if cluster is None else cluster_codes(cluster, keep)
    used = used[:, (~np.isnan(used)).any(axis=0)]
    reason = _reason(matrix, used)
    if reason:
        return to_frame(
            Row(form, len(used), n_clusters, math.nan, flag=join_flags(reason, flag)) for form in FORMS
        )
    present = ~np.isnan(used)
    nested = nested or bool((present.sum(axis=0) == 1).all())
    if present.all():
        rows = _complete_rows(used, codes, n_clusters, confidence, convention, n_resamples, seed)
    else:
        rows = _incomplete_rows(used, codes, n_clusters, confidence, n_resamples, seed, nested=nested)
    if nested:
        for form in _TWO_WAY:
            rows[form] = Row(FORMS[form], len(used), n_clusters, math.nan, flag=_NESTED)
    return to_frame(_flagged(row, flag) for row in rows)


def _check_option(name: str, value: str, options: Sequence[str]) -> None:
    if value not in options:
        raise AgreementError(f"{name} must be one of {', '.join(map(repr, options))}", found=value)


def _flagged(row: Row, flag: str) -> Row:
    return Row(**{**vars(row), "flag": join_flags(row.flag, flag)})


def _reason(matrix: Floats, used: Floats) -> str:
    """Why no form is defined, empty if some may be."""
    if np.isnan(matrix).all():
        return "all missing"
    if matrix.shape[1] < 2 or used.shape[1] < 2:
        return "single rater"
    if len(used) < 2:
        return "fewer than 2 subjects"
    if np.nanmax(used) == np.nanmin(used):
        return f"{CONSTANT}: all ratings equal"
    size = (~np.isnan(used)).sum(axis=1)
    if size.max() < 2:
        return "no subject has two ratings"
    return "too few ratings" if size.sum() < 4 else ""


def _complete_rows(
    matrix: Floats,
    codes: npt.NDArray[np.intp],
    n_clusters: int,
    confidence: float,
    convention: Literal["psych", "irr"],
    n_resamples: int,
    seed: int,
) -> list[Row]:
    n = len(matrix)
    forms = complete_forms(matrix, confidence=confidence, convention=convention)
    average = "Spearman-Brown of ICC(A,1)" if convention == "psych" else "F (irr)"
    methods = [average if form == "ICC(A,k)" else "F (McGraw & Wong 1996)" for form in FORMS]
    if n == n_clusters:
        return [
            Row(
                name,
                n,
                n_clusters,
                form.estimate,
                form.low,
                form.high,
                "" if math.isnan(form.low) else method,
                form.p,
                "variance of subjects, or of all, is 0" if math.isnan(form.estimate) else "",
            )
            for name, form, method in zip(FORMS, forms, methods, strict=True)
        ]
    draws = np.empty((6, 0))
    if n_resamples and n_clusters >= 2:
        blocks = count_blocks(n_clusters, n_resamples, width=n, seed=seed)
        draws = np.concatenate(
            [six_forms(weighted_mean_squares(matrix, w[:, codes])) for w in blocks], axis=1
        )
    estimates = [form.estimate for form in forms]
    return _bootstrap_rows(estimates, draws, n, n_clusters, confidence, "cluster bootstrap", DEPENDENT_P)


def _incomplete_rows(
    matrix: Floats,
    codes: npt.NDArray[np.intp],
    n_clusters: int,
    confidence: float,
    n_resamples: int,
    seed: int,
    *,
    nested: bool,
) -> list[Row]:
    n = len(matrix)
    centred = matrix - np.nanmean(matrix)
    present = ~np.isnan(matrix)
    if np.all(np.nanmax(matrix, axis=1) == np.nanmin(matrix, axis=1)):
        return [Row(form, n, n_clusters, 1.0, flag="perfect agreement") for form in FORMS]
    k = 1 / float((1 / present.sum(axis=1)).mean())
    sums = cell_sums(centred)
    one_way = fit_components(sums, raters=False)
    two_way = one_way if nested else fit_components(sums)
    estimates = [float(value) for value in _forms_of(one_way, two_way, k)[:, 0]]
    draws = np.empty((6, 0))
    method = "parametric bootstrap"
    if n_resamples and n_clusters == n:
        draws = _parametric(one_way, two_way, present, k, n_resamples, seed, nested=nested)
    elif n_resamples and n_clusters >= 2:
        method = "cluster bootstrap"
        draws = _clustered(centred, codes, n_clusters, one_way, two_way, n_resamples, seed, nested=nested)
    rows = _bootstrap_rows(estimates, draws, n, n_clusters, confidence, method, "")
    notes = _singular(one_way), _singular(two_way)
    return [_flagged(row, notes[form in _TWO_WAY]) for form, row in enumerate(rows)]


def _forms_of(one_way: VarianceComponents, two_way: VarianceComponents, k: float | Floats) -> Floats:
    """Six forms from variance components, shape (6, b)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack(
            [
                one_way.subject / (one_way.subject + one_way.residual),
                two_way.subject / (two_way.subject + two_way.rater + two_way.residual),
                two_way.subject / (two_way.subject + two_way.residual),
                one_way.subject / (one_way.subject + one_way.residual / k),
                two_way.subject / (two_way.subject + (two_way.rater + two_way.residual) / k),
                two_way.subject / (two_way.subject + two_way.residual / k),
            ]
        )


def _parametric(
    one_way: VarianceComponents,
    two_way: VarianceComponents,
    present: npt.NDArray[np.bool_],
    k: float,
    n_resamples: int,
    seed: int,
    *,
    nested: bool,
) -> Floats:
    """Six forms in data drawn from each fitted model."""
    generator = np.random.default_rng(seed)
    block = max(1, 2_000_000 // present.size)
    parts = []
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        first = cell_sums(simulate(one_way, present, n_resamples=size, generator=generator))
        one = fit_components(first, raters=False, starts=one_way.shares, steps=40)
        two = one
        if not nested:
            second = cell_sums(simulate(two_way, present, n_resamples=size, generator=generator))
            two = fit_components(second, starts=two_way.shares, steps=40)
        parts.append(_forms_of(one, two, k))
    return np.concatenate(parts, axis=1)


def _clustered(
    centred: Floats,
    codes: npt.NDArray[np.intp],
    n_clusters: int,
    one_way: VarianceComponents,
    two_way: VarianceComponents,
    n_resamples: int,
    seed: int,
    *,
    nested: bool,
) -> Floats:
    """Six forms refitted to resampled participants."""
    parts = []
    ratings_per_subject = (~np.isnan(centred)).sum(axis=1)
    for weights in count_blocks(n_clusters, n_resamples, width=centred.size * centred.shape[1], seed=seed):
        drawn = weights[:, codes]
        sums = cell_sums(centred, drawn)
        k = drawn.sum(axis=1) / (drawn @ (1 / ratings_per_subject))
        with np.errstate(divide="ignore", invalid="ignore"):
            one = fit_components(sums, raters=False, starts=one_way.shares, steps=40)
            two = one if nested else fit_components(sums, starts=two_way.shares, steps=40)
        parts.append(_forms_of(one, two, k))
    return np.concatenate(parts, axis=1)


def _bootstrap_rows(
    estimates: list[float], draws: Floats, n: int, n_clusters: int, confidence: float, method: str, flag: str
) -> list[Row]:
    rows = []
    for form, estimate in enumerate(estimates):
        low, high, note = limits(draws[form], estimate, confidence=confidence)
        name = "" if math.isnan(low) else f"{method}, percentile, {draws.shape[1]} resamples"
        rows.append(Row(FORMS[form], n, n_clusters, estimate, low, high, name, flag=join_flags(note, flag)))
    return rows


def _singular(fitted: VarianceComponents) -> str:
    """Name the variance at its bound; a one-way fit has no rater variance to be at 0."""
    names = []
    if fitted.shares[0, 0] == 0:
        names.append("subject variance 0")
    if fitted.has_raters and fitted.shares[0, 1] == 0:
        names.append("rater variance 0")
    if fitted.shares[0].max() > 1 - 1e-9:
        names.append("residual variance 0")
    return f"singular: {', '.join(names)}" if names else ""
