"""`cutout_png`, `mask` and `recolour_png`: files of any kind, grounds, colours, and rows that are wrong."""

import io

import numpy as np
import pytest
from dark_products import dark_square, inside_of
from exported_models import exported
from picture_files import JPEGS, PNGS
from PIL import Image

from zoo.colour.basic_colours import COLOURS
from zoo.pictures.photo_writer import write_png

PHOTO = dark_square()


def decoded(content) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def cut_out(*files, background=""):
    backgrounds = [background] * len(files) if isinstance(background, str) else background
    return exported("cutout").ask(
        "cutout_png", image_bytes=list(files), background=np.array(backgrounds, object)
    )


def recolour(*files, target="red", source="", strength=1.0):
    count = len(files)
    texts = {"target_colour": target, "source_colour": source}
    return exported("recolour").ask(
        "recolour_png",
        image_bytes=list(files),
        strength=np.full([count], strength, "float32"),
        **{name: np.array([text] * count, object) for name, text in texts.items()},
    )


def test_a_cut_out_is_transparent_around_bytes_of_the_photo():
    outputs = cut_out(write_png(PHOTO))
    assert outputs["error"].tolist() == [b""]
    result, mask = decoded(outputs["image_bytes"][0]), decoded(outputs["mask_bytes"][0])
    assert result.shape == (80, 60, 4)
    np.testing.assert_array_equal(result[..., 3], mask)
    np.testing.assert_array_equal(result[mask == 255][:, :3], PHOTO[mask == 255])
    assert mask[inside_of(PHOTO, 5)].min() == 255
    assert mask[:10].max() == 0


@pytest.mark.parametrize(
    ("background", "colour"),
    [("white", (255, 255, 255)), ("Red", COLOURS["red"]), ("#0a80FF", (10, 128, 255))],
)
def test_grounds_are_colours(background, colour):
    outputs = cut_out(write_png(PHOTO), background=background)
    result = decoded(outputs["image_bytes"][0])
    assert result.shape == (80, 60, 3)
    assert (result[:10] == colour).all()
    np.testing.assert_array_equal(result[inside_of(PHOTO, 5)], PHOTO[inside_of(PHOTO, 5)])


def test_a_transparent_photo_brings_its_own_mask():
    photo = np.concatenate([PHOTO, np.zeros_like(PHOTO[..., :1])], axis=-1)
    photo[5:20, 5:20, 3], photo[20, 5:20, 3] = 255, 100
    for outputs in (cut_out(write_png(photo)), recolour(write_png(photo))):
        assert outputs["error"].tolist() == [b""]
        np.testing.assert_array_equal(decoded(outputs["mask_bytes"][0]), photo[..., 3])
        np.testing.assert_array_equal(decoded(outputs["image_bytes"][0])[..., 3], photo[..., 3])


ROWS = {
    "no picture": (b"no picture", "", b"`image_bytes` must hold a PNG or JPEG file."),
    "nothing there": (write_png(np.full([40, 30, 3], 240, "uint8")), "", b"No product was found"),
    "unknown ground": (
        write_png(PHOTO),
        "whitish",
        b"Unknown background. Received: 'whitish'. Known: ",
    ),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_bad_row_leaves_its_neighbours_alone(kind):
    content, background, message = ROWS[kind]
    good = write_png(PHOTO)
    outputs = cut_out(good, content, good, background=["", background, "white"])
    assert outputs["error"][[0, 2]].tolist() == [b"", b""]
    assert outputs["error"][1].startswith(message)
    assert outputs["image_bytes"][1] == outputs["mask_bytes"][1] == b""
    alone = cut_out(good)
    assert outputs["image_bytes"][0] == alone["image_bytes"][0]


@pytest.mark.parametrize("name", ["grey", "palette_16", "rgba"])
def test_kinds_of_png(name):
    assert cut_out(PNGS[name])["error"][0] in (b"",) or cut_out(PNGS[name])["error"][0].startswith(
        b"No product"
    )


@pytest.mark.parametrize("name", ["cmyk"])
def test_kinds_of_jpeg(name):
    outputs = cut_out(JPEGS[name])
    assert outputs["error"][0] == b"" or outputs["error"][0].startswith(b"No product")


def test_masks_of_decoded_photos_are_those_of_files():
    outputs = exported("cutout").ask("mask", images=PHOTO[np.newaxis])
    np.testing.assert_array_equal(
        outputs["masks"][0, ..., 0], decoded(cut_out(write_png(PHOTO))["mask_bytes"][0])
    )


def test_recolouring_changes_the_product_alone():
    outputs = recolour(write_png(PHOTO), target="#C9202B")
    assert outputs["error"].tolist() == [b""]
    result = decoded(outputs["image_bytes"][0])
    assert np.abs(np.median(result[inside_of(PHOTO, 5)], axis=(0, 1)) - (201, 32, 43)).max() < 6
    np.testing.assert_array_equal(result[:10], PHOTO[:10])
    assert 0.5 < outputs["confidence"][0] <= 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "rouge"}, b"Unknown target_colour. Received: 'rouge'. Known: black, white, grey, "),
        ({"target": ""}, b"Unknown target_colour. Received: ''. Known: "),
        ({"source": "#12"}, b"Unknown source_colour. Received: '#12'. Known: "),
        ({"strength": 1.5}, b"`strength` must be from 0 to 1. Received: 1.5"),
        ({"strength": float("nan")}, b"`strength` must be from 0 to 1. Received: nan"),
    ],
)
def test_wrong_wishes_are_said(options, message):
    outputs = recolour(write_png(PHOTO), **options)
    assert outputs["error"][0].startswith(message)
    assert outputs["image_bytes"][0] == b""
    assert outputs["confidence"][0] == 0.0
