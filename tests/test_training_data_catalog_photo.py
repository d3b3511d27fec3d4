"""Photos of every kind: converted as a viewer shows them, or refused with the reason."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from picture_files import ALPHA, CMYK, DEEP_RGB, GREY, JPEG, PICTURE, PNG, RGB, deep, png, saved
from PIL import Image

from training.data.catalog import photo as catalog_photo
from training.data.catalog.photo import PhotoSettings, find_photo, read_photo
from training.data.catalog.quarantine import UnreadableRowError

HEIGHT, WIDTH = RGB.shape[:2]
DEEP_GREY = DEEP_RGB[..., 0]


def on_white(rgb, alpha):
    share = alpha[..., np.newaxis] / 255
    return rgb * share + 255 * (1 - share)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def read(tmp_path, content, **settings):
    (tmp_path / "photo").write_bytes(content)
    photo = read_photo("photo", PhotoSettings(images_dir=tmp_path, **settings))
    return photo, np.asarray(Image.open(io.BytesIO(photo.image_bytes)).convert("RGB")).astype(float)


GREY_AS_RGB = np.repeat(np.asarray(GREY)[..., np.newaxis], 3, axis=-1)
CASES = {
    "rgb": (PNG, RGB),
    "grey": (saved(GREY, "PNG"), GREY_AS_RGB),
    "grey jpeg": (saved(GREY, "JPEG", quality=100), GREY_AS_RGB),
    "one bit": (
        saved(Image.fromarray(RGB[..., 0] > 100), "PNG"),
        (RGB[..., :1] > 100) * np.array([255, 255, 255]),
    ),
    "palette": (saved(PICTURE.quantize(256), "PNG"), np.asarray(PICTURE.quantize(256).convert("RGB"))),
    "gif": (saved(PICTURE.quantize(64), "GIF"), np.asarray(PICTURE.quantize(64).convert("RGB"))),
    "16-bit grey": (
        saved(Image.fromarray(DEEP_GREY), "PNG"),
        np.repeat(DEEP_GREY[..., np.newaxis] / 257, 3, axis=-1),
    ),
    "16-bit grey tiff": (
        saved(Image.fromarray(DEEP_GREY), "TIFF"),
        np.repeat(DEEP_GREY[..., np.newaxis] / 257, 3, axis=-1),
    ),
    "16-bit rgb": (png(WIDTH, HEIGHT, 16, 2, deep(DEEP_RGB.reshape(HEIGHT, -1))), DEEP_RGB / 257),
    "alpha": (saved(Image.fromarray(np.dstack([RGB, ALPHA])), "PNG"), on_white(RGB, ALPHA)),
    "grey with alpha": (
        saved(Image.merge("LA", [GREY, Image.fromarray(ALPHA)]), "PNG"),
        on_white(GREY_AS_RGB, ALPHA),
    ),
    "webp with alpha": (
        saved(Image.fromarray(np.dstack([RGB, ALPHA])), "WEBP", lossless=True, exact=True),
        on_white(RGB, ALPHA),
    ),
    "transparent palette": (
        saved(Image.fromarray(RGB[..., 0] // 64, "P"), "PNG", transparency=0),
        None,
    ),
    "transparent colour": (
        saved(PICTURE, "PNG", transparency=tuple(map(int, RGB[3, 4]))),
        np.where((RGB[3, 4] == RGB).all(axis=-1, keepdims=True), 255, RGB),
    ),
    "cmyk jpeg": (
        saved(CMYK, "JPEG", quality=100),
        (255 - np.asarray(CMYK)[..., :3].astype(float))
        * (255 - np.asarray(CMYK)[..., 3:].astype(float))
        / 255,
    ),
    "bmp": (saved(PICTURE, "BMP"), RGB),
    "animated": (saved(PICTURE, "PNG", save_all=True, append_images=[GREY.convert("RGB")]), RGB),
}


@pytest.mark.parametrize("name", CASES)
def test_conversion(tmp_path, name):
    content, expected = CASES[name]
    photo, shown = read(tmp_path, content)
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)
    if name == "transparent palette":
        assert (shown[RGB[..., 0] // 64 == 0] == 255).all()
        return
    is_jpeg = "jpeg" in name
    assert np.abs(shown - expected).max() <= (12 if is_jpeg else 1)
    assert np.abs(shown - expected).mean() <= (3 if is_jpeg else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_turned_photos_come_out_upright(tmp_path, orientation, kind):
    quality = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    stored = PICTURE if undo is None else PICTURE.transpose(Image.Transpose(undo))
    photo, shown = read(tmp_path, saved(stored, kind, exif=exif(orientation), **quality))
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)
    assert np.abs(shown - RGB).mean() < 2


def test_metadata_that_cannot_be_written_anew_are_no_reason_to_leave_a_photo_turned(tmp_path, monkeypatch):
    content = saved(PICTURE.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif(6))

    def fail(self, offset=8):
        raise ValueError("a tag of an unknown type")

    monkeypatch.setattr(Image.Exif, "tobytes", fail)
    photo, shown = read(tmp_path, content)
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(shown, RGB)


def test_original_jpeg_is_left_as_it_is(tmp_path):
    assert read(tmp_path, JPEG)[0].image_bytes == JPEG


def test_jpeg_without_its_last_marker_is_written_anew(tmp_path):
    # One of those that Pillow decodes without it.
    noise = np.random.default_rng(31).integers(0, 256, (27, 33, 3), "uint8")
    jpeg = saved(Image.fromarray(noise), "JPEG", quality=85)
    photo, rgb = read(tmp_path, jpeg[:-2])
    assert photo.image_bytes.startswith(b"\x89PNG")
    np.testing.assert_array_equal(rgb, np.asarray(Image.open(io.BytesIO(jpeg))))


def test_a_jpeg_that_tensorflow_would_refuse_is_written_anew(tmp_path):
    """Pillow fills damaged pixels up in silence; training would end at them, without a name."""
    damaged = (Path(__file__).parent / "support" / "damaged_pixels.jpg").read_bytes()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_jpeg(damaged)
    photo, rgb = read(tmp_path, damaged)
    assert photo.image_bytes.startswith(b"\x89PNG")
    np.testing.assert_array_equal(tf.io.decode_png(photo.image_bytes), rgb)


def test_only_codes_that_tensorflow_knows_are_kept(tmp_path, monkeypatch):
    progressive = saved(PICTURE, "JPEG", progressive=True)
    assert read(tmp_path, progressive)[0].image_bytes == progressive
    monkeypatch.setattr(catalog_photo, "_HUFFMAN_FRAMES", (0xC0,))
    assert read(tmp_path, progressive)[0].image_bytes.startswith(b"\x89PNG")


def test_accents_in_file_names_may_be_written_either_way(tmp_path):
    (tmp_path / "cafe\u0301.png").write_bytes(PNG)
    assert read_photo("caf\u00e9.png", PhotoSettings(images_dir=tmp_path)).width == 33


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_crop_is_the_centre_square(tmp_path, kind):
    bars = np.zeros([100, 300, 3], "uint8")
    bars[:, 100:200] = (200, 100, 50)
    _, shown = read(tmp_path, saved(Image.fromarray(bars), kind, quality=100), size=20)
    assert shown.shape == (20, 20, 3)
    assert np.abs(shown[:, 3:-3] - (200, 100, 50)).max() < 8


def test_pad_keeps_the_whole_photo_on_white(tmp_path):
    _, shown = read(tmp_path, saved(Image.new("RGB", (300, 100), (200, 0, 0)), "PNG"), size=30, fit="pad")
    assert (shown[:9] == 255).all()
    assert (shown[21:] == 255).all()
    assert np.abs(shown[12:18] - (200, 0, 0)).max() <= 1


def test_shrinking_in_the_decoder_changes_little(tmp_path):
    smooth = PICTURE.resize((640, 800), Image.Resampling.BICUBIC)
    _, jpeg = read(tmp_path, saved(smooth, "JPEG", quality=98), size=64)
    _, exact = read(tmp_path, saved(smooth, "PNG"), size=64)
    assert np.abs(jpeg - exact).mean() < 1.5


def header_only_png(width, height):
    return png(width, height, 8, 2, [])


# A wrong byte in the middle of its pixels: what comes before it would still look like a picture.
NOISE = np.random.default_rng(0).integers(0, 256, (24, 33, 3), "uint8")
DAMAGED_PNG = bytearray(saved(Image.fromarray(NOISE), "PNG"))
DAMAGED_PNG[len(DAMAGED_PNG) // 2] ^= 0xFF
DAMAGED_PNG = bytes(DAMAGED_PNG)

REFUSALS = {
    "empty file": (b"", {}, "not an image", "the file is empty"),
    "text": (b"<html>not found</html>", {}, "not an image", "begins with 3c 68 74 6d"),
    "postscript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        {},
        "a kind of file that is not read",
        "PostScript",
    ),
    "a png with a wrong byte": (DAMAGED_PNG, {}, "damaged", "the checksum of its IDAT chunk is wrong"),
    "a line": (header_only_png(70_000, 8), {"min_size": 1}, "a side of more than 65,535 pixels", "70000 x 8"),
    "half a png": (PNG[: len(PNG) // 2], {}, "truncated", ""),
    "half a jpeg": (JPEG[: len(JPEG) // 2], {}, "truncated", ""),
    "a png's signature": (PNG[:8], {}, "truncated", "header"),
    "a jpeg's first bytes": (JPEG[:40], {}, "truncated", "header"),
    "small": (PNG, {"min_size": 25}, "smaller than 25 pixels", "33 x 24"),
    "bomb": (header_only_png(60_000, 60_000), {}, "larger than 25 megapixels", "3600000000 pixels"),
    "just too large": (header_only_png(5001, 5000), {}, "larger than 25 megapixels", "5001 x 5000"),
    "floats": (saved(Image.fromarray(RGB[..., 0].astype("float32")), "TIFF"), {}, "unknown colour mode", ""),
    "deep grey beyond 16 bits": (
        saved(Image.fromarray(RGB[..., 0].astype("int32") * 1000), "TIFF"),
        {},
        "unknown colour mode",
        "more than 16 bits",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(tmp_path, name):
    content, settings, reason, detail = REFUSALS[name]
    with pytest.raises(UnreadableRowError) as caught:
        read(tmp_path, content, **settings)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_large_photos_are_refused_without_being_decoded(tmp_path, monkeypatch):
    def decode(*args):
        raise MemoryError("decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    monkeypatch.setattr(Image.Image, "draft", decode)
    with pytest.raises(UnreadableRowError, match="larger than 25 megapixels"):
        read(tmp_path, header_only_png(30_000, 30_000))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("", "no photo named"),
        ("  ", "no photo named"),
        ("none.jpg", "missing"),
        ("a\0.jpg", "missing"),
        ("x" * 5000, "missing"),
        ("broken_link.png", "missing"),
        ("../secret.png", "outside the image folder"),
        ("sub/../../secret.png", "outside the image folder"),
        ("..\\secret.png", "outside the image folder"),
        ("/etc/passwd", "outside the image folder"),
        ("C:\\photos\\a.png", "outside the image folder"),
        ("\\\\server\\a.png", "outside the image folder"),
        ("link.png", "outside the image folder"),
        ("LINK.PNG", "outside the image folder"),
        ("twice.PNG", "missing"),
        ("linked/secret.png", "outside the image folder"),
        ("sub", "not an image"),
        (".", "not an image"),
        ("pipe", "not an image"),
        ("loop", "missing"),
    ],
)
def test_paths_that_are_refused(tmp_path, file, reason):
    images = tmp_path / "images"
    (images / "sub").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(PNG)
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    for name in ("Twice.png", "twice.png"):
        (images / name).write_bytes(PNG)
    (images / "linked").symlink_to(tmp_path)
    (images / "broken_link.png").symlink_to(images / "nothing.png")
    (images / "loop").symlink_to(images / "loop")
    os.mkfifo(images / "pipe")
    with pytest.raises(UnreadableRowError) as caught:
        read_photo(file, PhotoSettings(images_dir=images))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "file",
    [
        "sub/a.png",
        "sub\\a.png",
        "sub/../sub/a.png",
        "images/sub/a.png",
        " sub/a.png",
        "inside.png",
        "sub/A.PNG",
    ],
)
def test_paths_that_are_understood(tmp_path, file):
    images = tmp_path / "images"
    (images / "sub").mkdir(parents=True)
    (images / "sub/a.png").write_bytes(PNG)
    (images / "inside.png").symlink_to(images / "sub/a.png")
    assert find_photo(file, images) == (images / "sub/a.png").resolve()


def test_files_beyond_memory_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog_photo, "MAX_FILE_BYTES", 100)
    with pytest.raises(UnreadableRowError, match="file too large"):
        read(tmp_path, PNG)
