"""The stitcher's signature `stitch`, which composes photos that overlap."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import (
    ImageHeaders,
    decode_image,
    encode_png_row,
    read_image_headers,
    with_decoder_errors,
)
from export.signatures import rows
from export.signatures.image_tensors import example_pictures
from export.signatures.signature import Signature
from zoo.stitching.canvas import find_error
from zoo.stitching.stitcher import BLENDS

# The blend of requests that name none.
DEFAULT_BLEND = "multiband"
MOST_PHOTOS = 8


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `stitch`.

    Args:
        model: A `zoo.stitching.stitcher.Stitcher`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signature. A row is one picture: `image_bytes` are its photos, of which `""` is none, and the
        first sets the exposure; `homographies` take points of each photo to a common plane, in which the
        centres of pixels are whole numbers; `blend` is one of `BLENDS`, and `""` is `DEFAULT_BLEND`. The
        answer's `mask_bytes` is white where a photo is.
    """

    def stitch(inputs):
        blends = tf.where(inputs["blend"] == "", DEFAULT_BLEND, inputs["blend"])
        return tf.map_fn(
            lambda row: _stitch_row(model, row[0], row[1], row[2], isolates_rows),
            (inputs["image_bytes"], inputs["homographies"], blends),
            fn_output_signature={
                name: tf.TensorSpec([], tf.string) for name in ("image_bytes", "mask_bytes", "error")
            },
            parallel_iterations=1,
        )

    return [
        Signature(
            "stitch",
            {
                "image_bytes": tf.TensorSpec([None, None], tf.string),
                "homographies": tf.TensorSpec([None, None, 3, 3], tf.float32),
                "blend": rows.string_rows(),
            },
            stitch,
            [_example(["multiband"], 2), _example(["none", "feather"], 3)],
            is_default=True,
        )
    ]


def _stitch_row(model, image_bytes, homographies, blend, isolates_rows):
    is_photo = image_bytes != ""
    image_bytes, homographies = image_bytes[is_photo], homographies[is_photo]
    headers = read_image_headers(image_bytes)
    if isolates_rows:
        headers = with_decoder_errors(image_bytes, headers)
    sizes = tf.cast(headers.size, "int32")
    error = _first_error(image_bytes, headers, homographies, sizes, blend)

    def compose():
        def read(index):
            return decode_image(image_bytes[index], ImageHeaders(*(field[index] for field in headers)), 3)

        picture, mask = model.compose(read, sizes, homographies, blend)
        mask = tf.cast(mask, "uint8")[..., tf.newaxis] * 255
        return encode_png_row(picture), encode_png_row(mask)

    picture, mask = tf.cond(error == "", compose, lambda: (tf.constant(""), tf.constant("")))
    return {"image_bytes": picture, "mask_bytes": mask, "error": error}


def _first_error(image_bytes, headers, homographies, sizes, blend):
    num_photos = tf.size(image_bytes)
    count_error = tf.strings.join(
        [
            f"`image_bytes` must hold 1 to {MOST_PHOTOS} photos a row. Received: ",
            tf.strings.as_string(num_photos),
            ".",
        ]
    )
    blend_error = tf.strings.join(["Unknown blend. Received: '", blend, f"'. Known: {', '.join(BLENDS)}."])
    is_bad_file = headers.error != ""

    def file_error():
        first_bad = tf.argmax(is_bad_file, output_type="int32")
        return tf.strings.join(
            ["Photo ", tf.strings.as_string(first_bad + 1), ": ", headers.error[first_bad]]
        )

    return tf.case(
        [
            ((num_photos < 1) | (num_photos > MOST_PHOTOS), lambda: count_error),
            (tf.reduce_all(blend != tf.constant(BLENDS)), lambda: blend_error),
            (tf.reduce_any(is_bad_file), file_error),
        ],
        default=lambda: find_error(homographies, sizes),
    )


def _example(blends, num_photos):
    pictures = example_pictures(num_photos, 24, 32, channels=3)
    files = [encode_png_row(picture).numpy() for picture in pictures]
    shifts = np.stack(
        [np.array([[1, 0, 20 * index], [0, 1, index], [0, 0, 1]]) for index in range(num_photos)]
    )
    num_rows = len(blends)
    return {
        "image_bytes": np.array([files] * num_rows, dtype=object),
        "homographies": np.stack([shifts.astype("float32")] * num_rows),
        "blend": np.array(blends, dtype=object),
    }
