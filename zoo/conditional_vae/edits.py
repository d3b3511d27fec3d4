"""Building blocks of attribute edits and of their training.

Source:
    [Robust] Kaur et al. 2019, arXiv 1910.08640: pictures that convince a noise-robust classifier look right.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from zoo.attributes.vocabulary import Attributes
from zoo.errors import UnknownNameError
from zoo.pictures.differentiable_augmentation import differentiable_augment
from zoo.step import replicas

# Cost in nats of changing every pixel by the whole range.
CHANGE_WEIGHT = 8.0
# Largest standard deviation of the noise on the judge's input, as a share of the range.
MAX_NOISE = 0.2

# Chosen on validation photos: the share of the most changed pixels, the share of their change from which on a
# change is strengthened, and the largest gain.
MOST_CHANGED, WHOLE_CHANGE, MAX_GAIN = 0.1, 0.7, 1.2


def check_edited_attributes(names: Sequence[str], attributes: Attributes) -> tuple[str, ...]:
    """Returns the names as a tuple.

    Raises:
        UnknownNameError: There is no such attribute.
    """
    for name in names:
        if name not in attributes:
            raise UnknownNameError("attribute to edit", name, attributes)
    return tuple(names)


def find_edits(attribute_ids: Mapping[str, tf.Tensor], wanted_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns 1 for pictures with an attribute to edit and 0 for others, float32 `[N, 1, 1, 1]`.

    Example:

    >>> find_edits({"size": tf.constant([0, 1])}, {"size": tf.constant([0, 0])}).numpy().ravel().tolist()
    [0.0, 1.0]
    """
    differences = [
        tf.not_equal(*(tf.cast(ids[name], "int32") for ids in (attribute_ids, wanted_ids)))
        for name in attribute_ids
    ]
    return tf.cast(tf.reduce_any(differences, axis=0), "float32")[:, None, None, None]


def cost_of_change(changes) -> tf.Tensor:
    """Returns the cost of changes in nats, which makes edits leave the background alone.

    Args:
        changes: float32 tensor of any shape: differences between pictures of range [0, 1].

    Example:

    >>> float(cost_of_change(tf.constant([0.0, -0.5])))
    2.0
    """
    return CHANGE_WEIGHT * tf.reduce_mean(tf.abs(changes))


def focus_changes(changes) -> tf.Tensor:
    """Strengthens an edit's large changes, those of the product, and weakens small ones of the background.

    Args:
        changes: float32 tensor `[N, S, S, C]`: differences between pictures of range [0, 1].

    Returns:
        float32 tensor of the same shape.

    Example:

    >>> changes = tf.constant([0.5, 0.05, 0.0, 0.0], shape=[1, 2, 2, 1])
    >>> [round(change, 3) for change in focus_changes(changes).numpy().ravel().tolist()]
    [0.598, 0.019, 0.0, 0.0]
    """
    amounts = tf.reduce_mean(tf.abs(changes), axis=-1, keepdims=True)
    num_pixels = changes.shape[1] * changes.shape[2]
    most, _ = tf.math.top_k(tf.reshape(amounts, [-1, num_pixels]), max(round(MOST_CHANGED * num_pixels), 1))
    whole = WHOLE_CHANGE * most[:, -1, None, None, None]
    return changes * tf.minimum(tf.sqrt(tf.math.divide_no_nan(amounts, whole)), MAX_GAIN)


def draw_wanted_ids(
    attributes: Attributes,
    attribute_ids: Mapping[str, tf.Tensor],
    draw_uniform: Callable[..., tf.Tensor] | None = None,
    changeable: Sequence[str] = (),
) -> dict[str, tf.Tensor]:
    """Draws target attributes: each picture's own, with another value for one of them.

    Args:
        attributes: Each attribute's possible values.
        attribute_ids: For each attribute an integer tensor `[N]`; -1, unknown, may become any value but the
            first.
        draw_uniform: Given a shape, returns a float tensor of that shape, uniform in [0, 1); None takes
            attributes and values in turn, the same ones at every call.
        changeable: Names of the attributes that may change; all attributes if empty.

    Returns:
        For each attribute an int32 tensor `[N]`. An attribute with a single value never changes.

    Example:

    >>> draw_wanted_ids({"size": ("S", "M", "L")}, {"size": tf.constant([0, 0, 2])})["size"].numpy().tolist()
    [1, 2, 0]
    """
    rows = tf.range(tf.shape(next(iter(attribute_ids.values())))[0])

    def draw(count, otherwise):
        if draw_uniform is None:
            return otherwise % count
        return tf.cast(draw_uniform(tf.shape(rows)) * float(count), "int32")

    changeable = list(changeable or attributes)
    num_attributes = len(changeable)
    changed = draw(num_attributes, rows)
    wanted_ids = {name: tf.cast(attribute_ids[name], "int32") for name in attributes}
    for index, name in enumerate(changeable):
        own_ids, values = wanted_ids[name], attributes[name]
        step = 1 + draw(max(len(values) - 1, 1), rows // num_attributes)
        other_ids = (tf.maximum(own_ids, 0) + step) % len(values)
        wanted_ids[name] = tf.where(changed == index, other_ids, own_ids)
    return wanted_ids


def disturb(images, seed, is_everywhere: bool = False) -> tf.Tensor:
    """Shifts pictures, covers a part of each, and adds noise of a random strength to each.

    An edit cannot deceive a judge trained on such pictures by a fine pattern or a single detail [Robust].

    Args:
        images: float32 tensor `[N, S, S, C]`, range [0, 1].
        seed: A `keras.random.SeedGenerator`, or an integer, which gives the same result at every call.
        is_everywhere: Whether every part of a product shows its attributes, as with colours: half of the
            pictures are then reduced to a window, which always includes the picture's centre.

    Returns:
        float32 tensor of the same shape, not clipped to the range.
    """
    draw_uniform = functools.partial(replicas.uniform, seed=seed)
    images = differentiable_augment(images, ("translation", "cutout"), draw_uniform)
    if is_everywhere:
        images = _show_windows(images, draw_uniform)
    amounts = MAX_NOISE * draw_uniform([tf.shape(images)[0], 1, 1, 1])
    return images + amounts * replicas.normal(tf.shape(images), seed)


def _show_windows(images, draw_uniform) -> tf.Tensor:
    num_images, side = tf.shape(images)[0], tf.shape(images)[1]
    shows_all = draw_uniform([num_images, 1]) < 0.5

    def is_inside():
        begin = draw_uniform([num_images, 1]) * tf.cast(side, "float32") / 2
        places = tf.cast(tf.range(side), "float32")[None]
        inside = (places >= begin) & (places < begin + tf.cast(side, "float32") / 2)
        return tf.cast(inside | shows_all, images.dtype)

    return images * is_inside()[:, :, None, None] * is_inside()[:, None, :, None]
