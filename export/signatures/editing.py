"""The conditional VAE's signatures `encode`, `edit` and `edit_png`, which change a photo's attributes."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import RGBA_CHANNELS, encode_png_row, map_image_rows
from export.signatures import cutting, rows
from export.signatures.generation import BATCH_SIZES, generation_signatures
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature
from zoo.conditional_vae.photo_edits import carry_edits, edit_specs, edits_colours, make_small_edits
from zoo.cutout.cutout import PRESET, Cutout
from zoo.pictures import resize

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

    `edit` and `edit_png` return whole photos at their own size (`zoo/conditional_vae/photo_edits.py`).
    `encode` takes photos' centre squares, because latents are decoded to squares.

    Args:
        model: A `zoo.conditional_vae.ConditionalVAE`. If it has a colour among its attributes, the preset
            `cutout_products` finds the products that are to have another one.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures.
    """
    attributes = model.attributes
    images = tf.TensorSpec([None, None, None, model.channels], tf.uint8)
    stated = {attribute: rows.string_rows() for attribute in attributes}
    wanted = {TARGET + attribute: rows.string_rows() for attribute in attributes}
    # A model that learned some edits only would return the photo unchanged for the others.
    learned = tuple(model.edited_attributes) or tuple(attributes)
    cutout = Cutout.from_preset(PRESET) if edits_colours(model) else None

    def to_stated_ids(raw_images, inputs):
        judged = {name: _most_probable(values) for name, values in model.judge(raw_images).items()}
        return rows.to_attribute_ids(attributes, inputs, judged)

    def encode(inputs):
        raw_images = resize.to_square(check_picture_size(inputs["images"]), model.image_size)
        stated_ids, errors = to_stated_ids(raw_images, inputs)
        latents = model.encode(raw_images, stated_ids)
        return {"latents": rows.blank_bad_rows(latents, errors), "error": errors}

    def edit_small(before, inputs):
        stated_ids, stated_errors = to_stated_ids(before, inputs)
        targets = {attribute: inputs[TARGET + attribute] for attribute in attributes}
        wanted_ids, wanted_errors = rows.to_attribute_ids(attributes, targets, stated_ids)
        edits = make_small_edits(model, before, stated_ids, wanted_ids)
        return edits, rows.join_errors(stated_errors, wanted_errors, *_unlearned_edits(targets, learned))

    # A function of its own, which is traced once for both signatures.
    @tf.function(input_signature=[_photo(model.channels), _photo(1), edit_specs(model)])
    def carry(raw_image, alpha, edits):
        if cutout is None:
            return carry_edits(raw_image, edits, None)
        return carry_edits(raw_image, edits, lambda: cutting.find_mask(cutout, raw_image, alpha))

    def edit(inputs):
        raw_images = check_picture_size(inputs["images"])
        edits, errors = edit_small(resize.squeeze(raw_images, model.image_size), inputs)
        edited = tf.map_fn(
            lambda row: carry(row[0], _opaque(row[0]), row[1]),
            (raw_images, edits),
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8),
        )
        return {"images": rows.blank_bad_rows(edited, errors), "error": errors}

    def edit_file(raw_image, edits):
        if model.channels == 1:
            return encode_png_row(carry(raw_image, _opaque(raw_image), edits))
        colours, alpha = raw_image[..., :3], raw_image[..., 3:]
        return cutting.encode_with_alpha(carry(colours, alpha, edits), alpha)

    def edit_png(inputs):
        before, file_errors = map_image_rows(
            inputs["image_bytes"],
            model.channels,
            lambda raw_image: resize.squeeze(raw_image, model.image_size),
            tf.TensorSpec([model.image_size, model.image_size, model.channels], tf.uint8),
            isolates_rows,
        )
        edits, errors = edit_small(before, inputs)
        errors = rows.join_errors(file_errors, errors)
        # Decoded again rather than kept: a batch of large photos would fill the memory.
        edited, _ = map_image_rows(
            rows.blank_bad_rows(inputs["image_bytes"], errors),
            RGBA_CHANNELS if model.channels == 3 else model.channels,
            edit_file,
            tf.TensorSpec([], tf.string),
            arguments=[edits],
        )
        return {"image_bytes": edited, "error": errors}

    def requests(make_pictures, prefixes):
        return [
            make_pictures(size)
            | {
                name: values
                for prefix in prefixes
                for name, values in rows.example_names(attributes, size, prefix).items()
                if prefix != TARGET or name.removeprefix(TARGET) in learned
            }
            | (_no_edits(set(attributes) - set(learned), size) if TARGET in prefixes else {})
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


def _unlearned_edits(targets, learned) -> list[tf.Tensor]:
    """Returns each row's error for every attribute whose edits the model has not learned."""
    known = ", ".join(TARGET + attribute for attribute in learned)
    return [
        tf.where(
            values == "",
            "",
            tf.strings.join(
                [
                    f"Unknown edit. Received: {TARGET}{attribute}='",
                    values,
                    f"'. Known: {known}: the model learned no others.",
                ]
            ),
        )
        for attribute, values in targets.items()
        if attribute not in learned
    ]


def _no_edits(attributes, num_rows: int) -> dict[str, np.ndarray]:
    return {TARGET + attribute: np.array([""] * num_rows, dtype=object) for attribute in attributes}


def _photo(channels: int) -> tf.TensorSpec:
    return tf.TensorSpec([None, None, channels], tf.uint8)


def _opaque(raw_image):
    return tf.fill(tf.shape(raw_image[..., :1]), tf.constant(cutting.OPAQUE, tf.uint8))


def _most_probable(probabilities):
    return tf.argmax(probabilities, axis=-1, output_type="int32")
