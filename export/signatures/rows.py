"""Row operations that the signatures share: attribute names to ids, random draws, and errors per row."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from zoo.attributes.vocabulary import Attributes

# Keep the random streams apart that are drawn from one seed.
LATENT_STREAM, ATTRIBUTE_STREAM = 0, 1


def string_rows() -> tf.TensorSpec:
    """Returns the spec of an input with one string per row."""
    return tf.TensorSpec([None], tf.string)


def to_attribute_ids(
    attributes: Attributes, names: Mapping[str, tf.Tensor], fallback_ids: Mapping[str, tf.Tensor]
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Turns attribute values, as clients name them, into class ids.

    Args:
        attributes: The model's vocabulary.
        names: For each attribute a string tensor `[N]`; `""` selects the fallback.
        fallback_ids: For each attribute an int32 tensor `[N]`.

    Returns:
        For each attribute an int32 tensor `[N]`, and each row's error, string `[N]`: `""`, or a text with the
        received and the known values. A row with an error has class id 0.
    """
    ids, errors = {}, []
    for attribute, values in attributes.items():
        matches = tf.equal(names[attribute][:, tf.newaxis], tf.constant(values)[tf.newaxis, :])
        is_known = tf.reduce_any(matches, axis=1)
        is_empty = tf.equal(names[attribute], "")
        ids[attribute] = tf.where(
            is_empty,
            fallback_ids[attribute],
            tf.argmax(tf.cast(matches, "int32"), axis=1, output_type="int32"),
        )
        message = tf.strings.join(
            [f"Unknown {attribute}. Received: '", names[attribute], f"'. Known: {', '.join(values)}."]
        )
        errors.append(tf.where(is_known | is_empty, "", message))
    return ids, join_errors(*errors)


def join_errors(*errors: tf.Tensor) -> tf.Tensor:
    """Joins each row's errors, string `[N]` each, with spaces between them."""
    joined = errors[0]
    for error in errors[1:]:
        space = tf.where((joined != "") & (error != ""), " ", "")
        joined = tf.strings.join([joined, space, error])
    return joined


def strength_errors(strengths: tf.Tensor) -> tf.Tensor:
    """Returns each row's error, string `[N]`, for strengths, float32 `[N]`, that are not from 0 to 1."""
    # NaN compares false with everything.
    is_fine = (strengths >= 0.0) & (strengths <= 1.0)
    message = tf.strings.join(
        ["`strength` must be from 0 to 1. Received: ", tf.strings.as_string(strengths), "."]
    )
    return tf.where(is_fine, "", message)


def random_ids(attributes: Attributes, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
    """Draws one class id per attribute and row, uniformly, from the row's seed alone.

    Args:
        attributes: The model's vocabulary.
        seeds: int64 tensor `[N]`.

    Returns:
        For each attribute an int32 tensor `[N]`.
    """
    ids = {}
    for stream, (attribute, values) in enumerate(attributes.items(), start=ATTRIBUTE_STREAM):
        uniform = _draw_rows(seeds, stream, lambda seed: tf.random.stateless_uniform([1], seed))[:, 0]
        ids[attribute] = tf.minimum(tf.cast(uniform * len(values), "int32"), len(values) - 1)
    return ids


def random_latents(seeds: tf.Tensor, latent_dim: int) -> tf.Tensor:
    """Draws standard normal latents, float32 `[N, latent_dim]`, from each row's seed alone."""
    return _draw_rows(
        seeds, LATENT_STREAM, lambda seed: tf.random.stateless_normal([latent_dim], seed), length=latent_dim
    )


def blank_bad_rows(values: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
    """Replaces rows that have an error with zeros, or with `""` for strings."""
    is_good = tf.reshape(tf.equal(errors, ""), tf.concat([[-1], tf.ones(values.shape.rank - 1, "int32")], 0))
    return tf.where(is_good, values, tf.zeros([], values.dtype))


def blank_bad_outputs(outputs, errors: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the outputs with rows that have an error blanked, and `errors` beside them."""
    blank = {name: blank_bad_rows(values, errors) for name, values in outputs.items() if name != "error"}
    return {**blank, "error": errors}


def example_names(attributes: Attributes, num_rows: int, prefix: str = "") -> dict[str, np.ndarray]:
    """Returns values for each attribute, object `[num_rows]`: the first `""`, then the known ones in turn."""
    return {
        prefix + attribute: np.array(["", *values] * num_rows, dtype=object)[:num_rows]
        for attribute, values in attributes.items()
    }


def _draw_rows(seeds, stream: int, draw, length: int = 1):
    # Maps over rows, because a row's numbers must not depend on its neighbours and the stateless generators
    # take a single seed.
    return tf.map_fn(
        lambda seed: draw(tf.stack([seed, tf.constant(stream, "int64")])),
        seeds,
        fn_output_signature=tf.TensorSpec([length], "float32"),
    )
