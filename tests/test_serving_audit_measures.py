"""What an audit measures of photos: files, frames, sharpness and grounds."""

import io
from pathlib import Path

import numpy as np
import pytest
from garment_photos import wide_photo
from icc import make_profile
from PIL import Image, ImageCms, ImageDraw, ImageFilter

from serving.audit.measures import has_frame, measure_ground, measure_photo, measure_sharpness
from zoo.pictures.photo_files import UnreadablePhotoError

PHOTO = Image.fromarray(wide_photo("02-t-shirt"))


def measured(picture, kind="JPEG", name="a.jpg", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return measure_photo(buffer.getvalue(), Path(name))


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_of_jpeg_is_read_from_its_tables(quality):
    assert measured(PHOTO, quality=quality)["jpeg_quality"] == quality


def test_files_are_measured_by_their_content():
    values = measured(PHOTO, "PNG", "a.jpg", dpi=(96, 96))
    assert (values["format"], values["has_own_ending"], values["dpi"]) == ("png", False, 96)
    assert "jpeg_quality" not in values
    assert (values["width"], values["height"]) == PHOTO.size
    assert values["ratio"] == PHOTO.width / PHOTO.height
    assert measured(PHOTO)["has_own_ending"]
    assert measured(PHOTO.convert("CMYK"))["colours"] == "cmyk"
    assert measured(PHOTO.convert("L"))["colours"] == "grey"
    deep = Image.fromarray(np.full([30, 30], 40000, "uint16"))
    assert measured(deep, "PNG", "a.png")["bits"] == 16


def test_photos_are_measured_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    values = measured(PHOTO, exif=exif)
    assert (values["height"], values["width"]) == PHOTO.size


def test_turned_photos_and_profiles_are_told():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert measured(PHOTO, exif=exif)["is_turned"]
    assert not measured(PHOTO)["is_turned"]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert [measured(PHOTO, icc_profile=profile)["profile"] for profile in (None, srgb)] == ["none", "srgb"]
    assert measured(PHOTO, icc_profile=make_profile("display_p3"))["profile"] == "other"


@pytest.mark.parametrize(
    ("left", "top", "expected"), [(40, 40, 0.0), (0, 40, 0.4), (40, 70, 0.3), (50, 45, 0.1)]
)
def test_products_off_the_middle_are_told(left, top, expected):
    opacity = np.zeros([100, 100], "float32")
    opacity[top : top + 20, left : left + 20] = 1.0
    values = measure_ground(np.full([100, 100, 3], 255, "uint8"), opacity)
    assert values["off_centre"] == pytest.approx(expected)


def test_what_is_no_photo_is_refused():
    with pytest.raises(UnreadablePhotoError):
        measure_photo(b"no photo", Path("a.jpg"))


def test_blurred_photos_are_told_from_sharp_ones():
    def sharpness(picture):
        return measure_sharpness(np.asarray(picture.convert("L"), "float32"))

    assert sharpness(PHOTO) > 0.65
    assert sharpness(PHOTO.filter(ImageFilter.GaussianBlur(2))) < 0.6
    noise = np.random.default_rng(0).normal(0, 6, (PHOTO.height, PHOTO.width, 3))
    blurred = np.asarray(PHOTO.filter(ImageFilter.GaussianBlur(3)), "float32") + noise
    assert sharpness(Image.fromarray(blurred.clip(0, 255).astype("uint8"))) < 0.6
    assert measure_sharpness(np.full([5, 5], 7.0)) == 0.0


@pytest.mark.parametrize("width", [1, 3, 12])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (230, 30, 90)])
def test_frames_are_found(width, colour):
    framed = PHOTO.copy()
    box = (0, 0, framed.width - 1, framed.height - 1)
    ImageDraw.Draw(framed).rectangle(box, outline=colour, width=width)
    assert has_frame(np.asarray(framed))
    assert measured(framed, quality=85)["has_frame"]


def product_on(ground, box, colour=(40, 60, 120), size=(200, 200)):
    picture = Image.new("RGB", size, ground)
    ImageDraw.Draw(picture).ellipse(box, fill=colour)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return np.asarray(picture), np.asarray(mask, "float32") / 255.0


@pytest.mark.parametrize("margin", [0, 4, 40])
def test_a_product_on_an_even_ground_has_no_frame(margin):
    picture, _ = product_on((255, 255, 255), (margin, margin, 199 - margin, 199 - margin))
    assert not has_frame(picture)
    assert not has_frame(np.asarray(PHOTO))
    assert not has_frame(np.full([4, 4, 3], 9, "uint8"))


def test_grounds_are_measured_beside_the_product():
    values = measure_ground(*product_on((255, 255, 255), (10, 50, 189, 150)))
    assert values["white_ground"] == values["light_ground"] == 1.0
    assert values["fill"] == pytest.approx(0.9)
    assert not values["is_cut_off"]
    values = measure_ground(*product_on((240, 240, 238), (60, 50, 139, 150)))
    assert (values["white_ground"], values["light_ground"]) == (0.0, 1.0)
    assert measure_ground(*product_on((180, 180, 180), (60, 50, 139, 150)))["light_ground"] == 0.0


def test_a_product_at_a_border_is_cut_off():
    values = measure_ground(*product_on((255, 255, 255), (-80, 50, 100, 150)))
    assert values["is_cut_off"]


def test_without_a_product_nothing_is_said_of_it():
    assert measure_ground(np.zeros([9, 9, 3], "uint8"), np.zeros([9, 9])) == {}
    everywhere = measure_ground(np.zeros([9, 9, 3], "uint8"), np.ones([9, 9]))
    assert everywhere == {"fill": 1.0, "off_centre": 0.0, "is_cut_off": True}
