"""`upscale` and `upscale_png`: any size, files of different sizes in one request, and rows that are wrong."""

import numpy as np
import pytest
from exported_models import exported, from_png, random_pictures, to_png
from picture_files import DEEP_RGB, HEIGHT, JPEG, JPEGS, PNG, PNGS, RGB, WIDTH, deep, png

from export.signatures.of_models import make_signatures

UPSCALERS = {"srcnn_x2": 2, "srcnn_x3": 3, "fsrcnn_x3": 3, "fsrcnn_rgb_x4": 4, "ecbsr_x2": 2}


def upscale(name, raw_images):
    outputs = exported(name).ask("upscale", images=raw_images)
    assert outputs["error"].tolist() == [b""] * len(raw_images)
    return outputs["images"]


def upscale_files(name, files):
    return exported(name).ask("upscale_png", image_bytes=files)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (13, 8), (64, 48)])
@pytest.mark.parametrize("name", UPSCALERS)
def test_pictures_of_any_size_are_enlarged(name, height, width):
    factor = UPSCALERS[name]
    raw_images = random_pictures(2, height, width, 3)
    assert upscale(name, raw_images).shape == (2, factor * height, factor * width, 3)


@pytest.mark.parametrize("name", UPSCALERS)
def test_a_picture_is_enlarged_the_same_in_every_company(name):
    raw_images = random_pictures(5, 12, 10, 3)
    together = upscale(name, raw_images)
    for row in range(5):
        np.testing.assert_array_equal(upscale(name, raw_images[row : row + 1])[0], together[row])


FILES = {
    "png": (PNG, (HEIGHT, WIDTH)),
    "garbage": (b"no picture", b"`image_bytes` must hold a PNG or JPEG file. Received: 10 bytes"),
    "jpeg": (JPEG, (HEIGHT, WIDTH)),
    "empty": (b"", b"`image_bytes` must hold a PNG or JPEG file. Received: 0 bytes."),
    "small": (to_png(random_pictures(1, 2, 5, 3)[0]), (2, 5)),
    "truncated": (PNG[: len(PNG) // 2], b"A PNG must be whole, from its IHDR to its IEND chunk."),
    "sixteen_bits": (png(WIDTH, HEIGHT, 16, 2, deep(DEEP_RGB)), (HEIGHT, WIDTH)),
    "oversized": (
        png(5200, 5000, 8, 0, [b""]),
        b"at most 25000000 pixels, so that it fits in memory. Received: width=5200, height=5000.",
    ),
    "palette": (PNGS["palette_16"], (HEIGHT, WIDTH)),
    "truncated_jpeg": (JPEG[:-2], b"A JPEG must be whole, up to its end marker (EOI)."),
    "alpha": (PNGS["rgba"], (HEIGHT, WIDTH)),
    "grey": (PNGS["grey"], (HEIGHT, WIDTH)),
    "cmyk": (JPEGS["cmyk"], (HEIGHT, WIDTH)),
    "turned": (PNGS["exif_before_pixels"], (WIDTH, HEIGHT)),
}


@pytest.mark.parametrize("name", UPSCALERS)
def test_each_file_keeps_its_own_size_and_bad_ones_are_named(name):
    factor = UPSCALERS[name]
    outputs = upscale_files(name, [file for file, _ in FILES.values()])
    rows = zip(FILES.items(), outputs["image_bytes"], outputs["error"], strict=True)
    for (key, (file, expected)), upscaled, error in rows:
        if isinstance(expected, bytes):
            assert expected in error, key
            assert upscaled == b"", key
        else:
            assert error == b"", key
            assert from_png(upscaled).shape == (factor * expected[0], factor * expected[1], 3), key
            assert upscale_files(name, [file])["image_bytes"][0] == upscaled, key


def test_files_are_enlarged_as_the_pictures_in_them():
    for file, raw_image in ((PNG, RGB), (FILES["sixteen_bits"][0], (DEEP_RGB >> 8).astype("uint8"))):
        (upscaled,) = upscale_files("srcnn_x2", [file])["image_bytes"]
        np.testing.assert_array_equal(from_png(upscaled), upscale("srcnn_x2", raw_image[np.newaxis])[0])


def test_only_bad_files_are_answered_too():
    outputs = upscale_files("srcnn_x2", [b"", b"x"])
    assert outputs["image_bytes"].tolist() == [b"", b""]
    assert all(outputs["error"])


@pytest.mark.parametrize("name", ["srcnn_x2", "fsrcnn_x3"])
def test_large_pictures_are_enlarged_in_tiles_without_a_seam(monkeypatch, name):
    raw_images = random_pictures(2, 45, 30, 3)
    whole = upscale(name, raw_images)
    model = exported(name).model
    # Fourteen by fifteen pixels of the input a tile, and fewer in the last.
    monkeypatch.setattr(model, "max_tile_pixels", 210 * UPSCALERS[name] ** 2)
    signatures = {signature.name: signature for signature in make_signatures(model)}
    in_tiles = signatures["upscale"].run({"images": raw_images})["images"]
    assert np.abs(in_tiles.astype(int) - whole).max() <= 1
    files = np.array([to_png(raw_image) for raw_image in raw_images], object)
    upscaled = signatures["upscale_png"].run({"image_bytes": files})["image_bytes"]
    np.testing.assert_array_equal([from_png(file) for file in upscaled], in_tiles)
