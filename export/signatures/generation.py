"""Signatures of DCGAN and the conditional VAE that make pictures from seeds or latents."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_rows
from export.signatures import rows
from export.signatures.signature import Signature
from zoo.pictures import pixels

BATCH_SIZES = (1, 3)


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns the signatures of a model that makes pictures from latents.

    Args:
        model: As for `generation_signatures`.
        isolates_rows: Ignored, because no row holds a photo to decode.
    """
    return generation_signatures(model)


def generation_signatures(model) -> list[Signature]:
    """Returns `generate`, `generate_png` and `decode`.

    Args:
        model: Has `attributes`, `latent_dim`, `image_size`, `channels`, `pixel_range`, and `decode`, which
            turns float latents `[N, latent_dim]` and attribute ids into images of `pixel_range`.

    Returns:
        The signatures; `generate_png` is the default.
    """
    attributes, decode = model.attributes, model.decode
    names = {attribute: rows.string_rows() for attribute in attributes}
    seed_inputs = {"seed": tf.TensorSpec([None], tf.int64), **names}
    image = tf.TensorSpec([model.image_size, model.image_size, model.channels], tf.uint8)

    def to_image(row):
        latents, attribute_ids = tf.nest.map_structure(lambda values: values[tf.newaxis], row)
        return pixels.from_model_range(decode(latents, attribute_ids), model.pixel_range)[0]

    def to_images(latents, attribute_ids, errors):
        # One row at a time: kernels round differently for different batch sizes, which is enough to change
        # one pixel in a million, and a seed must give the same picture in every batch.
        raw_images = tf.map_fn(to_image, (latents, attribute_ids), fn_output_signature=image)
        return {"images": rows.blank_bad_rows(raw_images, errors), "error": errors}

    def generate(inputs):
        seeds = inputs["seed"]
        attribute_ids, errors = rows.to_attribute_ids(attributes, inputs, rows.random_ids(attributes, seeds))
        return to_images(rows.random_latents(seeds, model.latent_dim), attribute_ids, errors)

    def generate_png(inputs):
        outputs = generate(inputs)
        image_bytes = encode_png_rows(outputs["images"])
        return {
            "image_bytes": rows.blank_bad_rows(image_bytes, outputs["error"]),
            "error": outputs["error"],
        }

    def decode_latents(inputs):
        latents = inputs["latents"]
        is_finite = tf.reduce_all(tf.math.is_finite(latents), axis=1)
        # `""` means any value, drawn from the row's latents alone so that it is the same in every batch.
        bits = tf.cast(tf.bitcast(latents, tf.int32), tf.int64)
        seeds = tf.reduce_sum(bits, axis=1)
        attribute_ids, errors = rows.to_attribute_ids(attributes, inputs, rows.random_ids(attributes, seeds))
        not_finite = tf.where(
            is_finite, "", "`latents` must be finite. Received: NaN or infinity. Send finite numbers."
        )
        latents = tf.where(is_finite[:, tf.newaxis], latents, 0.0)
        return to_images(latents, attribute_ids, rows.join_errors(not_finite, errors))

    def seed_requests():
        return [
            {"seed": np.arange(size, dtype="int64"), **rows.example_names(attributes, size)}
            for size in BATCH_SIZES
        ]

    def latent_requests():
        random = np.random.default_rng(0)
        return [
            {
                "latents": random.normal(size=(size, model.latent_dim)).astype("float32"),
                **rows.example_names(attributes, size),
            }
            for size in BATCH_SIZES
        ]

    latent_inputs = {"latents": tf.TensorSpec([None, model.latent_dim], tf.float32), **names}
    return [
        Signature("generate_png", seed_inputs, generate_png, seed_requests(), is_default=True),
        Signature("generate", seed_inputs, generate, seed_requests()),
        Signature("decode", latent_inputs, decode_latents, latent_requests()),
    ]
