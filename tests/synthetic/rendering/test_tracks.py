"""Courses in time: onset, apex and offset in closed form, blinks, talk."""

import math

import numpy as np
import pytest

from emoclip_clinic.synthetic.rendering import ExpressionTrack, Timing, blinks, smooth_noise, talking


def test_onset_apex_and_offset_follow_their_closed_form() -> None:
    timing = Timing(start_s=1.0, onset_s=0.4, apex_s=0.6, offset_s=0.8)
    t_s = np.array([0.0, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0, 2.2, 2.4, 2.8, 9.0])
    x = np.array([0.0, 0.0, 0.25, 0.5, 1.0, 1.0, 1.0, 0.75, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(timing.curve(t_s), x**2 * (3 - 2 * x), atol=1e-12)


def test_a_ramp_of_no_length_is_a_step_and_an_endless_apex_stays() -> None:
    t_s = np.array([-1.0, 0.0, 0.5, 100.0])
    np.testing.assert_array_equal(Timing(0.0, 0.0, math.inf, 0.0).curve(t_s), [0, 1, 1, 1])
    np.testing.assert_array_equal(Timing(0.0, 0.0, 0.5, 0.0).curve(t_s), [0, 1, 0, 0])


def test_an_onset_rises_and_an_offset_falls() -> None:
    t_s = np.linspace(0, 2, 41)
    onset = Timing(0.5, 1.0, math.inf, 0.0).curve(t_s)
    offset = Timing(-1.0, 0.0, 1.5, 1.0).curve(t_s)
    assert np.all(np.diff(onset) >= 0)
    assert np.all(np.diff(offset) <= 0)
    # One is the other, backwards in time.
    np.testing.assert_allclose(onset, offset[::-1], atol=1e-12)


def test_two_tracks_at_once_take_the_stronger_movement() -> None:
    first = ExpressionTrack.of({"jaw_drop": np.array([0.2, 0.8])}, n_frames=2)
    second = ExpressionTrack.of({"jaw_drop": 0.5, "lid_tighten": 0.1}, n_frames=2)
    both = first.with_(second)
    np.testing.assert_allclose(both.unit("jaw_drop"), [0.5, 0.8])
    np.testing.assert_allclose(both.unit("lid_tighten"), [0.1, 0.1])


def test_blinks_come_at_their_rate_and_close_the_eyes() -> None:
    t_s = np.arange(0, 600, 0.05)
    closed = blinks(np.random.default_rng(0), t_s, per_minute=12)
    # Each closes for 0.05 s and ramps for 0.25 s, of which half counts: 0.175 s; 120 of them are expected.
    assert closed.sum() * 0.05 / 0.175 == pytest.approx(120, rel=0.25)
    assert closed.max() == pytest.approx(1.0, abs=0.02)
    assert closed.min() == 0.0
    assert not blinks(np.random.default_rng(0), t_s, per_minute=0).any()
    assert blinks(np.random.default_rng(0), t_s[:0]).shape == (0,)


def test_talk_moves_the_mouth_and_nothing_else() -> None:
    track = talking(np.random.default_rng(1), np.arange(0, 10, 0.04), strength=1.0)
    moved = {"jaw_drop", "lips_part", "lip_pucker", "lip_stretch"}
    for name in ("inner_brow_raise", "lip_corner_pull", "eyes_closed", "nose_wrinkle"):
        assert not track.unit(name).any()
    for name in moved:
        assert track.unit(name).max() > 0.1
    jaw = track.unit("jaw_drop") - track.unit("jaw_drop").mean()
    spectrum = np.abs(np.fft.rfft(jaw))
    frequency = np.fft.rfftfreq(len(jaw), 0.04)[np.argmax(spectrum)]
    assert 2.5 < frequency < 5.5  # syllables


def test_wandering_has_the_stated_size() -> None:
    t_s = np.arange(0, 400, 0.1)
    values = [smooth_noise(np.random.default_rng(k), t_s, rate_hz=0.5) for k in range(20)]
    assert np.mean(np.square(values)) == pytest.approx(0.38, abs=0.05)
    assert np.abs(values).max() <= 1.51
