"""The cleaning model's signatures `clean` and `clean_png`, which remove JPEG blocks and noise."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, map_image_rows
from export.signatures import rows
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature

# Batch size, height and width of the example requests.
EXAMPLE_SHAPES = ((1, 24, 32), (3, 17, 13))
EXAMPLE_STRENGTHS = (-1.0, 0.5, 0.0)


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `clean` and `clean_png`.

    Args:
        model: A `zoo.cleaning.cleaner.Cleaner`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `clean_png` is the default. `strength` is from 0, which changes nothing, to 1; where
        it is negative, it is estimated from the photo.
    """

    def clean(inputs):
        raw_images = check_picture_size(inputs["images"])
        errors = _out_of_range(inputs["strength"])
        cleaned, damage = model.clean_and_judge(raw_images, tf.where(errors == "", inputs["strength"], 0.0))
        return {"images": cleaned, "damage": damage, "error": errors}

    def clean_row(raw_image, strength):
        cleaned, damage = model.clean_and_judge(raw_image[tf.newaxis], strength[tf.newaxis])
        return {"image_bytes": encode_png_row(cleaned[0]), "damage": damage[0]}

    def clean_png(inputs):
        range_errors = _out_of_range(inputs["strength"])
        outputs, file_errors = map_image_rows(
            inputs["image_bytes"],
            3,
            clean_row,
            {"image_bytes": tf.TensorSpec([], tf.string), "damage": tf.TensorSpec([], tf.float32)},
            isolates_rows,
            (tf.where(range_errors == "", inputs["strength"], 0.0),),
        )
        return rows.blank_bad_outputs(outputs, rows.join_errors(range_errors, file_errors))

    pictures = [example_pictures(*shape, channels=3) for shape in EXAMPLE_SHAPES]
    files = [
        np.array([encode_png_row(picture).numpy() for picture in batch], dtype=object) for batch in pictures
    ]
    strengths = [np.array(EXAMPLE_STRENGTHS[: len(batch)], "float32") for batch in pictures]
    strength_spec = tf.TensorSpec([None], tf.float32)
    return [
        Signature(
            "clean_png",
            {"image_bytes": rows.string_rows(), "strength": strength_spec},
            clean_png,
            [
                {"image_bytes": batch, "strength": strength}
                for batch, strength in zip(files, strengths, strict=True)
            ],
            is_default=True,
        ),
        Signature(
            "clean",
            {"images": tf.TensorSpec([None, None, None, 3], tf.uint8), "strength": strength_spec},
            clean,
            [
                {"images": batch, "strength": strength}
                for batch, strength in zip(pictures, strengths, strict=True)
            ],
        ),
    ]


def _out_of_range(strengths):
    # NaN compares false with everything.
    message = tf.strings.join(
        [
            "`strength` must be at most 1, or negative to be estimated. Received: ",
            tf.strings.as_string(strengths),
            ".",
        ]
    )
    return tf.where(strengths <= 1.0, "", message)
