"""Scores follow from items by their formula, and are missing where an item is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.scales import Item, Proration, Reference, Scale, Score, load_scale, scale_scores


def toy(proration: Proration | None = None) -> Scale:
    return Scale(
        name="toy",
        title="Toy",
        citation="me",
        references={"me": Reference(citation="Me, 2020.")},
        licence="Free.",
        rated_by="clinician",
        direction="higher-worse",
        items=tuple(Item(id=i, name=i, min=1, max=7) for i in "abc"),
        scores=(
            Score(id="sum", name="Sum", formula="sum", items=("a", "b", "c"), proration=proration),
            Score(id="mean", name="Mean", formula="mean", items=("a", "b", "c"), proration=proration),
        ),
    )


def test_sum_and_mean_by_hand() -> None:
    frame = pd.DataFrame(
        {"a": [1.0, 2.0], "b": [2.0, np.nan], "c": [4.0, 3.0], "other": ["x", "y"]}, index=[5, 9]
    )
    scores = scale_scores(frame, toy())
    assert list(scores.index) == [5, 9]
    assert scores.loc[5, "sum"] == 7
    assert scores.loc[5, "mean"] == pytest.approx(7 / 3)
    assert scores.loc[9].isna().all()


def test_proration_puts_the_mean_of_the_present_for_each_missing_item() -> None:
    frame = pd.DataFrame({"a": [2.0, 2.0], "b": [np.nan, np.nan], "c": [3.0, np.nan]})
    scores = scale_scores(frame, toy(Proration(least_items=2, reference="me")))
    assert scores["sum"].tolist() == pytest.approx([7.5, np.nan], nan_ok=True)
    assert scores["mean"].tolist() == pytest.approx([2.5, np.nan], nan_ok=True)


def test_no_rows_and_rows_without_items() -> None:
    empty = pd.DataFrame({i: pd.Series(dtype="float64") for i in "abc"})
    assert scale_scores(empty, toy()).shape == (0, 2)
    nothing = pd.DataFrame({i: [np.nan] for i in "abc"})
    assert scale_scores(nothing, toy(Proration(least_items=1, reference="me"))).isna().all(axis=None)


def test_absent_and_textual_columns_are_refused() -> None:
    with pytest.raises(RatingsError, match="no c"):
        scale_scores(pd.DataFrame({"a": [1.0], "b": [1.0]}), toy())
    with pytest.raises(RatingsError, match="a of type"):
        scale_scores(pd.DataFrame({"a": ["1"], "b": [1.0], "c": [1.0]}), toy())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["panss", "sans", "hamd17"]), st.integers(0, 2**32 - 1))
def test_scores_stay_in_their_range_and_do_not_depend_on_the_order_of_rows(name: str, seed: int) -> None:
    scale = load_scale(name)
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {i.id: rng.integers(int(i.min), int(i.max) + 1, 6).astype(float) for i in scale.items}
    )
    scores = scale_scores(frame, scale)
    for target in scale.score_ids:
        low, high = scale.target_range(target)
        assert scores[target].between(low - 1e-9, high + 1e-9).all()
    shuffled = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(scale_scores(shuffled, scale).sort_index(), scores)


@pytest.mark.parametrize("bound", ["min", "max"])
def test_scores_reach_both_ends_of_their_range(bound: str) -> None:
    for name in ("panss", "cains", "saps", "ymrs"):
        scale = load_scale(name)
        frame = pd.DataFrame({i.id: [getattr(i, bound)] for i in scale.items})
        scores = scale_scores(frame, scale)
        for target in scale.score_ids:
            assert scores.loc[0, target] == pytest.approx(scale.target_range(target)[bound == "max"])
