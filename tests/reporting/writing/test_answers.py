"""The short answer: about what was planned, hedged where numbers are weak, never more than they say."""

import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from emoclip_clinic.reporting.analysis import FitAnalysis, analyse_fit
from emoclip_clinic.reporting.writing.answers import headline_items, short_answer
from emoclip_clinic.reporting.writing.methods import methods_of_fit
from emoclip_clinic.study.report_settings import ReportSettings
from tests.reporting.studies import ReportStudy


@pytest.fixture(scope="module")
def analysis(study_of: Callable[[str], ReportStudy]) -> FitAnalysis:
    one = study_of("twelve")
    return analyse_fit(one.study, one.fit, settings=ReportSettings(resamples=200), cache=False)


def changed(analysis: FitAnalysis, **values: object) -> FitAnalysis:
    """The analysis with other values in the row of the answer."""
    items = analysis.items.copy()
    for name, value in values.items():
        items.loc[items["item"] == "exp", name] = value
    return replace(analysis, items=items)


def test_it_speaks_of_what_was_planned_and_never_of_the_best(analysis: FitAnalysis) -> None:
    assert headline_items(analysis) == ("exp",)
    planned = replace(analysis, items=analysis.items.assign(role="exploratory"))
    planned.items.loc[planned.items["item"] == "cains12", "role"] = "primary"
    assert headline_items(planned) == ("cains12",)
    assert "exploratory" not in short_answer(planned)
    assert "exploratory" in short_answer(analysis)


def test_no_evidence_is_not_called_evidence_of_none(analysis: FitAnalysis) -> None:
    answer = short_answer(changed(analysis, p=0.4))
    assert "no evidence of a relation (p 0.400). That is no evidence that there is none." in answer
    assert "Chance alone" not in answer


def test_a_small_p_says_nothing_about_the_reason(analysis: FitAnalysis) -> None:
    answer = short_answer(changed(analysis, p=0.0001, skill=0.4))
    assert "(permutation p below 0.001)" in answer
    assert "the test does not tell whether expression, or age, the room or the camera is the reason" in answer


def test_an_untested_target_says_so(analysis: FitAnalysis) -> None:
    assert "It was not tested against chance." in short_answer(changed(analysis, p=math.nan))


def test_a_wide_interval_is_told_and_a_narrow_one_is_not(analysis: FitAnalysis) -> None:
    wide = short_answer(changed(analysis, pearson_r=0.4, pearson_r_low=-0.1, pearson_r_high=0.8))
    assert "The interval of r is wide: it holds values from \N{MINUS SIGN}0.10 to 0.80" in wide
    narrow = short_answer(changed(analysis, pearson_r=0.4, pearson_r_low=0.3, pearson_r_high=0.5))
    assert "wide" not in narrow


def test_a_negative_r_of_leaving_out_is_explained(analysis: FitAnalysis) -> None:
    answer = short_answer(changed(analysis, pearson_r=-0.9, mean_r=-1.0, skill=0.0))
    assert (
        "The negative r is no inverse relation: the mean predictor alone has an r of \N{MINUS SIGN}1.00"
        in answer
    )


def test_a_baseline_that_does_as_well_is_named(analysis: FitAnalysis) -> None:
    answer = short_answer(changed(analysis, skill=0.3, camera_skill=0.35, covariates_skill=0.1))
    assert "A model without any expression does at least as well here" in answer
    assert "descriptors of the camera (0.35)" in answer
    assert "covariates such as age" not in answer


@pytest.mark.parametrize(
    ("n", "said"), [(12, "read all of it as a pilot"), (30, "30 participants are few"), (60, "")]
)
def test_few_participants_are_told(analysis: FitAnalysis, n: int, said: str) -> None:
    answer = short_answer(changed(analysis, n_participants=n))
    assert said in answer
    assert ("pilot" in answer or "are few" in answer) == bool(said)


def test_an_undefined_skill_is_told_and_stops_there(analysis: FitAnalysis) -> None:
    answer = short_answer(changed(analysis, skill=math.nan, note="all ratings are equal"))
    assert "skill is not defined: all ratings are equal." in answer


def test_no_answer_speaks_of_new_patients_or_of_equality(analysis: FitAnalysis) -> None:
    for one in (analysis, changed(analysis, p=0.9), changed(analysis, p=0.001, skill=0.5)):
        assert not [
            words for words in ("new patients", "as good as", "equal", "prove") if words in short_answer(one)
        ]


def test_each_primary_target_has_its_own_verdict_with_margin_and_origin(analysis: FitAnalysis) -> None:
    items = analysis.items.assign(role="exploratory")
    items.loc[items["item"].isin(["cains10", "exp"]), "role"] = "primary"
    verdicts = pd.DataFrame(
        {
            "item": ["cains10", "exp"],
            "statistic": "CCC",
            "margin": 0.1,
            "margin_origin": "margin chosen at analysis",
            "lower_limit": [math.nan, -0.05],
            "verdict": ["none", "non-inferior"],
            "reason": ["no interval", ""],
            "wording": ["No verdict is given.", "It is no worse."],
        }
    )
    two = replace(analysis, items=items, raters=replace(analysis.raters, verdicts=verdicts))
    answer = short_answer(two)
    assert answer.count("On sessions with several raters of ") == 2
    first, second = (answer.index(f"raters of {name}") for name in ("Facial expression", "Expression"))
    assert first < second < answer.index("The margin is 0.10 (margin chosen at analysis). It is no worse.")
    assert "No verdict is given" not in answer


def test_analyses_under_other_choices_are_counted_beside_the_others(analysis: FitAnalysis) -> None:
    n = analysis.ledger.n_analyses
    assert f"{n} analyses of these ratings have been tried in this study." in short_answer(analysis)
    more = replace(analysis, ledger=replace(analysis.ledger, n_sensitivity=35))
    assert f"{n} analyses of these ratings have been tried in this study, and 35 more" in short_answer(more)


def test_r_within_diagnostic_groups_comes_before_pooled_r(analysis: FitAnalysis) -> None:
    values = {"pearson_r": 0.7, "pearson_r_within_groups": 0.2}
    answer = short_answer(changed(analysis, **values))
    assert answer.index("Pearson r of 0.20") < answer.index("Pearson r of 0.70")
    without = short_answer(replace(changed(analysis, **values), has_groups=False))
    assert "diagnostic groups" not in without
    assert "Pearson r of 0.70" in without


def test_methods_name_versions_parameters_and_cite_what_they_use(analysis: FitAnalysis) -> None:
    methods = methods_of_fit(analysis)
    text = methods.markdown
    assert "leave-one-participant-out" in text
    assert "99 random exchanges" in text
    assert f"numpy {analysis.versions['numpy']}" in text
    assert "[@foteinopoulou2024]" in text
    assert "95 % intervals come from 200 bootstrap resamples" in text
    assert "Each rater, and the model in this rater's place, was compared with" in text
    assert "Non-inferiority" not in text
    assert {one.key for one in methods.citations} >= {"kring2013", "lin1989", "westfall1993"}
    assert not any("@" in paragraph for paragraph in methods.numbered.values())
