"""Choose between a textbook interval and the bootstrap over participants, and compose the row."""

import math
from collections.abc import Sequence
from dataclasses import replace

from emoclip_clinic.agreement.inputs import Floats, Pairs
from emoclip_clinic.agreement.resampling import BootstrapInterval
from emoclip_clinic.agreement.results import Row, join_flags
from emoclip_clinic.agreement.weighted import resample_limits
from emoclip_clinic.errors import AgreementError, did_you_mean

__all__ = ["IGNORES_CLUSTERS", "choose_interval", "with_bootstrap"]

IGNORES_CLUSTERS = "interval ignores that participants have several sessions"


def choose_interval(interval: str, textbook: Sequence[str], *, repeated: bool) -> str:
    """Resolve "auto": the first textbook interval if observations are independent, else the percentile
    bootstrap.
    """
    options = ["auto", *textbook, "percentile", "bca"]
    if interval not in options:
        raise AgreementError("Unknown interval", found=interval, hint=did_you_mean(interval, options))
    if interval != "auto":
        return interval
    return textbook[0] if textbook and not repeated else "percentile"


def with_bootstrap(
    rows: Sequence[Row],
    keys: Sequence[str],
    data: Pairs,
    *,
    interval: BootstrapInterval,
    confidence: float,
    n_resamples: int,
    seed: int,
    baseline: Floats | None = None,
    categories: Sequence[float] | None = None,
    within: float = 1.0,
) -> list[Row]:
    """Give each row whose estimate is defined the bootstrap interval of the statistic of the same place in
    ``keys``.
    """
    wanted = [key for row, key in zip(rows, keys, strict=True) if not math.isnan(row.estimate)]
    if not wanted:
        return list(rows)
    found = resample_limits(
        data,
        wanted,
        confidence=confidence,
        interval=interval,
        n_resamples=n_resamples,
        seed=seed,
        baseline=baseline,
        categories=categories,
        within=within,
    )
    changed = []
    for row, key in zip(rows, keys, strict=True):
        low, high, method, flag = found.get(key, (math.nan, math.nan, "", ""))
        flags = join_flags(row.flag, flag)
        changed.append(replace(row, ci_low=low, ci_high=high, ci_method=method, flag=flags))
    return changed
