"""Upright pictures: the sign of the rotation against the file's bytes, eight orientations, the override."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.errors import VideoError
from emoclip_clinic.synthetic.clips import draw_counter, read_counter
from emoclip_clinic.video import open_video, probe
from emoclip_clinic.video.orientation import Orientation

Clip = Callable[..., Path]
ONE = 1 << 16

# Where the stored right (a, b) and the stored down (c, d) point on the screen; ISO/IEC 14496-12, 8.3.2.
MATRICES = {
    (0, False): (1, 0, 0, 1),
    (90, False): (0, 1, -1, 0),
    (180, False): (-1, 0, 0, -1),
    (270, False): (0, -1, 1, 0),
    (0, True): (-1, 0, 0, 1),
    (90, True): (0, -1, -1, 0),
    (180, True): (1, 0, 0, -1),
    (270, True): (0, 1, 1, 0),
}


def show(stored: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Put every stored pixel where the matrix sends it: a naive transcription of the standard."""
    height, width = stored.shape[:2]
    points = {(a * p + c * q, b * p + d * q): stored[q, p] for q in range(height) for p in range(width)}
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    return np.array([[points[x, y] for x in xs] for y in ys])


@pytest.mark.parametrize(("expected", "matrix"), MATRICES.items())
def test_a_display_matrix_is_applied_as_the_standard_says(
    expected: tuple[int, bool], matrix: tuple[int, int, int, int]
) -> None:
    a, b, c, d = (value * ONE for value in matrix)
    stored = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)

    orientation = Orientation.from_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
    upright = orientation.apply(stored)

    assert (orientation.rotation_deg, orientation.mirrored) == expected
    np.testing.assert_array_equal(upright, show(stored, *matrix))
    assert upright.flags.c_contiguous
    assert orientation.size(5, 3) == (upright.shape[1], upright.shape[0])


def test_a_tilted_matrix_is_rounded_and_an_empty_one_is_upright() -> None:
    tilt = np.deg2rad(80)
    a, b = int(np.cos(tilt) * ONE), int(np.sin(tilt) * ONE)

    assert Orientation.from_display_matrix([a, b, 0, -b, a, 0, 0, 0, 1 << 30]).rotation_deg == 90
    assert Orientation.from_display_matrix([0] * 9) == Orientation()


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_rotated_clips_are_read_upright(clip: Clip, suffix: str, rotation_deg: int) -> None:
    path = clip(f"turned.{suffix}", n=5, rotation_deg=rotation_deg)

    with open_video(path) as video:
        images = [frame.to_rgb() for frame in video.frames()]

    info = video.info
    assert info.rotation_deg == rotation_deg
    assert not info.mirrored
    assert (info.width, info.height) == (160, 120)
    assert (info.coded_width, info.coded_height) == ((160, 120) if rotation_deg == 180 else (120, 160))
    assert [read_counter(image) for image in images] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(images[0][15, 20], draw_counter(0)[15, 20], atol=12)  # red is top left


def test_the_flag_in_the_file_is_that_of_a_phone_held_upright(clip: Clip) -> None:
    data = clip("portrait.mp4", n=2, width=120, height=160, rotation_deg=90).read_bytes()

    matrix = struct.unpack_from(">9i", data, data.find(b"tkhd") + 4 + 40)

    # What iPhones write for a portrait video: stored right points down, stored down points left.
    assert (matrix[0], matrix[1], matrix[3], matrix[4]) == (0, ONE, -ONE, 0)


def test_a_mirrored_file_is_mirrored_back(clip: Clip) -> None:
    path = clip("selfie.mp4", n=2)
    data = bytearray(path.read_bytes())
    struct.pack_into(">i", data, data.find(b"tkhd") + 4 + 40, -ONE)
    path.write_bytes(data)

    with open_video(path) as video:
        image = next(video.frames()).to_rgb()

    assert video.info.mirrored
    assert video.info.rotation_deg == 0
    np.testing.assert_allclose(image, draw_counter(0)[:, ::-1], atol=40)


def test_the_override_replaces_the_flag(clip: Clip) -> None:
    path = clip("wrong-flag.mp4", n=2, rotation_deg=90)

    with open_video(path, rotation_deg=0) as video:
        image = next(video.frames()).to_rgb()

    assert image.shape == (160, 120, 3)
    assert read_counter(np.rot90(image, -1)) == 0
    assert probe(path, rotation_deg=0).rotation_deg == 0
    assert probe(path, rotation_deg=270).width == 160


def test_an_override_that_is_no_quarter_turn_is_an_error(clip: Clip) -> None:
    with pytest.raises(VideoError, match=r"0, 90, 180 or 270 .* Found: 45.*recordings\.tsv"):
        open_video(clip("upright.mp4", n=2), rotation_deg=45)
