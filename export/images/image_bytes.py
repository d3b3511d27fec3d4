"""Decodes photos and encodes pictures inside the exported graph, with one error per row.

Consists of TensorFlow operations alone, so it is saved with the model. Checks everything that a file's header
tells before decoding a pixel, because an error inside a decoder fails every request in the batch. No JPEG
decoder reports damage inside the scan, so such a file is decoded as by any other decoder.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from export.images.exif_orientation import read_orientation, turn_upright
from export.images.file_bytes import Check, bytes_at, first_problem, piece_at, size_of, text
from export.images.jpeg_header import SIGNATURE as JPEG_SIGNATURE
from export.images.jpeg_header import read_jpeg_header
from export.images.png_header import read_png_header
from export.images.row_isolation import rows_that_succeed
from zoo.pictures.limits import MAX_PIXELS, MAX_SIDE_PIXELS
from zoo.pictures.pixels import match_channels
from zoo.pictures.png_chunks import SIGNATURE as PNG_SIGNATURE

RGBA_CHANNELS = 4

# zlib's fastest level: 0.6 ms and 4.6 kB for 64 x 64 pixels, against 1.4 ms and 3.7 kB at the default level.
PNG_COMPRESSION = 1

# Kind of file -> position and bytes of its mark.
_OTHER_KINDS = {
    "GIF": (0, b"GIF8"),
    "WebP": (8, b"WEBP"),
    "BMP": (0, b"BM"),
    "TIFF (little-endian)": (0, b"II*\0"),
    "TIFF (big-endian)": (0, b"MM\0*"),
    "PDF": (0, b"%PDF"),
    "HEIC or AVIF": (4, b"ftyp"),
}
# First characters of PNG and JPEG files in base64, which REST takes for a string unless they are wrapped.
_BASE64 = (b"iVBORw0KGgo", b"/9j/")


class ImageHeaders(NamedTuple):
    """The facts that a batch of files states in its headers.

    Args:
        error: string `[N]`, `""` for files that may be decoded.
        is_png: bool `[N]`, false for JPEGs.
        has_alpha: bool `[N]`.
        orientation: int64 `[N]`, EXIF orientation 1 to 8.
        size: int64 `[N, 2]`: height and width of the upright photo.
    """

    error: tf.Tensor
    is_png: tf.Tensor
    has_alpha: tf.Tensor
    orientation: tf.Tensor
    size: tf.Tensor


def read_image_headers(image_bytes: tf.Tensor) -> ImageHeaders:
    """Reads and checks the headers of a batch of files, without decoding a pixel.

    Args:
        image_bytes: string `[N]`, each a PNG or JPEG file.

    Returns:
        `ImageHeaders`.
    """
    is_png = piece_at(image_bytes, 0, len(PNG_SIGNATURE)) == PNG_SIGNATURE
    is_jpeg = piece_at(image_bytes, 0, len(JPEG_SIGNATURE)) == JPEG_SIGNATURE
    png = read_png_header(image_bytes, is_png)
    jpeg = read_jpeg_header(image_bytes, is_jpeg)
    width, height = tf.where(is_png, png.width, jpeg.width), tf.where(is_png, png.height, jpeg.height)
    checks = [
        _kind_check(image_bytes, is_png | is_jpeg),
        *png.before_size,
        *jpeg.before_size,
        *_size_checks(width, height),
        *png.after_size,
        *jpeg.after_size,
    ]
    orientation = read_orientation(tf.where(is_png, png.exif, jpeg.exif))
    is_turned = orientation >= 5
    return ImageHeaders(
        error=first_problem(checks),
        is_png=is_png,
        has_alpha=is_png & png.has_alpha,
        orientation=orientation,
        size=tf.stack([tf.where(is_turned, width, height), tf.where(is_turned, height, width)], axis=-1),
    )


def _kind_check(image_bytes: tf.Tensor, is_known: tf.Tensor) -> Check:
    def describe():
        first_bytes = tf.strings.reduce_join(
            tf.gather([f"{byte:02x}" for byte in range(256)], bytes_at(image_bytes, 0, 4)), 1, separator=" "
        )
        received = text(size_of(image_bytes), " bytes that begin with ", first_bytes)
        for kind, (position, mark) in _OTHER_KINDS.items():
            received = tf.where(
                piece_at(image_bytes, position, len(mark)) == mark, f"a file of kind {kind}", received
            )
        for mark in _BASE64:
            received = tf.where(
                piece_at(image_bytes, 0, len(mark)) == mark,
                'base64 as a plain string, which over REST must be written {"b64": "..."}',
                received,
            )
        received = tf.where(image_bytes == "", "0 bytes", received)
        return text(
            "`image_bytes` must hold a PNG or JPEG file. Received: ", received, ". Send a PNG or JPEG."
        )

    return Check(~is_known, describe)


def _size_checks(width: tf.Tensor, height: tf.Tensor) -> list[Check]:
    size = ("width=", width, ", height=", height)
    # Each side is compared too, because the product of two sides of a PNG can exceed int64.
    is_oversized = (width > MAX_PIXELS) | (height > MAX_PIXELS) | (width * height > MAX_PIXELS)
    is_too_long = (width > MAX_SIDE_PIXELS) | (height > MAX_SIDE_PIXELS)
    return [
        Check(
            (width == 0) | (height == 0),
            lambda: text(
                "A photo must have at least 1 x 1 pixels. Received: ", *size, ". Send another photo."
            ),
        ),
        Check(
            is_oversized,
            lambda: text(
                f"A photo must have at most {MAX_PIXELS} pixels, so that it fits in memory. Received: ",
                *size,
                ". Send a smaller photo.",
            ),
        ),
        # What decoders refuse would fail the whole request.
        Check(
            is_too_long,
            lambda: text(
                f"A photo's sides must have at most {MAX_SIDE_PIXELS} pixels. Received: ",
                *size,
                ". Send another photo.",
            ),
        ),
    ]


def map_image_rows(
    image_bytes: tf.Tensor,
    channels: int,
    transform: Callable[..., Any],
    output_spec: Any,
    isolates_rows: bool = False,
    arguments: Sequence[tf.Tensor] = (),
) -> tuple[Any, tf.Tensor]:
    """Decodes a batch of files of different sizes and transforms each decoded image.

    Args:
        image_bytes: string `[N]`, each a PNG or JPEG file; N may be 0.
        channels: 1 (grey), 3 (RGB on white) or 4 (RGB and opacity), independent of the files' own.
        transform: Turns uint8 `[height, width, channels]`, and the row's `arguments`, into one row of the
            result.
        output_spec: Fully known shape and dtype of one row of the result: a `tf.TensorSpec`, or a dict of
            them.
        isolates_rows: Whether a file that the decoder rejects becomes its row's error. Every file is then
            decoded twice.
        arguments: Further tensors `[N, ...]`, whose rows `transform` gets too.

    Returns:
        The rows stacked, `[N, *output_spec.shape]` or a dict of such tensors, and `error`, string `[N]`.
        Unless its `error` is `""`, a row is zeros (`""` for strings) and `transform` has not run.

    Raises:
        ValueError: If `output_spec` leaves a dimension open.
        tf.errors.InvalidArgumentError: When the graph runs: a file has damage that only the decoder finds,
            and `isolates_rows` is false.

    Example:

    >>> spec = tf.TensorSpec([8, 8, 3], tf.float32)
    >>> resize = lambda raw_image: tf.image.resize(raw_image, [8, 8])
    >>> images, errors = map_image_rows(tf.constant([b"GIF89a"]), 3, resize, spec)
    >>> images.shape.as_list()
    [1, 8, 8, 3]
    """
    if not all(spec.shape.is_fully_defined() for spec in tf.nest.flatten(output_spec)):
        raise ValueError(
            "`output_spec` must have a fully known shape, because a bad row becomes zeros of that shape. "
            f"Received: output_spec={output_spec}. Resize every image to one size, or encode it."
        )
    headers = read_image_headers(image_bytes)
    if isolates_rows:
        headers = with_decoder_errors(image_bytes, headers)

    def row(elements):
        file, header, rest = elements
        return tf.cond(
            header.error == "",
            lambda: transform(decode_image(file, header, channels), *rest),
            lambda: tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), output_spec),
        )

    # One row at a time: ten large images at once take gigabytes, and parallel rows measured no faster.
    elements = (image_bytes, headers, tuple(arguments))
    rows = tf.map_fn(row, elements, fn_output_signature=output_spec, parallel_iterations=1)
    return rows, headers.error


def with_decoder_errors(image_bytes: tf.Tensor, headers: ImageHeaders) -> ImageHeaders:
    """Decodes every file that its header allows, and adds an error to each row that the decoder rejects."""

    def num_values(row):
        header = ImageHeaders(*(field[row] for field in headers))
        return tf.cond(
            header.error == "",
            lambda: tf.size(_decode_pixels(image_bytes[row], header), tf.int64),
            lambda: tf.zeros([], tf.int64),
        )

    is_decoded = rows_that_succeed(tf.size(image_bytes, tf.int64), num_values)
    undecoded = Check(
        ~is_decoded,
        lambda: text(
            "`image_bytes` must hold pixels that can be decoded. Received: a ",
            tf.where(headers.is_png, "PNG", "JPEG"),
            " of ",
            size_of(image_bytes),
            " bytes that the decoder rejects. Save the photo again.",
        ),
    )
    return headers._replace(error=tf.where(is_decoded, headers.error, first_problem([undecoded])))


def decode_image(image_bytes: tf.Tensor, header: ImageHeaders, channels: int) -> tf.Tensor:
    """Decodes one file, upright.

    Args:
        image_bytes: String scalar.
        header: Its row of `read_image_headers`, without an error.
        channels: 1 (grey), 3 (RGB on white) or 4 (RGB and opacity), independent of the file's own.

    Returns:
        uint8 tensor `[height, width, channels]`.
    """
    if channels == RGBA_CHANNELS:
        raw_image = tf.cond(
            header.has_alpha,
            lambda: tf.io.decode_png(image_bytes, channels=4),
            lambda: _opaque(_decode_pixels(image_bytes, header)),
        )
        return turn_upright(tf.ensure_shape(raw_image, [None, None, 4]), header.orientation)
    raw_image = _decode_pixels(image_bytes, header)
    return turn_upright(match_channels(raw_image, channels), header.orientation)


def _opaque(raw_image: tf.Tensor) -> tf.Tensor:
    return tf.concat([raw_image, tf.fill(tf.shape(raw_image[..., :1]), tf.constant(255, tf.uint8))], axis=-1)


def _decode_pixels(image_bytes: tf.Tensor, header: ImageHeaders) -> tf.Tensor:
    def decode_png():
        return tf.cond(
            header.has_alpha,
            lambda: _on_white(tf.io.decode_png(image_bytes, channels=4)),
            lambda: tf.io.decode_png(image_bytes, channels=3),
        )

    def decode_jpeg():
        # Pillow and browsers use the accurate transform, too.
        return tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE")

    return tf.ensure_shape(tf.cond(header.is_png, decode_png, decode_jpeg), [None, None, 3])


def _on_white(raw_image: tf.Tensor) -> tf.Tensor:
    # The largest sum is 255 * 255 + 127, which uint16 still holds.
    colour, alpha = tf.split(tf.cast(raw_image, tf.uint16), [3, 1], axis=-1)
    return tf.cast((colour * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)


def encode_png_row(raw_image: tf.Tensor) -> tf.Tensor:
    """Encodes one image as a PNG file: uint8 `[height, width, 1, 3 or 4]` to string scalar."""
    return tf.io.encode_png(raw_image, compression=PNG_COMPRESSION)


def encode_png_rows(raw_images: tf.Tensor) -> tf.Tensor:
    """Encodes a batch of images as PNG files: uint8 `[N, height, width, 1 or 3]` to string `[N]`."""
    return tf.io.encode_png(raw_images, compression=PNG_COMPRESSION)
