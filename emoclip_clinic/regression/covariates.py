"""What participants.tsv knows (age, sex, site, ...) as a numeric design, one row per session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emoclip_clinic.errors import RegressionError, did_you_mean
from emoclip_clinic.regression.design import Design, make_design_table
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.participants import read_participants

__all__ = ["CATEGORIES", "DEFAULT_COVARIATES", "participant_columns", "read_covariates"]

DEFAULT_COVARIATES = ("age", "sex", "gender", "site")
"""Columns that are used if participants.tsv has them. Not the diagnostic group: it is a judgement itself."""

CATEGORIES = frozenset(
    {"sex", "gender", "site", "center", "centre", "group", "diagnosis", "camera", "handedness"}
)
"""Columns that are categories even if they are written as numbers; compared without letter case."""

_OWN = ("participant_id", "participant_original")


def read_covariates(
    study: Study | Path | str,
    groups: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
) -> Design:
    """Read covariates of participants for each session.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    groups : sequence of shape (n_sessions,)
        Participant of each session, ``sub-<label>``.
    columns : sequence of str, optional
        Columns of participants.tsv, without regard to letter case; each must be there. By default those of
        :data:`DEFAULT_COVARIATES` that are.
    categorical : sequence of str
        Further columns that are categories although they hold numbers.

    Returns
    -------
    Design
        Without columns if participants.tsv is absent or has none of the default ones. A participant who is
        not in the table has every value missing; how missing values enter is told at
        :func:`make_design_table`, and ``n_missing`` counts sessions.

    Raises
    ------
    StudyError
        If participants.tsv is not usable, or absent although columns were asked for.
    RegressionError
        If a column is absent, or no usable covariate.
    """
    table = participant_columns(study, groups, columns=columns)
    named = {name.casefold() for name in categorical} | CATEGORIES
    unknown = [name for name in categorical if name.casefold() not in {c.casefold() for c in table.columns}]
    if unknown:
        raise RegressionError(
            "A categorical covariate must be one of the covariates",
            found=", ".join(unknown),
            hint=did_you_mean(unknown[0], list(map(str, table.columns))),
        )
    age = next((c for c in table.columns if c.casefold() == "age"), None)
    if age is not None and "age" not in named and not pd.api.types.is_numeric_dtype(table[age]):
        unreadable = pd.to_numeric(table[age], errors="coerce").isna() & table[age].notna()
        raise RegressionError(
            "Ages must be numbers",
            found=", ".join(map(repr, table.loc[unreadable, age].unique()[:3])),
            where=Study.of(study).participants_tsv,
            hint="Write years as a number, or leave the column out with a list of covariates.",
        )
    return make_design_table(table, categorical=[c for c in table.columns if c.casefold() in named])


def participant_columns(
    study: Study | Path | str,
    groups: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    what: str = "A covariate",
) -> pd.DataFrame:
    """Return columns of participants.tsv for each session, such as the site for a split or a stratum.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    groups : sequence of shape (n_sessions,)
        Participant of each session, ``sub-<label>``.
    columns : sequence of str, optional
        As :func:`read_covariates`.
    what : str
        What a column is here, for errors.

    Returns
    -------
    DataFrame of shape (n_sessions, n_columns)
        Named as in the file. Missing where the participant is not in the table.

    Raises
    ------
    StudyError, RegressionError
        As :func:`read_covariates`.
    """
    place = Study.of(study)
    index = pd.RangeIndex(len(groups))
    if columns is None and not place.participants_tsv.exists():
        return pd.DataFrame(index=index)
    people = read_participants(place)
    there = {str(name).casefold(): str(name) for name in people.columns if name not in _OWN}
    if columns is None:
        chosen = [there[name] for name in DEFAULT_COVARIATES if name in there]
    else:
        for name in columns:
            if name.casefold() not in there:
                raise RegressionError(
                    f"{what} must be a column of participants.tsv",
                    found=name,
                    where=place.participants_tsv,
                    hint=did_you_mean(name, there.values()),
                )
        chosen = list(dict.fromkeys(there[name.casefold()] for name in columns))
    rows = people.set_index("participant_id")[chosen].reindex(list(groups))
    return rows.set_index(index)
