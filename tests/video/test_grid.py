"""The sampling grid against a naive transcription of its rule, and its borders."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.errors import VideoError
from emoclip_clinic.synthetic.clips import read_counter
from emoclip_clinic.video import DecodedFrame, SampledFrame, Samples, VideoSource, open_video, sample
from emoclip_clinic.video.grid import MAX_MISSING_S

Clip = Callable[..., Path]
SECOND = 10_000  # ticks


class Frames:
    """A source that shows frame numbers at given times."""

    def __init__(
        self,
        times_s: list[float],
        *,
        duration_s: float | None = None,
        start_s: float | None = None,
        damaged_before: tuple[int, ...] = (),
        shown_s: float = 0.0,
    ) -> None:
        first = times_s[0] if times_s else 0.0
        self.info = SimpleNamespace(
            path=Path("frames"), start_s=first if start_s is None else start_s, duration_s=duration_s
        )
        self.damage: list[str] = []
        self.converted: list[int] = []
        self._frames = [
            DecodedFrame(t, lambda i=i: self._convert(i), shown_s, i in damaged_before)  # type: ignore[misc]
            for i, t in enumerate(times_s)
        ]

    def _convert(self, index: int) -> np.ndarray:
        self.converted.append(index)
        return np.full((1, 1, 3), index, dtype=np.uint8)

    def frames(self, *, from_s: float | None = None) -> Iterator[DecodedFrame]:
        return iter(self._frames)


def run(source: Frames, sample_fps: float, **options: Any) -> tuple[list[SampledFrame], Samples]:
    samples = sample(cast(VideoSource, source), sample_fps, **options)
    return list(samples), samples


def naive_choice(ticks: list[int], grid_ticks: float, half_period_ticks: float) -> int | None:
    """For one grid point, look at every frame: the nearest within half a period, of two the earlier."""
    best = min(range(len(ticks)), key=lambda i: (abs(ticks[i] - grid_ticks), i))
    return best if abs(ticks[best] - grid_ticks) <= half_period_ticks else None


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(st.integers(1, SECOND), min_size=0, max_size=40),
    first=st.integers(-2 * SECOND, 2 * SECOND),
    period_ticks=st.sampled_from([80, 333, 400, 800, 1600, 5000, 12_500]),
    shift=st.none() | st.integers(-SECOND, SECOND),
    tail=st.integers(0, 3 * SECOND),
)
def test_the_choice_is_that_of_a_naive_search(
    steps: list[int], first: int, period_ticks: int, shift: int | None, tail: int
) -> None:
    ticks = [first, *(first + int(step) for step in np.cumsum(steps, dtype=int))]
    origin = first if shift is None else first + shift
    header_end = ticks[-1] + tail
    source = Frames([t / SECOND for t in ticks], duration_s=(header_end - first) / SECOND)

    rows, samples = run(source, SECOND / period_ticks, start_s=None if shift is None else origin / SECOND)

    n_grid = 0
    while (g := origin + n_grid * period_ticks) < header_end or g <= ticks[-1]:
        n_grid += 1
    expected = [naive_choice(ticks, origin + k * period_ticks, period_ticks / 2) for k in range(n_grid)]
    chosen = [None if row.image is None else int(row.image[0, 0, 0]) for row in rows]
    assert chosen == expected
    assert [row.index for row in rows] == list(range(n_grid))
    assert all((row.t_s is None) == (row.reason is not None) for row in rows)
    assert samples.summary.n_missing == expected.count(None)
    assert samples.summary.n_grid == n_grid
    if n_grid:
        assert samples.summary.n_frames_decoded == len(ticks)


def test_a_tie_goes_to_the_earlier_frame_however_the_times_are_rounded() -> None:
    rows, _ = run(Frames([k * 0.04 for k in range(250)], duration_s=10.0), 10)

    assert [row.image[0, 0, 0] for row in rows if row.image is not None] == [k * 5 // 2 for k in range(100)]


def test_a_frame_midway_serves_both_points() -> None:
    rows, _ = run(Frames([0.0, 1.5, 3.0], duration_s=3.1), 1)

    assert [None if row.image is None else int(row.image[0, 0, 0]) for row in rows] == [0, 1, 1, 2]


def test_only_wanted_pixels_are_converted_and_the_question_waits_for_the_row_before() -> None:
    source = Frames([k / 25 for k in range(25)], duration_s=1.0)
    events: list[tuple[str, int]] = []

    def wanted(index: int) -> bool:
        events.append(("asked", index))
        return index % 2 == 0

    for row in sample(cast(VideoSource, source), 5, wanted=wanted):
        events.append(("row", row.index))
        assert (row.image is not None) == (row.index % 2 == 0)
        assert row.t_s == pytest.approx(row.t_grid_s)
        assert row.reason is None

    assert events == [(what, k) for k in range(5) for what in ("asked", "row")]
    assert source.converted == [0, 10, 20]


def test_reasons_name_where_a_point_lies() -> None:
    times_s = [1.0, 1.2, 1.4, 3.0, 3.2, 5.0]
    source = Frames(times_s, start_s=0.6, duration_s=5.4, damaged_before=(5,))

    rows, samples = run(source, 5)

    reasons = {round(row.t_grid_s, 1): row.reason for row in rows if row.reason}
    assert reasons == {
        **dict.fromkeys((0.6, 0.8), "before the first frame"),
        **dict.fromkeys((1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8), "no frame within half a period"),
        **dict.fromkeys((3.4, 3.6, 3.8, 4.0, 4.2, 4.4, 4.6, 4.8), "damaged in the file"),
        **dict.fromkeys((5.2, 5.4, 5.6, 5.8), "after the last decoded frame"),
    }
    assert samples.summary.n_missing == len(reasons)


def test_without_a_header_the_grid_ends_with_the_last_frame() -> None:
    rows, samples = run(Frames([0.0, 0.5, 1.0], shown_s=0.5), 4)

    assert rows[-1].t_grid_s == 1.25
    assert samples.summary.header_s is None
    assert not samples.summary.short
    assert samples.summary.decoded_s == 1.5


def test_a_part_counts_on_the_clock_of_the_file(clip: Clip) -> None:
    path = clip("part.mkv", n=100, start_s=2.0)

    with open_video(path) as video:
        samples = sample(video, 5, start_s=3.0, end_s=4.0)
        rows = list(samples)

    assert [row.t_grid_s for row in rows] == pytest.approx([3.0, 3.2, 3.4, 3.6, 3.8])
    assert [read_counter(row.image) for row in rows if row.image is not None] == [25, 30, 35, 40, 45]
    assert samples.summary.decoded_s == pytest.approx(1.0)
    assert samples.summary.header_s == pytest.approx(1.0)
    assert not samples.summary.short


@pytest.mark.parametrize("name", ["far.mp4", "far.mkv", "far.ts", "far.avi", "far.webm"])
def test_a_part_far_inside_is_the_same_as_in_a_full_pass(clip: Clip, name: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "avi": {"codec": "mpeg4"},
        "webm": {"codec": "libvpx-vp9"},
    }
    path = clip(name, n=600, **options.get(name.rsplit(".", 1)[-1], {}))

    with open_video(path) as video:
        every = {round(frame.t_s, 6): read_counter(frame.to_rgb()) for frame in video.frames()}
    with open_video(path) as video:
        samples = sample(video, 5, start_s=17.32, end_s=19.02)
        rows = list(samples)

    assert len(rows) == 9
    for row in rows:
        assert row.t_s is not None
        assert row.image is not None
        nearest = min(every, key=lambda t: abs(t - row.t_grid_s))
        assert (round(row.t_s, 6), read_counter(row.image)) == (nearest, every[nearest])
    assert samples.summary.decoded_s == pytest.approx(1.7, abs=0.04)
    assert not samples.summary.damage


def test_a_part_behind_the_video_is_an_error() -> None:
    with pytest.raises(VideoError, match="inside the video"):
        run(Frames([0.0, 0.5], duration_s=1.0), 2, start_s=5.0, end_s=6.0)


def test_without_a_header_a_part_behind_the_end_is_missing() -> None:
    rows, samples = run(Frames([0.0, 0.5], duration_s=None), 2, start_s=5.0, end_s=6.0)
    assert [row.reason for row in rows] == ["after the last decoded frame"] * 2
    assert samples.summary.decoded_s == 0


def test_an_end_far_behind_the_video_is_told_and_makes_no_rows() -> None:
    rows, samples = run(Frames([0.0, 0.5, 1.0, 1.5], duration_s=2.0), 2, end_s=1e9)
    assert len(rows) == 4
    assert samples.summary.damage == [
        "the recording should last until 1000000000.0 s, but the video ends at 2.0 s"
    ]


def test_a_jump_of_the_clock_ends_the_grid() -> None:
    rows, samples = run(Frames([0.0, 0.2, 1e6, 1e6 + 0.2], duration_s=1e6 + 0.4), 5)

    assert len(rows) == MAX_MISSING_S * 5 + 2
    assert "a timestamp jumps to 1000000 s" in samples.summary.damage[0]


def test_a_pause_counts_for_a_second_and_a_damaged_stretch_for_nothing() -> None:
    _, pause = run(Frames([0.0, 0.2, 8.0, 8.2], duration_s=8.4, shown_s=0.2), 5)
    _, damage = run(Frames([0.0, 0.2, 8.0, 8.2], duration_s=8.4, shown_s=0.2, damaged_before=(2,)), 5)

    assert pause.summary.decoded_s == pytest.approx(0.2 + 1.0 + 0.2 + 0.2)
    assert damage.summary.decoded_s == pytest.approx(0.8)
    assert pause.summary.short
    assert damage.summary.short


@pytest.mark.parametrize(("n_lost", "short"), [(0, False), (2, False), (3, True)])
def test_short_means_more_than_two_percent(n_lost: int, short: bool) -> None:
    times_s = [k / 10 for k in range(100 - n_lost)]

    _, samples = run(Frames(times_s, duration_s=10.0, shown_s=0.1), 5)

    assert samples.summary.short == short


@pytest.mark.parametrize(
    ("sample_fps", "options"),
    [
        (0, {}),
        (-1, {}),
        (float("nan"), {}),
        (float("inf"), {}),
        (5, {"start_s": 2.0, "end_s": 2.0}),
        (5, {"end_s": -1.0}),
        (5, {"start_s": float("nan")}),
    ],
)
def test_impossible_grids_are_errors(sample_fps: float, options: dict[str, float]) -> None:
    with pytest.raises(VideoError):
        sample(cast(VideoSource, Frames([0.0, 1.0])), sample_fps, **options)


def test_the_summary_waits_for_the_end() -> None:
    samples = sample(cast(VideoSource, Frames([0.0, 1.0], duration_s=2.0)), 1)
    next(samples)

    with pytest.raises(RuntimeError, match="all samples"):
        samples.summary  # noqa: B018
