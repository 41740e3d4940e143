"""Subject rules on hand-made tracks: winner, runner-up, margin and flag by closed form."""

import numpy as np
import pytest

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces import Tracks, choose_subject, subject_track

SIZE = (1000, 500)
PERIOD_S = 0.16


def tracks_of(*parts: tuple[range, float, float], source: dict[int, str] | None = None) -> Tracks:
    """Tracks of (frames, centre x in px, face size in px), all at y = 250."""
    columns: dict[str, list[object]] = {
        k: [] for k in ("track", "frame", "t_s", "box_source", "score", "shot")
    }
    boxes: list[list[float]] = []
    for k, (frames, x, side) in enumerate(parts):
        for frame in frames:
            columns["track"].append(k)
            columns["frame"].append(frame)
            columns["t_s"].append(frame * PERIOD_S)
            columns["box_source"].append((source or {}).get(k, "detected"))
            columns["score"].append(0.99)
            columns["shot"].append(0)
            boxes.append([x - side / 2, 250 - side / 2, x + side / 2, 250 + side / 2])
    table = {name: np.array(values) for name, values in columns.items()}
    for k, name in enumerate(("box_x1", "box_y1", "box_x2", "box_y2")):
        table[name] = np.array(boxes).reshape(-1, 4)[:, k]
    for k in range(5):
        table[f"lm{k}_x"] = table[f"lm{k}_y"] = np.full(len(boxes), np.nan)
    return Tracks.from_columns(table, period_s=PERIOD_S)


def test_largest_is_area_times_seconds() -> None:
    # A small face for 40 frames, a face of twice the side for 30, a large one for 2.
    tracks = tracks_of((range(40), 200, 50), (range(30), 600, 100), (range(2), 800, 200))
    decision = choose_subject(tracks, rule="largest", image_size=SIZE)
    assert decision.tracks == (1,)
    assert decision.score == pytest.approx(30 * PERIOD_S * 100**2 / (1000 * 500))
    assert decision.runner_up == 0
    assert decision.runner_up_score == pytest.approx(40 * PERIOD_S * 50**2 / (1000 * 500))
    assert decision.margin == pytest.approx(1 - (40 * 50**2) / (30 * 100**2))
    assert not decision.second_person
    assert [c.track for c in decision.candidates] == [1, 0, 2]


def test_longest_is_seconds_whatever_the_size() -> None:
    tracks = tracks_of((range(40), 200, 50), (range(30), 600, 100))
    decision = choose_subject(tracks, rule="longest", image_size=SIZE)
    assert decision.tracks == (0,)
    assert decision.score == pytest.approx(40 * PERIOD_S)
    assert decision.margin == pytest.approx(0.25)
    assert decision.second_person
    assert not choose_subject(tracks, rule="longest", image_size=SIZE, min_margin=0.2).second_person


@pytest.mark.parametrize(("rule", "winner", "second"), [("left", 0, 1), ("right", 2, 1), ("center", 1, 0)])
def test_rules_by_position(rule: str, winner: int, second: int) -> None:
    # Distances from the middle: 300, 60, 350.
    tracks = tracks_of((range(40), 200, 100), (range(40), 560, 80), (range(40), 850, 120))
    decision = choose_subject(tracks, rule=rule, image_size=SIZE)  # type: ignore[arg-type]
    assert decision.tracks == (winner,)
    assert decision.runner_up == second
    d = {"left": 360 / 90, "right": 290 / 100, "center": 240 / 90}[rule]
    assert decision.margin == pytest.approx(d / (1 + d))
    assert 0 <= decision.margin <= 1


def test_a_passer_by_does_not_win_by_position() -> None:
    tracks = tracks_of((range(40), 500, 100), (range(9), 50, 100), (range(10), 150, 100))
    decision = choose_subject(tracks, rule="left", image_size=SIZE)
    assert decision.tracks == (2,)
    assert [(c.track, c.eligible) for c in decision.candidates] == [(2, True), (0, True), (1, False)]


@pytest.mark.parametrize("rule", ["largest", "longest", "left", "right", "center"])
def test_ties_go_to_the_first_track_and_are_flagged(rule: str) -> None:
    tracks = tracks_of((range(20), 400, 80), (range(20), 400, 80))
    decision = choose_subject(tracks, rule=rule, image_size=SIZE)  # type: ignore[arg-type]
    assert (decision.tracks, decision.runner_up, decision.margin) == ((0,), 1, 0.0)
    assert decision.second_person


@pytest.mark.parametrize("rule", ["largest", "longest", "left", "right", "center"])
def test_one_person_and_nobody(rule: str) -> None:
    one = choose_subject(tracks_of((range(20), 400, 80)), rule=rule, image_size=SIZE)  # type: ignore[arg-type]
    assert (one.tracks, one.runner_up, one.margin, one.second_person) == ((0,), None, 1.0, False)
    nobody = choose_subject(tracks_of(), rule=rule, image_size=SIZE)  # type: ignore[arg-type]
    assert (nobody.tracks, nobody.candidates, nobody.second_person) == ((), (), False)
    assert len(subject_track(tracks_of(), nobody)) == 0


def test_a_manual_choice_wins_and_may_name_several_tracks() -> None:
    tracks = tracks_of((range(40), 200, 100), (range(20), 600, 50), (range(30, 50), 610, 50))
    decision = choose_subject(tracks, rule="largest", image_size=SIZE, manual=[2, 1, 2])
    assert (decision.tracks, decision.rule, decision.manual) == ((2, 1), "manual", True)
    assert decision.margin == 1.0
    assert not decision.second_person
    assert len(decision.candidates) == 3
    rows = subject_track(tracks, decision)
    assert rows.frame.tolist() == [*range(20), *range(30, 50)]


def test_overlapping_manual_tracks_give_one_row_per_frame() -> None:
    tracks = tracks_of((range(10), 200, 100), (range(5, 15), 600, 50))
    decision = choose_subject(tracks, image_size=SIZE, manual=[1, 0])
    assert subject_track(tracks, decision).track.tolist() == [0] * 5 + [1] * 10
    filled = tracks_of((range(10), 200, 100), (range(5, 15), 600, 50), source={1: "interpolated"})
    decision = choose_subject(filled, image_size=SIZE, manual=[1, 0])
    assert subject_track(filled, decision).track.tolist() == [0] * 10 + [1] * 5


@pytest.mark.parametrize("manual", [[], [7], [0, 7]])
def test_a_manual_choice_must_name_existing_tracks(manual: list[int]) -> None:
    with pytest.raises(FaceError, match="at least one track"):
        choose_subject(tracks_of((range(5), 200, 100)), image_size=SIZE, manual=manual)


def test_an_unknown_rule_offers_the_nearest_one() -> None:
    with pytest.raises(FaceError, match="Did you mean 'largest'"):
        choose_subject(tracks_of(), rule="lagest", image_size=SIZE)  # type: ignore[arg-type]


def test_columns_round_trip_and_a_missing_one_is_named() -> None:
    tracks = tracks_of((range(4), 200, 100), (range(3), 500, 60))
    columns = tracks.to_columns()
    shuffled = {name: values[::-1] for name, values in columns.items()}
    again = Tracks.from_columns(shuffled, period_s=PERIOD_S).to_columns()
    for name, values in columns.items():
        np.testing.assert_array_equal(again[name], values)
    del columns["lm3_x"]
    with pytest.raises(FaceError, match="lm3_x"):
        Tracks.from_columns(columns, period_s=PERIOD_S)
