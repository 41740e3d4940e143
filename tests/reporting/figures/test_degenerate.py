"""Few points, missing and constant numbers, nothing at all: a figure is right, or says why it is empty."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.reporting import figures
from emoclip_clinic.reporting.figures import Figure, Measure
from tests.reporting.figures import examples
from tests.reporting.figures.examples import LIMITS, LINE, N1, TOTAL
from tests.reporting.figures.svg_reading import Drawn

FREE = Measure("free", "Without a range", unit="")


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def odd_pairs() -> dict[str, pd.DataFrame]:
    usual = examples.pairs(12, people=6)
    return {
        "none": usual.iloc[:0],
        "one": usual.iloc[:1],
        "two": usual.iloc[:2],
        "all missing": usual.assign(rating=np.nan),
        "missing as None": usual.assign(prediction=[None, *usual["prediction"][1:]]),
        "nullable": usual.astype({"rating": "Float64"}).assign(group=pd.NA),
        "infinite": usual.assign(prediction=[np.inf, -np.inf, *usual["prediction"][2:]]),
        "constant rating": usual.assign(rating=1.0),
        "constant prediction": usual.assign(prediction=3.3),
        "constant both": usual.assign(rating=2.0, prediction=2.0),
        "nearly constant": usual.assign(prediction=3.3 + np.arange(12) * 1e-14),
        "huge": usual.assign(prediction=usual["prediction"] * 1e9),
        "tiny": usual.assign(rating=usual["rating"] * 1e-9, prediction=usual["prediction"] * 1e-9),
        "outside the scale": usual.assign(prediction=usual["prediction"] - 40),
        "one participant": usual.assign(participant_id="sub-1"),
        "numbers as identifiers": usual.assign(participant_id=np.arange(12) // 2),
        "many groups": usual.assign(group=[f"g{k}" for k in range(12)]),
        "no group known": usual.assign(group=None),
    }


def drawn_by(kind: str) -> Callable[[pd.DataFrame, Measure], Figure]:
    def calibration(data: pd.DataFrame, measure: Measure) -> Figure:
        finite = np.isfinite(data["prediction"].astype(float))
        can_bin = finite.all() and data["prediction"].nunique() > 2
        table = examples.calibration(data, bins=2) if can_bin else LINE_ONLY
        return figures.calibration_plot(data, measure, calibration=table)

    return {
        "scatter": lambda data, measure: figures.scatter(data, measure, line=LINE),
        "bland-altman": lambda data, measure: figures.bland_altman_plot(data, measure, limits=LIMITS),
        "calibration": calibration,
        "ratings": lambda data, measure: figures.rating_distribution(data["rating"], measure),
        "participants": lambda data, measure: figures.error_by_participant(
            examples.errors(data.dropna(subset=["rating", "prediction"])), measure, pairs=data
        ),
        "confusion": figures.confusion_matrix,
    }[kind]


LINE_ONLY = pd.DataFrame([{"bin": -1, "n": 12, **LINE, "in_the_large": 0.1, "flag": ""}])
KINDS = ("scatter", "bland-altman", "calibration", "ratings", "participants", "confusion")


@pytest.mark.parametrize("measure", [N1, TOTAL, FREE], ids=lambda measure: measure.name)
@pytest.mark.parametrize("data", odd_pairs().values(), ids=odd_pairs())
@pytest.mark.parametrize("kind", KINDS)
def test_odd_data_give_a_figure(kind: str, data: pd.DataFrame, measure: Measure) -> None:
    figure = drawn_by(kind)(data, measure)
    Drawn(figure.svg)
    assert figure.alt
    assert figure.caption
    for text in (figure.svg, figure.alt, figure.caption):
        assert "nan" not in text.replace("nan-", "").lower().split()
    assert not {"nan", "inf"} & set(figure.svg.replace('"', " ").replace("M", " ").split())


@pytest.mark.parametrize("kind", ["scatter", "bland-altman", "calibration", "confusion"])
def test_without_pairs_the_figure_says_so(kind: str) -> None:
    figure = drawn_by(kind)(examples.pairs().iloc[:0], N1)
    assert "No session has both a rating and a prediction." in figure.caption
    assert "No session has both a rating and a prediction." in Drawn(figure.svg).texts


def test_rows_with_a_missing_number_are_not_drawn_and_not_counted() -> None:
    data = examples.pairs(10, people=5)
    data.loc[[2, 3], "prediction"] = np.nan
    figure = figures.scatter(data, N1)
    assert len(Drawn(figure.svg).points()) == 8
    assert "8 sessions" in figure.caption


def test_lines_that_are_not_defined_are_left_out_of_figure_and_words() -> None:
    data = examples.pairs()
    scatter = figures.scatter(data, N1, line={"slope": np.nan, "intercept": np.nan})
    assert "calibration line" not in Drawn(scatter.svg).texts
    assert "egression" not in scatter.caption
    plot = figures.bland_altman_plot(data, N1, limits={"bias": np.nan, "lower": None, "upper": pd.NA})
    assert "bias" not in Drawn(plot.svg).texts
    assert "Bias and limits of agreement are not defined." in plot.alt


def test_a_calibration_without_a_line_says_why() -> None:
    table = pd.DataFrame(
        [{"bin": -1, "n": 3, "slope": np.nan, "intercept": np.nan, "flag": "constant column"}]
    )
    figure = figures.calibration_plot(examples.pairs(3), N1, calibration=table)
    assert "There is no calibration to draw: constant column." in figure.caption


@pytest.mark.parametrize(
    ("draws", "observed"),
    [([0.1], 0.2), ([0.1] * 50, 0.1), ([0.1, np.nan, 0.3], np.nan), (np.linspace(-1, 1, 9999), -5.0)],
)
def test_odd_null_distributions(draws: list[float], observed: float) -> None:
    figure = figures.null_distribution(draws, N1, observed=observed)
    Drawn(figure.svg)
    assert ("not defined" in figure.alt) == (not np.isfinite(observed) or "p not defined" in figure.alt)


def test_permutations_without_a_value_count_as_reaching_the_observed_one() -> None:
    figure = figures.null_distribution([0.0, 0.5, np.nan], N1, observed=0.4)
    assert "2 of 3 permutations reach it" in figure.alt
    assert "1 permutation without a defined value" in figure.caption
    nothing = figures.null_distribution([np.nan, np.nan], N1, observed=0.4)
    assert "No permutation gave a value that is defined." in nothing.caption


def test_tables_without_rows_or_numbers_give_a_figure_that_says_so() -> None:
    steps, lost = examples.flow()
    empty = [
        figures.forest(examples.items().iloc[:0]),
        figures.forest(examples.items().assign(skill=np.nan)),
        figures.human_beside_model(examples.comparison().iloc[:0], title="N1"),
        figures.cohort_flow(steps.iloc[:0], lost.iloc[:0]),
        figures.data_quality(examples.quality().iloc[:0]),
        figures.data_quality(examples.quality().assign(coverage=np.nan, brightness=None)),
        figures.sensitivity(examples.choices().iloc[:0], N1),
        figures.stability(examples.subsamples().iloc[:0]),
        figures.error_by_participant(examples.errors(examples.pairs()).iloc[:0], N1),
        figures.rating_distribution([], N1),
    ]
    for figure in empty:
        assert figure.height_px < 150, figure.name
        assert "points" not in figure.svg
        assert figure.alt.endswith(".")


def test_a_wide_scale_has_no_confusion_matrix() -> None:
    figure = figures.confusion_matrix(examples.pairs(low=30, high=210), TOTAL)
    assert "181 steps, too many" in figure.caption


def test_one_session_of_one_participant() -> None:
    for figure in (
        figures.data_quality(examples.quality(1)),
        figures.error_by_participant(examples.errors(examples.pairs(1)), N1, pairs=examples.pairs(1)),
        figures.stability(examples.subsamples().iloc[:1]),
    ):
        Drawn(figure.svg)
    assert "1 session of 1 participant" in figures.scatter(examples.pairs(1), N1).caption


def test_a_flow_without_exclusions_and_with_unknown_numbers() -> None:
    steps, lost = examples.flow()
    steps.loc[1, "n_sessions"] = np.nan
    figure = figures.cohort_flow(steps, lost.iloc[:0])
    assert "With video: 60 participants." in figure.alt


def test_identical_identifiers_do_not_hide_each_other() -> None:
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-1", None], "bias": [0.5, -0.5, 0.1]})
    figure = figures.error_by_participant(table, N1)
    assert Drawn(figure.svg).texts.count("sub-1") == 2
    assert "not known" in Drawn(figure.svg).texts
