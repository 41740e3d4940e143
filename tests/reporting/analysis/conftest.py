"""The analyses of the studies, each made once."""

import warnings
from collections.abc import Callable

import pytest

from emoclip_clinic.reporting.analysis import FitAnalysis, ReportSettings, analyse_fit
from tests.reporting.studies import ReportStudy

QUICK = ReportSettings(resamples=100, margin=0.2)


@pytest.fixture(scope="session")
def analysis_of(study_of: Callable[[str], ReportStudy]) -> Callable[[str], FitAnalysis]:
    """Give the analysis of the study of a recipe; no warning may escape from it."""
    made: dict[str, FitAnalysis] = {}

    def give(name: str) -> FitAnalysis:
        if name not in made:
            study = study_of(name)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                made[name] = analyse_fit(study.study, study.fit, settings=QUICK, cache=False)
        return made[name]

    return give
