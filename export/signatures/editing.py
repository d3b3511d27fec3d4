"""The conditional VAE's signatures `encode`, `edit` and `edit_png`, which change a photo's attributes."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, encode_png_rows, map_image_rows
from export.signatures import rows
from export.signatures.generation import BATCH_SIZES, generation_signatures
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature
from zoo.pictures import pixels, resize

TARGET = "target_"


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns the signatures of a model that generates and edits pictures.

    Args:
        model: Has `encode`, `decode`, `edit` and `judge`, like `zoo.conditional_vae.ConditionalVAE`.
        isolates_rows: As for `editing_signatures`.
    """
    return generation_signatures(model) + editing_signatures(model, isolates_rows)


def editing_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `encode`, `edit` and `edit_png`.

    Photos that differ from the model's size are cropped to their centre square and resized.

    Args:
        model: A `zoo.conditional_vae.ConditionalVAE`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures.
    """
    attributes = model.attributes
    images = tf.TensorSpec([None, None, None, model.channels], tf.uint8)
    stated = {attribute: rows.string_rows() for attribute in attributes}
    wanted = {TARGET + attribute: rows.string_rows() for attribute in attributes}

    def to_stated_ids(raw_images, inputs):
        judged = {name: _most_probable(values) for name, values in model.judge(raw_images).items()}
        return rows.to_attribute_ids(attributes, inputs, judged)

    def encode(inputs):
        raw_images = resize.to_square(check_picture_size(inputs["images"]), model.image_size)
        stated_ids, errors = to_stated_ids(raw_images, inputs)
        latents = model.encode(raw_images, stated_ids)
        return {"latents": rows.blank_bad_rows(latents, errors), "error": errors}

    def edit_squares(raw_images, inputs):
        stated_ids, stated_errors = to_stated_ids(raw_images, inputs)
        targets = {attribute: inputs[TARGET + attribute] for attribute in attributes}
        wanted_ids, wanted_errors = rows.to_attribute_ids(attributes, targets, stated_ids)
        edited = model.edit(raw_images, stated_ids, wanted_ids)
        errors = rows.join_errors(stated_errors, wanted_errors)
        return rows.blank_bad_rows(pixels.from_model_range(edited, model.pixel_range), errors), errors

    def edit(inputs):
        raw_images = resize.to_square(check_picture_size(inputs["images"]), model.image_size)
        edited, errors = edit_squares(raw_images, inputs)
        return {"images": edited, "error": errors}

    def edit_png(inputs):
        square = tf.TensorSpec([model.image_size, model.image_size, model.channels], tf.uint8)
        raw_images, file_errors = map_image_rows(
            inputs["image_bytes"],
            model.channels,
            lambda raw_image: resize.to_square(raw_image, model.image_size),
            square,
            isolates_rows,
        )
        edited, errors = edit_squares(raw_images, inputs)
        errors = rows.join_errors(file_errors, errors)
        return {"image_bytes": rows.blank_bad_rows(encode_png_rows(edited), errors), "error": errors}

    def requests(make_pictures, prefixes):
        return [
            make_pictures(size)
            | {
                name: values
                for prefix in prefixes
                for name, values in rows.example_names(attributes, size, prefix).items()
            }
            for size in BATCH_SIZES
        ]

    def pictures(size):
        return {"images": example_pictures(size, model.image_size, model.image_size, model.channels)}

    def files(size):
        encoded = [encode_png_row(picture).numpy() for picture in pictures(size)["images"]]
        return {"image_bytes": np.array(encoded, dtype=object)}

    return [
        Signature("encode", {"images": images, **stated}, encode, requests(pictures, [""])),
        Signature("edit", {"images": images, **stated, **wanted}, edit, requests(pictures, ["", TARGET])),
        Signature(
            "edit_png",
            {"image_bytes": rows.string_rows(), **stated, **wanted},
            edit_png,
            requests(files, ["", TARGET]),
        ),
    ]


def _most_probable(probabilities):
    return tf.argmax(probabilities, axis=-1, output_type="int32")
