"""The signature `stitch`: as the model composes, row by row, and errors that leave neighbours alone."""

import io

import numpy as np
import pytest
from exported_models import exported
from garment_photos import wide_photo
from PIL import Image

from zoo.stitching.stitcher import Stitcher

PHOTO = wide_photo("02-t-shirt", 120)
PARTS = [PHOTO[:, :120], PHOTO[:, 80:]]
SHIFTS = np.stack([np.eye(3), np.array([[1.0, 0, 80], [0, 1, 0], [0, 0, 1]])]).astype("float32")


def png(raw_image):
    buffer = io.BytesIO()
    Image.fromarray(raw_image).save(buffer, "png")
    return buffer.getvalue()


def ask(rows, homographies=None, blends=None):
    homographies = [SHIFTS] * len(rows) if homographies is None else homographies
    return exported("stitch").ask(
        "stitch",
        image_bytes=np.array(rows, dtype=object),
        homographies=np.stack(homographies).astype("float32"),
        blend=np.array(blends or [""] * len(rows), dtype=object),
    )


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


FILES = [png(part) for part in PARTS]


def test_the_served_model_composes_as_the_python_one():
    blends = ["none", "feather", "multiband", ""]
    outputs = ask([FILES] * 4, blends=blends)
    assert outputs["error"].tolist() == [b""] * 4
    for blend, picture, mask in zip(blends, outputs["image_bytes"], outputs["mask_bytes"], strict=True):
        expected, _ = Stitcher().stitch(PARTS, SHIFTS, blend or "multiband")
        np.testing.assert_allclose(pixels(picture).astype(int), expected, rtol=0, atol=1)
        assert (pixels(mask) == 255).all()


def test_rows_may_have_fewer_photos_and_photos_may_be_turned():
    turned = Image.fromarray(np.rot90(PARTS[0], -1))
    exif = Image.Exif()
    exif[0x0112] = 8
    buffer = io.BytesIO()
    turned.save(buffer, "jpeg", quality=95, exif=exif)
    outputs = ask([["", FILES[0]], [buffer.getvalue(), FILES[1]]])
    assert outputs["error"].tolist() == [b"", b""]
    np.testing.assert_array_equal(pixels(outputs["image_bytes"][0]), PARTS[0])
    assert np.abs(pixels(outputs["image_bytes"][1]).astype(int) - PHOTO).mean() < 4


def test_an_outline_that_is_no_rectangle_is_in_the_mask():
    lower = np.array([[1.0, 0, 80], [0, 1, 30], [0, 0, 1]])
    outputs = ask([FILES], [np.stack([np.eye(3), lower])])
    mask = pixels(outputs["mask_bytes"][0])
    assert mask.shape == (150, PHOTO.shape[1])
    assert mask[0, -1] == 0
    assert mask[-1, -1] == 255
    assert (pixels(outputs["image_bytes"][0])[0, -1] == 255).all()


@pytest.mark.parametrize(
    ("row", "homographies", "blend", "error"),
    [
        (["", ""], SHIFTS, "", "`image_bytes` must hold 1 to 8 photos a row. Received: 0."),
        (FILES, SHIFTS, "soft", "Unknown blend. Received: 'soft'. Known: none, feather, multiband."),
        ([FILES[0], b"GIF89a"], SHIFTS, "", "Photo 2: `image_bytes` must hold a PNG or JPEG file."),
        (FILES, SHIFTS * -1 * np.diag([1, -1, -1]), "", "Homographies must lay all photos on one canvas"),
        (FILES, SHIFTS * np.nan, "", "Received: numbers that are not finite."),
    ],
)
def test_an_error_is_its_rows_alone(row, homographies, blend, error):
    outputs = ask([FILES, row], [SHIFTS, homographies], ["none", blend])
    assert outputs["error"][0] == b""
    assert error in outputs["error"][1].decode()
    assert outputs["image_bytes"][1] == b""
    assert outputs["mask_bytes"][1] == b""
    assert pixels(outputs["image_bytes"][0]).shape == PHOTO.shape


def test_more_photos_than_a_row_holds_are_refused():
    outputs = ask([[FILES[0]] * 9], [np.stack([np.eye(3)] * 9)])
    assert outputs["error"][0] == b"`image_bytes` must hold 1 to 8 photos a row. Received: 9."
