"""The analysis of one fit: every number of its page, from what the study holds now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from emoclip_clinic import __version__
from emoclip_clinic.agreement.human_and_model import HumanStatistic
from emoclip_clinic.errors import EmoClipClinicError
from emoclip_clinic.regression.ledger import Role, count_analyses, read_ledger
from emoclip_clinic.reporting.analysis.cache import FrameCache
from emoclip_clinic.reporting.analysis.cohort import make_cohort
from emoclip_clinic.reporting.analysis.frames import frame_of, typed
from emoclip_clinic.reporting.analysis.main_table import item_table, model_table
from emoclip_clinic.reporting.analysis.pair_frames import (
    bland_altman_rows,
    calibration_rows,
    error_rows,
    line_row,
)
from emoclip_clinic.reporting.analysis.quality import quality_table
from emoclip_clinic.reporting.analysis.rater_tables import FitRaters, read_fit_raters
from emoclip_clinic.reporting.analysis.raters import RATER_FRAMES, Margin, each_item, rater_analysis
from emoclip_clinic.reporting.analysis.reading import FitTables, read_fit
from emoclip_clinic.reporting.analysis.records import (
    AUDIT_COLUMNS,
    BLAND_ALTMAN_COLUMNS,
    CALIBRATION_COLUMNS,
    CHANGE_COLUMNS,
    COMPARISON_COLUMNS,
    ERROR_COLUMNS,
    LEDGER_COLUMNS,
    PAIR_COLUMNS,
    QUALITY_COLUMNS,
    STATISTIC_COLUMNS,
    SUBGROUP_COLUMNS,
    FitAnalysis,
    Ledger,
    NullDistribution,
    Progress,
    RaterAnalysis,
    ReportSettings,
)
from emoclip_clinic.reporting.analysis.rules import fit_rules, raters_missing, raters_notes
from emoclip_clinic.reporting.analysis.sessions_over_time import change_table
from emoclip_clinic.reporting.analysis.statistics import all_statistics
from emoclip_clinic.reporting.analysis.subgroups import column_of, plain_level, subgroup_table
from emoclip_clinic.study.fit_settings import listed
from emoclip_clinic.study.investigator import (
    Preregistration,
    load_investigator_facts,
    read_preregistration,
)
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.participants import read_participants
from emoclip_clinic.study.status import StatusRow, build_status

__all__ = ["analyse_fit", "choose_margin"]


def analyse_fit(
    study: Study | Path | str,
    name: str,
    *,
    settings: ReportSettings | None = None,
    cache: bool = True,
    config: Path | None = None,
    progress: Progress | None = None,
) -> FitAnalysis:
    """Compute everything that a page about a fit shows.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    name : str
        Name of the fit's folder; see :func:`list_fits`.
    settings : ReportSettings, optional
        Level, resamples, seed and margin; identifiers are not masked here.
    cache : bool
        Keep finished frames under ``work/reports/<name>``, so that the next run takes seconds.
    config : Path, optional
        A further settings file, whose ``[study]`` table may name the preregistration.
    progress : callable, optional
        See :data:`Progress`.

    Returns
    -------
    FitAnalysis
        A part that cannot be made is empty, and ``missing`` says why; only an absent or damaged fit raises.

    Raises
    ------
    ReportError
        If there is no such fit.
    FormatError, ScaleError
        If its files or its scale cannot be read.
    StudyError
        If the cache cannot be written.
    """
    with threadpool_limits(limits=1):  # small products: threads of BLAS would wait for each other
        return _Analysis(
            Study.of(study), name, settings or ReportSettings(), cache, config, progress or _silent
        ).made()


def choose_margin(settings: ReportSettings, preregistration: Preregistration) -> Margin:
    """Choose the margin of non-inferiority.

    Parameters
    ----------
    settings : ReportSettings
        What was asked for.
    preregistration : Preregistration
        What was registered.

    Returns
    -------
    Margin
        Preregistered only if the file is verified, holds the margin, and nothing else was asked for. A
        preregistration that does not name the statistic means the default, CCC.
    """
    default: HumanStatistic = "CCC"
    registered = preregistration.margin if preregistration.verified else None
    statistic = preregistration.margin_statistic or default
    if registered is None:
        return Margin(settings.margin, settings.margin_statistic, prespecified=False)
    asked = settings.margin_statistic
    same = settings.margin in (None, registered) and asked in (default, statistic)
    if same:
        return Margin(registered, statistic, prespecified=True)
    return Margin(settings.margin or registered, asked, prespecified=False)


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


class _Analysis:
    """One run: what has been read, and what is missing."""

    def __init__(
        self,
        study: Study,
        name: str,
        settings: ReportSettings,
        cache: bool,
        config: Path | None,
        progress: Progress,
    ) -> None:
        self.study, self.settings, self.config, self.progress = study, settings, config, progress
        self.fit = read_fit(study, name)
        self.missing: dict[str, str] = {}
        self.cache = FrameCache(study.report_work(name) if cache else None)
        self.base = {
            "fit": self.fit.record["key"],
            "predictions": self.fit.sha256,
            "scale": self.fit.scale.model_dump(mode="json"),
            "resamples": settings.resamples,
            "confidence": settings.confidence,
            "seed": settings.seed,
        }
        self.participants = self._participants()
        self.group = self._group()

    def made(self) -> FitAnalysis:
        """Put the parts together."""
        fit, settings = self.fit, self.settings
        statistics, comparisons = self._statistics()
        status = self._status()
        preregistration = self._preregistration()
        raters = self._raters(choose_margin(settings, preregistration))
        analysis = FitAnalysis(
            name=fit.name,
            fit=fit.record,
            scale=fit.scale,
            target_kind=fit.record["target_kind"],
            settings=settings,
            created_utc=str(fit.record["written_utc"]),
            main_model=fit.main_model,
            models=fit.models,
            items=item_table(fit, statistics),
            by_model=model_table(fit, statistics),
            statistics=statistics,
            comparisons=comparisons,
            pairs=self._pairs(),
            bland_altman=self._bland_altman(),
            calibration=self._calibration(statistics),
            error_by_participant=self._errors(),
            subgroups=self._subgroups(),
            change=self._change(),
            null=self._null(),
            raters=raters,
            preregistration=preregistration,
            cohort=make_cohort(fit, status, participants=self.participants),
            quality=self._quality(status),
            sensitivity=fit.sensitivity,
            stability=fit.stability,
            ledger=self._ledger(),
            audit=_audit(fit.record),
            audit_passed=fit.record.get("audit", {}).get("passed"),
            has_groups=self.group is not None and len({one for one in self.group if one is not None}) > 1,
            group_table=_group_table(fit),
            rules=fit_rules(fit, settings),
            missing=self.missing,
            versions={**fit.record["versions"], "emoclip-clinic (report)": __version__},
        )
        for part, table in (
            ("sensitivity", fit.sensitivity),
            ("stability", fit.stability),
            ("null", fit.null),
        ):
            if table is None:
                self.missing[part] = f"the fit has no table of {_WORDS[part]}; run `emoclip-clinic fit` again"
        self.cache.tidy()
        return analysis

    def _participants(self) -> pd.DataFrame | None:
        found: pd.DataFrame | None = self._tried("participants", lambda: read_participants(self.study))
        return found

    def _group(self) -> NDArray[np.object_] | None:
        if self.participants is None:
            return None
        column = column_of(self.participants, "group")
        if column is None:
            return None
        known = self.participants.set_index("participant_id")[column]
        values = known.reindex(self.fit.sessions["participant_id"])
        labels: list[str | None] = [None if pd.isna(one) else plain_level(one) for one in values]
        return np.array([*labels, None], dtype=object)[:-1]

    def _status(self) -> tuple[StatusRow, ...]:
        return self._tried("status", lambda: build_status(self.study)) or ()

    def _tried(self, part: str, make: Callable[[], Any]) -> Any:
        """Make a part, or note why it cannot be made: other parts do not depend on it."""
        try:
            return make()
        except EmoClipClinicError as error:
            self.missing[part] = str(error)
            return None

    def _statistics(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        made: list[pd.DataFrame] = []

        def both() -> list[pd.DataFrame]:
            if not made:
                made.extend(
                    all_statistics(
                        self.fit,
                        settings=self.settings,
                        group=self.group,
                        progress=lambda done, total: self.progress("intervals", done, total),
                    )
                )
            return made

        made_of = {**self.base, "group": None if self.group is None else self.group.tolist()}
        return (
            self.cache.frame("statistics", STATISTIC_COLUMNS, made_of, make=lambda: both()[0]),
            self.cache.frame("comparisons", COMPARISON_COLUMNS, made_of, make=lambda: both()[1]),
        )

    def _pairs(self) -> dict[str, pd.DataFrame]:
        fit = self.fit
        mean = fit.predictions.get("mean")
        frames = {}
        for place, item in enumerate(fit.targets):
            prediction = fit.predictions[fit.main_model][0][:, place]
            frame = fit.sessions.assign(
                group=None if self.group is None else self.group,
                rating=fit.Y[:, place],
                prediction=prediction,
                baseline=np.nan if mean is None else mean[0][:, place],
                n_raters=fit.n_raters[:, place],
            )
            there = np.isfinite(fit.Y[:, place]) & np.isfinite(prediction)
            frames[item] = typed(frame[there], PAIR_COLUMNS)
        return frames

    def _bland_altman(self) -> pd.DataFrame:
        fit = self.fit
        own = fit.predictions[fit.main_model][0]
        return self.cache.frame(
            "bland_altman",
            BLAND_ALTMAN_COLUMNS,
            self.base,
            make=lambda: frame_of(
                (
                    row
                    for place, item in enumerate(fit.targets)
                    for row in bland_altman_rows(
                        item,
                        fit.Y[:, place],
                        own[:, place],
                        codes=fit.codes,
                        confidence=self.settings.confidence,
                    )
                ),
                BLAND_ALTMAN_COLUMNS,
            ),
        )

    def _calibration(self, statistics: pd.DataFrame) -> pd.DataFrame:
        fit, settings = self.fit, self.settings
        own = fit.predictions[fit.main_model][0]
        main = statistics[statistics["model"] == fit.main_model]

        def make() -> pd.DataFrame:
            rows = []
            for place, item in enumerate(fit.targets):
                rows.append(line_row(item, main[main["item"] == item]))
                rows += calibration_rows(
                    item,
                    fit.Y[:, place],
                    own[:, place],
                    codes=fit.codes,
                    confidence=settings.confidence,
                    n_resamples=settings.resamples,
                    seed=settings.seed,
                )
            return frame_of(rows, CALIBRATION_COLUMNS)

        return self.cache.frame("calibration", CALIBRATION_COLUMNS, self.base, make=make)

    def _errors(self) -> pd.DataFrame:
        fit = self.fit
        own = fit.predictions[fit.main_model]
        return frame_of(
            (
                row
                for place, item in enumerate(fit.targets)
                for row in error_rows(
                    item,
                    fit.Y[:, place],
                    own[:, :, place],
                    participants=fit.sessions["participant_id"].tolist(),
                    group=self.group,
                )
            ),
            ERROR_COLUMNS,
        )

    def _subgroups(self) -> pd.DataFrame:
        participants = self.participants
        if participants is None:
            return frame_of([], SUBGROUP_COLUMNS)
        content = participants.to_csv(index=False).encode()
        made_of = {**self.base, "participants": hashlib.sha256(content).hexdigest()}
        self.progress("subgroups", 0, 0)
        return self.cache.frame(
            "subgroups",
            SUBGROUP_COLUMNS,
            made_of,
            make=lambda: subgroup_table(self.fit, participants, settings=self.settings),
        )

    def _change(self) -> pd.DataFrame:
        return self.cache.frame(
            "change",
            CHANGE_COLUMNS,
            self.base,
            make=lambda: change_table(self.fit, settings=self.settings),
        )

    def _null(self) -> dict[str, NullDistribution]:
        table = self.fit.null
        if table is None:
            return {}
        p = self.fit.metrics.dropna(subset=["p"]).drop_duplicates("item").set_index("item")["p"]
        found = {}
        for item, rows in table[table["statistic"].isin(["skill", "r"])].groupby("item", sort=False):
            observed = rows[rows["permutation"] == 0]["value"]
            draws = rows[rows["permutation"] > 0]["value"].to_numpy(dtype=np.float64, na_value=np.nan)
            found[str(item)] = NullDistribution(
                statistic=str(rows["statistic"].iloc[0]),
                observed=float(observed.iloc[0]) if len(observed) else np.nan,
                draws=draws,
                p=float(p.get(item, np.nan)),
            )
        return found

    def _preregistration(self) -> Preregistration:
        def read() -> Preregistration:
            return read_preregistration(self.study, load_investigator_facts(self.study, config=self.config))

        found: Preregistration | None = self._tried("preregistration", read)
        return found or Preregistration(False, self.missing["preregistration"])

    def _raters(self, margin: Margin) -> RaterAnalysis:
        read: FitRaters | None = self._tried("raters", lambda: read_fit_raters(self.study, self.fit))
        if read is None:
            why = f"The raters cannot be told apart any more: {self.missing['raters']}"
            return rater_analysis((), "none", 0, {}, missing=(why,))
        made_of = {**self.base, "ratings": read.sha256, "margin": asdict(margin)}
        made: dict[str, list[dict[str, object]]] = {}

        def rows(name: str) -> list[dict[str, object]]:
            if not made:
                made.update(
                    each_item(
                        read.tables,
                        settings=self.settings,
                        margin=margin,
                        progress=lambda done, total: self.progress("raters", done, total),
                    )
                )
            return made.get(name, [])

        frames = {
            name: self.cache.frame(name, columns, made_of, make=_maker(rows, name, columns))
            for name, columns in RATER_FRAMES.items()
        }
        designs = frames["ceiling"]["design"].tolist()
        design = max(dict.fromkeys(designs), key=designs.count) if designs else "none"
        n_double = max((int((one.ratings.notna().sum(axis=1) >= 2).sum()) for one in read.tables), default=0)
        return rater_analysis(
            read.raters,
            design,
            n_double,
            frames,
            missing=raters_missing(read.raters, n_double, frames["verdicts"], margin),
            notes=raters_notes(self.fit, read),
        )

    def _quality(self, status: tuple[StatusRow, ...]) -> pd.DataFrame:
        tasks = listed(self.fit.record["settings"]["tasks"]) or None
        sessions = self.fit.sessions
        analysed = set(zip(sessions["participant_id"], sessions["session_id"], strict=True))
        made_of = {"status": [row.cells() for row in status], "fit": self.fit.sha256, "tasks": tasks}
        self.progress("video quality", 0, 0)
        table = self._tried(
            "quality",
            lambda: self.cache.frame(
                "quality",
                QUALITY_COLUMNS,
                made_of,
                make=lambda: quality_table(self.study, status, analysed=analysed, tasks=tasks),
            ),
        )
        return frame_of([], QUALITY_COLUMNS) if table is None else table

    def _ledger(self) -> Ledger:
        entries = self._tried("ledger", lambda: read_ledger(self.study)) or ()
        own = self.fit.record["data_sha256"]["ratings"]
        entries = [one for one in entries if one.scale == self.fit.scale.name]
        n_own = count_analyses(entries, ratings_sha256=own)
        return Ledger(
            n_analyses=n_own,
            n_fits=len({one.fit for one in entries if one.ratings_sha256 == own}),
            n_other_ratings=count_analyses([one for one in entries if one.ratings_sha256 != own]),
            entries=frame_of(
                ({**vars(one), "same_ratings": one.ratings_sha256 == own} for one in entries), LEDGER_COLUMNS
            ),
            n_sensitivity=count_analyses(entries, ratings_sha256=own, roles=_OTHER_CHOICES),
        )


_OTHER_CHOICES: tuple[Role, ...] = ("sensitivity",)

_WORDS = {
    "sensitivity": "other choices (sensitivity.tsv)",
    "stability": "refits (stability.tsv)",
    "null": "permutations (null.parquet)",
}


def _maker(
    rows: Callable[[str], list[dict[str, object]]], name: str, columns: Mapping[str, str]
) -> Callable[[], pd.DataFrame]:
    return lambda: frame_of(rows(name), columns)


def _audit(record: Mapping[str, Any]) -> pd.DataFrame:
    """The audit for leaks, one row for each check."""
    rows = []
    for name, check in record.get("audit", {}).get("checks", {}).items():
        violations = list(check["violations"])
        said = [check["rule"], f"Checked: {check['checked']}.", *violations, *check["notes"]]
        rows.append({"check": name, "passed": not violations, "detail": " ".join(map(str, said))})
    return frame_of(rows, AUDIT_COLUMNS)


def _group_table(fit: FitTables) -> pd.DataFrame | None:
    if fit.by_group is None:
        return None
    return fit.by_group[fit.by_group["model"] == fit.main_model].reset_index(drop=True)
