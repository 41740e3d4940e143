"""Crops: geometry, and both resizes against the libraries that define them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from emoclip_clinic.errors import FaceError
from emoclip_clinic.faces import contact_sheet, crop_face, face_square
from emoclip_clinic.faces.sheet import write_contact_sheet


def picture(height: int = 240, width: int = 320, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def box(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_the_square_is_centred_and_as_long_as_asked() -> None:
    assert face_square(box(100, 50, 160, 130), margin=0.25) == (80, 40, 100)
    assert face_square(box(100, 50, 160, 130), margin=0.0) == (90, 50, 80)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-50, 300),
    y=st.floats(-50, 200),
    w=st.floats(5, 200),
    h=st.floats(5, 200),
    margin=st.floats(0, 1),
)
def test_the_square_is_off_by_at_most_half_a_pixel(
    x: float, y: float, w: float, h: float, margin: float
) -> None:
    left, top, side = face_square(np.array([x, y, x + w, y + h]), margin=margin)
    assert abs(side - max(w, h) * (1 + margin)) <= 0.5 + 1e-9
    assert abs(left + side / 2 - (x + w / 2)) <= 0.5 + 1e-9
    assert abs(top + side / 2 - (y + h / 2)) <= 0.5 + 1e-9


def test_a_crop_of_its_own_size_is_the_image_itself() -> None:
    image = picture()
    crop = crop_face(image, box(100, 50, 164, 114), margin=0.0, size=64)
    np.testing.assert_array_equal(crop, image[50:114, 100:164])
    upstream = crop_face(image, box(100, 50, 164, 114), margin=0.0, size=64, resize="upstream")
    assert upstream.dtype == np.float32
    np.testing.assert_allclose(upstream, image[50:114, 100:164], atol=1e-4)


def test_the_border_is_repeated() -> None:
    image = picture()
    crop = crop_face(image, box(-16, -8, 48, 56), margin=0.0, size=64)
    padded = np.pad(image, ((8, 0), (16, 0), (0, 0)), mode="edge")
    np.testing.assert_array_equal(crop, padded[:64, :64])
    crop = crop_face(image, box(290, 200, 354, 264), margin=0.0, size=64)
    padded = np.pad(image, ((0, 24), (0, 34), (0, 0)), mode="edge")
    np.testing.assert_array_equal(crop, padded[200:264, 290:354])


@pytest.mark.oracle
def test_antialias_is_clips_own_preprocessing() -> None:
    from torchvision import transforms

    image = picture(seed=3)
    crop = crop_face(image, box(60, 20, 220, 200), margin=0.2)
    left, top, side = face_square(box(60, 20, 220, 200), margin=0.2)
    assert (left, top, side) == (32, 2, 216)
    resize = transforms.Compose(
        [
            transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
        ]
    )
    square = Image.fromarray(image[top : top + side, left : left + side])
    np.testing.assert_array_equal(crop, np.asarray(resize(square)))


@pytest.mark.oracle
@pytest.mark.parametrize("side", [60, 112, 223, 224, 225, 400, 777])
def test_upstream_is_torchs_bicubic_without_antialias(side: int) -> None:
    image = picture(800, 800, seed=side)
    crop = crop_face(image, box(5, 7, 5 + side, 7 + side), margin=0.0, resize="upstream")
    square = torch.from_numpy(image[7 : 7 + side, 5 : 5 + side].astype(np.float32)).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(
        square, size=(224, 224), mode="bicubic", align_corners=False, antialias=False
    )
    np.testing.assert_allclose(crop, expected[0].permute(1, 2, 0).numpy(), rtol=0, atol=0.01)


def test_mirroring_image_and_box_mirrors_the_crop() -> None:
    image = picture()
    crop = crop_face(image, box(100, 50, 180, 130), margin=0.25)
    mirror = crop_face(np.ascontiguousarray(image[:, ::-1]), box(140, 50, 220, 130), margin=0.25)
    np.testing.assert_allclose(mirror.astype(int), crop[:, ::-1].astype(int), rtol=0, atol=1)


@pytest.mark.parametrize(
    "wrong", [(10, 10, 10, 20), (10, 20, 30, 5), (np.nan, 0, 1, 1), (0, 0, np.inf, 1), (500, 500, 540, 540)]
)
def test_unusable_boxes_are_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(FaceError, match="box"):
        crop_face(picture(), box(*wrong))


def test_an_unknown_resize_is_refused() -> None:
    with pytest.raises(FaceError, match="'antialias' or 'upstream'"):
        crop_face(picture(), box(10, 10, 50, 50), resize="bilinear")  # type: ignore[arg-type]


def test_a_contact_sheet_shows_the_crops_in_reading_order(tmp_path: Path) -> None:
    crops = [np.full((20, 20, 3), 40 * k, np.uint8) for k in range(1, 6)]
    sheet = contact_sheet(crops, columns=3, side_px=10)
    assert sheet.shape == (20, 30, 3)
    assert sheet[::10, ::10, 0].tolist() == [[40, 80, 120], [160, 200, 0]]
    path = tmp_path / "sheets" / "sub 01.png"
    write_contact_sheet([c.astype(np.float32) for c in crops], path, columns=3, side_px=10)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), sheet)
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(FaceError, match="at least one crop"):
        contact_sheet([])
