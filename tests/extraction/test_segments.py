import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.extraction.segments import cut_segments, nearest_valid, segment_starts


def blocks_of(embeddings, ok, missing, size):
    for start in range(0, len(ok), size):
        part = slice(start, start + size)
        yield embeddings[part], ok[part], missing[part]


def naive_segments(embeddings, ok, missing, length, stride, min_coverage):
    """Plain transcription of the definition, with the whole recording in memory."""
    found = []
    start = 0
    while start + length <= len(ok):
        valid = [i for i in range(start, start + length) if ok[i]]
        if valid and len(valid) >= min_coverage * length:
            filled = []
            for i in range(start, start + length):
                nearest = min(valid, key=lambda j: (abs(j - i), j))
                filled.append(embeddings[nearest])
            found.append((start, len(valid), np.array(filled)))
        else:
            found.append((start, len(valid), None))
        start += stride
    return found


@given(
    n=st.integers(0, 60),
    length=st.integers(2, 12),
    stride=st.integers(1, 20),
    block=st.integers(1, 25),
    min_coverage=st.sampled_from([0.1, 0.5, 0.75, 1.0]),
    seed=st.integers(0, 10_000),
)
def test_streamed_cutting_equals_the_definition(n, length, stride, block, min_coverage, seed):
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, 3)).astype(np.float32)
    kind = rng.choice(3, size=n, p=[0.7, 0.2, 0.1])
    ok, missing = kind == 0, kind == 2
    embeddings[~ok] = np.nan
    segments = list(
        cut_segments(
            blocks_of(embeddings, ok, missing, block),
            n_frames=n,
            segment_frames=length,
            stride_frames=stride,
            min_coverage=min_coverage,
        )
    )
    expected = naive_segments(embeddings, ok, missing, length, stride, min_coverage)
    assert [(s.start, s.n_ok) for s in segments] == [(start, n_ok) for start, n_ok, _ in expected]
    assert [s.index for s in segments] == list(range(len(expected)))
    for segment, (_, n_ok, filled) in zip(segments, expected, strict=True):
        assert (segment.embeddings is None) == (filled is None)
        assert segment.coverage == n_ok / length
        if filled is not None:
            np.testing.assert_array_equal(segment.embeddings, filled)
            assert segment.n_held == length - n_ok
            assert segment.reason is None
        else:
            assert segment.n_held == 0
            assert segment.reason in ("no-face", "missing-frames")


def test_a_recording_shorter_than_a_segment_has_none():
    assert list(segment_starts(31, segment_frames=32, stride_frames=16)) == []
    assert list(segment_starts(32, segment_frames=32, stride_frames=16)) == [0]
    assert list(segment_starts(63, segment_frames=32, stride_frames=16)) == [0, 16]


def test_the_earlier_of_two_equally_near_frames_is_held():
    np.testing.assert_array_equal(nearest_valid(np.array([False, True, False, True, False])), [1, 1, 1, 3, 3])


@pytest.mark.parametrize(("missing", "reason"), [(0, "no-face"), (20, "missing-frames")])
def test_a_rejected_segment_names_what_cost_it_most(missing, reason):
    ok = np.zeros(32, bool)
    ok[:4] = True
    lost = np.zeros(32, bool)
    lost[4 : 4 + missing] = True
    (segment,) = cut_segments(
        iter([(np.zeros((32, 2), np.float32), ok, lost)]),
        n_frames=32,
        segment_frames=32,
        stride_frames=16,
        min_coverage=0.75,
    )
    assert (segment.reason, segment.embeddings, segment.n_missing) == (reason, None, missing)
