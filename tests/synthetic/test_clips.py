"""Counter frames and clips: what is drawn can be read, what is asked for is in the file."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoclip_clinic.synthetic.clips import (
    COUNTER_LIMIT,
    draw_counter,
    read_counter,
    trim_with_edit_list,
    write_clip,
    write_tone,
)


@given(index=st.integers(0, COUNTER_LIMIT - 1), width=st.integers(90, 700), height=st.integers(32, 400))
def test_a_number_is_read_back_at_any_size(index: int, width: int, height: int) -> None:
    assert read_counter(draw_counter(index, width=width, height=height)) == index


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
@pytest.mark.parametrize("index", [0, 1, 5000, COUNTER_LIMIT - 1])
def test_a_turned_or_mirrored_number_is_not_read(index: int, quarter_turns: int) -> None:
    image = draw_counter(index)

    assert read_counter(np.rot90(image, quarter_turns)) is None
    assert read_counter(image[:, ::-1]) is None


def test_other_pictures_hold_no_number() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)

    assert read_counter(noise) is None
    assert read_counter(np.zeros((120, 160, 3), dtype=np.uint8)) is None
    assert read_counter((draw_counter(3) // 2 + 64).astype(np.uint8)) == 3


@pytest.mark.parametrize("index", [-1, COUNTER_LIMIT])
def test_a_number_that_does_not_fit_is_an_error(index: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 16383"):
        draw_counter(index)


@pytest.mark.parametrize(("width", "height"), [(89, 32), (90, 31)])
def test_a_picture_too_small_for_the_number_is_an_error(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="90 x 32 pixels at least"):
        draw_counter(0, width=width, height=height)


def test_a_clip_holds_the_frames_in_order_and_takes_them_one_by_one(tmp_path: Path) -> None:
    drawn = []

    def frames():
        for i in range(30):
            drawn.append(i)
            yield draw_counter(i)

    path = write_clip(tmp_path / "clip.mp4", frames(), audio=True)

    with av.open(str(path)) as container:
        numbers = [
            (round(frame.time * 25), read_counter(frame.to_ndarray(format="rgb24")))
            for frame in container.decode(video=0)
        ]
        assert container.streams.audio
    assert drawn == list(range(30))
    assert numbers == [(i, i) for i in range(30)]


@pytest.mark.parametrize(
    ("rotation_deg", "corner"), [(90, "bottom left"), (180, "bottom right"), (270, "top right")]
)
def test_the_stored_picture_is_turned_against_the_flag(
    tmp_path: Path, rotation_deg: int, corner: str
) -> None:
    path = write_clip(tmp_path / "turned.mp4", [draw_counter(0)] * 2, rotation_deg=rotation_deg)

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        stored = frame.to_ndarray(format="rgb24")

    # Turned clockwise by rotation_deg, the red corner comes to the top left; so it is stored that far before.
    row = 8 if corner.startswith("top") else -8
    column = 8 if corner.endswith("left") else -8
    np.testing.assert_allclose(stored[row, column], draw_counter(0)[8, 8], atol=12)
    assert -frame.rotation % 360 == rotation_deg


def test_an_edit_list_moves_the_start_and_shortens_the_track(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", (draw_counter(i) for i in range(50)))
    before = path.read_bytes()
    trim_with_edit_list(path, 0.4)
    after = path.read_bytes()

    at = before.find(b"elst") + 12
    duration, media_time = struct.unpack_from(">Ii", before, at)
    assert struct.unpack_from(">Ii", after, at) == (
        duration - 400,
        media_time + 5120,
    )  # 12800 ticks per second
    assert before[:at] + before[at + 8 :] == after[:at] + after[at + 8 :]


def test_a_file_without_an_edit_list_cannot_be_trimmed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", [draw_counter(0)])

    with pytest.raises(ValueError, match="edit list"):
        trim_with_edit_list(path, 0.4)


def test_a_tone_has_sound_of_the_length_asked_for_and_no_picture(tmp_path: Path) -> None:
    with av.open(str(write_tone(tmp_path / "tone.m4a", duration_s=2.0))) as container:
        assert not container.streams.video
        samples = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])

    assert len(samples) == pytest.approx(2 * 48_000, abs=2048)
    assert np.std(samples) == pytest.approx(0.05 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation_deg": 45}, "0, 90, 180 or 270"),
        ({"times_s": [0.0, 0.0, 1.0]}, "must rise"),
        ({"times_s": [0.0, 1.0]}, "a time for every frame, got 2"),
        ({"codec": "aac"}, "must encode video"),
    ],
)
def test_impossible_clips_are_errors(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_clip(tmp_path / "clip.mp4", [draw_counter(i) for i in range(3)], **options)  # type: ignore[arg-type]


def test_a_clip_needs_a_frame(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        write_clip(tmp_path / "clip.mp4", [])
