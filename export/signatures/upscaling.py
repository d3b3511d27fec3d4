"""The super-resolution models' signatures `upscale` and `upscale_png`, which enlarge photos."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, map_image_rows
from export.signatures import rows
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature

# Batch size, height and width of the example requests.
EXAMPLE_SHAPES = ((1, 24, 32), (3, 17, 13))


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `upscale` and `upscale_png`.

    Args:
        model: Has `upscale`, which enlarges uint8 images `[N, h, w, 3]`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `upscale_png` is the default.
    """

    def upscale(inputs):
        raw_images = check_picture_size(inputs["images"])
        errors = tf.fill(tf.shape(raw_images)[:1], "")
        return {"images": model.upscale(raw_images), "error": errors}

    def upscale_png(inputs):
        image_bytes, errors = map_image_rows(
            inputs["image_bytes"],
            3,
            lambda raw_image: encode_png_row(model.upscale(raw_image[tf.newaxis])[0]),
            tf.TensorSpec([], tf.string),
            isolates_rows,
        )
        return {"image_bytes": image_bytes, "error": errors}

    pictures = [example_pictures(*shape, channels=3) for shape in EXAMPLE_SHAPES]
    files = [
        np.array([encode_png_row(picture).numpy() for picture in batch], dtype=object) for batch in pictures
    ]
    return [
        Signature(
            "upscale_png",
            {"image_bytes": rows.string_rows()},
            upscale_png,
            [{"image_bytes": batch} for batch in files],
            is_default=True,
        ),
        Signature(
            "upscale",
            {"images": tf.TensorSpec([None, None, None, 3], tf.uint8)},
            upscale,
            [{"images": batch} for batch in pictures],
        ),
    ]
