"""Marks stand where the numbers are: px are turned back into values through the tick labels."""

import re

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.reporting import figures
from emoclip_clinic.reporting.figures import Measure
from emoclip_clinic.reporting.figures.points import jitter
from tests.reporting.figures import examples
from tests.reporting.figures.examples import LIMITS, LINE, N1, TOTAL
from tests.reporting.figures.svg_reading import SVG, Drawn, expected_points

PX = 0.11  # coordinates have one decimal, and tick labels are where their ticks are to as much


def line_of(drawn: Drawn, role: str) -> np.ndarray:
    """Both ends of the straight lines of a role outside the parts, in px."""
    ends = []
    for path in drawn.root.iter(f"{SVG}path"):
        found = re.fullmatch(r"M(-?[\d.]+) (-?[\d.]+)L(-?[\d.]+) (-?[\d.]+)", path.get("d", ""))
        if found and path.get("class") == f"fig-s-{role}":
            ends.append([float(one) for one in found.groups()])
    return np.array(ends).reshape(-1, 2, 2)


def assert_at(drawn: Drawn, part: str, x: np.ndarray, y: np.ndarray, *, axes: str = "") -> None:
    """All marks of a part lie within a tenth of a px of their values."""
    horizontal, vertical = drawn.scale(f"{axes}x-ticks"), drawn.scale(f"{axes}y-ticks")
    seen = drawn.points(part)
    values = np.stack([horizontal.value(seen[:, 0]), vertical.value(seen[:, 1])], axis=1)
    unit = np.array([horizontal.px_per_unit, vertical.px_per_unit])
    expected = expected_points(x * unit[0], y * unit[1]) / unit
    order = np.lexsort((np.round(values[:, 1] * unit[1]), np.round(values[:, 0] * unit[0])))
    wanted = np.lexsort((np.round(expected[:, 1] * unit[1]), np.round(expected[:, 0] * unit[0])))
    assert len(values) == len(expected)
    # Each mark has its own value: compare as sets, because rounding can turn the order of close marks.
    distance = np.abs((values[order][:, None] - expected[wanted][None]) * unit).max(axis=2)
    assert distance.min(axis=1).max() < 2 * PX
    assert distance.min(axis=0).max() < 2 * PX


@pytest.mark.parametrize(("measure", "low", "high"), [(N1, 1, 7), (TOTAL, 30, 210)])
def test_scatter_has_predictions_across_and_jittered_ratings_up(
    measure: Measure, low: float, high: float
) -> None:
    data = examples.pairs(low=low, high=high)
    moved, most = jitter(data["rating"].to_numpy(), seed=3)
    assert 0 < most <= 0.16
    assert np.abs(moved - data["rating"]).max() <= most
    for grouped in (data, data.drop(columns="group")):
        drawn = Drawn(figures.scatter(grouped, measure, line=LINE, seed=3).svg)
        assert_at(drawn, "points", data["prediction"].to_numpy(), moved)


def test_scatter_draws_identity_and_the_calibration_line_over_the_predictions() -> None:
    data = examples.pairs()
    drawn = Drawn(figures.scatter(data, N1, line=LINE).svg)
    x, y = drawn.scale("x-ticks"), drawn.scale("y-ticks")
    identity = line_of(drawn, "reference")[-1]  # the other one is in the legend
    np.testing.assert_allclose(y.value(identity[:, 1]), x.value(identity[:, 0]), atol=0.01)
    line = line_of(drawn, "line")[-1]
    np.testing.assert_allclose(y.value(line[:, 1]), 0.7 + 0.8 * x.value(line[:, 0]), atol=0.01)
    ends = [data["prediction"].min(), data["prediction"].max()]
    np.testing.assert_allclose(x.value(line[:, 0]), ends, atol=0.01)


def test_bland_altman_draws_differences_over_means_and_its_limits() -> None:
    data = examples.pairs()
    drawn = Drawn(figures.bland_altman_plot(data, N1, limits=LIMITS).svg)
    mean = (data["rating"] + data["prediction"]).to_numpy() / 2
    assert_at(drawn, "points", mean, (data["prediction"] - data["rating"]).to_numpy())
    y = drawn.scale("y-ticks")
    levels = y.value(line_of(drawn, "line")[-2:, 0, 1])
    np.testing.assert_allclose(sorted(levels), [LIMITS["lower"], LIMITS["upper"]], atol=0.01)
    np.testing.assert_allclose(y.value(line_of(drawn, "model")[-1, :, 1]), LIMITS["bias"], atol=0.01)
    bands = [
        sorted(y.value(np.array([float(r.get("y")), float(r.get("y")) + float(r.get("height"))])))
        for r in drawn.root.iter(f"{SVG}rect")
    ]
    wanted = [[LIMITS[f"{name}_low"], LIMITS[f"{name}_high"]] for name in ("bias", "lower", "upper")]
    np.testing.assert_allclose(sorted(bands), sorted(wanted), atol=0.02)


def test_points_of_two_ordinal_raters_are_moved_apart_and_single_ones_are_not() -> None:
    data = examples.pairs()
    data["prediction"] = data["rating"].to_numpy()[::-1]
    figure = figures.bland_altman_plot(data, N1, limits=LIMITS, of_model=False)
    assert "jittered" in figure.caption
    assert "calibrated model" not in figure.caption
    assert len(np.unique(Drawn(figure.svg).points(), axis=0)) > 60
    assert "jittered" not in figures.bland_altman_plot(examples.pairs(), N1, limits=LIMITS).caption


def test_calibration_draws_bins_and_one_stroke_per_prediction() -> None:
    data = examples.pairs()
    table = examples.calibration(data)
    drawn = Drawn(figures.calibration_plot(data, N1, calibration=table).svg)
    bins = table[table["bin"] >= 0]
    assert_at(drawn, "bins", bins["mean_prediction"].to_numpy(), bins["mean_rating"].to_numpy())
    strokes = drawn.points("rug")[:, 0]
    x = drawn.scale("x-ticks")
    assert np.abs(np.sort(data["prediction"]) - x.value(strokes)).max() * x.px_per_unit < 2 * PX


def bars_of(drawn: Drawn, role: str) -> list[tuple[float, float, float]]:
    """Middle, bottom and top of every bar of a role in px."""
    pattern = re.compile(r"M([\d.]+) ([\d.]+)(?:H([\d.]+)V([\d.]+)|V([\d.]+)H([\d.]+))")
    bars = []
    for path in drawn.part("bars").iter(f"{SVG}path"):
        if path.get("class") == f"fig-f-{role}":
            for left, bottom, right, top, other_top, other_right in pattern.findall(path.get("d", "")):
                middle = (float(left) + float(right or other_right)) / 2
                bars.append((middle, float(bottom), float(top or other_top)))
    return bars


@pytest.mark.parametrize("observed", [0.15, 0.004, -0.9])
def test_null_distribution_counts_every_draw_once_on_its_side_of_the_observed_value(observed: float) -> None:
    draws = np.random.default_rng(0).normal(0, 0.1, 999)
    drawn = Drawn(figures.null_distribution(draws, N1, observed=observed, p=0.06).svg)
    x, y = drawn.scale("x-ticks"), drawn.scale("y-ticks")
    for role, own in (("reference", draws[draws < observed]), ("human", draws[draws >= observed])):
        bars = bars_of(drawn, role)
        heights = [float(y.value(top) - y.value(bottom)) for _, bottom, top in bars]
        assert sum(heights) == pytest.approx(len(own), abs=0.1 / y.px_per_unit * 2 * max(len(bars), 1))
        middles = x.value(np.array([middle for middle, _, _ in bars]))
        expected = np.average(middles, weights=heights) if bars else np.nan
        assert expected == pytest.approx(own.mean() if len(own) else np.nan, abs=0.01, nan_ok=True)
    np.testing.assert_allclose(x.value(line_of(drawn, "model")[-1, :, 0]), observed, atol=0.005)


def test_bars_of_ratings_are_counts_of_all_steps_of_the_scale() -> None:
    ratings = np.array([1, 1, 1, 2, 2.5, 5, 5, np.nan])
    figure = figures.rating_distribution(ratings, N1)
    drawn = Drawn(figure.svg)
    x, y = drawn.scale("x-ticks"), drawn.scale("y-ticks")
    counts = {
        round(float(x.value(middle))): round(float(y.value(top)), 1)
        for middle, _, top in bars_of(drawn, "human")
    }
    assert counts == pytest.approx({1: 3, 2: 1, 3: 1, 5: 2}, abs=0.05)
    assert "1: 3; 2: 1; 3: 1; 4: 0; 5: 2; 6: 0; 7: 0" in figure.alt
    assert "At the lowest possible rating: 43 %; at the highest: 0 %." in figure.caption
    assert "1 session without a rating." in figure.caption
    assert "1 session between two steps" in figure.caption


def test_confusion_matrix_rounds_halves_up_and_stays_inside_the_scale() -> None:
    data = pd.DataFrame({"rating": [1, 2.5, 7, 7], "prediction": [-3.0, 2.49, 6.5, 9.0]})
    figure = figures.confusion_matrix(data, N1)
    assert "rated 1: 1 predicted 1; rated 3: 1 predicted 2; rated 7: 2 predicted 7" in figure.alt
    assert "75 % on the same step, 100 % at most one step apart" in figure.alt
    cells = list(Drawn(figure.svg).part("cells"))
    assert len(cells) == 3


def test_forest_puts_estimates_and_intervals_on_the_axis_and_marks_what_leaves_it() -> None:
    table = examples.items()
    figure = figures.forest(table, baseline="covariates_skill", baseline_text="covariates")
    drawn = Drawn(figure.svg)
    x = drawn.scale("x-ticks")
    centres = []
    for path in drawn.part("marks").iter(f"{SVG}path"):
        if "h0" in path.get("d", ""):
            centres.append(float(re.match(r"M([\d.]+)", path.get("d", "")).group(1)))
    expected = table["skill"].dropna().to_numpy()
    np.testing.assert_allclose(np.sort(x.value(np.array(centres))), np.sort(expected), atol=0.005)
    assert "An arrow marks" in figure.caption
    assert "0.12 (\N{MINUS SIGN}0.03 to 9.00)" in figure.alt


def test_rows_of_a_forest_are_in_the_order_of_their_labels() -> None:
    table = examples.items()
    drawn = Drawn(figures.forest(table).svg)
    texts = drawn.texts
    assert texts.index("Items") < texts.index("Item 0") < texts.index("Scores") < texts.index("Item 4")


def test_participants_are_sorted_by_mean_error() -> None:
    data = examples.pairs(n=24, people=12)
    table = examples.errors(data)
    drawn = Drawn(figures.error_by_participant(table, N1, pairs=data).svg)
    x = drawn.scale("x-ticks")
    ends = [float(right) for d in drawn.paths("bars") for right in re.findall(r"H([\d.]+)", d)]
    np.testing.assert_allclose(x.value(np.array(ends)), np.sort(table["bias"])[::-1], atol=0.01)
    expected = table.sort_values("bias", ascending=False)["participant_id"].tolist()
    assert [text for text in drawn.texts if text.startswith("sub-")] == expected
    seen = np.sort(x.value(drawn.points()[:, 0]))
    np.testing.assert_allclose(seen, np.sort(data["prediction"] - data["rating"]), atol=0.01)


def test_many_participants_are_all_drawn_without_names() -> None:
    data = examples.pairs(n=120, people=60)
    table = examples.errors(data)
    figure = figures.error_by_participant(table, N1, pairs=data)
    drawn = Drawn(figure.svg)
    y = drawn.scale("y-ticks")
    tops = [float(top) for d in drawn.paths("bars") for top in re.findall(r"V([\d.]+)", d)]
    np.testing.assert_allclose(y.value(np.array(tops)), np.sort(table["bias"])[::-1], atol=0.02)
    assert not any(text.startswith("sub-") for text in drawn.texts)
    worst = table.sort_values("bias", ascending=False)["participant_id"].iloc[0]
    assert worst in figure.caption


def test_quality_draws_every_session_in_order() -> None:
    table = examples.quality()
    drawn = Drawn(figures.data_quality(table).svg)
    x = drawn.scale("brightness-x-ticks")
    usable = table["decoded_s"] * table["coverage"] / 60
    for part, values in (
        ("coverage", table["coverage"]),
        ("usable", usable),
        ("brightness", table["brightness"]),
    ):
        y, seen = drawn.scale(f"{part}-y-ticks"), drawn.points(f"{part}-points")
        np.testing.assert_allclose(x.value(seen[:, 0]), np.arange(30) + 1, atol=0.05)
        assert np.abs(y.value(seen[:, 1]) - values).max() * y.px_per_unit < 2 * PX


def test_human_and_model_are_on_one_axis_and_the_margin_on_that_of_the_difference() -> None:
    table = examples.comparison()
    drawn = Drawn(figures.human_beside_model(table, title="N1", margin=0.1).svg)
    x = drawn.scale("agreement-x-ticks")
    seen = []
    for path in drawn.part("agreement-marks").iter(f"{SVG}path"):
        if "h0" in path.get("d", ""):
            kind = path.get("class").removeprefix("fig-s-")
            seen.append((kind, float(x.value(float(re.match(r"M([\d.]+)", path.get("d", "")).group(1))))))
    expected = [("human", 0.72), ("model", 0.51), ("human", 0.68), ("model", 0.42)]
    assert [kind for kind, _ in seen] == [kind for kind, _ in expected]
    np.testing.assert_allclose([v for _, v in seen], [v for _, v in expected], atol=0.005)
    difference = drawn.scale("difference-x-ticks")
    margin = line_of(drawn, "human")[-1]
    np.testing.assert_allclose(difference.value(margin[:, 0]), -0.1, atol=0.005)


def test_flow_shows_every_step_and_every_exclusion_with_its_numbers() -> None:
    steps, lost = examples.flow()
    figure = figures.cohort_flow(steps, lost)
    texts = Drawn(figure.svg).texts
    for _, step in steps.iterrows():
        assert step["label"] in texts
        assert f"{step['n_participants']} participants" in texts
        assert f"{step['n_sessions']} sessions" in texts
    assert texts.index("no video") < texts.index("no face was found") < texts.index("With video")
    assert (
        "With video: 60 participants, 131 sessions (left out before: no video: 7 participants, 18 sessions;"
        in (figure.alt)
    )


def test_a_long_name_keeps_the_identifier_at_its_end() -> None:
    long = "Passive/apathetic social withdrawal and lack of spontaneity in the interview"
    table = examples.items().assign(label=[f"{long} (n{k})" for k in range(5)])
    shown = [text for text in Drawn(figures.forest(table).svg).texts if text.startswith("Passive")]
    assert [text[-5:] for text in shown] == [f" (n{k})" for k in range(5)]
    rows = examples.comparison()
    texts = Drawn(
        figures.human_beside_model(rows, title="N4", labels=[f"{long} (n4)", "short (g1)"]).svg
    ).texts
    first = next(k for k, text in enumerate(texts) if text.startswith("Passive"))
    assert texts[first + 1].endswith("(n4)")
    assert "short (g1)" in texts
