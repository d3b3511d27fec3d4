"""Pictures in files, compared with what Pillow reads out of the same files."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from decoded_rows import decode_row
from picture_files import (
    COLUMNS,
    DEEP_RGB,
    HEIGHT,
    JPEG,
    JPEGS,
    PICTURE,
    PNG,
    PNGS,
    RGB,
    WIDTH,
    chunk,
    deep,
    exif_bytes,
    jpeg_with,
    png,
    saved,
)
from PIL import Image, ImageOps

from export.images.file_bytes import piece_at
from export.images.image_bytes import encode_png_row, encode_png_rows, map_image_rows


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode_rgb(image_bytes):
    return decode_row(image_bytes, channels=3)


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode_grey(image_bytes):
    return decode_row(image_bytes, channels=1)


def decoded(file, decode=decode_rgb):
    raw_image, error = decode(file)
    assert error.numpy() == b""
    return raw_image.numpy()


def with_pillow(file, mode="RGB"):
    """What a viewer shows: upright, on white."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    raw_image = np.asarray(picture.convert(mode))
    return raw_image if mode == "RGB" else raw_image[..., np.newaxis]


def assert_close(raw_image, expected, levels):
    assert raw_image.shape == expected.shape
    assert np.abs(raw_image.astype(int) - expected.astype(int)).max() <= levels


@pytest.mark.parametrize("name", PNGS)
def test_png_equals_pillow(name):
    assert_close(decoded(PNGS[name]), with_pillow(PNGS[name]), levels=1)
    grey = with_pillow(PNGS[name], "L")
    assert_close(decoded(PNGS[name], decode_grey), grey, levels=1)


def test_interlaced_png_equals_the_plain_one():
    # Two by two pixels have three of the seven passes of Adam7: (0, 0), (0, 1) and the second row.
    top_left, top_right, second_row = RGB[0, 0], RGB[0, 1], RGB[1, :2]
    lines = [top_left.tobytes(), top_right.tobytes(), second_row.tobytes()]
    np.testing.assert_array_equal(decoded(png(2, 2, 8, 2, lines, interlace=1)), RGB[:2, :2])


def test_sixteen_bits_are_cut_to_eight():
    np.testing.assert_array_equal(decoded(png(WIDTH, HEIGHT, 16, 2, deep(DEEP_RGB))), DEEP_RGB >> 8)
    grey = png(WIDTH, HEIGHT, 16, 0, deep(DEEP_RGB[..., 0]))
    np.testing.assert_array_equal(decoded(grey, decode_grey)[..., 0], DEEP_RGB[..., 0] >> 8)


def test_sixteen_bit_alpha_is_composited_on_white():
    deep_alpha = np.dstack([DEEP_RGB, COLUMNS * 1900]).astype("uint16")
    alpha = (deep_alpha[..., 3:] >> 8) / 255
    expected = np.round((DEEP_RGB >> 8) * alpha + 255 * (1 - alpha))
    assert_close(decoded(png(WIDTH, HEIGHT, 16, 6, deep(deep_alpha))), expected, levels=1)


def test_transparent_colour_of_sixteen_bits_is_compared_before_it_is_cut():
    values = np.array([[0x1234, 0x1235]])
    file = png(2, 1, 16, 0, deep(values), chunk(b"tRNS", struct.pack(">H", 0x1234)))
    assert decoded(file, decode_grey).ravel().tolist() == [255, 0x12]


@pytest.mark.parametrize("name", JPEGS)
def test_jpeg_equals_pillow(name):
    assert_close(decoded(JPEGS[name]), with_pillow(JPEGS[name]), levels=2)
    assert_close(decoded(JPEGS[name], decode_grey), with_pillow(JPEGS[name], "L"), levels=2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_equals_pillow(orientation):
    for byte_order, kind in (("<", "H"), (">", "H"), (">", "I")):
        file = jpeg_with([(0xE1, b"Exif\0\0" + exif_bytes(orientation, byte_order, kind))])
        assert_close(decoded(file), with_pillow(file), levels=2)
    assert_close(decoded(file, decode_grey), with_pillow(file, "L"), levels=2)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"XX*\0" + exif_bytes(6)[4:],
        exif_bytes(0),
        exif_bytes(9),
        exif_bytes(6).replace(b"\x12\x01", b"\x13\x01"),
    ],
)
def test_unreadable_orientation_counts_as_upright(exif):
    assert_close(decoded(jpeg_with([(0xE1, b"Exif\0\0" + exif)])), decoded(JPEG), levels=0)


def test_first_exif_segment_counts_and_other_segments_do_not():
    segments = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), (0xE1, b"Exif\0\0" + exif_bytes(3))]
    file = jpeg_with([*segments, (0xE1, b"Exif\0\0" + exif_bytes(6)), (0xFE, exif_bytes(8))])
    np.testing.assert_array_equal(decoded(file), decoded(JPEG)[::-1, ::-1])


TO_SQUARE = tf.TensorSpec([4, 4, 3], tf.float32)


def to_square(raw_image):
    return tf.image.resize(raw_image, [4, 4])


class Rows(tf.Module):
    """The two ways in which signatures use rows."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def stack(self, image_bytes):
        images, error = map_image_rows(image_bytes, 3, to_square, TO_SQUARE)
        return {"images": images, "error": error}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def mirror(self, image_bytes):
        file, error = map_image_rows(
            image_bytes, 3, lambda raw_image: encode_png_row(raw_image[:, ::-1]), tf.TensorSpec([], tf.string)
        )
        return {"image_bytes": file, "error": error}


@pytest.fixture(scope="module")
def session_run(tmp_path_factory):
    """Runs a signature of a saved `Rows` in a session, as TF Serving does."""
    path = str(tmp_path_factory.mktemp("rows"))
    rows = Rows()
    tf.saved_model.save(rows, path, signatures={"stack": rows.stack, "mirror": rows.mirror})
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def

    def run(name, files):
        signature = signatures[name]
        fetches = {alias: info.name for alias, info in signature.outputs.items()}
        feed = {signature.inputs["image_bytes"].name: np.array(files, dtype=object)}
        return session.run(fetches, feed)

    return run


FILES = [PNG, b"no picture", JPEG, JPEG[:-2], b"", saved(PICTURE.resize((7, 5)), "PNG")]


def test_rows_are_stacked_in_a_session_and_bad_ones_leave_their_neighbours_alone(session_run):
    outputs = session_run("stack", FILES)
    assert outputs["images"].shape == (6, 4, 4, 3)
    assert [bool(error) for error in outputs["error"]] == [False, True, False, True, True, False]
    np.testing.assert_allclose(outputs["images"][0], to_square(RGB), atol=1e-3)
    assert not outputs["images"][[1, 3, 4]].any()
    for index, file in enumerate(FILES):
        alone = session_run("stack", [file])
        np.testing.assert_array_equal(alone["images"][0], outputs["images"][index])
        assert alone["error"][0] == outputs["error"][index]


def test_files_of_any_size_are_answered_with_files(session_run):
    outputs = session_run("mirror", FILES)
    assert [file == b"" for file in outputs["image_bytes"]] == [bool(error) for error in outputs["error"]]
    np.testing.assert_array_equal(with_pillow(outputs["image_bytes"][0]), RGB[:, ::-1])
    assert with_pillow(outputs["image_bytes"][5]).shape == (5, 7, 3)


@pytest.mark.parametrize("name", ["stack", "mirror"])
def test_batch_of_no_rows_gives_no_rows(session_run, name):
    outputs = session_run(name, [])
    assert {len(output) for output in outputs.values()} == {0}


def test_only_bad_rows_run_without_a_decoder(session_run):
    assert all(session_run("stack", [b"", JPEG[:-2]])["error"])


def test_open_output_spec_is_refused():
    with pytest.raises(
        ValueError, match="`output_spec` must have a fully known shape.*Received: output_spec="
    ):
        map_image_rows(
            tf.constant([PNG]), 3, lambda raw_image: raw_image, tf.TensorSpec([None, 4, 3], tf.uint8)
        )


def test_png_rows_are_encoded_without_loss():
    raw_images = np.stack([RGB, RGB[::-1]])
    for file, raw_image in zip(encode_png_rows(raw_images).numpy(), raw_images, strict=True):
        np.testing.assert_array_equal(with_pillow(file), raw_image)
    assert encode_png_rows(tf.zeros([0, 8, 8, 1], tf.uint8)).shape == [0]


def test_pieces_are_cut_to_the_file():
    assert piece_at(tf.constant([b"abc", b""]), -5, 2).numpy().tolist() == [b"ab", b""]
    assert piece_at(tf.constant([b"abc", b""]), 2, 9).numpy().tolist() == [b"c", b""]
