"""Permutation test of nested ridge predictions against chance, the choice of alpha included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.agreement.multiplicity import adjust_p
from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS, check_targets
from emoclip_clinic.regression.nested import rating_patterns
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS, Inner, NestedDesign, Outer, make_design
from emoclip_clinic.regression.nested_ridge import Progress
from emoclip_clinic.regression.permutation_exchange import Exchange, plan_exchange
from emoclip_clinic.regression.permutation_pvalues import count_at_least, step_down_min_p
from emoclip_clinic.regression.permutation_stream import (
    MAX_BYTES,
    Draws,
    RidgeStatistic,
    Ticks,
    check_memory,
    permuted_statistics,
)
from emoclip_clinic.regression.scoring import Statistic
from emoclip_clinic.regression.splits import Groups

__all__ = ["MEANING", "MIN_DISTINCT", "PermutationTest", "permutation_test"]

Floats = NDArray[np.float64]

MEASURES = {"skill": "skill", "r": "pooled Pearson r"}
MIN_DISTINCT = 20
"""With fewer distinct arrangements p cannot fall to .05, and nothing is tested."""

MEANING = (
    "A rejection means that ratings are not exchangeable between participants given the strata: models learn "
    "more from the ratings where they belong than from exchanged ones. It does not say why. Age, sex, the "
    "room or the camera may be the reason, if they go with the ratings."
)
APPROXIMATE = (
    "Targets with missing ratings do not move exactly together with the others, so control of the "
    "family-wise error is approximate; the single p values are not affected."
)


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """Result of `permutation_test` and of `gain_test`.

    Attributes
    ----------
    table : DataFrame
        One row per target: ``target``, ``family``, ``n`` rated sessions, ``n_participants``, ``observed``
        statistic, ``null_mean`` and ``null_q95`` (mean and 95 % quantile over permutations), ``n_at_least``
        (permutations with a statistic at least as large), ``n_undefined`` (those in which it is not defined;
        they count as at least as large), ``p``, ``p_step_down``, ``p_holm``, ``p_benjamini_hochberg``,
        ``n_distinct`` (different arrangements of this target's ratings, as text), ``reason`` (why it is not
        tested; its p is NaN and it does not count in its family).
    null : ndarray of shape (n_permutations, n_targets)
        The statistic in each permutation.
    strata : DataFrame
        ``stratum``, ``n_sessions``, ``n_participants``: who may exchange.
    statistic : {"skill", "r", "gain"}
    n_permutations : int
        Permutations made, without the data themselves.
    n_possible : int
        Exchanges that the strata allow, the present arrangement included.
    exhaustive : bool
        Every possible exchange was made, so p is exact.
    seed : int
    statement : str
        What was done and what a rejection means.
    """

    table: pd.DataFrame
    null: Floats
    strata: pd.DataFrame
    statistic: str
    n_permutations: int
    n_possible: int
    exhaustive: bool
    seed: int
    statement: str

    def record(self) -> dict[str, object]:
        """Return what goes into ``fit.json``, the table excepted."""
        return {
            "statistic": self.statistic,
            "n_permutations": self.n_permutations,
            "n_possible": count_text(self.n_possible),
            "exhaustive": self.exhaustive,
            "seed": self.seed,
            "strata": [
                row | {"n_possible": count_text(factorial(row["n_participants"]))}
                for row in self.strata.to_dict("records")
            ],
            "statement": self.statement,
        }


def permutation_test(
    X: ArrayLike,
    Y: ArrayLike,
    groups: Groups,
    *,
    targets: Sequence[str] | None = None,
    families: Sequence[str] | None = None,
    within: ArrayLike | None = None,
    order: ArrayLike | None = None,
    statistic: Statistic = "skill",
    n_permutations: int = 10_000,
    seed: int = 0,
    alphas: ArrayLike = DEFAULT_ALPHAS,
    sample_weight: ArrayLike | None = None,
    standardize: bool = True,
    outer: Outer = "participant",
    inner: Inner = "auto",
    strata: ArrayLike | None = None,
    fold_seed: int = 0,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> PermutationTest:
    """Test whether nested ridge predictions are better than those from exchanged ratings.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        One row per session.
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Items and scores; NaN where missing.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    targets : sequence of str, optional
        Names of the targets, by default their numbers.
    families : sequence of str of shape (n_targets,), optional
        Family of each target, such as "items" and "scores"; p values are adjusted within it. By default all
        are one family.
    within : array-like of shape (n_rows,) or (n_rows, n_variables), optional
        Stratum of each row's participant, such as site or group: ratings are exchanged inside it only.
    order : array-like of shape (n_rows,), optional
        Session label of each row; see `plan_exchange`. By default sessions are in the order of the rows.
    statistic : {"skill", "r"}
        Skill against the mean predictor, or pooled Pearson r.
    n_permutations : int
        Random exchanges. If no more are possible, each is made once.
    seed : int
        Seed of the exchanges.
    alphas, sample_weight, standardize, outer, inner, strata
        As in `nested_predict`.
    fold_seed : int
        Seed of grouped folds: ``seed`` of `nested_predict`.
    max_bytes : int
        Memory for stored matrices and chunks together, in bytes.
    progress : callable, optional
        Called with (done, total) exchanges, summed over patterns of missing ratings.

    Returns
    -------
    PermutationTest

    Raises
    ------
    RegressionError
        If fewer than 20 exchanges are possible or asked for, no target has 20 distinct arrangements, the
        stored matrices do not fit, an option is unknown, or data or strata are not usable.

    Notes
    -----
    *What moves.* A participant's rating block, all items and scores of all sessions in order, goes as a whole
    to another participant of the same stratum with the same number of rated sessions. Scores move with the
    block, they are not computed anew. Features, folds, weights and covariates stay. Everything that depends
    on ratings is done anew: means, coefficients, the choice of alpha in every outer fold, the mean predictor.

    *Missing ratings.* Which sessions lack a target stays with the videos. Its values move among the
    participants who have it in the same sessions, by the one random draw that is common to all targets; see
    `Exchange.sources`. A score that is missing where an item is missing is such a target of its own: it keeps
    its values, even where the items beside it come from another participant.

    *p values* are one-sided, ``(1 + b) / (1 + B)``, where b of B permutations have a statistic at least as
    large. A statistic that is not defined counts as at least as large. The same permutations give the
    step-down min-p of Westfall and Young in each family, beside Holm and Benjamini-Hochberg.

    The pipeline is linear in the ratings for each alpha, so its matrices are stored once for each pattern of
    missing ratings, and a permutation is a column of a matrix product. An interrupt (Ctrl-C) leaves nothing
    behind.

    References
    ----------
    Ojala M, Garriga GC (2010). Permutation tests for studying classifier performance. JMLR 11, 1833-1863.
    Winkler AM, Webster MA, Vidaurre D, Nichols TE, Smith SM (2015). Multi-level block permutation.
    NeuroImage 123, 253-268. doi:10.1016/j.neuroimage.2015.05.092
    """
    design = make_design(
        X,
        groups,
        alphas=alphas,
        sample_weight=sample_weight,
        standardize=standardize,
        outer=outer,
        inner=inner,
        strata=strata,
        seed=fold_seed,
    )
    table = check_targets(Y, len(design.X))
    names, family = name_targets(table.shape[1], targets, families)
    if statistic not in MEASURES:
        raise RegressionError(
            "statistic must be 'skill' or 'r'", found=statistic, hint=did_you_mean(statistic, MEASURES)
        )
    operator_bytes = check_memory(design, max_bytes)
    exchange = plan_exchange(table, groups, within=within, order=order)
    draws = check_draws(exchange, n_permutations, seed=seed)
    n_distinct, reasons = refusals(exchange, table, design)
    tested = np.array([not reason for reason in reasons])
    statistics = np.full((1 + draws.n_draws, table.shape[1]), np.nan)
    patterns = tested_patterns(table, tested, design)
    ticks = Ticks(progress, draws.n_draws * len(patterns))
    for mask, chosen in patterns:
        ridge = RidgeStatistic(design, mask, statistic=statistic, max_bytes=operator_bytes)
        statistics[0, chosen] = ridge(table[:, chosen])
        statistics[1:, chosen] = permuted_statistics(
            ridge,
            table[:, chosen],
            draws,
            rated=mask,
            column_bytes=ridge.column_bytes,
            column_work=ridge.column_work,
            max_bytes=max_bytes - operator_bytes,
            tick=ticks,
        )
    result = target_table(table, design.codes, names, family)
    result = result.join(p_values(statistics, np.array(family), tested))
    result["n_distinct"] = [count_text(n) for n in n_distinct]
    result["reason"] = reasons
    return PermutationTest(
        result,
        statistics[1:],
        exchange.strata,
        statistic,
        draws.n_draws,
        exchange.n_permutations,
        draws.exhaustive,
        seed,
        f"{describe(draws, MEASURES[statistic], approximate=len(patterns) > 1)} {MEANING}",
    )


def name_targets(
    n_targets: int, targets: Sequence[str] | None, families: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the name and the family of each target; by default their numbers, and one family "all"."""
    for what, names in (("targets", targets), ("families", families)):
        if names is not None and (isinstance(names, str) or len(names) != n_targets):
            raise RegressionError(
                f"{what} must hold one name for each of the {n_targets} targets", found=names
            )
    return (
        [str(number) for number in range(n_targets)] if targets is None else list(targets),
        ["all"] * n_targets if families is None else list(families),
    )


def target_table(
    Y: Floats, codes: NDArray[np.intp], names: Sequence[str], family: Sequence[str]
) -> pd.DataFrame:
    """Make the first columns of the result: target, family, and how many sessions and participants it has."""
    rated = ~np.isnan(Y)
    table = pd.DataFrame({"target": names, "family": family, "n": rated.sum(axis=0)})
    table["n_participants"] = [len(np.unique(codes[mask])) for mask in rated.T]
    return table


def check_draws(exchange: Exchange, n_permutations: int, *, seed: int) -> Draws:
    """Plan the draws, or raise if there are too few to reject anything."""
    if n_permutations < MIN_DISTINCT - 1:
        raise RegressionError(
            f"n_permutations must be at least {MIN_DISTINCT - 1}, or p cannot fall to .05",
            found=n_permutations,
        )
    if exchange.n_permutations < MIN_DISTINCT:
        classes = [
            f"{c.rows.shape[0]} participants with {c.rows.shape[1]} sessions"
            + (f" in stratum {c.stratum}" if c.stratum else "")
            for c in exchange.classes
        ]
        raise RegressionError(
            f"At least {MIN_DISTINCT} distinct permutations must be possible, or p cannot fall to .05",
            found=f"{exchange.n_permutations} ({'; '.join(classes[:5])}{'; ...' if classes[5:] else ''})",
            hint="Use coarser strata, or the same number of sessions for each participant.",
        )
    return Draws.plan(exchange, n_permutations, seed=seed)


def refusals(exchange: Exchange, Y: Floats, design: NestedDesign) -> tuple[list[int], list[str]]:
    """Count the arrangements of each target and say why it is not tested; raise if none is."""
    n_distinct = [exchange.n_distinct(y) for y in Y.T]
    _, too_few = rating_patterns(Y, design.weight, design.codes)
    reasons = [
        f"fewer than {MIN_DISTINCT} distinct permutations" if n < MIN_DISTINCT else "" for n in n_distinct
    ]
    for target in too_few:
        reasons[target] = f"rated in fewer than {MIN_PARTICIPANTS} participants"
    if all(reasons):
        raise RegressionError(
            f"At least one target must have {MIN_DISTINCT} distinct permutations",
            found=f"{len(reasons)} targets with at most {max(n_distinct)}",
        )
    return n_distinct, reasons


def tested_patterns(
    Y: Floats, tested: NDArray[np.bool_], design: NestedDesign
) -> list[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Group the tested targets by the rows in which they are rated."""
    positions = np.flatnonzero(tested)
    patterns, _ = rating_patterns(Y[:, positions], design.weight, design.codes)
    return [(mask, positions[chosen]) for mask, chosen in patterns]


def p_values(statistics: Floats, family: NDArray[np.str_], tested: NDArray[np.bool_]) -> pd.DataFrame:
    """Turn statistics (1 + n_permutations, n_targets), the observed ones first, into columns of p values."""
    n, n_targets = statistics.shape
    null = np.where(np.isfinite(statistics[1:]), statistics[1:], np.nan)
    frame = pd.DataFrame({"observed": statistics[0]})
    some = np.flatnonzero(np.isfinite(null).any(axis=0))
    for name in ("null_mean", "null_q95"):
        frame[name] = np.nan
    frame.loc[some, "null_mean"] = np.nanmean(null[:, some], axis=0)
    frame.loc[some, "null_q95"] = np.nanquantile(null[:, some], 0.95, axis=0)
    columns = np.full((6, n_targets), np.nan)
    counts = count_at_least(statistics)
    columns[0, tested] = counts[0, tested] - 1
    columns[1, tested] = np.isnan(statistics[1:, tested]).sum(axis=0)
    columns[2, tested] = counts[0, tested] / n
    for name in np.unique(family):
        mine = np.flatnonzero((family == name) & tested)
        if not mine.size:
            continue
        columns[3, mine] = step_down_min_p(counts[:, mine])
        columns[4, mine] = adjust_p(columns[2, mine], method="holm")
        columns[5, mine] = adjust_p(columns[2, mine], method="benjamini-hochberg")
    frame["n_at_least"] = pd.array(columns[0], dtype="Int64")
    frame["n_undefined"] = pd.array(columns[1], dtype="Int64")
    for name, values in zip(("p", "p_step_down", "p_holm", "p_benjamini_hochberg"), columns[2:], strict=True):
        frame[name] = values
    return frame


def count_text(n: int) -> str:
    """Write a count that may have hundreds of digits: "5040", "8.3e81"."""
    return str(n) if n < 10**6 else f"{Decimal(n):.1e}".replace("e+", "e")


def describe(draws: Draws, measure: str, *, approximate: bool) -> str:
    """Say how the test was made."""
    exchange = draws.exchange
    alone = sum(len(c.participants) == 1 for c in exchange.classes)
    made = f"all {draws.n_draws}" if draws.exhaustive else f"{draws.n_draws} random"
    strata = " in the same stratum" if any(c.stratum for c in exchange.classes) else ""
    text = (
        f"Permutation test of {measure}, one-sided, by {made} exchanges of whole rating blocks between "
        f"participants with the same number of rated sessions{strata}. The whole pipeline is repeated, the "
        f"choice of alpha included. {count_text(exchange.n_permutations)} arrangements are possible; "
        f"{alone} participants have nobody to exchange with and keep their ratings."
    )
    return f"{text} {APPROXIMATE}" if approximate else text
