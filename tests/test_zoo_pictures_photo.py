"""Photos and what their files hold: every kind, and nothing lost on the way through."""

import dataclasses
import io
import struct

import numpy as np
import pytest
from icc import make_grey_profile, make_profile
from picture_files import CMYK, DEEP_RGB, GREY, HEIGHT, JPEG, PICTURE, PNG, PNGS, RGB, WIDTH, png, saved
from PIL import Image

from zoo.pictures import colour_profiles
from zoo.pictures.photo import Photo
from zoo.pictures.photo_files import UnreadablePhotoError, format_of
from zoo.pictures.photo_writer import Writing
from zoo.pictures.png_chunks import SIGNATURE, insert_after_header

DEEP_GREY = DEEP_RGB[..., :1]
FORMATS = ("png", "jpeg", "webp", "avif", "tiff")


def written(photo, file_format="same", **options):
    return Writing(file_format, **options).write(photo)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_every_kind_is_read_by_content(kind):
    content = saved(PICTURE, kind)
    assert format_of(content[:16]) == kind
    photo = Photo.read(content)
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.opacity is None
    assert np.abs(photo.to_srgb().astype(int) - RGB).mean() < (20 if kind == "GIF" else 8)


def test_heic_is_read_and_kept_where_the_extra_is_installed():
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    photo = Photo.read(saved(PICTURE, "HEIF", quality=90))
    assert (photo.file_format, photo.size) == ("heif", (WIDTH, HEIGHT))
    assert Photo.read(written(photo)).file_format == "heif"


@pytest.mark.parametrize("key", PNGS)
def test_png_files_of_every_colour_type_keep_theirs(key):
    photo = Photo.read(PNGS[key])
    again = Photo.read(written(photo))
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert (again.opacity is None) == (photo.opacity is None)
    if photo.opacity is not None:
        np.testing.assert_array_equal(again.opacity, photo.opacity)


@pytest.mark.parametrize("file_format", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("space", [None, "display_p3"])
def test_sixteen_bits_are_kept_to_the_last(file_format, channels, space):
    opacity = DEEP_RGB[..., 1] if channels in (2, 4) else None
    pixels = DEEP_GREY if channels < 3 else DEEP_RGB
    profile = make_profile(space) if space and channels >= 3 else None
    photo = Photo(pixels, opacity, profile)
    again = Photo.read(written(photo, file_format, provenance="line"))
    assert again.pixels.dtype == np.uint16
    np.testing.assert_array_equal(again.pixels, pixels)
    assert (again.opacity is None) == (opacity is None)
    if opacity is not None:
        np.testing.assert_array_equal(again.opacity, opacity)
    assert again.profile == profile
    assert b"line" in again.metadata.xmp


# First row, first column and distances of the seven passes of an interlaced PNG file.
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


@pytest.mark.parametrize("pixels", [RGB, DEEP_RGB], ids=["8 bits", "16 bits"])
def test_interlaced_png_files(pixels):
    lines = []
    for row, column, down, right in PASSES:
        part = pixels[row::down, column::right]
        lines += [line.astype(f">u{pixels.itemsize}").tobytes() for line in part] if part.size else []
    content = png(WIDTH, HEIGHT, 8 * pixels.itemsize, 2, lines, interlace=1)
    np.testing.assert_array_equal(Photo.read(content).pixels, pixels)


def test_sixteen_bit_grey_of_any_strides():
    grey = (np.arange(12, dtype="uint16") * 5000).reshape(3, 4)[..., None]
    np.testing.assert_array_equal(Photo.read(written(Photo(grey))).pixels, grey)


def test_sixteen_bit_png_with_a_transparent_colour():
    hidden = struct.pack(">3H", *DEEP_RGB[2, 3])
    lines = [row.astype(">u2").tobytes() for row in DEEP_RGB]
    content = png(WIDTH, HEIGHT, 16, 2, lines)
    photo = Photo.read(insert_after_header(content, [(b"tRNS", hidden)]))
    np.testing.assert_array_equal(photo.opacity == 0, (DEEP_RGB[2, 3] == DEEP_RGB).all(axis=-1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once_and_reset(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    content = saved(PICTURE, kind, exif=exif)
    photo = Photo.read(content)
    upright = Image.open(io.BytesIO(written(photo, "png")))
    assert upright.getexif().get(0x0112, 1) == 1
    assert upright.getexif().get(0x010F) == "Maker"
    assert photo.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert photo.full_size == photo.size
    turned = Photo.read(written(photo, "png"))
    np.testing.assert_array_equal(turned.pixels, photo.pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_and_plain_files_are_turned_alike(orientation):
    deep = png(WIDTH, HEIGHT, 16, 2, [(row.astype(">u2") * 257).tobytes() for row in RGB])
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    photos = [Photo.read(insert_after_header(content, [(b"eXIf", exif)])) for content in (PNG, deep)]
    np.testing.assert_array_equal(photos[1].to_srgb(), photos[0].to_srgb())


def test_thumbnail_goes_and_makers_notes_stay():
    note = b"NOTE-with-offsets"
    thumbnail = saved(PICTURE.resize((8, 8)), "JPEG")
    # Two tags in the first directory, one in the camera's, and a second directory with the thumbnail.
    start, camera, second = 8, 8 + 2 + 24 + 4, 8 + 2 + 24 + 4 + 2 + 12 + 4
    note_at = second + 2 + 24 + 4
    thumbnail_at = note_at + len(note)
    exif = b"II*\0" + struct.pack("<I", start)
    exif += struct.pack("<HHHIHHHHIII", 2, 0x0112, 3, 1, 6, 0, 0x8769, 4, 1, camera, second)
    exif += struct.pack("<HHHIII", 1, 0x927C, 7, len(note), note_at, 0)
    exif += struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, thumbnail_at, 0x0202, 4, 1, len(thumbnail), 0)
    exif += note + thumbnail
    photo = Photo.read(saved(PICTURE, "JPEG", exif=b"Exif\0\0" + exif))
    assert photo.size == (HEIGHT, WIDTH)
    kept = photo.metadata.exif
    assert kept[note_at : note_at + len(note)] == note
    assert thumbnail not in kept
    assert len(kept) == thumbnail_at
    again = Image.open(io.BytesIO(written(photo))).getexif()
    assert again.get_ifd(0x8769)[0x927C] == note


def test_metadata_and_resolution_survive_every_format_that_holds_them():
    exif = Image.Exif()
    exif[33432] = "(c) A. Nyone"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><a tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    profile = make_profile("adobe_rgb")
    content = saved(PICTURE, "JPEG", exif=exif, xmp=xmp, dpi=(300, 300), icc_profile=profile, comment=b"hi")
    photo = Photo.read(content)
    for file_format in FORMATS:
        again = Photo.read(written(photo, file_format, provenance='zoo "x" & y'))
        assert again.profile == profile
        assert Image.open(io.BytesIO(written(photo, file_format))).getexif().get(33432) == "(c) A. Nyone"
        assert b'tiff:Orientation="1"' in again.metadata.xmp
        assert b'photoshop:History="zoo &quot;x&quot; &amp; y"' in again.metadata.xmp
        if file_format in ("png", "jpeg", "tiff"):
            assert again.metadata.dpi == pytest.approx((300, 300), abs=0.01)
    assert Photo.read(written(photo)).metadata.comment == b"hi"
    twice = Photo.read(written(Photo.read(written(photo, provenance="one")), provenance="two"))
    assert b'photoshop:History="one; two"' in twice.metadata.xmp


@pytest.mark.parametrize("file_format", FORMATS)
def test_stripped_files_say_nothing_and_keep_their_colours(file_format):
    exif = Image.Exif()
    exif[33432] = "(c) A. Nyone"
    photo = Photo.read(
        saved(PICTURE, "PNG", exif=exif, dpi=(300, 300), icc_profile=make_profile("display_p3"))
    )
    content = written(photo, file_format, strip=True, provenance="line")
    assert b"Nyone" not in content
    assert b"line" not in content
    again = Photo.read(content)
    assert again.profile is None
    assert again.metadata.dpi is None
    difference = np.abs(again.to_srgb().astype(int) - photo.to_srgb()).mean()
    assert difference < {"png": 0.01, "tiff": 0.01}.get(file_format, 6)


@pytest.mark.parametrize("space", ["display_p3", "adobe_rgb"])
def test_what_a_model_leaves_alone_keeps_every_bit(space):
    for pixels in (RGB, DEEP_RGB):
        photo = Photo(pixels, profile=make_profile(space))
        np.testing.assert_array_equal(photo.changed(photo.to_srgb()).pixels, pixels)


@pytest.mark.parametrize("space", ["display_p3", "adobe_rgb"])
def test_changes_are_carried_into_the_photos_colour_space(space):
    photo = Photo(RGB // 2 + 64, profile=make_profile(space))
    wanted = photo.to_srgb() // 2 + 60
    changed = photo.changed(wanted)
    assert np.abs(changed.to_srgb().astype(int) - wanted).mean() < 1.0
    assert changed.profile == photo.profile


def test_grey_and_cmyk_follow_and_grey_takes_colour_where_it_is_given():
    grey = Photo(np.asarray(GREY)[..., None], profile=make_grey_profile(1.8))
    darker = grey.changed(grey.to_srgb() // 2)
    assert darker.is_grey
    assert np.abs(darker.to_srgb().astype(int) - grey.to_srgb() // 2).max() <= 2
    red = grey.to_srgb() // 2
    red[..., 0] += 50
    assert grey.changed(red, keeps_grey=True).is_grey
    coloured = grey.changed(red)
    np.testing.assert_array_equal(coloured.to_srgb(), red)
    assert coloured.profile is None
    inks = Photo(np.asarray(CMYK))
    np.testing.assert_array_equal(inks.changed(inks.to_srgb()).pixels, inks.pixels)
    assert np.abs(inks.changed(RGB).to_srgb().astype(int) - RGB).max() <= 4


def test_a_deep_gradient_stays_smooth_when_it_is_enlarged():
    gradient = np.round(np.linspace(20_000, 24_000, 64 * 64)).astype("uint16").reshape(64, 64, 1)
    photo = Photo(np.repeat(gradient, 3, axis=-1))
    model = np.array(Image.fromarray(photo.extended()).resize((128, 128)))
    large = photo.enlarged(model)
    assert len(np.unique(large.pixels)) > 2_000
    assert np.abs(np.diff(large.pixels[..., 0].astype(int), axis=1)).max() <= 2
    model[40:50, 40:50] = 255
    assert (photo.enlarged(model).pixels[41:49, 41:49] > 64_000).all()


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_hidden_colours_do_not_fringe_an_enlargement(ground):
    """A soft disc of one colour; its file hides bright green where it is transparent."""
    rows, columns = np.mgrid[:40, :40]
    opacity = (np.clip(14 - np.hypot(rows - 20, columns - 20), 0, 1) * 255).astype("uint8")
    colours = np.full([40, 40, 3], (0, 255, 0), "uint8")
    colours[opacity > 0] = (180, 60, 40)
    photo = Photo(colours, opacity)
    large = photo.enlarged(np.asarray(Image.fromarray(photo.extended()).resize((80, 80))))
    share = np.asarray(Image.fromarray(opacity.astype("float32")).resize((80, 80), Image.Resampling.BICUBIC))
    share = np.clip(share, 0, 255)[..., None] / 255
    truth = share * np.array([180, 60, 40]) + (1 - share) * ground
    seen = large.opacity[..., None] / 255.0
    assert np.abs(seen * large.pixels + (1 - seen) * ground - truth).max() <= 1.0


def test_gamma_of_png_files_is_applied():
    lines = [bytes([128] * WIDTH)] * HEIGHT
    content = png(WIDTH, HEIGHT, 8, 0, lines)
    linear = insert_after_header(content, [(b"gAMA", struct.pack(">I", 100_000))])
    assert Photo.read(linear).pixels.max() == 188  # half of the light
    usual = insert_after_header(content, [(b"gAMA", struct.pack(">I", 45_455))])
    assert Photo.read(usual).pixels.max() == 128


def test_profiles_that_do_not_matter_are_not_used():
    assert colour_profiles.usable_profile(make_profile("display_p3"), 1) is None
    assert colour_profiles.usable_profile(b"no profile", 3) is None
    assert colour_profiles.usable_profile(None, 3) is None
    srgb = io.BytesIO()
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour_profiles.usable_profile(srgb, 3) is None
    assert Photo.read(written(Photo(RGB, profile=srgb))).profile == srgb


def test_formats_that_cannot_hold_a_result_become_png():
    transparent = Photo(RGB, RGB[..., 0], file_format="jpeg")
    assert Writing("jpeg").format_of(transparent) == "png"
    assert Writing().format_of(transparent) == "png"
    assert Writing("webp").format_of(transparent) == "webp"
    assert Writing().format_of(dataclasses.replace(transparent, file_format="gif", opacity=None)) == "png"


@pytest.mark.parametrize(("quality", "factors"), [(95, (1, 1)), (90, (1, 1)), (89, (2, 2))])
def test_high_qualities_keep_the_chroma_of_jpeg_files(quality, factors):
    content = written(Photo(RGB), "jpeg", quality=quality)
    assert Image.open(io.BytesIO(content)).layer[0][1:3] == factors


def test_lossless_webp_stays_lossless():
    photo = Photo.read(saved(PICTURE, "WEBP", lossless=True))
    np.testing.assert_array_equal(Photo.read(written(photo)).pixels, RGB)


UNREADABLE = {
    "empty": (b"", "not an image: the file is empty"),
    "pdf": (b"%PDF-1.7 ....", "a kind of file that is not read: PDF; save it as JPEG or PNG"),
    "svg": (b"  <svg xmlns=''>", "a kind of file that is not read: SVG; save it as JPEG or PNG"),
    "psd": (b"8BPS" + bytes(30), "a kind of file that is not read: Photoshop; save it as JPEG or PNG"),
    "text mode": (PNG.replace(b"\r\n", b"\n"), "damaged: a PNG file whose line ends were changed"),
    "cut": (JPEG[:200], "truncated"),
    "cut png": (PNG[:-30], "truncated"),
    "only a header": (SIGNATURE, "truncated: the header is damaged or ends early"),
    "monstrous": (png(60_000, 60_000, 8, 0, [b""]), "larger than 25 megapixels"),
    "long": (png(70_000, 1, 8, 0, [bytes(70_000)]), "a side of more than 65,535 pixels: 70000 x 1"),
}


@pytest.mark.parametrize("key", UNREADABLE)
def test_what_cannot_be_read_says_why(key):
    content, message = UNREADABLE[key]
    with pytest.raises(UnreadablePhotoError) as error:
        Photo.read(content)
    assert str(error.value).startswith(message)


def test_extras_of_png_files_do_not_spoil_the_picture():
    long_text = (b"tEXt", b"Comment\0" + b"x" * (2 << 20))
    content = insert_after_header(PNG, [long_text])
    wrong_checksum = bytearray(insert_after_header(PNG, [(b"tEXt", b"Comment\0hello")]))
    wrong_checksum[wrong_checksum.index(b"hello") + 5] ^= 1
    for file in (content, bytes(wrong_checksum)):
        np.testing.assert_array_equal(Photo.read(file).pixels, RGB)
