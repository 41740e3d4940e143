"""Ratings of each rater in the sessions of a fit, as the fit used them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from emoclip_clinic.agreement.ceiling import TargetUse
from emoclip_clinic.regression.change import change_targets
from emoclip_clinic.regression.ledger import ratings_sha256
from emoclip_clinic.reporting.analysis.raters import RaterTable, raters_design
from emoclip_clinic.reporting.analysis.reading import FitTables
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import CONSENSUS, Ratings, load_ratings, session_targets

__all__ = ["FitRaters", "read_fit_raters"]

_KEYS = ["participant_id", "session_id"]


class FitRaters:
    """Ratings of each rater in the sessions of a fit.

    Attributes
    ----------
    raters : tuple of str
        In the order of the file, without a consensus.
    has_consensus : bool
        Whether there are consensus ratings.
    changed : bool
        Whether the ratings are others than those of the fit.
    sha256 : str
        Of the ratings.
    tables : tuple of RaterTable
        One for each target.
    """

    def __init__(self, study: Study | Path | str, fit: FitTables) -> None:
        ratings = load_ratings(study, fit.scale)
        names = list(dict.fromkeys(ratings.rated["rater"]))
        self.raters = tuple(one for one in names if one.casefold() != CONSENSUS)
        self.has_consensus = len(self.raters) < len(names)
        self.sha256 = ratings_sha256(ratings)
        self.changed = self.sha256 != fit.record["data_sha256"]["ratings"]
        by_rater = {one: _values_of(ratings, one, fit) for one in self.raters}
        own = np.moveaxis(fit.predictions[fit.main_model], 0, -1)  # (n_sessions, n_targets, n_repeats)
        first = _first_raters(ratings, fit)
        tables = []
        for place, item in enumerate(fit.targets):
            frame = pd.DataFrame({one: values[:, place] for one, values in by_rater.items()})
            frame.loc[~np.isfinite(fit.Y[:, place])] = np.nan
            tables.append(RaterTable(item, frame, fit.codes, own[:, place], _use(fit, frame, first)))
        self.tables = tuple(tables)


def read_fit_raters(study: Study | Path | str, fit: FitTables) -> FitRaters:
    """Read the ratings of each rater.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    fit : FitTables
        The fit.

    Returns
    -------
    FitRaters

    Raises
    ------
    RatingsError
        If the study's ratings cannot be read any more.
    """
    return FitRaters(study, fit)


def _values_of(ratings: Ratings, rater: str, fit: FitTables) -> np.ndarray:
    """What one rater gave in each session of the fit: a level, or the change since the own baseline."""
    settings = fit.record["settings"]
    targets = session_targets(ratings, rater=rater)
    table = targets.table
    if fit.kind != "level":
        kind: Literal["absolute", "percent"] = "percent" if fit.kind == "change-percent" else "absolute"
        sessions = set(table.dropna(how="all", subset=list(fit.targets))["session_id"])
        if len(sessions) < 2 or f"ses-{str(settings['baseline']).removeprefix('ses-')}" not in sessions:
            return np.full(fit.Y.shape, np.nan)
        table = change_targets(targets, fit.scale, baseline=settings["baseline"], kind=kind).targets.table
    return _aligned(table, fit.sessions, fit.targets)


def _aligned(table: pd.DataFrame, sessions: pd.DataFrame, targets: Sequence[str]) -> np.ndarray:
    """Rows of a table in the order of the fit's sessions; NaN where it has none."""
    keys = table[_KEYS].astype(object).where(table[_KEYS].notna(), "")
    wanted = sessions[_KEYS].astype(object).where(sessions[_KEYS].notna(), "")
    row_of = {(one, other): row for row, (one, other) in enumerate(keys.itertuples(index=False))}
    rows = [row_of.get((one, other), -1) for one, other in wanted.itertuples(index=False)]
    values = np.vstack([table[list(targets)].to_numpy(dtype=np.float64), np.full(len(targets), np.nan)])
    return np.asarray(values[rows])


def _first_raters(ratings: Ratings, fit: FitTables) -> np.ndarray:
    """Who comes first in the file, in each session of the fit; None where nobody rated."""
    rated = ratings.rated
    rated = rated[rated["rater"].str.casefold() != CONSENSUS].drop_duplicates(_KEYS)
    names = list(dict.fromkeys(rated["rater"]))
    places = rated[_KEYS].assign(place=rated["rater"].map(names.index).astype("float64"))
    found = _aligned(places, fit.sessions, ("place",))[:, 0]
    return np.array([None if np.isnan(one) else names[int(one)] for one in found] + [None], dtype=object)[:-1]


def _use(fit: FitTables, ratings: pd.DataFrame, first: np.ndarray) -> TargetUse | None:
    """How the raters of the table became the target."""
    settings = fit.record["settings"]
    if settings["rater"] is not None:
        return "one rater"
    if settings["rater_policy"] == "consensus":
        return None
    if settings["rater_policy"] == "first":
        used = {one for one in first[ratings.notna().any(axis=1)] if one is not None}
        return "one rater" if len(used) <= 1 else "varying rater"
    design = raters_design(ratings)
    if design == "one rater":
        return "one rater"
    return "fixed panel" if design == "fixed panel" else "varying panel"
