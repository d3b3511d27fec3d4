"""The autoencoder's signatures `reconstruct_png`, `encode` and `decode`, between pictures and latents."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, map_image_rows
from export.signatures import rows
from export.signatures.generation import BATCH_SIZES
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature
from zoo.pictures import pixels, resize


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `reconstruct_png`, `encode` and `decode`.

    Args:
        model: A `zoo.latent_flow.autoencoder.Autoencoder`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `reconstruct_png` is the default. Pictures of other sizes are cropped to their centre
        squares and resized.
    """
    side = model.image_size
    latents_spec = tf.TensorSpec([None, *model.latent_shape], tf.float32)
    images_spec = tf.TensorSpec([None, None, None, model.channels], tf.uint8)

    def to_pictures(latents):
        return pixels.from_model_range(model.decode(latents), model.pixel_range)

    def encode(inputs):
        raw_images = resize.to_square(check_picture_size(inputs["images"]), side)
        return {"latents": model.encode(raw_images), "error": _no_errors(raw_images)}

    def decode(inputs):
        latents = inputs["latents"]
        is_finite = tf.reduce_all(tf.math.is_finite(latents), axis=[1, 2, 3])
        errors = tf.where(
            is_finite, "", "`latents` must be finite. Received: NaN or infinity. Send finite numbers."
        )
        return rows.blank_bad_outputs({"images": to_pictures(rows.blank_bad_rows(latents, errors))}, errors)

    def reconstruct_row(raw_image):
        raw_images = resize.to_square(raw_image, side)[tf.newaxis]
        return encode_png_row(to_pictures(model.encode(raw_images))[0])

    def reconstruct_png(inputs):
        image_bytes, errors = map_image_rows(
            inputs["image_bytes"],
            model.channels,
            reconstruct_row,
            tf.TensorSpec([], tf.string),
            isolates_rows,
        )
        return {"image_bytes": rows.blank_bad_rows(image_bytes, errors), "error": errors}

    pictures = [example_pictures(size, side, side, model.channels) for size in BATCH_SIZES]
    files = [
        np.array([encode_png_row(picture).numpy() for picture in batch], dtype=object) for batch in pictures
    ]
    random = np.random.default_rng(0)
    latents = [random.normal(size=(size, *model.latent_shape)).astype("float32") for size in BATCH_SIZES]
    return [
        Signature(
            "reconstruct_png",
            {"image_bytes": rows.string_rows()},
            reconstruct_png,
            [{"image_bytes": batch} for batch in files],
            is_default=True,
        ),
        Signature("encode", {"images": images_spec}, encode, [{"images": batch} for batch in pictures]),
        Signature("decode", {"latents": latents_spec}, decode, [{"latents": batch} for batch in latents]),
    ]


def _no_errors(raw_images):
    return tf.fill(tf.shape(raw_images)[:1], "")
