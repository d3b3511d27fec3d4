"""Signatures of the flow in latents, which draw products from words, attributes and other pictures."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, encode_png_rows, map_image_rows
from export.signatures import rows
from export.signatures.generation import BATCH_SIZES
from export.signatures.image_tensors import example_pictures
from export.signatures.signature import Signature
from zoo.pictures import pixels, resize
from zoo.pictures.drawing_settings import MOST_GUIDANCE, MOST_STEPS, OWN_GUIDANCE, OWN_STEPS

_EXAMPLE_DESCRIPTIONS = ("", "a red dress", "light grey t-shirt, printed")


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `generate_png`, `compose_png`, `compose` and `vary_png`.

    Args:
        model: A `zoo.latent_flow.latent_flow.LatentFlow`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `generate_png`, the default, takes a description alone. `compose` and `compose_png`
        take attributes beside it, which win where the description contradicts them, and `vary_png` a picture
        to vary, its product centred on white. An empty description with empty attributes means any product:
        attributes are then drawn from the seed. `guidance` below 0 and `steps` of 0 are the model's own. What
        the model makes nothing of is said in `warning`.
    """
    attributes = model.attributes
    names = {attribute: rows.string_rows() for attribute in attributes}
    words = {"description": rows.string_rows(), "seed": tf.TensorSpec([None], tf.int64)}
    settings = {"guidance": tf.TensorSpec([None], tf.float32), "steps": tf.TensorSpec([None], tf.int32)}
    image = tf.TensorSpec([model.image_size, model.image_size, model.channels], tf.uint8)

    def read(inputs):
        """Returns what `draw_row` needs for each row, the warnings and the errors."""
        descriptions, seeds = inputs["description"], inputs["seed"]
        nothing = dict.fromkeys(attributes, tf.fill(tf.shape(seeds), -1))
        named, errors = rows.to_attribute_ids(attributes, inputs, nothing)
        asked, word_ids, warnings = model.understand(descriptions, named)
        is_free = tf.reduce_all(word_ids == 0, axis=1)
        for ids in asked.values():
            is_free &= ids < 0
        drawn = rows.random_ids(attributes, seeds)
        asked = {name: tf.where(is_free, drawn[name], ids) for name, ids in asked.items()}
        guidance, guidance_errors = _check_guidance(inputs["guidance"], model.guidance)
        steps, step_errors = _check_steps(inputs["steps"], model.steps)
        errors = rows.join_errors(errors, guidance_errors, step_errors)
        noise = rows.random_latents(seeds, model.latent_dim)
        return (noise, asked, word_ids, steps, guidance), warnings, errors

    def draw_row(arguments, start=None, strength=1.0):
        # One row at a time, as in `generation_signatures`: a seed gives the same picture in every batch.
        *of_row, steps, guidance = arguments
        noise, asked, word_ids = tf.nest.map_structure(lambda value: value[tf.newaxis], of_row)
        drawn = model.draw(noise, asked, word_ids, steps, guidance, start, strength)
        return pixels.from_model_range(drawn, model.pixel_range)[0]

    def compose(inputs):
        arguments, warnings, errors = read(inputs)
        images = tf.map_fn(draw_row, arguments, fn_output_signature=image, parallel_iterations=1)
        return {"images": rows.blank_bad_rows(images, errors), "warning": warnings, "error": errors}

    def compose_png(inputs):
        outputs = compose(inputs)
        image_bytes = encode_png_rows(outputs.pop("images"))
        return {"image_bytes": rows.blank_bad_rows(image_bytes, outputs["error"]), **outputs}

    def generate_png(inputs):
        count = tf.shape(inputs["seed"])
        return compose_png(
            {
                **inputs,
                **{name: tf.fill(count, "") for name in attributes},
                "guidance": tf.fill(count, OWN_GUIDANCE),
                "steps": tf.fill(count, OWN_STEPS),
            }
        )

    def vary_row(raw_image, strength, arguments):
        start = resize.to_square(raw_image, model.image_size)[tf.newaxis]
        return {"image_bytes": encode_png_row(draw_row(arguments, start, strength))}

    def vary_png(inputs):
        arguments, warnings, errors = read(inputs)
        strengths = inputs["strength"]
        strength_errors = rows.strength_errors(strengths)
        errors = rows.join_errors(errors, strength_errors)
        outputs, file_errors = map_image_rows(
            inputs["image_bytes"],
            model.channels,
            vary_row,
            {"image_bytes": tf.TensorSpec([], tf.string)},
            isolates_rows,
            (tf.where(strength_errors == "", strengths, 0.0), arguments),
        )
        errors = rows.join_errors(errors, file_errors)
        return rows.blank_bad_outputs({**outputs, "warning": warnings}, errors)

    def word_requests():
        return [
            {
                "description": np.array(_EXAMPLE_DESCRIPTIONS[-size:], dtype=object),
                "seed": np.arange(size, dtype="int64"),
            }
            for size in BATCH_SIZES
        ]

    def compose_requests():
        return [
            {
                **request,
                **rows.example_names(attributes, len(request["seed"])),
                "guidance": np.full(len(request["seed"]), OWN_GUIDANCE, "float32"),
                "steps": np.full(len(request["seed"]), 2, "int32"),
            }
            for request in word_requests()
        ]

    def vary_requests():
        return [
            {
                **request,
                "image_bytes": np.array(
                    [
                        encode_png_row(picture).numpy()
                        for picture in example_pictures(len(request["seed"]), 40, 32, model.channels)
                    ],
                    dtype=object,
                ),
                "strength": np.full(len(request["seed"]), 0.5, "float32"),
            }
            for request in compose_requests()
        ]

    composed = {**words, **names, **settings}
    varied = {"image_bytes": rows.string_rows(), "strength": tf.TensorSpec([None], tf.float32), **composed}
    return [
        Signature("generate_png", words, generate_png, word_requests(), is_default=True),
        Signature("compose_png", composed, compose_png, compose_requests()),
        Signature("compose", composed, compose, compose_requests()),
        Signature("vary_png", varied, vary_png, vary_requests()),
    ]


def _check_guidance(guidance, default: float):
    """Returns the guidance, the model's own where it is negative, and each row's error."""
    # NaN compares false with everything.
    is_fine = guidance <= MOST_GUIDANCE
    message = tf.strings.join(
        [
            f"`guidance` must be at most {MOST_GUIDANCE}, or negative for the model's own. Received: ",
            tf.strings.as_string(guidance),
            ".",
        ]
    )
    is_own = (guidance < 0.0) | ~is_fine
    return tf.where(is_own, default, guidance), tf.where(is_fine, "", message)


def _check_steps(steps, default: int):
    """Returns the numbers of steps, the model's own where they are 0, and each row's error."""
    is_fine = (steps >= 0) & (steps <= MOST_STEPS)
    message = tf.strings.join(
        [
            f"`steps` must be from 1 to {MOST_STEPS}, or 0 for the model's own. Received: ",
            tf.strings.as_string(steps),
            ".",
        ]
    )
    is_own = (steps == OWN_STEPS) | ~is_fine
    return tf.where(is_own, default, steps), tf.where(is_fine, "", message)
