"""Which regressor the name of a model stands for, with the settings of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.heads import Head, get_head, head_names
from emoclip_clinic.regression.heads.mlp import MlpHead
from emoclip_clinic.regression.heads.ridge import RidgeHead
from emoclip_clinic.regression.mlp import MlpSettings
from emoclip_clinic.regression.mlp.plan import MIN_TRAINING_PARTICIPANTS
from emoclip_clinic.regression.splits import Fold
from emoclip_clinic.study.fit_settings import FitSettings

__all__ = ["BASELINE_RATING", "head_facts", "model_head", "why_impossible"]

BASELINE_RATING = "ridge-baseline-rating"
"""The mandatory comparator of a change: a ridge on the baseline rating of the same item alone."""


def model_head(name: str, settings: FitSettings) -> Head:
    """Return a regressor with the settings of a fit.

    Parameters
    ----------
    name : str
        A name of the registry of heads.
    settings : FitSettings
        Settings.

    Returns
    -------
    Head

    Raises
    ------
    RegressionError
        If there is none of that name.
    """
    if name not in head_names():
        offered = [known for known in head_names() if not get_head(known).baseline]
        raise RegressionError(
            f"A model must be one of {', '.join(offered)}", found=name, hint=did_you_mean(name, offered)
        )
    head = get_head(name)
    if isinstance(head, RidgeHead):
        return replace(head, seed=settings.seed)
    if isinstance(head, MlpHead):
        shape = MlpSettings(hidden=settings.hidden_widths, n_seeds=settings.mlp_seeds, seed=settings.seed)
        return replace(head, settings=shape, device=settings.device)
    return head


def head_facts(name: str, settings: FitSettings) -> dict[str, object]:
    """Describe a regressor by what its predictions depend on; device and memory are left out.

    Parameters
    ----------
    name : str
        Name of a model of a fit.
    settings : FitSettings
        Settings.

    Returns
    -------
    dict
        What JSON can hold.
    """
    if name == BASELINE_RATING:
        return {"name": name, "seed": settings.seed}
    head = model_head(name, settings)
    facts = asdict(head) if is_dataclass(head) and not isinstance(head, type) else {"name": name}
    return {key: value for key, value in facts.items() if key not in ("device", "max_memory_mb")}


def why_impossible(
    head: Head, Y: NDArray[np.float64], groups: NDArray[np.str_], folds: Sequence[Fold]
) -> str | None:
    """Say why there are too few participants for a regressor; None if they suffice.

    Parameters
    ----------
    head : Head
    Y : ndarray of shape (n_sessions, n_targets)
        NaN where a rating is missing.
    groups : ndarray of shape (n_sessions,)
        Participant of each session.
    folds : sequence of Fold
        Outer folds of sessions.

    Returns
    -------
    str or None
        One sentence without its dot.
    """
    if not isinstance(head, MlpHead):
        return None
    rated = np.flatnonzero(np.isfinite(Y).any(axis=1))
    for fold in folds:
        n = len(np.unique(groups[np.intersect1d(fold.train, rated)]))
        if n < MIN_TRAINING_PARTICIPANTS:
            return (
                f"it needs {MIN_TRAINING_PARTICIPANTS} rated training participants in every fold, one of "
                f"them to say when to stop, and fold {fold.name} has {n}"
            )
    return None
